"""Reading figures: one range of an index per series, whatever else is kept."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_notifier.domain.analytics import ACTIVE, STORED
from coffer_notifier.domain.calendar import Step
from coffer_notifier.store.analytics_folding import BEFORE_ALL_DAYS


@dataclass(frozen=True, slots=True)
class Line:
    """What was counted of one thing in steps, each by its number from the first one on; steps with nothing are left out."""

    series: str
    detail: str
    steps: Sequence[int]
    counts: Sequence[int]
    sizes_bytes: Sequence[int]


_NUMBER: Final[dict[Step, str]] = {
    "day": "day - CAST(:first AS date)",
    "week": "(day - CAST(:first AS date)) / 7",
    "month": "CAST(12 * (extract(year FROM day) - extract(year FROM CAST(:first AS date)))"
    " + extract(month FROM day) - extract(month FROM CAST(:first AS date)) AS int)",
}

# As arrays: a year has a thousand times as many rows as lines, and rows are what reading costs.
_between = {
    step: text(
        f"""
        SELECT series, detail, array_agg(step), array_agg(number), array_agg(size) FROM (
            SELECT series, detail, {number} AS step, {"count" if step == "day" else "CAST(sum(count) AS bigint)"} AS number,
                {"size_bytes" if step == "day" else "CAST(sum(size_bytes) AS bigint)"} AS size
            FROM analytics_days
            WHERE scope = CAST(:scope AS uuid) AND series = ANY(CAST(:series AS text[])) AND day BETWEEN :first AND :last
                AND (series <> '{ACTIVE}' OR detail = :step)
            {"" if step == "day" else "GROUP BY 1, 2, 3"}
        ) AS found
        WHERE number <> 0 OR size <> 0 GROUP BY series, detail
        """  # noqa: S608  # constants
    )
    for step, number in _NUMBER.items()
}


async def lines_between(
    connection: AsyncConnection, scope: str, series: Collection[str], first: date, last: date, step: Step
) -> list[Line]:
    """What was counted in each step from the one that begins with `first` to the one that ends with `last`. Of what is stored
    it is what was added.
    """
    values = {"scope": scope, "series": list(series), "first": first, "last": last, "step": step}
    return [Line(*row) for row in await connection.execute(_between[step], values)]


_before = text(
    f"""
    SELECT detail, CAST(sum(count) AS bigint), CAST(sum(size_bytes) AS bigint) FROM analytics_days
    WHERE scope = CAST(:scope AS uuid) AND series = '{STORED}' AND day < :first GROUP BY detail
    """  # noqa: S608  # constants
)


async def stored_before(connection: AsyncConnection, scope: str, first: date) -> dict[str, tuple[int, int]]:
    """What was stored when a day began: number and bytes by kind."""
    rows = await connection.execute(_before, {"scope": scope, "first": first})
    return {detail: (count, size) for detail, count, size in rows}


@dataclass(frozen=True, slots=True)
class Figure:
    """What was counted of one thing on a day."""

    day: date
    series: str
    detail: str
    count: int
    size_bytes: int


_rows = text(
    f"""
    SELECT day, series, detail, count, size_bytes FROM analytics_days
    WHERE scope = CAST(:scope AS uuid) AND day BETWEEN :first AND :last AND day > {BEFORE_ALL_DAYS}
    ORDER BY day, series, detail
    """  # noqa: S608  # constants
)


async def rows_between(connection: AsyncConnection, scope: str, first: date, last: date) -> list[Figure]:
    """Figures as they are kept, by day."""
    values = {"scope": scope, "first": first, "last": last}
    return [Figure(*row) for row in await connection.execute(_rows, values)]


_count = text(
    f"""
    SELECT count(*) FROM analytics_days
    WHERE scope = CAST(:scope AS uuid) AND day BETWEEN :first AND :last AND day > {BEFORE_ALL_DAYS}
    """  # noqa: S608  # constants
)


async def count_between(connection: AsyncConnection, scope: str, first: date, last: date) -> int:
    """How many figures `rows_between` has."""
    values = {"scope": scope, "first": first, "last": last}
    return int((await connection.execute(_count, values)).scalar_one())


_days = text(
    f"""
    SELECT min(day), max(day) FROM analytics_days WHERE scope = CAST(:scope AS uuid) AND day > {BEFORE_ALL_DAYS}
    """  # noqa: S608  # constants
)


async def days_between(connection: AsyncConnection, scope: str) -> tuple[date, date] | None:
    """Between which days a scope has figures, both included; nothing where it has none."""
    first, last = (await connection.execute(_days, {"scope": scope})).one()
    return (first, last) if first is not None else None
