"""What becomes of a broker that may forget everything: epochs in the services' stores, and how far back they reach.

The broker itself is run elsewhere (`stack`, `cloud_process`); what an epoch is, is said in `coffer_chassis.broker`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Protocol

import structlog
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from coffer_chassis import broker
from coffer_chassis.bus import Bus
from coffer_chassis.clock import SystemClock
from coffer_chassis.tables import chassis_tables
from coffer_chassis.topology import ServiceTopology
from coffer_chassis.unit_of_work import Work

DRAIN_CHECK_SECONDS = 30
DRAIN_MARGIN = timedelta(minutes=1)
"""A round of the relay marks rows with the time it began, so the watermark stays behind what was seen."""

log = structlog.get_logger(__name__)


class Member(Protocol):
    """A service with its store and its queues."""

    @property
    def topology(self) -> ServiceTopology:
        """What queues it has."""

    @property
    def work(self) -> Work:
        """Its store."""

    @property
    def bus(self) -> Bus:
        """Its way to the queues."""


async def begin_epochs(database_urls: Mapping[str, str]) -> None:
    """Tell the stores (addresses by service) that the broker lost what it held: their relays send it again.

    May run any number of times. It is the stores that know what was sent, wherever their services run.
    """
    for name, url in database_urls.items():
        engine = create_async_engine(url, poolclass=NullPool)
        try:
            work = Work(engine, chassis_tables(MetaData()), source="/local", clock=SystemClock())
            count = await broker.begin_epoch(work)
        finally:
            await engine.dispose()
        # A first start begins an epoch too, with nothing to say about it.
        (log.warning if count else log.debug)("broker_epoch_began", service=name, events_to_send_again=count)


class Watermark:
    """Whether the broker is whole, and since when nothing was under way, so that a later loss has little to send again."""

    def __init__(self) -> None:
        self.whole = True
        """False from a loss until it was mended: empty queues mean nothing then."""
        self._losses = 0

    async def mend(self, steps: Callable[[], Awaitable[None]]) -> None:
        """The broker is back without what it held; `steps` make it whole. Raises what they raise, and may run again."""
        self._losses += 1
        losses = self._losses
        self.whole = False
        await steps()
        # What was made before another loss is gone with it.
        self.whole = losses == self._losses

    async def rise(self, members: Sequence[Member]) -> None:
        """If nothing is under way anywhere, note that in every store."""
        losses = self._losses
        if not self.whole or not members:
            return
        moment = members[0].work.clock.now() - DRAIN_MARGIN
        drained = await asyncio.gather(*(broker.is_drained(one.work, one.bus, one.topology) for one in members))
        # Some queues may have been seen before the broker was lost, and some after.
        if all(drained) and losses == self._losses:
            for one in members:
                await broker.mark_drained(one.work, moment)
