"""Which queue runs what on which fact. Nothing here emits: the notifier is where facts end."""

from coffer_chassis.handling import HandlerTable, Handles, handler_table
from coffer_contracts import auth, auth_factors, files, files_downloads, media, notifier, sharing
from coffer_notifier.domain.security import ALERTS, SECURITY
from coffer_notifier.handlers.item_facts import on_item, on_upload_ended
from coffer_notifier.handlers.people_facts import (
    on_person,
    on_photo_rejected,
    on_session_revoked,
    on_token_revoked,
    on_usage_crossed,
)
from coffer_notifier.handlers.security_facts import on_alarming_fact
from coffer_notifier.handlers.sharing_facts import (
    on_grant_removed,
    on_grant_set,
    on_share_changed,
    on_share_created,
    on_share_left,
    on_share_revoked,
)
from coffer_notifier.handlers.webhook_facts import on_webhook_disabled

FAST: HandlerTable = handler_table(
    [
        Handles(sharing.GrantSetV1, on_grant_set),
        Handles(sharing.GrantRemovedV1, on_grant_removed),
        Handles(sharing.ShareCreatedV1, on_share_created),
        Handles(sharing.ShareChangedV2, on_share_changed),
        Handles(sharing.ShareRevokedV1, on_share_revoked),
        Handles(sharing.ShareLeftV1, on_share_left),
        Handles(auth.UserRegisteredV1, on_person),
        Handles(auth.UserVerifiedV1, on_person),
        Handles(auth.UserChangedV1, on_person),
        Handles(auth.UserSuspendedV1, on_person),
        Handles(auth.UserDeletedV1, on_person),
        Handles(auth.SessionRevokedV1, on_session_revoked),
        Handles(auth_factors.TokenRevokedV1, on_token_revoked),
        *(Handles(event, on_alarming_fact) for event in SECURITY if event.type in ALERTS),
        Handles(notifier.WebhookDisabledV1, on_webhook_disabled),
    ]
)

BULK: HandlerTable = handler_table(
    [
        Handles(files.ItemCreatedV1, on_item),
        Handles(files.ItemCommittedV1, on_item),
        Handles(files.ItemChangedV1, on_item),
        Handles(files.ItemTrashedV1, on_item),
        Handles(files.ItemRestoredV1, on_item),
        Handles(files.ItemPurgedV1, on_item),
        Handles(files_downloads.ItemDownloadedV1, on_item),
        Handles(files.UploadConflictedV1, on_upload_ended),
        Handles(files.UploadRejectedV1, on_upload_ended),
        Handles(files.UploadFailedV1, on_upload_ended),
        Handles(files.UploadExpiredV1, on_upload_ended),
        Handles(files.UsageCrossedV1, on_usage_crossed),
        Handles(media.PreviewReadyV1, on_item),
        Handles(media.PreviewOmittedV1, on_item),
        Handles(media.PreviewFailedV1, on_item),
        Handles(media.PhotoRejectedV1, on_photo_rejected),
    ]
)
