"""Uploads of what a drive holds already: committed at once without bytes, and nobody learns what others have."""

import asyncio
import hashlib
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from coffer_chassis.access import EDITOR
from coffer_chassis.etags import Conditions
from coffer_chassis.identity import Principal
from coffer_contracts import media
from coffer_contracts.ids import ItemId
from coffer_contracts.problems import (
    KindConflict,
    NameConflict,
    NotFound,
    PreconditionFailed,
    QuotaExceeded,
    ValidationFailed,
)
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.announcing import Announcement, start_upload
from coffer_files.handlers.burying import bury
from coffer_files.handlers.trash import purge_item, trash_item
from coffer_files.store.tables import blobs, doomed_blobs, versions
from factories.files import Files, cleared, envelope, granted, origin_of, person, stored

BLOCK = hashlib.sha256(b"x" * 100).hexdigest()
NO_CONDITIONS = Conditions()


async def held(files: Files, name: str = "a.jpg", block: str = BLOCK) -> Upload:
    """A file whose content the drive knows by its hash."""
    upload = await files.start(name, blocks_sha256=(block,))
    assert upload.strategy == "single"
    await files.blobs.write(upload.blob_key, b"x" * 100, content_type="image/jpeg")
    await files.handle(stored(upload), cleared(upload))
    return await files.now(upload)


async def again(files: Files, name: str = "b.jpg", who: Principal | None = None, **changes: Any) -> Upload:
    who = who or files.owner
    announced = {"parent": "root", "name": name, "size_bytes": 100, "blocks_sha256": (BLOCK,), **changes}
    upload, _ = await start_upload(files.deps, who, origin_of(who), None, Announcement(**announced))
    return upload


async def refcounts(files: Files, upload: Upload) -> list[int]:
    return [row.refcount for row in await files.rows(select(blobs.c.refcount).where(blobs.c.id == upload.blob_id))]


async def test_the_same_content_is_a_file_at_once_and_shares_the_object(files: Files) -> None:
    first = await held(files)
    upload = await again(files)
    assert (upload.strategy, upload.state, upload.name) == ("reuse", "committed", "b.jpg")
    assert await files.now(upload) == upload
    [row] = await files.rows(select(versions).where(versions.c.id == upload.version_id))
    assert (row.blob_id, row.content_hash, row.mime_type) == (first.blob_id, first.content_hash, "image/jpeg")
    assert await refcounts(files, first) == [2]
    fact = next(fact for fact in await files.facts("files.item.committed.v1") if fact.data.item_id == upload.item_id)
    content = fact.data.content
    assert (content.blob_id, content.blob_key, content.etag) == (first.blob_id, first.blob_key, "e1")
    assert fact.data.upload_id == upload.id
    drive = await files.drive()
    assert (drive.used_bytes, drive.reserved_bytes) == (200, 0)


async def test_previews_are_there_at_once(files: Files) -> None:
    first = await held(files)
    image = media.PreviewImage(box_pixels=400, key="previews/b/400", mime_type="image/webp", width=4, height=3, size_bytes=9)
    ready = media.PreviewReadyV1(
        item_id=ItemId(str(first.item_id)), version_id=first.version_id, owner_id=first.owner_id, ancestor_ids=(),
        blob_id=first.blob_id, images=(image,), placeholder="UklGRg==",
    )  # fmt: skip
    await files.handle(envelope(ready))
    upload = await again(files)
    [row] = await files.rows(select(versions).where(versions.c.id == upload.version_id))
    assert (row.preview_status, row.placeholder) == ("ready", "UklGRg==")
    assert [picture["key"] for picture in row.preview_images] == ["previews/b/400"]
    async with files.client() as http:
        assert (await http.get(f"/v1/items/{upload.item_id}/preview")).status_code == 302


async def test_over_http_it_is_answered_as_what_it_is(files: Files) -> None:
    await held(files)
    body = {"parent_id": "root", "name": "b.jpg", "size": 100, "blocks_sha256": [BLOCK]}
    async with files.client() as http:
        for replayed in (False, True):
            answer = await http.post("/v1/uploads", json=body, headers={"Idempotency-Key": "one"})
            told = answer.json()
            assert (answer.status_code, told["strategy"], told["state"]) == (201, "reuse", "committed")
            assert told["item_id"]
            assert "single" not in told
            assert ("idempotent-replayed" in answer.headers) is replayed
        done = await http.post(f"/v1/uploads/{told['id']}/complete", json={})
        assert (done.status_code, done.json()["id"]) == (200, told["item_id"])
        assert len((await http.get("/v1/items/root/children")).json()["items"]) == 2
        story = (await http.get(f"/v1/uploads/{told['id']}/timeline")).json()
        assert [step["step"] for step in story["steps"]] == ["created", "committed"]


async def test_new_content_of_a_file_can_be_reused_as_well(files: Files) -> None:
    first = await held(files)
    other = await held(files, "b.jpg", hashlib.sha256(b"other").hexdigest())
    upload = await again(files, target=other.item_id)
    assert (upload.state, upload.item_id, upload.name) == ("committed", other.item_id, "b.jpg")
    assert await refcounts(files, first) == [2]
    replaced = await again(files, "a.jpg", conflict="replace")
    assert (replaced.state, replaced.item_id) == ("committed", first.item_id)
    with pytest.raises(PreconditionFailed):
        await again(files, target=other.item_id, base_version_id=other.version_id)


