"""The audit taken away: exports that anybody can check, an act of their own, and the anchors of the chain."""

import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from coffer_chassis.testing import FixedClock
from coffer_contracts.catalog import parse
from coffer_notifier.handlers import exporting
from coffer_notifier.handlers.chaining import anchor_days, chain_new
from coffer_notifier.store.audit import Wanted
from factories.databases import Database
from factories.notifier import Notifier, notifier_on
from factories.telling import Share, drive, login_failed, signed_in, user_id

LONG_AGO = datetime(2020, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def fresh(database: Database) -> AsyncIterator[Notifier]:
    """The notifier with an audit of its own."""
    async with notifier_on(database("coffer_notifier"), clock=FixedClock(LONG_AGO)) as service:
        yield service


async def written(notifier: Notifier, count: int) -> None:
    at = notifier.clock.now()
    await notifier.handle(*(signed_in(user_id(), at=at + timedelta(seconds=number)) for number in range(count)))
    await chain_new(notifier.deps)


async def exported(notifier: Notifier, **query: Any) -> list[dict[str, Any]]:
    async with notifier.operators() as http:
        answer = await http.get("/v1/audit/export", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["cache-control"] == "private, no-store"
    return [json.loads(line) for line in answer.text.splitlines()]


def checked(lines: list[dict[str, Any]]) -> list[int]:
    """What docs/audit.md tells strangers to do, with nothing of ours."""
    for line in lines:
        record = {name: value for name, value in line.items() if name not in {"position", "prev_hash", "digest", "hash"}}
        text = json.dumps(record, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(text.encode()).hexdigest() == line["digest"]
        chained = f"{line['position']}\n{line['prev_hash']}\n{line['digest']}\n"
        assert hashlib.sha256(chained.encode()).hexdigest() == line["hash"]
    return [line["position"] for line in lines]


async def test_an_export_is_the_chain_and_can_be_checked_without_coffer(
    fresh: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PAGE", 3)
    await written(fresh, 7)
    lines = await exported(fresh)
    assert checked(lines) == [1, 2, 3, 4, 5, 6, 7]
    assert [line["prev_hash"] for line in lines] == ["0" * 64, *(line["hash"] for line in lines[:-1])]


async def test_a_listing_shows_the_same_records(fresh: Notifier) -> None:
    await written(fresh, 2)
    async with fresh.operators() as http:
        items = (await http.get("/v1/audit")).json()["items"]
    assert items == list(reversed(await exported(fresh)))


@pytest.mark.slow
async def test_an_export_is_narrowed_as_a_listing_is(fresh: Notifier) -> None:
    ann, bob = user_id(), user_id()
    folder = drive(ann).below("Plans", "folder")
    await fresh.handle(login_failed(ann), signed_in(ann), signed_in(bob), Share(folder, bob).created())
    await chain_new(fresh.deps)
    assert {line["action"] for line in await exported(fresh, user_id=ann)} == {
        "login.failed",
        "session.created",
        "share.created",
    }
    assert [line["action"] for line in await exported(fresh, outcome="denied")] == ["login.failed"]
    assert [line["resource"]["name_at_time"] for line in await exported(fresh, family="share")] == ["Plans"]
    assert [line["resource"]["owner_id"] for line in await exported(fresh, family="session", actor=bob)] == [bob]
    assert await exported(fresh, resource_type="share", resource_id=folder.id) == []
    assert await exported(fresh, actor_type="anonymous", since="2031-01-01T00:00:00Z") == []
    async with fresh.operators() as http:
        for query in ({"outcome": "perhaps"}, {"since": "never"}, {"user_id": "me"}):
            assert (await http.get("/v1/audit/export", params=query)).status_code == 422
            assert (await http.get("/v1/audit", params=query)).status_code == 422


async def test_what_was_not_chained_yet_is_in_the_next_export(fresh: Notifier) -> None:
    await written(fresh, 1)
    await fresh.handle(signed_in(user_id()))
    assert len(await exported(fresh)) == 1
    await chain_new(fresh.deps)
    assert len(await exported(fresh)) == 2


async def test_whoever_exports_is_in_the_audit_with_what_they_took(fresh: Notifier) -> None:
    await written(fresh, 2)
    await exported(fresh, family="session", since="2020-01-01T00:00:00Z")
    (told,) = [parse(row.body) for row in await fresh.rows("SELECT body FROM outbox")]
    assert told.type == "notifier.operator.acted.v1"
    await fresh.handle(told)
    await chain_new(fresh.deps)
    (act,) = await exported(fresh, action="audit.exported")
    assert (act["actor"]["type"], act["count"], act["resource"]["type"]) == ("operator", 2, "audit")
    assert act["actor"]["session_id"]
    assert act["detail"]["only_family"] == "session"
    assert act["detail"]["only_since"] == "2020-01-01T00:00:00.000000Z"


async def test_looking_at_the_head_of_the_answer_exports_nothing(fresh: Notifier) -> None:
    await written(fresh, 1)
    async with fresh.operators() as http:
        answer = await http.head("/v1/audit/export")
    assert (answer.status_code, answer.content) == (200, b"")
    assert await fresh.rows("SELECT body FROM outbox") == []


async def test_an_export_holds_a_page_and_no_connection(fresh: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "PAGE", 2)
    await written(fresh, 5)
    pieces = exporting.lines(fresh.deps, Wanted(), 5)
    sizes = []
    async for piece in pieces:
        sizes.append(piece.count(b"\n"))
        assert fresh.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # pools that count say so
    assert sizes == [2, 2, 1]


async def test_anchors_and_head_are_shown_newest_first(fresh: Notifier) -> None:
    for _ in range(3):
        await written(fresh, 2)
        fresh.clock.advance(days=1)
        await anchor_days(fresh.deps)
    lines = await exported(fresh)
    async with fresh.operators() as http:
        page = (await http.get("/v1/audit/anchors", params={"limit": 2})).json()
        before = (await http.get("/v1/audit/anchors", params={"before": page["items"][-1]["day"]})).json()
        bad = await http.get("/v1/audit/anchors", params={"before": "yesterday"})
    assert [(one["day"], one["position"]) for one in page["items"]] == [("2020-03-03", 6), ("2020-03-02", 4)]
    assert [one["day"] for one in before["items"]] == ["2020-03-01"]
    assert [one["hash"] for one in page["items"]] == [lines[5]["hash"], lines[3]["hash"]]
    assert page["head"] == {"position": 6, "hash": lines[5]["hash"]}
    assert page["begins_after"] == {"position": 0, "hash": "0" * 64}
    assert bad.status_code in {400, 422}


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/v1/audit", "/v1/audit/export", "/v1/audit/anchors"])
async def test_operators_only(fresh: Notifier, path: str) -> None:
    for token, status in {"person": 403, "link": 403, "bad": 401}.items():
        async with fresh.operators(token) as http:
            assert (await http.get(path)).status_code == status
    assert await fresh.rows("SELECT body FROM outbox") == []
