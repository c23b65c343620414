"""Activity: who did what to which item or account, with values before and after. Pure: facts in, entries out.

Restated facts and facts nobody needs to read about (a drive's root was made) give no entry.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coffer_contracts.event import Envelope, rfc3339
from coffer_contracts.files import (
    ItemChangedV1,
    ItemCommittedV1,
    ItemCreatedV1,
    ItemFact,
    ItemKind,
    ItemPurgedV1,
    ItemRestoredV1,
    ItemTrashedV1,
    VersionDeletedV1,
)
from coffer_contracts.files_downloads import ItemDownloadedV1
from coffer_contracts.ids import EventId, ItemId, UserId
from coffer_contracts.sharing import (
    ShareChangedV2,
    ShareCreatedV1,
    ShareFact,
    ShareLeftV1,
    ShareRevokedV1,
)
from coffer_contracts.sharing_comments import CommentChangedV1, CommentCreatedV1, CommentDeletedV1, CommentFact

COMMENT_DELETED = "comment_deleted"

ACTIONS = (
    "created",
    "uploaded",
    "replaced",
    "version_deleted",
    "renamed",
    "moved",
    "changed",
    "trashed",
    "restored",
    "purged",
    "downloaded",
    "shared",
    "share_changed",
    "share_revoked",
    "share_left",
    "invited",
    "invitation_changed",
    "invitation_ended",
    "commented",
    COMMENT_DELETED,
    "comment_edited",
    "comment_resolved",
    "comment_reopened",
    "link_created",
    "link_changed",
    "link_disabled",
    "link_downloaded",
    "link_unlock_failed",
)
"""What happens to items. What happens to an account is called after the fact, e.g. `session.created`."""

ENDS_SIGHT = frozenset({"share_revoked", "share_left"})
"""Told to the recipient although they can no longer see the item: it is about that."""

Changes = Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `scope` is the item and the folders above it, before and after a move."""

    id: str
    event_id: EventId
    at: datetime
    actor_id: str | None
    actor_kind: str
    action: str
    item_id: ItemId | None
    """None for what happened to an account; that is for its owner alone, as are address and agent."""
    item_kind: ItemKind | None
    item_name: str | None
    owner_id: UserId
    recipient_id: UserId | None
    scope: tuple[ItemId, ...]
    changes: Changes
    reason: str | None = None
    address: str | None = None
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that an item was moved from or to; the name is null where it was not known."""

    id: ItemId | None
    name: str | None
    ancestor_ids: tuple[ItemId, ...] = ()

    def told(self) -> dict[str, str | None] | None:
        """As it stands in an entry; null for no folder."""
        return {"id": self.id, "name": self.name} if self.id else None


NOWHERE = Folder(None, None)
"""For facts that are no moves."""

Happening = Envelope[ItemFact] | Envelope[ItemPurgedV1]


def entry_of_item(event: Happening, entry_id: str, before: Folder, after: Folder) -> Entry | None:
    """What a fact about an item tells; `before` and `after` are the folders it lay in, of a move."""
    fact = event.data
    described = _described(fact, before, after)
    if described is None:
        return None
    action, changes = described
    scope = (fact.item_id, *fact.ancestor_ids, *before.ancestor_ids, *([before.id] if before.id else ()))
    return _entry(event, entry_id, action, fact.item_id, fact.kind, fact.name, fact.owner_id, scope, changes)


def _described(fact: ItemFact | ItemPurgedV1, before: Folder, after: Folder) -> tuple[str, Changes] | None:
    match fact:
        case ItemCreatedV1():
            return ("created", {}) if fact.parent_id else None
        case ItemCommittedV1(is_new=True):
            return "uploaded", {"size": (None, fact.content.size_bytes if fact.content else None)}
        case ItemCommittedV1():
            sizes = (fact.previous_size_bytes, fact.content.size_bytes if fact.content else None)
            versions = (fact.previous_version_id, fact.content.version_id if fact.content else None)
            return "replaced", {"size": sizes, "version_id": versions}
        case ItemChangedV1():
            return _changed(fact, before, after) if fact.changes else None
        case ItemTrashedV1():
            return "trashed", {}
        case ItemRestoredV1():
            return "restored", _restored(fact, before, after)
        case ItemPurgedV1():
            return "purged", {}
    return None


def _changed(fact: ItemChangedV1, before: Folder, after: Folder) -> tuple[str, Changes]:
    changes: dict[str, tuple[Any, Any]] = {}
    if "parent_id" in fact.changes:
        changes["parent"] = (before.told(), after.told())
    if "name" in fact.changes:
        changes["name"] = (fact.previous_name, fact.name)
    if "modified_at" in fact.changes:
        was = fact.previous_modified_at
        changes["modified_at"] = (rfc3339(was) if was else None, rfc3339(fact.modified_at))
    if "tags" in fact.changes:
        changes["tags"] = (_listed(fact.previous_tags), _listed(fact.tags))
    return "moved" if "parent" in changes else "renamed" if "name" in changes else "changed", changes


def _listed(tags: tuple[str, ...] | None) -> list[str] | None:
    return list(tags) if tags else None


def _restored(fact: ItemRestoredV1, before: Folder, after: Folder) -> Changes:
    changes: dict[str, tuple[Any, Any]] = {}
    if fact.previous_parent_id:
        changes["parent"] = (before.told(), after.told())
    if fact.previous_name:
        changes["name"] = (fact.previous_name, fact.name)
    return changes


def entry_of_version(event: Envelope[VersionDeletedV1], entry_id: str) -> Entry:
    """What the end of a version tells."""
    fact = event.data
    changes: Changes = {"version_id": (fact.version_id, None), "size": (fact.size_bytes, None)}
    scope = (fact.item_id, *fact.ancestor_ids)
    name = fact.item_name or ""
    return _entry(
        event, entry_id, "version_deleted", fact.item_id, "file", name, fact.owner_id, scope, changes, reason=fact.reason
    )


def entry_of_download(event: Envelope[ItemDownloadedV1], entry_id: str) -> Entry:
    """What a download tells, to the owner and to whoever it was: who else may see the item need not know who looks at it."""
    fact = event.data
    person = UserId(event.actorid) if event.actorid and event.actorkind in {"user", "token"} else fact.owner_id
    changes: Changes = {"version_id": (None, fact.version_id)} if fact.version_id else {}
    scope = (fact.item_id, *fact.ancestor_ids)
    return _entry(
        event,
        entry_id,
        "downloaded",
        fact.item_id,
        fact.kind,
        fact.name,
        fact.owner_id,
        scope,
        changes,
        recipient_id=person,
        reason=fact.way,
    )


def entry_of_share(event: Envelope[ShareFact], entry_id: str, above: tuple[ItemId, ...]) -> Entry | None:
    """What a fact about a share tells; `above` are the folders over the item as far as they are known."""
    fact = event.data
    reason: str | None = None
    changes: dict[str, tuple[Any, Any]]
    match fact:
        case ShareCreatedV1():
            action, changes = "shared", {"role": (None, fact.role)}
            if fact.expires_at:
                changes["expires_at"] = (None, rfc3339(fact.expires_at))
        case ShareChangedV2():
            action = "share_changed"
            changes = {change.field: (change.before, change.after) for change in fact.changes}
        case ShareRevokedV1():
            action, changes, reason = "share_revoked", {"role": (fact.role, None)}, fact.reason
        case ShareLeftV1():
            action, changes = "share_left", {"role": (fact.role, None)}
        case _:
            return None
    scope = (fact.item_id, *above)
    return _entry(
        event,
        entry_id,
        action,
        fact.item_id,
        fact.item_kind,
        fact.item_name,
        fact.owner_id,
        scope,
        changes,
        recipient_id=fact.recipient_id,
        reason=reason,
    )


def entry_of_comment(event: Envelope[CommentFact], entry_id: str) -> Entry | None:
    """What a fact about a comment tells; that it says something else now, but never what."""
    fact = event.data
    match fact:
        case CommentCreatedV1():
            action = "commented"
            ids: tuple[str | None, str | None] = (None, fact.comment_id)
        case CommentDeletedV1():
            action, ids = COMMENT_DELETED, (fact.comment_id, None)
        case CommentChangedV1() if "resolved" in fact.changes:
            action = "comment_resolved" if fact.resolved_at else "comment_reopened"
            ids = (fact.comment_id, fact.comment_id)
        case CommentChangedV1() if {"body", "mentions"} & {*fact.changes}:
            action, ids = "comment_edited", (fact.comment_id, fact.comment_id)
        case _:
            return None
    scope = (fact.item_id, *fact.ancestor_ids)
    about = {"comment_id": ids}
    return _entry(event, entry_id, action, fact.item_id, fact.item_kind, fact.item_name, fact.owner_id, scope, about)


def _entry(
    event: Happening | Envelope[VersionDeletedV1] | Envelope[ShareFact] | Envelope[CommentFact] | Envelope[ItemDownloadedV1],
    entry_id: str,
    action: str,
    item_id: ItemId,
    kind: ItemKind,
    name: str,
    owner_id: UserId,
    scope: tuple[ItemId, ...],
    changes: Changes,
    *,
    recipient_id: UserId | None = None,
    reason: str | None = None,
) -> Entry:
    return Entry(
        id=entry_id,
        event_id=event.id,
        at=event.time,
        actor_id=event.actorid,
        actor_kind=event.actorkind,
        action=action,
        item_id=item_id,
        item_kind=kind,
        item_name=name,
        owner_id=owner_id,
        recipient_id=recipient_id,
        scope=tuple(dict.fromkeys(scope)),
        changes=changes,
        reason=reason,
    )
