"""Puts the sharing service together: the only place where anything is constructed."""

from contextlib import AsyncExitStack

from litestar import Litestar

from coffer_chassis import token_uses
from coffer_chassis.access_rules import TokenVerifier
from coffer_chassis.admin.operations import Operations
from coffer_chassis.cursors import Cursors
from coffer_chassis.handling import types_of
from coffer_chassis.housekeeping import Job
from coffer_chassis.http import build_app
from coffer_chassis.revocations import DenyList
from coffer_chassis.runtime import open_runtime
from coffer_chassis.service import Service
from coffer_chassis.settings import CofferSettings
from coffer_chassis.topology import Lane, ServiceTopology
from coffer_chassis.unit_of_work import Work
from coffer_contracts.sharing import OperatorActedV1, SightingNotedV1
from coffer_sharing.handlers.deps import TREE, Deps
from coffer_sharing.handlers.ending import expire, forget
from coffer_sharing.handlers.reactions import PEOPLE_TABLE, TREE_TABLE
from coffer_sharing.handlers.snapshots import grants
from coffer_sharing.routes import ROUTES
from coffer_sharing.settings import SharingSettings
from coffer_sharing.store.tables import chassis, revocations

TREE_QUEUE = "sharing-tree"
PEOPLE_QUEUE = "sharing-people"

TOPOLOGY = ServiceTopology(
    service="sharing",
    lanes=(
        Lane(TREE_QUEUE, reads={"files-events": types_of(TREE_TABLE, "files")}),
        Lane(PEOPLE_QUEUE, reads={"auth-events": types_of(PEOPLE_TABLE, "auth")}),
    ),
)

LINGER_SECONDS = 0.05
"""Whoever shares what they have just made is kept waiting for its fact anyway."""

TABLES = {TREE_QUEUE: TREE_TABLE, PEOPLE_QUEUE: PEOPLE_TABLE}
DEPENDENCIES = ("deps", "cursors", "operations")
"""What the routes are given by name."""

FORGET_EVERY_SECONDS = 3600


def make_deps(work: Work, settings: SharingSettings) -> Deps:
    """What handlers use; tests build it from parts of their own."""
    deps = Deps(work, settings, DenyList(work, revocations))
    if work.wakeups is not None:
        work.wakeups.on(TREE, deps.arrivals.ring)
    return deps


def http_app(deps: Deps, coffer: CofferSettings, verifier: TokenVerifier, operations: Operations) -> Litestar:
    """The public routes. At start it is looked up who has signed out, so the store must be migrated and there by then."""
    key = bytes.fromhex(deps.settings.cursor_key.get_secret_value())
    return build_app(
        service="sharing",
        route_handlers=ROUTES,
        verifier=verifier,
        limiter=operations.limiter,
        dependencies={"deps": deps, "cursors": Cursors(key), "operations": operations},
        on_startup=[deps.denied.refresh],
        problem_base=f"{coffer.public_url}/docs",
    )


def jobs(deps: Deps) -> tuple[Job, ...]:
    """What is repeated in the background."""
    return (
        Job("expire", lambda: expire(deps), deps.settings.expire_every_seconds),
        Job("forget_shares", lambda: forget(deps), FORGET_EVERY_SECONDS),
        Job("forget_revocations", deps.denied.forget, FORGET_EVERY_SECONDS),
    )


async def build(coffer: CofferSettings, settings: SharingSettings) -> Service:
    """The service with its connections open; whoever calls closes it."""
    async with AsyncExitStack() as stack:
        runtime = await open_runtime(stack, coffer, settings, service="sharing", receivers=len(TOPOLOGY.lanes))
        deps = make_deps(runtime.work(chassis, source="/sharing"), settings)
        verifier = runtime.verifier(deps.denied.revocations)
        operations = Operations(TOPOLOGY, deps.work, runtime.bus, OperatorActedV1, runtime.limiter)
        return Service(
            topology=TOPOLOGY,
            work=deps.work,
            bus=runtime.bus,
            deps=deps,
            app=http_app(deps, coffer, verifier, operations),
            tables=TABLES,
            lingers={TREE_QUEUE: LINGER_SECONDS},
            jobs=jobs(deps),
            watches=(*deps.denied.watches(), *token_uses.watches(deps.work, verifier.sightings, SightingNotedV1)),
            snapshots=(grants(runtime.clock),),
            operations=operations,
            resources=stack.pop_all(),
            wait_seconds=settings.poll_wait_seconds,
            linger_seconds=settings.linger_seconds,
        )
    raise AssertionError("unreachable")
