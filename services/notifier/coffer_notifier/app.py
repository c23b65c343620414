"""Puts the notifier together: the only place where anything is constructed."""

from contextlib import AsyncExitStack

import structlog
from litestar import Litestar

from coffer_chassis import token_uses
from coffer_chassis.access_rules import TokenVerifier
from coffer_chassis.admin.operations import Operations
from coffer_chassis.aws import open_mail_client
from coffer_chassis.cursors import Cursors
from coffer_chassis.handling import types_of
from coffer_chassis.housekeeping import Job
from coffer_chassis.http import build_app
from coffer_chassis.revocations import DenyList
from coffer_chassis.runtime import aws_access, open_runtime
from coffer_chassis.service import Loop, Service
from coffer_chassis.settings import CofferSettings
from coffer_chassis.topology import Lane, ServiceTopology
from coffer_chassis.unit_of_work import Work
from coffer_contracts.notifier import OperatorActedV1, SightingNotedV1
from coffer_notifier.calling import WebReceivers
from coffer_notifier.handlers.auditing import AUDIT
from coffer_notifier.handlers.cleaning import forget, measure
from coffer_notifier.handlers.deps import Deps, Post
from coffer_notifier.handlers.mailing import Mailer
from coffer_notifier.handlers.matching import WEBHOOKS, with_webhooks
from coffer_notifier.handlers.reactions import BULK, FAST
from coffer_notifier.handlers.requested_mail import PRIVATE
from coffer_notifier.handlers.sending import Sender
from coffer_notifier.handlers.telling import MAIL, STREAM
from coffer_notifier.posting import SesPost
from coffer_notifier.routes import ROUTES
from coffer_notifier.settings import NotifierSettings
from coffer_notifier.store.tables import chassis, revocations
from coffer_notifier.stream.hub import Hub
from coffer_notifier.vault import Vault

__all__ = ["DEPENDENCIES", "ROUTES", "TABLES", "TOPOLOGY", "build"]

FAST_QUEUE = "notifier-fast"
BULK_QUEUE = "notifier-bulk"
AUDIT_QUEUE = "notifier-audit"
PRIVATE_QUEUE = "notifier-private"

EMITTERS = {"auth": "auth", "files": "files", "media-worker": "media", "sharing": "sharing", "notifier": "notifier"}
"""Who publishes facts for the audit -> how their types begin."""

TOPOLOGY = ServiceTopology(
    service="notifier",
    lanes=(
        Lane(FAST_QUEUE, reads={f"{service}-events": types_of(FAST, service) for service in ("sharing", "auth", "notifier")}),
        Lane(
            BULK_QUEUE,
            reads={"files-events": types_of(BULK, "files"), "media-worker-events": types_of(BULK, "media")},
            max_receives=10,
        ),
        Lane(AUDIT_QUEUE, reads={f"{service}-events": types_of(AUDIT, types) for service, types in EMITTERS.items()}),
        Lane(PRIVATE_QUEUE, reads={"auth-private": types_of(PRIVATE, "auth")}, private=True),
    ),
    sends_mail=True,
)

LINGER_SECONDS = 0.05
"""Nobody notices whether a hint at changes comes so much later."""

TABLES = {
    queue: with_webhooks(table)
    for queue, table in {FAST_QUEUE: FAST, BULK_QUEUE: BULK, AUDIT_QUEUE: AUDIT, PRIVATE_QUEUE: PRIVATE}.items()
}
DEPENDENCIES = ("deps", "cursors", "operations", "hub")
"""What the routes are given by name."""

FORGET_EVERY_SECONDS = 3600
MEASURE_EVERY_SECONDS = 15

log = structlog.get_logger(__name__)


def make_deps(work: Work, settings: NotifierSettings, post: Post, *, public_url: str) -> Deps:
    """What handlers use; tests build it from parts of their own."""
    receivers = WebReceivers(allow_loopback=settings.webhook_allow_loopback)
    vault = Vault(bytes.fromhex(settings.webhook_key_secret.get_secret_value()))
    return Deps(work, settings, public_url, DenyList(work, revocations), post, receivers, vault)


def http_app(deps: Deps, hub: Hub, coffer: CofferSettings, verifier: TokenVerifier, operations: Operations) -> Litestar:
    """The public routes. At start it is looked up who has signed out, so the store must be migrated and there by then."""
    key = bytes.fromhex(deps.settings.cursor_key.get_secret_value())
    return build_app(
        service="notifier",
        route_handlers=ROUTES,
        verifier=verifier,
        limiter=operations.limiter,
        dependencies={"deps": deps, "cursors": Cursors(key), "operations": operations, "hub": hub},
        on_startup=[deps.denied.refresh],
        problem_base=f"{coffer.public_url}/docs",
    )


def jobs(deps: Deps) -> tuple[Job, ...]:
    """What is repeated in the background."""
    return (
        Job("forget", lambda: forget(deps), FORGET_EVERY_SECONDS),
        Job("forget_revocations", deps.denied.forget, FORGET_EVERY_SECONDS),
        Job("measure", lambda: measure(deps), MEASURE_EVERY_SECONDS),
    )


async def build(coffer: CofferSettings, settings: NotifierSettings) -> Service:
    """The service with its connections open; whoever calls closes it."""
    async with AsyncExitStack() as stack:
        runtime = await open_runtime(stack, coffer, settings, service="notifier", receivers=len(TOPOLOGY.lanes))
        ses = await stack.enter_async_context(open_mail_client(aws_access(settings)))
        post = SesPost(ses, settings.mail_from)
        deps = make_deps(runtime.work(chassis, source="/notifier"), settings, post, public_url=coffer.public_url)
        verifier = runtime.verifier(deps.denied.revocations)
        operations = Operations(TOPOLOGY, deps.work, runtime.bus, OperatorActedV1, runtime.limiter)
        hub, mailer, sender = Hub(deps), Mailer(deps), Sender(deps)
        if settings.webhook_allow_loopback:
            log.warning("webhooks_reach_this_machine", setting="COFFER_NOTIFIER_WEBHOOK_ALLOW_LOOPBACK")
        service = Service(
            topology=TOPOLOGY,
            work=deps.work,
            bus=runtime.bus,
            deps=deps,
            app=http_app(deps, hub, coffer, verifier, operations),
            tables=TABLES,
            lingers={BULK_QUEUE: LINGER_SECONDS},
            jobs=jobs(deps),
            watches=(*deps.denied.watches(), *token_uses.watches(deps.work, verifier.sightings, SightingNotedV1)),
            loops=(Loop("mailer", mailer.run), Loop("webhooks", sender.run)),
            answering=(Loop("hub", hub.run),),
            operations=operations,
            resources=stack.pop_all(),
            wait_seconds=settings.poll_wait_seconds,
            linger_seconds=settings.linger_seconds,
        )
        service.wakeups.on(STREAM, hub.poke)
        service.wakeups.on(MAIL, mailer.poke)
        service.wakeups.on(WEBHOOKS, sender.poke)
        return service
    raise AssertionError("unreachable")
