"""Which queue runs what on which fact. Nothing here emits: the notifier is where facts end."""

from coffer_chassis.handling import HandlerTable, Handles, handler_table
from coffer_contracts import (
    auth,
    auth_factors,
    files,
    files_downloads,
    files_jobs,
    media,
    notifier,
    sharing,
    sharing_comments,
    sharing_invitations,
    sharing_links,
)
from coffer_notifier.domain.security import ALERTS, SECURITY
from coffer_notifier.handlers.comment_facts import on_comment_changed, on_comment_created, on_comment_deleted
from coffer_notifier.handlers.invitation_facts import on_invitation_ended, on_invitation_fact
from coffer_notifier.handlers.item_facts import on_item, on_upload_ended
from coffer_notifier.handlers.job_facts import on_job_finished
from coffer_notifier.handlers.link_facts import on_link_disabled, on_link_fact, on_link_uploaded
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
        Handles(sharing_comments.CommentCreatedV1, on_comment_created),
        Handles(sharing_comments.CommentChangedV1, on_comment_changed),
        Handles(sharing_comments.CommentDeletedV1, on_comment_deleted),
        Handles(sharing_invitations.InvitationCreatedV1, on_invitation_fact),
        Handles(sharing_invitations.InvitationChangedV1, on_invitation_fact),
        Handles(sharing_invitations.InvitationEndedV1, on_invitation_ended),
        Handles(sharing_links.LinkCreatedV1, on_link_fact),
        Handles(sharing_links.LinkChangedV1, on_link_fact),
        Handles(sharing_links.LinkDisabledV1, on_link_disabled),
        Handles(sharing_links.LinkDownloadedV1, on_link_fact),
        Handles(sharing_links.LinkUnlockFailedV1, on_link_fact),
        Handles(sharing_links.LinkUploadedV1, on_link_uploaded),
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
        Handles(files.VersionDeletedV1, on_item),
        Handles(files.UploadConflictedV1, on_upload_ended),
        Handles(files.UploadRejectedV1, on_upload_ended),
        Handles(files.UploadFailedV1, on_upload_ended),
        Handles(files.UploadExpiredV1, on_upload_ended),
        Handles(files.UsageCrossedV1, on_usage_crossed),
        Handles(files_jobs.JobFinishedV1, on_job_finished),
        Handles(media.PreviewReadyV1, on_item),
        Handles(media.PreviewOmittedV1, on_item),
        Handles(media.PreviewFailedV1, on_item),
        Handles(media.PhotoRejectedV1, on_photo_rejected),
    ]
)
