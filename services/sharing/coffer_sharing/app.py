"""Puts the sharing service together: the only place where anything is constructed."""

from contextlib import AsyncExitStack

from litestar import Litestar

from coffer_chassis import token_uses
from coffer_chassis.access_rules import TokenVerifier
from coffer_chassis.admin.operations import Operations
from coffer_chassis.cursors import Cursors
from coffer_chassis.handling import types_of
from coffer_chassis.hashing import Hashing
from coffer_chassis.housekeeping import Job
from coffer_chassis.http import build_app
from coffer_chassis.revocations import DenyList
from coffer_chassis.runtime import open_runtime
from coffer_chassis.sealing import SealingKey
from coffer_chassis.service import Loop, Service
from coffer_chassis.settings import CofferSettings
from coffer_chassis.signing.ring import KeyRing
from coffer_chassis.signing.verifying import own_verifier
from coffer_chassis.topology import Lane, ServiceTopology
from coffer_chassis.unit_of_work import Work
from coffer_contracts.sharing import OperatorActedV1, SightingNotedV1
from coffer_sharing.addresses import Addresses
from coffer_sharing.domain.links import SESSION_LIFE
from coffer_sharing.handlers.comments_ending import remove_comments_of_gone
from coffer_sharing.handlers.deps import INVITATIONS, TREE, Deps
from coffer_sharing.handlers.ending import expire, forget, forget_invitations, lapse
from coffer_sharing.handlers.link_ending import expire_links, forget_links
from coffer_sharing.handlers.reactions import PEOPLE_TABLE, TREE_TABLE
from coffer_sharing.handlers.settling import key_addresses, settler
from coffer_sharing.handlers.snapshots import grants, link_grants
from coffer_sharing.routes import ROUTES
from coffer_sharing.settings import SharingSettings
from coffer_sharing.store.tables import chassis, revocations, signing_keys
from coffer_sharing.tokens import LinkTokens

TREE_QUEUE = "sharing-tree"
PEOPLE_QUEUE = "sharing-people"

TOPOLOGY = ServiceTopology(
    service="sharing",
    lanes=(
        Lane(TREE_QUEUE, reads={"files-events": types_of(TREE_TABLE, "files")}),
        Lane(PEOPLE_QUEUE, reads={"auth-events": types_of(PEOPLE_TABLE, "auth")}),
    ),
    sends_privately=True,
)

LINGER_SECONDS = 0.05
"""Whoever shares what they have just made is kept waiting for its fact anyway."""

TABLES = {TREE_QUEUE: TREE_TABLE, PEOPLE_QUEUE: PEOPLE_TABLE}
DEPENDENCIES = ("deps", "cursors", "operations", "sessions")
"""What the routes are given by name."""

FORGET_EVERY_SECONDS = 3600
LAPSE_EVERY_SECONDS = 60
REMOVE_EVERY_SECONDS = 10
"""Nobody can see by then what is to be removed."""


def make_deps(work: Work, settings: SharingSettings, public_url: str = "") -> Deps:
    """What handlers use; tests build it from parts of their own. Whoever calls closes `hashing`."""
    secret = bytes.fromhex(settings.key_secret.get_secret_value())
    deps = Deps(
        work,
        settings,
        DenyList(work, revocations),
        addresses=Addresses(bytes.fromhex(settings.address_secret.get_secret_value())),
        mail_key=SealingKey.of_hex(settings.mail_public_key),
        hashing=Hashing.of(settings),
        keys=KeyRing(work, signing_keys, secret, SESSION_LIFE),
        link_tokens=LinkTokens(secret),
        public_url=public_url,
    )
    if work.wakeups is not None:
        work.wakeups.on(TREE, deps.arrivals.ring)
    return deps


def http_app(deps: Deps, coffer: CofferSettings, verifier: TokenVerifier, operations: Operations) -> Litestar:
    """The public routes. At start it is looked up who has signed out, and the first signing key is made, so the store
    must be migrated and there by then.
    """
    key = bytes.fromhex(deps.settings.cursor_key.get_secret_value())

    async def prepare() -> None:
        await deps.denied.refresh()
        await deps.keys.current()

    return build_app(
        service="sharing",
        route_handlers=ROUTES,
        verifier=verifier,
        limiter=operations.limiter,
        dependencies={"deps": deps, "cursors": Cursors(key), "operations": operations, "sessions": verifier},
        on_startup=[prepare],
        problem_base=f"{coffer.public_url}/docs",
    )


def jobs(deps: Deps) -> tuple[Job, ...]:
    """What is repeated in the background."""
    return (
        Job("expire", lambda: expire(deps), deps.settings.expire_every_seconds),
        Job("lapse", lambda: lapse(deps), LAPSE_EVERY_SECONDS),
        Job("key_addresses", lambda: key_addresses(deps), FORGET_EVERY_SECONDS),
        Job("forget_invitations", lambda: forget_invitations(deps), FORGET_EVERY_SECONDS),
        Job("expire_links", lambda: expire_links(deps), deps.settings.expire_every_seconds),
        Job("forget_links", lambda: forget_links(deps), FORGET_EVERY_SECONDS),
        Job("remove_comments", lambda: remove_comments_of_gone(deps), REMOVE_EVERY_SECONDS),
        Job("forget_shares", lambda: forget(deps), FORGET_EVERY_SECONDS),
        Job("forget_revocations", deps.denied.forget, FORGET_EVERY_SECONDS),
    )


async def build(coffer: CofferSettings, settings: SharingSettings) -> Service:
    """The service with its connections open; whoever calls closes it."""
    async with AsyncExitStack() as stack:
        runtime = await open_runtime(stack, coffer, settings, service="sharing", receivers=len(TOPOLOGY.lanes))
        deps = make_deps(runtime.work(chassis, source="/sharing"), settings, coffer.public_url)
        stack.callback(deps.hashing.close)
        verifier = own_verifier(
            coffer,
            settings.issuer,
            ("link", "ticket"),
            deps.keys,
            runtime.clock,
            revocations=deps.denied.revocations,
        )
        operations = Operations(TOPOLOGY, deps.work, runtime.bus, OperatorActedV1, runtime.limiter)
        invitations = settler(deps)
        service = Service(
            topology=TOPOLOGY,
            work=deps.work,
            bus=runtime.bus,
            deps=deps,
            app=http_app(deps, coffer, verifier, operations),
            tables=TABLES,
            lingers={TREE_QUEUE: LINGER_SECONDS},
            jobs=jobs(deps),
            watches=(*deps.denied.watches(), *token_uses.watches(deps.work, verifier.sightings, SightingNotedV1)),
            snapshots=(grants(runtime.clock), link_grants(runtime.clock)),
            loops=(Loop("invitations", invitations.run),),
            operations=operations,
            resources=stack.pop_all(),
            wait_seconds=settings.poll_wait_seconds,
            linger_seconds=settings.linger_seconds,
        )
        service.wakeups.on(INVITATIONS, invitations.poke)
        return service
    raise AssertionError("unreachable")
