"""How long a verdict takes, how many previews a worker makes from the line to the bucket, and what a crowd does to others."""

import asyncio
import contextlib
import os
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import uuid4

import psutil
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import create_async_engine

from bench.measures import Row
from bench.media import THUMBNAIL, bare_loop
from coffer_chassis.aws import open_clients
from coffer_chassis.blobs_aws import S3Blobs
from coffer_chassis.clock import SystemClock
from coffer_chassis.ids import new_id
from coffer_chassis.presign import Presigner, SigningKey
from coffer_chassis.revocations import DenyList
from coffer_chassis.rounds import Rounds
from coffer_chassis.topology import Topology
from coffer_chassis.unit_of_work import Work
from coffer_contracts.ids import UserId
from coffer_media_worker.children import Children
from coffer_media_worker.domain import SIZES
from coffer_media_worker.handlers.deps import Deps
from coffer_media_worker.handlers.rendering import renderers
from coffer_media_worker.store import tables
from factories import images
from factories.cloud import Cloud, running_cloud
from factories.databases import running_postgres
from factories.events import arrived, item_committed
from factories.memory import in_memory
from factories.people import Person
from factories.previews import hear
from factories.stacks import LocalStack

BUCKET = "bench-previews"
CROWD = 200


def verdict_latency(stack: LocalStack, photos: int = 20) -> list[Row]:
    """By the timelines of uploads, one at a time on an idle stack: from the fact that bytes have come to the verdict, and until
    files has heard it.
    """
    ana = Person.at(stack.url)
    rows = []
    for name, content in (("12 MP JPEG", images.twelve_megapixels()), ("JPEG of 640x480", images.jpeg())):
        ana.previewed(ana.upload(f"{uuid4().hex}.jpg", content, mime_type="image/jpeg")["item_id"])
        begun, heard = [], []
        for _ in range(photos):
            time.sleep(0.3)  # idle means that the last photo's events are through
            started = ana.announce(f"{uuid4().hex}.jpg", len(content), mime_type="image/jpeg")
            ana.send(started, content)
            ana.complete(started["id"])
            ana.previewed(ana.finished(started["id"])["item_id"])
            at = {
                step["step"]: datetime.fromisoformat(step["at"])
                for step in ana.get(f"/v1/uploads/{started['id']}/timeline")["steps"]
            }
            begun.append((at["verdict_started"] - at["dispatched"]).total_seconds() * 1000)
            heard.append((at["cleared"] - at["dispatched"]).total_seconds() * 1000)
        what = f"verdict on a {name}, from the fact that bytes have come until files has heard it, p50 of {photos} (max)"
        figure = f"{statistics.median(heard):.0f} ms ({max(heard):.0f} ms)"
        reference = f"50 ms; the media worker begins after {statistics.median(begun):.0f} ms"
        rows.append(Row(what, figure, reference, f"{statistics.median(heard) / 50:.2f}"))
    return rows


@dataclass
class _Worker:
    """The media worker's making of previews, on a store and a bucket of its own."""

    deps: Deps
    children: Children
    at_once: int
    hands: list[Rounds] = field(default_factory=list)

    async def photo(self, owner: UserId, content: bytes, key: str) -> None:
        """A photo that was committed."""
        etag = await self.deps.blobs.write(key, content, content_type="image/jpeg")
        fact = item_committed(key=key, etag=etag, size_bytes=len(content))
        await hear(self.deps, arrived(fact.model_copy(update={"owner_id": owner})))
        for hand in self.hands:
            hand.poke()

    async def left(self, owner: UserId) -> int:
        """How many of an owner are not done."""
        jobs = tables.preview_jobs
        async with self.deps.work.read() as connection:
            counted = select(func.count()).select_from(jobs).where(jobs.c.owner_id == owner)
            return int((await connection.execute(counted)).scalar_one())

    async def done(self, owner: UserId) -> None:
        """Wait until all of an owner are done."""
        while await self.left(owner):  # noqa: ASYNC110  # what ends is a row in a store, which tells nobody
            await asyncio.sleep(0.002)

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """While previews are made."""
        stopping = asyncio.Event()
        self.hands = renderers(self.deps, self.at_once, replace(self.deps, children=self.children.beside(1)))
        async with asyncio.TaskGroup() as running:
            for hand in self.hands:
                running.create_task(hand.run(stopping))
            try:
                yield
            finally:
                stopping.set()

    def spent(self) -> float:
        """Processor seconds of this process, and of the rendering processes that have ended."""
        assert self.children.parent_pid is not None
        parent = psutil.Process(self.children.parent_pid).cpu_times()
        return time.process_time() + float(parent.user + parent.system + parent.children_user + parent.children_system)


