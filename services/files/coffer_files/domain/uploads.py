"""The life of an upload: its states, what leads from one to the next, and what each means for quota and bytes.

Every function takes an upload and returns it as it stands after; when nothing is to happen it returns the very same object.
So each may run twice and in any order with the others. Writing down and telling others is the handlers' business.
"""

import math
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from coffer_contracts.event import ActorKind
from coffer_contracts.files import ConflictPolicy, MediaKind, UploadState
from coffer_contracts.ids import BlobId, EventId, ItemId, UploadId, UserId, VersionId
from coffer_contracts.problems import ChecksumMismatch, RateLimited, SizeMismatch, StateConflict
from coffer_files.domain.upload_states import (
    RETRY_PAUSES,
    STATES,
    VERDICT_PATIENCE,
    ConflictReason,
    StateRule,
    Step,
    Strategy,
    with_step,
)

MAX_DISPATCHES = 4
"""The first one and three re-drives."""

TURN_PATIENCE = timedelta(days=7)
"""How long an upload waits behind others of the same owner before it is given up."""

BEYOND_RETRY = frozenset({"size_mismatch", "checksum_mismatch", "bytes_lost"})
"""Reasons of failures that come again whenever the same bytes are checked."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the media worker judged about the bytes with one ETag."""

    cleared: bool
    etag: str
    mime_type: str
    media_kind: MediaKind
    flags: tuple[str, ...] = ()
    width: int | None = None
    height: int | None = None
    previewable: bool = False
    reason: str | None = None
    detail: str | None = None
    started_at: datetime | None = None
    """When the media worker began to look, by its own clock."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload as it stands. `revision` counts its facts; `deadline_at` is when the sweeper looks after it."""

    id: UploadId
    owner_id: UserId
    uploader_id: UserId
    parent_id: ItemId
    name: str
    conflict: ConflictPolicy
    size_bytes: int
    blob_id: BlobId
    blob_key: str
    state: UploadState
    revision: int
    created_at: datetime
    changed_at: datetime
    deadline_at: datetime | None
    actor_kind: ActorKind
    correlation_id: str
    traceparent: str | None = None
    session_id: str | None = None
    """Of a visitor of a public link: the session that sends it, to which alone and to the owner it is shown."""
    uploader_name: str | None = None
    """What such a visitor calls themselves; nobody has checked it."""
    strategy: Strategy = "single"
    part_bytes: int | None = None
    """Length of every part but the last of a multipart upload."""
    parts_hashed: bool = False
    """Every part of the multipart upload comes with its SHA-256, which the bucket checks."""
    multipart_id: str | None = None
    """The multipart upload in the bucket, while there is one that can take parts."""
    landing_key: str | None = None
    """Where a form puts the bytes, until they were copied to `blob_key`; None for all that are sent there."""
    target_id: ItemId | None = None
    """The file whose content is replaced; without one the upload goes by folder and name."""
    base_version_id: VersionId | None = None
    claimed_mime_type: str | None = None
    modified_at: datetime | None = None
    content_hash: str | None = None
    checksum_sha256: str | None = None
    reason: str | None = None
    detail: str | None = None
    etag: str | None = None
    attempts: int = 0
    dispatched_at: datetime | None = None
    asked_event_id: EventId | None = None
    """The fact that asked the media worker last."""
    retries: int = 0
    retried_at: datetime | None = None
    verdict: Verdict | None = None
    item_id: ItemId | None = None
    version_id: VersionId | None = None
    suggested_name: str | None = None
    steps: tuple[Step, ...] = field(default=())

    @property
    def bytes_key(self) -> str:
        """Where the bytes are to be looked for."""
        return self.landing_key or self.blob_key

    @property
    def grantee(self) -> str:
        """Whose rights count when it is committed, as grants name them."""
        return f"link/{self.uploader_id}" if self.is_of_link else f"user/{self.uploader_id}"

    @property
    def is_of_link(self) -> bool:
        """Whether a visitor of a public link sends it; its uploader is then the link, which is nobody."""
        return self.actor_kind == "link"

    @property
    def rule(self) -> StateRule:
        """What is true of its state."""
        return STATES[self.state]

    @property
    def waits_for_dispatch(self) -> bool:
        """Received, but the media worker has not been asked yet."""
        return self.state == "received" and self.dispatched_at is None

    @property
    def can_retry(self) -> bool:
        """Whether it failed for a reason that may be gone when it is checked again."""
        return self.state == "failed" and self.reason not in BEYOND_RETRY

    @property
    def retry_from(self) -> datetime | None:
        """The next retry is refused before this moment; None if it never was retried."""
        pause = RETRY_PAUSES[min(self.retries, len(RETRY_PAUSES) - 1)]
        return self.retried_at + timedelta(seconds=pause) if self.retried_at else None


def receive(upload: Upload, etag: str, size_bytes: int, now: datetime, *, sha256: str | None = None) -> Upload:
    """The bytes are in the bucket. The first ETag seen holds: signed addresses let nobody write a key twice. `sha256` is what
    the bucket says about them, if it says anything: that of the bytes, or over those of their parts.

    A verdict that came before is applied at once.
    """
    if upload.state != "created":
        return upload
    upload = replace(upload, multipart_id=None)
    if size_bytes != upload.size_bytes:
        detail = f"{upload.size_bytes} bytes were announced, {size_bytes} arrived."
        received = enter(upload, "received", now, etag=etag)
        return enter(received, "failed", now, reason="size_mismatch", detail=detail)
    if _is_other(upload, sha256):
        return _other_bytes(upload, etag, now)
    return _received(upload, etag, now)


