"""Activity as a reader may see it: entries about items they can see now, without places that they cannot."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import Rights
from coffer_chassis.copies.grants import grants_to
from coffer_chassis.identity import Principal
from coffer_contracts.ids import ItemId, UserId
from coffer_contracts.problems import NotFound
from coffer_notifier.domain.activity import ENDS_SIGHT, Entry
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.showing import Actor, actors_named
from coffer_notifier.handlers.sight import grantee_of, look
from coffer_notifier.store import activity
from coffer_notifier.store.activity import EntryPlace, Wanted
from coffer_notifier.store.tables import grants

MOST_LOOKED_AT = 3000
"""Rows that one page may cost; one with many hidden entries is shorter and leads on."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader asks for; without an item everything they can see."""

    item_id: ItemId | None = None
    subtree: bool = True
    actor_id: str | None = None
    action: str | None = None
    since: datetime | None = None
    account: bool = False
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """A page, the people in it by id, and where the next page begins."""

    entries: list[Entry]
    people: Mapping[str, Actor]
    after: EntryPlace | None


async def read_activity(deps: Deps, principal: Principal, asked: Asked, after: EntryPlace | None, limit: int) -> ActivityPage:
    """The next page, newest first. Raises NotFound for an item that the reader may not see."""
    now = deps.work.clock.now()
    reader = principal.user_id
    wanted = Wanted(reader, asked.actor_id, asked.action, asked.since, asked.account, asked.until)
    shown: list[Entry] = []
    looked_at = 0
    async with deps.work.read() as connection:
        granted = [] if asked.account else await _granted(connection, reader, now)
        if asked.item_id is not None:
            await _require_sight(connection, reader, asked.item_id, now)
        while True:
            if asked.item_id is None:
                rows = await activity.concerning(connection, wanted, granted, after, limit + 1)
            else:
                rows = await activity.of_item(connection, wanted, asked.item_id, after, limit + 1, subtree=asked.subtree)
            looked_at += len(rows)
            shown += await _seen(connection, reader, rows, now)
            if len(rows) <= limit and len(shown) <= limit:
                following = None
                break
            if len(shown) > limit:
                shown = shown[:limit]
                following = EntryPlace(shown[-1].at, shown[-1].id)
                break
            after = following = EntryPlace(rows[-1].at, rows[-1].id)
            if looked_at >= MOST_LOOKED_AT:
                break
        people = await actors_named(connection, _people_in(shown))
    return ActivityPage(shown, people, following)


async def _granted(connection: AsyncConnection, reader: UserId, now: datetime) -> list[ItemId]:
    """The items that were given to the reader and still are."""
    given = await grants_to(connection, grants, grantee_of(reader))
    alive = (grant for grant in given if grant.expires_at is None or now < grant.expires_at)
    return list({grant.item_id for grant in alive if Rights.READ in grant.rights})


async def _require_sight(connection: AsyncConnection, reader: UserId, item_id: ItemId, now: datetime) -> None:
    """The owner also reads about what is gone for good."""
    if await activity.owner_of(connection, item_id) == reader:
        return
    if not (await look(connection, [item_id], now, reader=reader)).may_read(reader, item_id, None):
        raise NotFound


async def _seen(connection: AsyncConnection, reader: UserId, rows: list[Entry], now: datetime) -> list[Entry]:
    """Those of the entries that the reader may see, without the folders among their values that they may not."""
    foreign = [entry for entry in rows if entry.owner_id != reader]
    if not foreign:
        return rows
    items = {entry.item_id for entry in foreign if entry.item_id} | {folder for entry in foreign for folder in _folders(entry)}
    sight = await look(connection, items, now, reader=reader)

    def shows(entry: Entry) -> bool:
        if entry.owner_id == reader or (entry.action in ENDS_SIGHT and entry.recipient_id == reader):
            return True
        return entry.item_id is not None and sight.may_read(reader, entry.item_id, entry.owner_id)

    def told(entry: Entry) -> Entry:
        if entry.owner_id == reader or "parent" not in entry.changes:
            return entry
        before, after = (_told_folder(folder) for folder in entry.changes["parent"])
        return replace(entry, changes={**entry.changes, "parent": (before, after)})

    def _told_folder(folder: dict[str, Any] | None) -> dict[str, Any] | None:
        return folder if folder and sight.may_read(reader, ItemId(folder["id"]), None) else None

    return [told(entry) for entry in rows if shows(entry)]


def _folders(entry: Entry) -> Iterator[ItemId]:
    for folder in entry.changes.get("parent", ()):
        if folder:
            yield ItemId(folder["id"])


def _people_in(entries: list[Entry]) -> Iterator[str | None]:
    for entry in entries:
        yield entry.actor_id
        yield entry.recipient_id
