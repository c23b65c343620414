"""Uploads by form: what a form brings is judged apart from the drive, and copied into it only as it was judged."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from coffer_chassis.blobs import PUT_BYTES
from coffer_chassis.storage import ObjectStored
from coffer_contracts.problems import StateConflict, TooLarge
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.burying import bury
from coffer_files.handlers.forms import sign_form
from coffer_files.handlers.landing import AGAIN, LEASE, land
from coffer_files.handlers.sweeping import sweep
from coffer_files.handlers.uploads import abort_upload, complete_upload, retry_upload
from coffer_files.store.tables import blobs, doomed_blobs
from factories.bytes import arrived, away, posted
from factories.databases import Database
from factories.files import Files, cleared, envelope, files_on, rejected


@pytest.fixture
async def files(database: Database) -> Any:
    """A store of its own: sweeper and lander see to everybody's uploads."""
    async with files_on(database("coffer_files")) as service:
        yield service


async def begun(files: Files, name: str = "a.jpg", **changes: Any) -> Upload:
    return await files.start(name, mode="post_form", **changes)


async def judged(files: Files, name: str = "a.jpg", **changes: Any) -> Upload:
    """A form that was sent and cleared, and not landed yet."""
    upload = await begun(files, name, **changes)
    etag = await posted(files, upload)
    await files.handle(arrived(upload, etag), cleared(upload, etag=etag))
    return await files.now(upload)


async def test_a_form_becomes_a_file_whose_bytes_lie_in_the_drive(files: Files) -> None:
    upload = await begun(files)
    form = sign_form(files.deps, upload)
    assert form is not None
    assert (form.fields["key"], form.fields["length"]) == (f"incoming/{upload.id}", "100")
    etag = await posted(files, upload)
    await files.handle(arrived(upload, etag))
    [asked] = await files.facts("files.upload.received.v1")
    assert (asked.data.blob_key, asked.data.etag) == (f"incoming/{upload.id}", etag)
    await files.handle(cleared(upload, etag=etag))
    assert (await files.now(upload)).state == "cleared"
    assert await land(files.deps) == 1
    done = await files.now(upload)
    assert (done.state, done.landing_key) == ("committed", None)
    [committed] = await files.facts("files.item.committed.v1")
    assert committed.data.content.blob_key == upload.blob_key
    assert await files.blobs.read(upload.blob_key) == b"x" * 100
    await bury(files.deps)
    assert set(files.blobs.objects) == {upload.blob_key}
    drive = await files.drive()
    assert (drive.used_bytes, drive.reserved_bytes) == (100, 0)


async def test_the_copy_tells_of_itself_and_nothing_comes_of_that(files: Files) -> None:
    upload = await judged(files)
    await land(files.deps)
    copied = envelope(ObjectStored(bucket="coffer", key=upload.blob_key, size_bytes=100, etag=upload.etag or ""))
    await files.handle(copied)
    assert (await files.now(upload)).state == "committed"
    assert await files.blobs.head(upload.blob_key)


async def test_a_form_that_was_sent_again_after_the_verdict_is_not_committed(files: Files) -> None:
    upload = await judged(files)
    other = await posted(files, upload, b"y")
    await land(files.deps)
    failed = await files.now(upload)
    assert (failed.state, failed.reason) == ("failed", "bytes_replaced")
    assert await files.rows(select(blobs.c.id)) == []
    assert await files.blobs.head(upload.blob_key) is None
    # What lies there now may be checked, and is what becomes the file then.
    await retry_upload(files.deps, files.owner, files.origin, upload.id)
    await files.handle(cleared(upload, etag=other))
    await land(files.deps)
    assert (await files.now(upload)).state == "committed"
    assert await files.blobs.read(upload.blob_key) == b"y" * 100


async def test_a_form_that_was_sent_again_before_the_verdict_is_judged_anew(files: Files) -> None:
    upload = await begun(files)
    first = await posted(files, upload)
    await files.handle(arrived(upload, first))
    second = await posted(files, upload, b"y")
    await files.handle(arrived(upload, second), cleared(upload, etag=first))
    assert ((await files.now(upload)).state, (await files.now(upload)).etag) == ("received", second)
    await files.handle(cleared(upload, etag=second))
    await land(files.deps)
    assert await files.blobs.read(upload.blob_key) == b"y" * 100


async def test_a_late_word_of_the_first_bytes_is_put_right_by_the_sweeper(files: Files) -> None:
    upload = await begun(files)
    first, second = await posted(files, upload), await posted(files, upload, b"y")
    await files.handle(arrived(upload, second), arrived(upload, first))
    assert (await files.now(upload)).etag == first
    files.clock.advance(minutes=10)
    await sweep(files.deps)
    assert (await files.now(upload)).etag == second


async def test_bytes_that_nobody_reported_are_found_where_the_form_put_them(files: Files) -> None:
    upload = await begun(files)
    await posted(files, upload)
    assert (await sweep(files.deps, grace_seconds=0)).found_in_bucket == 1
    other = await begun(files, "b.jpg")
    await posted(files, other)
    assert (await complete_upload(files.deps, files.owner, files.origin, other.id)).state == "received"


async def test_a_form_that_is_sent_after_the_end_leaves_nothing_behind(files: Files) -> None:
    upload = await judged(files)
    await land(files.deps)
    await bury(files.deps)
    etag = await posted(files, upload, b"z")
    await files.handle(arrived(upload, etag))
    await bury(files.deps)
    assert set(files.blobs.objects) == {upload.blob_key}
    assert await files.blobs.read(upload.blob_key) == b"x" * 100


