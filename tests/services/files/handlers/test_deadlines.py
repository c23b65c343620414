"""Whoever is away, however long: every upload comes to its end, with a reason that its owner sees."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select, update

from coffer_contracts import media
from coffer_files.handlers.previews import give_up_previews
from coffer_files.handlers.sweeping import sweep
from coffer_files.store.drives import lock_drive
from coffer_files.store.tables import items, uploads
from factories.bytes import asked, away, sent
from factories.databases import Database
from factories.files import Files, envelope, files_on, stored

pytestmark = pytest.mark.slow


@pytest.fixture
async def files(database: Database) -> Any:
    async with files_on(database("coffer_files")) as service:
        yield service


async def test_a_question_that_never_left_is_not_asked_again(files: Files) -> None:
    upload = await asked(files)
    outbox = files.deps.work.tables.outbox
    await files.rows(update(outbox).values(sent_at=None).returning(outbox.c.id))
    for _ in range(5):
        files.clock.advance(minutes=10)
        assert (await sweep(files.deps)).moved == {"received": 1}
    assert len(await files.facts("files.upload.received.v1")) == 1
    assert (await files.now(upload)).attempts == 1
    await sent(files)
    files.clock.advance(minutes=10)
    await sweep(files.deps)
    assert (await files.now(upload)).attempts == 2
    files.clock.advance(hours=24)
    assert (await sweep(files.deps)).moved == {"failed": 1}
    assert (await files.now(upload)).reason == "not_sent"


async def test_bytes_that_vanish_while_a_verdict_is_waited_for_fail_with_that_reason(files: Files) -> None:
    upload = await asked(files)
    await files.blobs.delete([upload.blob_key])
    files.clock.advance(minutes=10)
    assert (await sweep(files.deps)).moved == {"failed": 1}
    failed = await files.now(upload)
    assert (failed.reason, failed.can_retry) == ("bytes_lost", False)
    [fact] = await files.facts("files.upload.failed.v1")
    assert (fact.data.reason, fact.data.detail) == ("bytes_lost", "The bytes are no longer in the bucket.")


async def test_a_bucket_that_is_away_for_ever_keeps_nothing_for_ever(files: Files) -> None:
    created, received = await files.start("a.jpg"), await asked(files, "b.jpg")
    files.blobs.head = away
    for _ in range(6 * 24 * 10):
        await sent(files)
        await sweep(files.deps)
        files.clock.advance(hours=2)
        if all([(await files.now(upload)).rule.is_end for upload in (created, received)]):
            break
    assert [(await files.now(upload)).state for upload in (created, received)] == ["expired", "aborted"]
    assert (await files.drive()).reserved_bytes == 0


async def test_a_commit_that_always_fails_is_put_before_a_person(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = await files.start()
    await files.handle(stored(upload))
    left = update(uploads).where(uploads.c.id == upload.id).values(state="cleared", verdict=None)
    await files.rows(left.returning(uploads.c.id))
    files.clock.advance(minutes=10)
    for _ in range(2):
        assert (await sweep(files.deps)).failures == 1
    files.clock.advance(minutes=10)
    assert (await sweep(files.deps)).moved == {"conflict": 1}
    waiting = await files.now(upload)
    assert (waiting.reason, waiting.deadline_at is not None) == ("commit_failed", True)
    [fact] = await files.facts("files.upload.conflicted.v1")
    assert fact.data.reason == "commit_failed"


async def test_a_drive_that_is_always_busy_holds_nothing_up(files: Files) -> None:
    await files.start()
    files.clock.advance(hours=24)
    async with files.engine.begin() as connection:
        await lock_drive(connection, files.owner.user_id)
        assert (await sweep(files.deps)).moved == {}
        files.clock.advance(minutes=1)
        waiting = asyncio.create_task(sweep(files.deps))
        await files.somebody_waits()
    assert (await waiting).moved == {"expired": 1}


async def test_a_file_does_not_wait_for_its_preview_for_ever(files: Files) -> None:
    done = await files.upload()
    files.clock.advance(hours=23)
    assert await give_up_previews(files.deps) == 0
    files.clock.advance(hours=1)
    assert await give_up_previews(files.deps) == 1
    assert await give_up_previews(files.deps) == 0
    [item] = await files.rows(select(items).where(items.c.id == done.item_id))
    assert (item.preview_status, item.preview_reason) == ("failed", "no_answer")
    image = media.PreviewImage(box_pixels=400, key="previews/b/400", mime_type="image/webp", width=4, height=3, size_bytes=9)
    late = media.PreviewReadyV1(
        item_id=done.item_id, version_id=done.version_id, owner_id=done.owner_id, ancestor_ids=(), blob_id=done.blob_id,
        images=(image,), placeholder="UklGRg==",
    )  # fmt: skip
    await files.handle(envelope(late))
    [item] = await files.rows(select(items).where(items.c.id == done.item_id))
    assert item.preview_status == "ready"
