"""Uploads by a signed form, as plain HTML and the CloudDrive API send them.

A form may be sent again as long as it is valid, and then overwrites: S3 knows no condition against that. So what it brings
lies apart from the drive until it was judged, and is copied into it under the condition that it is what was judged
(`landing`).
"""

from coffer_chassis.blobs import SignedForm
from coffer_chassis.storage import ObjectStored
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import UploadId
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.receiving import receive_bytes
from coffer_files.store.drives import lock_drive
from coffer_files.store.uploads import lock_upload, upload_by_id
from coffer_files.store.versions import doom


def sign_form(deps: Deps, upload: Upload) -> SignedForm | None:
    """The form that sends the bytes of an open upload; None for other uploads, once the bytes are there or it has ended. It
    binds the length and never outlives the upload.
    """
    if upload.state != "created" or upload.landing_key is None or upload.deadline_at is None:
        return None
    left = int((upload.deadline_at - deps.work.clock.now()).total_seconds())
    if left < 1:
        return None
    return deps.blobs.presign_post(
        upload.landing_key, length=upload.size_bytes, expires_seconds=min(left, deps.settings.put_url_seconds)
    )


async def receive_form(unit: Unit, deps: Deps, upload_id: UploadId, stored: ObjectStored) -> None:
    """Bytes have come by a form. Those of an upload that has no more use for them are deleted. May run twice."""
    known = await upload_by_id(unit.connection, upload_id)
    drive = await lock_drive(unit.connection, known.owner_id) if known else None
    upload = await lock_upload(unit.connection, upload_id) if drive else None
    if drive is None or upload is None:
        return  # whose upload was forgotten: the reconciler finds it
    if upload.landing_key is None or upload.rule.is_end:
        await doom(unit.connection, stored.key, reason="late", now=unit.now, not_before=unit.now)
        return
    await receive_bytes(unit, deps, drive, upload, etag=stored.etag, size_bytes=stored.size_bytes)
