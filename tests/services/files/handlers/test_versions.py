"""Versions of a file: looked at, labelled, brought back, deleted."""

from typing import Any

import pytest
from sqlalchemy import select

from coffer_chassis.access import EDITOR, VIEWER
from coffer_chassis.etags import Conditions, parse_tags
from coffer_chassis.idempotency import claim
from coffer_contracts.ids import ItemId, VersionId
from coffer_contracts.problems import (
    Forbidden,
    KindConflict,
    Locked,
    NotFound,
    PreconditionFailed,
    QuotaExceeded,
    StateConflict,
)
from coffer_files.handlers import versions
from coffer_files.handlers.items import find_item, make_folder
from coffer_files.handlers.locks import Wish as LockWish
from coffer_files.handlers.locks import lock_item
from coffer_files.handlers.trash import trash_item
from coffer_files.store.tables import blobs, doomed_blobs
from factories.files import Files, files_on, granted, origin_of, person

ANY = Conditions()


async def written(files: Files, *sizes: int, name: str = "a.jpg") -> tuple[ItemId, list[VersionId]]:
    """A file that was written once with each size; its versions, oldest first."""
    made = []
    for size in sizes:
        upload = await files.upload(name, size, conflict="replace")
        made.append(upload)
        files.clock.advance(seconds=1)
    assert made[0].item_id is not None
    return made[0].item_id, [VersionId(str(upload.version_id)) for upload in made]


async def listed(files: Files, item_id: ItemId, who: Any = None) -> list[Any]:
    who = who or files.owner
    page = await versions.list_versions(files.deps, who, origin_of(who), item_id, limit=100, after=None)
    return page.versions


async def restore(files: Files, item_id: ItemId, version_id: VersionId, who: Any = None, **more: Any) -> Any:
    who = who or files.owner
    known = {"claim": None, "conditions": ANY, **more}
    return await versions.restore_version(
        files.deps, who, origin_of(who), known["claim"], item_id, version_id, known["conditions"]
    )


async def delete(files: Files, item_id: ItemId, version_id: VersionId, who: Any = None) -> None:
    who = who or files.owner
    await versions.delete_version(files.deps, who, origin_of(who), item_id, version_id)


async def given(files: Files, item_id: ItemId, rights: Any) -> Any:
    friend = person(username="bob")
    await files.handle(granted(item_id, files.owner, friend, rights))
    return friend


async def test_versions_are_listed_newest_first_in_pages(files: Files) -> None:
    item_id, ids = await written(files, 1, 2, 3)
    found = await listed(files, item_id)
    assert [(one.id, one.size_bytes, one.replaced_at is None) for one in found] == [
        (ids[2], 3, True), (ids[1], 2, False), (ids[0], 1, False),
    ]  # fmt: skip
    ask = (files.deps, files.owner, files.origin, item_id)
    first = await versions.list_versions(*ask, limit=2, after=None)
    rest = await versions.list_versions(*ask, limit=2, after=first.after)
    assert [one.id for one in (*first.versions, *rest.versions)] == ids[::-1]
    assert rest.after is None


async def test_a_restored_version_is_a_new_one_that_shares_the_stored_object(files: Files) -> None:
    item_id, ids = await written(files, 10, 20)
    back, _ = await restore(files, item_id, ids[0])
    found = await listed(files, item_id)
    assert [one.size_bytes for one in found] == [10, 20, 10]
    assert found[0].id == back.at.item.version_id not in ids
    assert found[0].blob_id == found[2].blob_id
    assert [row.refcount for row in await files.rows(select(blobs).where(blobs.c.id == found[0].blob_id))] == [2]
    assert (await files.drive()).used_bytes == 40
    told = [fact for fact in await files.facts("files.item.committed.v1") if fact.data.item_id == item_id][-1]
    assert (told.data.is_new, told.data.upload_id, told.data.previous_version_id) == (False, None, ids[1])
    assert (told.data.content.version_id, told.data.content.blob_id) == (found[0].id, found[0].blob_id)
    assert told.revision == back.at.item.revision


async def test_a_preview_that_was_made_is_there_at_once_when_its_version_is_back(files: Files) -> None:
    item_id, ids = await written(files, 10, 20)
    ready = "UPDATE versions SET preview_status = 'ready', preview_images = '[{\"key\": \"k\"}]'"
    assert len(await files.rows(f"{ready} WHERE id = '{ids[0]}' RETURNING 1")) == 1
    back, _ = await restore(files, item_id, ids[0])
    assert back.at.item.preview_status == "ready"
    assert (await listed(files, item_id))[0].preview_images == [{"key": "k"}]


async def test_restoring_twice_by_one_key_or_what_is_there_already_makes_one_version(files: Files) -> None:
    item_id, ids = await written(files, 10, 20)
    used = claim("once", principal=files.owner.grantee, route="r", body={})
    first, replayed = await restore(files, item_id, ids[0], claim=used)
    again, replayed_again = await restore(files, item_id, ids[0], claim=used)
    assert (replayed, replayed_again) == (False, True)
    assert again.at.item == first.at.item
    third, _ = await restore(files, item_id, VersionId(str(first.at.item.version_id)))
    assert third.at.item == first.at.item
    assert len(await listed(files, item_id)) == 3


