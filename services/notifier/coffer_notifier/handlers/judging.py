"""Judging: whether the owner of a webhook may be told of a fact at this moment, and of what in it. The rules of feed and
activity: an owner hears of their drive, others of what they may see now, and of a loss whoever it befell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.copies.people import people_by_id
from coffer_contracts import files, sharing, sharing_links
from coffer_contracts.catalog import Unreadable, parse
from coffer_contracts.event import Envelope, Event
from coffer_contracts.ids import ItemId, ShareId, UserId
from coffer_notifier.domain.notices import GRANT_LAG
from coffer_notifier.domain.outside import OFFERED, body_of, folders_in
from coffer_notifier.handlers.showing import shares_heard_of
from coffer_notifier.handlers.sight import Sight, look
from coffer_notifier.store.tables import people


class Tellable(Protocol):
    """What is judged: a fact as it came, or a body that is no fact."""

    @property
    def id(self) -> str:
        """By which the verdict is found."""

    @property
    def fact(self) -> str | None:
        """The fact; nothing for a test."""

    @property
    def body(self) -> str | None:
        """What was made already."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is sent; nothing if the person may not be told, with the reason."""

    body: str | None
    why: Literal["", "not_visible", "account_inactive", "unreadable"] = ""


Verdicts = Mapping[str, Verdict]
"""By what was judged."""


async def judge(connection: AsyncConnection, now: datetime, due: Sequence[tuple[Tellable, UserId]]) -> Verdicts:
    """What each of the readers may be told. A handful of statements for all of them."""
    facts = {delivery.id: _read(delivery) for delivery, _ in due}
    known = [fact for fact in facts.values() if fact is not None]
    accounts = await people_by_id(connection, people, {reader for _, reader in due}) if due else {}
    # Before the grants are read: one that comes in between must not count as heard of and missing.
    fresh = {share for fact in known if (share := _share_of(fact)) and fact.time > now - GRANT_LAG}
    unheard = fresh - await shares_heard_of(connection, fresh)
    items = {item for fact in known for item in (*_items_of(fact.data), *folders_in(fact.data))}
    readers = {reader for _, reader in due}
    sight = await look(connection, items, now, reader=next(iter(readers)) if len(readers) == 1 else None)
    return {delivery.id: _verdict(delivery, facts[delivery.id], reader, accounts, sight, unheard) for delivery, reader in due}


def _verdict(
    delivery: Tellable,
    fact: Envelope[Event] | None,
    reader: UserId,
    accounts: Mapping[UserId, object],
    sight: Sight,
    unheard: set[ShareId],
) -> Verdict:
    account = accounts.get(reader)
    if account is not None and not getattr(account, "is_active", True):
        return Verdict(None, "account_inactive")
    if delivery.fact is None and delivery.body is not None:
        return Verdict(delivery.body)
    if fact is None:
        return Verdict(None, "unreadable")
    if not _may_be_told(fact, reader, sight, unheard):
        return Verdict(None, "not_visible")
    return Verdict(body_of(fact, reader, lambda folder: sight.may_read(reader, folder, None)))


def _may_be_told(event: Envelope[Event], reader: UserId, sight: Sight, unheard: set[ShareId]) -> bool:
    fact = event.data
    if reader == event.ownerid:
        return OFFERED[event.type].judged != "upload" or event.actorkind == "link" or _concerns_owner(fact, reader)
    match fact:
        case files.UploadFact():
            return reader == fact.uploader_id
        case sharing_links.LinkFact() | sharing_links.AccessFact():
            return reader == fact.created_by and sight.may_read(reader, fact.item_id, fact.owner_id)
        case sharing_links.LinkUploadedV1():
            seen = all(sight.may_read(reader, item, fact.owner_id) for item in _items_of(fact))
            return reader == fact.created_by and seen
        case sharing.ShareRevokedV1() | sharing.ShareLeftV1():
            return reader == fact.recipient_id
        case sharing.ShareFact():
            if reader != fact.recipient_id:
                return False
            believed = fact.share_id in unheard and fact.item_id not in sight.gone
            return believed or sight.may_read(reader, fact.item_id, fact.owner_id)
    return any(sight.may_read(reader, item, event.ownerid) for item in _items_of(fact))


def _concerns_owner(fact: Event, owner: UserId) -> bool:
    """Of uploads into their drive by others, owners hear only what is theirs to act on."""
    return isinstance(fact, files.UploadFact) and (fact.uploader_id == owner or isinstance(fact, files.UploadRejectedV1))


def _read(delivery: Tellable) -> Envelope[Event] | None:
    if delivery.fact is None:
        return None
    try:
        event = parse(delivery.fact)
    except Unreadable:
        return None
    return event if event.type in OFFERED else None


def _items_of(fact: Event) -> list[ItemId]:
    """The item that it is about; of what came through a link, the file as well."""
    return [ItemId(found) for name in ("item_id", "file_id") if (found := getattr(fact, name, None))]


def _share_of(event: Envelope[Event]) -> ShareId | None:
    return event.data.share_id if isinstance(event.data, sharing.ShareFact) else None
