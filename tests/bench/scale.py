"""What a huge drive costs: the same requests in a drive of 3,000,000 items and in a small one, in the same minute.

The rows are generated in the store; all files of a drive have the same stored object.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from bench.measures import Row
from factories.people import Person
from factories.stacks import LocalStack

WIDE = 1_000_000
"""Children of one folder."""

BELOW = 100_000
"""Items at any depth below the folder that is moved about: a hundred folders with files."""

WHOLE = 3_000_000
ROUNDS = 40
SMALL = 100

_BLOB = """
INSERT INTO blobs (id, owner_id, key, etag, size_bytes, refcount, created_at)
SELECT id, $1::uuid, 'blobs/' || $1::uuid || '/' || id, 'etag', 1, $2, now() FROM (SELECT uuidv7() AS id) AS made RETURNING id
"""
_FILES = """
WITH made AS (
  INSERT INTO items (id, owner_id, parent_id, kind, name, name_key, revision, version_id, size_bytes, mime_type, media_kind,
    created_by, created_at, modified_at, changed_at)
  SELECT uuidv7(), $1, $2, 'file', 'IMG_' || n, 'img_' || n, 1, uuidv7(), 1, 'image/jpeg', 'image', $1, at, at, at
  FROM (SELECT to_char(i, 'FM0000000') || '.jpg' AS n, now() - i * interval '1 second' AS at
    FROM generate_series(1::bigint, $3::bigint) AS i) AS named
  RETURNING id, version_id, created_at
)
INSERT INTO versions (id, item_id, blob_id, upload_id, size_bytes, mime_type, media_kind, flags, created_by, created_at,
  modified_at, preview_status)
SELECT version_id, id, $4, version_id, 1, 'image/jpeg', 'image', '{}', $1, created_at, created_at, 'none' FROM made
"""
_FOLDERS = """
INSERT INTO items (id, owner_id, parent_id, kind, name, name_key, revision, created_by, created_at, modified_at, changed_at)
SELECT uuidv7(), $1, $2, 'folder', 'folder ' || i, 'folder ' || i, 1, $1, now(), now(), now()
FROM generate_series(1::bigint, $3::bigint) AS i RETURNING id
"""
_INDEXES = """
SELECT indexname AS name, indexdef AS definition FROM pg_indexes
WHERE schemaname = current_schema() AND tablename IN ('items', 'versions')
AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)
"""
PATIENCE_SECONDS = 1200


@dataclass(frozen=True)
class Drive:
    """Somebody's drive: a folder with many children, and one with much below it beside an empty one to move it to."""

    person: Person
    wide: str
    deep: str
    beside: str


def huge_drive(stack: LocalStack) -> list[Row]:
    """Every request of a person who looks at and tidies up a huge drive, beside the same in a small one."""
    huge, small = _drive(stack), _drive(stack)
    asyncio.run(_fill(stack, [(huge, WIDE, BELOW, WHOLE - WIDE - BELOW), (small, SMALL, SMALL, 0)]))
    asked: list[tuple[str, Callable[[Drive, int], Any]]] = [
        (f"first page of {WIDE:,} children", _first_page),
        (f"a page amid {WIDE:,} children, by date", _later_page),
        (f"rename among {WIDE:,} children", _rename),
        (f"move a folder with {BELOW:,} items below it", _move),
        (f"trash and restore a folder with {BELOW:,} items below it", _trash_and_restore),
    ]
    return [_row(what, ask, huge, small) for what, ask in asked]


def _drive(stack: LocalStack) -> Drive:
    person = Person.at(stack.url)
    return Drive(person, *(person.folder(name)["id"] for name in ("wide", "deep", "beside")))


async def _fill(stack: LocalStack, drives: list[tuple[Drive, int, int, int]]) -> None:
    url = stack.variables["COFFER_FILES_DATABASE_URL"].replace("postgresql+asyncpg", "postgresql")
    connection = await asyncpg.connect(url, command_timeout=PATIENCE_SECONDS)
    try:
        async with _without_indexes(connection):
            for drive, wide, below, rest in drives:
                await _fill_one(connection, drive, wide, below, rest)
        await connection.execute("VACUUM ANALYZE items, versions")
    finally:
        await connection.close()


@asynccontextmanager
async def _without_indexes(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Drop the indexes for a while: building one for millions of rows at once takes a tenth of the time of adding each row."""
    found = await connection.fetch(_INDEXES)
    for index in found:
        await connection.execute(f'DROP INDEX "{index["name"]}"')
    yield
    await connection.execute("SET maintenance_work_mem = '512MB'")
    for index in found:
        await connection.execute(index["definition"])


async def _fill_one(connection: asyncpg.Connection, drive: Drive, wide: int, below: int, rest: int) -> None:
    owner = drive.person.id
    blob = await connection.fetchval(_BLOB, owner, wide + below + rest)
    await connection.execute(_FILES, owner, drive.wide, wide, blob)
    for folder in (drive.deep, drive.beside):
        many = (below if folder == drive.deep else rest) // 100
        if many:
            for made in await connection.fetch(_FOLDERS, owner, folder, 100):
                await connection.execute(_FILES, owner, made["id"], many, blob)


def _row(what: str, ask: Callable[[Drive, int], Any], huge: Drive, small: Drive) -> Row:
    took: dict[bool, list[float]] = {True: [], False: []}
    for number in range(ROUNDS):
        for is_huge, drive in ((True, huge), (False, small)):
            began = time.perf_counter()
            ask(drive, number)
            took[is_huge].append((time.perf_counter() - began) * 1000)
    many, few = (statistics.median(took[is_huge]) for is_huge in (True, False))
    return Row(
        f"{what}, in a drive of {WHOLE:,}; p50 of {ROUNDS} (max)",
        f"{many:.1f} ms ({max(took[True]):.1f} ms)",
        f"{few:.1f} ms: the same in a drive of {2 * SMALL}",
        f"{many / few:.2f}",
    )


def _first_page(drive: Drive, _number: int) -> None:
    assert drive.person.get(f"/v1/items/{drive.wide}/children", limit=SMALL)["items"]


def _later_page(drive: Drive, _number: int) -> None:
    page = drive.person.get(f"/v1/items/{drive.wide}/children", limit=SMALL // 2, sort="-modified_at")
    following = drive.person.get(
        f"/v1/items/{drive.wide}/children", limit=SMALL // 2, sort="-modified_at", cursor=page["next_cursor"]
    )
    assert following["items"]


def _rename(drive: Drive, number: int) -> None:
    page = drive.person.get(f"/v1/items/{drive.wide}/children", limit=1, sort="-name")
    _changed(drive, page["items"][0]["id"], name=f"IMG_9999999 {number}.jpg")


def _move(drive: Drive, number: int) -> None:
    _changed(drive, drive.deep, parent_id="root" if number % 2 else drive.beside)


def _trash_and_restore(drive: Drive, _number: int) -> None:
    http = drive.person.http
    assert http.delete(f"/v1/items/{drive.deep}").status_code == 204
    answer = http.post(f"/v1/trash/{drive.deep}/restore", json={})
    assert answer.status_code == 200, answer.text


def _changed(drive: Drive, item_id: str, **changes: str) -> None:
    answer = drive.person.http.patch(f"/v1/items/{item_id}", json=changes)
    assert answer.status_code == 200, answer.text
