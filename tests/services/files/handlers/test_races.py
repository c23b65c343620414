"""What happens when two do the same at the same moment."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from coffer_chassis.etags import Conditions
from coffer_contracts.problems import NameConflict, Problem
from coffer_files.handlers.drives import root_of
from coffer_files.handlers.items import KeepBoth, Wish, change_item, make_folder
from coffer_files.handlers.uploads import complete_upload
from coffer_files.store.drives import lock_drive
from coffer_files.store.items import lock, update_item
from coffer_files.store.tables import items
from factories.files import Files, cleared, origin_of, person, registered, stored

NOW = Conditions()


async def folder(files: Files, name: str, parent: str = "root", conflict: KeepBoth = "fail") -> Any:
    made, _ = await make_folder(files.deps, files.owner, files.origin, None, parent=parent, name=name, conflict=conflict)
    return made.at.item.id


async def rename(files: Files, item_id: Any, name: str, **wish: Any) -> Any:
    return await change_item(files.deps, files.owner, files.origin, item_id, Wish(name=name, **wish), NOW)


async def test_of_two_uploads_for_one_name_one_commits_and_the_other_waits(files: Files) -> None:
    begun = [await files.start("same.jpg") for _ in range(6)]
    for upload in begun:
        await files.handle(stored(upload))
    await asyncio.gather(*(files.handle(cleared(upload)) for upload in begun))
    states = sorted([(await files.now(upload)).state for upload in begun])
    assert states == ["committed", *["conflict"] * 5]
    drive = await files.drive()
    assert (drive.used_bytes, drive.reserved_bytes) == (100, 500)


async def test_uploads_that_keep_both_all_get_a_name(files: Files) -> None:
    begun = [await files.start("same.jpg", conflict="rename") for _ in range(6)]
    await asyncio.gather(*(files.handle(stored(upload), cleared(upload)) for upload in begun))
    done = [await files.now(upload) for upload in begun]
    assert {upload.state for upload in done} == {"committed"}
    assert {upload.name for upload in done} == {"same.jpg", *(f"same ({number}).jpg" for number in range(1, 6))}


async def test_bytes_reported_by_everybody_at_once_are_received_once(files: Files) -> None:
    upload = await files.start()
    etag = await files.blobs.write(upload.blob_key, b"x" * 100, content_type="image/jpeg")
    reports = [complete_upload(files.deps, files.owner, files.origin, upload.id) for _ in range(4)]
    await asyncio.gather(*reports, *(files.handle(stored(upload, etag=etag)) for _ in range(4)))
    assert (await files.now(upload)).attempts == 1
    assert len([fact for fact in await files.facts() if fact.subject == f"upload/{upload.id}"]) == 1


async def test_of_two_folders_of_one_name_one_is_made(files: Files) -> None:
    await root_of(files.deps, files.owner.user_id, files.origin)
    results = await asyncio.gather(*(folder(files, "same") for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(result, str) for result in results) == 1
    assert all(isinstance(result, str | NameConflict) for result in results)


async def test_folders_that_keep_both_all_get_a_name(files: Files) -> None:
    await root_of(files.deps, files.owner.user_id, files.origin)
    made = await asyncio.gather(*(folder(files, "same", conflict="rename") for _ in range(5)))
    assert len(set(made)) == 5


async def test_of_two_renames_to_one_name_one_wins(files: Files) -> None:
    made = [await folder(files, name) for name in "abcd"]
    results = await asyncio.gather(*(rename(files, item_id, "same") for item_id in made), return_exceptions=True)
    refused = [result for result in results if isinstance(result, NameConflict)]
    assert len(refused) == 3
    assert all(refusal.extensions["suggested_name"] == "same (1)" for refusal in refused)


async def test_renames_that_keep_both_all_get_a_name(files: Files) -> None:
    made = [await folder(files, name) for name in "abcd"]
    results = await asyncio.gather(*(rename(files, item_id, "same", conflict="rename") for item_id in made))
    assert {result.at.item.name for result in results} == {"same", "same (1)", "same (2)", "same (3)"}


async def test_two_moves_cannot_tie_a_knot(files: Files) -> None:
    one, other = await folder(files, "one"), await folder(files, "other")
    results = await asyncio.gather(
        change_item(files.deps, files.owner, files.origin, one, Wish(parent=other), NOW),
        change_item(files.deps, files.owner, files.origin, other, Wish(parent=one), NOW),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Problem) for result in results) == 1
    detached = await files.rows(
        f"WITH RECURSIVE tree AS (SELECT id FROM items WHERE owner_id = '{files.owner.user_id}' AND parent_id IS NULL "
        "UNION ALL SELECT items.id FROM items JOIN tree ON parent_id = tree.id) "
        f"SELECT id FROM items WHERE owner_id = '{files.owner.user_id}' EXCEPT SELECT id FROM tree"
    )
    assert detached == []


async def test_a_drive_is_made_once_whoever_comes_first(files: Files) -> None:
    owner = person()
    found = await asyncio.gather(
        *(root_of(files.deps, owner.user_id, origin_of(owner)) for _ in range(4)),
        *(files.handle(registered(owner.user_id)) for _ in range(4)),
    )
    assert len({root.item.id for root in found if root}) == 1
    count = select(func.count()).select_from(items).where(items.c.owner_id == owner.user_id)
    assert (await files.rows(count))[0][0] == 1
    assert len([fact for fact in await files.facts("files.item.created.v1") if fact.data.owner_id == owner.user_id]) == 1


@pytest.mark.parametrize("round_", range(3))
async def test_quota_is_never_given_twice(files: Files, round_: Any) -> None:
    await root_of(files.deps, files.owner.user_id, files.origin)
    results = await asyncio.gather(*(files.start(f"{number}.jpg", 300_000) for number in range(6)), return_exceptions=True)
    assert sum(isinstance(result, Problem) for result in results) == 3


async def test_facts_name_the_folders_above_as_they_are_after_a_move_that_was_waited_for(files: Files) -> None:
    one, two = await folder(files, "one"), await folder(files, "two")
    moved = await folder(files, "moved", one)
    upload = await files.start(parent=moved)
    await files.handle(stored(upload))
    async with files.deps.work.unit(files.origin) as unit:
        before = await lock(unit.connection, moved)
        waiting = [
            asyncio.create_task(files.handle(cleared(upload))),
            asyncio.create_task(rename(files, moved, "renamed")),
        ]
        await files.somebody_waits(2)
        assert before is not None
        await update_item(unit.connection, before.item, parent_id=two)
    await asyncio.gather(*waiting)
    (committed,) = [fact for fact in await files.facts("files.item.committed.v1") if moved in fact.data.ancestor_ids]
    (renamed,) = [fact for fact in await files.facts("files.item.changed.v1") if fact.data.item_id == moved]
    assert committed.data.ancestor_ids[-2:] == (two, moved)
    assert (renamed.data.parent_id, renamed.data.ancestor_ids[-1]) == (two, two)


TWENTY = 20


async def test_of_twenty_folders_of_one_name_one_is_made_and_the_others_hear_of_a_free_one(files: Files) -> None:
    await root_of(files.deps, files.owner.user_id, files.origin)
    results = await asyncio.gather(*(folder(files, "Same") for _ in range(TWENTY)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, NameConflict)]
    assert len(refused) == TWENTY - 1
    won = next(result for result in results if isinstance(result, str))
    assert {str(refusal.extensions["suggested_name"]) for refusal in refused} == {"Same (1)"}
    assert {str(refusal.extensions["existing"]["id"]) for refusal in refused} == {won}  # type: ignore[index]  # a dict, by now


@pytest.mark.slow
async def test_of_twenty_moves_to_one_name_one_arrives(files: Files) -> None:
    target = await folder(files, "target")
    homes = [await folder(files, f"home {number}") for number in range(TWENTY)]
    things = [await folder(files, "Thing", home) for home in homes]

    def move(item_id: Any) -> Any:
        return change_item(files.deps, files.owner, files.origin, item_id, Wish(parent=target), NOW)

    results = await asyncio.gather(*(move(thing) for thing in things), return_exceptions=True)
    refused = [result for result in results if isinstance(result, NameConflict)]
    assert len(refused) == TWENTY - 1
    assert {refusal.extensions["suggested_name"] for refusal in refused} == {"Thing (1)"}
    at_home = await files.rows(select(func.count()).where(items.c.parent_id.in_(homes)))
    assert at_home[0][0] == TWENTY - 1


async def test_of_twenty_renames_to_one_name_one_wins(files: Files) -> None:
    made = [await folder(files, f"n{number}") for number in range(TWENTY)]
    results = await asyncio.gather(*(rename(files, item_id, "Same") for item_id in made), return_exceptions=True)
    refused = [result for result in results if isinstance(result, NameConflict)]
    assert len(refused) == TWENTY - 1
    assert {refusal.extensions["suggested_name"] for refusal in refused} == {"Same (1)"}


@pytest.mark.slow
async def test_of_twenty_files_that_replace_one_another_all_but_one_end_in_the_trash(files: Files) -> None:
    made = [(await files.upload(f"{number}.jpg")).item_id for number in range(TWENTY)]
    await asyncio.gather(*(rename(files, item_id, "same.jpg", conflict="replace") for item_id in made))
    places = await files.rows(select(items.c.trashed_at.is_(None), items.c.name).where(items.c.id.in_(made)))
    assert sorted((bool(row[0]), row[1]) for row in places) == [*[(False, "same.jpg")] * (TWENTY - 1), (True, "same.jpg")]


async def test_two_that_swap_their_names_at_once_do_not_hang(files: Files) -> None:
    one, two = await folder(files, "one"), await folder(files, "two")
    results = await asyncio.gather(rename(files, one, "two"), rename(files, two, "one"), return_exceptions=True)
    assert all(not isinstance(result, Exception) or isinstance(result, NameConflict) for result in results)


@pytest.mark.slow
async def test_an_upload_that_begins_while_its_folder_goes_away_with_the_drive_locked_does_not_fail(files: Files) -> None:
    home = await folder(files, "home")
    async with files.deps.work.unit(files.origin) as unit:
        await lock_drive(unit.connection, files.owner.user_id)
        beginning = asyncio.create_task(files.start(parent=home))
        await files.somebody_waits()
        # As a batch that restores one thing and renames another: this waits for the upload, which waits for the drive.
        held = await lock(unit.connection, home)
        assert held is not None
        await update_item(unit.connection, held.item, changed_at=unit.now)
    assert (await beginning).state == "created"
    drive = await files.drive()
    assert (drive.used_bytes, drive.reserved_bytes) == (0, 100)
