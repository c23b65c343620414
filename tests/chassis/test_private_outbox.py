"""Private commands: sent to their topic and gone, never told again, dropped when their time is over."""

import asyncio
import io
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis import logs
from coffer_chassis.admin import standing
from coffer_chassis.broker import begin_epoch, is_drained
from coffer_chassis.bus import Incoming
from coffer_chassis.handling import Handles
from coffer_chassis.outbox import backlog, republish
from coffer_chassis.private_outbox import private_backlog
from coffer_chassis.replaying import replay_round
from coffer_chassis.replays import Events, count_events, start
from coffer_chassis.snapshots import Restatement, Source, restate_all
from coffer_chassis.testing import eventually
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth_mail import MailRequestedV1
from coffer_contracts.catalog import parse
from coffer_contracts.event import Envelope
from factories.consuming import WatchedBus, consuming
from factories.eventing import ORIGIN, TABLES, Store, count, failed
from factories.operators import operations_on, operators_client
from factories.private import ADDRESS, ASKED, FIRST, PRIVATE_LANE, SECRET, asked, private_bus, private_relay_of, send
from factories.relaying import RecordingBus, relay_of


@pytest.fixture
def bus() -> RecordingBus:
    return private_bus()


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """All log lines of the test, from the most talkative level on."""
    stream = io.StringIO()
    before = structlog.get_config()
    logs.configure(level="DEBUG", stream=stream, console=False, cached=False)
    yield stream
    structlog.configure(**before)


async def test_a_command_goes_to_the_private_topic_once_and_leaves_nothing_behind(store: Store, bus: RecordingBus) -> None:
    command = asked()
    (command_id,) = await send(store, command)
    relay = private_relay_of(store, bus)
    assert await relay.drain() == 1
    (sent,) = bus.given
    read = parse(sent.body)
    assert (read.id, read.data, read.revision, read.actorid) == (command_id, command, 1, ORIGIN.actor_id)
    assert sent.attributes == {"type": ASKED, "id": command_id}
    (message,) = await bus.receive(PRIVATE_LANE.queue, limit=10, wait_seconds=0)
    assert message.body == sent.body
    assert await store.rows(TABLES.private_outbox) == await store.rows(TABLES.outbox) == []
    assert await relay.drain() == 0


async def test_a_unit_that_fails_sends_nothing(store: Store) -> None:
    async def fail() -> None:
        async with store.work.unit(ORIGIN) as unit:
            unit.send_privately(asked())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await store.rows(TABLES.private_outbox) == []


async def test_a_commit_wakes_the_relay_and_facts_and_commands_go_their_own_ways(store: Store, bus: RecordingBus) -> None:
    woken = asyncio.Event()
    store.wake(woken.set)
    async with store.work.unit(ORIGIN) as unit:
        unit.send_privately(asked())
        unit.emit(failed(), sequence=1)
    assert woken.is_set()
    facts = RecordingBus()
    assert await relay_of(store, facts).drain() == await private_relay_of(store, bus).drain() == 1
    assert [sent.attributes["type"] for sent in facts.given] == [failed().type]
    assert [sent.attributes["type"] for sent in bus.given] == [ASKED]


async def test_a_command_is_no_fact_and_a_fact_no_command(store: Store) -> None:
    async with store.work.unit(ORIGIN) as unit:
        with pytest.raises(TypeError, match="privately"):
            unit.emit(asked(), sequence=1)
        with pytest.raises(TypeError, match="privately"):
            unit.restate(asked(), sequence=1)
        with pytest.raises(TypeError, match="emit"):
            unit.send_privately(failed())  # type: ignore[arg-type]  # what is refused here


async def test_what_the_broker_does_not_take_waits_and_is_sent_later(store: Store, bus: RecordingBus) -> None:
    refused, taken = await send(store, asked(1), asked(2))
    bus.refuses = {refused}
    relay = private_relay_of(store, bus)
    assert await relay.drain() == 1
    assert bus.ids == [taken]
    (row,) = await store.rows(TABLES.private_outbox)
    assert (row.id, row.attempts) == (refused, 1)
    bus.refuses = set()
    assert await relay.drain() == 0
    store.clock.advance(seconds=2)
    assert await relay.drain() == 1
    assert await store.rows(TABLES.private_outbox) == []


async def test_a_broker_that_is_away_costs_nothing(store: Store, bus: RecordingBus) -> None:
    await send(store, asked())
    bus.away = True
    relay = private_relay_of(store, bus)
    with pytest.raises(ConnectionError):
        await relay.drain()
    bus.away = False
    assert await relay.drain() == 1


async def test_a_crash_between_sending_and_deleting_sends_one_twice_under_the_same_id(store: Store, bus: RecordingBus) -> None:
    (command_id,) = await send(store, asked())
    relay = private_relay_of(store, bus)
    bus.gate.clear()
    draining = asyncio.create_task(relay.drain())

    async def has_called() -> bool:
        return bus.calls == 1

    await eventually(has_called)
    draining.cancel()
    await asyncio.gather(draining, return_exceptions=True)
    bus.gate.set()
    assert len(await store.rows(TABLES.private_outbox)) == 1
    assert await relay.drain() == 1
    assert bus.ids == [command_id]


async def test_two_relays_at_once_send_everything_once(store: Store, bus: RecordingBus) -> None:
    ids = await send(store, *(asked(number) for number in range(30)))
    counts = await asyncio.gather(private_relay_of(store, bus).drain(), private_relay_of(store, bus).drain())
    assert sum(counts) == 30
    assert sorted(bus.ids) == sorted(ids)


