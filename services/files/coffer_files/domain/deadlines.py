"""What becomes of uploads that have stood too long: every state that is no end has a deadline, and a way out of it.

Pure, like the other rules; who looks after deadlines is the sweeper.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from coffer_files.domain.upload_states import VERDICT_PATIENCE
from coffer_files.domain.uploads import MAX_DISPATCHES, TURN_PATIENCE, Upload, dispatch, enter

SEND_PATIENCE = timedelta(days=1)
"""How long a question to the media worker may lie unsent. Meanwhile it is not asked again: nobody has heard it yet."""

BUCKET_PATIENCE = timedelta(days=1)
"""How long an upload whose time is up is kept while the bucket does not answer, because its bytes may be there."""

COMMIT_PATIENCE = timedelta(minutes=10)
"""How long a commit that fails is tried again before a person is asked."""


def pass_deadline(upload: Upload, now: datetime, *, has_bytes: bool | None, is_sent: bool = True) -> Upload:
    """What becomes of an upload that has stood too long; the same object if its time has not come.

    `has_bytes` is what the bucket says, None if it does not answer; `is_sent` whether the question to the media worker has
    left. A cleared one stays: it is committed again, which is not a matter of this page alone.
    """
    if upload.deadline_at is None or upload.deadline_at > now:
        return upload
    if upload.state == "received":
        return _unjudged(upload, now, has_bytes=has_bytes, is_sent=is_sent)
    if upload.state == "created":
        if has_bytes or (has_bytes is None and now < upload.deadline_at + BUCKET_PATIENCE):
            return upload
        detail = "Nobody finished the upload in time."
        if has_bytes is None:
            detail = "The bucket did not say in time whether the bytes have come."
        return enter(upload, "expired", now, reason="created_too_long", detail=detail)
    if upload.state == "conflict":
        return enter(upload, "expired", now, reason="conflict_too_long", detail="Nobody resolved the conflict.")
    if upload.state == "failed":
        return enter(upload, "aborted", now, reason=upload.reason, detail="Nobody tried again in time.")
    return upload


def _unjudged(upload: Upload, now: datetime, *, has_bytes: bool | None, is_sent: bool) -> Upload:
    """No verdict in time."""
    if has_bytes is False:
        return enter(upload, "failed", now, reason="bytes_lost", detail="The bytes are no longer in the bucket.")
    if upload.dispatched_at is None:
        detail = f"Its turn to be checked did not come within {TURN_PATIENCE.days} days."
        return enter(upload, "failed", now, reason="no_turn", detail=detail)
    if not is_sent:
        if now < upload.dispatched_at + SEND_PATIENCE:
            later = min(now + VERDICT_PATIENCE, upload.dispatched_at + SEND_PATIENCE)
            return replace(upload, deadline_at=later, revision=upload.revision + 1)
        detail = "The question to the media worker could not be sent for a day."
        return enter(upload, "failed", now, reason="not_sent", detail=detail)
    if upload.attempts < MAX_DISPATCHES:
        return dispatch(upload, now)
    return enter(upload, "failed", now, reason="no_verdict", detail=f"No verdict after asking {upload.attempts} times.")
