"""The chain of the audit: jobs that give entries their places, anchor its head, and forget what is old. Handlers write entries
side by side and any number of times; only the order is made by one at a time.
"""

from datetime import UTC, timedelta

import structlog

from coffer_chassis import metrics
from coffer_chassis.forgetting import SLICE
from coffer_notifier.domain.audit import Head, Link, digest_of, linked, record_of
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.store import audit_chain

ROUND = 500
"""Entries that get their places in one transaction, at most."""

log = structlog.get_logger(__name__)


async def chain_new(deps: Deps) -> int:
    """Give entries that wait their places; how many. May run twice and at once: whoever comes while another is at it leaves
    it to them, and what is not committed never was.
    """
    count = taken = await _chain_some(deps)
    while taken == ROUND:
        taken = await _chain_some(deps)
        count += taken
    return count


async def _chain_some(deps: Deps) -> int:
    async with deps.work.engine.begin() as connection:
        if not await audit_chain.try_lock(connection):
            return 0
        waiting = await audit_chain.waiting_entries(connection, ROUND)
        if not waiting:
            return 0
        at = await audit_chain.head(connection)
        links: list[tuple[str, Link]] = []
        for entry in waiting:
            link = linked(at, digest_of(record_of(entry)))
            links.append((entry.id, link))
            at = Head(link.position, link.hash)
        await audit_chain.append(connection, links, deps.work.clock.now())
    return len(links)


async def anchor_days(deps: Deps) -> int:
    """Note, for every day that has ended and had entries, how far the chain went, and tell the log; how many days. May run
    twice and at once.
    """
    now = deps.work.clock.now()
    told = 0
    async with deps.work.engine.begin() as connection:
        if not await audit_chain.try_lock(connection):
            return 0
        ended = await audit_chain.days_to_anchor(connection, now.astimezone(UTC).date())
        anchored = [(day, at) for day, at in ended if await audit_chain.anchor(connection, day, at, now)]
    for day, at in anchored:
        log.info("audit_anchored", day=day.isoformat(), position=at.position, hash=at.hash)
        told += 1
    return told


async def forget_old(deps: Deps) -> int:
    """Delete what was chained longer ago than the setting says, and leave the hash that the rest follows; how many entries.
    May run twice and at once, and goes on where it was broken off.
    """
    now = deps.work.clock.now()
    count, gone = 0, SLICE
    async with deps.work.engine.begin() as connection:
        if not await audit_chain.try_lock(connection):
            return 0
        last = await audit_chain.last_before(connection, now - timedelta(days=deps.settings.audit_keep_days))
        if last is not None:
            await audit_chain.cut(connection, last, now)
            log.info("audit_cut", position=last.position, hash=last.hash)
    while gone >= SLICE:
        async with deps.work.engine.begin() as connection:
            gone = await audit_chain.forget_cut(connection, SLICE) if await audit_chain.try_lock(connection) else 0
        count += gone
    return count


async def measure_chain(deps: Deps) -> None:
    """How many entries have no place in the chain yet."""
    async with deps.work.read() as connection:
        metrics.AUDIT_WAITING.set(await audit_chain.count_waiting(connection))
