"""Puts the files service together: the only place where anything is constructed."""

from contextlib import AsyncExitStack
from typing import Protocol

from litestar import Litestar

from coffer_chassis import token_uses
from coffer_chassis.access_rules import TokenVerifier
from coffer_chassis.admin.operations import Operations
from coffer_chassis.blobs import Blobs
from coffer_chassis.cursors import Cursors
from coffer_chassis.handling import types_of
from coffer_chassis.housekeeping import Job
from coffer_chassis.http import build_app
from coffer_chassis.revocations import DenyList
from coffer_chassis.runtime import open_runtime
from coffer_chassis.service import Loop, Service
from coffer_chassis.settings import CofferSettings
from coffer_chassis.tickets import TicketVerifier
from coffer_chassis.topology import BlobAccess, Lane, ServiceTopology
from coffer_chassis.unit_of_work import Work
from coffer_chassis.wakeups import OUTBOX
from coffer_contracts.files import OperatorActedV1, SightingNotedV1
from coffer_files.handlers import downloads
from coffer_files.handlers.burying import bury
from coffer_files.handlers.compacting import compact_feeds
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.downloads import Downloads, forget_downloads, tell_downloads
from coffer_files.handlers.feed_watch import CHANGES, FeedWatch
from coffer_files.handlers.granting import GRANTS
from coffer_files.handlers.interactions import WRITE_EVERY_SECONDS, Interactions, write_interactions
from coffer_files.handlers.jobs import JOBS
from coffer_files.handlers.landing import lander
from coffer_files.handlers.locks import forget_locks
from coffer_files.handlers.multiparts import abort_multiparts
from coffer_files.handlers.places import Places
from coffer_files.handlers.preview_requests import ask_again
from coffer_files.handlers.previews import give_up_previews
from coffer_files.handlers.reactions import FAST, STORAGE
from coffer_files.handlers.receiving import LANDINGS
from coffer_files.handlers.reconciling import reconcile
from coffer_files.handlers.retention import prune_versions
from coffer_files.handlers.snapshots import ITEMS
from coffer_files.handlers.sweeping import forget, sweep
from coffer_files.handlers.tallying import tally_trash
from coffer_files.handlers.texts import TEXT_QUEUE, TEXTS
from coffer_files.handlers.trash import purge_old
from coffer_files.handlers.working import WORKERS, forget_jobs, measure_jobs, worker
from coffer_files.routes import ROUTES
from coffer_files.settings import FilesSettings
from coffer_files.store.tables import chassis, revocations

STORAGE_QUEUE = "files-storage"
FAST_QUEUE = "files-fast"
GRANTS_QUEUE = "files-grants"
URGENT_QUEUE = "files-urgent"

RIGHTS = {"sharing-events": types_of(GRANTS, "sharing"), "auth-events": types_of(GRANTS, "auth")}

TOPOLOGY = ServiceTopology(
    service="files",
    lanes=(
        Lane(STORAGE_QUEUE, storage_prefixes=("blobs/", "incoming/")),
        Lane(
            FAST_QUEUE,
            reads={"media-worker-events": types_of(FAST, "media"), "auth-events": types_of(FAST, "auth")},
        ),
        Lane(GRANTS_QUEUE, reads=RIGHTS),
        # What takes something away, once more: it does not wait for what gives.
        Lane(URGENT_QUEUE, reads=RIGHTS, urgent=True),
        Lane(TEXT_QUEUE, reads={"media-worker-events": types_of(TEXTS, "media")}, visibility_seconds=60),
    ),
    blobs=(
        BlobAccess("blobs/", read=True, write=True, delete=True, tidy=True),
        BlobAccess("incoming/", read=True, write=True, delete=True, tidy=True),
        BlobAccess("quarantine/", read=True, write=True, delete=True),
        # The media worker writes there; what belongs to nothing any more is known here only.
        BlobAccess("previews/", read=True, delete=True),
    ),
)

LINGERS = {STORAGE_QUEUE: 0.2, TEXT_QUEUE: 0.2}
"""Who sent a file has mostly said so before the bucket does, and nobody notices whether words are found so much later."""

TABLES = {STORAGE_QUEUE: STORAGE, FAST_QUEUE: FAST, GRANTS_QUEUE: GRANTS, URGENT_QUEUE: GRANTS, TEXT_QUEUE: TEXTS}
DEPENDENCIES = ("deps", "cursors", "operations", "problem_base", "tickets")
"""What the routes are given by name."""

BURY_EVERY_SECONDS = 5
RECONCILE_EVERY_SECONDS = 5
"""How soon somebody looks whether a comparison was asked for."""

TALLY_EVERY_SECONDS = 15
MEASURE_JOBS_EVERY_SECONDS = 10
FORGET_EVERY_SECONDS = 3600
ASK_AGAIN_EVERY_SECONDS = 300


def make_deps(work: Work, blobs: Blobs, settings: FilesSettings, public_url: str = "") -> Deps:
    """What handlers use; tests build it from parts of their own."""
    return Deps(
        work,
        blobs,
        settings,
        DenyList(work, revocations),
        addresses=settings.cloudfront(work.clock) or blobs,
        downloads=Downloads(work.clock),
        archiving=Places(settings.archives_at_once),
        interactions=Interactions(work.clock),
        watch=FeedWatch(work, most=settings.feed_waits, most_each=settings.feed_waits_per_person),
        public_url=public_url,
    )


