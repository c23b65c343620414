"""Reading the change feed on from a place: whose entries, how far, and whether there is anything new."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.tables import Id, Instant
from coffer_contracts.ids import ItemId, UserId
from coffer_files.domain.items import ChangeReason

SCANNED = 2000
"""Rows of all feeds together that are looked at for one page: in the drives of others most concern somebody else."""
SCANNED_EACH = 20
"""Rows of one feed that are looked at, at least, however many feeds there are."""

HORIZON = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
"""The oldest transaction that still runs: everything below it is decided."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in the feeds: transaction id first, because a late commit has an early position."""

    xid: int
    position: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened to an item. `owner_id` is in whose feed it stands: the drive's, or that of whom it is shared with.
    `scope` is the item with the folders above it, before and after; empty for entries of old and of shares.
    """

    place: Place
    owner_id: UserId
    item_id: ItemId
    reason: ChangeReason
    actor_id: str | None
    at: datetime
    scope: frozenset[ItemId]


@dataclass(frozen=True, slots=True)
class Reading:
    """Whose feeds are read: all of the reader's own, and of `others` what concerns `roots` and what lies above them."""

    reader_id: UserId
    others: Collection[UserId] = ()
    roots: Collection[ItemId] = ()
    above_roots: Collection[ItemId] = ()

    @property
    def feeds(self) -> list[UserId]:
        """Every feed that is read."""
        return [self.reader_id, *self.others]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the feeds, oldest entry first. `end`: everything up to here has been looked at. `more`: not yet everything
    that is decided. `cut`: entries after the place that was asked for are no longer there.
    """

    entries: list[Entry]
    end: Place
    more: bool
    cut: bool


# Of each feed a few rows are looked at; up to where one of them was not looked at to its end, all have been. The scope is
# looked up in a hash table: the operator for arrays holds each against each, which for a thousand shares takes minutes.
_STRETCH = text(
    f"""
    WITH scanned AS MATERIALIZED (
        SELECT entry.*
        FROM unnest(:feeds) AS feed(owner_id) CROSS JOIN LATERAL (
            SELECT changes.*, row_number() OVER (ORDER BY xid, position) AS turn
            FROM changes
            WHERE changes.owner_id = feed.owner_id AND (xid, position) > (:xid, :position) AND xid < {HORIZON}
            ORDER BY xid, position
            LIMIT :each
        ) AS entry
    ), edge AS (
        SELECT xid, position FROM scanned WHERE turn = :each ORDER BY xid, position LIMIT 1
    ), page AS (
        SELECT *
        FROM scanned
        WHERE (
            owner_id = :reader
            OR item_id IN (SELECT unnest(:above))
            OR (SELECT bool_or(folder IN (SELECT unnest(:roots))) FROM unnest(scope) AS folder)
        ) AND NOT EXISTS (SELECT FROM edge WHERE (scanned.xid, scanned.position) > (edge.xid, edge.position))
        ORDER BY xid, position
        LIMIT :limit
    )
    SELECT
        {HORIZON} AS horizon,
        edge.xid AS edge_xid,
        edge.position AS edge_position,
        EXISTS (
            SELECT FROM feed_floors JOIN unnest(:feeds) AS feed(owner_id) USING (owner_id)
            WHERE (xid, position) > (:xid, :position)
        ) AS cut,
        page.xid, page.position, page.owner_id, page.item_id, page.reason, page.actor_id, page.at, page.scope
    FROM (SELECT) AS always LEFT JOIN edge ON true LEFT JOIN page ON true
    ORDER BY page.xid, page.position
    """  # noqa: S608  # put together from constants
).bindparams(
    bindparam("feeds", type_=ARRAY(Id)),
    bindparam("reader", type_=Id),
    bindparam("above", type_=ARRAY(Id)),
    bindparam("roots", type_=ARRAY(Id)),
).columns(owner_id=Id, item_id=Id, reason=Text, actor_id=Text, at=Instant, scope=ARRAY(Id))  # fmt: skip


async def entries_after(connection: AsyncConnection, reading: Reading, place: Place, limit: int) -> Stretch:
    """What happened after `place`. Stops before anything that is not decided yet, and after so many rows that a page costs
    no more in the drives of busy people: an empty stretch may be followed by more.
    """
    feeds = reading.feeds
    each = max(SCANNED // len(feeds), SCANNED_EACH) if reading.others else limit
    values = {
        "feeds": feeds,
        "reader": reading.reader_id,
        "roots": list(reading.roots),
        "above": list(reading.above_roots),
        "xid": place.xid,
        "position": place.position,
        "each": each,
        "limit": limit,
    }
    rows = (await connection.execute(_STRETCH, values)).all()
    first = rows[0]
    entries = [_entry(row) for row in rows if row.xid is not None]
    if len(entries) == limit:
        return Stretch(entries, entries[-1].place, more=True, cut=first.cut)
    if first.edge_xid is not None:
        return Stretch(entries, Place(first.edge_xid, first.edge_position), more=True, cut=first.cut)
    return Stretch(entries, max(place, Place(first.horizon, 0)), more=False, cut=first.cut)


def _entry(row: Any) -> Entry:
    scope = frozenset(map(ItemId, row.scope or ()))
    place = Place(row.xid, row.position)
    return Entry(place, UserId(row.owner_id), ItemId(row.item_id), row.reason, row.actor_id, row.at, scope)


_present = text(f"SELECT {HORIZON}")
_upcoming = text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")


async def present(connection: AsyncConnection) -> Place:
    """The place from which everything that is not decided yet will be read."""
    return Place(int((await connection.execute(_present)).scalar_one()), 0)


async def upcoming(connection: AsyncConnection) -> int:
    """The first transaction id of which nothing that was read so far on the connection can tell."""
    return int((await connection.execute(_upcoming)).scalar_one())


@dataclass(frozen=True, slots=True)
class News:
    """Feeds with something new, each with the place of its newest entry that is decided. `until`: up to here all has been
    looked at. `held_up`: there is more, behind a transaction that still runs.
    """

    newest: dict[UserId, Place]
    until: Place
    held_up: bool


_NEWS = text(
    f"""
    SELECT {HORIZON} AS horizon, feed.owner_id, decided.xid, decided.position, EXISTS (
        SELECT FROM changes WHERE changes.owner_id = feed.owner_id AND changes.xid >= {HORIZON}
    ) AS held_up
    FROM unnest(:feeds) AS feed(owner_id) LEFT JOIN LATERAL (
        SELECT xid, position
        FROM changes
        WHERE changes.owner_id = feed.owner_id AND (xid, position) > (:xid, :position) AND xid < {HORIZON}
        ORDER BY xid DESC, position DESC
        LIMIT 1
    ) AS decided ON true
    """  # noqa: S608  # put together from constants
).bindparams(bindparam("feeds", type_=ARRAY(Id))).columns(owner_id=Id)  # fmt: skip


async def news_of(connection: AsyncConnection, feeds: Collection[UserId], since: Place) -> News:
    """Which of `feeds`, of which there is at least one, have anything new after `since`. Costs one look into the index for
    each.
    """
    rows = (await connection.execute(_NEWS, {"feeds": [*feeds], "xid": since.xid, "position": since.position})).all()
    newest = {UserId(row.owner_id): Place(row.xid, row.position) for row in rows if row.xid is not None}
    return News(newest, Place(rows[0].horizon, 0), any(row.held_up for row in rows))
