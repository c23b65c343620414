"""How many streams a person has open is counted over all processes, and nobody is locked out by one that is gone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from coffer_chassis.testing import eventually
from coffer_contracts.ids import UserId
from coffer_notifier.handlers.cleaning import forget
from coffer_notifier.store import seats as rows
from coffer_notifier.stream import seating
from coffer_notifier.stream.seating import STANDING, Seats
from factories.notifier import Notifier, bearer, notifier_on
from factories.streams import api_process, listening
from factories.telling import user_id

pytestmark = pytest.mark.slow


@contextlib.asynccontextmanager
async def seated(notifier: Notifier) -> AsyncIterator[Seats]:
    """The seats of a process that runs."""
    seats, stopping = Seats(notifier.engine.execution_options(isolation_level="AUTOCOMMIT")), asyncio.Event()
    running = asyncio.create_task(seats.run(stopping))
    try:
        await asyncio.wait_for(seats.known.wait(), 30)
        yield seats
    finally:
        stopping.set()
        await running


async def held(notifier: Notifier, person: str) -> list[Any]:
    return await notifier.rows("SELECT number FROM stream_seats WHERE user_id = :person ORDER BY number", person=person)


async def unheard_for(notifier: Notifier, person: str, number: int, *, seconds: int) -> None:
    """Whichever process has that seat was last heard of so long ago."""
    before = text(
        """
        UPDATE stream_processes SET seen_at = seen_at - make_interval(secs => :seconds) WHERE id IN (
            SELECT process_id FROM stream_seats WHERE user_id = :person AND number = :number)
        """
    )
    async with notifier.engine.begin() as connection:
        await connection.execute(before, {"seconds": seconds, "person": person, "number": number})


async def test_streams_of_a_person_are_counted_over_all_processes(store_url_of_notifier: str) -> None:
    ann, bob = user_id(), user_id()
    async with (
        notifier_on(store_url_of_notifier, streams_per_user=2) as one,
        notifier_on(store_url_of_notifier, streams_per_user=2) as other,
        api_process(one) as here,
        api_process(other) as there,
        httpx.AsyncClient(timeout=30) as http,
    ):
        async with listening(here, ann), contextlib.AsyncExitStack() as second:
            await second.enter_async_context(listening(there, ann))
            for address in (here, there):
                refused = await http.get(f"{address}/v1/stream", headers=bearer(ann))
                assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
                assert int(refused.headers["retry-after"]) > 0
                async with listening(address, bob):
                    pass
            await second.aclose()

            async def one_left() -> bool:
                return len(await held(one, ann)) == 1

            await eventually(one_left)
            async with listening(here, ann):
                pass

        async def all_left() -> bool:
            return await held(one, ann) == [] == await held(one, bob)

        await eventually(all_left)


async def test_a_process_that_stops_frees_its_seats_and_one_that_died_does_when_its_lease_is_over(
    notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seating, "BEAT_SECONDS", 3600.0)  # the dead one says no more that it is there
    ann = UserId(user_id())
    async with seated(notifier) as here:
        async with seated(notifier) as stopped:
            assert [await stopped.take(ann, 2) for _ in range(2)] == [1, 2]
            assert await here.take(ann, 2) is None
        assert await here.take(ann, 2) == 1
        async with seated(notifier) as dead:
            assert await dead.take(ann, 2) == 2
            assert await here.take(ann, 2) is None
            await unheard_for(notifier, ann, 2, seconds=rows.LEASE_SECONDS)
            assert await here.take(ann, 2) == 2, "whoever holds it has not been heard of"


async def test_of_many_at_once_in_several_processes_so_many_have_a_seat(notifier: Notifier) -> None:
    ann = UserId(user_id())
    async with seated(notifier) as one, seated(notifier) as other:
        found = await asyncio.gather(*(seats.take(ann, 5) for _ in range(6) for seats in (one, other)))
        assert sorted(number for number in found if number) == [1, 2, 3, 4, 5]


async def test_a_seat_that_was_left_is_taken_again_at_once(notifier: Notifier) -> None:
    ann = UserId(user_id())
    async with seated(notifier) as here, seated(notifier) as there:
        assert await here.take(ann, 1) == 1
        here.leave(ann, 1)
        assert await here.take(ann, 1) == 1
        here.leave(ann, 1)

        async def free_there() -> bool:
            return await there.take(ann, 1) == 1

        await eventually(free_there)
        there.leave(ann, 1)
        there.leave(ann, STANDING)

        async def free() -> bool:
            return await held(notifier, ann) == []

        await eventually(free)


async def test_whoever_gives_up_asking_takes_no_seat(notifier: Notifier) -> None:
    ann = UserId(user_id())
    async with seated(notifier) as here:
        for _ in range(3):
            asking = asyncio.create_task(here.take(ann, 1))
            await asyncio.sleep(0)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

        async def has_room() -> bool:
            return await here.take(ann, 1) == 1

        await eventually(has_room)


async def test_a_store_that_is_away_sends_nobody_away(notifier: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any) -> Any:
        raise OSError("away")

    async with seated(notifier) as here:
        monkeypatch.setattr(rows, "take", away)
        assert [await here.take(UserId(user_id()), 1) for _ in range(2)] == [STANDING, STANDING]


async def test_what_processes_left_behind_that_died_is_forgotten(notifier: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seating, "BEAT_SECONDS", 3600.0)  # as above
    ann = UserId(user_id())
    async with seated(notifier) as here, seated(notifier) as dead:
        assert (await here.take(ann, 2), await dead.take(ann, 2)) == (1, 2)
        await unheard_for(notifier, ann, 2, seconds=7200)
        await forget(notifier.deps)
        assert [row.number for row in await held(notifier, ann)] == [1]
