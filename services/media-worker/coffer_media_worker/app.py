"""Puts the media worker together. It has queues and processes, and no public routes."""

from contextlib import AsyncExitStack

from coffer_chassis.handling import types_of
from coffer_chassis.runtime import open_runtime
from coffer_chassis.service import Service
from coffer_chassis.settings import CofferSettings
from coffer_chassis.topology import BlobAccess, Lane, ServiceTopology
from coffer_media_worker import store
from coffer_media_worker.children import Children
from coffer_media_worker.handlers import BULK, BULK_TABLE, FAST, FAST_TABLE, Deps
from coffer_media_worker.labels import Labels
from coffer_media_worker.settings import MediaWorkerSettings

NAME = "media-worker"
TABLES = {FAST: FAST_TABLE, BULK: BULK_TABLE}
TOPOLOGY = ServiceTopology(
    service=NAME,
    lanes=(
        Lane(FAST, reads={"files-events": types_of(FAST_TABLE, "files")}, visibility_seconds=60, max_receives=5),
        Lane(BULK, reads={"files-events": types_of(BULK_TABLE, "files")}, visibility_seconds=60, max_receives=10),
    ),
    blobs=(
        BlobAccess("blobs/", read=True),
        BlobAccess("incoming/", read=True),
        BlobAccess("previews/", read=True, write=True, delete=True),
    ),
)


async def build(coffer: CofferSettings, settings: MediaWorkerSettings) -> Service:
    """Open everything the media worker needs. The caller runs the service and closes it."""
    resources = AsyncExitStack()
    runtime = await open_runtime(resources, coffer, settings, service=NAME, receivers=len(TOPOLOGY.lanes))
    work = runtime.work(store.chassis, source="/media-worker")
    children = Children(concurrency=settings.children)
    await children.start()
    resources.push_async_callback(children.stop)
    return Service(
        topology=TOPOLOGY,
        work=work,
        bus=runtime.bus,
        deps=Deps(work=work, blobs=runtime.blobs, children=children, label=Labels()),
        app=None,
        tables=TABLES,
        # One job beyond those being rendered, so that its bytes are there when a process is free; sources are large.
        slots={FAST: 20, BULK: settings.children + 1},
        resources=resources,
        wait_seconds=settings.poll_wait_seconds,
        linger_seconds=settings.linger_seconds,
    )
