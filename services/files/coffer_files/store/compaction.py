"""What may be left out of the change feed, because what is left says as much, or because it reaches back far enough."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.tables import Id, Instant
from coffer_contracts.ids import UserId
from coffer_files.store.entries import Place

# Entries tell how an item stands at the time of reading, so one about which everybody who hears of it hears again later
# adds nothing. Those that open or close what lies below the item say more than that, until the item is gone for good.
_SUPERSEDED = text(
    """
    DELETE FROM changes AS older USING changes AS newer
    WHERE newer.at >= :since AND newer.at < :until AND older.at < :until
        AND older.item_id = newer.item_id AND older.owner_id = newer.owner_id
        AND (older.xid, older.position) < (newer.xid, newer.position)
        AND older.scope <@ newer.scope
        AND (older.reason IN ('content', 'renamed', 'metadata') OR newer.reason = 'purged')
    """
).bindparams(bindparam("since", type_=Instant), bindparam("until", type_=Instant))

_WINDOW = text(
    """
    SELECT max(at) FROM (SELECT at FROM changes WHERE at >= :since AND at < :until ORDER BY at LIMIT :rows) AS first_of_it
    """
).bindparams(bindparam("since", type_=Instant), bindparam("until", type_=Instant)).columns(max=Instant)  # fmt: skip

_done = text("SELECT compacted_until FROM feed_compaction").columns(compacted_until=Instant)
_note_done = text(
    "INSERT INTO feed_compaction (compacted_until) VALUES (:until) "
    "ON CONFLICT (is_only) DO UPDATE SET compacted_until = excluded.compacted_until"
).bindparams(bindparam("until", type_=Instant))


async def compacted_until(connection: AsyncConnection) -> datetime | None:
    """The moment up to which entries were compacted; None before the first time."""
    moment: datetime | None = (await connection.execute(_done)).scalar_one_or_none()
    return moment


async def note_compacted(connection: AsyncConnection, until: datetime) -> None:
    """Write down how far it went."""
    await connection.execute(_note_done, {"until": until})


async def window_after(connection: AsyncConnection, since: datetime, until: datetime, rows: int) -> datetime | None:
    """When the last of the first `rows` entries from `since` on, and before `until`, was written; None if there is none."""
    found: datetime | None = (
        await connection.execute(_WINDOW, {"since": since, "until": until, "rows": rows})
    ).scalar_one_or_none()
    return found


async def drop_superseded(connection: AsyncConnection, since: datetime, until: datetime) -> int:
    """Delete what entries from `since` on and before `until` say again about the same item; how many. May run twice."""
    return (await connection.execute(_SUPERSEDED, {"since": since, "until": until})).rowcount


_active = text("SELECT DISTINCT owner_id FROM changes WHERE at >= :since").bindparams(
    bindparam("since", type_=Instant)
).columns(owner_id=Id)  # fmt: skip
_last_to_go = text(
    """
    SELECT xid, position FROM changes WHERE owner_id = :owner ORDER BY xid DESC, position DESC OFFSET :rows LIMIT 1
    """
).bindparams(bindparam("owner", type_=Id))
_raise_floor = text(
    """
    INSERT INTO feed_floors (owner_id, xid, position) VALUES (:owner, :xid, :position)
    ON CONFLICT (owner_id) DO UPDATE SET xid = excluded.xid, position = excluded.position
    WHERE (feed_floors.xid, feed_floors.position) < (excluded.xid, excluded.position)
    """
).bindparams(bindparam("owner", type_=Id))
_below_floor = text(
    """
    DELETE FROM changes WHERE position IN (
        SELECT position FROM changes
        WHERE owner_id = :owner AND (xid, position) <= (:xid, :position) ORDER BY xid, position LIMIT :rows
    )
    """
).bindparams(bindparam("owner", type_=Id))


async def active_since(connection: AsyncConnection, since: datetime) -> Sequence[UserId]:
    """Whose feeds have grown."""
    return [UserId(owner_id) for owner_id in (await connection.execute(_active, {"since": since})).scalars()]


async def raise_floor(connection: AsyncConnection, owner_id: UserId, keep: int) -> Place | None:
    """Have the feed reach back no further than its newest `keep` entries: whoever stands before them is refused from this
    commit on. The place up to which its entries may be deleted then; None if there are no more than that.
    """
    last = (await connection.execute(_last_to_go, {"owner": owner_id, "rows": keep})).one_or_none()
    if last is None:
        return None
    await connection.execute(_raise_floor, {"owner": owner_id, "xid": last.xid, "position": last.position})
    return Place(last.xid, last.position)


async def drop_below(connection: AsyncConnection, owner_id: UserId, floor: Place, rows: int) -> int:
    """Delete up to `rows` of the feed's oldest entries up to `floor`; how many."""
    values = {"owner": owner_id, "xid": floor.xid, "position": floor.position, "rows": rows}
    return (await connection.execute(_below_floor, values)).rowcount
