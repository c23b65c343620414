"""Puts the notifier together: the only place where anything is constructed."""

from contextlib import AsyncExitStack

import structlog
from litestar import Litestar

from coffer_chassis import token_uses
from coffer_chassis.access_rules import TokenVerifier
from coffer_chassis.admin.operations import Operations
from coffer_chassis.aws import open_mail_client, open_topic_client
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
from coffer_notifier.domain.webhooks import most_under_way
from coffer_notifier.handlers.auditing import AUDIT
from coffer_notifier.handlers.chaining import anchor_days, chain_new, forget_old, measure_chain
from coffer_notifier.handlers.cleaning import forget, measure
from coffer_notifier.handlers.counting import counted, fold
from coffer_notifier.handlers.deps import Deps, Post, Queues, Topics
from coffer_notifier.handlers.mailing import mailer
from coffer_notifier.handlers.matching import WEBHOOKS, with_webhooks
from coffer_notifier.handlers.reactions import BULK, FAST
from coffer_notifier.handlers.requested_mail import PRIVATE
from coffer_notifier.handlers.sending import STOP_SECONDS as SENDING_STOP_SECONDS
from coffer_notifier.handlers.sending import Sender
from coffer_notifier.handlers.telling import MAIL, STREAM
from coffer_notifier.posting import SesPost, SmtpPost, SmtpServer
from coffer_notifier.queueing import SqsQueues
from coffer_notifier.routes import ROUTES
from coffer_notifier.routes.outgoing import outgoing
from coffer_notifier.settings import NotifierSettings
from coffer_notifier.store.tables import chassis, revocations
from coffer_notifier.stream.hub import Hub
from coffer_notifier.topic_subscribing import SnsTopics
from coffer_notifier.vault import Vault

__all__ = ["DEPENDENCIES", "ROUTES", "TABLES", "TOPOLOGY", "build", "outgoing"]

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
        Lane(
            PRIVATE_QUEUE,
            reads={f"{service}-private": types_of(PRIVATE, service) for service in ("auth", "sharing")},
            private=True,
        ),
    ),
    sends_mail=True,
    sends_to_queues=True,
    subscribes_queues=True,
)

LINGER_SECONDS = 0.05
"""Nobody notices whether a hint at changes comes so much later."""

TABLES = {
    queue: with_webhooks(table)
    for queue, table in {
        FAST_QUEUE: counted(FAST),
        BULK_QUEUE: counted(BULK),
        AUDIT_QUEUE: AUDIT,
        PRIVATE_QUEUE: PRIVATE,
    }.items()
}
DEPENDENCIES = ("deps", "cursors", "operations", "hub")
"""What the routes are given by name."""

FORGET_EVERY_SECONDS = 3600
MEASURE_EVERY_SECONDS = 15
CHAIN_EVERY_SECONDS = 2
"""How long an entry of the audit may stand there before its place in the chain is fixed."""
ANCHOR_EVERY_SECONDS = 600
FOLD_EVERY_SECONDS = 10
"""How far usage figures are behind, at most, while nothing waits in queues."""

log = structlog.get_logger(__name__)


def make_deps(work: Work, settings: NotifierSettings, post: Post, queues: Queues, topics: Topics, *, public_url: str) -> Deps:
    """What handlers use; tests build it from parts of their own."""
    receivers = WebReceivers(allow_loopback=settings.webhook_allow_loopback)
    vault = Vault(bytes.fromhex(settings.webhook_key_secret.get_secret_value()))
    return Deps(work, settings, public_url, DenyList(work, revocations), post, receivers, queues, topics, vault)


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
        Job("chain_audit", lambda: chain_new(deps), CHAIN_EVERY_SECONDS),
        Job("anchor_audit", lambda: anchor_days(deps), ANCHOR_EVERY_SECONDS),
        Job("forget_audit", lambda: forget_old(deps), FORGET_EVERY_SECONDS),
        Job("measure_audit", lambda: measure_chain(deps), MEASURE_EVERY_SECONDS),
        Job("fold_figures", lambda: fold(deps), FOLD_EVERY_SECONDS),
    )


async def _open_post(stack: AsyncExitStack, settings: NotifierSettings) -> Post:
    if settings.mail_transport == "ses" or settings.smtp_host is None:
        ses = await stack.enter_async_context(open_mail_client(aws_access(settings)))
        return SesPost(ses, settings.mail_from)
    password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
    server = SmtpServer(settings.smtp_host, settings.smtp_port, settings.smtp_security, settings.smtp_username, password)
    return SmtpPost(server, settings.mail_from)


async def build(coffer: CofferSettings, settings: NotifierSettings) -> Service:
    """The service with its connections open; whoever calls closes it."""
    async with AsyncExitStack() as stack:
        runtime = await open_runtime(stack, coffer, settings, service="notifier", receivers=len(TOPOLOGY.lanes))
        post = await _open_post(stack, settings)
        queues = SqsQueues(
            aws_access(settings), settings.queue_principal, at_once=most_under_way(settings.webhook_deliveries_at_once)
        )
        stack.push_async_callback(queues.aclose)
        work = runtime.work(chassis, source="/notifier")
        topics = SnsTopics(await stack.enter_async_context(open_topic_client(aws_access(settings))))
        deps = make_deps(work, settings, post, queues, topics, public_url=coffer.public_url)
        verifier = runtime.verifier(deps.denied.revocations)
        operations = Operations(TOPOLOGY, deps.work, runtime.bus, OperatorActedV1, runtime.limiter)
        hub, mails, sender = Hub(deps), mailer(deps), Sender(deps)
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
            loops=(Loop("mailer", mails.run), Loop("webhooks", sender.run)),
            answering=(Loop("hub", hub.run),),
            operations=operations,
            resources=stack.pop_all(),
            wait_seconds=settings.poll_wait_seconds,
            linger_seconds=settings.linger_seconds,
            stop_seconds=SENDING_STOP_SECONDS + 1,
        )
        service.wakeups.on(STREAM, hub.poke)
        service.wakeups.on(MAIL, mails.poke)
        service.wakeups.on(WEBHOOKS, sender.poke)
        return service
    raise AssertionError("unreachable")
