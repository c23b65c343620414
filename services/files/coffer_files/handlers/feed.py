"""The change feed of a drive: first everything that is there, then everything that happens to it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.ids import ItemId, UserId
from coffer_contracts.problems import CursorExpired, CursorInvalid
from coffer_files.domain.items import Item
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.drives import drive_or_new, root_of
from coffer_files.store.changes import Change, Place, changes_after, live_tree, present


@dataclass(frozen=True, slots=True)
class FeedCursor:
    """How far a reader has come. With `listed` it is still being told what was there at `place`: depth and id of the
    last item told.
    """

    drive: UserId
    epoch: int
    place: Place
    told_at: datetime
    listed: tuple[int, ItemId] | None = None


@dataclass(frozen=True, slots=True)
class FeedPage:
    """What happened, or what is there; then `place_of` the next page."""

    changes: list[Change]
    listed: list[Item]
    cursor: FeedCursor
    has_more: bool


async def feed_now(deps: Deps, principal: Principal, origin: Origin) -> FeedCursor:
    """The cursor from which everything is told that happens from now on."""
    drive = await drive_or_new(deps, principal.user_id, origin)
    async with deps.work.read() as connection:
        place = await present(connection)
    return FeedCursor(drive.owner_id, drive.feed_epoch, place, deps.work.clock.now())


async def read_feed(deps: Deps, principal: Principal, origin: Origin, cursor: FeedCursor | None, limit: int) -> FeedPage:
    """The next page after `cursor`; without one the tree is told from its root, then what has happened since.

    Raises CursorExpired when the feed does not reach back that far, CursorInvalid for another drive.
    """
    if cursor is None:
        return await _begin(deps, principal, origin, limit)
    drive = await drive_or_new(deps, principal.user_id, origin)
    now = deps.work.clock.now()
    if cursor.drive != drive.owner_id:
        raise CursorInvalid
    if cursor.epoch != drive.feed_epoch or cursor.told_at < now - timedelta(days=deps.settings.change_keep_days):
        raise CursorExpired("List everything again and compare.")
    if cursor.listed is not None:
        return await _list_on(deps, drive.root_id, cursor, limit)
    async with deps.work.read() as connection:
        found = await changes_after(connection, drive.owner_id, cursor.place, limit)
    place = found[-1].place if found else cursor.place
    after = FeedCursor(drive.owner_id, drive.feed_epoch, place, now)
    return FeedPage(found, [], after, has_more=len(found) == limit)


async def _begin(deps: Deps, principal: Principal, origin: Origin, limit: int) -> FeedPage:
    begun = await feed_now(deps, principal, origin)
    root = await root_of(deps, principal.user_id, origin)
    cursor = FeedCursor(begun.drive, begun.epoch, begun.place, begun.told_at, (0, root.item.id))
    page = await _list_on(deps, root.item.id, cursor, limit)
    return FeedPage([], [root.item, *page.listed], page.cursor, page.has_more)


async def _list_on(deps: Deps, root_id: ItemId, cursor: FeedCursor, limit: int) -> FeedPage:
    """`told_at` stays that of the beginning: what happened since then must still be in the feed at the end."""
    async with deps.work.read() as connection:
        page = await live_tree(connection, root_id, cursor.listed, limit)
    items = [item for _, item in page]
    listed = (page[-1][0], page[-1][1].id) if len(page) == limit else None
    after = FeedCursor(cursor.drive, cursor.epoch, cursor.place, cursor.told_at, listed)
    # Even the last page is followed by what happened while it was told.
    return FeedPage([], items, after, has_more=True)