async def test_a_version_comes_back_only_onto_what_the_caller_has_seen_and_with_room(store: str) -> None:
    async with files_on(store, default_quota_bytes=50) as files:
        item_id, ids = await written(files, 20, 10)
        with pytest.raises(PreconditionFailed):
            await restore(files, item_id, ids[0], conditions=Conditions(parse_tags('"1"')))
        await files.start("reserves.jpg", 5)
        with pytest.raises(QuotaExceeded) as refusal:
            await restore(files, item_id, ids[0])
        assert refusal.value.extensions == {"used": 35, "limit": 50, "needed": 20}
        friend = await given(files, item_id, EDITOR)
        with pytest.raises(QuotaExceeded) as hidden:
            await restore(files, item_id, ids[0], friend)
        assert hidden.value.extensions == {"needed": 20}
        assert len(await listed(files, item_id)) == 2
        assert (await files.drive()).used_bytes == 30


async def test_viewers_look_editors_restore_and_only_the_owner_deletes(files: Files) -> None:
    item_id, ids = await written(files, 10, 20)
    viewer, editor, stranger = await given(files, item_id, VIEWER), await given(files, item_id, EDITOR), person()
    assert [one.id for one in await listed(files, item_id, viewer)] == ids[::-1]
    look = (files.deps, viewer, origin_of(viewer), item_id, ids[0])
    assert (await versions.find_version(*look)).id == ids[0]
    for refused in (restore(files, item_id, ids[0], viewer), delete(files, item_id, ids[0], editor)):
        with pytest.raises(Forbidden):
            await refused
    with pytest.raises(Forbidden):
        await versions.change_version(*look, {"label": "mine"})
    marked = await versions.change_version(files.deps, editor, origin_of(editor), item_id, ids[0], {"label": "ours"})
    assert (marked.label, marked.keep_forever) == ("ours", False)
    back, _ = await restore(files, item_id, ids[0], editor)
    newest = (await listed(files, item_id))[0]
    assert (newest.id, newest.created_by) == (back.at.item.version_id, editor.user_id)
    for refused in (listed(files, item_id, stranger), delete(files, item_id, ids[0], stranger)):
        with pytest.raises(NotFound):
            await refused


async def test_whoever_keeps_others_from_a_file_keeps_them_from_its_versions(files: Files) -> None:
    item_id, ids = await written(files, 10, 20)
    editor = await given(files, item_id, EDITOR)
    await lock_item(files.deps, editor, origin_of(editor), item_id, LockWish(60))
    with pytest.raises(Locked):
        await restore(files, item_id, ids[0])
    back, _ = await restore(files, item_id, ids[0], editor)
    assert back.at.item.size_bytes == 10


async def test_a_deleted_version_frees_its_room_and_its_object_once_nothing_shares_it(files: Files) -> None:
    item_id, ids = await written(files, 10, 20)
    await restore(files, item_id, ids[0])
    shared = (await listed(files, item_id))[0]
    await delete(files, item_id, ids[0])
    assert (await files.drive()).used_bytes == 30
    assert await files.rows(select(doomed_blobs).where(doomed_blobs.c.key == shared.blob_key)) == []
    middle = (await listed(files, item_id))[1]
    await delete(files, item_id, ids[1])
    with pytest.raises(NotFound):
        await delete(files, item_id, ids[1])
    assert (await files.drive()).used_bytes == 10
    assert [row.reason for row in await files.rows(select(doomed_blobs).where(doomed_blobs.c.key == middle.blob_key))] == [
        "deleted"
    ]
    told = [fact.data for fact in await files.facts("files.version.deleted.v1") if fact.data.item_id == item_id]
    assert [(fact.version_id, fact.blob_ids, fact.reason) for fact in told] == [
        (ids[0], (), "deleted"), (ids[1], (middle.blob_id,), "deleted"),
    ]  # fmt: skip
    assert (await find_item(files.deps, files.owner, files.origin, item_id)).at.item.version_id == shared.id


async def test_the_current_version_goes_with_its_file_only(files: Files) -> None:
    item_id, ids = await written(files, 10)
    with pytest.raises(StateConflict):
        await delete(files, item_id, ids[0])


async def test_versions_of_other_files_of_folders_and_of_what_is_in_the_trash_are_out_of_reach(files: Files) -> None:
    item_id, ids = await written(files, 10, 20)
    _, theirs = await written(files, 1, 2, name="b.jpg")
    for refused in (restore(files, item_id, theirs[0]), delete(files, item_id, theirs[0])):
        with pytest.raises(NotFound):
            await refused
    folder, _ = await make_folder(files.deps, files.owner, files.origin, None, parent="root", name="f", conflict="fail")
    for refused in (listed(files, folder.at.item.id), delete(files, folder.at.item.id, ids[0])):
        with pytest.raises(KindConflict):
            await refused
    await trash_item(files.deps, files.owner, files.origin, item_id, ANY)
    assert len(await listed(files, item_id)) == 2
    for refused in (restore(files, item_id, ids[0]), delete(files, item_id, ids[0])):
        with pytest.raises(NotFound):
            await refused
