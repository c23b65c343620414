"""What keeps an upload from becoming a file, as the refusal of a request."""

from coffer_contracts.problems import (
    KindConflict,
    NameConflict,
    PreconditionFailed,
    Problem,
    QuotaExceeded,
    StateConflict,
)
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.committing import Obstacle
from coffer_files.handlers.naming import described
from coffer_files.handlers.sight import locked
from coffer_files.store.drives import Drive


def refusal_of(obstacle: Obstacle, upload: Upload, drive: Drive | None) -> Problem:
    """What is in the way; how full the drive is only for those who may know it."""
    existing = described(obstacle.existing)
    if obstacle.reason == "name_taken":
        return NameConflict(obstacle.detail, existing=existing, suggested_name=obstacle.suggested_name)
    if obstacle.reason == "kind_conflict":
        return KindConflict(obstacle.detail, existing=existing)
    if obstacle.lock is not None:
        return locked(obstacle.lock)
    if obstacle.reason == "base_version_changed":
        return PreconditionFailed(obstacle.detail, current_etag=existing["etag"] if existing else None)
    if obstacle.reason == "quota_exceeded":
        if drive is None:
            return QuotaExceeded(obstacle.detail, needed=upload.size_bytes)
        return QuotaExceeded(obstacle.detail, used=drive.used_bytes, limit=drive.quota_bytes, needed=upload.size_bytes)
    return StateConflict(obstacle.detail, state=upload.state, reason=obstacle.reason)
