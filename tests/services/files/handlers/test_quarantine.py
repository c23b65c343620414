"""Refused bytes that an operator lets in: whole, once, within the drive's room, and never other bytes than were refused."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from coffer_chassis.admin.operations import Operations
from coffer_contracts.problems import QuotaExceeded, StateConflict
from coffer_files.app import TOPOLOGY
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.burying import bury
from coffer_files.handlers.landing import AGAIN, land
from coffer_files.handlers.quarantine import discard_upload, release_upload
from coffer_files.handlers.sweeping import sweep
from coffer_files.handlers.uploads import Resolution, resolve_upload
from coffer_files.store.tables import items, versions
from factories.bytes import arrived, away, posted, put
from factories.comparing import compare
from factories.databases import Database
from factories.files import Files, files_on, person, rejected, stored
from factories.operators import OPERATOR, operations_of

BOSS = person(roles=frozenset({"operator"}))


@pytest.fixture
async def files(database: Database) -> Any:
    """A store of its own: lander, sweeper and reconciler see to everybody's uploads."""
    async with files_on(database("coffer_files"), reconcile_every_hours=0) as service:
        yield service


def operations(files: Files) -> Operations:
    return operations_of(TOPOLOGY, files.deps.work)


async def release(files: Files, upload: Upload) -> Upload:
    return await release_upload(files.deps, operations(files), BOSS, OPERATOR, upload.id)


async def judged(files: Files, name: str = "a.jpg", **changes: Any) -> Upload:
    """Refused a moment ago, and not moved yet."""
    upload = await files.start(name, **changes)
    etag = await put(files, upload)
    await files.handle(stored(upload, etag=etag), rejected(upload, etag=etag))
    return upload


async def refused(files: Files, name: str = "a.jpg", **changes: Any) -> Upload:
    upload = await judged(files, name, **changes)
    await bury(files.deps)
    return upload


async def acts(files: Files) -> list[str]:
    return [fact.data.action for fact in await files.facts("files.operator.acted.v1")]


async def test_released_bytes_become_a_file_and_leave_quarantine(files: Files) -> None:
    upload = await refused(files)
    released = await release(files, upload)
    drive = await files.drive()
    assert (released.state, drive.used_bytes, drive.reserved_bytes) == ("cleared", 0, 100)
    assert await land(files.deps) == 1
    done = await files.now(upload)
    assert (done.state, done.reason, done.landing_key) == ("committed", None, None)
    await bury(files.deps)
    assert set(files.blobs.objects) == {upload.blob_key}
    assert await files.blobs.read(upload.blob_key) == b"x" * 100
    drive = await files.drive()
    assert (drive.used_bytes, drive.reserved_bytes) == (100, 0)
    [row] = await files.rows(select(versions.c.flags, versions.c.mime_type, versions.c.preview_status))
    assert tuple(row) == (["released"], "text/plain", "none")
    [fact] = await files.facts("files.item.committed.v1")
    assert (fact.data.content.flags, fact.actorid) == (("released",), upload.uploader_id)


async def test_many_who_release_at_once_make_one_file_and_one_act(files: Files) -> None:
    upload = await refused(files)
    results = await asyncio.gather(*(release(files, upload) for _ in range(4)))
    assert {result.state for result in results} == {"cleared"}
    await asyncio.gather(land(files.deps), land(files.deps))
    assert (await release(files, upload)).state == "committed"
    assert await acts(files) == ["quarantine.released"]
    assert len(await files.rows(select(versions.c.id))) == 1


async def test_nothing_is_released_or_deleted_while_the_bytes_are_on_their_way(files: Files) -> None:
    upload = await judged(files)
    for step in (release(files, upload), discard_upload(files.deps, operations(files), OPERATOR, upload.id)):
        with pytest.raises(StateConflict, match="being moved"):
            await step
    delete, files.blobs.delete = files.blobs.delete, away
    with pytest.raises(ConnectionError):
        await bury(files.deps)
    assert set(files.blobs.objects) == {upload.blob_key, f"quarantine/{upload.blob_id}"}
    # Copied, but the deleting is yet to come: it would meet the released bytes.
    with pytest.raises(StateConflict, match="being moved"):
        await release(files, upload)
    files.blobs.delete = delete
    files.clock.advance(minutes=10)
    await bury(files.deps)
    assert (await release(files, upload)).state == "cleared"


async def test_bytes_sent_once_more_meanwhile_are_not_what_is_let_in(files: Files) -> None:
    upload = await refused(files)
    other = await put(files, upload, b"y" * 100)
    await files.handle(stored(upload, etag=other))
    with pytest.raises(StateConflict, match="being moved"):
        await release(files, upload)
    await bury(files.deps)
    await put(files, upload, b"z" * 100)  # and again, which nobody has told yet
    await release(files, upload)
    await land(files.deps)
    assert (await files.now(upload)).state == "committed"
    assert await files.blobs.read(upload.blob_key) == b"x" * 100


async def test_a_form_sent_again_after_the_verdict_is_not_let_in(files: Files) -> None:
    upload = await files.start(mode="post_form")
    etag = await posted(files, upload)
    await files.handle(arrived(upload, etag), rejected(upload, etag=etag))
    await posted(files, upload, b"y")
    await bury(files.deps)
    with pytest.raises(StateConflict, match="Other bytes"):
        await release(files, upload)


