"""Folding: what marks and standings say is added to the figures per day, and they are noted as counted, in one transaction.

One transaction at a time does so, however many processes run: the figures are few rows that all facts add to, and nobody but
this job ever waits for them.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_notifier.domain.analytics import HOUSE, REGISTERED, STORED

FOLDED_AT_ONCE: Final = 2000

_LOCK = 0x636F_6666_6572_0040
"""Of all transactions that change figures per day."""

BEFORE_ALL_DAYS: Final = "DATE '1970-01-01'"
"""Where what is stored stands that was there before the days that are kept."""

_lock = text("SELECT pg_advisory_xact_lock(:key)")
_try_lock = text("SELECT pg_try_advisory_xact_lock(:key)")


async def lock_figures(connection: AsyncConnection) -> None:
    """Wait until nobody else changes figures; held until the transaction ends."""
    await connection.execute(_lock, {"key": _LOCK})


async def try_lock_figures(connection: AsyncConnection) -> bool:
    """Whether nobody else changes figures at this moment; if so, held until the transaction ends."""
    return bool((await connection.execute(_try_lock, {"key": _LOCK})).scalar_one())


OWNER: Final = """
    CASE WHEN (SELECT p.status FROM people p WHERE p.user_id = {owner}) IS DISTINCT FROM 'deleted' THEN {owner} END
"""
"""An owner, unless their account is closed: of those only the sums of the house are kept. As a value, so that each is looked up
by itself and never all people.
"""

ADD_UP: Final = f"""
    INSERT INTO analytics_days AS known (scope, series, day, detail, count, size_bytes)
    SELECT scope, series, booked_on, detail, sum(count), sum(size_bytes) FROM (
        SELECT scopes.scope, c.series, c.detail, c.count, c.size_bytes,
            CASE WHEN c.day < state.kept_from THEN {BEFORE_ALL_DAYS} ELSE c.day END AS booked_on
        FROM changes c CROSS JOIN analytics_state state
            CROSS JOIN LATERAL (VALUES (CAST(:house AS uuid)), (c.owner_id)) AS scopes (scope)
        WHERE scopes.scope IS NOT NULL AND (c.day >= state.kept_from OR c.series = '{STORED}')
    ) AS each
    GROUP BY scope, series, booked_on, detail
    HAVING sum(count) <> 0 OR sum(size_bytes) <> 0
    ORDER BY scope, series, booked_on, detail
    ON CONFLICT (scope, series, day, detail) DO UPDATE SET
        count = known.count + excluded.count, size_bytes = known.size_bytes + excluded.size_bytes
"""  # noqa: S608  # constants
"""Adds `changes` (series, detail, day, owner_id, count, size_bytes) to the house and to the drives of their owners."""

_fold_marks = text(
    f"""
    WITH waiting AS (
        SELECT key, series, detail, day, owner_id, count, size_bytes FROM analytics_marks
        WHERE NOT is_counted AND (CAST(:with_kept AS boolean) OR series <> '{REGISTERED}')
        ORDER BY day LIMIT :limit FOR UPDATE
    ), counted AS (
        UPDATE analytics_marks m SET is_counted = true FROM waiting WHERE m.key = waiting.key
    ), changes AS (
        SELECT series, detail, day, {OWNER.format(owner="waiting.owner_id")} AS owner_id, count, size_bytes FROM waiting
    ), added AS ({ADD_UP})
    SELECT count(*) FROM waiting
    """  # noqa: S608  # constants
)


async def fold_marks(connection: AsyncConnection, *, with_kept: bool = True) -> int:
    """Count some marks that were not counted; how many. The caller holds the lock."""
    values = {"limit": FOLDED_AT_ONCE, "house": HOUSE, "with_kept": with_kept}
    return int((await connection.execute(_fold_marks, values)).scalar_one())


_lock_items = text(
    """
    SELECT DISTINCT item_id FROM (
        SELECT item_id FROM analytics_items WHERE item_id IN (
            SELECT item_id FROM analytics_items WHERE NOT is_counted ORDER BY item_id LIMIT :limit
        ) ORDER BY item_id, day FOR UPDATE
    ) AS locked
    """
)

SPANS: Final = f"""
    SELECT i.*, {OWNER.format(owner="i.owner_id")} AS told_owner,
        CASE WHEN lag(i.day) OVER each IS NULL THEN i.created_on ELSE i.day END AS begins, lead(i.day) OVER each AS ends
    FROM analytics_items i WHERE {{which}}
    WINDOW each AS (PARTITION BY i.item_id ORDER BY i.sequence, i.day)
