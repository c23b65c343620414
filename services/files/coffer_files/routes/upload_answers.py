"""How uploads look on the wire, and the story of one."""

from datetime import datetime

import msgspec

from coffer_chassis.answers import Timestamp, timestamp
from coffer_contracts.files import ConflictPolicy, UploadState
from coffer_files.domain.uploads import Upload
from coffer_files.handlers import announcing
from coffer_files.handlers.deps import Deps
from coffer_files.routes.answers import ItemAnswer
from coffer_files.store.versions import Version


class SignedAnswer(msgspec.Struct, frozen=True):
    """A request to the bucket. Every header must be sent exactly so, and no Authorization header."""

    method: str
    url: str
    headers: dict[str, str]


class UploadAnswer(msgspec.Struct, frozen=True):
    """An upload as it stands. `parent_id` is null for new content of a file; `item_id` then names that file from the start."""

    id: str
    state: UploadState
    strategy: announcing.Strategy
    parent_id: str | None
    resolved_name: str
    size: int
    conflict: ConflictPolicy
    reason: str | None
    detail: str | None
    suggested_name: str | None
    item_id: str | None
    version_id: str | None
    part_size: int | None
    part_count: int
    parts_done: int
    created_at: Timestamp
    changed_at: Timestamp
    expires_at: Timestamp | None
    single: SignedAnswer | msgspec.UnsetType = msgspec.UNSET
    item: ItemAnswer | msgspec.UnsetType = msgspec.UNSET


class UploadPage(msgspec.Struct, frozen=True):
    """Part of a listing; `next_cursor` is null at the end and nowhere else."""

    items: list[UploadAnswer]
    next_cursor: str | None


class StepAnswer(msgspec.Struct, frozen=True):
    """One step; `ms` is how long after it the next one came, null for the last."""

    step: str
    at: Timestamp
    detail: str | None
    ms: float | None


class TimelineAnswer(msgspec.Struct, frozen=True):
    """Everything that happened to an upload; `waiting_for` says what comes next, null at the end."""

    id: str
    state: UploadState
    waiting_for: str | None
    deadline_at: Timestamp | None
    total_ms: float
    steps: list[StepAnswer]


_WAITING_FOR = {
    "created": "bytes",
    "received": "verdict",
    "cleared": "commit",
    "conflict": "decision",
    "failed": "retry",
}


def upload_answer(
    deps: Deps, upload: Upload, *, sign: bool = False, item: ItemAnswer | msgspec.UnsetType = msgspec.UNSET
) -> UploadAnswer:
    """An upload as it stands; with `sign` also the request that sends its bytes, while they are missing."""
    signed = announcing.sign_put(deps, upload) if sign else None
    return UploadAnswer(
        id=upload.id,
        state=upload.state,
        strategy="single",
        parent_id=None if upload.target_id else upload.parent_id,
        resolved_name=upload.name,
        size=upload.size_bytes,
        conflict=upload.conflict,
        reason=upload.reason,
        detail=upload.detail,
        suggested_name=upload.suggested_name,
        item_id=upload.item_id or upload.target_id,
        version_id=upload.version_id,
        part_size=None,
        part_count=1,
        parts_done=0 if upload.etag is None else 1,
        created_at=timestamp(upload.created_at),
        changed_at=timestamp(upload.changed_at),
        expires_at=timestamp(upload.deadline_at) if upload.deadline_at else None,
        single=SignedAnswer(signed.method, signed.url, dict(signed.headers)) if signed else msgspec.UNSET,
        item=item,
    )


def timeline_answer(upload: Upload, made: Version | None, now: datetime) -> TimelineAnswer:
    """Every step of an upload and, once it is a version, of that one's preview."""
    steps = [(step.step, step.at, step.detail) for step in upload.steps]
    if made is not None and made.preview_at is not None:
        steps.append((f"preview_{made.preview_status}", made.preview_at, made.preview_reason))
    waiting = _WAITING_FOR.get(upload.state)
    if upload.waits_for_dispatch:
        waiting = "turn"
    if made is not None and made.preview_status == "pending":
        waiting = "preview"
    ends = [at for _, at, _ in steps[1:]]
    gaps = [(end - at).total_seconds() * 1000 for (_, at, _), end in zip(steps, ends, strict=False)]
    shown = [StepAnswer(step, timestamp(at), detail, gap) for (step, at, detail), gap in zip(steps, [*gaps, None], strict=True)]
    total = ((now if waiting else steps[-1][1]) - upload.created_at).total_seconds() * 1000
    due = timestamp(upload.deadline_at) if upload.deadline_at else None
    return TimelineAnswer(upload.id, upload.state, waiting, due, total, shown)
