"""What outside subscribers are told: which types, whom they concern, and what of a fact leaves the installation. Pure.

Fields are named one by one, so that nothing new in a contract gets out by itself. Keys of objects, network addresses, user
agents, and folders that the reader may not see are among what stays inside. Nothing here is wider than feed and activity.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from coffer_contracts import (
    auth,
    auth_factors,
    auth_identities,
    auth_passwords,
    files,
    media,
    notifier,
    sharing,
    sharing_comments,
    sharing_links,
)
from coffer_contracts.event import Envelope, Event, rfc3339
from coffer_contracts.ids import ItemId, UserId, WebhookId

BODY_BYTES = 20_000
"""What receivers are promised at most."""
PLACE_BYTES = 130
"""What `placed` adds, at most."""

Judged = Literal["item", "share", "link", "upload", "account"]
"""By what it is decided who may be told: sight of the item; being one side of the share; owning the item, or having made
the link and seeing the item; having sent the upload, or having to act on it; being the account.
"""
TOLD_TO: Mapping[Judged, str] = {
    "item": "whoever may see the item",
    "share": "the owner and the recipient",
    "link": "the owner of the item, and whoever made the link while they may see the item",
    "upload": "whoever sent it; of a rejection the owner of the drive, too",
    "account": "the account that it is about",
}
"""The same for subscribers to read."""


@dataclass(frozen=True, slots=True)
class Outside:
    """A type that webhooks may ask for, and what of it is told."""

    judged: Judged
    fields: tuple[str, ...]


_ITEM = ("item_id", "kind", "owner_id", "parent_id", "name", "content")
_TIMES = ("created_by", "created_at", "modified_at", "changed_at", "trashed_at")
_COMMITTED = ("upload_id", "is_new", "previous_version_id", "previous_size_bytes")
_CHANGED = ("changes", "previous_name", "previous_parent_id")
_UPLOAD = ("upload_id", "owner_id", "uploader_id", "parent_id", "name", "size_bytes", "state", "reason", "detail")
_SHARE = ("share_id", "item_id", "item_kind", "item_name", "owner_id", "granted_by", "recipient_id", "role", "expires_at")
_COMMENT = ("comment_id", "thread_id", "item_id", "item_kind", "item_name", "owner_id")
_SAID = ("author_id", "mentioned_ids")
_SINCE = ("created_at", "changed_at")
_LINK = ("link_id", "item_id", "item_kind", "item_name", "owner_id", "created_by", "mode", "name")
_LINKED = (*_LINK, "is_protected", "expires_at", "max_downloads_count", "downloads_count", *_SINCE)
_TOKEN = ("token_id", "user_id", "name", "scopes", "created_at", "expires_at")
_PREVIEW = ("item_id", "version_id", "owner_id")

_BY_CLASS: Mapping[type[Event], Outside] = {
    files.ItemCreatedV1: Outside("item", (*_ITEM, *_TIMES)),
    files.ItemCommittedV1: Outside("item", (*_ITEM, *_TIMES, *_COMMITTED)),
    files.ItemChangedV1: Outside("item", (*_ITEM, *_TIMES, *_CHANGED)),
    files.ItemTrashedV1: Outside("item", (*_ITEM, *_TIMES)),
    files.ItemRestoredV1: Outside("item", (*_ITEM, *_TIMES)),
    files.ItemPurgedV1: Outside("item", ("item_id", "kind", "owner_id", "parent_id", "name", "purged_at")),
    files.UploadConflictedV1: Outside("upload", (*_UPLOAD, *_SINCE, "suggested_name")),
    files.UploadRejectedV1: Outside("upload", (*_UPLOAD, *_SINCE)),
    files.UploadFailedV1: Outside("upload", (*_UPLOAD, *_SINCE)),
    files.UploadExpiredV1: Outside("upload", (*_UPLOAD, *_SINCE)),
    files.UsageCrossedV1: Outside("account", ("owner_id", "percent", "used_bytes", "quota_bytes", "crossed_at")),
    media.PreviewReadyV1: Outside("item", (*_PREVIEW, "width", "height", "images")),
    media.PreviewFailedV1: Outside("item", (*_PREVIEW, "reason")),
    sharing.ShareCreatedV1: Outside("share", (*_SHARE, *_SINCE, "message")),
    sharing.ShareChangedV2: Outside("share", (*_SHARE, *_SINCE, "changes")),
    sharing.ShareRevokedV1: Outside("share", (*_SHARE, *_SINCE, "reason", "revoked_at")),
    sharing.ShareLeftV1: Outside("share", (*_SHARE, *_SINCE, "left_at")),
    sharing_comments.CommentCreatedV1: Outside("item", (*_COMMENT, *_SINCE, *_SAID)),
    sharing_comments.CommentChangedV1: Outside(
        "item", (*_COMMENT, *_SINCE, *_SAID, "edited_at", "resolved_at", "resolved_by", "changes")
    ),
    sharing_comments.CommentDeletedV1: Outside("item", (*_COMMENT, *_SINCE, "deleted_at")),
    sharing_links.LinkCreatedV1: Outside("link", _LINKED),
    sharing_links.LinkChangedV1: Outside("link", (*_LINKED, "changes")),
    sharing_links.LinkDisabledV1: Outside("link", (*_LINKED, "reason", "detail", "disabled_at")),
    sharing_links.LinkDownloadedV1: Outside(
        "link", (*_LINK, "item_ids", "way", "downloads_count", "max_downloads_count", "downloaded_at")
    ),
    sharing_links.LinkUnlockFailedV1: Outside("link", (*_LINK, "failed_at")),
    sharing_links.LinkUploadedV1: Outside(
        "link", (*_LINK, "file_id", "file_name", "size_bytes", "is_new", "uploader_name", "uploaded_at")
    ),
    auth.SessionCreatedV1: Outside("account", ("session_id", "user_id", "device_name", "created_at", "expires_at")),
    auth.SessionRevokedV1: Outside("account", ("session_id", "user_id", "reason", "revoked_at")),
    auth.SessionReuseDetectedV1: Outside("account", ("session_id", "user_id", "detected_at")),
    auth.LoginFailedV1: Outside("account", ("user_id", "reason", "failed_at", "failures")),
    auth_passwords.PasswordChangedV1: Outside("account", ("user_id", "how", "changed_at")),
    auth_passwords.PasswordResetRequestedV1: Outside("account", ("user_id", "requested_at", "expires_at")),
    auth_identities.IdentityLinkedV1: Outside("account", ("identity_id", "user_id", "issuer", "account_made", "linked_at")),
    auth_factors.TokenCreatedV1: Outside("account", _TOKEN),
    auth_factors.TokenRevokedV1: Outside("account", (*_TOKEN, "reason", "revoked_at")),
    auth_factors.MfaEnabledV1: Outside("account", ("user_id", "method", "enabled_at")),
    auth_factors.MfaDisabledV1: Outside("account", ("user_id", "method", "reason", "disabled_at")),
    auth_factors.MfaRecoveryUsedV1: Outside("account", ("user_id", "used_at")),
    auth_factors.MfaCodesRotatedV1: Outside("account", ("user_id", "rotated_at")),
    notifier.WebhookDisabledV1: Outside(
        "account", ("webhook_id", "owner_id", "queue_arn", "reason", "detail", "host", "first_failed_at", "disabled_at")
    ),
}
OFFERED: Mapping[str, Outside] = {event.type: outside for event, outside in _BY_CLASS.items()}
"""Wire type -> what is told of it."""

PARTS: Mapping[str, tuple[str, ...]] = {
    "content": ("version_id", "size_bytes", "mime_type", "media_kind", "flags", "content_hash"),
    "images": ("box_pixels", "mime_type", "width", "height", "size_bytes"),
}
"""Of fields that are more than one value: what is told of each."""
FOLDERS = ("parent_id", "previous_parent_id")
"""Null for readers who may not see them."""
OF_THE_ACTOR = frozenset({"upload_id"})
"""Of facts about items: told to nobody but who sent the bytes."""


@dataclass(frozen=True, slots=True)
class Concern:
    """Whom a fact may be told: these people, and whoever was given the item or a folder above it. Who may indeed is decided
    when it is told.
    """

    people: frozenset[UserId]
    given: frozenset[ItemId]
    about: ItemId | None
    """The item, or the folder that something was sent to."""
    below: tuple[ItemId, ...] | None
    """The folders above that, if the fact says so."""


def concern_of(event: Envelope[Event]) -> Concern | None:
    """Whom the fact concerns; nothing for what is told to nobody: the making of a drive's root, and what is told again."""
    fact = event.data
    match fact:
        case files.ItemCreatedV1(parent_id=None) | files.ItemChangedV1(changes=()):
            return None
        case files.ItemFact() | media.PreviewFact() | sharing_comments.CommentFact():
            return Concern(
                frozenset({fact.owner_id}),
                frozenset({fact.item_id, *fact.ancestor_ids}),
                fact.item_id,
                fact.ancestor_ids,
            )
        case files.ItemPurgedV1():
            # Nobody but its owner can see by then that it ever was.
            return Concern(frozenset({fact.owner_id}), frozenset(), fact.item_id, fact.ancestor_ids)
        case files.UploadFact():
            # A link is nobody: what its visitors send is for the owner to know.
            sender = fact.owner_id if event.actorkind == "link" else fact.uploader_id
            concerned = {sender, fact.owner_id} if isinstance(fact, files.UploadRejectedV1) else {sender}
            return Concern(frozenset(concerned), frozenset(), fact.parent_id, None)
        case sharing.ShareFact():
            return Concern(frozenset({fact.owner_id, fact.recipient_id}), frozenset(), fact.item_id, None)
        case sharing_links.LinkFact() | sharing_links.AccessFact() | sharing_links.LinkUploadedV1():
            return Concern(frozenset({fact.owner_id, fact.created_by}), frozenset(), fact.item_id, None)
    owner = event.ownerid
    return Concern(frozenset({owner}), frozenset(), None, None) if owner else None


