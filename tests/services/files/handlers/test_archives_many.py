"""An archive takes the same memory however large it is, and begins soon however much is to come."""

import asyncio
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from coffer_chassis.blobs_streams import STREAM_CHUNK_BYTES
from coffer_chassis.ids import new_id
from coffer_contracts.ids import ArchiveId, ItemId, SessionId
from coffer_files.handlers.archive_bytes import archive_bytes
from coffer_files.handlers.items import make_folder
from coffer_files.store.archives import Archive
from factories.databases import Database
from factories.files import Files, files_on

pytestmark = pytest.mark.slow

MIB = 1024 * 1024

FOLDERS = """
INSERT INTO items (id, owner_id, parent_id, kind, name, name_key, revision, created_by, created_at, modified_at, changed_at)
SELECT gen_random_uuid(), :owner, :parent, 'folder', 'f' || n, 'f' || n, 1, :owner, now(), now(), now()
FROM generate_series(1, :count) AS n
"""
BLOBS = """
INSERT INTO blobs (id, owner_id, key, etag, size_bytes, refcount, created_at)
SELECT gen_random_uuid(), :owner, 'blobs/' || :name || '/' || n, 'e', :size, 1, now() FROM generate_series(1, :count) AS n
"""
VERSIONED = """
WITH made AS (
  INSERT INTO items (id, owner_id, parent_id, kind, name, name_key, revision, version_id, size_bytes, mime_type, media_kind,
                     created_by, created_at, modified_at, changed_at)
  SELECT gen_random_uuid(), :owner, :parent, 'file', name, name, 1, gen_random_uuid(), :size, 'a/b', 'other', :owner,
         now(), now(), now()
  FROM (SELECT 'g' || lpad(n::text, 6, '0') AS name FROM generate_series(1, :count) AS n) AS names
  RETURNING id, version_id, name
)
INSERT INTO versions (id, item_id, blob_id, upload_id, size_bytes, mime_type, media_kind, flags, created_by, created_at,
                      modified_at, preview_status)
SELECT made.version_id, made.id, blobs.id, made.id, :size, 'a/b', 'other', '{}', :owner, now(), now(), 'none'
FROM made JOIN blobs ON blobs.key = 'blobs/' || :name || '/' || ltrim(substr(made.name, 2), '0')
"""


class Endless:
    """A bucket in which every object is as long as is asked for; its pieces are always the same ones."""

    piece = bytes(STREAM_CHUNK_BYTES)

    def __init__(self, size: int) -> None:
        self.size = size
        self.open = self.most = 0

    async def read(self, _key: str, *, etag: str | None = None) -> bytes:
        self.open += 1
        self.most = max(self.most, self.open)
        await asyncio.sleep(0)
        self.open -= 1
        return bytes(self.size)

    @asynccontextmanager
    async def stream(self, _key: str, *, first: int = 0, etag: str | None = None) -> AsyncIterator[AsyncIterator[bytes]]:
        async def pieces() -> AsyncIterator[bytes]:
            left = self.size - first
            while left:
                await asyncio.sleep(0)
                yield self.piece[:left]
                left -= min(left, len(self.piece))

        yield pieces()


async def grown(files: Files, *, count: int, size: int = 0, folders: int = 0) -> Archive:
    """An archive of a folder with so many files and folders."""
    made, _ = await make_folder(files.deps, files.owner, files.origin, None, parent="root", name=new_id(), conflict="fail")
    values = {"owner": files.owner.user_id, "parent": made.at.item.id, "name": made.at.item.id, "size": size}
    async with files.engine.begin() as connection:
        for statement, number in ((FOLDERS, folders), (BLOBS, count), (VERSIONED, count)):
            await connection.execute(text(statement), {**values, "count": number})
        await connection.execute(text("ANALYZE items"))
    now = files.clock.now()
    return Archive(
        id=ArchiveId(new_id()),
        grantee=files.owner.grantee,
        actor_id=files.owner.user_id,
        actor_kind="user",
        session_id=SessionId(new_id()),
        item_ids=[ItemId(made.at.item.id)],
        name="all.zip",
        ticket_sha256=b"",
        estimated_size=0,
        created_at=now,
        expires_at=now + timedelta(minutes=5),
        used_at=None,
    )


async def peak(files: Files, archive: Archive) -> tuple[int, int]:
    """Length of the whole, and the most memory that making it took."""
    length = crc = 0
    tracemalloc.start()
    try:
        async for piece in archive_bytes(files.deps, archive):
            length, crc = length + len(piece), zlib.crc32(piece[:16], crc)
        return length, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def test_a_file_of_200_mib_takes_no_more_memory_than_one_of_two(database: Database) -> None:
    async with files_on(database("coffer_files"), default_quota_bytes=10**12) as files:
        peaks = []
        for mib in (2, 200):
            archive = await grown(files, count=1, size=mib * MIB)
            bucket: Any = Endless(mib * MIB)
            files.deps = replace(files.deps, blobs=bucket)
            length, most = await peak(files, archive)
            assert mib * MIB < length < mib * MIB + 10_000
            peaks.append(most)
    assert max(peaks) < 4 * MIB, peaks


async def test_a_folder_of_15_000_files_begins_at_once_and_takes_little(database: Database) -> None:
    async with files_on(database("coffer_files")) as files:
        bucket: Any = Endless(3)
        files.deps = replace(files.deps, blobs=bucket)
        archive = await grown(files, count=15_000, size=3, folders=1_000)
        files.statements.clear()
        async with aclosing(archive_bytes(files.deps, archive)) as pieces:
            await anext(pieces)
            assert len(files.statements) < 8
        files.statements.clear()
        length, most = await peak(files, archive)
    assert length > 15_000 * 100
    assert most < 12 * MIB, most
    assert len(files.statements) < 15_000 / 1000 + 1_000 / 50 + 20
    assert bucket.most <= 9