async def test_what_has_expired_is_deleted_and_not_sent_also_while_it_waits_to_be_tried_again(
    store: Store, bus: RecordingBus
) -> None:
    late, put_off = await send(store, asked(1, minutes=10), asked(2, minutes=10))
    bus.refuses = {put_off}
    async with store.engine.begin() as connection:
        # Refused often: due again long after its time is over.
        await connection.execute(
            text("UPDATE private_outbox SET available_at = :later WHERE id = :id"),
            {"later": store.clock.now() + timedelta(hours=1), "id": put_off},
        )
    store.clock.advance(minutes=10)
    (fresh,) = await send(store, asked(3, now=store.clock.now()))
    assert await private_relay_of(store, bus).drain() == 1
    assert bus.ids == [fresh]
    assert late not in bus.ids
    assert await store.rows(TABLES.private_outbox) == []


async def test_nothing_sends_one_again(store: Store, bus: RecordingBus) -> None:
    """Neither on demand, nor by a replay, nor by telling everything anew, nor after the broker lost everything."""
    await send(store, asked())
    relay = private_relay_of(store, bus)
    await relay.drain()
    await send(store, asked(2))
    async with store.work.unit(ORIGIN) as unit:
        assert await republish(unit.connection, TABLES, since=None) == 0
        assert await count_events(unit.connection, TABLES, Events()) == 0
        assert (await start(unit, TABLES, Events(types=(ASKED,)))).state == "done"
    assert await replay_round(store.work, bus, "first-events") == 0
    assert await begin_epoch(store.work) == 0
    assert await relay_of(store, bus).drain() == 0
    assert len(bus.given) == 1
    assert await relay.drain() == 1
    with pytest.raises(TypeError):
        await restate_all(store.work, [Source("mails", page_of_commands)])


async def page_of_commands(_connection: AsyncConnection, _key: str | None) -> tuple[list[Restatement], str | None]:
    return [(asked(), 1)], None


async def test_a_service_with_one_to_send_is_not_drained(store: Store, bus: RecordingBus) -> None:
    await send(store, asked())
    assert not await is_drained(store.work, bus, FIRST)
    await private_relay_of(store, bus).drain()
    assert await is_drained(store.work, bus, FIRST)


async def test_operators_see_how_many_wait_and_nothing_else(store: Store, bus: RecordingBus) -> None:
    await send(store, asked(1), asked(2))
    operations = operations_on(store, bus)
    async with operators_client(operations) as http:
        answer = await http.get("/outbox")
    assert (answer.json()["private_unsent"], answer.json()["unsent"], answer.json()["items"]) == (2, 0, [])
    shown = await standing.outbox(operations, None, 10)
    for secret in hidden():
        assert secret not in answer.text + repr(shown)
    async with store.work.read() as connection:
        assert (await backlog(connection, TABLES))[0] == 0
        assert await private_backlog(connection, TABLES) == (2, store.clock.now())


async def test_a_consumer_handles_a_command_once_and_leaves_one_that_has_expired(store: Store) -> None:
    bus = WatchedBus(PRIVATE_LANE)
    await bus.deliver(asked(1, minutes=0), asked(2, minutes=-5))
    await bus.deliver(asked(3), copies=3)
    async with consuming(store, bus, Handles(MailRequestedV1, count_mail)):
        await eventually(bus.empty)
    assert list((await store.counts()).values()) == [1]
    assert await bus.dead() == []


async def count_mail(event: Envelope[MailRequestedV1], unit: Unit, _store: Store) -> None:
    await count(unit, event.subject)


@pytest.mark.parametrize("slow", [False, True])
async def test_no_log_line_has_anything_of_a_command_however_it_fails(
    store: Store, bus: RecordingBus, lines: io.StringIO, slow: bool
) -> None:
    async def quick_and_bad(event: Envelope[MailRequestedV1], _unit: Unit, _store: Store) -> None:
        raise ValueError(event.id)

    async def slow_and_bad(event: Envelope[MailRequestedV1], _store: Store) -> None:
        raise ValueError(event.id)

    await send(store, asked(1), asked(2, minutes=-1))
    bus.away = True
    relay = private_relay_of(store, bus)
    stopping = asyncio.Event()
    running = asyncio.create_task(relay.run(stopping))

    async def has_failed() -> bool:
        return "relay_failed" in lines.getvalue()

    await eventually(has_failed)
    bus.away = False
    stopping.set()
    await running
    watched = WatchedBus(PRIVATE_LANE)
    broken = asked(3).model_dump_json().replace('"address"', '"adress"')
    await watched.send(PRIVATE_LANE.queue, broken, {"type": ASKED, "id": "x"})
    for sent in bus.given:
        await watched.send(PRIVATE_LANE.queue, sent.body, sent.attributes)
    bad = Handles(MailRequestedV1, slow_and_bad, slow=True) if slow else Handles(MailRequestedV1, quick_and_bad)
    async with consuming(store, watched, bad):
        await eventually(lambda: seen(watched, 2))
    written = lines.getvalue()
    assert {json.loads(line)["event"] for line in written.splitlines()} >= {
        "private_command_expired",
        "handler_failed",
        "message_buried",
    }
    for secret in (*hidden(), *(str(json.loads(sent.body)["data"]["sealed"]) for sent in bus.given)):
        assert secret not in written


async def seen(bus: WatchedBus, number: int) -> list[Incoming]:
    return bus.received if len(bus.received) >= number else []


def hidden() -> tuple[str, ...]:
    """What stands in every command and in nothing that anybody else may see."""
    return SECRET, ADDRESS, "Maria", 'sealed":"'
