"""What a file or folder may be called, when two names clash, and what a copy beside another is called.

One page for all: routes, commits and restores ask here. No SQL lives here; who holds a name is the store's business.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import count
from typing import Literal

from coffer_contracts.files import ItemKind
from coffer_contracts.problems import NameInvalid, ValidationFailed

MAX_NAME_BYTES = 255
"""UTF-8 bytes of one name: what ext4, APFS and NTFS clients can store."""

MAX_PORTABLE_BYTES = 143
"""eCryptfs, under many home folders, stores no longer names."""

MAX_DEPTH = 100
"""Folders above an item, the root included."""

NameFault = Literal["empty", "dots", "slash", "control_character", "surrogate", "bidi_override", "edge_whitespace", "too_long"]
NameWarning = Literal["reserved_character", "trailing_dot", "device_name", "system_file", "long_name"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_BIDI = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_RESERVED = re.compile(r'[\\:*?"<>|]')
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE | re.DOTALL)
_UNPORTABLE_BEGINNINGS = frozenset({"con", "prn", "aux", "nul", "com", "lpt", "des"})
_NUMBERED = re.compile(r"(?P<stem>.+) \((?P<number>0|[1-9][0-9]{0,8})\)", re.DOTALL)
_EXTENSION = re.compile(r"\.[^\s.]{1,32}")
_COMPRESSED = re.compile(r"(?P<stem>.+)(?P<extension>\.tar\.(?:gz|bz2|xz|zst|lz|lz4|lzma|z|br))", re.IGNORECASE | re.DOTALL)

_ZERO_WIDTH_JOINER = "\u200d"
_JOINED_BEFORE = frozenset({_ZERO_WIDTH_JOINER, "\u200c", "\uff9e", "\uff9f", "\u0e33", "\u0eb3"})
"""Continue a character although they are no marks: joiners, voicing of half-width katakana, Thai and Lao AM."""


def accept_name(name: str) -> str:
    """The name in NFC, as it is stored and returned.

    Raises NameInvalid with the rule it breaks as `reason`. May run on its own result.
    """
    if fault := _fault_of(name):
        raise NameInvalid(_EXPLAINED[fault], reason=fault)
    accepted = unicodedata.normalize("NFC", name)
    if len(accepted.encode()) > MAX_NAME_BYTES:
        raise NameInvalid(_EXPLAINED["too_long"], reason="too_long")
    return accepted


def _fault_of(name: str) -> NameFault | None:
    if not name:
        return "empty"
    if name in {".", ".."}:
        return "dots"
    if "/" in name:
        return "slash"
    if _SURROGATE.search(name):
        return "surrogate"
    if _CONTROL.search(name):
        return "control_character"
    if _BIDI.search(name):
        return "bidi_override"
    if name != name.strip():
        return "edge_whitespace"
    return None


_EXPLAINED: dict[NameFault, str] = {
    "empty": "A name has at least one character.",
    "dots": "`.` and `..` mean folders, not names.",
    "slash": "A name cannot contain a slash.",
    "control_character": "A name cannot contain control characters.",
    "surrogate": "The name is not valid Unicode: it contains half of a surrogate pair.",
    "bidi_override": "A name cannot contain characters that reverse the reading direction: they disguise extensions.",
    "edge_whitespace": "A name cannot begin or end with whitespace.",
    "too_long": f"A name has at most {MAX_NAME_BYTES} bytes in UTF-8.",
}


def name_key(name: str) -> str:
    """What must be unique among the living children of a folder: equal for names that differ in case or Unicode form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def path_names(path: str) -> tuple[str, ...]:
    """The names of a path from a folder down: `/` is the folder itself, a slash at the end changes nothing.

    Raises ValidationFailed for one that does not begin with a slash or has an empty part, NameInvalid for a name that
    nothing can have.
    """
    if not path.startswith("/") or "//" in path:
        raise ValidationFailed("A path begins with a slash and has a name between any two.")
    inner = path.strip("/")
    return tuple(map(accept_name, inner.split("/"))) if inner else ()


