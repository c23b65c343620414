"""Usage figures over HTTP: of the whole house for operators, of their own drive for everybody."""

import csv
import io
from collections.abc import AsyncGenerator, Iterable
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, Response, get
from litestar.params import QueryParameter

from coffer_chassis.access_rules import operator, user
from coffer_chassis.admin.acts import as_operator
from coffer_chassis.answers import Timestamp, timestamp
from coffer_chassis.byte_stream import ByteStream
from coffer_chassis.identity import Principal
from coffer_chassis.openapi import documented
from coffer_chassis.request_context import HEAD_KEY
from coffer_chassis.requests import TheOrigin, ThePrincipal, refused
from coffer_contracts.notifier import OperatorActedV1
from coffer_contracts.problems import Forbidden
from coffer_notifier.domain.analytics import HOUSE, HOUSE_ONLY, day_of
from coffer_notifier.domain.calendar import Step, end_of, start_of
from coffer_notifier.handlers.analytics import begin_figures_export, days_kept, read_figures, rows_of
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.routes.analytics_answers import GROUPS, PointAnswer, point_answer, series_of
from coffer_notifier.routes.requests import READ, TheDeps

MOST_POINTS: Final = 1100
USUAL_DAYS: Final = 30
EXPORTED_AT_ONCE: Final = timedelta(days=31)
SHORTEST: Final = {"day": 1, "week": 7, "month": 28}

