"""Uploads in parts: what is signed, what is put together, and what is refused, whoever comes when and however often."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from coffer_chassis.idempotency import claim
from coffer_chassis.multiparts import MultipartMissing
from coffer_contracts.problems import (
    ChecksumMismatch,
    Forbidden,
    IdempotencyKeyReuse,
    NotFound,
    SizeMismatch,
    StateConflict,
    UploadExpired,
    UploadIncomplete,
    ValidationFailed,
)
from coffer_files.domain.content import BLOCK_BYTES
from coffer_files.domain.uploads import Upload
from coffer_files.handlers import announcing
from coffer_files.handlers import uploads as commands
from coffer_files.handlers.burying import bury
from coffer_files.handlers.multiparts import abort_multiparts
from coffer_files.handlers.parts import FIRST_PARTS, collect_parts, sign_missing
from coffer_files.handlers.sending import look_at_upload, sign_parts
from coffer_files.handlers.sweeping import sweep
from coffer_files.store.tables import doomed_blobs, upload_digests, uploads, versions
from factories.bytes import away
from factories.files import Files, cleared, files_on, origin_of, person, stored
from factories.parts import SIZE, content, digest, digests, part, send_parts, whole_hash


@pytest.fixture
async def files(store: str) -> Any:
    async with files_on(store, default_quota_bytes=10**15) as service:
        yield service


async def begun(files: Files, **changes: Any) -> Upload:
    return await files.start("film.mp4", **{"size": SIZE, "blocks_sha256": digests(), **changes})


async def complete(files: Files, upload: Upload, named: Any = None, used: Any = None) -> Upload:
    done, _ = await commands.complete_once(files.deps, files.owner, files.origin, used, upload.id, named=named)
    return done


async def held(files: Files) -> tuple[int, int]:
    drive = await files.drive()
    return drive.used_bytes, drive.reserved_bytes


async def numbers_signed(files: Files, upload: Upload, *numbers: int, sha256: Any = None) -> list[int]:
    _, signed = await sign_parts(files.deps, files.owner, upload.id, numbers, sha256)
    return [one.number for one in signed]


def steps(upload: Upload) -> list[str]:
    return [step.step for step in upload.steps]


@pytest.mark.parametrize(
    ("size", "mode", "strategy", "count"),
    [
        (BLOCK_BYTES, "auto", "single", 1),
        (BLOCK_BYTES + 1, "auto", "multipart", 2),
        (0, "multipart", "multipart", 1),
        (3, "multipart", "multipart", 1),
        (2 * BLOCK_BYTES, "single", "single", 1),
        (10_000 * BLOCK_BYTES, "auto", "multipart", 10_000),
        (10_000 * BLOCK_BYTES + 1, "auto", "multipart", 5001),
    ],
)
async def test_length_and_wish_decide_how_bytes_travel(files: Files, size: int, mode: Any, strategy: str, count: int) -> None:
    upload = await files.start(f"{size}.{mode}", size, mode=mode)
    assert (upload.strategy, upload.multipart_id is not None) == (strategy, strategy == "multipart")
    signed = await sign_missing(files.deps, upload)
    assert len(signed) == (min(count, FIRST_PARTS) if strategy == "multipart" else 0)
    assert (announcing.sign_put(files.deps, upload) is None) is (strategy == "multipart")


async def test_signed_parts_bind_length_and_checksum_and_end_with_the_upload(files: Files) -> None:
    upload = await begun(files)
    first, _, last = await sign_missing(files.deps, upload)
    assert [first.request.headers[name] for name in ("content-length", "x-amz-checksum-sha256")] == [
        str(BLOCK_BYTES),
        digests()[0],
    ]
    assert [last.request.headers[name] for name in ("content-length", "x-amz-checksum-sha256")] == ["1000", digests()[2]]
    assert first.expires_at == files.clock.now() + timedelta(hours=24) == upload.deadline_at
    files.clock.advance(hours=24)
    assert await sign_missing(files.deps, upload) == []
    plain = await begun(files, blocks_sha256=None)
    assert [dict(one.request.headers) for one in await sign_missing(files.deps, plain)] == [
        {"content-length": str(length)} for length in (BLOCK_BYTES, BLOCK_BYTES, 1000)
    ]


async def test_signing_costs_no_question_to_the_bucket(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = await begun(files)
    for name in ("head", "parts", "begin_multipart"):
        monkeypatch.setattr(files.blobs, name, away)
    files.statements.clear()
    assert await numbers_signed(files, upload, 3, 1) == [3, 1]
    assert len([one for one in files.statements if one.startswith(("SELECT", "UPDATE"))]) == 2


async def test_parts_become_a_file_whose_hash_the_bucket_has_checked(files: Files) -> None:
    upload = await begun(files)
    await send_parts(files, upload, 3, 1, 2)
    received = await complete(files, upload)
    assert (received.state, received.multipart_id) == ("received", None)
    assert received.etag is not None
    assert received.etag.endswith("-3")
    assert await held(files) == (0, SIZE)
    await files.handle(stored(upload, etag=received.etag), cleared(upload, etag=received.etag))
    done = await complete(files, upload)
    assert done.state == "committed"
    assert await held(files) == (SIZE, 0)
    [version] = await files.rows(select(versions).where(versions.c.id == done.version_id))
    assert version.content_hash == whole_hash(digests())
    assert await files.blobs.read(upload.blob_key) == content()
    assert files.blobs.multiparts == set()
    assert await files.rows(select(upload_digests).where(upload_digests.c.upload_id == upload.id)) == []
    assert steps(done) == ["created", "assembling", "received", "dispatched", "cleared", "committed"]


async def test_completing_tells_what_is_missing_and_waits_on(files: Files) -> None:
    upload = await begun(files)
    sent = await send_parts(files, upload, 1, 3)
    for named in (None, sent):
        with pytest.raises(UploadIncomplete) as refusal:
            await complete(files, upload, named)
        assert refusal.value.extensions == {"missing_parts": [2]}
    _, standing, signed = await look_at_upload(files.deps, files.owner, upload.id)
    assert standing is not None
    assert ([one.number for one in standing.done], standing.missing) == ([1, 3], [2])
    assert [one.number for one in signed] == [2]
    second = await send_parts(files, upload, 2)
    assert (await complete(files, upload, [*sent, *second])).state == "received"


async def test_parts_may_be_named_in_any_order_but_not_twice_or_beyond_the_end(files: Files) -> None:
    upload = await begun(files)
    sent = await send_parts(files, upload)
    for named in ([*sent, sent[0]], [replace(sent[0], number=4)]):
        with pytest.raises(ValidationFailed):
            await complete(files, upload, named)
    with pytest.raises(ChecksumMismatch) as refusal:
        await complete(files, upload, [sent[0], replace(sent[1], etag="0" * 32), sent[2]])
    assert refusal.value.extensions == {"parts": [2]}
    assert (await complete(files, upload, sent[::-1])).state == "received"


async def test_a_part_of_another_length_is_told_and_can_be_sent_again(files: Files) -> None:
    upload = await begun(files, blocks_sha256=None)
    await send_parts(files, upload)
    await files.blobs.put_part(upload.blob_key, upload.multipart_id, 2, part(2)[:-1])
    with pytest.raises(SizeMismatch) as refusal:
        await complete(files, upload)
    assert refusal.value.extensions == {"expected": BLOCK_BYTES, "actual": BLOCK_BYTES - 1, "parts": [2]}
    _, standing, _ = await look_at_upload(files.deps, files.owner, upload.id)
    assert standing is not None
    assert standing.missing == [2]
    await send_parts(files, upload, 2)
    assert (await complete(files, upload)).state == "received"


async def test_a_part_with_other_bytes_than_announced_is_told_even_if_the_bucket_took_it(files: Files) -> None:
    upload = await begun(files)
    await send_parts(files, upload)
    wrong = part(2)[::-1]
    await files.blobs.put_part(upload.blob_key, upload.multipart_id, 2, wrong, sha256=digest(wrong))
    with pytest.raises(ChecksumMismatch) as refusal:
        await complete(files, upload)
    assert refusal.value.extensions == {"parts": [2]}
    assert (await files.now(upload)).state == "created"
    assert await files.blobs.head(upload.blob_key) is None


async def test_an_object_with_another_checksum_than_announced_fails_for_good(files: Files) -> None:
    upload = await begun(files)
    other = await files.blobs.begin_multipart(upload.blob_key, content_type="video/mp4", hashed=True)
    stray = replace(upload, multipart_id=other)
    await send_parts(files, stray, whole=content(seed=1))
    await files.blobs.complete_multipart(upload.blob_key, other, await files.blobs.parts(upload.blob_key, other), hashed=True)
    files.blobs.lose_multiparts()
    failed = await complete(files, upload)
    assert (failed.state, failed.reason, failed.can_retry) == ("failed", "checksum_mismatch", False)
    with pytest.raises(ChecksumMismatch):
        await commands.retry_upload(files.deps, files.owner, files.origin, upload.id)
    assert await held(files) == (0, SIZE)


async def test_checksums_may_be_given_part_by_part(files: Files) -> None:
    upload = await begun(files, blocks_sha256=None, parts_sha256=True)
    assert await sign_missing(files.deps, upload) == []
    with pytest.raises(ValidationFailed, match="part 1 is not known"):
        await numbers_signed(files, upload, 1)
    with pytest.raises(ValidationFailed):
        await numbers_signed(files, upload, 1, 2, sha256=digests()[:1])
    assert await numbers_signed(files, upload, 1, 2, 3, sha256=digests()) == [1, 2, 3]
    await send_parts(files, upload)
    assert (await complete(files, upload)).content_hash == whole_hash(digests())


async def test_checksums_that_do_not_fit_what_was_announced_are_refused(files: Files) -> None:
    upload, plain = await begun(files), await begun(files, blocks_sha256=None)
    with pytest.raises(ChecksumMismatch) as refusal:
        await numbers_signed(files, upload, 1, 2, sha256=[digests()[0], digests()[0]])
    assert refusal.value.extensions == {"parts": [2]}
    with pytest.raises(ValidationFailed, match="without checksums"):
        await numbers_signed(files, plain, 1, sha256=digests()[:1])
    with pytest.raises(ValidationFailed, match="no part 4"):
        await numbers_signed(files, plain, 4)


async def test_parts_longer_than_a_block_have_no_content_hash(files: Files) -> None:
    upload = await begun(files, size=10_000 * BLOCK_BYTES + 1, blocks_sha256=None, parts_sha256=True)
    assert upload.part_bytes == 2 * BLOCK_BYTES
    _, [signed] = await sign_parts(files.deps, files.owner, upload.id, [5001], [digest(b"x")])
    assert signed.request.headers == {"content-length": "1", "x-amz-checksum-sha256": digest(b"x")}
    assert upload.content_hash is None


async def test_an_empty_file_can_come_in_one_empty_part(files: Files) -> None:
    upload = await begun(files, size=0, blocks_sha256=(digest(b""),), mode="multipart")
    await send_parts(files, upload, whole=b"")
    assert (await complete(files, upload)).state == "received"


async def test_only_the_uploader_is_given_addresses(files: Files) -> None:
    upload = await begun(files)
    with pytest.raises(NotFound):
        await sign_parts(files.deps, person(), upload.id, [1], None)
    sender = person()
    theirs = uploads.update().where(uploads.c.id == upload.id).values(uploader_id=sender.user_id)
    await files.rows(theirs.returning(uploads.c.id))
    with pytest.raises(Forbidden):
        await numbers_signed(files, upload, 1)
    _, standing, signed = await look_at_upload(files.deps, files.owner, upload.id)
    assert standing is not None
    assert signed == []
    _, found = await sign_parts(files.deps, sender, upload.id, [1], None)
    assert len(found) == 1


async def test_no_addresses_for_what_needs_none(files: Files) -> None:
    single, received, ended = await files.start(), await begun(files), await begun(files)
    await send_parts(files, received)
    await complete(files, received)
    await commands.abort_upload(files.deps, files.owner, files.origin, ended.id)
    for upload, refusal in ((single, StateConflict), (received, StateConflict), (ended, UploadExpired)):
        with pytest.raises(refusal):
            await numbers_signed(files, upload, 1)


async def test_completing_at_once_has_one_effect(files: Files) -> None:
    upload = await begun(files)
    await send_parts(files, upload)
    ends = await asyncio.gather(*(complete(files, upload) for _ in range(4)))
    assert {end.state for end in ends} == {"received"}
    assert [fact.data.upload_id for fact in await files.facts("files.upload.received.v1")].count(upload.id) == 1
    assert steps(await files.now(upload)).count("assembling") == 1


async def test_completing_is_repeated_under_its_key_and_no_other_request_is(files: Files) -> None:
    upload = await begun(files)
    sent = await send_parts(files, upload)

    def used(body: Any) -> Any:
        return claim("k", principal=files.owner.grantee, route=f"complete {upload.id}", body=body)

    answers = [
        await commands.complete_once(files.deps, files.owner, files.origin, used({}), upload.id, named=sent) for _ in range(2)
    ]
    assert [(end.state, replayed) for end, replayed in answers] == [("received", False), ("received", True)]
    with pytest.raises(IdempotencyKeyReuse):
        await commands.complete_once(files.deps, files.owner, files.origin, used({"parts": []}), upload.id)


async def test_a_start_that_is_repeated_under_its_key_collects_in_the_same_place(files: Files) -> None:
    used = claim("k", principal=files.owner.grantee, route="start", body={})
    announced = announcing.Announcement(parent="root", name="a.mp4", size_bytes=SIZE, blocks_sha256=digests())
    starts = [await announcing.start_upload(files.deps, files.owner, files.origin, used, announced) for _ in range(2)]
    assert starts[0][0].multipart_id == starts[1][0].multipart_id
    assert [replayed for _, replayed in starts] == [False, True]


async def test_a_start_whose_bucket_is_away_holds_no_room_unless_it_can_be_repeated(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(files.blobs, "begin_multipart", away)
        with pytest.raises(ConnectionError):
            await begun(files)
        assert await held(files) == (0, 0)
        used = claim("k", principal=files.owner.grantee, route="start", body={})
        announced = announcing.Announcement(parent="root", name="a.mp4", size_bytes=SIZE)
        with pytest.raises(ConnectionError):
            await announcing.start_upload(files.deps, files.owner, files.origin, used, announced)
        assert await held(files) == (0, SIZE)
    upload, replayed = await announcing.start_upload(files.deps, files.owner, files.origin, used, announced)
    assert replayed
    assert upload.multipart_id is not None


async def test_two_who_begin_to_collect_at_once_agree(files: Files) -> None:
    upload = await begun(files)
    await files.rows(uploads.update().where(uploads.c.id == upload.id).values(multipart_id=None).returning(uploads.c.id))
    files.blobs.lose_multiparts()
    both = await asyncio.gather(*(collect_parts(files.deps, replace(upload, multipart_id=None)) for _ in range(2)))
    assert both[0].multipart_id == both[1].multipart_id
    assert {one.multipart_id for one in files.blobs.multiparts} == {both[0].multipart_id}


@pytest.mark.slow
@pytest.mark.parametrize("finds_out", ["look", "complete", "sweep"])
async def test_parts_that_the_bucket_lost_are_sent_again_into_the_same_upload(files: Files, finds_out: str) -> None:
    upload = await begun(files)
    await send_parts(files, upload, 1)
    files.blobs.lose_multiparts()
    if finds_out == "look":
        _, standing, signed = await look_at_upload(files.deps, files.owner, upload.id)
        assert standing is not None
        assert standing.missing == [one.number for one in signed] == [1, 2, 3]
    elif finds_out == "complete":
        with pytest.raises(UploadIncomplete) as refusal:
            await complete(files, upload)
        assert refusal.value.extensions == {"missing_parts": [1, 2, 3]}
    else:
        await sweep(files.deps, grace_seconds=0)
    assert ((await files.now(upload)).multipart_id is None) is (finds_out != "look")
    assert await numbers_signed(files, upload, 1, 2, 3) == [1, 2, 3]
    again = await files.now(upload)
    assert again.multipart_id not in {None, upload.multipart_id}
    await send_parts(files, again)
    assert steps(await complete(files, again))[:3] == ["created", "parts_lost", "assembling"]


async def test_a_process_that_dies_before_or_after_the_bucket_put_them_together_loses_nothing(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = await begun(files), await begun(files, blocks_sha256=None, parts_sha256=True)
    for upload in (before, after):
        await send_parts(files, upload)
    with monkeypatch.context() as patch:
        patch.setattr(files.blobs, "complete_multipart", away)
        with pytest.raises(ConnectionError):
            await complete(files, before)
    with monkeypatch.context() as patch:
        patch.setattr(commands, "receive_upload", away)
        with pytest.raises(ConnectionError):
            await complete(files, after)
    head = await files.blobs.head(after.blob_key)
    assert head is not None
    await files.handle(stored(after, etag=head.etag))
    assert (await files.now(after)).state == "received"
    assert (await files.now(after)).content_hash == whole_hash(digests())
    assert (await complete(files, before)).state == "received"


async def test_the_answer_of_the_bucket_may_be_lost(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = await begun(files)
    await send_parts(files, upload)
    finish = files.blobs.complete_multipart

    async def done_but_unanswered(*arguments: Any, **more: Any) -> Any:
        await finish(*arguments, **more)
        raise MultipartMissing(upload.multipart_id)

    monkeypatch.setattr(files.blobs, "complete_multipart", done_but_unanswered)
    assert (await complete(files, upload)).state == "received"


async def test_giving_up_while_parts_are_put_together_ends_without_bytes(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = await begun(files)
    await send_parts(files, upload)
    finish = files.blobs.complete_multipart

    async def given_up_meanwhile(*arguments: Any, **more: Any) -> Any:
        await commands.abort_upload(files.deps, files.owner, files.origin, upload.id)
        return await finish(*arguments, **more)

    monkeypatch.setattr(files.blobs, "complete_multipart", given_up_meanwhile)
    assert (await complete(files, upload)).state == "aborted"
    assert await held(files) == (0, 0)
    await bury(files.deps)
    assert await files.blobs.head(upload.blob_key) is None


async def test_giving_up_before_they_are_put_together_is_seen(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = await begun(files)
    await send_parts(files, upload)
    look = files.blobs.parts

    async def given_up_meanwhile(*arguments: Any) -> Any:
        found = await look(*arguments)
        await commands.abort_upload(files.deps, files.owner, files.origin, upload.id)
        await bury(files.deps)
        return found

    monkeypatch.setattr(files.blobs, "parts", given_up_meanwhile)
    assert (await complete(files, upload)).state == "aborted"
    assert await files.blobs.head(upload.blob_key) is None


async def test_giving_up_aborts_in_the_bucket_however_long_that_is_away(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = await begun(files)
    await send_parts(files, upload, 1)
    await commands.abort_upload(files.deps, files.owner, files.origin, upload.id)
    with monkeypatch.context() as patch:
        patch.setattr(files.blobs, "abort_multipart", away)
        await bury(files.deps)
    assert len(files.blobs.multiparts) == 1
    files.clock.advance(minutes=11)
    await bury(files.deps)
    assert files.blobs.multiparts == set()
    assert await files.rows(select(doomed_blobs).where(doomed_blobs.c.key == upload.blob_key)) == []
    assert await held(files) == (0, 0)


async def test_the_sweeper_puts_together_what_nobody_reported(files: Files) -> None:
    upload, partly = await begun(files), await begun(files)
    await send_parts(files, upload)
    await send_parts(files, partly, 1, 2)
    files.clock.advance(minutes=3)
    assert (await sweep(files.deps)).found_in_bucket == 1
    assert (await files.now(upload)).state == "received"
    assert (await files.now(partly)).state == "created"


@pytest.mark.slow
async def test_activity_keeps_an_upload_open_for_seven_days_and_no_longer(files: Files) -> None:
    upload = await begun(files)
    began = files.clock.now()
    for _ in range(9):
        files.clock.advance(hours=18)
        await numbers_signed(files, upload, 1)
        await sweep(files.deps)
        await abort_multiparts(files.deps)
    open_ = await files.now(upload)
    assert (open_.state, open_.deadline_at) == ("created", began + timedelta(days=7))
    assert {one.multipart_id for one in files.blobs.multiparts} == {upload.multipart_id}
    files.clock.advance(hours=7)
    await sweep(files.deps)
    assert (await files.now(upload)).state == "expired"
    await bury(files.deps)
    assert files.blobs.multiparts == set()
    assert await held(files) == (0, 0)


async def test_parts_that_come_are_activity_too(files: Files) -> None:
    upload = await begun(files)
    files.clock.advance(hours=20)
    await send_parts(files, upload, 1)
    files.clock.advance(hours=5)
    await sweep(files.deps)
    kept = await files.now(upload)
    assert (kept.state, kept.deadline_at) == ("created", files.clock.now() + timedelta(hours=19))
    files.clock.advance(hours=19)
    await sweep(files.deps)
    assert (await files.now(upload)).state == "expired"


async def test_at_the_deadline_an_upload_whose_parts_are_all_there_is_a_file(files: Files) -> None:
    upload = await begun(files)
    files.clock.advance(hours=23, minutes=59)
    await sweep(files.deps)
    await send_parts(files, upload)
    files.clock.advance(minutes=2)
    await sweep(files.deps)
    assert (await files.now(upload)).state == "received"


async def test_an_upload_in_parts_waits_in_conflict_and_is_retried_like_any_other(files: Files) -> None:
    first, second = await begun(files), await begun(files, blocks_sha256=None)
    for upload in (first, second):
        await send_parts(files, upload)
        received = await complete(files, upload)
        await files.handle(cleared(upload, etag=str(received.etag)))
    assert (await files.now(second)).state == "conflict"
    wish = commands.Resolution(name="other.mp4")
    resolved = await commands.resolve_upload(files.deps, files.owner, files.origin, second.id, wish)
    assert resolved.state == "committed"
    assert await held(files) == (2 * SIZE, 0)
    third = await begun(files, conflict="rename", blocks_sha256=None)
    await send_parts(files, third)
    await complete(files, third)
    for _ in range(4):
        files.clock.advance(minutes=11)
        await files.rows("UPDATE outbox SET sent_at = now() WHERE sent_at IS NULL RETURNING id")
        await sweep(files.deps)
    assert (await files.now(third)).reason == "no_verdict"
    retried = await commands.retry_upload(files.deps, files.owner, origin_of(files.owner), third.id)
    assert retried.state == "received"
