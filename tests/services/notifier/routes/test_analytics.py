"""Usage figures over HTTP: who may see which, in which steps, and as files."""

import csv
import io
import json
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from coffer_contracts.catalog import parse
from coffer_notifier.handlers.counting import fold
from factories.events import NOON
from factories.notifier import Notifier
from factories.telling import user_id
from factories.usage import House
from factories.usage_kept import empty, stored_at

FIRST = date(2026, 10, 26)
LAST = FIRST + timedelta(days=13)
SPAN = {"from": FIRST.isoformat(), "to": LAST.isoformat()}


@pytest.fixture
async def house(notifier: Notifier) -> House:
    """Two weeks, from a Monday on, that are counted."""
    await empty(notifier)
    house = House(21, FIRST).run(days=14)
    await notifier.handle_together(*house.facts)
    await fold(notifier.deps)
    return house


async def asked(notifier: Notifier, token: str = "operator", **query: Any) -> Any:
    async with notifier.operators(token) as http:
        answer = await http.get("/v1/analytics", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def own(notifier: Notifier, person: str, **query: Any) -> Any:
    async with notifier.client(person) as http:
        answer = await http.get("/v1/analytics", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_operators_see_the_whole_house_day_by_day(notifier: Notifier, house: House) -> None:
    told = await asked(notifier, scope="house", **SPAN)
    assert {name: told[name] for name in ("scope", "step", "timezone", "from", "to", "counted_at")} == {
        "scope": "house",
        "step": "day",
        "timezone": "UTC",
        **SPAN,
        "counted_at": "2026-11-20T12:00:00.000Z",
    }
    assert [point["start"] for point in told["points"]] == [(FIRST + timedelta(days=n)).isoformat() for n in range(14)]
    sums = house.sums("house")
    points = told["points"]
    assert sum(point["uploads"]["count"] for point in points) == sums["uploads"][0]
    assert sum(point["uploads"]["bytes"] for point in points) == sums["uploads"][1]
    assert sum(kind["bytes"] for point in points for kind in point["uploads"]["by_kind"].values()) == sums["uploads"][1]
    assert sum(point["users"]["registered"] for point in points) == sums["registered"][0]
    assert sum(point["previews"]["failed"] for point in points) == sums["previews_failed"][0]
    assert sum(point["previews"]["failed_by_reason"].get("corrupt", 0) for point in points) == sums["previews_failed"][0]
    assert sum(point["rejects"]["count"] for point in points) == sums["rejects"][0]
    assert sum(point["shares"]["created"] for point in points) == sums["shares"][0]
    assert sum(point["comments"]["created"] for point in points) == sums["comments"][0]
    assert sum(point["links"]["downloads"] for point in points) == sums["link_downloads"][0]
    assert sum(point["downloads"]["bytes"] for point in points) == sums["downloads"][1]
    for point in points:
        files, folders, size = stored_at(house.expected, "house", date.fromisoformat(point["start"]))
        assert (point["stored"]["files"], point["stored"]["folders"], point["stored"]["bytes"]) == (files, folders, size)
    assert sum(point["stored"]["bytes_added"] for point in points) == points[-1]["stored"]["bytes"]


async def test_what_is_stored_does_not_depend_on_where_one_begins_to_look(notifier: Notifier, house: House) -> None:
    whole = await asked(notifier, scope="house", series="stored", **SPAN)
    late = await asked(notifier, scope="house", series="stored", **{**SPAN, "from": LAST.isoformat()})
    assert late["points"][0]["stored"] == whole["points"][-1]["stored"]


@pytest.mark.slow
@pytest.mark.parametrize(("step", "starts"), [("week", ["2026-10-26", "2026-11-02"]), ("month", ["2026-10-01", "2026-11-01"])])
async def test_longer_steps_are_whole_and_count_a_person_once(
    notifier: Notifier, house: House, step: str, starts: list[str]
) -> None:
    told = await asked(notifier, scope="house", step=step, **SPAN)
    assert [point["start"] for point in told["points"]] == starts
    assert told["from"] == starts[0]
    assert told["to"] == {"week": "2026-11-08", "month": "2026-11-30"}[step]
    assert sum(point["uploads"]["count"] for point in told["points"]) == house.sums("house")["uploads"][0]
    for point in told["points"]:
        start = date.fromisoformat(point["start"])
        assert point["users"]["active"] == house.expected["00000000-0000-0000-0000-000000000000", "active", start, step][0]


async def test_an_owner_sees_the_own_drive_without_the_people_in_it(notifier: Notifier, house: House) -> None:
    person = house.people[0]
    told = await own(notifier, person, **SPAN)
    assert told["scope"] == "drive"
    sums = house.sums(person)
    assert sum(point["uploads"]["count"] for point in told["points"]) == sums["uploads"][0]
    assert all(point["users"] is None for point in told["points"])
    assert told["points"][-1]["stored"]["bytes"] == stored_at(house.expected, person, LAST)[2]
    nobody = await own(notifier, user_id(), **SPAN)
    assert all(point["uploads"]["count"] == point["stored"]["files"] == 0 for point in nobody["points"])


async def test_without_a_span_it_is_the_last_thirty_days(notifier: Notifier, house: House) -> None:
    told = await own(notifier, house.people[0], series="uploads,stored")
    assert (told["from"], told["to"], len(told["points"])) == ("2026-10-22", NOON.date().isoformat(), 30)
    assert {name for name, value in told["points"][0].items() if value is not None} == {"start", "uploads", "stored"}


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/v1/analytics", "/v1/analytics/export"])
async def test_the_house_is_for_operators_only(notifier: Notifier, path: str) -> None:
    for token, status in {"operator": 200, "person": 403, "token": 403, "link": 403, "bad": 401}.items():
        async with notifier.operators(token) as http:
            assert (await http.get(path, params={"scope": "house"})).status_code == status, token


@pytest.mark.slow
@pytest.mark.parametrize(
    "query",
    [
        {"from": "yesterday"},
        {"to": "2026-13-01"},
        {"from": "0001-01-01"},
        {"to": "9999-12-31"},
        {"from": "2026-11-02", "to": "2026-11-01"},
        {"from": "2020-01-01", "to": "2026-01-01"},
        {"step": "year"},
        {"scope": "everything"},
        {"series": "uploads,passwords"},
        {"series": ""},
    ],
    ids=str,
)
async def test_what_makes_no_sense_is_refused(notifier: Notifier, query: dict[str, str]) -> None:
    async with notifier.operators() as http:
        answer = await http.get("/v1/analytics", params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_everything_that_is_kept_can_be_fetched_as_lines(notifier: Notifier, house: House) -> None:
    async with notifier.operators() as http:
        answer = await http.get("/v1/analytics/export", params={"scope": "house", "from": "2026-01-01", "to": "2026-12-31"})
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines == sorted(lines, key=lambda line: (line["day"], line["series"], line["detail"]))
    found = {
        (line["series"], date.fromisoformat(line["day"]), line["detail"]): (line["count"], line["bytes"])
        for line in lines
        if line["count"] or line["bytes"]
    }
    assert found == {key[1:]: held for key, held in house.expected.items() if key[0] == "00000000-0000-0000-0000-000000000000"}


async def test_all_time_there_is_costs_no_more_than_the_days_that_are_kept(notifier: Notifier, house: House) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        if "analytics_days" in statement:
            statements.append(statement)

    engine = notifier.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        lines = []
        for person, span in ((house.people[0], {"from": "1971-01-01", "to": "9000-12-31"}), (house.people[0], SPAN)):
            async with notifier.client(person) as http:
                lines.append((await http.get("/v1/analytics/export", params=span)).text)
        nobody = user_id()
        async with notifier.client(nobody) as http:
            answer = await http.get("/v1/analytics/export", params={"from": "1971-01-01", "format": "csv"})
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert lines[0] == lines[1] != ""
    assert answer.text == "day,series,detail,count,bytes\r\n"
    assert len(statements) <= 6


async def test_the_same_comes_as_comma_separated_values(notifier: Notifier, house: House) -> None:
    async with notifier.operators() as http:
        query = {"scope": "house", **SPAN}
        lines = await http.get("/v1/analytics/export", params=query)
        table = await http.get("/v1/analytics/export", params={**query, "format": "csv"})
    assert table.headers["content-type"].startswith("text/csv")
    assert "analytics-2026-10-26-2026-11-08.csv" in table.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert rows == [{name: str(value) for name, value in json.loads(line).items()} for line in lines.text.splitlines()]
    assert list(rows[0]) == ["day", "series", "detail", "count", "bytes"]


async def test_taking_the_figures_of_the_house_away_is_an_act_in_the_audit_and_looking_is_none(
    notifier: Notifier, house: House
) -> None:
    count = "SELECT body FROM outbox WHERE body LIKE '%analytics.exported%' ORDER BY created_at"
    before = len(await notifier.rows(count))
    query = {"scope": "house", **SPAN, "format": "csv"}
    async with notifier.client(house.people[0]) as http:
        assert (await http.get("/v1/analytics/export", params=SPAN)).status_code == 200
    async with notifier.operators("person") as http:
        assert (await http.get("/v1/analytics/export", params=query)).status_code == 403
    async with notifier.operators() as http:
        assert (await http.head("/v1/analytics/export", params=query)).status_code == 200
        assert (await http.get("/v1/analytics/export", params={**query, "from": "x"})).status_code == 422
        assert len(await notifier.rows(count)) == before
        taken = await http.get("/v1/analytics/export", params=query)
    told = [parse(row.body) for row in (await notifier.rows(count))[before:]]
    assert [one.type for one in told] == ["notifier.operator.acted.v1"]
    await notifier.handle(*told)
    async with notifier.operators() as http:
        found = (await http.get("/v1/audit", params={"action": "analytics.exported"})).json()["items"]
    (act,) = [one for one in found if one["event_id"] == told[0].id]
    assert act["actor"]["type"] == "operator"
    assert act["resource"]["type"] == "analytics"
    assert act["count"] == len(taken.text.splitlines()) - 1
    assert act["detail"] | {**SPAN, "format": "csv"} == act["detail"]
