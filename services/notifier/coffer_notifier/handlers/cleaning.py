"""What is forgotten when its time is over, and what is measured."""

from datetime import timedelta

from coffer_chassis import metrics
from coffer_chassis.copies import grants as grant_rows
from coffer_chassis.copies import tree as tree_rows
from coffer_chassis.forgetting import SLICE, in_slices
from coffer_notifier.domain.places import FACTS_KEPT, TO_GO_ON
from coffer_notifier.domain.queues import CODES_KEPT
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.rebuilding import forget_figures
from coffer_notifier.store import (
    activity,
    deliveries,
    delivery_log,
    facts,
    known_sign_ins,
    mails,
    notices,
    queue_codes,
    seats,
    stream,
)
from coffer_notifier.store.tables import grants, tree

STREAM_MARGIN = timedelta(hours=1)
"""Rows stay a little longer than ids that lead to them are accepted: clocks and late commits differ."""


async def forget(deps: Deps) -> int:
    """Delete what nobody can ask for any more; how many rows. May run twice and at once."""
    now, settings = deps.work.clock.now(), deps.settings
    count = 0
    async with deps.work.engine.begin() as connection:
        count += await stream.forget_before(connection, now - timedelta(hours=settings.stream_keep_hours) - STREAM_MARGIN)
    async with deps.work.engine.begin() as connection:
        read = now - timedelta(days=settings.notice_read_keep_days)
        count += await notices.forget_before(connection, read=read, created=now - timedelta(days=settings.notice_keep_days))
    async with deps.work.engine.begin() as connection:
        await mails.drop_bodies_before(connection, now - timedelta(days=settings.mail_body_days))
        count += await mails.forget_before(connection, now - timedelta(days=settings.mail_keep_days))
    async with deps.work.engine.begin() as connection:
        count += await known_sign_ins.forget_before(connection, now - known_sign_ins.KEPT)
    async with deps.work.engine.begin() as connection:
        count += await queue_codes.forget_before(connection, now - CODES_KEPT)
    async with deps.work.engine.begin() as connection:
        count += await seats.forget_dead(connection)
    kept_since = now - FACTS_KEPT - TO_GO_ON - STREAM_MARGIN
    count += await in_slices(deps.work.engine, lambda connection: facts.forget_before(connection, kept_since, SLICE))
    told, tombs = now - timedelta(days=settings.webhook_keep_days), now - timedelta(days=tree_rows.KEEP_DAYS)
    old = now - timedelta(days=settings.activity_keep_days)
    count += await in_slices(deps.work.engine, lambda connection: delivery_log.forget_before(connection, told))
    count += await in_slices(deps.work.engine, lambda connection: activity.forget_before(connection, old))
    count += await in_slices(deps.work.engine, lambda connection: tree_rows.forget_purged_before(connection, tree, tombs))
    count += await forget_figures(deps)
    async with deps.work.engine.begin() as connection:
        count += await grant_rows.forget_removed_before(connection, grants, now - timedelta(days=grant_rows.KEEP_DAYS))
    return count


async def measure(deps: Deps) -> None:
    """How much mail waits, and how many deliveries to webhooks."""
    async with deps.work.read() as connection:
        waiting, _ = await mails.waiting(connection)
        to_webhooks = await deliveries.waiting(connection)
    metrics.MAILS_WAITING.set(waiting)
    metrics.WEBHOOKS_WAITING.set(to_webhooks)
