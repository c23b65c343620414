"""A major change on the way: both twins leave in one commit, and every reader, old or new, handles the fact once."""

import json
from collections.abc import Callable
from functools import partial
from itertools import permutations
from typing import Any

import pytest

from coffer_chassis import consumer
from coffer_chassis.bus_memory import MemoryBus
from coffer_chassis.handling import Handles, handler_table, types_of
from coffer_chassis.outbox import Relay
from coffer_chassis.testing import eventually
from coffer_chassis.topology import Lane, ServiceTopology, Topology
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.catalog import CATALOG, parse
from coffer_contracts.event import Envelope
from coffer_contracts.sharing import ShareChangedV1, ShareChangedV2, ShareLeftV1
from factories.consuming import WatchedBus, consuming
from factories.eventing import ORIGIN, TABLES, Store, count
from factories.golden import FOLDER, message

V1, V2 = ShareChangedV1.type, ShareChangedV2.type
LANE = Lane("second-fast", {"first-events": (V1, V2)})
NEWER, TWIN, ALONE = ((FOLDER / f"{name}.json").read_text() for name in (V2, f"{V1}.twin", V1))
CHANGED = message(V2)
OLD_CATALOG = {wire_type: event for wire_type, event in CATALOG.items() if wire_type != V2}


async def count_change(event: Envelope[ShareChangedV2], unit: Unit, store: Store) -> None:
    await count(unit, f"{event.subject} to {event.data.changes[0].after}")


async def count_change_slowly(event: Envelope[ShareChangedV2], store: Store) -> None:
    async with store.work.unit(cause=event, consumer=LANE.queue) as unit:
        await count_change(event, unit, store)


async def count_old_change(event: Envelope[ShareChangedV1], unit: Unit, _store: Store) -> None:
    await count(unit, f"{event.subject} from {event.data.previous_role}")


NEW_READERS = [Handles(ShareChangedV2, count_change), Handles(ShareChangedV2, count_change_slowly, slow=True)]
ONCE = {f"{CHANGED.subject} to editor": 1}


def emitted() -> ShareChangedV2:
    fact = CHANGED.data
    assert isinstance(fact, ShareChangedV2)
    return fact


def quick_or_slow(reader: Handles) -> str:
    return "slow" if reader.slow else "quick"


def test_a_queue_asks_for_what_it_handles_and_for_the_older_majors_of_it() -> None:
    table = handler_table([NEW_READERS[0], Handles(ShareLeftV1, count_change)])
    assert types_of(table, "sharing") == (V1, V2, ShareLeftV1.type)
    assert types_of(table, "files") == ()


@pytest.mark.parametrize("reader", NEW_READERS, ids=quick_or_slow)
@pytest.mark.parametrize("order", [(TWIN, NEWER), (NEWER, TWIN)], ids=["twin first", "newer first"])
@pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "one after the other"])
async def test_twins_are_one_fact_in_either_order(store: Store, reader: Handles, order: tuple[str, ...], at_once: bool) -> None:
    bus = WatchedBus(LANE)
    for body in order if at_once else order[:1]:
        await bus.send(LANE.queue, body, {})
    async with consuming(store, bus, reader):
        await eventually(bus.empty)
        if not at_once:
            assert await store.counts() == ONCE
            await bus.send(LANE.queue, order[1], {})
            await eventually(bus.empty)
    assert await store.counts() == ONCE
    assert await bus.dead() == []
    assert [row.event_id for row in await store.rows(TABLES.inbox)] == [CHANGED.id]


async def test_twins_again_and_again_in_any_order_are_one_fact(store: Store) -> None:
    bus = WatchedBus(LANE, duplicates=0.5, reorder=True, seed=7)
    for order in permutations([TWIN, NEWER, TWIN, NEWER], 3):
        for body in order:
            await bus.send(LANE.queue, body, {})
    async with consuming(store, bus, NEW_READERS[0]):
        await eventually(bus.empty)
    assert await store.counts() == ONCE


async def test_a_producer_of_the_old_release_is_understood_by_the_new_reader(store: Store) -> None:
    bus = WatchedBus(LANE)
    for _ in range(2):
        await bus.send(LANE.queue, ALONE, {})
    async with consuming(store, bus, NEW_READERS[0]):
        await eventually(bus.empty)
    assert await store.counts() == ONCE
    assert [row.event_id for row in await store.rows(TABLES.inbox)] == [json.loads(ALONE)["id"]]


