"""A service put together: loops that are supervised, jobs that repeat, and a stop that leaves nothing unsent."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from coffer_chassis import outbox, replays
from coffer_chassis import service as service_module
from coffer_chassis.dead_letters import Wanted, waiting
from coffer_chassis.handling import Handles, Reject, handler_table
from coffer_chassis.housekeeping import Job
from coffer_chassis.service import Service, repeated, supervised
from coffer_chassis.testing import eventually
from coffer_chassis.topology import ServiceTopology
from coffer_chassis.unit_of_work import Unit, Work
from coffer_contracts.auth import LoginFailedV1, SessionCreatedV1
from factories.consuming import LANE, QUICK, STOP_SECONDS, Failed, WatchedBus, count_it, once_each
from factories.eventing import ORIGIN, TABLES, Store, count, created, failed
from factories.operators import letter

SECOND = ServiceTopology("second", (LANE,))


@pytest.fixture
def bus() -> WatchedBus:
    return WatchedBus()


def service_of(store: Store, bus: WatchedBus, *rows: Handles, jobs: Sequence[Job] = ()) -> Service:
    tables = {LANE.queue: handler_table(rows or (QUICK,))}
    return Service(SECOND, store.work, bus, deps=store, app=None, tables=tables, jobs=jobs, wait_seconds=1)


@asynccontextmanager
async def running(service: Service, **roles: bool) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    task = asyncio.create_task(service.run_background(stopping, **roles))
    try:
        yield
    finally:
        stopping.set()
        await asyncio.wait_for(task, STOP_SECONDS)


def test_refuses_a_queue_without_handlers(store: Store, bus: WatchedBus) -> None:
    with pytest.raises(ValueError, match=LANE.queue):
        Service(SECOND, store.work, bus, deps=None, app=None)


async def test_consumes_and_publishes(store: Store, bus: WatchedBus) -> None:
    async def answer(event: Failed, unit: Unit, store: Store) -> None:
        await count_it(event, unit, store)
        unit.emit(created(), sequence=1)

    service = service_of(store, bus, Handles(LoginFailedV1, answer))
    await bus.deliver(failed(1))
    async with running(service):
        await eventually(bus.empty)

        async def all_sent() -> bool:
            return len(await store.rows(TABLES.outbox)) == 1 and await store.unsent() == 0

        await eventually(all_sent)
    assert await store.counts() == once_each(1)


async def test_the_last_round_of_the_relay_takes_along_what_consumers_emitted_while_stopping(
    store: Store, bus: WatchedBus
) -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def late(event: Failed, store: Store) -> None:
        entered.set()
        await go_on.wait()
        async with store.work.unit(cause=event, consumer=LANE.queue) as unit:
            await count(unit, event.subject)
            unit.emit(created(), sequence=1)

    stopping = asyncio.Event()
    service = service_of(store, bus, Handles(LoginFailedV1, late, emits=(SessionCreatedV1,), slow=True))
    task = asyncio.create_task(service.run_background(stopping))
    await bus.deliver(failed(1))
    await entered.wait()
    stopping.set()
    await eventually(bus.quiet)
    assert not task.done()
    go_on.set()
    await asyncio.wait_for(task, STOP_SECONDS)
    (row,) = await store.rows(TABLES.outbox)
    assert row.sent_at is not None
    assert await bus.empty()


@pytest.mark.parametrize(("consume", "relay"), [(True, False), (False, True), (False, False)])
async def test_runs_in_parts(store: Store, bus: WatchedBus, consume: bool, relay: bool) -> None:
    service = service_of(store, bus)
    await bus.deliver(failed(1))
    await store.emit(created(2))
    async with running(service, consume=consume, relay=relay):

        async def did_its_part() -> bool:
            return bool(await store.counts()) == consume and (await store.unsent() == 0) == relay

        await eventually(did_its_part)


@pytest.mark.parametrize(
    ("answer", "consume", "relay"), [(True, True, True), (True, False, False), (False, True, False), (True, False, True)]
)
async def test_who_answers_or_consumes_keeps_its_memory_up_to_date(
    store: Store, bus: WatchedBus, answer: bool, consume: bool, relay: bool
) -> None:
    seen: list[int] = []

    async def look() -> None:
        seen.append(len(seen))
        if len(seen) == 1:
            raise OSError("the store is away")

    async def seen_again() -> bool:
        return len(seen) > 2

    service = service_of(store, bus)
    service.watches = (Job("look", look, 0.01),)
    async with running(service, answer=answer, consume=consume, relay=relay):
        await eventually(seen_again)


async def test_who_only_relays_has_nothing_to_keep_in_mind(store: Store, bus: WatchedBus) -> None:
    seen: list[bool] = []

    async def look() -> None:
        seen.append(True)

    service = service_of(store, bus)
    service.watches = (Job("look", look, 0.01),)
    async with running(service, answer=False, consume=False):
        await store.emit(created())

        async def sent() -> bool:
            return await store.unsent() == 0

        await eventually(sent)
    assert seen == []


async def test_a_process_that_only_relays_sends_at_once_what_others_commit(
    store: Store, bus: WatchedBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", 3600)
    await bus.deliver(failed(1))
    relaying_work = Work(store.engine, TABLES, source="/second", clock=store.clock)
    relaying = Service(ServiceTopology("second"), relaying_work, bus, deps=None, app=None)

    async def answer(event: Failed, unit: Unit, _store: Store) -> None:
        unit.emit(created(), sequence=1)
        await count_it(event, unit, store)

    async def all_sent() -> bool:
        return len(await store.rows(TABLES.outbox)) == emitted and await store.unsent() == 0

    async with (
        running(relaying, answer=False, consume=False),
        running(service_of(store, bus, Handles(LoginFailedV1, answer)), relay=False),
    ):
        emitted = 1
        await eventually(all_sent)
        await store.emit(created(2))
        emitted = 2
        await eventually(all_sent)


async def test_a_service_without_queues_only_publishes(store: Store, bus: WatchedBus) -> None:
    service = Service(ServiceTopology("first"), store.work, bus, deps=None, app=None)
    async with running(service):
        await store.emit(failed())
    assert await store.unsent() == 0


async def test_dead_letters_are_collected_on_the_side(store: Store, bus: WatchedBus, monkeypatch: pytest.MonkeyPatch) -> None:
    async def reject(*_: object) -> None:
        raise Reject("never")

    await bus.deliver(failed(1))
    async with running(service_of(store, bus, Handles(LoginFailedV1, reject))):
        await eventually(bus.empty)
    async with running(service_of(store, bus)):

        async def collected() -> list[Any]:
            return await waiting(store.work)

        (letter,) = await eventually(collected)
    assert letter.reason == "never"


async def test_closing_ends_what_the_service_holds(store: Store, bus: WatchedBus) -> None:
    ended: list[str] = []
    service = service_of(store, bus)
    service.resources.callback(ended.append, "first in")
    service.resources.callback(ended.append, "last in")
    await service.close()
    assert ended == ["last in", "first in"]


async def test_a_loop_that_fails_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "RESTART_SECONDS", (0.001, 0.001))
    stopping = asyncio.Event()
    starts: list[int] = []

    async def fragile(stopping: asyncio.Event) -> None:
        starts.append(1)
        if len(starts) < 3:
            raise RuntimeError("a bug")
        await stopping.wait()

    task = asyncio.create_task(supervised("fragile", fragile, stopping))

    async def started_thrice() -> bool:
        return len(starts) == 3

    await eventually(started_thrice)
    stopping.set()
    await asyncio.wait_for(task, STOP_SECONDS)
    assert len(starts) == 3


async def test_a_loop_that_fails_while_stopping_is_not_started_again() -> None:
    stopping = asyncio.Event()

    async def fragile(stopping: asyncio.Event) -> None:
        stopping.set()
        raise RuntimeError("a bug")

    await asyncio.wait_for(supervised("fragile", fragile, stopping), STOP_SECONDS)


async def test_a_job_is_repeated_whatever_becomes_of_it() -> None:
    stopping = asyncio.Event()
    runs: list[int] = []

    async def moody() -> None:
        runs.append(1)
        if len(runs) == 3:
            stopping.set()
        raise RuntimeError("not today")

    await asyncio.wait_for(repeated(Job("moody", moody, 0.001), stopping), STOP_SECONDS)
    assert len(runs) == 3


async def test_a_failing_job_disturbs_nobody(store: Store, bus: WatchedBus) -> None:
    async def broken() -> None:
        raise RuntimeError("always")

    await bus.deliver(failed(1))
    async with running(service_of(store, bus, jobs=[Job("broken", broken, 0.01)])):
        await eventually(bus.empty)
    assert await store.counts() == once_each(1)


@pytest.mark.parametrize("relay", [True, False])
async def test_replays_are_run_where_events_are_relayed_and_nowhere_else(store: Store, bus: WatchedBus, relay: bool) -> None:
    await letter(store, 1)
    async with store.work.unit(ORIGIN) as unit:
        replay = await replays.start(unit, TABLES, Wanted())
    async with running(service_of(store, bus), consume=not relay, relay=relay):
        if not relay:
            await bus.deliver(failed(2))
            await eventually(bus.empty)
        else:

            async def done() -> bool:
                return not await bus.empty()

            await eventually(done)
    (row,) = await store.rows(TABLES.replays)
    assert (row.id, row.sent) == (replay.id, int(relay))
