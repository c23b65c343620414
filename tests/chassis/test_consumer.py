"""What handlers do, on a real store and an unkind bus: at least once in, once in effect, whatever fails."""

import asyncio
import json
from collections.abc import Callable

import pytest
from sqlalchemy import text

from coffer_chassis import outcomes
from coffer_chassis.handling import Handles, Reject, Retry
from coffer_chassis.testing import eventually
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import LoginFailedV1, SessionCreatedV1
from coffer_contracts.problems import NotFound, Unavailable
from factories.consuming import LANE, QUICK, SLOW, Failed, WatchedBus, consuming, failing, once_each
from factories.eventing import CREATED, TABLES, Store, count, created, failed, user_id

both_kinds = pytest.mark.parametrize("slow", [False, True], ids=["quick", "slow"])


@pytest.fixture
def bus() -> WatchedBus:
    return WatchedBus()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed comes back at once."""
    monkeypatch.setattr(outcomes, "RETRY_SECONDS", (0, 0))


@both_kinds
async def test_handles_and_deletes(store: Store, bus: WatchedBus, slow: bool) -> None:
    await bus.deliver(*(failed(number) for number in range(25)))
    async with consuming(store, bus, SLOW if slow else QUICK):
        await eventually(bus.empty)
    assert await store.counts() == once_each(*range(25))
    assert {entry.consumer for entry in await store.rows(TABLES.inbox)} == {LANE.queue}


@both_kinds
async def test_an_event_delivered_three_times_has_one_effect(store: Store, slow: bool) -> None:
    bus = WatchedBus(reorder=True)
    await bus.deliver(*(failed(number) for number in range(15)), copies=3)
    async with consuming(store, bus, SLOW if slow else QUICK):
        await eventually(bus.empty)
    assert await store.counts() == once_each(*range(15))


async def test_what_a_quick_handler_emits_commits_with_its_effect_and_wakes_the_relay(store: Store, bus: WatchedBus) -> None:
    async def answer(event: Failed, unit: Unit, _store: Store) -> None:
        await count(unit, event.subject)
        unit.emit(created(), sequence=1)

    woken = asyncio.Event()
    store.wake(woken.set)
    await bus.deliver(failed(1), failed(2))
    async with consuming(store, bus, Handles(LoginFailedV1, answer, emits=(SessionCreatedV1,))):
        await eventually(bus.empty)
    assert woken.is_set()
    assert [row.type for row in await store.rows(TABLES.outbox)] == [CREATED, CREATED]


async def test_a_bad_message_fails_alone_and_its_neighbours_commit(store: Store, bus: WatchedBus) -> None:
    await bus.deliver(*(failed(number) for number in range(10)))
    async with consuming(store, bus, failing(RuntimeError)):

        async def one_left() -> bool:
            return (await bus.depth(LANE.queue)).total == 1

        await eventually(one_left)
    assert await store.counts() == once_each(0, *range(2, 10))
    assert len(await store.rows(TABLES.inbox)) == 9
    assert await bus.dead() == []


async def test_a_statement_that_the_store_refuses_fails_alone(store: Store, bus: WatchedBus) -> None:
    async def divide(event: Failed, unit: Unit, _store: Store) -> None:
        divisor = int(event.data.user_id != user_id(1))
        await unit.connection.execute(text("SELECT 1 / CAST(:divisor AS integer)"), {"divisor": divisor})
        await count(unit, event.subject)

    await bus.deliver(*(failed(number) for number in range(3)))
    async with consuming(store, bus, Handles(LoginFailedV1, divide)):

        async def one_left() -> bool:
            return (await bus.depth(LANE.queue)).total == 1

        await eventually(one_left)
    assert await store.counts() == once_each(0, 2)


@both_kinds
async def test_a_lone_message_that_fails_leaves_nothing_and_is_dead_after_its_last_try(
    store: Store, bus: WatchedBus, at_once: None, slow: bool
) -> None:
    tries: list[int] = []

    def not_yet() -> Exception:
        tries.append(1)
        return RuntimeError("not yet")

    row = failing(not_yet, slow=slow)
    await bus.deliver(failed(1))
    async with consuming(store, bus, row):
        (dead,) = await eventually(bus.dead)
    assert len(tries) == LANE.max_receives
    assert dead.attributes["dead-reason"] == "received 5 times without success, at last: RuntimeError('not yet')"
    assert (dead.attributes["dead-class"], dead.attributes["dead-handler"]) == ("RuntimeError", row.run.__name__)
    assert await store.counts() == {}
    assert await store.rows(TABLES.inbox) == []


@both_kinds
async def test_what_failed_at_first_succeeds_later_with_one_effect(
    store: Store, bus: WatchedBus, at_once: None, slow: bool
) -> None:
    errors = [Unavailable("the store is away"), RuntimeError("a bug"), Retry("wait for it", after_seconds=0)]

    def next_error() -> Exception:
        return errors.pop()

    async def patient(event: Failed, unit: Unit, store: Store) -> None:
        await count(unit, event.subject)
        if errors:
            raise next_error()

    async def patient_and_slow(event: Failed, store: Store) -> None:
        async with store.work.unit(cause=event, consumer=LANE.queue) as unit:
            await patient(event, unit, store)

    await bus.deliver(failed(1))
    async with consuming(store, bus, Handles(LoginFailedV1, patient_and_slow if slow else patient, slow=slow)):
        await eventually(bus.empty)
    assert await store.counts() == once_each(1)
    assert await bus.dead() == []


@both_kinds
async def test_retry_hides_the_message_for_as_long_as_the_handler_says(store: Store, bus: WatchedBus, slow: bool) -> None:
    await bus.deliver(failed(1))
    async with consuming(store, bus, failing(lambda: Retry("folder is not here yet", after_seconds=77), slow=slow)):

        async def hidden() -> bool:
            return bus.hidden == [77]

        await eventually(hidden)
    assert await store.counts() == {}
    assert await store.rows(TABLES.inbox) == []


@both_kinds
@pytest.mark.parametrize(
    ("error", "reason"), [(lambda: Reject("bad \0 bytes"), "bad \\x00 bytes"), (lambda: NotFound("no item"), "no item")]
)
async def test_a_rejected_message_is_dead_at_once_with_the_reason(
    store: Store, bus: WatchedBus, slow: bool, error: Callable[[], Exception], reason: str
) -> None:
    await bus.deliver(failed(1), failed(2))
    row = failing(error, slow=slow)
    async with consuming(store, bus, row):
        await eventually(bus.empty)
    (dead,) = await bus.dead()
    assert dead.attributes["dead-reason"] == reason
    assert dead.attributes["dead-class"] == type(error()).__name__
    assert dead.attributes["dead-handler"] == row.run.__name__
    assert dead.attributes["type"] == failed().type
    assert json.loads(dead.body)["data"]["user_id"] == user_id(1)
    assert await store.counts() == once_each(2)
    assert len(await store.rows(TABLES.inbox)) == 1


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("not json", id="no JSON"),
        pytest.param("[]", id="no object"),
        pytest.param("{}", id="no type"),
        pytest.param("[" * 100_000, id="deeper than Python goes"),
        pytest.param('{"type": "auth.login.failed.v99"}', id="unknown major"),
        pytest.param('{"type": "auth.login.failed.v1", "data": {}}', id="no envelope"),
    ],
)
async def test_an_unreadable_message_is_dead_at_once_and_its_neighbours_are_handled(
    store: Store, bus: WatchedBus, body: str
) -> None:
    await bus.send(LANE.queue, body, {"type": failed().type})
    await bus.deliver(failed(1))
    async with consuming(store, bus, QUICK):
        await eventually(bus.empty)
    (dead,) = await bus.dead()
    assert (dead.body, dead.attributes["dead-class"]) == (body, "Unreadable")
    assert await store.counts() == once_each(1)


async def test_an_event_without_a_handler_is_ignored(store: Store, bus: WatchedBus) -> None:
    await bus.deliver(created(1), failed(1))
    async with consuming(store, bus, QUICK):
        await eventually(bus.empty)
    assert await bus.dead() == []
    assert len(await store.rows(TABLES.inbox)) == 1
