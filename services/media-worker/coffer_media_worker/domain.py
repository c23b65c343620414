"""The rules of the media worker: what is cleared or rejected, with which flags, and how a preview may end. Pure.

Decoding is in `imaging`, processes are in `children`; neither is known here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from coffer_media_worker import signatures as known
from coffer_media_worker import sniffing
from coffer_media_worker.containers import Sniffed
from coffer_media_worker.limits import JOB_LIMITS, PIXEL_LIMITS, PLACEHOLDER_BYTES, SIZES, JobLimits, PixelLimits
from coffer_media_worker.pictures import trailing_bytes
from coffer_media_worker.sample import Sample
from coffer_media_worker.signatures import EXTENSIONS, Flag, MediaKind, kind_of
from coffer_media_worker.sniffing import Label

__all__ = [
    "EDGE_BYTES",
    "JOB_LIMITS",
    "PIXEL_LIMITS",
    "PLACEHOLDER_BYTES",
    "RENDERABLE",
    "SIZES",
    "Flag",
    "JobLimits",
    "MediaKind",
    "Picture",
    "PixelLimits",
    "PreviewFailed",
    "PreviewFailure",
    "PreviewOutcome",
    "RejectReason",
    "Rendered",
    "Verdict",
    "judge",
    "pixel_refusal",
]

EDGE_BYTES = 64 * 1024
"""How much of either end of a file a verdict reads; files up to 1 MiB are better read whole."""

RENDERABLE = frozenset(
    {
        "image/avif",
        "image/bmp",
        "image/gif",
        "image/heic",
        "image/heif",
        "image/jpeg",
        "image/png",
        "image/tiff",
        "image/webp",
    }
)
"""Types of pictures that are decoded; `kinds` has those of everything else. Where a decoder is not installed the outcome is
`unsupported`.
"""


class RejectReason(StrEnum):
    """Why a file goes to quarantine."""

    EXECUTABLE_IN_DISGUISE = "executable_in_disguise"
    INFECTED = "infected"
    NOT_SCANNED = "not_scanned"
    POLYGLOT = "polyglot"
    TEST_VIRUS = "test_virus"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file truly is, and whether it may be kept (`reason` is None) or not."""

    mime_type: str
    kind: MediaKind
    flags: tuple[Flag, ...] = ()
    width: int | None = None
    height: int | None = None
    reason: RejectReason | None = None

    @property
    def cleared(self) -> bool:
        """Whether the file is stored for its owner."""
        return self.reason is None


class PreviewFailure(StrEnum):
    """Why a file has no preview; it stays usable. Only `timeout` and `crashed` are worth one more try."""

    UNSUPPORTED = "unsupported"
    CORRUPT = "corrupt"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_LARGE = "too_large"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASHED = "crashed"
    ENCRYPTED = "encrypted"
    BOMB = "bomb"
    NO_SUCH_PAGE = "no_such_page"
    """Of a page that somebody asked for."""
    NO_ANSWER = "no_answer"
    """It could not even be tried for as long as anybody waits."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One preview picture. `box` is the square in pixels that it was to fit into; `page` counts from 1."""

    content: bytes
    mime_type: str
    width: int
    height: int
    box: int
    page: int = 1


@dataclass(frozen=True, slots=True)
class Rendered:
    """What was made of a file: pictures, smallest first, and what was learnt on the way."""

    pictures: tuple[Picture, ...] = ()
    source_width: int | None = None
    """Of the upright picture, in pixels."""
    source_height: int | None = None
    placeholder: bytes = b""
    """The same picture as a WebP of at most 16 pixels, small enough for a data URI."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """JSON values by name; believed by nobody before the contract has checked them."""
    text: bytes = b""
    """UTF-8, for searching."""
    more: bool = False
    """Whether this is a part, and others follow."""

    @classmethod
    def joined(cls, parts: "Sequence[Rendered]") -> "Rendered":
        """All that the parts of one job's reply hold; what a later one says wins. Raises IndexError if there is none."""
        told = [part for part in parts if part.source_width] or parts
        return cls(
            pictures=tuple(picture for part in parts for picture in part.pictures),
            source_width=told[-1].source_width,
            source_height=told[-1].source_height,
            placeholder=next((part.placeholder for part in reversed(parts) if part.placeholder), b""),
            facts={name: value for part in parts for name, value in part.facts.items()},
            text=next((part.text for part in reversed(parts) if part.text), b""),
        )

    @property
    def smallest(self) -> Picture:
        """The first picture; raises IndexError if there is none."""
        return self.pictures[0]


@dataclass(frozen=True, slots=True)
class PreviewFailed:
    """No preview, and why; `detail` is for logs, never for people."""

    reason: PreviewFailure
    detail: str = ""


PreviewOutcome = Rendered | PreviewFailed