async def test_a_reader_of_the_old_release_understands_the_twin(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    old_release(monkeypatch)
    bus = WatchedBus(LANE)
    await bus.send(LANE.queue, TWIN, {})
    async with consuming(store, bus, Handles(ShareChangedV1, count_old_change)):
        await eventually(bus.empty)
    assert await store.counts() == {f"{CHANGED.subject} from viewer": 1}
    assert await bus.dead() == []


async def test_what_the_old_reader_handled_the_new_one_does_not_handle_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = WatchedBus(LANE)
    with monkeypatch.context() as old:
        old_release(old)
        await bus.send(LANE.queue, TWIN, {})
        async with consuming(store, bus, Handles(ShareChangedV1, count_old_change)):
            await eventually(bus.empty)
    for body in (NEWER, TWIN):
        await bus.send(LANE.queue, body, {})
    async with consuming(store, bus, NEW_READERS[0]):
        await eventually(bus.empty)
    assert await store.counts() == {f"{CHANGED.subject} from viewer": 1}


async def test_a_newer_major_reaching_the_old_reader_is_buried_readable_and_not_lost(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a queue was told of the new major before its last old process was gone; a redrive brings it back."""
    bus = WatchedBus(LANE)
    with monkeypatch.context() as old:
        old_release(old)
        await bus.send(LANE.queue, NEWER, {})
        async with consuming(store, bus, Handles(ShareChangedV1, count_old_change)):
            await eventually(bus.empty)
    (buried,) = await bus.dead()
    assert V2 in buried.attributes["dead-reason"]
    await bus.send(LANE.queue, buried.body, {})
    async with consuming(store, bus, NEW_READERS[0]):
        await eventually(bus.empty)
    assert await store.counts() == ONCE


@pytest.mark.parametrize("forged", ["garbage", CHANGED.id.upper(), json.loads(TWIN)["id"]], ids=["garbage", "upper", "itself"])
async def test_a_twin_that_names_no_other_message_is_buried(store: Store, forged: str) -> None:
    bus = WatchedBus(LANE)
    await bus.send(LANE.queue, json.dumps(json.loads(TWIN) | {"newerid": forged}), {})
    async with consuming(store, bus, NEW_READERS[0]):
        await eventually(bus.empty)
    assert await store.counts() == {}
    (buried,) = await bus.dead()
    assert buried.attributes["dead-class"] == "Unreadable"
    assert "newerid" in buried.attributes["dead-reason"]


async def test_both_twins_are_written_in_one_transaction(store: Store) -> None:
    async with store.work.unit(ORIGIN) as unit:
        event_id = unit.emit(emitted(), sequence=4)
    rows = await store.rows(TABLES.outbox)
    bodies = {row.type: json.loads(row.body) for row in rows}
    assert set(bodies) == {V1, V2}
    assert {row.id: row.type for row in rows}[event_id] == V2
    assert len({row.id for row in rows}) == 2
    assert {(row.subject, row.sequence, row.owner_id) for row in rows} == {(CHANGED.subject, 4, CHANGED.ownerid)}
    assert (bodies[V1]["newerid"], bodies[V1]["sequence"]) == (event_id, bodies[V2]["sequence"])
    assert "newerid" not in bodies[V2]
    assert parse(json.dumps(bodies[V1])) == parse(json.dumps(bodies[V2]))


async def test_what_is_not_committed_tells_neither_twin(store: Store) -> None:
    async def fail() -> None:
        async with store.work.unit(ORIGIN) as unit:
            unit.emit(emitted(), sequence=4)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await store.rows(TABLES.outbox) == []


async def test_a_restated_fact_has_its_twins_restated(store: Store) -> None:
    async with store.work.unit(ORIGIN) as unit:
        unit.restate(emitted(), sequence=4)
    assert {(row.type, row.replay) for row in await store.rows(TABLES.outbox)} == {(V1, True), (V2, True)}


@pytest.mark.parametrize("asks_for", [(V1, V2), (V1,), (V2,)], ids=["both", "the old only", "the new only"])
async def test_from_the_commit_to_the_effect_it_is_one_fact_whatever_the_queue_asks_for(
    store: Store, asks_for: tuple[str, ...]
) -> None:
    """A subscription changes up to 15 minutes after it was told to, so all three are met on the way."""
    lane = Lane(LANE.queue, {"first-events": asks_for})
    bus = WatchedBus(lane)
    async with store.work.unit(ORIGIN) as unit:
        unit.emit(emitted(), sequence=4)
    relay = Relay(store.work, bus, topic="first-events", service="first")
    assert await relay.drain() == 2
    async with consuming(store, bus, NEW_READERS[0]):
        await eventually(bus.empty)
    assert await store.counts() == ONCE


async def test_old_and_new_readers_side_by_side_each_hear_the_fact_once(store: Store) -> None:
    old, new = Lane("old-fast", {"first-events": (V1,)}), Lane("second-fast", {"first-events": (V1, V2)})
    services = (ServiceTopology("first"), ServiceTopology("old", (old,)), ServiceTopology("second", (new,)))
    bus = MemoryBus(Topology("bucket", services))
    async with store.work.unit(ORIGIN) as unit:
        unit.emit(emitted(), sequence=4)
    await Relay(store.work, bus, topic="first-events", service="first").drain()
    heard = {lane.queue: await bus.receive(lane.queue, limit=10, wait_seconds=0) for lane in (old, new)}
    by_old: list[Any] = [parse(each.body, catalog=OLD_CATALOG, upcasters={}) for each in heard["old-fast"]]
    assert [type(each.data) for each in by_old] == [ShareChangedV1]
    by_new = [parse(each.body) for each in heard["second-fast"]]
    assert len(by_new) == 2
    assert by_new[0] == by_new[1]
    assert by_new[0].id == by_old[0].id


def old_release(patch: pytest.MonkeyPatch) -> None:
    """Let consumers read as a release that has never heard of the second major: its catalog, and nothing to lift."""
    reader: Callable[..., Any] = partial(parse, catalog=OLD_CATALOG, upcasters={})
    patch.setattr(consumer, "parse", reader)
