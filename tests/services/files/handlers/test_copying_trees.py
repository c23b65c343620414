"""Folders are copied as jobs, page by page, whatever happens meanwhile."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from coffer_chassis.access import EDITOR
from coffer_chassis.etags import Conditions
from coffer_chassis.idempotency import claim
from coffer_contracts.ids import ItemId
from coffer_contracts.problems import Cycle, NameConflict, ValidationFailed
from coffer_files.domain.jobs import LEASE, Job
from coffer_files.domain.names import MAX_DEPTH
from coffer_files.handlers import copying_trees, jobs, working
from coffer_files.handlers.burying import bury
from coffer_files.handlers.copying import Wish, copy_item
from coffer_files.handlers.items import Wish as Change
from coffer_files.handlers.items import change_item
from coffer_files.handlers.jobs import cancel_job, find_job
from coffer_files.handlers.locks import Wish as LockWish
from coffer_files.handlers.locks import lock_item
from coffer_files.handlers.trash import purge_item, trash_item
from coffer_files.handlers.working import run_jobs
from factories.copying import CONTENT, copied, copy, counters_are_true, file, folder, grove, item_of, shared_folder, tree_below
from factories.files import Files, files_on, granted, taken_back
from factories.jobs import nothing_to_do

NOW = Conditions()
SIZE = len(CONTENT)


class Killed(BaseException):
    """What no handler catches, like the end of a process."""


@pytest.fixture
async def files(store: str) -> Any:
    async with files_on(store) as service:
        await nothing_to_do(service)
        yield service
        await counters_are_true(service)


@pytest.fixture
def small_steps(monkeypatch: Any) -> None:
    monkeypatch.setattr(copying_trees, "PAGE", 2)
    monkeypatch.setattr(copying_trees, "COPIED_PAGE", 2)
    monkeypatch.setattr(copying_trees, "FOLDERS", 2)
    monkeypatch.setattr(working, "TURN_SECONDS", -1)


async def trash(files: Files, item_id: Any) -> None:
    await trash_item(files.deps, files.owner, files.origin, item_id, NOW)


async def step(files: Files, times: int = 1) -> None:
    """Do single steps of what is due."""
    for _ in range(times):
        await working._one_turn(files.deps, None)


@pytest.mark.usefixtures("small_steps")
async def test_a_tree_is_copied_with_everything_below_it(files: Files) -> None:
    top = await grove(files)
    expected = await tree_below(files, top)
    job = await copied(files, top, name="copy")
    assert (job.state, job.done, job.total, job.size_bytes) == ("succeeded", 21, 21, 13 * SIZE), job.problem
    made = (job.result or {})["item_id"]
    assert job.result == {"item_id": made, "copied": 21, "left_out": 0}
    assert await tree_below(files, made) == expected
    assert len(expected) == 20
    assert (await files.drive()).used_bytes == 26 * SIZE
    assert await files.rows(text("SELECT 1 FROM copied_folders")) == []
    facts = [
        fact for fact in await files.facts("files.item.created.v1", "files.item.committed.v1") if made in fact.data.ancestor_ids
    ]
    assert len(facts) == 20
    assert {fact.actorid for fact in facts} == {files.owner.user_id}
    told: set[str] = {made}
    for fact in facts:
        assert fact.data.parent_id in told, "folders are told before what lies in them"
        told.add(fact.data.item_id)
    [end] = await files.facts("files.job.finished.v1")
    assert (end.data.state, end.data.made_id) == ("succeeded", made)


@pytest.mark.slow
@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("role", ["viewer", "editor"])
async def test_a_tree_goes_out_of_a_shared_folder_and_into_one(files: Files, role: str) -> None:
    shared, reader = await shared_folder(files, "shared", role)
    top = await grove(files, shared)
    expected = await tree_below(files, top)
    job = await copied(files, top, reader)
    assert job.state == "succeeded", job.problem
    made = (job.result or {})["item_id"]
    assert await tree_below(files, made) == expected
    assert (await item_of(files, made, reader)).owner_id == reader.user_id
    keys = [key for key in files.blobs.objects if key.startswith(f"blobs/{reader.user_id}/")]
    assert len(keys) == 13
    files.clock.advance(hours=7)
    await bury(files.deps)
    assert set(keys) <= files.blobs.objects.keys()
    if role == "editor":
        back = await copied(files, made, reader, parent=shared, name="back")
        assert back.state == "succeeded", back.problem
        assert back.owner_id == files.owner.user_id
        assert await tree_below(files, (back.result or {})["item_id"]) == expected


async def test_a_folder_goes_neither_into_itself_nor_below_itself_but_beside_itself(files: Files) -> None:
    top = await folder(files, "top")
    below = await folder(files, "below", top)
    for parent in (top, below):
        with pytest.raises(Cycle):
            await copy(files, top, parent=parent)
    with pytest.raises(NameConflict):
        await copy(files, top)
    job = await copied(files, top, conflict="rename")
    assert (await item_of(files, (job.result or {})["item_id"])).name == "top (1)"
    assert await tree_below(files, (job.result or {})["item_id"]) == {"/below": None}


@pytest.mark.usefixtures("small_steps")
async def test_a_copy_that_is_moved_into_its_own_source_meanwhile_ends(files: Files) -> None:
    top = await grove(files)
    expected = await tree_below(files, top)
    job = await copy(files, top, name="copy")
    made = (job.result or {})["item_id"]
    await step(files)
    await change_item(files.deps, files.owner, files.origin, made, Change(parent=top), NOW)
    await run_jobs(files.deps)
    assert (await find_job(files.deps, files.owner, job.id)).state == "succeeded"
    assert await tree_below(files, made) == expected


@pytest.mark.usefixtures("small_steps")
async def test_a_copy_survives_the_end_of_its_process_at_any_point(files: Files, monkeypatch: Any) -> None:
    shared, reader = await shared_folder(files, "shared", "viewer")
    top = await grove(files, shared)
    expected = await tree_below(files, top)
    original = jobs.reach
    job = await copy(files, top, reader)
    deaths = 0

    async def dies_behind_every_other(*arguments: Any) -> Any:
        nonlocal deaths
        deaths += 1
        if deaths % 2:
            raise Killed
        return await original(*arguments)

    monkeypatch.setattr(copying_trees, "reach", dies_behind_every_other)
    for _ in range(40):
        try:
            await run_jobs(files.deps)
        except Killed:
            files.clock.advance(seconds=LEASE.total_seconds())
    done = await find_job(files.deps, reader, job.id)
    assert (done.state, done.done) == ("succeeded", 21), done.problem
    assert await tree_below(files, (done.result or {})["item_id"]) == expected
    files.clock.advance(hours=7)
    await bury(files.deps)
    assert len([key for key in files.blobs.objects if key.startswith(f"blobs/{reader.user_id}/")]) == 13


@pytest.mark.slow
@pytest.mark.usefixtures("small_steps")
async def test_several_processes_make_no_item_twice(files: Files) -> None:
    top = await grove(files)
    expected = await tree_below(files, top)
    begun = [await copy(files, top, name=f"copy {number}") for number in range(3)]
    await asyncio.gather(*(run_jobs(files.deps) for _ in range(4)))
    for job in begun:
        assert (await find_job(files.deps, files.owner, job.id)).state == "succeeded"
        assert await tree_below(files, (job.result or {})["item_id"]) == expected


@pytest.mark.slow
@pytest.mark.parametrize("across", [False, True])
@pytest.mark.usefixtures("small_steps")
async def test_a_full_drive_ends_the_copy_and_it_is_told_what_was_copied(store: str, across: bool) -> None:
    async with files_on(store, default_quota_bytes=20 * SIZE) as files:
        shared, reader = await shared_folder(files, "shared", "viewer")
        top = await grove(files, shared)
        who = reader if across else files.owner
        if across:
            await files.rows(f"UPDATE drives SET quota_bytes = {7 * SIZE} WHERE owner_id = '{reader.user_id}' RETURNING 1")
            await copy(files, shared, reader, name="makes the drive")
            await run_jobs(files.deps)
            await files.rows(
                f"UPDATE drives SET quota_bytes = used_bytes + {7 * SIZE} + 3 WHERE owner_id = '{reader.user_id}' RETURNING 1"
            )
        job = await copied(files, top, who, name="copy")
        assert (job.state, (job.problem or {})["code"], job.size_bytes) == ("failed", "quota_exceeded", 7 * SIZE)
        there = await tree_below(files, (job.result or {})["item_id"])
        assert sum(size or 0 for size in there.values()) == 7 * SIZE
        assert len(there) + 1 == job.done == (job.result or {})["copied"]
        await counters_are_true(files)


@pytest.mark.usefixtures("small_steps")
async def test_going_into_a_folder_that_is_there_keeps_it_and_gives_files_new_versions(files: Files) -> None:
    top = await grove(files)
    there = await folder(files, "there")
    kept = await folder(files, "top", there)
    below = await folder(files, "a", kept)
    old = await file(files, "1.jpg", below, b"old")
    mine = await file(files, "mine.jpg", below, b"mine")
    job = await copied(files, top, parent=there, conflict="replace")
    assert (job.state, (job.result or {})["item_id"]) == ("succeeded", kept), job.problem
    expected = await tree_below(files, top)
    assert await tree_below(files, kept) == expected | {"/a/mine.jpg": 4}
    assert ((await item_of(files, old)).revision, (await item_of(files, old)).size_bytes) == (2, SIZE)
    assert (await item_of(files, mine)).revision == 1


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize(("policy", "code"), [("fail", "name_conflict"), ("replace", "kind_conflict")])
async def test_what_comes_in_the_way_meanwhile_ends_the_copy_by_policy(files: Files, policy: Any, code: str) -> None:
    top = await grove(files)
    job = await copy(files, top, name="copy", conflict=policy)
    await file(files, "c", (job.result or {})["item_id"])
    await run_jobs(files.deps)
    failed = await find_job(files.deps, files.owner, job.id)
    assert (failed.state, (failed.problem or {})["code"]) == ("failed", code)


@pytest.mark.usefixtures("small_steps")
async def test_what_comes_in_the_way_meanwhile_is_kept_beside_by_policy(files: Files) -> None:
    top = await grove(files)
    job = await copy(files, top, name="copy", conflict="rename")
    made = (job.result or {})["item_id"]
    await file(files, "c", made)
    await run_jobs(files.deps)
    expected = {path.replace("/c", "/c (1)"): size for path, size in (await tree_below(files, top)).items()}
    assert await tree_below(files, made) == expected | {"/c": SIZE}


@pytest.mark.usefixtures("small_steps")
async def test_what_goes_to_the_trash_or_is_purged_in_the_source_meanwhile_is_left_out(files: Files) -> None:
    top = await grove(files)
    job = await copy(files, top, name="copy")
    await step(files)  # a and b
    ids = {row.name: ItemId(str(row.id)) for row in await files.rows(f"SELECT name, id FROM items WHERE parent_id = '{top}'")}
    await trash(files, ids["a"])
    await trash(files, ids["b"])
    await purge_item(files.deps, files.owner, files.origin, ids["b"])
    await file(files, "new.jpg", top)
    await run_jobs(files.deps)
    done = await find_job(files.deps, files.owner, job.id)
    assert (done.state, (done.result or {})["left_out"]) == ("succeeded", 2), done.problem
    there = await tree_below(files, (job.result or {})["item_id"])
    assert {path: size for path, size in there.items() if path[:2] in {"/a", "/b"}} == {"/a": None, "/b": None}
    assert there["/new.jpg"] == SIZE
    assert "/c/deep/2.jpg" in there


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("gone", ["source", "copy"])
async def test_when_the_whole_source_or_the_whole_copy_is_gone_the_job_fails(files: Files, gone: str) -> None:
    top = await grove(files)
    job = await copy(files, top, name="copy")
    await step(files)
    await trash(files, top if gone == "source" else (job.result or {})["item_id"])
    await run_jobs(files.deps)
    failed = await find_job(files.deps, files.owner, job.id)
    assert (failed.state, (failed.problem or {})["code"], failed.done) == ("failed", "not_found", 3)


@pytest.mark.usefixtures("small_steps")
async def test_a_folder_of_the_copy_that_is_trashed_meanwhile_is_left_alone(files: Files) -> None:
    top = await grove(files)
    job = await copy(files, top, name="copy")
    made = (job.result or {})["item_id"]
    await step(files)
    [row] = await files.rows(f"SELECT id FROM items WHERE parent_id = '{made}' AND name = 'a'")
    await trash(files, str(row.id))
    await run_jobs(files.deps)
    done = await find_job(files.deps, files.owner, job.id)
    assert (done.state, (done.result or {})["left_out"]) == ("succeeded", 1), done.problem
    assert await tree_below(files, str(row.id)) == {}


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("lost", ["source", "target"])
async def test_who_loses_the_right_meanwhile_copies_no_more(files: Files, lost: str) -> None:
    shared, reader = await shared_folder(files, "source", "viewer")
    top = await grove(files, shared)
    other = await folder(files, "target")
    given = granted(other, files.owner, reader, EDITOR)
    await files.handle(given)
    job = await copy(files, top, reader, parent=other)
    await step(files)
    if lost == "target":
        await files.handle(taken_back(given))
    else:
        await files.rows(f"UPDATE grants SET removed_at = now() WHERE item_id = '{shared}' RETURNING 1")
    await run_jobs(files.deps)
    failed = await find_job(files.deps, reader, job.id)
    assert (failed.state, (failed.problem or {})["code"], failed.done) == ("failed", "not_found", 3)
    assert len(await tree_below(files, (job.result or {})["item_id"])) == 2


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("place", ["target", "below"])
async def test_a_lock_of_somebody_else_keeps_the_rest_out(files: Files, place: str) -> None:
    shared, editor = await shared_folder(files, "shared", "editor")
    top = await grove(files, shared)
    job = await copy(files, top, editor, parent=shared, name="copy")
    await step(files)
    locked = shared if place == "target" else (job.result or {})["item_id"]
    await lock_item(files.deps, files.owner, files.origin, locked, LockWish(60, depth="infinity"))
    await run_jobs(files.deps)
    failed = await find_job(files.deps, editor, job.id)
    assert (failed.state, (failed.problem or {})["code"], failed.done) == ("failed", "locked", 3)


@pytest.mark.usefixtures("small_steps")
async def test_a_copy_that_is_cancelled_midway_keeps_what_is_there(files: Files) -> None:
    top = await grove(files)
    job = await copy(files, top, name="copy")
    await step(files)
    cancelled = await cancel_job(files.deps, files.owner, files.origin, job.id)
    await run_jobs(files.deps)
    assert (cancelled.state, cancelled.done) == ("cancelled", 3)
    assert len(await tree_below(files, (job.result or {})["item_id"])) == 2


async def test_a_request_that_is_sent_twice_begins_one_copy(files: Files) -> None:
    top = await folder(files, "top")
    used = claim("key", principal=files.owner.grantee, route="copy", body={})
    wish = Wish("root", "copy")
    first = await copy_item(files.deps, files.owner, files.origin, used, top, wish)
    again = await copy_item(files.deps, files.owner, files.origin, used, top, wish)
    assert isinstance(first.made, Job)
    assert isinstance(again.made, Job)
    assert (first.made.id, first.replayed, again.replayed) == (again.made.id, False, True)


@pytest.mark.slow
async def test_a_tree_does_not_become_deeper_than_trees_may_be(files: Files) -> None:
    parent = "root"
    for number in range(MAX_DEPTH - 1):
        parent = await folder(files, str(number), parent)
    top = await folder(files, "top")
    await folder(files, "below", top)
    with pytest.raises(ValidationFailed):
        await copy(files, top, parent=parent)


@pytest.mark.slow
async def test_a_page_costs_as_many_statements_however_many_folders_it_is_spread_over(files: Files) -> None:
    costs = []
    for width in (2, 30):
        top = await folder(files, f"top {width}")
        for number in range(width):
            await file(files, "1.jpg", await folder(files, str(number), top))
        await copied(files, top, name=f"copy {width}")
        job = await copy(files, top, name=f"another {width}")
        files.statements.clear()
        await step(files)
        assert (await find_job(files.deps, files.owner, job.id)).state == "succeeded"
        costs.append(len(files.statements))
    assert costs[0] == costs[1] <= 120, files.statements
