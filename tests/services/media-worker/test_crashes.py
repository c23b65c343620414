"""Processes that die while they make previews: whatever came before, each file has its pictures once, and is told once."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import create_async_engine

from coffer_chassis.aws import open_clients
from coffer_chassis.blobs_aws import S3Blobs
from coffer_chassis.clock import SystemClock
from coffer_chassis.presign import Presigner, SigningKey
from coffer_chassis.revocations import DenyList
from coffer_chassis.topology import Topology
from coffer_chassis.unit_of_work import Work
from coffer_media_worker.children import Children
from coffer_media_worker.handlers.deps import Deps
from coffer_media_worker.store import tables
from factories import images, pdfs
from factories.cloud import Cloud
from factories.databases import Database
from factories.events import arrived, item_committed, page_requested
from factories.previews import ask, hear

pytestmark = pytest.mark.slow

FILES = 2
WORKER = Path(__file__).with_name("crash_worker.py")
PATIENCE_SECONDS = 60


class World:
    """A store with previews in line, and a bucket with the files."""

    def __init__(self, deps: Deps, settings: dict[str, Any]) -> None:
        self.deps = deps
        self.settings = settings
        self.blobs: list[str] = []

    async def upload(self, content: bytes) -> None:
        key = f"blobs/owner/{len(self.blobs)}"
        etag = await self.deps.blobs.write(key, content, content_type="image/jpeg")
        fact = item_committed(key=key, etag=etag, size_bytes=len(content))
        assert fact.content is not None
        self.blobs.append(fact.content.blob_id)
        await hear(self.deps, arrived(fact))

    async def turn_to(self, *pages: int) -> str:
        """Somebody turns to pages of a document whose preview was never made; where pictures of it lie."""
        content = pdfs.pages("one", "two", "three")
        key = f"blobs/owner/{len(self.blobs)}"
        etag = await self.deps.blobs.write(key, content, content_type="application/pdf")
        about: dict[str, Any] = {"mime_type": "application/pdf", "media_kind": "document"}
        fact = item_committed(key=key, etag=etag, size_bytes=len(content), **about)
        assert fact.content is not None
        await ask(self.deps, *(page_requested(fact, page, sequence=page) for page in pages))
        return f"previews/{fact.content.blob_id}/"

    async def run(self, death: str | None = None) -> int:
        """How a process ends that makes what is in line."""
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(WORKER.parents[2]), *sys.path])}
        process = await asyncio.create_subprocess_exec(sys.executable, WORKER, stdin=PIPE, env=environment)
        try:
            said = json.dumps(self.settings | {"death": death}).encode() + b"\n"
            await asyncio.wait_for(process.communicate(said), PATIENCE_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return process.returncode

    async def wait_for_leases(self) -> None:
        """As if as much time had passed as a dead process's lease has."""
        jobs = tables.preview_jobs
        async with self.deps.work.engine.begin() as connection:
            await connection.execute(update(jobs).values(due_at=SystemClock().now()).where(jobs.c.lease.is_not(None)))

    async def facts(self) -> list[dict[str, Any]]:
        """What was told."""
        outbox = tables.chassis.outbox
        async with self.deps.work.read() as connection:
            bodies = (await connection.execute(select(outbox.c.body).order_by(outbox.c.position))).scalars()
            return [json.loads(body)["data"] for body in bodies]

    async def last_told(self) -> list[tuple[str, list[str]]]:
        """Of each preview fact whether it has all sizes, and which pictures it names."""
        return [(fact["blob_id"], [image["key"] for image in fact["images"]]) for fact in await self.facts()]


@pytest.fixture
async def world(cloud: Cloud, database: Database, tag: str) -> AsyncIterator[World]:
    topology = Topology(bucket=f"{tag}-previews", services=())
    cloud.provision(topology)
    secret = cloud.admin.secret_access_key
    assert secret is not None
    url = database("coffer_media_worker")
    settings = {
        "endpoint": cloud.endpoint,
        "bucket": topology.bucket,
        "key": [cloud.admin.access_key_id, secret.get_secret_value()],
        "database": url,
    }
    engine, clock = create_async_engine(url), SystemClock()
    async with open_clients(cloud.admin, receivers=1, wait_seconds=1) as clients:
        presigner = Presigner(cloud.endpoint, cloud.admin.region)
        blobs = S3Blobs(
            clients.s3, bucket=topology.bucket, presigner=presigner, clock=clock, credentials=lambda: SigningKey("", "")
        )
        work = Work(engine, tables.chassis, source="/media-worker", clock=clock)
        deps = Deps(work=work, blobs=blobs, children=Children(), label=None, denied=DenyList(work, tables.revocations))
        yield World(deps, settings)
    await engine.dispose()


DEATHS = ("write:1", "commit:1", "told:1", "write:5")
"""Where one process after the other dies; together all that lies between two steps of a preview."""


async def test_killed_workers_leave_no_preview_out_and_none_twice(world: World) -> None:
    for _ in range(FILES):
        await world.upload(images.twelve_megapixels())
    for death in DEATHS:
        assert await world.run(death) == -signal.SIGKILL, death
        await world.wait_for_leases()
    assert await world.run() == 0
    told = await world.last_told()
    whole = Counter(blob for blob, keys in told if len(keys) == 3)
    small = Counter(blob for blob, keys in told if len(keys) == 1)
    assert whole == Counter(world.blobs)
    assert set(small.values()) <= {1}, "the small picture is told ahead, at most once"
    stored = [found.key for found in await world.deps.blobs.listed("previews/")]
    assert sorted(stored) == sorted(f"previews/{blob}/{box}" for blob in world.blobs for box in (400, 1024, 2048))
    async with world.deps.work.read() as connection:
        assert (await connection.execute(select(tables.preview_jobs.c.version_id))).all() == []


async def test_killed_workers_leave_no_page_out_and_none_twice(world: World) -> None:
    prefix = await world.turn_to(2, 3)
    for death in ("write:1", "commit:1", "told:1"):
        assert await world.run(death) == -signal.SIGKILL, death
        await world.wait_for_leases()
    assert await world.run() == 0
    assert Counter(fact["page"] for fact in await world.facts()) == {2: 1, 3: 1}
    stored = [found.key for found in await world.deps.blobs.listed(prefix)]
    assert stored == [f"{prefix}page-2/400", f"{prefix}page-3/400"]
    assert {fact["key"] for fact in await world.facts()} == set(stored)
