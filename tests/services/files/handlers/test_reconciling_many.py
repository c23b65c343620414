"""A comparison needs no more memory for many objects than for few, and no more than two questions for a page of them."""

import tracemalloc
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from coffer_chassis.blobs import LISTED_AT_ONCE, BlobHead, Listed
from coffer_chassis.origin import Origin
from coffer_files.domain.reconciling import SAMPLES, Wish
from coffer_files.handlers.reconciling import carry_out, request_run
from factories.databases import Database
from factories.files import Files, files_on

OWNER = "01a15df5-00a0-77b9-830d-40bd57deeac1"
MANY, FEW = 30_000, 3_000
MEMORY_BYTES = 12 * 1024 * 1024

INSERT = """
INSERT INTO blobs (id, owner_id, key, etag, size_bytes, refcount, created_at)
SELECT gen_random_uuid(), CAST(:owner AS uuid),
       'blobs/' || CAST(:owner AS text) || '/00000000-0000-0000-0000-' || lpad(to_hex(n), 12, '0'), 'e', 1, 1, now()
FROM generate_series(1, CAST(:count AS integer)) AS n WHERE n % 500 <> 0
"""
"""Rows for all but every 500th object."""


def key(number: int) -> str:
    return f"blobs/{OWNER}/00000000-0000-0000-0000-{number:012x}"


class Wide:
    """A bucket of that many objects, none of which exists before it is asked for; every 700th is not there at all."""

    def __init__(self, files: Files, count: int) -> None:
        self.count = count
        self.old = files.clock.now() - timedelta(days=2)
        self.pages = 0

    async def listed(self, prefix: str, *, after: str = "", limit: int = LISTED_AT_ONCE) -> list[Listed]:
        self.pages += 1
        if prefix != "blobs/":
            return []
        number = int(after.rpartition("-")[2] or "0", 16)
        found: list[Listed] = []
        while len(found) < limit and number < self.count:
            number += 1
            if number % 700:
                found.append(Listed(key(number), 1, "e", self.old))
        return found

    async def head(self, key: str) -> BlobHead | None:
        number = int(key.rpartition("-")[2], 16)
        return BlobHead(1, "e", self.old) if number % 700 else None


async def peak(files: Files, count: int) -> tuple[Any, int, int]:
    """The run over that many objects, its peak of memory in bytes, and how many statements it took."""
    async with files.engine.begin() as connection:
        await connection.execute(text("DELETE FROM blobs"))
        await connection.execute(text(INSERT), {"owner": OWNER, "count": count})
    bucket: Any = Wide(files, count)
    files.deps = replace(files.deps, blobs=bucket)
    asked = await request_run(files.deps, None, Origin("shell/ada", "operator", "c"), Wish(), held=True)
    files.statements.clear()
    tracemalloc.start()
    try:
        run = await carry_out(files.deps, asked.run)
        return run, tracemalloc.get_traced_memory()[1], len(files.statements)
    finally:
        tracemalloc.stop()


@pytest.mark.slow
async def test_ten_times_the_objects_take_the_same_memory(database: Database) -> None:
    async with files_on(database("coffer_files")) as files:
        few, little, _ = await peak(files, FEW)
        many, much, statements = await peak(files, MANY)
    gone, both = MANY // 700, MANY // 3500
    assert many.counts.objects == MANY - gone
    assert (many.counts.missing, many.counts.orphans) == (gone - both, MANY // 500 - both)
    assert many.counts.sound == many.counts.rows - many.counts.missing
    assert len(many.samples["orphans"]) <= SAMPLES
    assert few.counts.missing == FEW // 700
    assert much < MEMORY_BYTES
    assert much < little * 1.5 + 1024 * 1024
    assert statements < 12 * (MANY // LISTED_AT_ONCE + 3)
