"""What search costs: a drive of 100,000 items in a store with 500,000 items of others, asked over HTTP as somebody types."""

import asyncio
import statistics
import time
from dataclasses import dataclass
from typing import Any

import asyncpg

from bench.measures import Row
from factories.people import Person
from factories.stacks import LocalStack

OWN = 100_000
OTHERS = 50
OF_EACH_OTHER = 10_000
IN_A_FOLDER = 100
ROUNDS = 15

TYPED = (
    "a", "i", "im", "img", "img_", "img_2024", "2024", "2", "zebra", "report", "reportsales", "holiday-rome-1236", "cafe",
    "strasse", "会", "東京", "d41d", "x", "notes garden", "invoice acme 2019", "1999", "qz", "zz", "nothing at all",
)  # fmt: skip
"""From what most names hold to what none does."""

NAMES = r"""
CREATE FUNCTION pg_temp.name_of(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE n % 10
    WHEN 0 THEN 'IMG_2024' || lpad((n % 12 + 1)::text, 2, '0') || lpad((n % 28 + 1)::text, 2, '0') || '_' || n || '.jpg'
    WHEN 1 THEN 'IMG_' || n || '.jpg'
    WHEN 2 THEN (ARRAY['annual', 'quarterly', 'monthly', 'draft', 'final'])[n / 10 % 5 + 1] || 'Report'
      || (ARRAY['Sales', 'Budget', 'Travel', 'Team'])[n / 50 % 4 + 1] || n || '.docx'
    WHEN 3 THEN 'Invoice ' || (ARRAY['Acme', 'Globex', 'Initech', 'Umbrella', 'Hooli', 'Stark'])[n / 10 % 6 + 1] || ' '
      || (2015 + n % 10) || '-' || n || '.pdf'
    WHEN 4 THEN 'café menu ' || n || '.pdf'
    WHEN 5 THEN '会議資料' || (ARRAY['東京', '大阪', '京都'])[n / 10 % 3 + 1] || n || '.pptx'
    WHEN 6 THEN 'holiday-' || (ARRAY['rome', 'paris', 'oslo', 'lima'])[n / 10 % 4 + 1] || '-' || n || '.mp4'
    WHEN 7 THEN 'über_strasse_' || n || '.txt'
    WHEN 8 THEN md5(n::text) || '.bin'
    ELSE 'notes ' || (ARRAY['garden', 'kitchen', 'music', 'zebra'])[n / 10 % 4 + 1] || ' ' || n || '.md'
  END
$$
"""
_COLUMNS = "id, owner_id, parent_id, kind, name, name_key, revision, created_by, created_at, modified_at, changed_at"
_FOLDERS = f"""
INSERT INTO items ({_COLUMNS})
SELECT md5($1::text || 'folder' || i)::uuid, $1::uuid, $2::uuid, 'folder', 'folder ' || i, 'folder ' || i, 1, $1::uuid, now(),
  now(), now() FROM generate_series(0, $3::bigint / {IN_A_FOLDER} - 1) AS i
"""
_FILES = f"""
INSERT INTO items ({_COLUMNS}, version_id, size_bytes, mime_type, media_kind)
SELECT md5($1::text || 'file' || i)::uuid, $1::uuid, md5($1::text || 'folder' || i / {IN_A_FOLDER})::uuid, 'file',
  pg_temp.name_of(i), lower(pg_temp.name_of(i)), 1, $1::uuid, now(), now() - (i * 7919 % 1000000) * interval '1 second', now(),
  $1::uuid, i, 'image/jpeg', 'image' FROM generate_series(0, $2::bigint - 1) AS i
"""
"""Files without contents: nothing here asks for these."""

_ROOT = f"INSERT INTO items ({_COLUMNS}) VALUES ($1, $1, NULL, 'folder', '', '', 1, $1, now(), now(), now())"


@dataclass(frozen=True)
class Typed:
    """What one query took, in milliseconds."""

    query: str
    p50: float
    longest: float


def search_as_you_type(stack: LocalStack) -> list[Row]:
    """The first page for every query, and what the database alone needs to read all the keys of the drive once."""
    person = Person.at(stack.url)
    person.folder("first")
    asyncio.run(fill(_url(stack), person))
    typed = [_typed(person, query) for query in TYPED]
    alone = asyncio.run(_keys_alone(_url(stack), person.id))
    middle, worst = statistics.median(one.p50 for one in typed), max(typed, key=lambda one: one.p50)
    what = f"search in a drive of {OWN:,} items, {OTHERS * OF_EACH_OTHER:,} of others beside it"
    reference = f"{alone:.1f} ms: the database alone reads all names of the drive"
    return [
        Row(f"{what}; median over {len(TYPED)} queries of p50", f"{middle:.1f} ms", reference, f"{middle / alone:.1f}"),
        Row(f"{what}; p50 of the slowest, {worst.query!r} (max)", f"{worst.p50:.1f} ms ({worst.longest:.1f} ms)", reference,
            f"{worst.p50 / alone:.1f}"),
    ]  # fmt: skip


def _typed(person: Person, query: str) -> Typed:
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        person.get("/v1/search", q=query)
        took.append((time.perf_counter() - began) * 1000)
    return Typed(query, statistics.median(took), max(took))


def _url(stack: LocalStack) -> str:
    return stack.variables["COFFER_FILES_DATABASE_URL"].replace("postgresql+asyncpg", "postgresql")


async def fill(url: str, person: Person) -> None:
    """Make the rows of the person's drive and of the others'."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(NAMES)
        root = await connection.fetchval("SELECT root_id FROM drives WHERE owner_id = $1", person.id)
        await _fill(connection, person.id, root, OWN)
        for number in range(OTHERS):
            other = await connection.fetchval("SELECT md5('other' || $1::bigint)::uuid", number)
            await connection.execute(_ROOT, other)
            await _fill(connection, other, other, OF_EACH_OTHER)
        await connection.execute("VACUUM ANALYZE items", timeout=600)
    finally:
        await connection.close()


async def _fill(connection: Any, owner: Any, root: Any, many: int) -> None:
    await connection.execute(_FOLDERS, str(owner), root, many)
    await connection.execute(_FILES, str(owner), many, timeout=600)


async def _keys_alone(url: str, owner: str) -> float:
    connection = await asyncpg.connect(url)
    try:
        took = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            await connection.fetchval(
                "SELECT count(*) FROM items WHERE owner_id = $1 AND trashed_at IS NULL AND search_key LIKE '%nowhere%'", owner
            )
            took.append((time.perf_counter() - began) * 1000)
        return statistics.median(took)
    finally:
        await connection.close()