Which = Literal["drive", "house"]
Format = Literal["ndjson", "csv"]
MEDIA_TYPES: Final = {"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
COLUMNS: Final = ("day", "series", "detail", "count", "bytes")

Scope = Annotated[
    Which,
    QueryParameter(
        name="scope", description="`drive`, the caller's own, or `house`, all drives together: that is for operators."
    ),
]
From = Annotated[
    str | None,
    QueryParameter(name="from", description="The first day in UTC, e.g. `2026-11-01`; else 29 days before the last."),
]
To = Annotated[str | None, QueryParameter(name="to", description="The last day in UTC, included; else today.")]
StepAsked = Annotated[Step, QueryParameter(description="How long a step is; weeks begin on Monday.")]
Series = Annotated[
    str | None, QueryParameter(description=f"Only some of {', '.join(GROUPS)}, with commas between them; else all.")
]
FormatAsked = Annotated[
    Format, QueryParameter(name="format", description="A JSON object in each line, or comma-separated values.")
]


class AnalyticsAnswer(msgspec.Struct, frozen=True):
    """Figures of a scope: one point for each step, also for those in which nothing was. Days are days in `timezone`, which is
    UTC. `from` and `to` are widened to whole steps. Counted is what had arrived at `counted_at`; null before the first time.
    """

    scope: str
    step: str
    timezone: str
    first: str = msgspec.field(name="from")
    to: str
    counted_at: Timestamp | None
    points: list[PointAnswer]


@get(
    "/v1/analytics",
    opt=user(READ) | documented(raises=[Forbidden]),
    operation_id="get_analytics",
    tags=["analytics"],
    summary="See how much is used",
)
async def get_analytics(
    principal: ThePrincipal,
    deps: TheDeps,
    of: Scope = "drive",
    first: From = None,
    last: To = None,
    step: StepAsked = "day",
    series: Series = None,
) -> Response[AnalyticsAnswer]:
    """Uploads, previews, refusals, shares, downloads and what is stored, per day, week or month in UTC: of the caller's own
    drive, or for operators of all drives together, with how many people were there.
    """
    where = _where(principal, of)
    begin, end = _range(deps, first, last)
    begin, end = start_of(begin, step), end_of(end, step)
    if (end - begin).days // SHORTEST[step] >= MOST_POINTS:
        raise refused("from", "too_many_points", f"An answer has {MOST_POINTS} points at most; take longer steps.")
    asked = [name for name in _groups(series) if where == HOUSE or not HOUSE_ONLY.issuperset(GROUPS[name])]
    found = await read_figures(deps, where, series_of(asked), begin, end, step)
    return Response(
        AnalyticsAnswer(
            scope=of,
            step=step,
            timezone="UTC",
            first=found.first.isoformat(),
            to=found.last.isoformat(),
            counted_at=timestamp(found.counted_at) if found.counted_at else None,
            points=[point_answer(point, asked) for point in found.points],
        )
    )


@get(
    "/v1/analytics/export",
    opt=user(READ) | documented(raises=[Forbidden], events=[OperatorActedV1.type]),
    operation_id="export_analytics",
    tags=["analytics"],
    summary="Fetch figures as they are kept",
    media_type=MEDIA_TYPES["ndjson"],
)
async def export_analytics(
    request: Request[Any, Any, Any],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    of: Scope = "drive",
    first: From = None,
    last: To = None,
    form: FormatAsked = "ndjson",
) -> Response[bytes]:
    """Every figure that is kept of these days, by day: `day`, `series`, `detail` (a kind, a reason), `count`, `bytes`. `stored`
    is what was added on the day; `active` counts persons of a day, and of the week or month that begins with it. Exporting
    those of the house is an act of an operator, `analytics.exported`.
    """
    where = _where(principal, of)
    begin, end = _range(deps, first, last)
    headers = {
        "Content-Type": MEDIA_TYPES[form],
        "Content-Disposition": f'attachment; filename="analytics-{begin}-{end}.{form}"',
        "Cache-Control": "no-store",
    }
    if request.scope.get(HEAD_KEY):
        return Response(b"", media_type=MEDIA_TYPES[form], headers=headers)
    if where == HOUSE:
        await begin_figures_export(deps, as_operator(origin), begin, end, form)
    return ByteStream(_exported(deps, where, begin, end, form), headers)


async def _exported(deps: Deps, scope: str, first: date, last: date, form: Format) -> AsyncGenerator[bytes, None]:
    if form == "csv":
        yield _csv([COLUMNS])
    days = await days_kept(deps, scope)
    if days is None:
        return
    # Whoever asks for all time there is must not have the store asked for every month of it.
    first, last = max(first, days[0]), min(last, days[1])
    while first <= last:
        until = min(first + EXPORTED_AT_ONCE, last)
        rows = await rows_of(deps, scope, first, until)
        values = [(row.day.isoformat(), row.series, row.detail, row.count, row.size_bytes) for row in rows]
        yield _csv(values) if form == "csv" else b"".join(map(_line, values))
        first = until + timedelta(days=1)


def _csv(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _line(row: Iterable[object]) -> bytes:
    return msgspec.json.encode(dict(zip(COLUMNS, row, strict=True))) + b"\n"


def _where(principal: Principal, of: Which) -> str:
    """Raises Forbidden or InsufficientScope for the house, unless an operator asks."""
    if of == "drive":
        return principal.user_id
    for rule in operator().values():
        rule.admit(principal, "GET")
    return HOUSE


def _range(deps: Deps, first: str | None, last: str | None) -> tuple[date, date]:
    end = _day("to", last) if last is not None else day_of(deps.work.clock.now())
    begin = _day("from", first) if first is not None else end - timedelta(days=USUAL_DAYS - 1)
    if begin > end:
        raise refused("from", "out_of_range", "The first day comes after the last.")
    return begin, end


def _day(name: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise refused(name, "invalid_day", "This is no day as in ISO 8601.") from error
    if not 1971 <= day.year <= 9000:  # nothing was counted before, and weeks end after
        raise refused(name, "out_of_range", "The day is not between the years 1971 and 9000.")
    return day


def _groups(series: str | None) -> list[str]:
    if series is None:
        return list(GROUPS)
    asked = series.split(",")
    if unknown := [name for name in asked if name not in GROUPS]:
        raise refused("series", "unknown_series", f"There is no series {unknown[0][:40]!r}; there are {', '.join(GROUPS)}.")
    return [name for name in GROUPS if name in asked]


ROUTES = (get_analytics, export_analytics)