"""  # noqa: S608  # constants
"""From when to when each standing counts: from its day until that of the next one, by the sequence and not by the clock. The
first one counts from the day on which the item was made: whatever came before it was not heard of.
"""

NOW_COUNTED: Final = f"""
    SELECT '{STORED}' AS series, kind AS detail, begins AS day, told_owner AS owner_id, 1 AS count, size_bytes
    FROM spans WHERE NOT is_gone
    UNION ALL
    SELECT '{STORED}', kind, ends, told_owner, -1, -size_bytes FROM spans WHERE NOT is_gone AND ends IS NOT NULL
"""  # noqa: S608  # constants
"""What `spans` add, at their beginning and at their end."""

NOTE_COUNTED: Final = """
    UPDATE analytics_items i SET is_counted = true,
        counted_owner = spans.told_owner, counted_kind = spans.kind, counted_bytes = spans.size_bytes,
        counted_from = CASE WHEN NOT spans.is_gone THEN spans.begins END,
        counted_until = CASE WHEN NOT spans.is_gone THEN spans.ends END
    FROM spans WHERE i.item_id = spans.item_id AND i.day = spans.day
        AND NOT (spans.is_counted AND spans.begins IS NOT DISTINCT FROM spans.counted_from
                 AND spans.ends IS NOT DISTINCT FROM spans.counted_until)
"""

_fold_items = text(
    f"""
    WITH spans AS ({SPANS.format(which="i.item_id = ANY(CAST(:items AS uuid[]))")}),
    changes AS (
        {NOW_COUNTED}
        UNION ALL
        SELECT '{STORED}', counted_kind, counted_from, {OWNER.format(owner="spans.counted_owner")}, -1, -counted_bytes
        FROM spans WHERE counted_from IS NOT NULL
        UNION ALL
        SELECT '{STORED}', counted_kind, counted_until, {OWNER.format(owner="spans.counted_owner")}, 1, counted_bytes
        FROM spans WHERE counted_until IS NOT NULL
    ), noted AS ({NOTE_COUNTED}), added AS ({ADD_UP})
    SELECT count(*) FROM spans WHERE NOT is_counted
    """  # noqa: S608  # constants
)


async def fold_items(connection: AsyncConnection) -> int:
    """Count what changed about some items, and no longer what of them was counted before; how many standings. The caller holds
    the lock.
    """
    locked = await connection.execute(_lock_items, {"limit": FOLDED_AT_ONCE})
    items = [str(item_id) for item_id in locked.scalars()]
    if not items:
        return 0
    return int((await connection.execute(_fold_items, {"items": items, "house": HOUSE})).scalar_one())


_counted_all = text("UPDATE analytics_state SET counted_at = :now")


async def note_all_counted(connection: AsyncConnection, now: datetime) -> None:
    """Everything that was committed before `now` is counted."""
    await connection.execute(_counted_all, {"now": now})


_take_closed = text("DELETE FROM analytics_closed_drives RETURNING owner_id")
_forget_owner = text("UPDATE analytics_marks SET owner_id = NULL WHERE owner_id = ANY(CAST(:owners AS uuid[]))")
_forget_drive = text("DELETE FROM analytics_days WHERE scope = ANY(CAST(:owners AS uuid[]))")


async def forget_closed_drives(connection: AsyncConnection) -> int:
    """Let the figures of closed accounts go; how many accounts. The house keeps its sums. The caller holds the lock."""
    owners = [str(owner) for owner in (await connection.execute(_take_closed)).scalars()]
    if owners:
        await connection.execute(_forget_owner, {"owners": owners})
        await connection.execute(_forget_drive, {"owners": owners})
    return len(owners)