async def test_a_taken_name_is_refused_and_a_copy_kept_beside(files: Files) -> None:
    await held(files)
    with pytest.raises(NameConflict) as refused:
        await again(files, "A.jpg")
    assert refused.value.extensions["suggested_name"] == "A (1).jpg"
    assert (await again(files, "a.jpg", conflict="rename")).name == "a (1).jpg"
    assert (await files.drive()).reserved_bytes == 0


async def test_what_is_wrong_is_refused_as_for_bytes_that_are_sent(files: Files) -> None:
    first = await held(files)
    root = (await files.drive()).root_id
    with pytest.raises(KindConflict):
        await again(files, target=root)
    with pytest.raises(KindConflict):
        await again(files, parent=first.item_id)
    with pytest.raises(NotFound):
        await again(files, parent="0193439e-8a5c-7000-8000-00000000dead")
    with pytest.raises(ValidationFailed):
        await again(files, blocks_sha256=(BLOCK, BLOCK))
    await trash_item(files.deps, files.owner, files.origin, str(first.item_id), NO_CONDITIONS)
    with pytest.raises(NotFound):
        await again(files, target=first.item_id)


@pytest.mark.parametrize(
    "changes",
    [
        {"blocks_sha256": None},
        {"mode": "single"},
        {"mode": "post_form"},
        {"size_bytes": 99},
        {"blocks_sha256": (hashlib.sha256(b"y").hexdigest(),)},
    ],
)
async def test_bytes_are_sent_unless_all_of_it_is_known(files: Files, changes: dict[str, Any]) -> None:
    await held(files)
    assert (await again(files, **changes)).state == "created"


async def test_nobody_learns_what_others_have(files: Files) -> None:
    await held(files)
    stranger, editor = person(), person()
    assert (await again(files, who=stranger)).state == "created"
    folder = (await files.drive()).root_id
    await files.handle(granted(folder, files.owner, editor, EDITOR))
    # Neither what the owner of the drive has ...
    assert (await again(files, who=editor, parent=folder)).state == "created"
    # ... nor may one's own content be brought into another drive that way.
    mine = await again(files, "mine.jpg", who=editor)
    await files.handle(stored(mine), cleared(mine))
    assert (await again(files, "c.jpg", who=editor, parent=folder)).state == "created"
    assert (await again(files, "d.jpg", who=editor)).state == "committed"


async def test_a_token_that_may_not_read_learns_nothing_either(files: Files) -> None:
    await held(files)
    writes = replace(files.owner, kind="token", scopes=frozenset({"files:write"}))
    assert (await again(files, who=writes)).state == "created"
    both = replace(writes, scopes=frozenset({"files:write", "files:read"}))
    assert (await again(files, "c.jpg", who=both)).state == "committed"


async def test_a_full_drive_takes_no_further_reference(files: Files) -> None:
    await held(files)
    await files.start("big.bin", 999_850)
    with pytest.raises(QuotaExceeded) as refused:
        await again(files)
    assert (refused.value.extensions["used"], refused.value.extensions["needed"]) == (999_950, 100)
    assert (await files.drive()).used_bytes == 100


async def purged(files: Files, upload: Upload) -> None:
    item_id = ItemId(str(upload.item_id))
    await trash_item(files.deps, files.owner, files.origin, item_id, NO_CONDITIONS)
    await purge_item(files.deps, files.owner, files.origin, item_id)


async def test_the_object_stays_until_its_last_reference_is_gone(files: Files) -> None:
    first = await held(files)
    second = await again(files)
    await purged(files, first)
    await bury(files.deps)
    assert await refcounts(files, first) == [1]
    assert await files.blobs.head(first.blob_key)
    await purged(files, second)
    await bury(files.deps)
    assert await files.blobs.head(first.blob_key) is None
    assert (await again(files, "c.jpg")).state == "created"
    assert (await files.drive()).used_bytes == 0


@pytest.mark.parametrize("first_to_go", ["purge", "reuse"])
async def test_racing_the_purge_of_the_last_reference_gives_a_file_with_bytes_or_none(files: Files, first_to_go: str) -> None:
    first = await held(files)
    await trash_item(files.deps, files.owner, files.origin, ItemId(str(first.item_id)), NO_CONDITIONS)
    purge = purge_item(files.deps, files.owner, files.origin, ItemId(str(first.item_id)))
    racing = [purge, again(files)] if first_to_go == "purge" else [again(files), purge]
    async with files.engine.begin() as connection:
        await connection.execute(
            select(blobs.c.id).where(blobs.c.id == first.blob_id).with_for_update()
        )  # both stand before it now, in whichever order
        tasks = [asyncio.create_task(one) for one in racing]
        await files.somebody_waits(2)
    ended = await asyncio.gather(*tasks)
    upload = next(one for one in ended if one is not None)
    doomed = await files.rows(select(doomed_blobs.c.key).where(doomed_blobs.c.key == first.blob_key))
    if upload.state == "committed":
        assert (await refcounts(files, first), doomed) == ([1], [])
    else:
        assert (await refcounts(files, first), len(doomed)) == ([], 1)


async def test_two_who_reuse_at_once_count_two_references(files: Files) -> None:
    first = await held(files)
    ended = await asyncio.gather(*(again(files, f"{number}.jpg") for number in range(4)))
    assert {upload.state for upload in ended} == {"committed"}
    assert await refcounts(files, first) == [5]
    assert (await files.drive()).used_bytes == 500
