"""Who had to do with what: noted in memory, written together, later and at once, and no note is lost by a failure."""

import asyncio
from typing import Any

import pytest

from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_contracts.ids import ItemId
from coffer_files.handlers import interactions as noting
from coffer_files.handlers.interactions import Interactions, write_interactions
from coffer_files.store import marks
from coffer_files.store.marks import marks_of
from factories.files import Files


async def written(files: Files, item_id: ItemId) -> Any:
    async with files.deps.work.read() as connection:
        found = await marks_of(connection, files.owner.user_id, [item_id])
    return found[item_id].touched_at if item_id in found else None


async def test_a_note_that_could_not_be_written_is_written_the_next_time(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    item_id, notes = ItemId(new_id()), files.deps.interactions
    notes.note(files.owner.user_id, item_id)

    async def fails(*_: Any) -> None:
        raise OSError("the store is away")

    with monkeypatch.context() as broken:
        broken.setattr(marks, "touch", fails)
        with pytest.raises(OSError, match="away"):
            await write_interactions(files.deps.work, notes)
    assert await written(files, item_id) is None
    assert await write_interactions(files.deps.work, notes) == 1
    assert await written(files, item_id) == files.clock.now()


async def test_the_later_moment_counts_whoever_writes_first(files: Files) -> None:
    item_id = ItemId(new_id())
    early, late = Interactions(files.clock), Interactions(files.clock)
    early.note(files.owner.user_id, item_id)
    files.clock.advance(minutes=5)
    late.note(files.owner.user_id, item_id)
    for notes in (late, early):
        await write_interactions(files.deps.work, notes)
    assert await written(files, item_id) == files.clock.now()


async def test_processes_that_write_the_same_pairs_at_once_do_not_hang(files: Files) -> None:
    ids = [ItemId(new_id()) for _ in range(50)]
    processes = [Interactions(files.clock) for _ in range(4)]
    for number, notes in enumerate(processes):
        for item_id in ids if number % 2 else reversed(ids):
            notes.note(files.owner.user_id, item_id)
    counts = await asyncio.gather(*(write_interactions(files.deps.work, notes) for notes in processes))
    assert counts == [50] * 4


async def test_memory_is_bounded_and_visitors_of_links_are_not_noted(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noting, "MOST", 3)
    notes = Interactions(files.clock)
    notes.note_by(Origin(new_id(), "link", new_id()), ItemId(new_id()))
    assert notes.waiting() == []
    for _ in range(5):
        notes.note_by(files.origin, ItemId(new_id()))
    assert len(notes.waiting()) == 3
    notes.written(notes.waiting())
    files.clock.advance(minutes=2)
    notes.written(())
    notes.note_by(files.origin, ItemId(new_id()))
    assert len(notes.waiting()) == 1