async def _flow(cloud: Cloud, url: str) -> list[Row]:
    cores = len(os.sched_getaffinity(0))
    engine, clock, children = create_async_engine(url), SystemClock(), Children(concurrency=cores)
    await children.start()
    async with open_clients(cloud.admin, receivers=1, wait_seconds=1) as clients:
        presigner = Presigner(cloud.endpoint, cloud.admin.region)
        blobs = S3Blobs(clients.s3, bucket=BUCKET, presigner=presigner, clock=clock, credentials=lambda: SigningKey("", ""))
        work = Work(engine, tables.chassis, source="/media-worker", clock=clock)
        deps = Deps(work=work, blobs=blobs, children=children, label=None, denied=DenyList(work, tables.revocations))
        worker = _Worker(deps, children, cores)
        rows = [await _end_to_end(worker), await _beside_a_crowd(worker)]
    await children.stop()
    await engine.dispose()
    return rows


async def _end_to_end(worker: _Worker, photos: int = 60) -> Row:
    content, owner, cores = images.twelve_megapixels(), UserId(new_id()), worker.at_once
    for number in range(photos):
        await worker.photo(owner, content, f"blobs/one/{number}")
    before, begun = worker.spent(), time.perf_counter()
    async with worker.at_work():
        await worker.done(owner)
        took, spent = time.perf_counter() - begun, worker.spent() - before
    begun = time.perf_counter()
    for _ in range(10):
        bare_loop(content, SIZES)
    bare = cores * 10 / (time.perf_counter() - begun)
    begun = time.perf_counter()
    for _ in range(10):
        bare_loop(content, THUMBNAIL)
    small = cores * 10 / (time.perf_counter() - begun)
    what = f"previews of 12 MP JPEG, three sizes, from the line to the bucket and the outbox, {cores} drawn at once"
    figure = f"{photos / took:.1f}/s; {spent / took:.2f} of {cores} cores busy with it, bucket and store apart"
    reference = f"{bare:.1f}/s: the bare loop of the same sizes on every core; {small:.0f}/s of the smallest alone"
    return Row(what, figure, reference, f"{bare * took / photos:.2f}")


async def _beside_a_crowd(worker: _Worker, tries: int = 8) -> Row:
    content = images.twelve_megapixels()
    crowd = UserId(new_id())

    async def alone() -> float:
        owner = UserId(new_id())
        await worker.photo(owner, content, f"blobs/other/{uuid4()}")
        begun = time.perf_counter()
        await worker.done(owner)
        return time.perf_counter() - begun

    async with worker.at_work():
        usual = [await alone() for _ in range(tries)]
    for number in range(CROWD):
        await worker.photo(crowd, content, f"blobs/crowd/{number}")
    async with worker.at_work():
        beside = [await alone() for _ in range(tries)]
        left = await worker.left(crowd)
        await worker.done(crowd)
    what = f"another's preview while one owner has {CROWD} photos of 12 MP in line, p50 of {tries} (max)"
    figure = (
        f"{statistics.median(beside) * 1000:.0f} ms ({max(beside) * 1000:.0f} ms); {left} of the {CROWD} still in line after"
    )
    reference = f"{statistics.median(usual) * 1000:.0f} ms ({max(usual) * 1000:.0f} ms): with nobody else in line"
    return Row(what, figure, reference, f"{statistics.median(beside) / statistics.median(usual):.1f}")


def cost_of_flow() -> list[Row]:
    """On a store and a bucket of their own."""
    with running_postgres(in_memory()) as postgres, running_cloud() as cloud:
        cloud.provision(Topology(bucket=BUCKET, services=()))
        return asyncio.run(_flow(cloud, postgres.database("coffer_media_worker")))
