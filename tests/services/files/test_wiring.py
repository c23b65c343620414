"""The service put together: its queues and its way through an unkind bus."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from coffer_chassis.bus import Outgoing
from coffer_chassis.bus_memory import MemoryBus
from coffer_chassis.service import Service
from coffer_chassis.testing import eventually
from coffer_chassis.topology import Lane, ServiceTopology, Topology
from coffer_contracts.catalog import parse
from coffer_files.app import FAST_QUEUE, GRANTS_QUEUE, STORAGE_QUEUE, TABLES, TOPOLOGY, jobs
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.granting import GRANTS
from coffer_files.handlers.reactions import FAST, STORAGE
from factories.files import Files, cleared, files_on, rejected

RECEIVED = "files.upload.received.v1"
MEDIA = ServiceTopology("media-worker", (Lane("media-worker-fast", {"files-events": (RECEIVED,)}),))
ALL = Topology("coffer", (TOPOLOGY, ServiceTopology("auth"), ServiceTopology("sharing"), MEDIA))


def test_every_queue_hears_exactly_what_it_has_handlers_for() -> None:
    heard = {lane.queue: {kind for types in lane.reads.values() for kind in types} for lane in ALL.lanes}
    assert heard[FAST_QUEUE] == set(FAST)
    assert heard[GRANTS_QUEUE] == set(GRANTS)
    assert heard[STORAGE_QUEUE] == set()
    assert set(STORAGE) == {"storage.object.stored.v1"}


def test_previews_are_read_and_never_written() -> None:
    access = {blob.prefix: blob for blob in TOPOLOGY.blobs}
    assert access["previews/"] == replace(access["previews/"], read=True, write=False, delete=False)


@pytest.mark.slow
async def test_every_upload_comes_to_its_end_on_a_bus_that_repeats_and_reorders(store: str) -> None:
    async with files_on(store, dispatch_per_owner=3) as files:
        bus = MemoryBus(ALL, seed=7, duplicates=0.5)
        service = Service(
            topology=TOPOLOGY,
            work=files.deps.work,
            bus=bus,
            deps=files.deps,
            app=None,
            tables=TABLES,
            jobs=jobs(files.deps),
            wait_seconds=1,
        )
        stopping = asyncio.Event()
        running = asyncio.create_task(service.run_background(stopping))
        judging = asyncio.create_task(judge(files, bus, stopping))
        try:
            begun = [await files.start(f"{number}.jpg", conflict="rename") for number in range(25)]
            for upload in begun:
                for _ in range(2):
                    await bus.send(STORAGE_QUEUE, notification(upload), {})

            async def all_ended() -> bool:
                return all([(await files.now(upload)).rule.is_end for upload in begun])

            await eventually(all_ended, within_seconds=60)
        finally:
            stopping.set()
            await asyncio.gather(running, judging)
        states = [(await files.now(upload)).state for upload in begun]
        assert states == ["rejected" if number % 5 == 0 else "committed" for number in range(25)]
        drive = await files.drive()
        assert (drive.used_bytes, drive.reserved_bytes) == (2000, 0)
        assert (await files.rows(text("SELECT count(*) FROM dead_letters")))[0][0] == 0
        committed = [fact for fact in await files.facts("files.item.committed.v1") if fact.data.owner_id == files.owner.user_id]
        assert len(committed) == 20


async def judge(files: Files, bus: MemoryBus, stopping: asyncio.Event) -> None:
    """A media worker that refuses every fifth file, by its name."""
    while not stopping.is_set():
        for message in await bus.receive("media-worker-fast", limit=10, wait_seconds=0.1):
            fact: Any = parse(message.body).data
            upload = await files.now(fact.upload_id)
            verdict = rejected if int(upload.name.partition(".")[0]) % 5 == 0 else cleared
            told = verdict(upload, etag=fact.etag)
            await bus.publish("media-worker-events", [Outgoing(told.id, told.to_json(), {"type": told.type})])
            await bus.delete("media-worker-fast", [message.receipt])


def notification(upload: Upload) -> str:
    stored = {"key": upload.blob_key, "size": upload.size_bytes, "eTag": '"e1"', "sequencer": upload.id}
    record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "coffer"}, "object": stored}}
    return json.dumps({"Records": [record]})