def folders_in(fact: Event) -> frozenset[ItemId]:
    """The folders that a fact names."""
    named: list[ItemId | None] = [getattr(fact, name, None) for name in FOLDERS]
    return frozenset(folder for folder in named if folder)


def body_of(event: Envelope[Event], reader: UserId, sees: Callable[[ItemId], bool], *, is_test: bool = False) -> str:
    """What is sent to a reader who may be told of the fact: `{type, timestamp, data}`, below BODY_BYTES in UTF-8
    with what `placed` adds.

    `sees` says which folders the reader may see. Times are RFC 3339 in UTC.
    """
    outside, fact = OFFERED[event.type], event.data
    wanted: Any = {name: _parts(fact, name) for name in outside.fields}
    told = dict.fromkeys(outside.fields) | fact.model_dump(mode="json", include=wanted)
    if reader != event.ownerid:
        told |= {name: None for name in FOLDERS if (folder := told.get(name)) and not sees(folder)}
    if outside.judged == "item" and "upload_id" in told and reader != (event.actorid or event.ownerid):
        told |= dict.fromkeys(OF_THE_ACTOR)
    head = {
        "event_id": event.id,
        "subject": event.subject,
        "sequence": event.revision,
        "actor_id": None if event.actorkind == "operator" and _is_takedown(outside, fact) else event.actorid,
        "actor_kind": event.actorkind,
        **({"test": True} if is_test else {}),
    }
    body = _json(event, head | told)
    if len(body.encode()) > BODY_BYTES - PLACE_BYTES:
        ids = {name: value for name, value in told.items() if name.endswith("_id")}
        body = _json(event, head | ids | {"shortened": True})
    return body


def placed(body: str, subscription: WebhookId, number: int) -> str:
    """The same, saying which subscription was told, and as which of what it was told: numbers have no holes."""
    told = json.loads(body)
    told["data"] |= {"subscription_id": subscription, "subscription_sequence": number}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _is_takedown(outside: Outside, fact: Event) -> bool:
    """Whoever ends abuse must not be known to those who are told of it."""
    return outside.judged == "link" or isinstance(fact, notifier.WebhookDisabledV1)


def _parts(fact: Event, name: str) -> Any:
    parts = PARTS.get(name)
    if parts is None:
        return True
    return {"__all__": set(parts)} if isinstance(getattr(fact, name), tuple) else set(parts)


def _json(event: Envelope[Event], data: Mapping[str, Any]) -> str:
    told = {"type": event.type, "timestamp": rfc3339(event.time), "data": data}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
