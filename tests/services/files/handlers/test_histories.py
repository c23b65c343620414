"""Whatever happens to many uploads in whatever order: the states are legal, and the counters are the truth."""

import contextlib
import random
from datetime import timedelta
from typing import Any, Literal

import pytest
from sqlalchemy import select, update

from coffer_chassis.multiparts import MultipartMissing
from coffer_contracts.problems import Problem
from coffer_files.domain import parts
from coffer_files.domain.upload_states import STATES
from coffer_files.domain.uploads import Upload
from coffer_files.handlers import uploads as commands
from coffer_files.handlers.burying import bury
from coffer_files.handlers.multiparts import abort_multiparts
from coffer_files.handlers.sending import sign_parts
from coffer_files.handlers.sweeping import sweep
from coffer_files.handlers.uploads import Resolution
from coffer_files.store.tables import blobs, drives, items, uploads, versions
from factories.bytes import away
from factories.databases import Database
from factories.files import Files, cleared, files_on, rejected, stored

pytestmark = pytest.mark.slow

STEPS = 160
BLOCK = 16
"""Bytes of a part, so that small files have several."""

HAPPENINGS = (
    *("put", "put", "put", "part", "part", "part", "part", "stored", "complete", "complete", "cleared", "cleared"),
    *("rejected", "abort", "retry", "resolve", "sweep", "time", "lost", "bury"),
)

Around = Literal["nothing is wrong", "the bucket is away", "nothing is sent"]


AROUND: tuple[Around, ...] = ("nothing is wrong", "the bucket is away", "nothing is sent")


@pytest.mark.parametrize("seed", range(4))
async def test_after_any_history_counters_bytes_and_states_agree(
    database: Database, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(parts, "BLOCK_BYTES", BLOCK)
    async with files_on(database("coffer_files"), dispatch_per_owner=3) as files:
        files.blobs.least_part_bytes = 0
        begun: list[Upload] = []
        for _ in range(STEPS):
            with contextlib.suppress(Problem):
                await happen(files, begun, chance)
        await counters_are_true(files)
        await time_passes(files, around=AROUND[seed % len(AROUND)])
        await bury(files.deps)
        await abort_multiparts(files.deps)
        assert files.blobs.multiparts == set()
        await counters_are_true(files)
        ends = {(row.strategy, row.state) for row in await files.rows(select(uploads.c.strategy, uploads.c.state))}
        assert ("multipart", "committed") in ends
        left = [upload.state for upload in await files.rows(select(uploads.c.state))]
        assert all(STATES[state].is_end for state in left)
        assert (await files.rows(select(drives.c.reserved_bytes))) == [(0,)]
        kept = {row.key for row in await files.rows(select(blobs.c.key))}
        assert {key for key in files.blobs.objects if key.startswith("blobs/")} == kept


async def time_passes(files: Files, around: Around) -> None:
    """Weeks with a sweeper and without anybody else: no message comes, and something is wrong the whole time. At every
    moment each upload has ended or has a deadline; nothing that is due stays so for longer than the patience of a day.
    """
    outbox = files.deps.work.tables.outbox
    head, listed = files.blobs.head, files.blobs.parts
    if around == "the bucket is away":
        files.blobs.head = files.blobs.parts = away
    for _ in range(24 * 40 // 6):
        files.clock.advance(hours=6)
        if around != "nothing is sent":
            await files.rows(update(outbox).values(sent_at=files.clock.now()).returning(outbox.c.id))
        await sweep(files.deps)
        standing = await files.rows(select(uploads.c.state, uploads.c.deadline_at))
        for row in standing:
            assert STATES[row.state].is_end or row.deadline_at > files.clock.now() - timedelta(days=1, hours=6)
        if all(STATES[row.state].is_end for row in standing):
            break
    files.blobs.head, files.blobs.parts = head, listed


async def happen(  # noqa: C901, PLR0912  # one branch for each thing that can happen
    files: Files, begun: Any, chance: Any
) -> Any:
    if not begun or chance.random() < 0.12:
        name = f"{chance.randrange(3)}.jpg"
        begun.append(await files.start(name, chance.randrange(50), conflict=chance.choice(["replace", "rename", "rename"])))
        return
    upload = chance.choice(begun)
    happening = chance.choice(HAPPENINGS)
    here = await files.blobs.head(upload.blob_key)
    etag = here.etag if here else "nothing"
    match happening:
        case "put":
            if here is None and (await files.now(upload)).state == "created" and upload.strategy == "single":
                await files.blobs.write(upload.blob_key, b"x" * upload.size_bytes, content_type="image/jpeg")
        case "part":
            if upload.strategy == "multipart":
                await send_some(files, upload, chance)
        case "lost":
            if chance.random() < 0.2:
                files.blobs.lose_multiparts()
        case "bury":
            await bury(files.deps)
        case "stored":
            if here is not None:
                await files.handle(stored(upload, etag=etag))
        case "cleared":
            await files.handle(cleared(upload, etag=etag))
        case "rejected":
            await files.handle(rejected(upload, etag=etag))
        case "complete":
            await commands.complete_upload(files.deps, files.owner, files.origin, upload.id)
        case "abort":
            await commands.abort_upload(files.deps, files.owner, files.origin, upload.id)
        case "retry":
            await commands.retry_upload(files.deps, files.owner, files.origin, upload.id)
        case "resolve":
            wish = Resolution(conflict=chance.choice(["rename", "replace", "fail"]))
            await commands.resolve_upload(files.deps, files.owner, files.origin, upload.id, wish)
        case "sweep":
            await sweep(files.deps)
        case _:
            files.clock.advance(minutes=chance.randrange(20))


async def send_some(files: Files, upload: Upload, chance: Any) -> None:
    """Somebody asks for addresses and sends what they are for; now and then something else, or to where nothing is any more."""
    numbers = list(range(1, parts.part_count(upload.size_bytes, upload.part_bytes) + 1))
    chance.shuffle(numbers)
    current, _ = await sign_parts(files.deps, files.owner, upload.id, numbers, None)
    for number in numbers if chance.random() < 0.6 else numbers[:1]:
        length = max(0, parts.part_length(upload, number) - (chance.random() < 0.05))
        with contextlib.suppress(MultipartMissing):
            await files.blobs.put_part(upload.blob_key, current.multipart_id, number, b"x" * length)


async def counters_are_true(files: Files) -> Any:
    rows = await files.rows(select(uploads.c.state, uploads.c.size_bytes))
    reserved = sum(row.size_bytes for row in rows if STATES[row.state].reserves_quota)
    used = sum(row.size_bytes for row in await files.rows(select(versions.c.size_bytes)))
    assert used == sum(row.size_bytes for row in rows if row.state == "committed")
    assert await files.rows(select(drives.c.used_bytes, drives.c.reserved_bytes)) == [(used, reserved)]
    names = [row.name_key for row in await files.rows(select(items.c.name_key).where(items.c.kind == "file"))]
    assert len(names) == len(set(names))
    sequences: dict[str, int] = {}
    for fact in await files.facts():
        assert fact.revision > sequences.get(fact.subject, 0)
        sequences[fact.subject] = fact.revision
