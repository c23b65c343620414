"""Puts the media worker together: queues, processes, and routes for operators only."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from importlib.util import find_spec

import structlog
from litestar import Litestar

from coffer_chassis import metrics, token_uses
from coffer_chassis.access_rules import TokenVerifier
from coffer_chassis.admin.operations import Operations
from coffer_chassis.cursors import Cursors
from coffer_chassis.handling import types_of
from coffer_chassis.housekeeping import Job
from coffer_chassis.http import build_app
from coffer_chassis.revocations import DenyList
from coffer_chassis.runtime import open_runtime
from coffer_chassis.service import Loop, Service
from coffer_chassis.settings import CofferSettings
from coffer_chassis.topology import BlobAccess, Lane, ServiceTopology
from coffer_contracts.media import OperatorActedV1, SightingNotedV1
from coffer_media_worker.child import BARRIERS
from coffer_media_worker.children import Children
from coffer_media_worker.handlers.deps import BULK, FAST, Deps
from coffer_media_worker.handlers.photos import PHOTOS, PHOTOS_TABLE, forget_photos
from coffer_media_worker.handlers.queueing import PREVIEWS
from coffer_media_worker.handlers.reactions import BULK_TABLE, FAST_TABLE
from coffer_media_worker.handlers.rendering import measure_previews, renderers
from coffer_media_worker.handlers.sessions import PEOPLE, PEOPLE_TABLE
from coffer_media_worker.labels import Labels
from coffer_media_worker.routes import ROUTES
from coffer_media_worker.settings import MediaWorkerSettings
from coffer_media_worker.store import tables

NAME = "media-worker"
TABLES = {FAST: FAST_TABLE, BULK: BULK_TABLE, PEOPLE: PEOPLE_TABLE, PHOTOS: PHOTOS_TABLE}
DEPENDENCIES = ("cursors", "operations")
"""What the routes are given by name."""
TOPOLOGY = ServiceTopology(
    service=NAME,
    lanes=(
        Lane(FAST, reads={"files-events": types_of(FAST_TABLE, "files")}, visibility_seconds=60, max_receives=5),
        Lane(BULK, reads={"files-events": types_of(BULK_TABLE, "files")}, visibility_seconds=60, max_receives=10),
        Lane(PEOPLE, reads={"auth-events": types_of(PEOPLE_TABLE, "auth")}),
        Lane(PHOTOS, reads={"auth-events": types_of(PHOTOS_TABLE, "auth")}),
    ),
    blobs=(
        BlobAccess("blobs/", read=True),
        BlobAccess("incoming/", read=True),
        BlobAccess("previews/", read=True, write=True, delete=True),
        BlobAccess("photos/incoming/", read=True),
        BlobAccess("photos/", write=True),
    ),
)


FORGET_EVERY_SECONDS = 3600
MEASURE_EVERY_SECONDS = 15
PHOTOS_IN_HAND = 2
"""One that is drawn, and one whose bytes are there when it is done."""

log = structlog.get_logger(__name__)


def http_app(
    denied: DenyList,
    coffer: CofferSettings,
    settings: MediaWorkerSettings,
    verifier: TokenVerifier,
    operations: Operations,
) -> Litestar:
    """The operators' routes. At start it is looked up who has signed out, so the store must be migrated and there by then."""
    return build_app(
        service=NAME,
        route_handlers=ROUTES,
        verifier=verifier,
        limiter=operations.limiter,
        dependencies={
            "cursors": Cursors(bytes.fromhex(settings.cursor_key.get_secret_value())),
            "operations": operations,
        },
        on_startup=[denied.refresh],
        problem_base=f"{coffer.public_url}/docs",
    )


def tell_barriers(missing: Sequence[str], *, required: bool) -> None:
    """Say what does not stand between a file and this machine. Raises RuntimeError if that is not to be put up with."""
    for barrier in BARRIERS:
        metrics.MEDIA_BARRIERS.labels(barrier).set(barrier not in missing)
    if missing and required:
        raise RuntimeError(
            f"This kernel does not offer: {', '.join(missing)}. COFFER_MEDIA_WORKER_JAIL_REQUIRED says to stop here."
        )
    if missing:
        log.warning("jail_incomplete", missing=list(missing), advice="files are decoded with less around them")


OPTIONAL = {
    "pi_heif": "HEIC and HEIF pictures (requirements/previews.txt)",
    "av": "films, and recordings without a cover (requirements/media-video.txt)",
    "pypdfium2": "PDF files (requirements/media-worker.txt)",
}
"""Decoders that need not be installed, by their module, and what has no preview without them."""


def tell_decoders() -> list[str]:
    """Say which files get no preview here because a decoder is not installed; what they are."""
    absent = [files for module, files in OPTIONAL.items() if find_spec(module) is None]
    if absent:
        log.warning("decoders_missing", without_preview=absent, advice="install what is named in brackets")
    return absent


async def build(coffer: CofferSettings, settings: MediaWorkerSettings) -> Service:
    """Open everything the media worker needs. The caller runs the service and closes it."""
    resources = AsyncExitStack()
    runtime = await open_runtime(resources, coffer, settings, service=NAME, receivers=len(TOPOLOGY.lanes))
    work = runtime.work(tables.chassis, source="/media-worker")
    denied = DenyList(work, tables.revocations)
    operations = Operations(TOPOLOGY, work, runtime.bus, OperatorActedV1, runtime.limiter)
    verifier = runtime.verifier(denied.revocations)
    children = Children(concurrency=settings.children)
    resources.push_async_callback(children.stop)
    tell_decoders()
    await children.start()
    tell_barriers(children.missing_barriers, required=settings.jail_required)
    deps = Deps(
        work=work,
        blobs=runtime.blobs,
        # Photos of people wait for no preview.
        children=children.beside(1),
        label=Labels(),
        denied=denied,
        antivirus=settings.antivirus(),
    )
    making = renderers(replace(deps, children=children), settings.children, replace(deps, children=children.beside(1)))
    service = Service(
        topology=TOPOLOGY,
        work=work,
        bus=runtime.bus,
        deps=deps,
        app=http_app(denied, coffer, settings, verifier, operations),
        tables=TABLES,
        slots={FAST: 20, PHOTOS: PHOTOS_IN_HAND},
        jobs=(
            Job("forget_revocations", denied.forget, FORGET_EVERY_SECONDS),
            Job("forget_photos", lambda: forget_photos(work), FORGET_EVERY_SECONDS),
            Job("measure_previews", lambda: measure_previews(deps), MEASURE_EVERY_SECONDS),
        ),
        loops=tuple(Loop(f"previews-{number}", each.run) for number, each in enumerate(making, 1)),
        watches=(*denied.watches(), *token_uses.watches(work, verifier.sightings, SightingNotedV1)),
        operations=operations,
        resources=resources,
        wait_seconds=settings.poll_wait_seconds,
        linger_seconds=settings.linger_seconds,
    )
    for each in making:
        service.wakeups.on(PREVIEWS, each.poke)
    return service
