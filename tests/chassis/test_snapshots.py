"""Restating: everything once more, at the sequence it has, page by page, while the world goes on."""

import asyncio
import time

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis import snapshots
from coffer_chassis.commands import _snapshot
from coffer_chassis.service import Service
from coffer_chassis.snapshots import Restatement, Source, restate_all
from coffer_chassis.topology import ServiceTopology
from coffer_contracts.catalog import parse
from coffer_contracts.event import Event
from factories.eventing import COUNTERS, ORIGIN, TABLES, Store, created, failed
from factories.relaying import RecordingBus, relay_of, running

PAGE = 10
FAILURES: dict[str, Event] = {failed(number).subject: failed(number) for number in range(50)}


async def counters(connection: AsyncConnection, after: str | None) -> tuple[list[Restatement], str | None]:
    """A business table whose rows are at revision `times`."""
    query = COUNTERS.select().order_by(COUNTERS.c.subject).limit(PAGE)
    rows = (await connection.execute(query.where(COUNTERS.c.subject > after) if after else query)).all()
    return [(FAILURES[row.subject], row.times) for row in rows], rows[-1].subject if len(rows) == PAGE else None


async def nothing(_connection: AsyncConnection, _after: str | None) -> tuple[list[Restatement], str | None]:
    return [], None


SOURCE = Source("failures", counters)


async def fill(store: Store, count: int = len(FAILURES), revision: int = 3) -> None:
    async with store.engine.begin() as connection:
        await connection.execute(
            insert(COUNTERS), [{"subject": subject, "times": revision} for subject in list(FAILURES)[:count]]
        )


async def restated(store: Store) -> dict[str, int]:
    """Subject -> sequence, of the rows that are marked as replays."""
    return {row.subject: row.sequence for row in await store.rows(TABLES.outbox) if row.replay}


async def test_everything_is_said_again_at_its_sequence_and_marked(store: Store) -> None:
    await fill(store, 25)
    told: list[tuple[str, int]] = []
    assert await restate_all(store.work, [SOURCE], told=lambda *done: told.append(done)) == {"failures": 25}
    assert told == [("failures", 10), ("failures", 20), ("failures", 25)]
    rows = await store.rows(TABLES.outbox)
    assert {row.subject: row.sequence for row in rows} == dict.fromkeys(list(FAILURES)[:25], 3)
    assert all(row.replay and row.sent_at is None for row in rows)
    facts = [parse(row.body) for row in rows]
    assert {fact.subject: fact.data for fact in facts} == dict(list(FAILURES.items())[:25])
    assert {(fact.actorkind, fact.actorid, fact.causationid) for fact in facts} == {("system", None, None)}
    assert len({fact.correlationid for fact in facts}) == 1


async def test_a_sequence_that_was_sent_before_may_be_sent_again_and_readers_can_see_that_it_is_a_replay(store: Store) -> None:
    bus = RecordingBus()
    async with store.work.unit(ORIGIN) as unit:
        first = unit.emit(failed(1), sequence=7)
    await relay_of(store, bus).drain()
    async with store.work.unit(ORIGIN) as unit:
        again = unit.restate(failed(1), sequence=7)
        more = unit.restate(failed(1), sequence=7)
    await relay_of(store, bus).drain()
    assert bus.ids == [first, again, more]
    assert len({first, again, more}) == 3
    assert [message.attributes.get("replay") for message in bus.given] == [None, "true", "true"]
    assert {parse(message.body).sequence for message in bus.given} == {"000000000007"}


async def test_restating_twice_says_everything_twice_under_ids_of_its_own(store: Store) -> None:
    await fill(store, 12)
    for _ in range(2):
        assert await restate_all(store.work, [SOURCE]) == {"failures": 12}
    rows = await store.rows(TABLES.outbox)
    assert (len(rows), len({row.id for row in rows}), len({row.subject for row in rows})) == (24, 24, 12)


async def test_several_sources_and_empty_ones(store: Store) -> None:
    await fill(store, 10)  # exactly a page: the next one is empty
    assert await restate_all(store.work, [Source("nothing", nothing), SOURCE]) == {"nothing": 0, "failures": 10}