class Verifies(TokenVerifier, TicketVerifier, Protocol):
    """Reads tokens of callers, and tickets."""


def http_app(deps: Deps, coffer: CofferSettings, verifier: Verifies, operations: Operations) -> Litestar:
    """The public routes. At start it is looked up who has signed out, so the store must be migrated and there by then."""
    key = bytes.fromhex(deps.settings.cursor_key.get_secret_value())
    problem_base = f"{coffer.public_url}/docs"
    return build_app(
        service="files",
        route_handlers=ROUTES,
        verifier=verifier,
        limiter=operations.limiter,
        dependencies={
            "deps": deps,
            "cursors": Cursors(key),
            "operations": operations,
            "problem_base": problem_base,
            "tickets": verifier,
        },
        on_startup=[deps.denied.refresh],
        problem_base=problem_base,
    )


def jobs(deps: Deps) -> tuple[Job, ...]:
    """What is repeated in the background."""
    return (
        Job("sweep", lambda: sweep(deps), deps.settings.sweep_every_seconds),
        Job("bury", lambda: bury(deps), BURY_EVERY_SECONDS),
        Job("reconcile", lambda: reconcile(deps), RECONCILE_EVERY_SECONDS),
        Job("give_up_previews", lambda: give_up_previews(deps), FORGET_EVERY_SECONDS),
        Job("ask_again_for_previews", lambda: ask_again(deps), ASK_AGAIN_EVERY_SECONDS),
        Job("abort_multiparts", lambda: abort_multiparts(deps), FORGET_EVERY_SECONDS),
        Job("prune_versions", lambda: prune_versions(deps), FORGET_EVERY_SECONDS),
        Job("tally_trash", lambda: tally_trash(deps), TALLY_EVERY_SECONDS),
        Job("compact_feeds", lambda: compact_feeds(deps), FORGET_EVERY_SECONDS),
        Job("purge_old", lambda: purge_old(deps), FORGET_EVERY_SECONDS),
        Job("forget", lambda: forget(deps), FORGET_EVERY_SECONDS),
        Job("forget_jobs", lambda: forget_jobs(deps), FORGET_EVERY_SECONDS),
        Job("forget_locks", lambda: forget_locks(deps), FORGET_EVERY_SECONDS),
        Job("forget_downloads", lambda: forget_downloads(deps.work), FORGET_EVERY_SECONDS),
        Job("forget_revocations", deps.denied.forget, FORGET_EVERY_SECONDS),
        Job("measure_jobs", lambda: measure_jobs(deps), MEASURE_JOBS_EVERY_SECONDS),
    )


async def build(coffer: CofferSettings, settings: FilesSettings) -> Service:
    """The service with its connections open; whoever calls closes it."""
    async with AsyncExitStack() as stack:
        runtime = await open_runtime(stack, coffer, settings, service="files", receivers=len(TOPOLOGY.lanes))
        deps = make_deps(runtime.work(chassis, source="/files"), runtime.blobs, settings, coffer.public_url)
        # Before the store is closed: what was handed out in the last seconds is told of, too.
        stack.push_async_callback(tell_downloads, deps.work, deps.downloads)
        verifier = runtime.verifier(deps.denied.revocations)
        operations = Operations(TOPOLOGY, deps.work, runtime.bus, OperatorActedV1, runtime.limiter)
        workers = [worker(deps) for _ in range(WORKERS)]
        landing = lander(deps)
        service = Service(
            topology=TOPOLOGY,
            work=deps.work,
            bus=runtime.bus,
            deps=deps,
            app=http_app(deps, coffer, verifier, operations),
            tables=TABLES,
            recover=lambda: sweep(deps, grace_seconds=0),
            jobs=jobs(deps),
            loops=(
                Loop("lander", landing.run),
                *(Loop(f"jobs-{number}", each.run) for number, each in enumerate(workers, 1)),
            ),
            watches=(
                *deps.denied.watches(),
                *downloads.watches(deps.work, deps.downloads),
                *token_uses.watches(deps.work, verifier.sightings, SightingNotedV1),
                Job("write_interactions", lambda: write_interactions(deps.work, deps.interactions), WRITE_EVERY_SECONDS),
            ),
            answering=(Loop("feeds", deps.watch.run),),
            snapshots=(ITEMS,),
            operations=operations,
            resources=stack.pop_all(),
            wait_seconds=settings.poll_wait_seconds,
            lingers=LINGERS,
            linger_seconds=settings.linger_seconds,
        )
        for each in workers:
            service.wakeups.on(JOBS, each.poke)
        service.wakeups.on(LANDINGS, landing.poke)
        # Whoever writes into a feed tells others of it as well, or wakes readers by name.
        service.wakeups.follow(OUTBOX, CHANGES)
        service.wakeups.on(CHANGES, deps.watch.poke)
        return service
    raise AssertionError("unreachable")
