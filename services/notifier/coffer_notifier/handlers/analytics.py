"""Usage figures as they are asked for: of the whole house or of one drive, in days, weeks or months; and taken away."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime

from coffer_chassis.admin.acts import tell
from coffer_chassis.origin import Origin
from coffer_contracts.notifier import OperatorActedV1
from coffer_notifier.domain.analytics import HOUSE, STORED
from coffer_notifier.domain.calendar import Step, end_of, start_of, starts_between
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.store.analytics_keeping import state_of
from coffer_notifier.store.analytics_reading import (
    Figure,
    Line,
    count_between,
    days_between,
    lines_between,
    rows_between,
    stored_before,
)

EXPORTED = "analytics.exported"

Sum = tuple[int, int]
"""How many, and how many bytes."""


@dataclass(frozen=True, slots=True)
class Point:
    """What was counted in one step, by series and detail; and what was stored when it was over, by kind."""

    start: date
    counted: dict[str, dict[str, Sum]] = field(default_factory=lambda: defaultdict(dict))
    stored: dict[str, Sum] = field(default_factory=dict)

    def sum_of(self, series: str) -> Sum:
        """Of all details of a series."""
        found = self.counted.get(series, {}).values()
        return sum(count for count, _ in found), sum(size for _, size in found)


@dataclass(frozen=True, slots=True)
class Figures:
    """All steps between two days, whole ones; and up to when everything is counted that the notifier has heard."""

    first: date
    last: date
    points: list[Point]
    counted_at: datetime | None


async def read_figures(deps: Deps, scope: str, series: Collection[str], first: date, last: date, step: Step) -> Figures:
    """The figures of a scope, every step of them, also those in which nothing was. Three statements, whatever is kept."""
    first, last = start_of(first, step), end_of(last, step)
    async with deps.work.read() as connection:
        known = await state_of(connection)
        lines = await lines_between(connection, scope, series, first, last, step)
        level = await stored_before(connection, scope, first) if STORED in series else {}
    return Figures(first, last, _points(lines, level, starts_between(first, last, step)), known.counted_at)


def _points(lines: Collection[Line], level: dict[str, Sum], starts: list[date]) -> list[Point]:
    points = [Point(start) for start in starts]
    for line in lines:
        for step, count, size in zip(line.steps, line.counts, line.sizes_bytes, strict=True):
            points[step].counted[line.series][line.detail] = (count, size)
    for point in points:
        for kind, (count, size) in point.counted[STORED].items():
            before = level.get(kind, (0, 0))
            level[kind] = (before[0] + count, before[1] + size)
        point.stored.update({kind: found for kind, found in sorted(level.items()) if any(found)})
    return points


async def rows_of(deps: Deps, scope: str, first: date, last: date) -> list[Figure]:
    """The figures of a scope as they are kept, by day."""
    async with deps.work.read() as connection:
        return await rows_between(connection, scope, first, last)


async def days_kept(deps: Deps, scope: str) -> tuple[date, date] | None:
    """The first and the last day of which figures of a scope are kept; nothing where there are none."""
    async with deps.work.read() as connection:
        return await days_between(connection, scope)


async def begin_figures_export(deps: Deps, origin: Origin, first: date, last: date, form: str) -> None:
    """Say that an operator takes the figures of the house away. What people take of their own drive is nobody's business."""
    async with deps.work.unit(origin) as unit:
        count = await count_between(unit.connection, HOUSE, first, last)
        about = {"from": first.isoformat(), "to": last.isoformat(), "format": form}
        tell(OperatorActedV1, unit, EXPORTED, target="analytics", count=count, **about)