async def test_every_page_is_committed_before_the_next_one_is_read(store: Store) -> None:
    await fill(store, 35)
    seen: list[int] = []

    async def watched(connection: AsyncConnection, after: str | None) -> tuple[list[Restatement], str | None]:
        seen.append(len((await connection.execute(TABLES.outbox.select())).all()))
        return await counters(connection, after)

    await restate_all(store.work, [Source("watched", watched)])
    assert seen == [0, 10, 20, 30]


async def test_what_changes_or_goes_meanwhile_is_said_as_it_stands_when_its_turn_comes(store: Store) -> None:
    await fill(store, 30)
    subjects = sorted(list(FAILURES)[:30])
    passed, changed, gone = subjects[0], subjects[-1], subjects[-2]

    async def meddled(connection: AsyncConnection, after: str | None) -> tuple[list[Restatement], str | None]:
        if after == subjects[PAGE - 1]:
            async with store.engine.begin() as other:
                both = COUNTERS.c.subject.in_([passed, changed])
                await other.execute(update(COUNTERS).where(both).values(times=4))
                await other.execute(delete(COUNTERS).where(COUNTERS.c.subject == gone))
        return await counters(connection, after)

    assert await restate_all(store.work, [Source("meddled", meddled)]) == {"meddled": 29}
    said = await restated(store)
    # What had been said already is older by its sequence than the fact of the change, and readers drop it.
    assert (said[passed], said[changed], gone in said) == (3, 4, False)


async def test_after_an_error_the_pages_before_it_stay_and_another_run_completes_it(store: Store) -> None:
    await fill(store, 30)
    broken = [True]

    async def fragile(connection: AsyncConnection, after: str | None) -> tuple[list[Restatement], str | None]:
        if after and broken:
            broken.pop()
            raise ConnectionError("the store went away")
        return await counters(connection, after)

    with pytest.raises(ConnectionError):
        await restate_all(store.work, [Source("fragile", fragile)])
    assert len(await restated(store)) == PAGE
    assert await restate_all(store.work, [Source("fragile", fragile)]) == {"fragile": 30}
    assert len(await restated(store)) == 30


async def test_pages_that_do_not_go_on_are_refused(store: Store) -> None:
    async def stuck(_connection: AsyncConnection, _after: str | None) -> tuple[list[Restatement], str | None]:
        return [(created(1), 1)], "here"

    with pytest.raises(ValueError, match="do not go on after here"):
        await restate_all(store.work, [Source("stuck", stuck)])


async def test_facts_of_the_moment_wait_behind_a_page_or_two_and_not_behind_everything(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "BACKLOG", 15)
    monkeypatch.setattr(snapshots, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(snapshots, "PATIENCE_SECONDS", 3600)
    await fill(store)
    backlogs: list[int] = []

    async def watched(connection: AsyncConnection, after: str | None) -> tuple[list[Restatement], str | None]:
        rows = (await connection.execute(TABLES.outbox.select())).all()
        backlogs.append(sum(row.sent_at is None for row in rows))
        return await counters(connection, after)

    relay = relay_of(store, RecordingBus())
    store.wake(relay.poke)
    stopping, run = await running(relay)
    await restate_all(store.work, [Source("watched", watched)])
    stopping.set()
    await asyncio.wait_for(run, 60)
    assert max(backlogs) <= 15
    assert await store.unsent() == 0


async def test_without_a_relay_it_does_not_wait_for_ever(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "BACKLOG", 0)
    monkeypatch.setattr(snapshots, "PATIENCE_SECONDS", 0.1)
    await fill(store)
    began = time.monotonic()
    assert await restate_all(store.work, [SOURCE]) == {"failures": 50}
    assert time.monotonic() - began < 60


async def test_the_command_says_how_many_of_what(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    await fill(store, 12)
    service = Service(ServiceTopology("first"), store.work, RecordingBus(), deps=None, app=None)
    service.snapshots = [SOURCE, Source("grants", nothing)]
    assert await _snapshot(service) == 0
    assert capsys.readouterr().out == "12 failures restated\n0 grants restated\n"


async def test_the_command_says_so_when_there_is_nothing_to_restate(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    service = Service(ServiceTopology("first"), store.work, RecordingBus(), deps=None, app=None)
    assert await _snapshot(service) == 0
    assert capsys.readouterr().out == "first owns nothing that others keep copies of.\n"
    assert await store.rows(TABLES.outbox) == []
