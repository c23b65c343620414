"""Usage figures as they are kept, for tests that hold them against what happened."""

from datetime import date

from coffer_notifier.domain.analytics import HOUSE
from factories.notifier import Notifier

Figures = dict[tuple[str, str, date, str], tuple[int, int]]
"""Scope, series, day and detail -> how many, and how many bytes."""

TABLES = "analytics_marks, analytics_items, analytics_days, analytics_closed_drives"


async def figures_of(notifier: Notifier) -> Figures:
    """What the notifier keeps, but for what is nothing."""
    rows = await notifier.rows(
        "SELECT scope::text, series, day, detail, count, size_bytes FROM analytics_days WHERE count <> 0 OR size_bytes <> 0"
    )
    return {(row[0], row[1], row[2], row[3]): (row[4], row[5]) for row in rows}


async def empty(notifier: Notifier) -> None:
    """As if nothing had ever been counted."""
    async with notifier.engine.begin() as connection:
        await connection.exec_driver_sql(f"TRUNCATE {TABLES}")
        await connection.exec_driver_sql(
            "UPDATE analytics_state SET marks_from = '1970-01-02', items_from = '1970-01-02', kept_from = '1970-01-02',"
            " counted_at = NULL, anew_since = NULL"
        )


def stored_at(expected: Figures, scope: str, day: date) -> tuple[int, int, int]:
    """Files, folders and bytes when a day was over."""
    files_ = folders = size = 0
    for (where, series, on, kind), (count, more) in expected.items():
        if where == (HOUSE if scope == "house" else scope) and series == "stored" and on <= day:
            folders += count if kind == "folder" else 0
            files_ += count if kind != "folder" else 0
            size += more
    return files_, folders, size