def pixel_refusal(
    mime_type: str,
    width: int,
    height: int,
    size_bytes: int,
    *,
    progressive: bool = False,
    limits: PixelLimits = PIXEL_LIMITS,
) -> PreviewFailure | None:
    """Why a picture of these dimensions is not decoded, if so; one too dense to be honest is a bomb."""
    jpeg = limits.progressive_jpeg if progressive else limits.jpeg
    allowed = jpeg if mime_type == "image/jpeg" else limits.other
    if width * height <= allowed and max(width, height) <= limits.side:
        return None
    dense = width * height * 3 > limits.bomb_ratio * size_bytes
    return PreviewFailure.BOMB if dense else PreviewFailure.TOO_MANY_PIXELS


def judge(
    head: bytes,
    tail: bytes,
    size_bytes: int,
    claimed_name: str,
    claimed_mime: str | None,
    label: Label | None = None,
) -> Verdict:
    """The verdict on a file by its first and last bytes (64 KiB each, or all of it as `head`), its name and its claim.

    Executables in disguise, polyglots and the EICAR string are rejected; everything else is cleared with its true type
    and flags. `label` may name types that the signature table does not know. The same input gives the same verdict.
    """
    sample = Sample(head, tail, size_bytes)
    extension = _extension(claimed_name)
    sniffed = sniffing.identify(sample, extension, label)
    trailing = trailing_bytes(sniffed.mime_type, sample)
    width, height = sniffed.size or (None, None)
    flags = set(sniffed.flags)
    if trailing:
        flags.add(Flag.TRAILING_DATA)
    if size_bytes and _says_otherwise(sniffed, extension, claimed_mime):
        flags.add(Flag.MISMATCH)
    if sniffed.size and pixel_refusal(sniffed.mime_type, *sniffed.size, size_bytes) is PreviewFailure.BOMB:
        flags.add(Flag.BOMB)
    return Verdict(
        mime_type=sniffed.mime_type,
        kind=kind_of(sniffed.mime_type),
        flags=tuple(sorted(flags)),
        width=width,
        height=height,
        reason=_refusal(sample, sniffed, trailing, claimed_name, claimed_mime),
    )


def _refusal(
    sample: Sample, sniffed: Sniffed, trailing: bytes | None, claimed_name: str, claimed_mime: str | None
) -> RejectReason | None:
    if sniffing.is_test_virus(sample, trailing):
        return RejectReason.TEST_VIRUS
    if _disguised(sniffed, claimed_name, claimed_mime):
        return RejectReason.EXECUTABLE_IN_DISGUISE
    if sniffing.second_format(sample, sniffed.mime_type, trailing):
        return RejectReason.POLYGLOT
    return None


_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_DOUBLE_CLICK = frozenset({"exe", "scr", "com", "pif", "msi", "lnk", "cpl"})
_SEEN_AS = frozenset({MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.AUDIO, MediaKind.DOCUMENT})


def _extensions(name: str) -> list[str]:
    # Windows drops dots and spaces at the end of a name, so they must not hide its extension.
    return [part.strip().lower() for part in name.rstrip(". ").split(".")[1:]]


def _extension(name: str) -> str:
    return (_extensions(name) or [""])[-1]


def _claimed_kind(claimed_mime: str | None) -> tuple[str, MediaKind] | None:
    """The specific type a client claims, with its kind; None where the claim says nothing."""
    mime_type = (claimed_mime or "").partition(";")[0].strip().lower()
    mime_type = known.CLAIM_ALIASES.get(mime_type, mime_type)
    kind = kind_of(mime_type)
    return None if mime_type in known.GENERIC_CLAIMS or kind is MediaKind.OTHER else (mime_type, kind)


def _disguised(sniffed: Sniffed, name: str, claimed_mime: str | None) -> bool:
    """A program that its name, or its claimed type, passes off as something people open without fear."""
    harmless: MediaKind | None = None
    if sniffed.mime_type == known.SCRIPT:
        harmless = MediaKind.TEXT
    elif sniffed.mime_type in known.PACKED_EXECUTABLES:
        harmless = MediaKind.ARCHIVE
    elif sniffed.mime_type not in known.BINARY_EXECUTABLES and not sniffed.executable_stub:
        return False
    *_, before, last = ["", "", *_extensions(name)]
    named = kind_of(EXTENSIONS[last][0]) if last in EXTENSIONS else harmless
    claim = _claimed_kind(claimed_mime)
    return (
        named is not harmless
        or (claim is not None and claim[1] is not harmless)
        or (last in _DOUBLE_CLICK and before in EXTENSIONS and kind_of(EXTENSIONS[before][0]) in _SEEN_AS)
        or _BIDI.search(name) is not None
    )


def _says_otherwise(sniffed: Sniffed, extension: str, claimed_mime: str | None) -> bool:
    """A name whose usual types do not include the true one, or a claim of another kind."""
    if extension in EXTENSIONS and sniffed.mime_type not in EXTENSIONS[extension]:
        return True
    claim = _claimed_kind(claimed_mime)
    return claim is not None and claim[1] is not kind_of(sniffed.mime_type)