def _is_other(upload: Upload, sha256: str | None) -> bool:
    announced = upload.content_hash if upload.parts_hashed else upload.checksum_sha256
    return announced is not None and sha256 not in {None, announced}


def _other_bytes(upload: Upload, etag: str, now: datetime) -> Upload:
    detail = "The bytes that arrived have another SHA-256 than was announced."
    received = enter(upload, "received", now, etag=etag)
    return enter(received, "failed", now, reason="checksum_mismatch", detail=detail)


def retry(upload: Upload, etag: str, size_bytes: int, now: datetime, *, sha256: str | None = None) -> Upload:
    """A failed upload begins again at `received`, with the bytes as they lie in the bucket now.

    Nothing happens to one that is on its way. Raises StateConflict at an end or in conflict, SizeMismatch, ChecksumMismatch,
    and RateLimited when it was retried too often.
    """
    if upload.state in {"received", "cleared", "committed"}:
        return upload
    if upload.state != "failed":
        raise StateConflict(f"An upload that is {upload.state} cannot be tried again.", state=upload.state)
    if size_bytes != upload.size_bytes:
        raise SizeMismatch("Other bytes arrived than were announced.", expected=upload.size_bytes, actual=size_bytes)
    if _is_other(upload, sha256):
        raise ChecksumMismatch("Other bytes arrived than were announced.")
    if upload.retry_from is not None and now < upload.retry_from:
        seconds = math.ceil((upload.retry_from - now).total_seconds())
        detail = f"It was tried again {upload.retries} times; the next time is possible in {seconds} s."
        raise RateLimited(detail, retry_after_seconds=seconds, violated_policies=["retries"])
    return _received(replace(upload, retries=upload.retries + 1, retried_at=now), etag, now)


def _received(upload: Upload, etag: str, now: datetime) -> Upload:
    upload = replace(upload, attempts=0, dispatched_at=None, asked_event_id=None)
    received = enter(upload, "received", now, etag=etag, deadline_at=now + TURN_PATIENCE)
    return judge(received, upload.verdict, now) if upload.verdict else received


def dispatch(upload: Upload, now: datetime) -> Upload:
    """Ask the media worker, for the first time or again."""
    if upload.state != "received":
        return upload
    again = upload.attempts > 0
    return replace(
        upload,
        attempts=upload.attempts + 1,
        dispatched_at=now,
        asked_event_id=None,
        deadline_at=now + VERDICT_PATIENCE,
        revision=upload.revision + 1,
        steps=with_step(upload.steps, "dispatched_again" if again else "dispatched", now),
    )


def judge(upload: Upload, verdict: Verdict, now: datetime) -> Upload:
    """The media worker has spoken. Kept for later before the bytes were seen; ignored for other bytes and for an upload that
    has moved on. One that was given up only because nobody spoke goes on: late is not never.
    """
    if upload.state == "failed" and upload.reason not in BEYOND_RETRY and verdict.etag == upload.etag:
        return _received(replace(upload, verdict=verdict), verdict.etag, now)
    if upload.state in {"created", "failed"}:
        return upload if upload.verdict == verdict else replace(upload, verdict=verdict, revision=upload.revision + 1)
    if upload.state != "received" or verdict.etag != upload.etag:
        return upload
    if verdict.cleared:
        return enter(upload, "cleared", now, verdict=verdict)
    return enter(upload, "rejected", now, verdict=verdict, reason=verdict.reason, detail=verdict.detail)


def commit(upload: Upload, item_id: ItemId, version_id: VersionId, name: str, now: datetime) -> Upload:
    """It became the item's version under this name."""
    return enter(upload, "committed", now, item_id=item_id, version_id=version_id, name=name, suggested_name=None)


def contest(upload: Upload, reason: ConflictReason, detail: str, suggested_name: str | None, now: datetime) -> Upload:
    """It cannot be placed as things are; the bytes wait for the owner's word."""
    return enter(upload, "conflict", now, reason=reason, detail=detail, suggested_name=suggested_name)


def abort(upload: Upload, now: datetime) -> Upload:
    """The uploader gives it up. Raises StateConflict while it is being checked, and once it is committed or rejected."""
    if upload.state in {"aborted", "expired"}:
        return upload
    if "aborted" not in upload.rule.leaves_to:
        raise StateConflict(f"An upload that is {upload.state} cannot be aborted.", state=upload.state)
    return enter(upload, "aborted", now, reason="aborted", detail=None)


def enter(
    upload: Upload,
    state: UploadState,
    now: datetime,
    *,
    reason: str | None = None,
    detail: str | None = None,
    **changes: Any,
) -> Upload:
    """The upload in another state, with a step in its timeline. Raises StateConflict where the table has no such way."""
    if state not in upload.rule.leaves_to | upload.rule.releases_to:
        raise StateConflict(f"An upload that is {upload.state} cannot become {state}.", state=upload.state)
    deadline = STATES[state].deadline
    changes.setdefault("deadline_at", now + deadline if deadline else None)
    return replace(
        upload,
        state=state,
        reason=reason,
        detail=detail,
        changed_at=now,
        revision=upload.revision + 1,
        steps=with_step(upload.steps, state, now, reason),
        **changes,
    )
