"""Marks and standings as facts leave them: one statement for a whole batch. Nothing here is shared between facts about other
things, so nobody waits for anybody but for whoever tells of the same thing.
"""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import UserId
from coffer_notifier.domain.analytics import Mark, Standing

_write = text(
    """
    WITH made AS (
        INSERT INTO analytics_marks (key, series, detail, day, closes_on, owner_id, count, size_bytes)
        SELECT given.* FROM unnest(
            CAST(:keys AS uuid[]), CAST(:series AS text[]), CAST(:details AS text[]), CAST(:mark_days AS date[]),
            CAST(:closing AS date[]), CAST(:mark_owners AS uuid[]), CAST(:counts AS bigint[]), CAST(:mark_sizes AS bigint[])
        ) AS given (key, series, detail, day, closes_on, owner_id, count, size_bytes)
        WHERE given.closes_on IS NULL OR given.closes_on >= (SELECT marks_from FROM analytics_state)
        ORDER BY given.key
        ON CONFLICT DO NOTHING
        RETURNING key
    )
    INSERT INTO analytics_items AS known (item_id, day, sequence, owner_id, kind, size_bytes, created_on, is_gone)
    SELECT item_id, day, sequence, owner_id, kind, size_bytes, created_on, is_gone FROM unnest(
        CAST(:items AS uuid[]), CAST(:days AS date[]), CAST(:sequences AS bigint[]), CAST(:owners AS uuid[]),
        CAST(:kinds AS text[]), CAST(:sizes AS bigint[]), CAST(:made AS date[]), CAST(:gone AS boolean[]),
        CAST(:seen AS date[])
    ) AS given (item_id, day, sequence, owner_id, kind, size_bytes, created_on, is_gone, seen_on)
    WHERE (SELECT count(*) FROM made) >= 0 AND NOT EXISTS (
        SELECT FROM analytics_items base
        WHERE base.item_id = given.item_id AND base.is_base AND base.sequence > given.sequence
    ) AND (
        given.seen_on >= (SELECT marks_from FROM analytics_state)
        OR EXISTS (SELECT FROM analytics_items i WHERE i.item_id = given.item_id)
    )
    ORDER BY given.item_id, given.day
    ON CONFLICT (item_id, day) DO UPDATE SET
        sequence = excluded.sequence, owner_id = excluded.owner_id, kind = excluded.kind, size_bytes = excluded.size_bytes,
        is_gone = excluded.is_gone, is_counted = false,
        created_on = CASE WHEN known.is_base THEN known.created_on ELSE excluded.created_on END
    WHERE known.sequence < excluded.sequence
    """
)
"""Marks come before items, which is what counting them makes sure of: whoever folds locks them in this order, too, and a mark
that is being folded is waited for.

Marks of closed days are not made: what would say whether it was counted already is gone.

What came before a base is in it. Of an item of which nothing is known any more, facts of closed days are not believed: it
may have gone since, and that is forgotten. That it was still there on an open day, as snapshots say, is.
"""


async def write_down(connection: AsyncConnection, marks: Iterable[Mark], standings: Iterable[Standing]) -> None:
    """Write marks that were not made before, and how items stood at the end of days as far as is known by now. May run twice
    and in any order.
    """
    values = _of_marks(list({mark.key: mark for mark in marks}.values())) | _of_standings(_newest(standings))
    if values["keys"] or values["items"]:
        await connection.execute(_write, values)


def _of_marks(found: list[Mark]) -> dict[str, Any]:
    return {
        "keys": [mark.key for mark in found],
        "series": [mark.series for mark in found],
        "details": [mark.detail for mark in found],
        "mark_days": [mark.day for mark in found],
        "closing": [mark.closes_on for mark in found],
        "mark_owners": [mark.owner_id for mark in found],
        "counts": [mark.count for mark in found],
        "mark_sizes": [mark.size_bytes for mark in found],
    }


def _of_standings(found: list[Standing]) -> dict[str, Any]:
    return {
        "items": [one.item_id for one in found],
        "days": [one.day for one in found],
        "sequences": [one.sequence for one in found],
        "owners": [one.owner_id for one in found],
        "kinds": [one.kind for one in found],
        "sizes": [one.size_bytes for one in found],
        "made": [one.created_on for one in found],
        "gone": [one.is_gone for one in found],
        "seen": [one.seen_on for one in found],
    }


def _newest(standings: Iterable[Standing]) -> list[Standing]:
    """The last of each item and day."""
    newest: dict[tuple[str, object], Standing] = {}
    for standing in standings:
        known = newest.get((standing.item_id, standing.day))
        if known is None or (known.sequence, known.seen_on) < (standing.sequence, standing.seen_on):
            newest[standing.item_id, standing.day] = standing
    return list(newest.values())


_close = text(
    "INSERT INTO analytics_closed_drives (owner_id) SELECT * FROM unnest(CAST(:owners AS uuid[])) ORDER BY 1"
    " ON CONFLICT DO NOTHING"
)


async def close_drives(connection: AsyncConnection, owners: Collection[UserId]) -> None:
    """Have the figures of these drives forgotten; those of the house keep their sums. May run twice."""
    if owners:
        await connection.execute(_close, {"owners": sorted(set(owners))})
