"""Restating: a service tells again how everything it owns stands now, so that any copy can be rebuilt.

Needs nothing of the past: long after the outbox has forgotten, the owner's tables still know. What there is to tell, and
how it is read page by page, is the service's business.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis import outbox
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Work
from coffer_contracts.event import Event

BACKLOG = 1000
"""How many rows may wait in the outbox before the next page. Rows are sent in their order, so this is how much a fact of
the moment may have to wait behind."""
PATIENCE_SECONDS = 5
"""How long nothing may be sent before pages go on all the same: perhaps no relay runs."""
LOOK_SECONDS = 0.05

Restatement = tuple[Event, int]
"""A fact with the full state of its subject, and the sequence that state has."""


@dataclass(frozen=True)
class Source:
    """One kind of thing that others keep copies of."""

    name: str
    """What there are many of, for people: "items", "grants"."""
    page: Callable[[AsyncConnection, str | None], Awaitable[tuple[list[Restatement], str | None]]]
    """The page after a key (None: the first), and the key of what follows; None at the end. Pages are held in memory
    whole, and their facts and sequences must be read by one statement each, or under a lock: they belong together.
    """


async def restate_all(
    work: Work, sources: Sequence[Source], *, told: Callable[[str, int], object] = lambda _name, _count: None
) -> dict[str, int]:
    """Put every fact of every source into the outbox again; how many, by name of the source.

    May run twice and while others write: what was read just before a change is older by its sequence, and readers drop
    it. Every page is a transaction of its own, so an error, which is raised, leaves the pages before it; `told` hears
    after each page how many of a source are done. Raises ValueError for a source that gives the key it was given.
    """
    origin = Origin.system(new_id())
    pace = _Pace(work)
    counts = {source.name: 0 for source in sources}
    for source in sources:
        key: str | None = None
        while True:
            await pace.wait()
            async with work.unit(origin) as unit:
                facts, following = await source.page(unit.connection, key)
                for event, sequence in facts:
                    unit.restate(event, sequence=sequence)
            counts[source.name] += len(facts)
            told(source.name, counts[source.name])
            if following is None:
                break
            if following == key:
                raise ValueError(f"the pages of {source.name} do not go on after {key}")
            key = following
    return counts


class _Pace:
    """Waits for the relays, as long as there are any."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._newest: datetime | None = None
        self._moved = monotonic()

    async def wait(self) -> None:
        while True:
            async with self._work.read() as connection:
                is_long, newest = await outbox.progress(connection, self._work.tables, more_than=BACKLOG)
            if newest != self._newest:
                self._newest, self._moved = newest, monotonic()
            if not is_long or monotonic() - self._moved > PATIENCE_SECONDS:
                return
            await asyncio.sleep(LOOK_SECONDS)
