"""Counters are proved against the rows, and made right by what they were wrong."""

import asyncio
from typing import Any

from coffer_chassis.etags import Conditions
from coffer_contracts.ids import ItemId
from coffer_files.domain.recounting import Counted
from coffer_files.domain.usage import Held
from coffer_files.handlers import recounting, trash
from coffer_files.handlers.jobs import start_job
from coffer_files.handlers.recounting import recount
from coffer_files.handlers.tallying import tally_trash
from coffer_files.handlers.usage import usage
from coffer_files.handlers.working import run_jobs
from coffer_files.store.recounting import repair_alone
from factories.counting import truth
from factories.files import Files, person


async def lived_in(files: Files) -> ItemId:
    """A drive with something of everything; what lies in its trash is counted."""
    await files.upload("a.jpg", 10)
    await files.upload("a.jpg", 20, conflict="replace")
    await files.start("open.jpg", 3)
    gone = await files.upload("gone.jpg", 5)
    await trash.trash_item(files.deps, files.owner, files.origin, str(gone.item_id), Conditions())
    files.clock.advance(minutes=1)
    await tally_trash(files.deps)
    return ItemId(str(gone.item_id))


async def broken(files: Files, table: str, change: str, where: str) -> None:
    assert len(await files.rows(f"UPDATE {table} SET {change} WHERE {where} RETURNING 1")) >= 1


async def test_a_drive_whose_counters_are_right_has_no_differences(files: Files) -> None:
    await lived_in(files)
    found = await recount(files.deps, files.owner.user_id)
    assert found.is_right
    assert found.lines == []
    assert (await recount(files.deps, files.owner.user_id, repair=True)).is_right
    assert (await recount(files.deps, person().user_id)).is_right


async def test_what_is_wrong_is_told_and_only_made_right_when_that_is_asked_for(files: Files) -> None:
    gone = await lived_in(files)
    owner = files.owner.user_id
    await broken(files, "drives", "used_bytes = 1007, image_bytes = 997, image_files = 9", f"owner_id = '{owner}'")
    await broken(files, "drives", "reserved_bytes = 77, trash_bytes = 4", f"owner_id = '{owner}'")
    await broken(files, "items", "trash_bytes = 6, trash_files = 2", f"id = '{gone}'")
    await broken(files, "blobs", "refcount = 5", f"id = (SELECT blob_id FROM versions WHERE item_id = '{gone}')")
    await broken(files, "versions", "replaced_at = NULL", f"size_bytes = 10 AND created_by = '{owner}'")
    for _ in range(2):
        found = await recount(files.deps, owner)
        assert found.counters == {
            "used_bytes": Counted(1007, 35), "image_bytes": Counted(997, 25), "image_files": Counted(9, 2),
            "reserved_bytes": Counted(77, 3), "trash_bytes": Counted(4, 6), "trash_files": Counted(1, 2),
        }  # fmt: skip
        assert found.tallies == {gone: (Held(6, 2), Held(5, 1))}
        assert list(found.objects.values()) == [Counted(5, 1)]
        assert (found.unmarked, found.repaired, len(found.lines)) == (1, False, 9)
    assert (await recount(files.deps, owner, repair=True)).repaired
    assert (await recount(files.deps, owner)).is_right
    assert await usage(files.deps, files.owner, files.origin) == await truth(files)


async def test_two_who_repair_at_once_add_what_was_wrong_once(files: Files) -> None:
    await lived_in(files)
    await broken(files, "drives", "reserved_bytes = 1000", f"owner_id = '{files.owner.user_id}'")
    found = await asyncio.gather(*(recount(files.deps, files.owner.user_id, repair=True) for _ in range(3)))
    assert sorted(one.is_right for one in found) == [False, True, True]
    assert (await files.drive()).reserved_bytes == 3


async def test_what_is_written_while_a_repair_waits_is_counted_as_well(files: Files) -> None:
    await lived_in(files)
    owner = files.owner.user_id
    await broken(files, "drives", "used_bytes = 100, image_bytes = 90", f"owner_id = '{owner}'")
    started: Any = None
    async with files.deps.work.unit(files.origin) as unit:
        await repair_alone(unit.connection, owner)
        started = asyncio.create_task(recount(files.deps, owner, repair=True))
        await files.somebody_waits()
        # Whoever uploads is not held up.
        await asyncio.create_task(files.upload("meanwhile.jpg", 40))
    assert not (await started).is_right
    assert await usage(files.deps, files.owner, files.origin) == await truth(files)


async def test_operators_have_all_drives_counted_as_a_job(files: Files, monkeypatch: Any) -> None:
    monkeypatch.setattr(recounting, "PAGE", 2)
    await lived_in(files)
    await broken(files, "drives", "reserved_bytes = 1000", f"owner_id = '{files.owner.user_id}'")
    for kind, left in (("recount", 1000), ("repair_counts", 3)):
        async with files.deps.work.unit(files.origin) as unit:
            job = await start_job(unit, files.deps, kind, files.owner.user_id, files.owner, {})
        await run_jobs(files.deps)
        [(state, done, total, result)] = await files.rows(f"SELECT state, done, total, result FROM jobs WHERE id = '{job.id}'")
        assert (state, done, result["drives"], result["wrong"]) == ("succeeded", total, total, 1)
        assert result["differences"] == [f"drive {files.owner.user_id}: reserved_bytes says 1000, is 3"]
        assert (await files.drive()).reserved_bytes == left
