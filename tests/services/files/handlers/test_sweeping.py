"""The safety net: whatever message was lost, every upload comes to an end, and no byte stays behind."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select, update

from coffer_chassis.blobs import BlobMissing
from coffer_files.handlers import sweeping
from coffer_files.handlers.burying import bury
from coffer_files.handlers.receiving import dispatch_waiting
from coffer_files.handlers.sweeping import SweepReport, forget, sweep
from coffer_files.handlers.uploads import abort_upload
from coffer_files.store.changes import forget_before
from coffer_files.store.tables import changes, doomed_blobs, uploads
from factories.bytes import asked, put, sent
from factories.databases import Database
from factories.files import Files, cleared, files_on, person, rejected, stored


@pytest.fixture
async def files(database: Database) -> Any:
    async with files_on(database("coffer_files")) as service:
        yield service


async def reserved(files: Files) -> Any:
    return (await files.drive()).reserved_bytes


async def test_finds_bytes_that_nobody_reported(files: Files) -> None:
    upload = await files.start()
    etag = await put(files, upload)
    assert await sweep(files.deps) == SweepReport()
    files.clock.advance(seconds=120)
    assert await sweep(files.deps) == SweepReport(found_in_bucket=1)
    assert (await files.now(upload)).etag == etag
    assert await sweep(files.deps) == SweepReport()


async def test_looks_at_once_when_told_that_messages_were_lost(files: Files) -> None:
    upload = await files.start()
    await put(files, upload)
    assert (await sweep(files.deps, grace_seconds=0)).found_in_bucket == 1
    assert (await files.now(upload)).state == "received"


@pytest.mark.slow
async def test_looks_less_and_less_often_for_bytes_that_do_not_come(files: Files) -> None:
    await files.start()
    looks: list[str] = []
    files.blobs.head = counting(files.blobs.head, looks)
    for _ in range(24 * 60 - 1):
        files.clock.advance(minutes=1)
        await sweep(files.deps)
    assert 20 < len(looks) < 40


def counting(function: Any, calls: Any) -> Any:
    async def counted(key: Any) -> Any:
        calls.append(key)
        return await function(key)

    return counted


async def test_a_bucket_that_fails_is_asked_again_later(files: Files) -> None:
    upload = await files.start()
    await put(files, upload)
    head, files.blobs.head = files.blobs.head, failing
    files.clock.advance(minutes=2)
    assert (await sweep(files.deps)).failures == 1
    files.blobs.head = head
    files.clock.advance(minutes=2)
    assert (await sweep(files.deps)).found_in_bucket == 1


async def failing(_key: Any) -> Any:
    raise ConnectionError("the bucket does not answer")


async def test_asks_the_media_worker_again_and_then_gives_up(files: Files) -> None:
    upload = await asked(files)
    for attempt in (2, 3, 4):
        files.clock.advance(minutes=10)
        assert (await sweep(files.deps)).moved == {"received": 1}
        assert (await files.now(upload)).attempts == attempt
        await sent(files)
    files.clock.advance(minutes=10)
    assert (await sweep(files.deps)).moved == {"failed": 1}
    done = await files.now(upload)
    assert (done.state, done.reason) == ("failed", "no_verdict")
    told = [fact for fact in await files.facts() if fact.subject == f"upload/{upload.id}"]
    assert [fact.type.split(".")[2] for fact in told] == ["received"] * 4 + ["failed"]
    assert [fact.data.attempt for fact in told[:4]] == [1, 2, 3, 4]
    assert sorted({fact.revision for fact in told}) == [fact.revision for fact in told]
    files.clock.advance(days=7)
    assert (await sweep(files.deps)).moved == {"aborted": 1}
    assert await reserved(files) == 0


async def test_a_verdict_that_comes_after_it_was_given_up_still_makes_a_file(files: Files) -> None:
    upload = await asked(files)
    for _ in range(4):
        await sent(files)
        files.clock.advance(minutes=10)
        await sweep(files.deps)
    given_up = await files.now(upload)
    assert given_up.state == "failed"
    verdict = cleared(upload, etag=given_up.etag or "")
    await files.handle(verdict, verdict)
    done = await files.now(upload)
    assert (done.state, done.reason) == ("committed", None)
    assert [step.step for step in done.steps][-4:] == ["failed", "received", "cleared", "committed"]
    assert await reserved(files) == 0


async def test_an_upload_that_nobody_finishes_expires(files: Files) -> None:
    upload = await files.start()
    files.clock.advance(hours=24)
    assert (await sweep(files.deps)).moved == {"expired": 1}
    assert await reserved(files) == 0
    [fact] = await files.facts("files.upload.expired.v1")
    assert fact.data.upload_id == upload.id
    await put(files, upload)
    await files.handle(stored(upload))
    assert await bury(files.deps) == 1
    assert await files.blobs.head(upload.blob_key) is None


async def test_bytes_that_came_in_time_keep_an_upload_from_expiring_also_while_the_bucket_is_away(files: Files) -> None:
    upload = await files.start()
    await put(files, upload)
    head, files.blobs.head = files.blobs.head, failing
    files.clock.advance(hours=24)
    await sweep(files.deps)
    assert (await files.now(upload)).state == "created"
    files.blobs.head = head
    await sweep(files.deps)
    assert (await files.now(upload)).state == "received"


async def test_a_conflict_that_nobody_resolves_expires(files: Files) -> None:
    first, second = await files.start(), await files.start()
    await files.handle(stored(first), stored(second), cleared(first), cleared(second))
    files.clock.advance(days=7)
    assert (await sweep(files.deps)).moved == {"expired": 1}
    assert (await files.now(second)).state == "expired"
    assert await reserved(files) == 0


async def test_an_upload_left_between_verdict_and_commit_is_committed(files: Files) -> None:
    upload = await files.start()
    await files.handle(stored(upload))
    verdict = {
        "cleared": True, "etag": "e1", "mime_type": "image/jpeg", "media_kind": "image", "flags": [], "width": None,
        "height": None, "previewable": True, "reason": None, "detail": None,
    }  # fmt: skip
    left = update(uploads).where(uploads.c.id == upload.id).values(state="cleared", verdict=verdict)
    await files.rows(left.returning(uploads.c.id))
    files.clock.advance(minutes=10)
    assert (await sweep(files.deps)).moved == {"committed": 1}
    assert (await files.now(upload)).state == "committed"


async def test_dispatches_what_was_left_waiting(files: Files) -> None:
    upload = await files.start()
    await files.handle(stored(upload))
    waiting = update(uploads).where(uploads.c.id == upload.id).values(dispatched_at=None, deadline_at=None, attempts=0)
    await files.rows(waiting.returning(uploads.c.id))
    assert (await sweep(files.deps)).dispatched == 1
    assert (await files.now(upload)).attempts == 1


async def test_a_drive_that_cannot_be_looked_after_does_not_keep_others_from_their_turn(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = [person(f"00000000-0000-7000-8000-00000000000{number}") for number in range(2)]
    waiting: list[Any] = []
    for files.owner in owners:
        waiting.append(await files.start())
        await files.handle(stored(waiting[-1]))
    await files.rows(update(uploads).values(dispatched_at=None, attempts=0).returning(uploads.c.id))

    async def broken_for_the_first(unit: Any, deps: Any, owner_id: Any) -> int:
        if owner_id == owners[0].user_id:
            raise ValueError("an event has 70000 bytes")
        return await dispatch_waiting(unit, deps, owner_id)

    monkeypatch.setattr(sweeping, "dispatch_waiting", broken_for_the_first)
    report = await sweep(files.deps)
    assert (report.dispatched, report.failures) == (1, 1)
    assert [(await files.now(upload)).attempts for upload in waiting] == [0, 1]


@pytest.mark.slow
async def test_many_sweepers_do_nothing_twice(files: Files) -> None:
    begun = [await files.start(f"{number}.jpg") for number in range(20)]
    for upload in begun[:10]:
        await put(files, upload)
    files.clock.advance(minutes=2)
    reports = await asyncio.gather(*(sweep(files.deps) for _ in range(4)))
    assert sum(report.found_in_bucket for report in reports) == 10
    assert len(await files.facts("files.upload.received.v1")) == 10
    files.clock.advance(hours=24)
    await asyncio.gather(*(sweep(files.deps) for _ in range(4)))
    await sweep(files.deps)  # one drive: whoever found it locked passed it over
    assert len(await files.facts("files.upload.expired.v1")) == 10


async def test_refused_bytes_are_moved_to_quarantine(files: Files) -> None:
    upload = await files.start()
    etag = await put(files, upload)
    await files.handle(stored(upload, etag=etag), rejected(upload, etag=etag))
    assert await bury(files.deps) == 1
    assert await files.blobs.head(upload.blob_key) is None
    assert (await files.blobs.head(f"quarantine/{upload.blob_id}")).etag == etag
    assert await bury(files.deps) == 0
    assert await files.rows(select(doomed_blobs)) == []


async def test_a_crash_between_copy_and_note_is_made_good(files: Files) -> None:
    upload = await files.start()
    etag = await put(files, upload)
    await files.handle(stored(upload, etag=etag), rejected(upload, etag=etag))
    delete, files.blobs.delete = files.blobs.delete, failing
    with pytest.raises(ConnectionError):
        await bury(files.deps)
    files.blobs.delete = delete
    assert await bury(files.deps) == 0
    files.clock.advance(minutes=10)
    assert await bury(files.deps) == 1
    assert await files.blobs.head(upload.blob_key) is None


async def test_a_copy_that_fails_is_tried_again_later_and_says_why(files: Files) -> None:
    upload = await files.start()
    etag = await put(files, upload)
    await files.handle(stored(upload, etag=etag), rejected(upload, etag=etag))
    copy, files.blobs.copy = files.blobs.copy, failing_copy
    assert await bury(files.deps) == 0
    [row] = await files.rows(select(doomed_blobs))
    assert "does not answer" in row.last_error
    assert await files.blobs.head(upload.blob_key) is not None
    files.blobs.copy = copy
    files.clock.advance(minutes=1)
    assert await bury(files.deps) == 1
    with pytest.raises(BlobMissing):
        await files.blobs.read(upload.blob_key)


async def failing_copy(_source: Any, _target: Any, *, etag: Any = None) -> Any:
    raise ConnectionError("the bucket does not answer")


async def test_bytes_that_come_while_others_are_deleted_are_deleted_too(files: Files) -> None:
    upload = await files.start()
    await files.handle(stored(upload))
    files.clock.advance(days=30)
    await sweep(files.deps)
    files.clock.advance(days=30)
    await sweep(files.deps)
    aborted = await files.start("b.jpg")
    await abort_upload(files.deps, files.owner, files.origin, aborted.id)
    files.clock.advance(hours=24)
    delete = files.blobs.delete

    async def delete_while_bytes_come(keys: Any) -> Any:
        await delete(keys)
        files.blobs.delete = delete
        await put(files, aborted)
        await files.handle(stored(aborted))

    files.blobs.delete = delete_while_bytes_come
    await bury(files.deps)
    await bury(files.deps)
    assert await files.blobs.head(aborted.blob_key) is None
    assert await files.rows(select(doomed_blobs).where(doomed_blobs.c.key == aborted.blob_key)) == []


async def test_forgets_what_is_long_over(files: Files) -> None:
    done, open_ = await files.upload(), await files.start("b.jpg")
    files.clock.advance(days=31)
    assert await forget(files.deps) > 0
    assert [row.id for row in await files.rows(select(uploads.c.id))] == [open_.id]
    assert await files.rows(select(changes)) == []
    assert done.state == "committed"


async def test_forgets_a_long_feed_a_slice_at_a_time(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("coffer_chassis.forgetting", "coffer_files.handlers.sweeping"):
        monkeypatch.setattr(f"{module}.SLICE", 2)
    for number in range(5):
        await files.upload(f"done-{number}.jpg")
    files.clock.advance(days=31)
    async with files.engine.begin() as connection:
        assert await forget_before(connection, files.clock.now()) == 2
    await forget(files.deps)
    assert await files.rows(select(changes)) == []


async def test_uploads_that_cannot_be_looked_after_do_not_keep_others_waiting(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coffer_files.handlers.sweeping.PAGE", 2)
    stuck = {(await files.start(name=f"stuck-{number}")).blob_key for number in range(3)}
    files.clock.advance(seconds=1)
    last = await files.start(name="last")
    files.clock.advance(hours=25)
    head = files.blobs.head

    async def broken_for_some(key: str) -> Any:
        if key in stuck:
            raise ConnectionError("the bucket does not answer")
        return await head(key)

    monkeypatch.setattr(files.blobs, "head", broken_for_some)
    report = await sweep(files.deps)
    assert report.moved == {"expired": 1}
    assert report.failures >= 3
    assert (await files.now(last)).state == "expired"
