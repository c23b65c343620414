"""Waiting for changes: woken by them and by nothing else, and nobody waits longer or in greater number than is good."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from coffer_chassis.testing import eventually
from coffer_chassis.wakeups import OUTBOX, Wakeups
from coffer_files.handlers import feed_watch, following
from coffer_files.handlers.feed_watch import CHANGES, FeedWatch
from factories.databases import Database
from factories.files import Files, files_on, granted, person, taken_back

LONG = 100
"""Seconds that no test waits."""


@dataclass
class Waiting:
    """A service whose process watches the feeds, and what ends it."""

    files: Files
    stopping: asyncio.Event

    @property
    def watch(self) -> FeedWatch:
        return self.files.deps.watch

    async def now(self, http: httpx.AsyncClient) -> str:
        return str((await http.get("/v1/changes/cursor")).json()["cursor"])

    async def ask(self, http: httpx.AsyncClient, cursor: str, seconds: int = LONG) -> "asyncio.Task[httpx.Response]":
        """A request that waits by the time this returns."""
        before = len(self.watch)
        asked = asyncio.create_task(http.get("/v1/changes", params={"cursor": cursor, "wait": seconds}))
        await self.are(before + 1)
        return asked

    async def are(self, count: int) -> None:
        """Until so many wait."""

        async def enough() -> bool:
            return len(self.watch) == count

        await eventually(enough)


@asynccontextmanager
async def watching(files: Files) -> AsyncIterator[Waiting]:
    stopping = asyncio.Event()
    task = asyncio.create_task(files.deps.watch.run(stopping))
    try:
        yield Waiting(files, stopping)
    finally:
        stopping.set()
        await task


@pytest.fixture
async def waiting(files: Files, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Waiting]:
    monkeypatch.setattr(feed_watch, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(following, "NOT_OURS_SECONDS", 0.05)
    async with watching(files) as running:
        yield running


async def told(asked: "asyncio.Task[httpx.Response]") -> list[tuple[str, str]]:
    answer = await asyncio.wait_for(asked, 10)
    assert answer.status_code == 200, answer.text
    return [(one["item"]["name"] if one["item"] else "", one["reason"]) for one in answer.json()["changes"]]


async def make(http: httpx.AsyncClient, name: str, parent: str = "root") -> str:
    answer = await http.post("/v1/folders", json={"parent_id": parent, "name": name})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_change_ends_the_waiting(waiting: Waiting) -> None:
    async with waiting.files.client() as http:
        asked = await waiting.ask(http, await waiting.now(http))
        await make(http, "Trips")
        assert await told(asked) == [("Trips", "created")]
    assert len(waiting.watch) == 0


async def test_a_page_that_is_not_empty_is_not_held_back(waiting: Waiting) -> None:
    async with waiting.files.client() as http:
        cursor = await waiting.now(http)
        await make(http, "Trips")
        answer = await http.get("/v1/changes", params={"cursor": cursor, "wait": LONG})
        assert [one["item"]["name"] for one in answer.json()["changes"]] == ["Trips"]
        assert (await http.get("/v1/changes", params={"wait": LONG})).json()["has_more"]


async def test_the_time_that_was_asked_for_ends_the_waiting_with_an_empty_page(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LONGEST_WAIT_SECONDS", 0.05)
    async with waiting.files.client() as http:
        answer = await http.get("/v1/changes", params={"cursor": await waiting.now(http), "wait": 1})
        assert (answer.status_code, answer.json()["changes"], answer.json()["has_more"]) == (200, [], False)
        assert "retry-after" not in answer.headers
        answer = await http.get("/v1/changes", params={"cursor": answer.json()["cursor"], "wait": -3})
        assert answer.status_code == 200


async def test_another_process_wakes_who_waits_long_before_the_watch_would_look_by_itself(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_watch, "POLL_SECONDS", LONG)
    store, over = database("coffer_files"), asyncio.Event()
    async with files_on(store) as here, files_on(store) as there, watching(here) as waiting:
        ends = [Wakeups(files.engine, "files") for files in (here, there)]
        for files, end in zip((here, there), ends, strict=True):
            end.follow(OUTBOX, CHANGES)
            files.deps.work.wakeups = end
        ends[0].on(CHANGES, here.deps.watch.poke)
        # The other one sends events by itself: nobody else has to, but all have to hear of the change.
        ends[1].on(OUTBOX, lambda: None, enough=True)
        running = [asyncio.create_task(end.run(over)) for end in ends]
        try:
            async with here.client() as http, there.client(here.owner) as elsewhere:
                asked = await waiting.ask(http, await waiting.now(http))
                await make(elsewhere, "Trips")
                assert await told(asked) == [("Trips", "created")]
        finally:
            over.set()
            await asyncio.gather(*running)


async def test_a_share_wakes_its_reader(waiting: Waiting) -> None:
    reader = person(username="ben")
    async with waiting.files.client() as owning, waiting.files.client(reader) as http:
        trips = await make(owning, "Trips")
        asked = await waiting.ask(http, await waiting.now(http))
        await waiting.files.handle(granted(trips, waiting.files.owner, reader))
        assert await told(asked) == [("Trips", "shared")]


async def test_what_others_do_elsewhere_in_a_shared_drive_does_not_end_the_waiting(waiting: Waiting) -> None:
    reader = person(username="ben")
    async with waiting.files.client() as owning, waiting.files.client(reader) as http:
        trips, private = await make(owning, "Trips"), await make(owning, "private")
        await waiting.files.handle(granted(trips, waiting.files.owner, reader))
        asked = await waiting.ask(http, await waiting.now(http))
        await make(owning, "secret", private)
        # Twice, so that the first one was surely looked at by the reader.
        await make(owning, "another", private)
        await make(owning, "Rome", trips)
        assert await told(asked) == [("Rome", "created")]


async def test_what_a_transaction_holds_up_is_told_once_that_has_ended(waiting: Waiting) -> None:
    async with waiting.files.client() as http:
        cursor = await waiting.now(http)
        async with waiting.files.engine.connect() as slow:
            await slow.begin()
            await slow.exec_driver_sql("SELECT pg_current_xact_id()")
            await make(http, "Trips")
            asked = await waiting.ask(http, cursor)
            assert not asked.done()
            await slow.commit()
        assert await told(asked) == [("Trips", "created")]


async def test_nobody_who_waits_holds_a_connection(waiting: Waiting) -> None:
    pool: Any = waiting.files.engine.pool

    async def none_is_out() -> bool:
        return bool(pool.checkedout() == 0)

    async with waiting.files.client() as http:
        cursor = await waiting.now(http)
        asked = [await waiting.ask(http, cursor) for _ in range(waiting.files.deps.settings.feed_waits_per_person)]
        await eventually(none_is_out)
        await make(http, "Trips")
        assert [await told(one) for one in asked] == [[("Trips", "created")]] * len(asked)


@pytest.mark.slow
@pytest.mark.parametrize("bounds", [{"feed_waits_per_person": 2}, {"feed_waits": 2}])
async def test_who_finds_no_place_is_answered_at_once_and_told_when_to_come_back(store: str, bounds: dict[str, int]) -> None:
    async with files_on(store, **bounds) as files, watching(files) as waiting, files.client() as http:
        cursor = await waiting.now(http)
        asked = [await waiting.ask(http, cursor) for _ in range(2)]
        answer = await http.get("/v1/changes", params={"cursor": cursor, "wait": LONG})
        assert (answer.status_code, answer.json()["changes"]) == (200, [])
        assert int(answer.headers["retry-after"]) == following.AGAIN_SECONDS
        async with files.client(person()) as other:
            others = await waiting.now(other)
            if "feed_waits" in bounds:
                assert "retry-after" in (await other.get("/v1/changes", params={"cursor": others, "wait": LONG})).headers
            else:
                (await waiting.ask(other, others)).cancel()
        await make(http, "Trips")
        assert [len(await told(one)) for one in asked] == [1, 1]
        await http.get("/v1/changes", params={"cursor": await waiting.now(http), "wait": 0})


async def test_a_client_that_leaves_frees_its_place(waiting: Waiting) -> None:
    left = asyncio.Event()
    cursor = ""
    async with waiting.files.client() as http:
        cursor = await waiting.now(http)

    async def receive() -> Any:
        if not left.is_set():
            await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        """Nobody is there to read it."""

    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": "/v1/changes", "raw_path": b"/v1/changes", "root_path": "",
        "query_string": f"cursor={cursor}&wait={LONG}".encode(),
        "headers": [(b"host", b"files.test"), (b"authorization", f"Bearer {waiting.files.owner.user_id}".encode())],
        "client": ("192.0.2.7", 50000), "server": ("files.test", 80), "state": {},
    }  # fmt: skip
    request = asyncio.create_task(waiting.files.app(scope, receive, send))
    await waiting.are(1)
    left.set()
    await asyncio.wait_for(request, 10)
    assert len(waiting.watch) == 0


async def test_a_process_that_is_to_stop_sends_everybody_away_at_once(waiting: Waiting) -> None:
    async with waiting.files.client() as http:
        cursor = await waiting.now(http)
        asked = await waiting.ask(http, cursor)
        waiting.stopping.set()
        answer = await asyncio.wait_for(asked, 10)
        assert (answer.status_code, answer.json()["changes"]) == (200, [])
        assert "retry-after" in answer.headers
        # And takes nobody in any more.
        answer = await http.get("/v1/changes", params={"cursor": cursor, "wait": LONG})
        assert (answer.status_code, "retry-after" in answer.headers) == (200, True)


async def test_whoever_signs_out_meanwhile_is_told_nothing(waiting: Waiting, monkeypatch: pytest.MonkeyPatch) -> None:
    files, signed_in = waiting.files, person()
    monkeypatch.setattr("factories.files.person", lambda user_id, **_: signed_in)  # one session through all requests
    async with files.client(signed_in) as http:
        asked = await waiting.ask(http, await waiting.now(http))
        files.deps.denied.revocations.add(signed_in.session_id, files.clock.now() + timedelta(hours=1))
        await make(http, "Trips")
        answer = await asyncio.wait_for(asked, 10)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_nobody_waits_beyond_the_life_of_the_token(waiting: Waiting) -> None:
    files = waiting.files
    async with files.client() as http:
        cursor = await waiting.now(http)
        files.clock.advance(hours=1)
        answer = await asyncio.wait_for(http.get("/v1/changes", params={"cursor": cursor, "wait": LONG}), 10)
        assert answer.json()["changes"] == []


async def test_a_share_that_ends_wakes_who_had_it(waiting: Waiting) -> None:
    reader = person(username="ben")
    async with waiting.files.client() as owning, waiting.files.client(reader) as http:
        trips = await make(owning, "Trips")
        given = granted(trips, waiting.files.owner, reader)
        await waiting.files.handle(given)
        asked = await waiting.ask(http, await waiting.now(http))
        await waiting.files.handle(taken_back(given))
        assert await told(asked) == [("", "unshared")]
