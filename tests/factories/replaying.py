"""Replays over a bus that remembers: events that were published a moment ago, and rounds under a clock that jumps."""

from typing import Any

from coffer_chassis import replaying, replays
from coffer_chassis.replaying import replay_round
from coffer_chassis.replays import Events, Replay
from factories.eventing import TABLES, Store, failed
from factories.operators import OPERATOR
from factories.relaying import TOPOLOGY, RecordingBus, relay_of

TOPIC = TOPOLOGY.services[0].topic


async def sent(store: Store, bus: RecordingBus, count: int = 1, *, first: int = 1) -> list[str]:
    """So many events that were published a moment ago; their ids."""
    ids = await store.emit(*(failed(first + number) for number in range(count)))
    await relay_of(store, bus).drain()
    store.clock.advance(seconds=1)
    bus.given.clear()
    bus.calls = 0
    return ids


async def start(store: Store, wanted: Events | None = None, rate: float = 1000, **options: Any) -> Replay:
    """A replay that was asked for."""
    async with store.work.unit(OPERATOR) as unit:
        return await replays.start(unit, TABLES, wanted or Events(), rate_per_second=rate, **options)


async def now(store: Store, replay: Replay) -> Replay:
    """The replay as it stands."""
    async with store.work.read() as connection:
        found = await replays.find(connection, TABLES, replay.id)
    assert found is not None
    return found


async def cancel(store: Store, replay: Replay) -> bool:
    """Whether it could still be cancelled."""
    async with store.engine.begin() as connection:
        return await replays.cancel(connection, TABLES, replay.id, store.clock.now())


async def run(store: Store, bus: RecordingBus) -> int:
    """Rounds until nothing is due, under a clock that jumps to what is due next."""
    total = 0
    while (due := await replaying.next_due(store.work)) is not None:
        store.clock.moment = max(store.clock.moment, due)
        total += await replay_round(store.work, bus, TOPIC)
    return total
