"""What sharing tells again for readers that lost their copy: every grant, and those that have ended lately. Nobody keeps a copy
of shares as people see them, nor of comments, so those are not told again.
"""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.clock import Clock
from coffer_chassis.copies.grants import KEEP_DAYS
from coffer_chassis.snapshots import Restatement, Source
from coffer_contracts.ids import LinkId, ShareId
from coffer_sharing.handlers import link_facts
from coffer_sharing.handlers.facts import grant_fact
from coffer_sharing.store import links
from coffer_sharing.store.shares import restatable

PAGE = 500


def grants(clock: Clock) -> Source:
    """Grants at their revision. One that ended is told for as long as readers keep its tombstone, so that none stays in a
    copy that missed its end.
    """

    async def page(connection: AsyncConnection, after: str | None) -> tuple[list[Restatement], str | None]:
        since = clock.now() - timedelta(days=KEEP_DAYS)
        found = await restatable(connection, ShareId(after) if after else None, since, PAGE)
        told: list[Restatement] = [(grant_fact(share), share.revision) for share in found]
        return told, found[-1].id if len(found) == PAGE else None

    return Source("grants", page)


def link_grants(clock: Clock) -> Source:
    """Grants of public links, in the same way."""

    async def page(connection: AsyncConnection, after: str | None) -> tuple[list[Restatement], str | None]:
        since = clock.now() - timedelta(days=KEEP_DAYS)
        found = await links.restatable(connection, LinkId(after) if after else None, since, PAGE)
        told: list[Restatement] = [(link_facts.grant_fact(link), link.revision) for link in found]
        return told, found[-1].id if len(found) == PAGE else None

    return Source("link grants", page)
