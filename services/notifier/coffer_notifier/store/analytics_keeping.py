"""How long usage figures, and what they are made of, are kept. A slice per statement; whoever calls holds their lock."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_notifier.domain.analytics import STORED
from coffer_notifier.store.analytics_folding import BEFORE_ALL_DAYS

SLICE: Final = 2000


@dataclass(frozen=True, slots=True)
class State:
    """From which day on all marks, all standings and all figures are there: before `marks_from` days are closed. Up to when all
    was counted, None before the first time. Since when what is stored is learned anew, None if it is not.
    """

    marks_from: date
    items_from: date
    kept_from: date
    counted_at: datetime | None
    anew_since: datetime | None


_state = text("SELECT marks_from, items_from, kept_from, counted_at, anew_since FROM analytics_state")


async def state_of(connection: AsyncConnection) -> State:
    """What is known of the figures as a whole."""
    return State(*(await connection.execute(_state)).one())


_close = text(
    """
    UPDATE analytics_state
    SET marks_from = greatest(marks_from, :open_from), items_from = greatest(items_from, :open_from),
        kept_from = greatest(kept_from, :kept_from)
    """
)


async def close_days(connection: AsyncConnection, *, open_from: date, kept_from: date) -> None:
    """No fact of a day before `open_from` is counted from now on, and figures before `kept_from` are not kept; neither day ever
    goes back. May run twice.
    """
    await connection.execute(_close, {"open_from": open_from, "kept_from": kept_from})


_forget_marks = text(
    """
    DELETE FROM analytics_marks WHERE key IN (
        SELECT key FROM analytics_marks
        WHERE closes_on < (SELECT marks_from FROM analytics_state) AND is_counted LIMIT :limit
    )
    """
)


async def forget_marks(connection: AsyncConnection) -> int:
    """Delete some marks of days that are closed; how many. What they counted stays."""
    return (await connection.execute(_forget_marks, {"limit": SLICE})).rowcount


_shorten = text(
    """
    WITH due AS (
        SELECT DISTINCT item_id FROM (
            SELECT item_id FROM analytics_items
            WHERE NOT is_base AND day < (SELECT marks_from FROM analytics_state) ORDER BY day LIMIT :limit
        ) AS old
    ), settled AS (
        SELECT item_id FROM due d
        WHERE NOT EXISTS (SELECT FROM analytics_items i WHERE i.item_id = d.item_id AND NOT i.is_counted)
    ), newest AS (
        SELECT DISTINCT ON (i.item_id) i.item_id, i.day, i.sequence, i.is_gone
        FROM analytics_items i JOIN settled USING (item_id)
        WHERE i.day < (SELECT marks_from FROM analytics_state)
        ORDER BY i.item_id, i.sequence DESC
    ), gone AS (
        DELETE FROM analytics_items i USING newest n
        WHERE i.item_id = n.item_id AND (i.sequence < n.sequence OR (n.is_gone AND i.sequence = n.sequence))
        RETURNING i.item_id
    ), kept AS (
        UPDATE analytics_items i SET is_base = true, created_on = coalesce(i.counted_from, i.created_on)
        FROM newest n WHERE i.item_id = n.item_id AND i.day = n.day AND NOT n.is_gone
    )
    SELECT count(*) FROM newest
    """
)


async def shorten_items(connection: AsyncConnection) -> int:
    """Keep of some items' standings on closed days only the last one; how many items. What was gone by then is forgotten."""
    return int((await connection.execute(_shorten, {"limit": SLICE})).scalar_one())


_forget_days = text(
    f"""
    WITH old AS (
        DELETE FROM analytics_days WHERE (scope, series, day, detail) IN (
            SELECT scope, series, day, detail FROM analytics_days
            WHERE day > {BEFORE_ALL_DAYS} AND day < (SELECT kept_from FROM analytics_state) LIMIT :limit
        ) RETURNING scope, series, detail, count, size_bytes
    ), carried AS (
        INSERT INTO analytics_days AS known (scope, series, day, detail, count, size_bytes)
        SELECT scope, series, {BEFORE_ALL_DAYS}, detail, sum(count), sum(size_bytes) FROM old WHERE series = '{STORED}'
        GROUP BY scope, series, detail
        ON CONFLICT (scope, series, day, detail) DO UPDATE SET
            count = known.count + excluded.count, size_bytes = known.size_bytes + excluded.size_bytes
    )
    SELECT count(*) FROM old
    """  # noqa: S608  # constants
)


async def forget_days(connection: AsyncConnection) -> int:
    """Delete some figures of days that are not kept, and carry over what was stored; how many."""
    return int((await connection.execute(_forget_days, {"limit": SLICE})).scalar_one())
