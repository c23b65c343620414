"""Making figures anew: of what marks and standings still say, or of what snapshots tell. Whoever calls holds the lock."""

from datetime import date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_notifier.domain.analytics import ACTIVE, HOUSE, REGISTERED, STORED
from coffer_notifier.store.analytics_folding import ADD_UP, NOTE_COUNTED, NOW_COUNTED, OWNER, SPANS

_CLOSES: Final = f"""
    CASE WHEN series = '{ACTIVE}' AND detail = 'week' THEN day + 6
         WHEN series = '{ACTIVE}' AND detail = 'month' THEN CAST(day + interval '1 month' - interval '1 day' AS date)
         ELSE day END
"""
"""The last day on which a fact may add to a row; as `Mark.closes_on`."""

_drop_open = text(
    f"""
    DELETE FROM analytics_days
    WHERE series <> '{STORED}' AND (series = '{REGISTERED}' OR {_CLOSES} >= (SELECT marks_from FROM analytics_state))
    """  # noqa: S608  # constants
)

_IS_OPEN = "(closes_on IS NULL OR closes_on >= (SELECT marks_from FROM analytics_state))"

_add_marks = text(
    f"""
    WITH changes AS (
        SELECT series, detail, day, {OWNER.format(owner="m.owner_id")} AS owner_id, count, size_bytes
        FROM analytics_marks m WHERE {_IS_OPEN}
    ), counted AS (UPDATE analytics_marks SET is_counted = true WHERE NOT is_counted AND {_IS_OPEN}), added AS ({ADD_UP})
    SELECT count(*) FROM changes
    """  # noqa: S608  # constants
)


async def rebuild_marks(connection: AsyncConnection) -> int:
    """Make all figures but those of what is stored anew, as far back as marks are there; of how many marks."""
    await connection.execute(_drop_open)
    return int((await connection.execute(_add_marks, {"house": HOUSE})).scalar_one())


_drop_stored = text(
    f"DELETE FROM analytics_days WHERE series = '{STORED}' AND day >= (SELECT items_from FROM analytics_state)"  # noqa: S608  # constants
)

_ALL_SPANS: Final = SPANS.format(which="true")

_add_open = text(
    f"""
    WITH spans AS ({_ALL_SPANS}), each AS ({NOW_COUNTED}),
    changes AS (SELECT * FROM each WHERE day >= (SELECT items_from FROM analytics_state)),
    noted AS ({NOTE_COUNTED}), added AS ({ADD_UP})
    SELECT count(*) FROM spans
    """  # noqa: S608  # constants
)

_correct = text(
    f"""
    WITH spans AS ({_ALL_SPANS}), each AS ({NOW_COUNTED}), told AS (
        SELECT scopes.scope, each.detail, each.count, each.size_bytes FROM each
            CROSS JOIN LATERAL (VALUES (CAST(:house AS uuid)), (each.owner_id)) AS scopes (scope)
        WHERE scopes.scope IS NOT NULL AND each.day < :until
        UNION ALL
        SELECT scope, detail, -count, -size_bytes FROM analytics_days WHERE series = '{STORED}' AND day < :until
    )
    INSERT INTO analytics_days AS known (scope, series, day, detail, count, size_bytes)
    SELECT scope, '{STORED}', CAST(:booked AS date), detail, sum(count), sum(size_bytes) FROM told
    GROUP BY scope, detail HAVING sum(count) <> 0 OR sum(size_bytes) <> 0
    ON CONFLICT (scope, series, day, detail) DO UPDATE SET
        count = known.count + excluded.count, size_bytes = known.size_bytes + excluded.size_bytes
    """  # noqa: S608  # constants
)

_FIRST: Final = date(1970, 1, 1)


async def rebuild_items(connection: AsyncConnection) -> int:
    """Make the figures of what is stored anew, as far back as standings are there; of how many standings. Rows of days before
    stay; if their sum is not what the standings say, the difference is put before all days.
    """
    await connection.execute(_drop_stored)
    count = (await connection.execute(_add_open, {"house": HOUSE})).scalar_one()
    from_ = (await connection.execute(text("SELECT items_from FROM analytics_state"))).scalar_one()
    await connection.execute(_correct, {"house": HOUSE, "until": from_, "booked": _FIRST})
    return int(count)


async def begin_anew(connection: AsyncConnection, now: datetime) -> None:
    """Forget how items stand and which accounts there are, and learn it anew: until `settle` none of that is counted."""
    await connection.execute(text("DELETE FROM analytics_items"))
    await connection.execute(text("DELETE FROM analytics_marks WHERE series = :series"), {"series": REGISTERED})
    await connection.execute(text("UPDATE analytics_state SET anew_since = :now"), {"now": now})


_note_all = text(f"WITH spans AS ({_ALL_SPANS}) {NOTE_COUNTED}")  # constants
_drop_registered = text("DELETE FROM analytics_days WHERE series = :series")
_add_registered = text(
    f"""
    WITH changes AS (
        SELECT series, detail, day, owner_id, count, size_bytes FROM analytics_marks WHERE series = '{REGISTERED}'
    ), counted AS (
        UPDATE analytics_marks SET is_counted = true WHERE series = '{REGISTERED}'
    ), added AS ({ADD_UP})
    SELECT count(*) FROM changes
    """  # noqa: S608  # constants
)
_settled = text("UPDATE analytics_state SET anew_since = NULL, items_from = greatest(items_from, :following)")


async def settle(connection: AsyncConnection, today: date, following: date) -> None:
    """Believe what was learned: accounts by the day on which they were made. What was stored on which day stays as it was kept;
    what does not add up to how items stand now is booked on `today`. `following` is the day after.
    """
    await connection.execute(_drop_registered, {"series": REGISTERED})
    await connection.execute(_add_registered, {"house": HOUSE})
    await connection.execute(_correct, {"house": HOUSE, "until": date.max, "booked": today})
    await connection.execute(_note_all)
    await connection.execute(_settled, {"following": following})


_remember = text("CREATE TEMPORARY TABLE figures_before ON COMMIT DROP AS SELECT * FROM analytics_days")
_compare = text(
    """
    SELECT series, count(*) FROM analytics_days AS now FULL JOIN figures_before AS before USING (scope, series, day, detail)
    WHERE coalesce(now.count, 0) <> coalesce(before.count, 0)
        OR coalesce(now.size_bytes, 0) <> coalesce(before.size_bytes, 0)
    GROUP BY series ORDER BY series
    """
)


async def remember_figures(connection: AsyncConnection) -> None:
    """Keep a copy of all figures until the transaction ends."""
    await connection.execute(_remember)


async def differences(connection: AsyncConnection) -> dict[str, int]:
    """How many figures are another than when they were remembered, by series."""
    return {series: int(count) for series, count in await connection.execute(_compare)}
