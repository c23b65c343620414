"""Uploads that come in parts: how many of which length, and whether those that are in the bucket are the ones announced.

Pure. A part is as long as a block wherever that is possible: what S3 then computes over the SHA-256s of the parts is the
content hash, so nobody has to read the bytes again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, Protocol

from coffer_contracts.problems import ChecksumMismatch, Problem, SizeMismatch, TooLarge, UploadIncomplete, ValidationFailed
from coffer_files.domain.content import BLOCK_BYTES
from coffer_files.domain.upload_states import ACTIVITY, SESSION_LIFE, Strategy, with_step
from coffer_files.domain.uploads import Upload

Mode = Literal["auto", "single", "multipart", "post_form"]

MAX_PARTS = 10_000
"""Of one object in S3 (user guide, multipart upload limits)."""

MAX_PART_BYTES = 5 * 1024**3
MAX_FILE_BYTES = MAX_PARTS * MAX_PART_BYTES
"""48.8 TiB, the longest object that S3 takes (user guide, multipart upload limits)."""

EXTENDED_BY_AT_LEAST = timedelta(hours=1)
"""A deadline is written anew only if that gains something: activity must not cost a write each time."""


class StoredPart(Protocol):
    """A part as the bucket tells of it."""

    @property
    def number(self) -> int:
        """From 1."""

    @property
    def size_bytes(self) -> int:
        """Its length."""

    @property
    def etag(self) -> str:
        """Without quotes."""

    @property
    def sha256(self) -> str | None:
        """Hexadecimal, where the bucket keeps it."""


@dataclass(frozen=True, slots=True)
class NamedPart:
    """A part as the client names it when it says that all are there."""

    number: int
    etag: str
    sha256: str | None = None


MAX_FORM_BYTES = 5 * 1024**3
"""S3 takes no longer object in one request (user guide, uploading objects)."""


def strategy_for(mode: Mode, size_bytes: int, single_max_bytes: int) -> Strategy:
    """How bytes of this length travel. Raises TooLarge."""
    if size_bytes > MAX_FILE_BYTES:
        raise TooLarge(f"At most {MAX_FILE_BYTES} bytes can be stored.", limit=MAX_FILE_BYTES)
    if mode == "post_form":
        if size_bytes > MAX_FORM_BYTES:
            raise TooLarge(f"At most {MAX_FORM_BYTES} bytes can be sent by a form.", limit=MAX_FORM_BYTES)
        return "post_form"
    if mode == "single":
        if size_bytes > single_max_bytes:
            raise TooLarge(f"At most {single_max_bytes} bytes can be sent at once.", limit=single_max_bytes)
        return "single"
    if mode == "auto" and size_bytes <= min(BLOCK_BYTES, single_max_bytes):
        return "single"
    return "multipart"


def part_bytes_for(size_bytes: int) -> int:
    """The length of every part but the last: a block, or the smallest multiple with which the parts are not too many."""
    blocks = -(-size_bytes // BLOCK_BYTES)
    return max(1, -(-blocks // MAX_PARTS)) * BLOCK_BYTES


def part_count(size_bytes: int, part_bytes: int | None) -> int:
    """How many parts there are; an empty file has one, and so has what comes in one piece."""
    return max(1, -(-size_bytes // part_bytes)) if part_bytes else 1


def part_length(upload: Upload, number: int) -> int:
    """How long a part is. Raises ValidationFailed for one that the upload does not have."""
    check_number(upload, number)
    whole = upload.part_bytes or upload.size_bytes
    return min(whole, upload.size_bytes - (number - 1) * whole)


def check_number(upload: Upload, number: int) -> None:
    """Raise ValidationFailed for a part that the upload does not have."""
    count = part_count(upload.size_bytes, upload.part_bytes)
    if not 1 <= number <= count:
        raise ValidationFailed(f"This upload has the parts 1 to {count}, and no part {number}.")


def missing_parts(upload: Upload, stored: Sequence[StoredPart]) -> list[int]:
    """The parts that are not in the bucket, or not as long as they should be."""
    lengths = {part.number: part.size_bytes for part in stored}
    numbers = range(1, part_count(upload.size_bytes, upload.part_bytes) + 1)
    return [number for number in numbers if lengths.get(number) != part_length(upload, number)]


def fault_in(
    upload: Upload,
    stored: Sequence[StoredPart],
    announced: Mapping[int, str],
    named: Sequence[NamedPart] | None = None,
) -> Problem | None:
    """What keeps these parts from being the file that was announced; None if they are. Every fault can be healed by sending
    the parts that it lists. `announced` are SHA-256s by number; `named` what the client believes to have sent, in any order.
    """
    there = {part.number: part for part in stored}
    count = part_count(upload.size_bytes, upload.part_bytes)
    believed = {part.number: part for part in named} if named is not None else None
    missing = [
        number for number in range(1, count + 1) if number not in there or (believed is not None and number not in believed)
    ]
    if missing:
        return UploadIncomplete(f"{len(missing)} of {count} parts have not arrived.", missing_parts=missing)
    lengths = {number: part_length(upload, number) for number in range(1, count + 1)}
    wrong = [number for number, length in lengths.items() if there[number].size_bytes != length]
    if wrong:
        return SizeMismatch(
            f"Part {wrong[0]} is not as long as it should be.",
            expected=lengths[wrong[0]],
            actual=there[wrong[0]].size_bytes,
            parts=wrong,
        )
    other = [number for number in lengths if _is_other(there[number], announced.get(number), (believed or {}).get(number))]
    if other:
        return ChecksumMismatch(f"Part {other[0]} holds other bytes than announced.", parts=other)
    return None


def _is_other(stored: StoredPart, announced: str | None, named: NamedPart | None) -> bool:
    if named is not None and named.etag != stored.etag:
        return True
    if stored.sha256 is None:
        return False
    return any(digest not in {None, stored.sha256} for digest in (announced, named.sha256 if named else None))


def check_named(upload: Upload, named: Sequence[NamedPart]) -> None:
    """Raise ValidationFailed for parts that this upload does not have, or that are named twice."""
    numbers = [part.number for part in named]
    for number in numbers:
        check_number(upload, number)
    if len(set(numbers)) != len(numbers):
        raise ValidationFailed("A part is named twice.")


def hash_of_parts(upload: Upload, composite: str | None) -> str | None:
    """The content hash, if what S3 computes over the parts is one: only parts of the length of a block have it."""
    return composite if upload.part_bytes == BLOCK_BYTES and upload.parts_hashed else None


def extended(upload: Upload, active_at: datetime) -> datetime | None:
    """The deadline after somebody was at work at that moment, at most SESSION_LIFE after the beginning; None if it stays."""
    if upload.state != "created" or upload.deadline_at is None:
        return None
    later = min(upload.created_at + SESSION_LIFE, active_at + ACTIVITY)
    return later if later - upload.deadline_at >= EXTENDED_BY_AT_LEAST else None


def assembling(upload: Upload, content_hash: str | None, now: datetime) -> Upload:
    """The bucket is about to be asked to put the parts together. The hash is kept now: nobody knows it later if the answer
    is lost, and the bucket's own report does not tell it.
    """
    again = upload.steps[-1:] and upload.steps[-1].step == "assembling"
    steps = upload.steps if again else with_step(upload.steps, "assembling", now)
    return replace(upload, content_hash=content_hash or upload.content_hash, steps=steps)


def lost(upload: Upload, now: datetime) -> Upload:
    """The bucket no longer knows the parts: they are sent again, into a new multipart upload."""
    return replace(upload, multipart_id=None, steps=with_step(upload.steps, "parts_lost", now))