async def test_what_is_refused_goes_to_quarantine_from_where_the_form_put_it(files: Files) -> None:
    upload = await begun(files)
    etag = await posted(files, upload)
    await files.handle(arrived(upload, etag), rejected(upload, etag=etag))
    await bury(files.deps)
    assert set(files.blobs.objects) == {f"quarantine/{upload.blob_id}"}
    assert await land(files.deps) == 0


async def test_what_is_given_up_is_deleted_where_the_form_put_it(files: Files) -> None:
    upload = await begun(files)
    await posted(files, upload)
    await abort_upload(files.deps, files.owner, files.origin, upload.id)
    files.clock.advance(hours=24)
    await bury(files.deps)
    assert files.blobs.objects == {}


async def test_a_checked_form_cannot_be_given_up_before_it_lands(files: Files) -> None:
    upload = await judged(files)
    with pytest.raises(StateConflict):
        await abort_upload(files.deps, files.owner, files.origin, upload.id)


async def test_a_name_lost_meanwhile_is_a_conflict_with_the_bytes_in_the_drive(files: Files) -> None:
    upload = await judged(files)
    await files.upload("a.jpg")
    await land(files.deps)
    waiting = await files.now(upload)
    assert (waiting.state, waiting.landing_key) == ("conflict", None)
    assert await files.blobs.head(upload.blob_key)
    await abort_upload(files.deps, files.owner, files.origin, upload.id)
    await bury(files.deps)
    assert upload.blob_key not in files.blobs.objects


async def test_a_copy_made_by_one_who_was_killed_is_taken_over_even_if_the_form_was_sent_again(files: Files) -> None:
    upload = await judged(files)
    await files.blobs.copy(f"incoming/{upload.id}", upload.blob_key)
    await posted(files, upload, b"y")
    await land(files.deps)
    assert (await files.now(upload)).state == "committed"
    assert await files.blobs.read(upload.blob_key) == b"x" * 100


async def test_whoever_was_killed_with_uploads_in_hand_leaves_them_to_the_next(files: Files) -> None:
    upload = await judged(files)
    killed = files.blobs.copy

    async def dies(*_: Any, **__: Any) -> Any:
        raise asyncio.CancelledError

    files.blobs.copy = dies
    with pytest.raises(asyncio.CancelledError):
        await land(files.deps)
    files.blobs.copy = killed
    assert await land(files.deps) == 0
    files.clock.advance(seconds=LEASE.total_seconds())
    assert await land(files.deps) == 1
    assert (await files.now(upload)).state == "committed"


async def test_two_who_land_the_same_upload_make_one_file(files: Files) -> None:
    upload = await judged(files)
    copied = files.blobs.copy

    async def slow(*arguments: Any, **named: Any) -> Any:
        files.blobs.copy = copied
        files.clock.advance(seconds=LEASE.total_seconds())
        assert await land(files.deps) == 1
        return await copied(*arguments, **named)

    files.blobs.copy = slow
    await land(files.deps)
    assert (await files.now(upload)).state == "committed"
    assert len(await files.facts("files.item.committed.v1")) == 1
    assert (await files.drive()).used_bytes == 100


async def test_a_bucket_that_is_away_is_asked_again_and_given_up_after_a_day(files: Files) -> None:
    upload = await judged(files)
    there = files.blobs.copy
    files.blobs.copy = away
    assert await land(files.deps) == 0
    await sweep(files.deps)
    files.clock.advance(seconds=AGAIN.total_seconds())
    assert await land(files.deps) == 0
    files.clock.advance(minutes=11)
    await sweep(files.deps)
    assert (await files.now(upload)).state == "cleared"
    files.clock.advance(days=1)
    await land(files.deps)
    failed = await files.now(upload)
    assert (failed.state, failed.reason) == ("failed", "bucket_away")
    files.blobs.copy = there
    await retry_upload(files.deps, files.owner, files.origin, upload.id)
    await files.handle(cleared(upload, etag=failed.etag or ""))
    assert await land(files.deps) == 1
    assert (await files.now(upload)).state == "committed"


async def test_bytes_that_vanish_before_they_land_fail_with_the_reason(files: Files) -> None:
    upload = await judged(files)
    await files.blobs.delete([f"incoming/{upload.id}"])
    await land(files.deps)
    assert ((await files.now(upload)).state, (await files.now(upload)).reason) == ("failed", "bytes_gone")


async def test_a_commit_that_fails_after_the_landing_is_made_up_for_by_the_sweeper(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = await judged(files)
    with monkeypatch.context() as broken:
        broken.setattr("coffer_files.handlers.landing.commit_upload", away)
        await land(files.deps)
    landed = await files.now(upload)
    assert (landed.state, landed.landing_key) == ("cleared", None)
    files.clock.advance(minutes=2)
    await sweep(files.deps)
    assert (await files.now(upload)).state == "committed"


async def test_a_word_of_a_form_that_belongs_to_no_upload_is_left_alone(files: Files) -> None:
    await files.start()
    stray = "incoming/0193439e-8a5c-7000-8000-00000000dead"
    await files.handle(envelope(ObjectStored(bucket="coffer", key=stray, size_bytes=1, etag="e")))
    assert await files.rows(select(doomed_blobs.c.key).where(doomed_blobs.c.key == stray)) == []


async def test_a_form_longer_than_the_bucket_copies_is_not_offered(files: Files) -> None:
    with pytest.raises(TooLarge):
        await begun(files, size=PUT_BYTES + 1)
