"""The change feed of a reader: first everything that is there, then everything that happens to it.

A reader follows their own drive and what others share with them, at one place of one store (decision 7). Entries tell how
things stand now, not how they stood: leaving some out or reading them twice ends at the same tree.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import Rights
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.ids import ItemId, UserId
from coffer_contracts.problems import CursorExpired, CursorInvalid
from coffer_files.domain.items import UNMARKED, Given, Item, Located, Owner
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.drives import drive_or_new, root_of
from coffer_files.handlers.feed_entries import Told, given_now, reading_of, told_of
from coffer_files.handlers.sight import Seen, seen_by
from coffer_files.store.changes import live_tree
from coffer_files.store.entries import Place, entries_after, present, upcoming
from coffer_files.store.grants import is_shared, locate_many
from coffer_files.store.marks import marks_of

Part = Literal["own", "shared"]
"""What is listed: first the reader's own tree, then all that others share, as one forest."""

UNTOLD = -1
"""Depth in a part of which nothing has been told yet."""


@dataclass(frozen=True, slots=True)
class FeedCursor:
    """How far a reader has come, and when they had last been told everything. With `listed` they are still being told what was
    there at `place`: which part, then depth and id of the last item told of it. The listing saw nothing of transactions from
    `until` on; 0 once all before are told.
    """

    reader: UserId
    epoch: int
    place: Place
    told_at: datetime
    listed: tuple[Part, int, ItemId] | None = None
    until: int = 0


@dataclass(frozen=True, slots=True)
class FeedPage:
    """What is there or what happened, and the place of the next page."""

    told: list[Told]
    cursor: FeedCursor
    has_more: bool
    feeds: Sequence[UserId] = ()
    """Whose feeds were read."""


async def feed_now(deps: Deps, principal: Principal, origin: Origin) -> FeedCursor:
    """The cursor from which everything is told that happens from now on."""
    drive = await drive_or_new(deps, principal.user_id, origin)
    async with deps.work.read() as connection:
        place = await present(connection)
    return FeedCursor(drive.owner_id, drive.feed_epoch, place, deps.work.clock.now())


async def read_feed(deps: Deps, principal: Principal, origin: Origin, cursor: FeedCursor | None, limit: int) -> FeedPage:
    """The next page after `cursor`; without one the trees are told from their tops, then what has happened since.

    Raises CursorExpired when the feed does not reach back that far, CursorInvalid for another reader.
    """
    if cursor is None:
        return await _begin(deps, principal, origin, limit)
    drive = await drive_or_new(deps, principal.user_id, origin)
    now = deps.work.clock.now()
    if cursor.reader != drive.owner_id:
        raise CursorInvalid
    if cursor.epoch != drive.feed_epoch or cursor.told_at < now - timedelta(days=deps.settings.change_keep_days):
        raise CursorExpired("List everything again and compare.")
    if cursor.listed is not None:
        return await _list_on(deps, principal, drive.root_id, cursor, limit)
    async with deps.work.read() as connection:
        given = await given_now(connection, principal, now)
        reading = await reading_of(connection, principal, given)
        stretch = await entries_after(connection, reading, cursor.place, limit)
        if stretch.cut:
            raise CursorExpired("List everything again and compare.")
        told = await told_of(connection, principal, stretch.entries, given, now) if stretch.entries else []
    shown = [_with_what_it_hid(one) if entry.place.xid < cursor.until else one for entry, one in told]
    until = cursor.until if stretch.end.xid < cursor.until else 0
    # What is still to be told may be as old as the cursor was: it must not count as fresh before it has come to the end.
    told_at = cursor.told_at if stretch.more else now
    after = FeedCursor(drive.owner_id, drive.feed_epoch, stretch.end, told_at, until=until)
    return FeedPage(shown, after, stretch.more, reading.feeds)


def _with_what_it_hid(told: Told) -> Told:
    """What moves up while a tree is listed takes what lies below it to where the listing has been already."""
    is_folder = told.seen is not None and told.seen.at.item.kind == "folder"
    return replace(told, subtree=True) if told.reason == "moved" and is_folder else told


async def _begin(deps: Deps, principal: Principal, origin: Origin, limit: int) -> FeedPage:
    begun = await feed_now(deps, principal, origin)
    root_id = (await root_of(deps, principal.user_id, origin)).item.id
    cursor = FeedCursor(begun.reader, begun.epoch, begun.place, begun.told_at, ("own", UNTOLD, root_id))
    return await _list_on(deps, principal, root_id, cursor, limit)


async def _list_on(deps: Deps, principal: Principal, root_id: ItemId, cursor: FeedCursor, limit: int) -> FeedPage:
    """`told_at` stays that of the beginning: what happened since then must still be in the feed at the end."""
    if cursor.listed is None:
        raise LookupError("nothing is being listed")
    now = deps.work.clock.now()
    part, depth, last = cursor.listed
    told: list[Told] = []
    listed: tuple[Part, int, ItemId] | None = None
    until = 0
    async with deps.work.read() as connection:
        given = [one for one, _ in await given_now(connection, principal, now)]
        if part == "own":
            page = await live_tree(connection, [root_id], (depth, last), limit)
            told = await _own_as_listed(connection, principal, [item for _, item in page])
            listed = ("own", *_end_of(page)) if len(page) == limit else None
            depth, last = UNTOLD, root_id
        if listed is None:
            wanted = limit - len(told)
            page = await live_tree(connection, await _tops(connection, principal, given, now), (depth, last), wanted)
            told += await _as_listed(connection, principal, [item.id for _, item in page], given, now)
            listed = ("shared", *_end_of(page)) if len(page) == wanted else None
        if listed is None:
            until = await upcoming(connection)
    # Even the last page is followed by what happened while it was told.
    after = FeedCursor(cursor.reader, cursor.epoch, cursor.place, cursor.told_at, listed, until)
    return FeedPage(told, after, has_more=True)


def _end_of(page: Sequence[tuple[int, Item]]) -> tuple[int, ItemId]:
    depth, item = page[-1]
    return depth, item.id


async def _tops(connection: AsyncConnection, principal: Principal, given: Sequence[Given], now: datetime) -> list[ItemId]:
    """The uppermost items that others share with the reader: what lies below one of them is told with it."""
    found = await locate_many(connection, {one.item_id for one in given}, given)
    open_now = {item_id for item_id, at in found.items() if at.is_live and seen_by(at, principal.grantee, now)}
    return [item_id for item_id in open_now if open_now.isdisjoint(found[item_id].ancestor_ids)]


async def _own_as_listed(connection: AsyncConnection, principal: Principal, items: Sequence[Item]) -> list[Told]:
    owner, shared = Owner(principal.user_id, principal.username, None), await is_shared(connection, [item.id for item in items])
    marks = await marks_of(connection, principal.user_id, [item.id for item in items])
    known = [
        Located(item, owner, (), (), below_trash=False, is_shared=item.id in shared, mark=marks.get(item.id, UNMARKED))
        for item in items
    ]
    return [Told(at.item.id, "created", None, at.item.changed_at, Seen(at, Rights.OWN)) for at in known]


async def _as_listed(
    connection: AsyncConnection, principal: Principal, ids: Sequence[ItemId], given: Iterable[Given], now: datetime
) -> list[Told]:
    """By what they may see now: a share may have ended since the tops were looked for."""
    found = await locate_many(connection, ids, given, principal.grantee)
    known = [seen_by(found[item_id], principal.grantee, now) for item_id in ids if item_id in found]
    return [Told(seen.at.item.id, "created", None, seen.at.item.changed_at, seen) for seen in known if seen is not None]