def name_warnings(name: str) -> tuple[NameWarning, ...]:
    """Why the name will not work on every system; empty for a portable one. Such names are allowed."""
    # Asked for every line of every listing, and nearly all names are portable.
    suspect = len(name) * 4 > MAX_PORTABLE_BYTES or name[:3].casefold() in _UNPORTABLE_BEGINNINGS or name.endswith(".")
    if not suspect and not _RESERVED.search(name):
        return ()
    warnings: list[NameWarning] = []
    if _RESERVED.search(name):
        warnings.append("reserved_character")
    if name.endswith("."):
        warnings.append("trailing_dot")
    if _DEVICE.fullmatch(name):
        warnings.append("device_name")
    if name.casefold() == "desktop.ini":
        warnings.append("system_file")
    if len(name.encode()) > MAX_PORTABLE_BYTES:
        warnings.append("long_name")
    return tuple(warnings)


def keep_both_names(name: str, kind: ItemKind) -> Iterator[str]:
    """Names for a copy beside `name`, best first, without end: `stem (n).ext` from n = 1, or from k + 1 after ` (k)`.

    Folders have no extension, nor do names whose only dot is the first character. Every name is valid, and long stems
    are cut where no character is torn apart.
    """
    return (beside for _, beside in numbered_names(name, kind))


def numbered_names(name: str, kind: ItemKind, *, above: int = 0) -> Iterator[tuple[int, str]]:
    """The same with their numbers, from behind `above` on."""
    stem, extension = split_extension(name) if kind == "file" else (name, "")
    first = 1
    if numbered := _NUMBERED.fullmatch(stem):
        stem, first = numbered["stem"], int(numbered["number"]) + 1
    for number in count(max(first, above + 1)):
        ending = f" ({number}){extension}"
        yield number, cut_to_bytes(stem, MAX_NAME_BYTES - len(ending.encode())) + ending


def split_extension(name: str) -> tuple[str, str]:
    """Stem and extension with its dot, `.tar.gz` and its like as one; the two together are always the name."""
    if compressed := _COMPRESSED.fullmatch(name):
        return compressed["stem"], compressed["extension"]
    dot = name.rfind(".")
    if dot < 1 or not name[:dot].strip(".") or not _EXTENSION.fullmatch(name[dot:]):
        return name, ""
    return name[:dot], name[dot:]


def cut_to_bytes(text: str, limit: int) -> str:
    """The longest beginning of `text` that fits `limit` UTF-8 bytes, ends between two characters as people see them,
    and does not end in whitespace. Falls back to code points when even the first such character is too long.
    """
    if len(text.encode()) <= limit:
        return text
    cut = len(text.encode()[:limit].decode(errors="ignore"))
    edge = cut
    while edge > 0 and not _is_edge(text, edge):
        edge -= 1
    return text[: edge or cut].rstrip() or text[:cut]


def _is_edge(text: str, index: int) -> bool:
    """Whether a user-perceived character begins at `index`: the rules of UAX 29 that matter for names."""
    before, after = text[index - 1], text[index]
    if unicodedata.category(after) in {"Mn", "Me", "Mc"} or after in _JOINED_BEFORE:
        return False
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return False  # skin tones, and the tags that spell regional flags
    if before == _ZERO_WIDTH_JOINER and unicodedata.category(after) == "So":
        return False
    if _is_regional(after):
        flags = 0
        while flags < index and _is_regional(text[index - 1 - flags]):
            flags += 1
        return flags % 2 == 0
    if _is_initial(before):
        return not (_is_initial(after) or "\u1160" <= after <= "\u11a7" or "\uac00" <= after <= "\ud7a3")
    return not ("\u1160" <= after <= "\u11ff" and ("\u1160" <= before <= "\u11ff" or "\uac00" <= before <= "\ud7a3"))


def _is_initial(character: str) -> bool:
    """A leading consonant of Hangul, which old texts write several of."""
    return "\u1100" <= character <= "\u115f" or "\ua960" <= character <= "\ua97c"


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
