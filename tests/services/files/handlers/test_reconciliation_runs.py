"""Runs of the comparison: one at a time, visible when they are left in the middle, and taken up."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from coffer_chassis import metrics
from coffer_contracts.problems import StateConflict
from coffer_files.domain.reconciling import GIVEN_UP_AFTER, Wish
from coffer_files.handlers import comparing
from coffer_files.handlers.burying import bury
from coffer_files.handlers.reconciling import RunLost, carry_out, find_run, reconcile, request_run
from coffer_files.store.reconciliations import LEASE
from coffer_files.store.tables import doomed_blobs, reconciliations
from factories.bytes import away
from factories.comparing import NOW, OPERATOR, REPAIR, compare, emptied, stray
from factories.databases import Database
from factories.files import Files, files_on


@pytest.fixture
async def files(store: str) -> Any:
    async with files_on(store, reconcile_every_hours=0) as service:
        await emptied(service.engine)
        yield service


async def test_a_crash_in_the_middle_is_visible_and_taken_up_where_it_was(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "PAGE", 2)
    for _ in range(9):
        await stray(files)
    listed, pages = files.blobs.listed, 0

    async def dies_at_the_third_page(prefix: str, **more: Any) -> Any:
        nonlocal pages
        pages += 1
        if pages == 3:
            raise asyncio.CancelledError
        return await listed(prefix, **more)

    monkeypatch.setattr(files.blobs, "listed", dies_at_the_third_page)
    files.clock.advance(seconds=1)
    asked = await request_run(files.deps, None, OPERATOR, REPAIR)
    with pytest.raises(asyncio.CancelledError):
        await reconcile(files.deps)
    left = await find_run(files.deps, asked.run.id)
    assert (left.state, left.counts.orphans, left.finished_at) == ("running", 4, None)
    assert await reconcile(files.deps) == 0  # the lease still holds
    files.clock.advance(seconds=LEASE.total_seconds())
    assert await reconcile(files.deps) == 1
    done = await find_run(files.deps, asked.run.id)
    assert (done.state, done.counts.orphans, done.counts.repaired) == ("finished", 9, 9)
    assert len(await files.rows(select(doomed_blobs))) == 9


async def test_a_crash_between_the_repair_and_the_note_counts_nothing_twice(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await stray(files)
    monkeypatch.setattr(comparing, "next_place", dies_now)
    files.clock.advance(seconds=1)
    asked = await request_run(files.deps, None, OPERATOR, REPAIR)
    with pytest.raises(asyncio.CancelledError):
        await reconcile(files.deps)
    monkeypatch.undo()
    await bury(files.deps)
    files.clock.advance(seconds=LEASE.total_seconds())
    await reconcile(files.deps)
    done = await find_run(files.deps, asked.run.id)
    assert (done.state, done.counts.orphans, done.counts.repaired) == ("finished", 3, 3)


def dies_now(*_: Any) -> Any:
    raise asyncio.CancelledError


async def test_a_bucket_that_does_not_answer_is_tried_again_and_then_given_up(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files.blobs, "listed", away)
    asked = await request_run(files.deps, None, OPERATOR, NOW)
    states = []
    for _ in range(GIVEN_UP_AFTER):
        await reconcile(files.deps)
        run = await find_run(files.deps, asked.run.id)
        states.append(run.state)
        assert "does not answer" in (run.error or "")
        files.clock.advance(minutes=10)
    assert states == ["running"] * (GIVEN_UP_AFTER - 1) + ["failed"]
    monkeypatch.undo()
    assert (await compare(files)).state == "finished"


async def test_a_run_whose_workers_die_in_the_same_place_again_and_again_is_given_up(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: Any, **__: Any) -> Any:
        raise asyncio.CancelledError

    monkeypatch.setattr(files.blobs, "listed", dies)
    asked = await request_run(files.deps, None, OPERATOR, NOW)
    for _ in range(GIVEN_UP_AFTER):
        with pytest.raises(asyncio.CancelledError):
            await reconcile(files.deps)
        files.clock.advance(seconds=LEASE.total_seconds())
    assert await reconcile(files.deps) == 0
    run = await find_run(files.deps, asked.run.id)
    assert (run.state, run.error) == ("failed", "Whoever worked on it was stopped at the same place, 5 times.")
    monkeypatch.undo()
    assert (await compare(files)).state == "finished"


async def test_one_at_a_time(files: Files) -> None:
    first = await request_run(files.deps, None, OPERATOR, NOW)
    assert (first.is_new, await request_run(files.deps, None, OPERATOR, NOW)) == (True, replaced(first))
    with pytest.raises(StateConflict) as refusal:
        await request_run(files.deps, None, OPERATOR, REPAIR)
    assert refusal.value.extensions["reconciliation_id"] == first.run.id
    with pytest.raises(StateConflict):
        await request_run(files.deps, None, OPERATOR, NOW, held=True)
    asked = await asyncio.gather(*(reconcile(files.deps) for _ in range(4)))
    assert sum(asked) == 1


def replaced(asked: Any) -> Any:
    return type(asked)(asked.run, is_new=False)


async def test_a_command_replaces_a_run_that_nobody_works_on(files: Files) -> None:
    left = await request_run(files.deps, None, OPERATOR, NOW, held=True)
    with pytest.raises(StateConflict):
        await request_run(files.deps, None, OPERATOR, REPAIR, held=True)
    files.clock.advance(minutes=5)
    mine = await request_run(files.deps, None, OPERATOR, REPAIR, held=True)
    old = await find_run(files.deps, left.run.id)
    assert (old.state, mine.run.id in (old.error or "")) == ("failed", True)
    with pytest.raises(RunLost):
        await carry_out(files.deps, left.run)
    assert (await carry_out(files.deps, mine.run)).state == "finished"


async def test_the_clock_asks_for_a_trial_once_a_day_if_it_is_set_to(database: Database) -> None:
    async with files_on(database("coffer_files"), reconcile_every_hours=24) as files:
        await stray(files)
        assert await reconcile(files.deps) == 1
        assert await reconcile(files.deps) == 0
        files.clock.advance(hours=24)
        assert await reconcile(files.deps) == 1
        runs = await files.rows(select(reconciliations).order_by(reconciliations.c.id))
        assert [(row.actor_kind, row.repair, row.grace_seconds) for row in runs] == [("system", False, 86400)] * 2
        assert runs[1].counts["orphans"] == 1
        assert metrics.BUCKET_ORPHANS._value.get() == 1
        assert metrics.BUCKET_ORPHAN_BYTES._value.get() == 7
        assert await files.facts("files.operator.acted.v1") == []


async def test_who_compares_a_part_does_not_put_off_the_daily_comparison_of_the_whole(database: Database) -> None:
    async with files_on(database("coffer_files"), reconcile_every_hours=24) as files:
        assert await reconcile(files.deps) == 1
        files.clock.advance(hours=23)
        await request_run(files.deps, None, OPERATOR, Wish(("quarantine/",), repair=True, grace_seconds=0))
        assert await reconcile(files.deps) == 1
        files.clock.advance(hours=1)
        assert await reconcile(files.deps) == 1
        runs = await files.rows(select(reconciliations).order_by(reconciliations.c.requested_at))
        assert [len(row.prefixes) for row in runs] == [4, 1, 4]
