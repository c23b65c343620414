"""The beginning of a text as UTF-8, for searching. Runs in a child, never in the worker. What is found is told as plain text,
whatever it looks like.
"""

import codecs

from coffer_media_worker.domain import JOB_LIMITS, Rendered
from coffer_media_worker.ranged import Ranged

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def warm_up() -> None:
    """Have the codecs, which are loaded by name when they are first used."""
    for _, encoding in _MARKS:
        codecs.lookup(encoding)


def read(source: Ranged, most: int = JOB_LIMITS.text_bytes) -> Rendered:
    """The first `most` bytes of a file as text. May run any number of times."""
    source.seek(0)
    return Rendered(text=plain(decoded(source.read(most) or b"", cut=source.size > most), most))


def decoded(content: bytes, *, cut: bool) -> str:
    """By the mark at the beginning, UTF-8 without one; what is neither is replaced. Of what was `cut` the last character may be
    half there, and is left out.
    """
    mark, encoding = next((one for one in _MARKS if content.startswith(one[0])), (b"", "utf-8"))
    content = content[len(mark) :]
    return codecs.getincrementaldecoder(encoding)("replace").decode(content, final=not cut)


def plain(text: str, most: int = JOB_LIMITS.text_bytes) -> bytes:
    """Text as UTF-8 of at most so many bytes, cut between characters, without control characters but tabs and line ends."""
    text = text.replace("\r\n", "\n").translate(_WITHOUT)
    # A lone surrogate, which UTF-16 may hold, is no character.
    return text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore").encode()


_WITHOUT = {code: " " for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in b"\t\n"} | {0xFEFF: None}
