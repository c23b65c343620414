"""Days, weeks and months in UTC: where a step begins and ends, and which steps lie between two days. Pure."""

from datetime import date, timedelta
from typing import Final, Literal

Step = Literal["day", "week", "month"]
STEPS: Final[tuple[Step, ...]] = ("day", "week", "month")

_DAY = timedelta(days=1)


def start_of(day: date, step: Step) -> date:
    """The first day of the step that a day lies in; weeks begin on Monday (ISO 8601)."""
    if step == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if step == "month" else day


def end_of(day: date, step: Step) -> date:
    """The last day of the step that a day lies in."""
    if step == "month":
        return start_of(day.replace(day=28) + timedelta(days=4), "month") - _DAY
    return start_of(day, step) + timedelta(days=6 if step == "week" else 0)


def starts_between(first: date, last: date, step: Step) -> list[date]:
    """The first days of all steps that `first`, `last` and the days between them lie in."""
    starts = [start_of(first, step)]
    while (following := end_of(starts[-1], step) + _DAY) <= last:
        starts.append(following)
    return starts
