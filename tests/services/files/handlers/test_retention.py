"""Versions go by number and by age; what somebody wants to keep stays."""

from typing import Any

import pytest

from coffer_chassis.etags import Conditions
from coffer_contracts.ids import ItemId, VersionId
from coffer_files.handlers import retention, versions
from coffer_files.handlers.trash import trash_item
from factories.databases import Database
from factories.files import Files, files_on


@pytest.fixture(scope="module")
def store(database: Database) -> str:
    """A round goes over all drives."""
    return database("coffer_files")


@pytest.fixture(autouse=True)
async def nothing_of_others_goes(store: str) -> None:
    async with files_on(store) as files:
        await files.rows("UPDATE versions SET keep_forever = true RETURNING 1")


async def written(files: Files, name: str, count: int) -> tuple[ItemId, list[VersionId]]:
    ids = []
    for _ in range(count):
        upload = await files.upload(name, 10, conflict="replace")
        ids.append(VersionId(str(upload.version_id)))
        files.clock.advance(days=1)
    assert upload.item_id is not None
    return upload.item_id, ids


async def left(files: Files, item_id: ItemId) -> list[VersionId]:
    page = await versions.list_versions(files.deps, files.owner, files.origin, item_id, limit=100, after=None)
    return [one.id for one in page.versions][::-1]


async def mark(files: Files, item_id: ItemId, version_id: VersionId, **marks: Any) -> None:
    await versions.change_version(files.deps, files.owner, files.origin, item_id, version_id, marks)


async def test_beyond_the_number_the_oldest_go_but_for_those_that_are_kept(store: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    async with files_on(store, version_keep_count=2, version_keep_days=0) as files:
        item_id, ids = await written(files, "many.jpg", 9)
        few, few_ids = await written(files, "few.jpg", 3)
        await mark(files, item_id, ids[0], label="first")
        await mark(files, item_id, ids[1], keep_forever=True)
        assert await retention.prune_versions(files.deps) == 4
        assert await left(files, item_id) == [ids[0], ids[1], ids[6], ids[7], ids[8]]
        assert await left(files, few) == few_ids
        assert (await files.drive()).used_bytes == 80
        assert {fact.data.reason for fact in await files.facts("files.version.deleted.v1")} == {"retention"}
        await mark(files, item_id, ids[0], label=None)
        assert await retention.prune_versions(files.deps) == 1
        assert await retention.prune_versions(files.deps) == 0


async def test_age_counts_from_when_a_version_was_replaced(store: str) -> None:
    async with files_on(store, version_keep_count=100, version_keep_days=30) as files:
        item_id, ids = await written(files, "old.jpg", 1)
        files.clock.advance(days=400)
        upload = await files.upload("old.jpg", 10, conflict="replace")
        assert await retention.prune_versions(files.deps) == 0
        files.clock.advance(days=30)
        assert await retention.prune_versions(files.deps) == 0
        files.clock.advance(seconds=1)
        assert await retention.prune_versions(files.deps) == 1
        assert ids[0] not in await left(files, item_id) == [upload.version_id]


@pytest.mark.slow
@pytest.mark.parametrize("look", [1, 2, 3, 4, 7])
async def test_a_round_reaches_every_file_whatever_one_look_holds(store: str, monkeypatch: Any, look: int) -> None:
    monkeypatch.setattr(retention, "LOOK", look)
    async with files_on(store, version_keep_count=0, version_keep_days=0) as files:
        known = [await written(files, f"{number}.jpg", number) for number in (1, 2, 4, 3)]
        assert await retention.prune_versions(files.deps) == 6
        assert [await left(files, item_id) for item_id, _ in known] == [ids[-1:] for _, ids in known]


async def test_what_is_in_the_trash_is_left_as_it_is(store: str) -> None:
    async with files_on(store, version_keep_count=0, version_keep_days=0) as files:
        item_id, ids = await written(files, "gone.jpg", 3)
        await trash_item(files.deps, files.owner, files.origin, item_id, Conditions())
        assert await retention.prune_versions(files.deps) == 0
        assert await left(files, item_id) == ids


async def test_a_file_that_cannot_be_pruned_keeps_no_other_waiting(store: str, monkeypatch: Any) -> None:
    async with files_on(store, version_keep_count=0, version_keep_days=0) as files:
        first, _ = await written(files, "a.jpg", 2)
        await written(files, "b.jpg", 2)
        prune = retention.prune_file

        async def fails(deps: Any, item_id: ItemId) -> int:
            if item_id == first:
                raise RuntimeError("a broken row")
            return await prune(deps, item_id)

        monkeypatch.setattr(retention, "prune_file", fails)
        assert await retention.prune_versions(files.deps) == 1
        monkeypatch.undo()
        assert await retention.prune_versions(files.deps) == 1
