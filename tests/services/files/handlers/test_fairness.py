"""One owner's thousands hold nobody else up, and each verdict costs the same however many wait."""

import json
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import text

from coffer_chassis.bus_memory import MemoryBus
from coffer_chassis.outbox import Relay
from coffer_chassis.topology import Lane, ServiceTopology, Topology
from coffer_contracts.catalog import parse
from coffer_files.app import TOPOLOGY
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.drives import root_of
from coffer_files.handlers.sweeping import sweep
from coffer_files.store import dispatching
from factories.databases import Database
from factories.files import Files, cleared, files_on, person, stored

pytestmark = pytest.mark.slow

BURST = 16_000
PER_OWNER = 16
BUFFERS = 100
"""Pages that a query may touch, whatever waits; the table of a burst has thousands."""

MEDIA = ServiceTopology("media-worker", (Lane("media-worker-fast", {"files-events": ("files.upload.received.v1",)}),))
ALL = Topology("coffer", (TOPOLOGY, ServiceTopology("auth"), ServiceTopology("sharing"), MEDIA))

INSERT_BURST = """
INSERT INTO uploads (id, owner_id, uploader_id, parent_id, name, conflict, size_bytes, blob_id, blob_key, state, revision,
                     created_at, changed_at, deadline_at, etag, actor_kind, correlation_id)
SELECT made.id, :owner, :owner, :root, made.number || '.jpg', 'rename', 1, made.blob,
       'blobs/' || :owner || '/' || made.blob, 'received', 2, CAST(:now AS timestamptz),
       CAST(:now AS timestamptz) + made.number * interval '1 microsecond',
       CAST(:now AS timestamptz) + interval '7 days', 'e1', 'user', 'burst'
FROM (SELECT number, gen_random_uuid() AS id, gen_random_uuid() AS blob FROM generate_series(1, :count) AS number) AS made
"""


async def burst(files: Files, count: int) -> None:
    """That many received uploads of the owner, that nobody was asked about."""
    await root_of(files.deps, files.owner.user_id, files.origin)
    root = (await files.drive()).root_id
    async with files.engine.begin() as connection:
        values = {"owner": files.owner.user_id, "root": root, "now": files.clock.now(), "count": count}
        typed = INSERT_BURST.replace(":owner, :owner, :root", "CAST(:owner AS uuid), CAST(:owner AS uuid), CAST(:root AS uuid)")
        typed = typed.replace("'blobs/' || :owner", "'blobs/' || CAST(CAST(:owner AS uuid) AS text)")
        await connection.execute(text(typed), values)
        await connection.execute(text("UPDATE drives SET reserved_bytes = :count"), {"count": count})
        await connection.execute(text("ANALYZE uploads"))


async def in_queue(bus: MemoryBus) -> list[Any]:
    """What the media worker finds, taken out of its queue."""
    found: list[Any] = []
    while messages := await bus.receive("media-worker-fast", limit=10, wait_seconds=0):
        found += [parse(message.body).data for message in messages]
        await bus.delete("media-worker-fast", [message.receipt for message in messages])
    return found


async def test_a_burst_of_thousands_leaves_room_for_everybody_else(database: Database) -> None:
    async with files_on(database("coffer_files"), dispatch_per_owner=PER_OWNER) as files:
        await burst(files, BURST)
        bus = MemoryBus(ALL, duplicates=0)
        relay = Relay(files.deps.work, bus, topic="files-events", service="files")
        assert (await sweep(files.deps)).dispatched == PER_OWNER
        assert (await sweep(files.deps)).dispatched == 0
        await relay.drain()
        asked = await in_queue(bus)
        assert len(asked) == PER_OWNER
        assert {fact.name for fact in asked} == {f"{number}.jpg" for number in range(1, PER_OWNER + 1)}

        other = person()
        burst_owner, files.owner = files.owner, other
        single = await files.start("single.jpg")
        await files.handle(stored(single))
        await relay.drain()
        [theirs] = await in_queue(bus)
        assert theirs.upload_id == single.id
        for fact in asked[:3]:
            await files.handle(cleared(await files.now(fact.upload_id)))
        await files.handle(cleared(single))
        assert (await files.now(single)).state == "committed"
        await relay.drain()
        assert {fact.name for fact in await in_queue(bus)} == {"17.jpg", "18.jpg", "19.jpg"}
        files.owner = burst_owner
        assert await standing(files) == {"asked": PER_OWNER, "waiting": BURST - PER_OWNER - 3}


async def standing(files: Files) -> Counter[str]:
    query = "SELECT dispatched_at IS NULL AS waits, count(*) FROM uploads WHERE state = 'received' GROUP BY 1"
    return Counter({("waiting" if row.waits else "asked"): row.count for row in await files.rows(query)})


async def test_no_query_of_a_verdict_reads_what_waits(database: Database) -> None:
    async with files_on(database("coffer_files"), dispatch_per_owner=PER_OWNER) as files:
        await burst(files, BURST)
        await sweep(files.deps)
        [[somebody]] = await files.rows("SELECT id FROM uploads WHERE name = '16000.jpg'")
        last = await files.now(somebody)
        for name, statement, values in queries(last):
            touched = await buffers(files, statement, values)
            assert touched < BUFFERS, f"{name} touched {touched} pages"
        # Held against a table that they would read if they could not use their indexes.
        assert await buffers(files, text("SELECT count(*) FROM uploads WHERE state <> ''"), {}) > BUFFERS * 4


def queries(last: Upload) -> list[tuple[str, Any, dict[str, Any]]]:
    most = {"owner": last.owner_id, "most": PER_OWNER}
    return [
        ("turns", dispatching._turns, most),
        ("the next in line", dispatching._next_in_line, most | {"most": 1}),
        ("owners with room", dispatching._owners_with_room, {"after": None, "most": PER_OWNER, "limit": 200}),
        ("what is ahead", dispatching._ahead, most | {"since": last.changed_at, "upload": last.id}),
    ]


async def buffers(files: Files, statement: Any, values: dict[str, Any]) -> int:
    """Pages that a statement touches, with a plan for any values, as a server keeps it."""
    async with files.engine.begin() as connection:
        await connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        compiled = statement.compile(dialect=connection.dialect)
        explained = await connection.exec_driver_sql(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {compiled}", tuple(_ordered(compiled, values))
        )
        plan = explained.scalar_one()
    top = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    return int(top["Shared Hit Blocks"]) + int(top["Shared Read Blocks"])


def _ordered(compiled: Any, values: dict[str, Any]) -> list[Any]:
    return [values[name] if name in values else compiled.params[name] for name in compiled.positiontup]


async def test_what_waits_is_asked_about_in_its_order_and_never_beyond_the_room(store: str) -> None:
    async with files_on(store, dispatch_per_owner=3) as files:
        begun = [await files.start(f"{number}.jpg") for number in range(8)]
        for upload in begun:
            files.clock.advance(seconds=1)
            await files.handle(stored(upload))
        for done in range(8):
            asked = [upload.id for upload in begun if (await files.now(upload)).dispatched_at is not None]
            assert asked == [upload.id for upload in begun[: done + 3]]
            await files.handle(cleared(begun[done]))
