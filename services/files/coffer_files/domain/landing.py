"""What is different about an upload whose bytes a form brings: they lie elsewhere until they were judged, and may be replaced.

Pure, and as the other rules each may run twice: what is not to happen gives the very same upload.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Literal

from coffer_files.domain import uploads
from coffer_files.domain.quarantine import is_released, take_back
from coffer_files.domain.upload_states import with_step
from coffer_files.domain.uploads import TURN_PATIENCE, Upload, enter, judge

LandingFault = Literal["bytes_replaced", "bytes_gone", "bucket_away"]
"""Why judged bytes could not be copied to their place."""


def receive(upload: Upload, etag: str, size_bytes: int, now: datetime, *, sha256: str | None = None) -> Upload:
    """As `uploads.receive`; but a form can be sent again, and until there is a verdict its newest bytes are to be judged."""
    if upload.landing_key is None or upload.state != "received" or upload.etag == etag:
        return uploads.receive(upload, etag, size_bytes, now, sha256=sha256)
    if size_bytes != upload.size_bytes:
        return upload
    again = replace(
        upload,
        etag=etag,
        attempts=0,
        dispatched_at=None,
        asked_event_id=None,
        changed_at=now,
        deadline_at=now + TURN_PATIENCE,
        revision=upload.revision + 1,
        steps=with_step(upload.steps, "received", now),
    )
    return judge(again, upload.verdict, now) if upload.verdict else again


def land(upload: Upload, etag: str) -> Upload:
    """The judged bytes were copied to where the bytes of files lie; `etag` is that of the copy."""
    if upload.state != "cleared" or upload.landing_key is None:
        return upload
    return replace(upload, landing_key=None, etag=etag)


def miss_landing(upload: Upload, reason: LandingFault, now: datetime) -> Upload:
    """The judged bytes cannot be copied; its owner may have those judged that are there now. Released ones are refused anew."""
    if upload.state != "cleared" or upload.landing_key is None:
        return upload
    if is_released(upload):
        return take_back(upload, _NOT_RELEASED[reason], now)
    return enter(upload, "failed", now, reason=reason, detail=_MISSED[reason], verdict=None)


_MISSED: Mapping[LandingFault, str] = {
    "bytes_replaced": "The form was sent again after its bytes had been checked.",
    "bytes_gone": "The bytes were gone before they were put into the drive.",
    "bucket_away": "The bucket did not copy the bytes for a day.",
}

_NOT_RELEASED: Mapping[LandingFault, str] = {
    "bytes_replaced": "It was released, but other bytes lay in quarantine.",
    "bytes_gone": "It was released, but its bytes were gone.",
    "bucket_away": "It was released, but the bucket did not copy the bytes for a day.",
}
