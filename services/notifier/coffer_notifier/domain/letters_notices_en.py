"""Mail about notices in English, and what each kind of mail is called. See `letters_words` for the form."""

from collections.abc import Mapping

from coffer_notifier.domain import notices as kinds
from coffer_notifier.domain.letters_words import NoticeWording

NOTICES: Mapping[str, NoticeWording] = {
    kinds.SHARE_CHANGED: NoticeWording(
        subject="{who} changed your access to {what}",
        body="What you may do with it, or until when, is other than before.",
        link="Open it",
    ),
    kinds.SHARE_REVOKED: NoticeWording(
        subject="{what} is no longer shared with you",
        body="You cannot open it any more. If you still need it, ask whoever shared it.",
        link="Look at what is shared with you",
    ),
    kinds.SHARE_EXPIRED: NoticeWording(
        subject="Your access to {what} has expired",
        body="It was shared with you for a time, which is over. If you still need it, ask whoever shared it.",
        link="Look at what is shared with you",
    ),
    kinds.SHARE_LEFT: NoticeWording(
        subject="{who} left your share of {what}", body="You share it with one person less.", link="Open it"
    ),
    kinds.COMMENT_ADDED: NoticeWording(subject="{who} commented on {what}", body="", link="Read the comment"),
    kinds.COMMENT_REPLIED: NoticeWording(
        subject="{who} replied to a comment on {what}", body="You wrote in that conversation, too.", link="Read the reply"
    ),
    kinds.COMMENT_MENTIONED: NoticeWording(
        subject="{who} mentioned you in a comment on {what}", body="", link="Read the comment"
    ),
    kinds.LINK_EXPIRED: NoticeWording(
        subject="Your public link to {what} has expired",
        body="Whoever has the link does not get in any more. You can make another one.",
        link="Open it",
    ),
    kinds.LINK_TAKEN_DOWN: NoticeWording(
        subject="Your public link to {what} was taken down",
        body="Whoever runs Coffer at {place} has done so. Nobody gets in by the link any more.",
        link="Open it",
    ),
    kinds.LINK_UPLOADED: NoticeWording(
        subject="A file came through your public link to {what}",
        several="{n} files came through your public link to {what}",
        body="Whoever sent it is not known here. Open what you did not expect with care.",
        link="Open it",
    ),
    kinds.FILES_UPLOADED: NoticeWording(
        subject="{who} uploaded a file to {what}",
        several="{who} uploaded {n} files to {what}",
        body="",
        link="Open the folder",
    ),
    kinds.FILES_CHANGED: NoticeWording(
        subject="{who} changed a file in {what}",
        several="{who} changed {n} files in {what}",
        body="What they held before is still there, as earlier versions.",
        link="Open the folder",
    ),
    kinds.UPLOAD_DONE: NoticeWording(
        subject="Your file is in {what}",
        several="Your {n} files are in {what}",
        body="The upload is complete, and what you sent was checked.",
        link="Open the folder",
    ),
    kinds.UPLOAD_REJECTED: NoticeWording(
        subject="{what} was rejected",
        body="What was uploaded is not safe to keep. It is deleted after seven days.",
        link="Open Coffer",
    ),
    kinds.UPLOAD_CONFLICT: NoticeWording(
        subject="{what} could not be placed and waits for your decision",
        body="The upload is complete, but it cannot go where you wanted it: its name is taken, or the folder is gone. Say where"
        " it is to go within seven days.",
        link="Open Coffer",
    ),
    kinds.UPLOAD_FAILED: NoticeWording(
        subject="The upload of {what} failed", body="You can try it again within seven days.", link="Open Coffer"
    ),
    kinds.UPLOAD_EXPIRED: NoticeWording(
        subject="The upload of {what} was not finished in time",
        body="What had come was deleted. Begin anew if you still need it.",
        link="Open Coffer",
    ),
    kinds.PHOTO_REJECTED: NoticeWording(
        subject="Your photo was rejected",
        body="What you sent as a photo of yourself cannot be used.",
        link="Choose another photo",
    ),
    kinds.USAGE_CROSSED: NoticeWording(
        subject="Your drive is {n} % full",
        body="When it is full, nothing more can be uploaded. What lies in the trash counts as well.",
        link="Look at what takes the room",
    ),
}

KINDS: Mapping[str, str] = {
    kinds.SHARE_RECEIVED: "what is shared with you",
    kinds.SHARE_CHANGED: "changes of what is shared with you",
    kinds.SHARE_REVOKED: "shares with you that are taken back",
    kinds.SHARE_EXPIRED: "shares with you that expire",
    kinds.SHARE_LEFT: "people who leave your shares",
    kinds.COMMENT_ADDED: "comments on what is yours",
    kinds.COMMENT_REPLIED: "replies in conversations of yours",
    kinds.COMMENT_MENTIONED: "comments that mention you",
    kinds.LINK_UPLOADED: "files that come through your public links",
    kinds.LINK_EXPIRED: "public links of yours that expire",
    kinds.LINK_TAKEN_DOWN: "public links of yours that are taken down",
    kinds.FILES_UPLOADED: "files that others upload",
    kinds.FILES_CHANGED: "files that others change",
    kinds.UPLOAD_DONE: "uploads of yours that are complete",
    kinds.UPLOAD_REJECTED: "uploads that are rejected",
    kinds.UPLOAD_CONFLICT: "uploads that wait for your decision",
    kinds.UPLOAD_FAILED: "uploads that fail",
    kinds.UPLOAD_EXPIRED: "uploads that are not finished in time",
    kinds.PHOTO_REJECTED: "photos of you that are rejected",
    kinds.USAGE_CROSSED: "the room on your drive",
    kinds.WEBHOOK_DISABLED: "webhooks of yours that are turned off",
}
