"""What an operator lets out of quarantine, and what goes back into it.

Pure, as the other rules. A released upload is `cleared` after all: its bytes are copied to where the bytes of files lie, as
those of a form are (`landing`), and committed then. The flag `released` stays with the content, which is never shown inline.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from coffer_contracts.problems import StateConflict
from coffer_files.domain.content import quarantine_key
from coffer_files.domain.upload_states import with_step
from coffer_files.domain.uploads import Upload, enter

QUARANTINE = timedelta(days=7)
"""How long refused bytes lie there; then the bucket's own rule deletes them."""

RELEASED = "released"
"""The flag of content that was refused, and let in by an operator."""


def is_released(upload: Upload) -> bool:
    """Whether an operator has let it out."""
    return upload.verdict is not None and RELEASED in upload.verdict.flags


def kept_until(upload: Upload) -> datetime:
    """Up to when refused bytes can be released."""
    return upload.changed_at + QUARANTINE


def release(upload: Upload, etag: str, size_bytes: int, now: datetime) -> Upload:
    """It may be committed after all, as what its bytes truly are; `etag` and length are those of the object in quarantine.
    Nothing happens to one that was released before.

    Raises StateConflict for one that is not in quarantine, or no longer, and for other bytes than were judged: a form can be
    sent again until its bytes are moved.
    """
    if upload.state != "rejected" and is_released(upload):
        return upload
    if upload.state != "rejected" or upload.verdict is None:
        raise StateConflict(f"An upload that is {upload.state} is not in quarantine.", state=upload.state)
    if now >= kept_until(upload):
        raise StateConflict("Its time in quarantine is over.", state=upload.state)
    if size_bytes != upload.size_bytes or (upload.landing_key is not None and etag != upload.etag):
        raise StateConflict("Other bytes lie in quarantine than were judged.", state=upload.state)
    verdict = replace(upload.verdict, cleared=True, etag=etag, flags=(*upload.verdict.flags, RELEASED))
    upload = replace(upload, steps=with_step(upload.steps, RELEASED, now))
    return enter(upload, "cleared", now, verdict=verdict, etag=etag, landing_key=quarantine_key(upload.blob_id))


def take_back(upload: Upload, detail: str, now: datetime) -> Upload:
    """What was released could not be copied out: it is refused again, for the reason it was refused for."""
    if upload.verdict is None:
        raise LookupError(f"upload {upload.id} was released without a verdict")
    flags = tuple(flag for flag in upload.verdict.flags if flag != RELEASED)
    verdict = replace(upload.verdict, cleared=False, flags=flags)
    return enter(
        upload, "rejected", now, reason=verdict.reason, detail=f"{verdict.detail} {detail}", verdict=verdict, landing_key=None
    )