async def test_what_a_form_has_sent_is_let_in(files: Files) -> None:
    upload = await files.start(mode="post_form")
    etag = await posted(files, upload)
    await files.handle(arrived(upload, etag), rejected(upload, etag=etag))
    await bury(files.deps)
    await release(files, upload)
    await land(files.deps)
    await bury(files.deps)
    assert (await files.now(upload)).state == "committed"
    assert set(files.blobs.objects) == {upload.blob_key}


async def test_a_drive_without_room_keeps_it_out_and_nothing_changes(files: Files) -> None:
    upload = await refused(files, size=600_000)
    await files.upload("b.jpg", 500_000)
    before = await files.now(upload)
    with pytest.raises(QuotaExceeded) as refusal:
        await release(files, upload)
    assert "used" not in refusal.value.extensions
    assert await files.now(upload) == before
    assert (await files.drive()).reserved_bytes == 0
    assert await acts(files) == []


async def test_a_name_taken_meanwhile_is_for_its_uploader_to_decide(files: Files) -> None:
    upload = await refused(files)
    await files.upload("a.jpg")
    await release(files, upload)
    await land(files.deps)
    waits = await files.now(upload)
    assert (waits.state, waits.suggested_name) == ("conflict", "a (1).jpg")
    await bury(files.deps)
    assert await files.blobs.head(upload.blob_key)
    assert (await release(files, upload)).state == "conflict"
    await resolve_upload(files.deps, files.owner, files.origin, upload.id, Resolution(name="b.jpg"))
    [row] = await files.rows(select(items.c.flags).where(items.c.name == "b.jpg"))
    assert row.flags == ["released"]


@pytest.mark.parametrize("seconds", [-1, 0])
async def test_it_can_be_released_until_its_week_is_over(files: Files, seconds: int) -> None:
    upload = await refused(files)
    files.clock.advance(days=7, seconds=seconds)
    if seconds < 0:
        assert (await release(files, upload)).state == "cleared"
        return
    with pytest.raises(StateConflict, match="over"):
        await release(files, upload)


async def test_bytes_that_the_bucket_has_deleted_cannot_be_released(files: Files) -> None:
    upload = await refused(files)
    await files.blobs.delete([f"quarantine/{upload.blob_id}"])
    with pytest.raises(StateConflict, match="no longer"):
        await release(files, upload)


async def test_bytes_that_are_deleted_while_they_are_released_are_refused_again(files: Files) -> None:
    upload = await refused(files)
    await release(files, upload)
    await files.blobs.delete([f"quarantine/{upload.blob_id}"])
    await put(files, upload, b"y" * 100)  # by an address that is still good: not what was released
    await land(files.deps)
    back = await files.now(upload)
    assert (back.state, back.reason, back.landing_key) == ("rejected", "test_virus", None)
    assert "its bytes were gone" in (back.detail or "")
    assert back.verdict is not None
    assert (back.verdict.cleared, back.verdict.flags) == (False, ())
    assert (await files.drive()).reserved_bytes == 0
    await bury(files.deps)
    assert files.blobs.objects == {}
    with pytest.raises(StateConflict):
        await release(files, upload)


async def test_a_bucket_that_is_away_for_a_day_leaves_it_where_it_was(files: Files) -> None:
    upload = await refused(files)
    copy, files.blobs.copy = files.blobs.copy, away
    await release(files, upload)
    await land(files.deps)
    assert (await files.now(upload)).state == "cleared"
    files.clock.advance(hours=24)
    await land(files.deps)
    assert (await files.now(upload)).state == "rejected"
    await bury(files.deps)
    assert set(files.blobs.objects) == {f"quarantine/{upload.blob_id}"}
    files.blobs.copy = copy
    await release(files, upload)
    files.clock.advance(seconds=AGAIN.total_seconds())
    await land(files.deps)
    assert (await files.now(upload)).state == "committed"
    assert await acts(files) == ["quarantine.released"] * 2


async def test_whoever_is_killed_between_copy_and_commit_leaves_work_that_is_done_again(files: Files) -> None:
    upload = await refused(files)
    released = await release(files, upload)
    await files.blobs.copy(f"quarantine/{upload.blob_id}", upload.blob_key, etag=released.etag)
    await sweep(files.deps)
    await land(files.deps)
    assert (await files.now(upload)).state == "committed"
    await bury(files.deps)
    assert set(files.blobs.objects) == {upload.blob_key}


async def test_the_reconciler_leaves_what_is_being_released(files: Files) -> None:
    upload = await refused(files)
    files.clock.advance(days=6, hours=23)
    await release(files, upload)
    files.clock.advance(days=3)
    run = await compare(files)
    assert (run.counts.under_way, run.counts.orphans) == (1, 0)


async def test_only_what_is_in_quarantine_can_be_released_or_deleted(files: Files) -> None:
    done = await files.upload()
    for step in (release(files, done), discard_upload(files.deps, operations(files), OPERATOR, done.id)):
        with pytest.raises(StateConflict, match="not in quarantine"):
            await step
