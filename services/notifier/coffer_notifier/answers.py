"""How notices and entries look on the wire: the same in listings and in live streams."""

from collections.abc import Mapping
from typing import Any

import msgspec

from coffer_chassis.answers import Timestamp, timestamp
from coffer_notifier.domain.activity import Entry
from coffer_notifier.domain.notices import Notice, title_of
from coffer_notifier.handlers.showing import Actor, Shown


class PersonAnswer(msgspec.Struct, frozen=True):
    """Somebody; names are null until auth has told them."""

    id: str
    username: str | None
    display_name: str | None


class ItemRefAnswer(msgspec.Struct, frozen=True):
    """The item it is about, as it was called then."""

    id: str
    kind: str
    name: str


class NoticeAnswer(msgspec.Struct, frozen=True):
    """One entry of the feed. `type` is stable and `data` belongs to it; `title` is plain English for clients without words
    of their own.
    """

    id: str
    type: str
    title: str
    actor: PersonAnswer | None
    item: ItemRefAnswer | None
    data: dict[str, Any]
    created_at: Timestamp
    read_at: Timestamp | None


class EntryAnswer(msgspec.Struct, frozen=True):
    """One thing that happened. `changes` holds `[before, after]` by field; a folder that the reader may not see is null. What
    happened to the reader's own account has no item, and an address and a user agent where they are known.
    """

    id: str
    at: Timestamp
    action: str
    actor: PersonAnswer | None
    actor_kind: str
    item: ItemRefAnswer | None
    owner_id: str
    recipient: PersonAnswer | None
    changes: dict[str, list[Any]]
    reason: str | None
    address: str | None
    agent: str | None


def person_answer(actor: Actor | None) -> PersonAnswer | None:
    """Somebody, or null for nobody in particular."""
    return PersonAnswer(actor.id, actor.username, actor.display_name) if actor else None


def notice_answer(shown: Shown) -> NoticeAnswer:
    """A notice as its reader sees it."""
    notice, actor = shown.notice, shown.actor
    item = notice.item
    name = (actor.display_name or actor.username) if actor else None
    return NoticeAnswer(
        id=notice.id,
        type=notice.type,
        title=title_of(notice, name),
        actor=person_answer(actor),
        item=ItemRefAnswer(item.id, item.kind, item.name) if item else None,
        data=_data(notice),
        created_at=timestamp(notice.created_at),
        read_at=timestamp(notice.read_at) if notice.read_at else None,
    )


def _data(notice: Notice) -> dict[str, Any]:
    if notice.first_at is None:
        return dict(notice.data)
    return {**notice.data, "count": notice.count, "since": timestamp(notice.first_at)}


def entry_answer(entry: Entry, people: Mapping[str, Actor]) -> EntryAnswer:
    """An entry as its reader sees it."""
    return EntryAnswer(
        id=entry.id,
        at=timestamp(entry.at),
        action=entry.action,
        actor=person_answer(people.get(entry.actor_id or "")),
        actor_kind=entry.actor_kind,
        item=ItemRefAnswer(entry.item_id, entry.item_kind or "", entry.item_name or "") if entry.item_id else None,
        owner_id=entry.owner_id,
        recipient=person_answer(people.get(entry.recipient_id or "")),
        changes={field: list(values) for field, values in entry.changes.items()},
        reason=entry.reason,
        address=entry.address,
        agent=entry.agent,
    )
