"""What happens on events: the bucket's, the media worker's, auth's. The tables at the end say which queue runs what.

All are quick: SQL only, in the transaction of the received batch. None raises a refusal, because a fact cannot be refused.
"""

from dataclasses import replace

from coffer_chassis.handling import HandlerTable, Handles, handler_table
from coffer_chassis.storage import ObjectStored
from coffer_chassis.unit_of_work import Unit
from coffer_contracts import media, media_pages
from coffer_contracts.auth import UserChangedV1, UserDeletedV1, UserRegisteredV1, UserSuspendedV1, UserVerifiedV1
from coffer_contracts.event import Envelope
from coffer_contracts.files import (
    ItemCommittedV1,
    ItemCreatedV1,
    UploadConflictedV1,
    UploadFailedV1,
    UploadReceivedV1,
    UploadRejectedV1,
    UsageCrossedV1,
)
from coffer_files.domain import uploads as rules
from coffer_files.domain.content import blob_of_key
from coffer_files.domain.reconciling import upload_of_incoming
from coffer_files.domain.uploads import Verdict
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.drives import on_user_registered, on_user_told
from coffer_files.handlers.forms import receive_form
from coffer_files.handlers.pages import on_page_failed, on_page_ready
from coffer_files.handlers.previews import on_preview_failed, on_preview_omitted, on_preview_ready
from coffer_files.handlers.receiving import go_on, receive_bytes
from coffer_files.store.drives import lock_drive
from coffer_files.store.uploads import lock_upload, lock_upload_of_blob


async def on_object_stored(event: Envelope[ObjectStored], unit: Unit, deps: Deps) -> None:
    """Bytes have arrived under a key of ours. What belongs to no upload is left to the reconciler."""
    upload_id = upload_of_incoming(event.data.key)
    if upload_id is not None:
        await receive_form(unit, deps, upload_id, event.data)
        return
    named = blob_of_key(event.data.key)
    if named is None:
        return
    drive = await lock_drive(unit.connection, named[0])
    upload = await lock_upload_of_blob(unit.connection, named[1]) if drive else None
    if drive is not None and upload is not None:
        await receive_bytes(unit, deps, drive, upload, etag=event.data.etag, size_bytes=event.data.size_bytes)


async def on_upload_cleared(event: Envelope[media.UploadClearedV1], unit: Unit, deps: Deps) -> None:
    """The bytes are good: the file becomes visible, or the upload waits in conflict."""
    fact = event.data
    verdict = replace(_verdict(fact, cleared=True), width=fact.width, height=fact.height, previewable=fact.previewable)
    await _judge(unit, deps, fact, verdict)


async def on_upload_rejected(event: Envelope[media.UploadRejectedV1], unit: Unit, deps: Deps) -> None:
    """The bytes are refused: they go to quarantine and their quota is free again."""
    fact = event.data
    await _judge(unit, deps, fact, replace(_verdict(fact, cleared=False), reason=fact.reason, detail=fact.detail))


def _verdict(fact: media.VerdictFact, *, cleared: bool) -> Verdict:
    return Verdict(cleared, fact.etag, fact.mime_type, fact.media_kind, fact.flags, started_at=fact.started_at)


async def _judge(unit: Unit, deps: Deps, fact: media.VerdictFact, verdict: Verdict) -> None:
    drive = await lock_drive(unit.connection, fact.owner_id)
    upload = await lock_upload(unit.connection, fact.upload_id)
    if drive is not None and upload is not None and upload.owner_id == fact.owner_id:
        await go_on(unit, deps, drive, upload, rules.judge(upload, verdict, unit.now))


_JUDGED = (ItemCommittedV1, UploadConflictedV1, UploadRejectedV1, UploadReceivedV1, UsageCrossedV1)

_TOLD = (ItemCreatedV1, UsageCrossedV1)

STORAGE: HandlerTable = handler_table(
    [Handles(ObjectStored, on_object_stored, emits=(UploadReceivedV1, UploadFailedV1, *_JUDGED))]
)

FAST: HandlerTable = handler_table(
    [
        Handles(media.UploadClearedV1, on_upload_cleared, emits=_JUDGED),
        Handles(media.UploadRejectedV1, on_upload_rejected, emits=(UploadRejectedV1, UploadReceivedV1)),
        Handles(media.PreviewReadyV1, on_preview_ready),
        Handles(media.PreviewOmittedV1, on_preview_omitted),
        Handles(media.PreviewFailedV1, on_preview_failed),
        Handles(media_pages.PageReadyV1, on_page_ready),
        Handles(media_pages.PageFailedV1, on_page_failed),
        Handles(UserRegisteredV1, on_user_registered, emits=_TOLD),
        Handles(UserVerifiedV1, on_user_told, emits=_TOLD),
        Handles(UserChangedV1, on_user_told, emits=_TOLD),
        Handles(UserSuspendedV1, on_user_told, emits=_TOLD),
        Handles(UserDeletedV1, on_user_told),
    ]
)
