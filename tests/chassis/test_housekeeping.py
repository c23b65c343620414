"""The jobs that every service has: what they forget, collect and measure, and that twice is once."""

from datetime import timedelta

import pytest

from coffer_chassis import forgetting, inbox, metrics, outbox, replays
from coffer_chassis.bus import Depth
from coffer_chassis.dead_letters import drop, waiting
from coffer_chassis.housekeeping import Job, chassis_jobs
from coffer_chassis.idempotency import claim, once
from coffer_chassis.topology import ServiceTopology
from coffer_chassis.unit_of_work import Unit
from factories.consuming import LANE, WatchedBus
from factories.eventing import ORIGIN, TABLES, Store, envelope, failed
from factories.operators import letter
from factories.relaying import RecordingBus, relay_of

SECOND = ServiceTopology("second", (LANE,))


@pytest.fixture
def bus() -> WatchedBus:
    return WatchedBus()


def job(store: Store, bus: WatchedBus, name: str) -> Job:
    return next(job for job in chassis_jobs(store.work, bus, SECOND) if job.name == name)


async def use_everything(store: Store) -> None:
    """Leave a sent row, an inbox row and an idempotency key."""

    async def nothing(_unit: Unit) -> dict[str, object]:
        return {}

    await store.emit(failed())
    await relay_of(store, RecordingBus()).drain()
    async with store.work.unit(cause=envelope(failed()), consumer=LANE.queue):
        pass
    await once(store.work, ORIGIN, claim("key", principal="user/1", route="POST /", body={}), nothing)


@pytest.mark.parametrize(
    ("age", "left"),
    [
        (timedelta(hours=23), (1, 1, 1)),
        (timedelta(hours=25), (1, 1, 0)),
        (timedelta(days=outbox.KEEP_DAYS, hours=1), (0, 1, 0)),
        (timedelta(days=inbox.KEEP_DAYS, hours=1), (0, 0, 0)),
    ],
)
async def test_forgets_each_thing_in_its_time(
    store: Store, bus: WatchedBus, age: timedelta, left: tuple[int, int, int]
) -> None:
    await use_everything(store)
    store.clock.moment += age
    for _ in range(2):
        await job(store, bus, "forget").run()
    tables = (TABLES.outbox, TABLES.inbox, TABLES.idempotency_keys)
    assert tuple([len(await store.rows(table)) for table in tables]) == left


async def test_never_forgets_what_was_not_sent(store: Store, bus: WatchedBus) -> None:
    await store.emit(failed())
    store.clock.advance(days=1000)
    await job(store, bus, "forget").run()
    assert await store.unsent() == 1


async def test_forgets_any_number_a_slice_at_a_time(store: Store, bus: WatchedBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "SLICE", 2)
    await store.emit(*(failed(number) for number in range(7)))
    await relay_of(store, RecordingBus()).drain()
    store.clock.advance(days=outbox.KEEP_DAYS + 1)
    async with store.engine.begin() as connection:
        assert await outbox.forget_sent_before(connection, TABLES, store.clock.now() - timedelta(days=1)) == 2
    await job(store, bus, "forget").run()
    assert await store.rows(TABLES.outbox) == []


async def test_collects_the_dead_letters_of_every_lane(store: Store, bus: WatchedBus) -> None:
    await bus.send(LANE.dead_queue, "{}", {})
    for _ in range(2):
        await job(store, bus, "collect_dead_letters").run()
    assert len(await waiting(store.work)) == 1


async def test_measures_how_much_waits_and_for_how_long(store: Store, bus: WatchedBus) -> None:
    def measured() -> tuple[float | None, float | None]:
        names = ("coffer_outbox_unsent", "coffer_outbox_oldest_seconds")
        unsent, oldest = (metrics.registry.get_sample_value(name, {"service": "second"}) for name in names)
        return unsent, oldest

    await store.emit(failed(1), failed(2))
    store.clock.advance(seconds=90)
    await job(store, bus, "measure_outbox").run()
    assert measured() == (2, 90)
    await relay_of(store, RecordingBus()).drain()
    await job(store, bus, "measure_outbox").run()
    assert measured() == (0, 0)


async def test_measures_queues_letters_and_replays(store: Store, bus: WatchedBus) -> None:
    def measured(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, labels)

    await bus.deliver(failed(1), failed(2))
    await bus.receive(LANE.queue, limit=1, wait_seconds=1)
    letter_id = await letter(store)
    await store.emit(failed())
    await relay_of(store, RecordingBus()).drain()
    store.clock.advance(seconds=1)
    async with store.work.unit(ORIGIN) as unit:
        await replays.start(unit, TABLES, replays.Events())
    await job(store, bus, "measure_queues").run()
    queue = LANE.queue
    states = {
        state: measured("coffer_queue_messages", queue=queue, state=state) for state in ("waiting", "in_flight", "delayed")
    }
    assert states == {"waiting": 1, "in_flight": 1, "delayed": 0}
    assert measured("coffer_dead_letters_waiting", queue=queue) == measured("coffer_replays_running", service="second") == 1
    await drop(store.work, letter_id)
    await job(store, bus, "measure_queues").run()
    assert measured("coffer_dead_letters_waiting", queue=queue) == 0


async def test_a_broker_that_is_away_hides_neither_letters_nor_replays(store: Store) -> None:
    class Away(WatchedBus):
        async def depth(self, queue: str) -> Depth:
            raise ConnectionError("away")

    await letter(store)
    with pytest.raises(ConnectionError):
        await job(store, Away(), "measure_queues").run()
    assert metrics.registry.get_sample_value("coffer_dead_letters_waiting", {"queue": LANE.queue}) == 1
