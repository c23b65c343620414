"""Operators' routes over HTTP: who is let in, what they see, and what becomes of hostile requests."""

import json
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from coffer_chassis.admin.routes import admin_routes
from coffer_chassis.ids import new_id
from coffer_chassis.replaying import replay_round
from factories.consuming import LANE, WatchedBus
from factories.eventing import FAILED, TABLES, Store, failed
from factories.operators import BOSS, acts, letter, operations_on, operators_client
from factories.relaying import RecordingBus, relay_of

ROUTES = [
    (method, path)
    for handler in admin_routes("second")
    for path in handler.paths
    for method in map(str, handler.http_methods)
    if method != "OPTIONS"
]
STRANGERS = {"": 401, "bad": 401, "person": 403, "token": 403, "link": 403}


@pytest.fixture
def bus() -> WatchedBus:
    return WatchedBus()


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    problem: dict[str, Any] = answer.json()
    return problem


async def ask(http: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def do(http: httpx.AsyncClient, path: str, status: int = 200, headers: dict[str, str] | None = None, **body: Any) -> Any:
    answer = await http.post(path, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_nobody_but_an_operator_is_let_in(store: Store, bus: WatchedBus) -> None:
    letter_id = await letter(store)
    async with operators_client(operations_on(store, bus)) as http:
        for token, status in STRANGERS.items():
            for method, template in ROUTES:
                path = template.replace("{letter:str}", letter_id).replace("{replay:str}", new_id())
                headers = {"Authorization": f"Bearer {token}" if token else ""}
                body = {"confirm": "drop 1", "filter": {}} if method == "POST" else None
                answer = await http.request(method, f"http://test{path}", json=body, headers=headers)
                assert answer.status_code == status, (token, method, path, answer.text)
    assert len(ROUTES) >= 13
    assert await acts(store) == []
    (row,) = await store.rows(TABLES.dead_letters)
    assert row.dropped_at is row.redriven_at is None


async def test_queues_show_depths_letters_and_what_is_wrong(store: Store, bus: WatchedBus) -> None:
    await bus.deliver(failed(1), failed(2))
    await bus.send(LANE.dead_queue, "{}", {})
    await letter(store)
    async with operators_client(operations_on(store, bus)) as http:
        (queue,) = (await ask(http, "/queues"))["items"]
    assert queue["depth"] == {"waiting": 2, "in_flight": 0, "delayed": 0}
    assert (queue["queue"], queue["dead_depth"], queue["dead_letters"]) == (LANE.queue, 1, 1)
    assert (queue["oldest_dead_at"], queue["problem"]) == ("2026-11-20T12:00:00.000Z", None)


async def test_a_queue_that_is_missing_or_out_of_reach_is_shown_as_such(store: Store, bus: WatchedBus) -> None:
    other = RecordingBus()
    async with operators_client(operations_on(store, other)) as http:
        (queue,) = (await ask(http, "/queues"))["items"]
        assert (queue["depth"], queue["problem"]) == (None, "queue_missing")

        async def away(_queue: str) -> None:
            raise ConnectionError("away")

        other.depth = away  # type: ignore[assignment, method-assign]  # for this bus only
        (queue,) = (await ask(http, "/queues"))["items"]
        assert (queue["depth"], queue["dead_depth"], queue["problem"]) == (None, None, "unreachable")


async def test_letters_are_listed_with_filters_and_cursors(store: Store, bus: WatchedBus) -> None:
    made = []
    for number in range(5):
        made.append(await letter(store, number, error_class="Reject" if number else "Unreadable"))
        store.clock.advance(seconds=1)
    async with operators_client(operations_on(store, bus)) as http:
        seen, query = [], {"limit": 2, "queue": LANE.queue, "type": FAILED}
        while True:
            page = await ask(http, "/dead-letters", **query)
            seen += [one["id"] for one in page["items"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert seen == made[::-1]
        (odd,) = (await ask(http, "/dead-letters", error_class="Unreadable"))["items"]
        assert (odd["id"], odd["event"]["type"], odd["unreadable"]) == (made[0], FAILED, None)
        for nothing in ({"state": "dropped"}, {"handler": "nobody"}, {"reason": "%"}, {"queue": "'; DROP TABLE outbox; --"}):
            assert await ask(http, "/dead-letters", **nothing) == {"items": [], "next_cursor": None}
        refused(await http.get("/dead-letters", params={"state": "lost"}), 422, "validation_failed")
        (group, _) = (await ask(http, "/dead-letters/groups"))["items"]
        assert (group["count"], group["error_class"]) == (4, "Reject")


async def test_a_cursor_that_is_none_is_refused(store: Store, bus: WatchedBus) -> None:
    async with operators_client(operations_on(store, bus)) as http:
        for path in ("/dead-letters", "/republish", "/outbox"):
            for cursor in ("x", "A" * 5000, "ü", "AAAA" * 20, "../..", "\x00"):
                refused(await http.get(path, params={"cursor": cursor}), 400, "cursor_invalid")


async def test_a_cursor_belongs_to_one_listing_of_one_operator_with_its_filters(store: Store, bus: WatchedBus) -> None:
    for number in range(3):
        await letter(store, number)
    operations = operations_on(store, bus)
    async with operators_client(operations) as http, operators_client(operations, "operator-2") as other:
        cursor = (await ask(http, "/dead-letters", limit=1))["next_cursor"]
        for client, path, more in (
            (other, "/dead-letters", {}),
            (http, "/republish", {}),
            (http, "/outbox", {}),
            (http, "/dead-letters", {"queue": LANE.queue}),
            (http, "/dead-letters", {"state": "dropped"}),
        ):
            refused(await client.get(path, params={"cursor": cursor, **more}), 400, "cursor_invalid")


async def test_a_letter_is_shown_alone_with_its_whole_body(store: Store, bus: WatchedBus) -> None:
    letter_id = await letter(store, body=f'"{"x" * 900_000}\x7f\t"', attributes={"odd": "Grüße \x85"})
    async with operators_client(operations_on(store, bus)) as http:
        (listed,) = (await ask(http, "/dead-letters"))["items"]
        assert (len(listed["body"]), listed["body_cut"], listed["event"]) == (4096, True, None)
        alone = await ask(http, f"/dead-letters/{letter_id}")
        assert (len(alone["body"]), alone["body_cut"]) == (900_004, False)
        assert alone["attributes"] == {"odd": "Grüße \x85"}
        for unknown in (new_id(), "nope", "groups2"):
            refused(await http.get(f"/dead-letters/{unknown}"), 404, "not_found")


async def test_redriving_and_dropping_one(store: Store, bus: WatchedBus) -> None:
    first, second = await letter(store, 1), await letter(store, 2)
    async with operators_client(operations_on(store, bus)) as http:
        done = await do(http, f"/dead-letters/{first}/redrive")
        assert (done["state"], done["settled_by"]) == ("redriven", BOSS)
        refused(await http.post(f"/dead-letters/{first}/redrive"), 409, "state_conflict")
        refused(await http.post(f"/dead-letters/{second}/drop", json={}), 422, "validation_failed")
        refused(await http.post(f"/dead-letters/{second}/drop", json={"confirm": "drop 2"}), 409, "state_conflict")
        assert (await do(http, f"/dead-letters/{second}/drop", confirm="drop 1"))["state"] == "dropped"
        refused(await http.post(f"/dead-letters/{second}/drop", json={"confirm": "drop 1"}), 409, "state_conflict")
    assert (await bus.depth(LANE.queue)).total == 1
    assert await acts(store) == [("dead_letters.redriven", "dead-letter", 1), ("dead_letters.dropped", "dead-letter", 1)]


async def test_a_queue_that_is_missing_refuses_the_redrive_for_now(store: Store, bus: WatchedBus) -> None:
    letter_id = await letter(store, queue="gone")
    async with operators_client(operations_on(store, bus)) as http:
        refused(await http.post(f"/dead-letters/{letter_id}/redrive"), 502, "dependency_failed")


async def test_redriving_many_is_asked_for_once_and_can_be_watched(store: Store, bus: WatchedBus) -> None:
    ids = [await letter(store, number) for number in range(3)]
    async with operators_client(operations_on(store, bus)) as http:
        assert await do(http, "/dead-letters/redrive", filter={}, dry_run=True) == {"count": 3, "replay": None}
        assert await acts(store) == []
        key = {"Idempotency-Key": "once"}
        first = await http.post("/dead-letters/redrive", json={"ids": ids[:2]}, headers=key)
        again = await http.post("/dead-letters/redrive", json={"ids": ids[:2]}, headers=key)
        assert (first.status_code, again.status_code, again.headers["idempotent-replayed"]) == (202, 202, "true")
        assert first.json() == again.json()
        refused(await http.post("/dead-letters/redrive", json={"ids": ids}, headers=key), 422, "idempotency_key_reuse")
        assert await acts(store) == [("dead_letters.redriven", "replay", 2)]
        await replay_round(store.work, bus, "second-events")
        replay = await ask(http, f"http://test{first.headers['location']}")
        assert (replay["state"], replay["kind"], replay["sent"], replay["wanted"]) == ("done", "dead_letters", 2, {"ids": 2})
        assert [one["id"] for one in (await ask(http, "/republish"))["items"]] == [replay["id"]]


UNNAMED: list[Any] = [
    {},
    {"ids": [], "filter": {}},
    {"ids": ["nope"]},
    {"ids": [new_id()] * 1001},
    {"filter": {"queue": 7}},
    {"filter": {"id": new_id()}},
    {"filter": {}, "rate_per_second": 0},
    {"filter": {}, "rate_per_second": "fast"},
    {"filter": {}, "dry_run": "yes"},
    {"filter": {"reason": "\x00"}},
    {"filter": {"reason": "x" * 201}},
    [],
    "all",
]


async def test_redriving_what_is_not_named_is_refused(store: Store, bus: WatchedBus) -> None:
    async with operators_client(operations_on(store, bus)) as http:
        for body in UNNAMED:
            for path in ("redrive", "drop"):
                refused(await http.post(f"/dead-letters/{path}", json=body), 422, "validation_failed")


async def test_dropping_many_needs_their_number(store: Store, bus: WatchedBus) -> None:
    for number in range(3):
        await letter(store, number)
    async with operators_client(operations_on(store, bus)) as http:
        assert await do(http, "/dead-letters/drop", filter={}, dry_run=True) == {"count": 3, "dry_run": True}
        refused(await http.post("/dead-letters/drop", json={"filter": {}}), 422, "validation_failed")
        problem = refused(
            await http.post("/dead-letters/drop", json={"filter": {}, "confirm": "drop 2"}), 409, "state_conflict"
        )
        assert problem["count"] == 3
        assert await do(http, "/dead-letters/drop", filter={}, confirm="drop 3") == {"count": 3, "dry_run": False}
        assert await do(http, "/dead-letters/drop", filter={}, confirm="drop 0") == {"count": 0, "dry_run": False}
    assert await acts(store) == [("dead_letters.dropped", "dead-letters", 3)]


async def test_the_outbox_shows_what_waits_and_what_never_leaves(store: Store) -> None:
    bus = RecordingBus()
    await store.emit(failed(1))
    await relay_of(store, bus).drain()
    store.clock.advance(seconds=5)
    ids = await store.emit(failed(2), failed(3), failed(4))
    async with store.engine.begin() as connection:
        broken = update(TABLES.outbox).where(TABLES.outbox.c.id == ids[1])
        await connection.execute(broken.values(body="control: \x01", attempts=1))
    async with operators_client(operations_on(store, bus)) as http:
        whole = await ask(http, "/outbox", limit=2)
        assert (whole["unsent"], whole["oldest_at"], whole["newest_sent_at"]) == (
            3,
            "2026-11-20T12:00:05.000Z",
            "2026-11-20T12:00:00.000Z",
        )
        assert [(row["id"], row["attempts"]) for row in whole["refused"]] == [(ids[1], 1)]
        assert "character" in whole["refused"][0]["refused"]
        rest = await ask(http, "/outbox", limit=2, cursor=whole["next_cursor"])
        assert [row["id"] for row in (*whole["items"], *rest["items"])] == ids
        assert rest["next_cursor"] is None


async def test_republishing_is_counted_started_watched_and_cancelled(store: Store) -> None:
    bus = RecordingBus()
    for number in range(6):
        await store.emit(failed(number))
    await relay_of(store, bus).drain()
    store.clock.advance(seconds=1)
    async with operators_client(operations_on(store, bus)) as http:
        assert await do(http, "/republish", types=[FAILED], dry_run=True) == {"count": 6, "replay": None}
        body = {"types": [FAILED], "consumer": "second-fast", "rate_per_second": 4, "since": "2026-11-20T00:00:00Z"}
        started = await do(http, "/republish", 202, {"Idempotency-Key": "k"}, **body)
        assert await do(http, "/republish", 202, {"Idempotency-Key": "k"}, **body) == started
        path = f"/republish/{started['replay']['id']}"
        await replay_round(store.work, bus, "first-relay-events")
        running = await ask(http, path)
        assert (running["state"], running["sent"], running["total"], running["created_by"]) == ("running", 2, 6, BOSS)
        assert running["wanted"]["consumer"] == "second-fast"
        for _ in range(2):
            assert (await do(http, f"{path}/cancel"))["state"] == "cancelled"
        refused(await http.post(f"/republish/{new_id()}/cancel"), 404, "not_found")
        refused(await http.get("/republish/nope"), 404, "not_found")
        none = await do(http, "/republish", 202, subject="user/nobody")
        assert none["replay"]["state"] == "done"
        refused(await http.post(f"/republish/{none['replay']['id']}/cancel"), 409, "state_conflict")
    told = [("events.republished", "replay", 6), ("replay.cancelled", "replay", 4), ("events.republished", "replay", 0)]
    assert await acts(store) == told


IMPOSSIBLE: list[Any] = [
    {"since": "yesterday"},
    {"since": "2026-11-20T12:00:00"},
    {"since": "2026-11-20T12:00:00Z", "until": "2026-11-20T11:00:00Z"},
    {"consumer": "two words"},
    {"consumer": ""},
    {"rate_per_second": 100_000},
    {"types": "auth.login.failed.v1"},
    {"types": ["x"] * 101},
    {"subject": "\x00"},
    {"everything": True},
]


async def test_republishing_what_cannot_be_is_refused(store: Store, bus: WatchedBus) -> None:
    async with operators_client(operations_on(store, bus)) as http:
        for body in IMPOSSIBLE:
            refused(await http.post("/republish", json=body), 422, "validation_failed")
    assert await store.rows(TABLES.replays) == []


async def test_answers_are_json_whatever_a_stranger_sent(store: Store, bus: WatchedBus) -> None:
    for number, body in enumerate(("</script><script>", "\u2028\ufffd", '{"a": 1e999}', "﻿{}", "\x7f" * 10)):
        await letter(store, number, body=body, reason="\\x00 <b>", type="<script>")
    async with operators_client(operations_on(store, bus)) as http:
        answer = await http.get("/dead-letters")
        assert answer.headers["content-type"] == "application/json"
        assert len(json.loads(answer.content)["items"]) == 5
