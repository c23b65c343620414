"""Uploads in parts, while they are sent: the multipart upload in the bucket, signed addresses, and what is there already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from coffer_chassis.multiparts import MultipartMissing, StoredPart
from coffer_chassis.signed import SignedRequest
from coffer_contracts.problems import ChecksumMismatch, ValidationFailed
from coffer_files.domain import parts as rules
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.deps import Deps
from coffer_files.store import parts as rows
from coffer_files.store.uploads import lock_upload, save

FIRST_PARTS = 20
"""Signed without being asked for."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SignedPart:
    """The request that sends one part."""

    number: int
    request: SignedRequest
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """Which parts of an upload are in the bucket, and which are to be sent."""

    done: list[StoredPart]
    missing: list[int]


async def collect_parts(deps: Deps, upload: Upload) -> Upload:
    """Have a multipart upload in the bucket for an upload that needs one and has none; the upload as it stands then. May run
    twice and at once: of two that are begun the one that was written down counts, the other is aborted.
    """
    if upload.strategy != "multipart" or upload.state != "created" or upload.multipart_id is not None:
        return upload
    content_type = upload.claimed_mime_type or "application/octet-stream"
    multipart_id = await deps.blobs.begin_multipart(upload.blob_key, content_type=content_type, hashed=upload.parts_hashed)
    async with deps.work.engine.begin() as connection:
        current = await lock_upload(connection, upload.id)
        if current is not None and current.state == "created" and current.multipart_id is None:
            current = replace(current, multipart_id=multipart_id)
            await save(connection, current)
    if current is None or current.multipart_id != multipart_id:
        await deps.blobs.abort_multipart(upload.blob_key, multipart_id)
    return current or upload


async def lose_parts(deps: Deps, upload: Upload) -> bool:
    """The bucket no longer knows the multipart upload, and has no object: the next request for parts begins another. Whether
    the upload still waits for parts; if not, it has come to an end meanwhile.
    """
    async with deps.work.engine.begin() as connection:
        current = await lock_upload(connection, upload.id)
        if current is not None and current.state == "created" and current.multipart_id == upload.multipart_id is not None:
            log.warning("parts_lost", upload_id=upload.id)
            await save(connection, rules.lost(current, deps.work.clock.now()))
    return current is not None and current.state == "created"


async def parts_of(deps: Deps, upload: Upload) -> Standing | None:
    """What is in the bucket of an upload that still waits for parts: one question for each thousand. None for any other."""
    if upload.strategy != "multipart" or upload.state != "created":
        return None
    stored: list[StoredPart] = []
    if upload.multipart_id is not None:
        try:
            stored = await deps.blobs.parts(upload.blob_key, upload.multipart_id)
        except MultipartMissing:
            if await deps.blobs.head(upload.blob_key) is not None:
                return Standing([], [])
            await lose_parts(deps, upload)
    return Standing(stored, rules.missing_parts(upload, stored))


async def keep_open(deps: Deps, upload: Upload, active_at: datetime) -> Upload:
    """The upload with the deadline that it has after somebody was at work at that moment."""
    later = rules.extended(upload, active_at)
    if later is None:
        return upload
    async with deps.work.engine.begin() as connection:
        await rows.extend_deadline(connection, upload.id, later)
    return replace(upload, deadline_at=later)


async def keep_open_by_parts(deps: Deps, upload: Upload) -> None:
    """Whoever has all addresses need not ask for more: parts that came are signs of life, too."""
    standing = await parts_of(deps, upload)
    if standing is not None and standing.done:
        await keep_open(deps, upload, max(part.stored_at for part in standing.done))


async def sign_missing(deps: Deps, upload: Upload, missing: Sequence[int] | None = None) -> list[SignedPart]:
    """Addresses for the first parts of an open upload that are to be sent; none if their checksums are not known yet."""
    if upload.multipart_id is None:
        return []
    count = rules.part_count(upload.size_bytes, upload.part_bytes)
    numbers = list(missing if missing is not None else range(1, count + 1))[:FIRST_PARTS]
    try:
        return await sign_some(deps, upload, numbers, {})
    except ValidationFailed:
        return []


async def sign_some(deps: Deps, upload: Upload, numbers: Sequence[int], given: Mapping[int, str]) -> list[SignedPart]:
    """Addresses for some parts; none if the upload takes no more parts. No question to the bucket. Raises ValidationFailed if
    a checksum is needed and not known, ChecksumMismatch if another was announced.
    """
    now = deps.work.clock.now()
    if upload.state != "created" or upload.deadline_at is None or upload.multipart_id is None or not numbers:
        return []
    expires_at = min(upload.deadline_at, now + timedelta(seconds=deps.settings.put_url_seconds))
    seconds = int((expires_at - now).total_seconds())
    if seconds < 1:
        return []
    digests = await _digests(deps, upload, numbers, given)
    return [
        SignedPart(
            number,
            deps.blobs.presign_part(
                upload.blob_key,
                upload.multipart_id,
                number,
                length=rules.part_length(upload, number),
                sha256_hex=digests.get(number),
                expires_seconds=seconds,
            ),
            expires_at,
        )
        for number in numbers
    ]


async def _digests(deps: Deps, upload: Upload, numbers: Sequence[int], given: Mapping[int, str]) -> dict[int, str]:
    if not upload.parts_hashed:
        return {}
    async with deps.work.read() as connection:
        announced = await rows.digests_of(connection, upload.id, min(numbers), max(numbers))
    other = [number for number, digest in given.items() if announced.get(number, digest) != digest]
    if other:
        raise ChecksumMismatch(f"Another checksum was announced for part {other[0]}.", parts=other)
    digests = {number: announced.get(number) or given.get(number) for number in numbers}
    unknown = [number for number, digest in digests.items() if digest is None]
    if unknown:
        raise ValidationFailed(f"Give the SHA-256 of each part: that of part {unknown[0]} is not known.")
    return {number: digest for number, digest in digests.items() if digest is not None}
