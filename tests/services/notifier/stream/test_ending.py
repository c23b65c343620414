"""Which streams are refused, how streams end, and that nobody can hold others up."""

import asyncio
import contextlib
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text

from coffer_chassis import serving
from coffer_chassis.clock import SystemClock
from coffer_chassis.ids import new_id
from coffer_chassis.testing import eventually
from coffer_notifier.stream import hub as hub_module
from factories.notifier import Notifier, bearer, notifier_on
from factories.streams import api_process, deaf_reader, listening, tell
from factories.telling import sample, session_revoked, user_id

pytestmark = pytest.mark.slow  # waits for real ends of real connections


async def test_a_sixth_stream_is_refused_until_one_of_the_five_is_gone(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    async with (
        api_process(notifier) as address,
        contextlib.AsyncExitStack() as stack,
        httpx.AsyncClient(base_url=address, timeout=30) as http,
    ):
        opened = [await stack.enter_async_context(contextlib.AsyncExitStack()) for _ in range(5)]
        for one in opened:
            await one.enter_async_context(listening(address, ann))
        refused = await http.get("/v1/stream", headers=bearer(ann))
        assert refused.status_code == 429
        assert refused.json()["code"] == "rate_limited"
        assert int(refused.headers["retry-after"]) > 0
        async with listening(address, bob):
            pass
        await opened[0].aclose()

        async def has_room() -> bool:
            return len(notifier.hub) == 4

        await eventually(has_room)
        async with listening(address, ann):
            pass


async def test_a_process_serves_so_many_streams_and_no_more_until_one_is_gone(store_url_of_notifier: str) -> None:
    ann, bob, eve = user_id(), user_id(), user_id()
    async with (
        notifier_on(store_url_of_notifier, streams_per_process=2) as full,
        notifier_on(store_url_of_notifier) as other,
        api_process(full) as address,
        api_process(other) as elsewhere,
        httpx.AsyncClient(base_url=address, timeout=30) as http,
    ):
        async with listening(address, ann), listening(address, bob):
            refused = await http.get("/v1/stream", headers=bearer(eve))
            assert refused.status_code == 503
            assert refused.json()["code"] == "unavailable"
            shortest, longest = hub_module.FULL_SECONDS
            assert shortest <= int(refused.headers["retry-after"]) <= longest
            assert (await http.get("/v1/notifications", headers=bearer(eve))).status_code == 200, "all else is answered"
            async with listening(elsewhere, eve) as welcome:
                await tell(other, eve, 1)
                await welcome.hears(1)

        async def empty() -> bool:
            return len(full.hub) == 0

        await eventually(empty)
        async with listening(address, eve):
            assert len(full.hub) == 1


async def test_six_that_come_together_do_not_all_find_room(notifier: Notifier) -> None:
    ann = user_id()
    async with api_process(notifier) as address, httpx.AsyncClient(base_url=address, timeout=30) as http:

        async def ask() -> None:
            async with http.stream("GET", "/v1/stream", headers=bearer(ann)) as response:
                told.append(response.status_code)
                await gate.wait()

        gate, told = asyncio.Event(), list[int]()
        asking = [asyncio.create_task(ask()) for _ in range(8)]

        async def all_told() -> bool:
            return len(told) == len(asking)

        await eventually(all_told, within_seconds=60)
        gate.set()
        await asyncio.gather(*asking)
        assert sorted(told) == [200] * 5 + [429] * 3


async def test_a_stream_ends_with_its_token(notifier: Notifier) -> None:
    ann = user_id()
    async with api_process(notifier) as address, listening(address, f"{ann}/phone/60") as listener:
        await tell(notifier, ann, 1)
        await listener.hears(1)
        assert not listener.ended
        notifier.clock.advance(seconds=61)
        await listener.ends()
    assert len(notifier.hub) == 0


async def test_a_stream_ends_soon_after_its_session_and_others_go_on(notifier: Notifier) -> None:
    ann, lost, kept = user_id(), new_id(), new_id()
    until = notifier.clock.now() + timedelta(minutes=10)
    async with (
        api_process(notifier) as address,
        listening(address, f"{ann}/{lost}") as phone,
        listening(address, f"{ann}/{kept}") as laptop,
    ):
        await notifier.handle(session_revoked(lost, ann, until))
        await phone.ends()
        await tell(notifier, ann, 1)
        await laptop.hears(1)


async def test_a_stream_ends_soon_after_the_personal_token_that_it_was_opened_with(notifier: Notifier) -> None:
    ann = user_id()
    revoked = sample("auth.token.revoked.v1", ann)
    async with (
        api_process(notifier) as address,
        listening(address, f"{ann}/{revoked.data.token_id}") as lost,
        listening(address, f"{ann}/{new_id()}") as other,
    ):
        await notifier.handle(revoked, revoked)
        await lost.ends()
        await tell(notifier, ann, 1)
        await other.hears(1)
        async with httpx.AsyncClient(base_url=address, timeout=30) as http:
            again = await http.get("/v1/stream", headers=bearer(f"{ann}/{revoked.data.token_id}"))
        assert again.status_code == 401


async def test_a_session_that_ended_in_another_process_ends_its_streams_in_this_one(store_url_of_notifier: str) -> None:
    ann, lost = user_id(), new_id()
    async with (
        notifier_on(store_url_of_notifier) as consuming,
        notifier_on(store_url_of_notifier) as answering,
        api_process(answering) as address,
        listening(address, f"{ann}/{lost}") as phone,
    ):
        await consuming.handle(session_revoked(lost, ann, consuming.clock.now() + timedelta(minutes=10)))
        await answering.deps.denied.refresh()
        await phone.ends()


async def test_all_streams_end_at_once_when_the_process_stops(notifier: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "FINISH_SECONDS", 60)
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as stack:
        async with api_process(notifier) as address:
            listeners = [await stack.enter_async_context(listening(address, user_id())) for _ in range(20)]
            began = loop.time()
        assert loop.time() - began < serving.FINISH_SECONDS / 2
        for listener in listeners:
            await listener.ends()
    assert len(notifier.hub) == 0


@pytest.mark.slow
async def test_a_reader_who_does_not_read_is_sent_away_and_others_are_served(notifier: Notifier) -> None:
    ann = user_id()
    filler = text(
        "INSERT INTO stream (user_id, topic, event, data, at) "
        "SELECT :user, 'uploads', 'upload', jsonb_build_object('n', 0, 'x', repeat('x', 1000)), :at "
        "FROM generate_series(1, 100)"
    )
    async with api_process(notifier) as address, listening(address, ann) as good, deaf_reader(address, ann):

        async def both() -> bool:
            return len(notifier.hub) == 2

        await eventually(both)

        async def one_left() -> bool:
            async with notifier.engine.begin() as connection:
                await connection.execute(filler, {"user": ann, "at": notifier.clock.now()})
            notifier.hub.poke()
            return len(notifier.hub) == 1

        await eventually(one_left, within_seconds=60)
        assert not good.ended
        await tell(notifier, ann, 1)

        async def served() -> bool:
            return bool(good.told) and good.told[-1].data["n"] == 1

        await eventually(served)


async def test_a_head_request_gets_headers_and_no_stream(notifier: Notifier) -> None:
    async with api_process(notifier) as address, httpx.AsyncClient(base_url=address, timeout=30) as http:
        answer = await http.head("/v1/stream", headers=bearer(user_id()))
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert (await http.get("/v1/notifications", headers=bearer(user_id()))).status_code == 200
    assert len(notifier.hub) == 0


@pytest.mark.parametrize(
    ("query", "token", "status"),
    [("?topics=changes,nonsense", None, 422), ("?topics=", None, 422), ("", "bad", 401)],
)
async def test_refuses_what_it_cannot_serve(notifier: Notifier, query: str, token: str | None, status: int) -> None:
    async with notifier.client(token or user_id()) as http:
        assert (await http.get(f"/v1/stream{query}")).status_code == status


async def test_without_a_running_hub_the_answer_is_unavailable(notifier: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "READY_SECONDS", 0.05)
    async with notifier.client(user_id()) as http:
        answer = await http.get("/v1/stream")
    assert answer.status_code == 503
    assert len(notifier.hub) == 0


@pytest.mark.slow
async def test_signs_of_life_carry_the_place(store_url_of_notifier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "BEAT_SECONDS", 0.1)
    async with (
        notifier_on(store_url_of_notifier, clock=SystemClock()) as notifier,
        api_process(notifier) as address,
        listening(address, user_id()) as listener,
    ):
        first = listener.last_id

        async def alive() -> bool:
            return listener.comments >= 2

        await eventually(alive)
        assert listener.told == []
        assert listener.last_id != first, "the same place at a later time"


async def test_signs_of_life_of_those_who_came_together_are_spread(notifier: Notifier) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with api_process(notifier) as address, contextlib.AsyncExitStack() as stack:
        for person in [user_id() for _ in range(3)]:
            for _ in range(5):
                await stack.enter_async_context(listening(address, person))
        due = sorted(connection.beat_at for connection in notifier.hub._all())
        assert len(due) == 15
        assert began + hub_module.BEAT_SECONDS / 2 <= due[0]
        assert due[-1] <= loop.time() + hub_module.BEAT_SECONDS
        assert due[-1] - due[0] > hub_module.BEAT_SECONDS / 10 + (loop.time() - began) / 10


async def test_streams_outlive_a_store_that_fails_for_a_moment(notifier: Notifier) -> None:
    ann = user_id()
    async with api_process(notifier) as address, listening(address, ann) as listener:
        kill = text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        async with notifier.engine.connect() as connection:
            await connection.execute(kill)

        async def back() -> bool:
            with contextlib.suppress(Exception):
                await tell(notifier, ann, 1)
                return True
            return False

        await eventually(back)
        await listener.hears(1)
        assert not listener.ended
