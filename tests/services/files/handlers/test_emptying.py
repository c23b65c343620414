"""The trash is emptied as a job."""

from typing import Any

import pytest
from sqlalchemy import select

from coffer_chassis.etags import Conditions
from coffer_contracts.problems import NotFound
from coffer_files.handlers import emptying, trash
from coffer_files.handlers.emptying import empty_trash
from coffer_files.handlers.items import find_item, make_folder
from coffer_files.handlers.jobs import cancel_job, find_job
from coffer_files.handlers.working import run_jobs
from coffer_files.store.tables import items
from factories.files import Files, files_on
from factories.jobs import nothing_to_do

NOW = Conditions()


@pytest.fixture
async def files(store: str) -> Any:
    async with files_on(store) as service:
        await nothing_to_do(service)
        yield service


async def folder(files: Files, name: str, parent: str = "root") -> Any:
    made, _ = await make_folder(files.deps, files.owner, files.origin, None, parent=parent, name=name, conflict="fail")
    return made.at.item.id


async def throw_away(files: Files, *item_ids: Any) -> None:
    for item_id in item_ids:
        await trash.trash_item(files.deps, files.owner, files.origin, item_id, NOW)


async def in_trash(files: Files) -> int:
    mine = (items.c.owner_id == files.owner.user_id) & items.c.trashed_at.is_not(None)
    return len(await files.rows(select(items.c.id).where(mine)))


async def test_everything_goes_that_lay_there_and_the_room_is_free(files: Files, monkeypatch: Any) -> None:
    monkeypatch.setattr(emptying, "TOPS", 2)
    monkeypatch.setattr(trash, "PURGE_PAGE", 2)
    top = await folder(files, "top")
    for number in range(3):
        await files.upload(f"{number}.jpg", 10, parent=top)
    loose = [(await files.upload(f"loose {number}.jpg", 5)).item_id for number in range(4)]
    kept = await files.upload("kept.jpg", 7)
    await throw_away(files, top, *loose)
    job = await empty_trash(files.deps, files.owner, files.origin)
    assert (await empty_trash(files.deps, files.owner, files.origin)).id == job.id
    await run_jobs(files.deps)
    done = await find_job(files.deps, files.owner, job.id)
    assert (done.state, done.done, done.total, done.size_bytes) == ("succeeded", 5, 5, 50)
    assert done.result == {"freed_bytes": 50}
    assert (await files.drive()).used_bytes == 7
    assert await in_trash(files) == 0
    assert (await find_item(files.deps, files.owner, files.origin, str(kept.item_id))).path == "/kept.jpg"
    purged = await files.facts("files.item.purged.v1")
    assert {fact.actorid for fact in purged} == {files.owner.user_id}
    assert len(purged) == 8


async def test_what_is_taken_out_or_put_in_meanwhile_stays(files: Files) -> None:
    back, gone, later = [await folder(files, name) for name in ("back", "gone", "later")]
    await throw_away(files, back, gone)
    job = await empty_trash(files.deps, files.owner, files.origin)
    files.clock.advance(seconds=1)
    await throw_away(files, later)
    await trash.restore_item(files.deps, files.owner, files.origin, back, parent=None, conflict="fail")
    await run_jobs(files.deps)
    assert (await find_job(files.deps, files.owner, job.id)).done == 1
    assert (await find_item(files.deps, files.owner, files.origin, back)).path == "/back"
    assert (await find_item(files.deps, files.owner, files.origin, later, in_trash=True)).at.item.trashed_at
    with pytest.raises(NotFound):
        await find_item(files.deps, files.owner, files.origin, gone, in_trash=True)


async def test_a_cancelled_job_leaves_the_rest_in_the_trash(files: Files) -> None:
    await throw_away(files, await folder(files, "one"))
    job = await empty_trash(files.deps, files.owner, files.origin)
    await cancel_job(files.deps, files.owner, files.origin, job.id)
    await run_jobs(files.deps)
    assert await in_trash(files) == 1


async def test_an_empty_trash_is_emptied_at_once(files: Files) -> None:
    job = await empty_trash(files.deps, files.owner, files.origin)
    await run_jobs(files.deps)
    assert (await find_job(files.deps, files.owner, job.id)).state == "succeeded"
