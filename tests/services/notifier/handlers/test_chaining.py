"""The chain of the audit: one order whoever writes, nothing lost by a crash, and every change of what was written is found."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from coffer_chassis.ids import new_id
from coffer_chassis.testing import FixedClock
from coffer_contracts.ids import EventId
from coffer_notifier.domain.audit import GENESIS, Head, chain_hash, digest_of, record_of
from coffer_notifier.handlers import chaining, verifying
from coffer_notifier.handlers.chaining import anchor_days, chain_new, forget_old
from coffer_notifier.handlers.verifying import Fault, Known, Verified, verify
from coffer_notifier.store import audit_chain
from factories.databases import Database
from factories.notifier import Notifier, notifier_on
from factories.telling import login_failed, signed_in, user_id

LONG_AGO = datetime(2020, 3, 1, 12, tzinfo=UTC)
"""The store forgets by its own clock, so what is old must be old by that, too."""


@pytest.fixture
async def fresh(database: Database) -> AsyncIterator[Notifier]:
    """The notifier with an audit of its own, long ago."""
    async with notifier_on(database("coffer_notifier"), clock=FixedClock(LONG_AGO)) as service:
        yield service


async def write(notifier: Notifier, count: int) -> None:
    """Entries that have no place yet."""
    at = notifier.clock.now()
    await notifier.handle(*(signed_in(user_id(), at=at + timedelta(seconds=number)) for number in range(count)))


async def chain(notifier: Notifier) -> list[Any]:
    return await notifier.rows("SELECT * FROM audit_chain ORDER BY position")


async def faults(notifier: Notifier, *known: Known) -> list[Fault]:
    return [fault async for fault in verify(notifier.deps, known)]


async def whatever_it_takes(notifier: Notifier, statement: str) -> None:
    """What somebody does who owns the tables: the triggers are off."""
    tables = ("audit_entries", "audit_chain", "audit_anchors", "audit_cuts")
    async with notifier.engine.begin() as connection:
        for table in tables:
            await connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        await connection.execute(text(statement))
        for table in tables:
            await connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))


async def test_entries_get_their_places_in_the_order_in_which_they_came(fresh: Notifier) -> None:
    now = fresh.clock.now()
    late, early = signed_in(user_id(), at=now), signed_in(user_id(), at=now - timedelta(hours=1))
    await fresh.handle(late, early)
    assert await chain_new(fresh.deps) == 2
    assert await chain_new(fresh.deps) == 0
    later = signed_in(user_id(), at=now - timedelta(hours=2))
    await fresh.handle(later)
    await chain_new(fresh.deps)
    rows = await fresh.rows("SELECT event_id, c.* FROM audit_chain c JOIN audit_entries e ON e.id = entry_id ORDER BY position")
    assert [row.event_id for row in rows] == [late.id, early.id, later.id], (
        "what comes late comes last, and is not put in between"
    )
    assert [row.position for row in rows] == [1, 2, 3]
    assert [row.prev_hash for row in rows] == [GENESIS, rows[0].hash, rows[1].hash]
    assert await faults(fresh) == []


async def test_the_hash_is_what_the_page_says_it_is(fresh: Notifier) -> None:
    await write(fresh, 1)
    await chain_new(fresh.deps)
    async with fresh.deps.work.read() as connection:
        (found,) = await audit_chain.found_after(connection, 0, 10)
    assert found.entry is not None
    assert found.link.digest == digest_of(record_of(found.entry))
    assert found.link.hash == chain_hash(1, GENESIS, found.link.digest)


async def test_a_fact_that_comes_again_is_one_entry_with_one_place(fresh: Notifier) -> None:
    fact = login_failed(user_id())
    await fresh.handle(fact)
    await chain_new(fresh.deps)
    await fresh.forget_inbox()
    await fresh.handle(fact)
    assert await chain_new(fresh.deps) == 0
    assert len(await chain(fresh)) == 1
    assert await faults(fresh) == []


async def test_two_who_chain_at_once_make_one_chain(fresh: Notifier) -> None:
    await write(fresh, 40)
    done = await asyncio.gather(*(chain_new(fresh.deps) for _ in range(4)))
    assert sum(done) + await chain_new(fresh.deps) == 40
    assert [row.position for row in await chain(fresh)] == list(range(1, 41))
    assert await faults(fresh) == []


async def test_handlers_write_side_by_side_and_never_wait_for_the_chain(fresh: Notifier) -> None:
    await write(fresh, 3)
    async with fresh.engine.begin() as holding:
        assert await audit_chain.try_lock(holding)
        assert await chain_new(fresh.deps) == 0, "another is at it"
        await asyncio.gather(*(fresh.handle(login_failed(user_id())) for _ in range(10)))
    assert await chain_new(fresh.deps) == 13


async def test_many_entries_are_chained_in_rounds(fresh: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaining, "ROUND", 4)
    monkeypatch.setattr(verifying, "PAGE", 3)
    await write(fresh, 11)
    assert await chain_new(fresh.deps) == 11
    seen = Verified(Head(), Head())
    assert [fault async for fault in verify(fresh.deps, (), seen)] == []
    assert (seen.entries, seen.head.position, seen.waiting) == (11, 11, 0)


async def test_a_crash_before_the_commit_leaves_no_half_of_a_chain(fresh: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    await write(fresh, 5)
    append = audit_chain.append

    async def die(*arguments: Any) -> None:
        await append(*arguments)
        raise ConnectionError("gone")

    monkeypatch.setattr(audit_chain, "append", die)
    with pytest.raises(ConnectionError):
        await chain_new(fresh.deps)
    assert await chain(fresh) == []
    monkeypatch.undo()
    assert await chain_new(fresh.deps) == 5
    assert await faults(fresh) == []


async def test_an_entry_whose_transaction_never_commits_has_no_place(fresh: Notifier) -> None:
    good = login_failed(user_id())
    bad = login_failed(user_id()).model_copy(update={"correlationid": None, "id": EventId(new_id())})
    with pytest.raises(DBAPIError):
        await fresh.handle_together(good, bad)
    assert await chain_new(fresh.deps) == 0
    await fresh.handle(good)
    assert await chain_new(fresh.deps) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET actor_id = 'nobody'",
        "UPDATE audit_entries SET outcome = outcome",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "UPDATE audit_chain SET prev_hash = hash",
        "DELETE FROM audit_chain",
        "TRUNCATE audit_chain",
        "UPDATE audit_anchors SET hash = ''",
        "DELETE FROM audit_anchors",
        "TRUNCATE audit_anchors, audit_cuts",
        "INSERT INTO audit_cuts SELECT 99, hash, now() FROM audit_chain LIMIT 1",
        "INSERT INTO audit_cuts SELECT position, 'x', now() FROM audit_chain LIMIT 1",
    ],
)
async def test_the_store_refuses_to_change_what_was_written(fresh: Notifier, statement: str) -> None:
    await write(fresh, 2)
    await chain_new(fresh.deps)
    fresh.clock.advance(days=1)
    await anchor_days(fresh.deps)
    with pytest.raises(DBAPIError, match="refused"):
        await fresh.rows(f"{statement} RETURNING 1" if not statement.startswith("TRUNCATE") else statement)
    assert await faults(fresh) == []


async def test_the_store_refuses_to_forget_what_is_young(fresh: Notifier) -> None:
    await write(fresh, 1)
    fresh.clock.advance(days=(datetime.now(UTC) - LONG_AGO).days)
    await chain_new(fresh.deps)
    with pytest.raises(DBAPIError, match="older than 30 days"):
        await fresh.rows("INSERT INTO audit_cuts SELECT position, hash, now() FROM audit_chain RETURNING 1")


AT_3 = "(SELECT entry_id FROM audit_chain WHERE position = 3)"
AT_4 = "(SELECT entry_id FROM audit_chain WHERE position = 4)"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (f"UPDATE audit_entries SET actor_id = 'nobody' WHERE id = {AT_3}", [("changed", 3)]),
        (f'UPDATE audit_entries SET detail = detail || \'{{"failures": "1000"}}\' WHERE id = {AT_3}', [("changed", 3)]),
        (f"UPDATE audit_entries SET at = at - interval '1 microsecond' WHERE id = {AT_3}", [("changed", 3)]),
        (f"DELETE FROM audit_entries WHERE id = {AT_3}", [("removed", 3)]),
        (
            f"WITH gone AS (DELETE FROM audit_entries WHERE id = {AT_3}) DELETE FROM audit_chain WHERE position = 3",
            [("removed", 3)],
        ),
        ("DELETE FROM audit_chain WHERE position = 3", [("removed", 3), ("inserted", None)]),
        (
            "UPDATE audit_chain SET digest = repeat('a', 64) WHERE position = 3",
            [("out_of_place", 3), ("changed", 3)],
        ),
        ("UPDATE audit_chain SET prev_hash = repeat('a', 64) WHERE position = 3", [("out_of_place", 3)] * 2),
    ],
)
async def test_whoever_turns_the_triggers_off_is_found(
    fresh: Notifier, statement: str, found: list[tuple[str, int | None]]
) -> None:
    await write(fresh, 6)
    await chain_new(fresh.deps)
    assert await faults(fresh) == []
    await whatever_it_takes(fresh, statement)
    told = await faults(fresh)
    assert [(fault.kind, fault.position) for fault in told] == found
    assert all(fault.entry_id or fault.kind == "removed" for fault in told), "it is named"


async def test_entries_that_were_exchanged_are_found(fresh: Notifier) -> None:
    await write(fresh, 6)
    await chain_new(fresh.deps)
    third, fourth = (str(row.entry_id) for row in (await chain(fresh))[2:4])
    await whatever_it_takes(fresh, f"UPDATE audit_chain SET entry_id = '{new_id()}' WHERE position = 3")
    await whatever_it_takes(fresh, f"UPDATE audit_chain SET entry_id = '{third}' WHERE position = 4")
    await whatever_it_takes(fresh, f"UPDATE audit_chain SET entry_id = '{fourth}' WHERE position = 3")
    found = [(fault.kind, fault.position, fault.entry_id) for fault in await faults(fresh)]
    assert found == [("changed", 3, fourth), ("changed", 4, third)]


async def test_an_entry_that_was_put_in_beside_the_chain_is_found(fresh: Notifier) -> None:
    await write(fresh, 2)
    await chain_new(fresh.deps)
    forged = new_id()
    values = f'row_to_json(e)::jsonb || \'{{"id": "{forged}", "event_id": "forged"}}\''
    row = f"SELECT (jsonb_populate_record(NULL::audit_entries, {values})).* FROM audit_entries e LIMIT 1"
    await fresh.rows(f"INSERT INTO audit_entries {row} RETURNING id")
    (fault,) = await faults(fresh)
    assert (fault.kind, fault.entry_id) == ("inserted", forged)


async def test_rows_that_changed_places_are_found(fresh: Notifier) -> None:
    await write(fresh, 6)
    await chain_new(fresh.deps)
    await whatever_it_takes(
        fresh, "UPDATE audit_chain SET position = CASE position WHEN 3 THEN -3 WHEN 4 THEN -4 END WHERE position IN (3, 4)"
    )
    await whatever_it_takes(fresh, "UPDATE audit_chain SET position = 7 + position WHERE position < 0")
    assert {(fault.kind, fault.position) for fault in await faults(fresh)} == {("out_of_place", number) for number in (3, 4, 5)}


async def test_an_end_that_was_cut_off_and_a_chain_that_was_written_anew_are_found_by_what_was_kept_elsewhere(
    fresh: Notifier,
) -> None:
    await write(fresh, 6)
    await chain_new(fresh.deps)
    async with fresh.deps.work.read() as connection:
        head = await audit_chain.head(connection)
    kept = Known(head.position, head.hash)
    assert await faults(fresh, kept) == []
    await whatever_it_takes(
        fresh,
        "WITH cut AS (DELETE FROM audit_chain WHERE position > 4 RETURNING entry_id)"
        " DELETE FROM audit_entries WHERE id IN (SELECT entry_id FROM cut)",
    )
    assert await faults(fresh) == [], "a shorter chain is a chain"
    (cut_off,) = await faults(fresh, kept)
    assert (cut_off.kind, cut_off.position) == ("anchor", 6)
    assert "not reached" in cut_off.meaning
    await write(fresh, 2)
    await chain_new(fresh.deps)
    (anew,) = await faults(fresh, kept)
    assert (anew.kind, anew.position) == ("anchor", 6)
    assert "another hash" in anew.meaning


async def test_each_day_that_had_entries_leaves_an_anchor_once_it_has_ended(fresh: Notifier) -> None:
    await write(fresh, 2)
    await chain_new(fresh.deps)
    assert await anchor_days(fresh.deps) == 0, "the day goes on"
    fresh.clock.advance(days=3)
    assert sum(await asyncio.gather(anchor_days(fresh.deps), anchor_days(fresh.deps))) == 1
    await write(fresh, 3)
    await chain_new(fresh.deps)
    fresh.clock.advance(days=1)
    assert await anchor_days(fresh.deps) == 1
    assert await anchor_days(fresh.deps) == 0
    rows = await fresh.rows("SELECT * FROM audit_anchors ORDER BY day")
    assert [(row.day.isoformat(), row.position) for row in rows] == [("2020-03-01", 2), ("2020-03-04", 5)]
    by_position = {row.position: row.hash for row in await chain(fresh)}
    assert [row.hash for row in rows] == [by_position[2], by_position[5]]
    assert await faults(fresh) == []
    await whatever_it_takes(fresh, "UPDATE audit_anchors SET hash = repeat('0', 64) WHERE position = 2")
    (fault,) = await faults(fresh)
    assert (fault.kind, fault.position) == ("anchor", 2)


async def test_what_is_old_is_forgotten_and_the_rest_still_fits(fresh: Notifier) -> None:
    await write(fresh, 3)
    await chain_new(fresh.deps)
    fresh.clock.advance(days=1)
    await anchor_days(fresh.deps)
    before = await chain(fresh)
    fresh.clock.advance(days=300)
    await write(fresh, 2)
    await chain_new(fresh.deps)
    assert await forget_old(fresh.deps) == 0, "nothing is a year old"
    fresh.clock.advance(days=70)
    assert await forget_old(fresh.deps) == 3
    assert await forget_old(fresh.deps) == 0
    assert [row.position for row in await chain(fresh)] == [4, 5]
    assert len(await fresh.rows("SELECT 1 FROM audit_entries")) == 2
    seen = Verified(Head(), Head())
    known = [Known(row.position, row.hash) for row in before]
    assert [fault async for fault in verify(fresh.deps, known, seen)] == []
    assert seen.begins == Head(3, before[-1].hash)
    fresh.clock.advance(days=400)
    assert await forget_old(fresh.deps) == 2
    assert await chain(fresh) == []
    await write(fresh, 1)
    await chain_new(fresh.deps)
    assert [row.position for row in await chain(fresh)] == [6], "the chain goes on where it was"
    assert await faults(fresh) == []


async def test_forgetting_goes_on_where_it_was_broken_off(fresh: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    await write(fresh, 5)
    await chain_new(fresh.deps)
    fresh.clock.advance(days=400)
    monkeypatch.setattr(chaining, "SLICE", 2)
    forget, calls = audit_chain.forget_cut, 0

    async def die_at_the_second(*arguments: Any) -> int:
        nonlocal calls
        calls += 1
        gone = await forget(*arguments)
        if calls == 2:
            raise ConnectionError("gone")
        return gone

    monkeypatch.setattr(audit_chain, "forget_cut", die_at_the_second)
    with pytest.raises(ConnectionError):
        await forget_old(fresh.deps)
    assert [row.position for row in await chain(fresh)] == [3, 4, 5]
    assert await faults(fresh) == [], "what is half forgotten is no fault"
    assert await forget_old(fresh.deps) == 3


async def test_what_is_forgotten_while_somebody_verifies_is_no_fault(fresh: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "PAGE", 2)
    await write(fresh, 5)
    await chain_new(fresh.deps)
    fresh.clock.advance(days=400)
    await write(fresh, 3)
    await chain_new(fresh.deps)
    read, pages = audit_chain.found_after, 0

    async def forgetting_after_the_first(*arguments: Any) -> Any:
        nonlocal pages
        pages += 1
        found = await read(*arguments)
        if pages == 1:
            await forget_old(fresh.deps)
        return found

    monkeypatch.setattr(audit_chain, "found_after", forgetting_after_the_first)
    seen = Verified(Head(), Head())
    assert [fault async for fault in verify(fresh.deps, (), seen)] == []
    assert (seen.begins.position, seen.head.position) == (5, 8)
