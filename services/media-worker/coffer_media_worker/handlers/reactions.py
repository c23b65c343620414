"""Which lane runs what: verdicts are given on the fast one, whatever takes its time is done on the bulk one."""

from coffer_chassis.handling import HandlerTable, Handles, handler_table
from coffer_contracts.files import ItemCommittedV1, ItemPurgedV1, UploadReceivedV1, VersionDeletedV1
from coffer_contracts.files_previews import PreviewRequestedV1
from coffer_contracts.media import PreviewFailedV1, PreviewOmittedV1, PreviewReadyV1, UploadClearedV1, UploadRejectedV1
from coffer_contracts.media_pages import PageFailedV1, PageReadyV1
from coffer_media_worker.handlers.burying import on_item_purged, on_version_deleted
from coffer_media_worker.handlers.judging import on_upload_received
from coffer_media_worker.handlers.queueing import on_item_committed, on_preview_requested

_MADE = (PreviewReadyV1, PreviewOmittedV1, PreviewFailedV1)

FAST_TABLE: HandlerTable = handler_table(
    [Handles(UploadReceivedV1, on_upload_received, emits=(UploadClearedV1, UploadRejectedV1), slow=True)]
)
BULK_TABLE: HandlerTable = handler_table(
    [
        Handles(ItemCommittedV1, on_item_committed, emits=_MADE),
        Handles(PreviewRequestedV1, on_preview_requested, emits=(*_MADE, PageReadyV1, PageFailedV1)),
        Handles(ItemPurgedV1, on_item_purged, slow=True),
        Handles(VersionDeletedV1, on_version_deleted, slow=True),
    ]
)
