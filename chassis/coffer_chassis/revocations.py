"""The deny list as a service keeps it: in its store for every process and the next start, in memory for each request.

Refusing is the verifier's business (`identity.py`); which fact ends what is the service's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Index, MetaData, Table, delete, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.housekeeping import Job
from coffer_chassis.identity import LEEWAY, Revocations
from coffer_chassis.tables import Id, Instant
from coffer_chassis.unit_of_work import Unit, Work

REFRESH_SECONDS = 2
"""How long a process may go on to accept what another one of its service has heard the end of."""


WHOLE_EVERY = 150
"""Looks, about five minutes: for a store that was put back from a backup, whose transactions count anew. Tokens that are good
for a year make the list long, and to read the whole of it at each look would cost more than all it says."""


def revocations_table(metadata: MetaData) -> Table:
    """Define the table in the metadata of a service that verifies tokens. Call once per metadata."""
    return Table(
        "revocations",
        metadata,
        Column("session_id", Id, primary_key=True),
        Column("until", Instant, nullable=False),
        Index("revocations_until", "until"),
    )


async def remember(connection: AsyncConnection, table: Table, session_id: str, until: datetime) -> None:
    """Write down that the session's tokens are refused until `until`. May run twice; the later end counts."""
    row = insert(table).values(session_id=session_id, until=until)
    later = func.greatest(table.c.until, row.excluded.until)
    await connection.execute(row.on_conflict_do_update(index_elements=[table.c.session_id], set_={"until": later}))


@dataclass(frozen=True, slots=True)
class Known:
    """Sessions with their ends, and the mark from which the next look goes on."""

    ends: Sequence[tuple[str, datetime]]
    mark: str


async def load(connection: AsyncConnection, table: Table, now: datetime, *, after: str | None = None) -> Known:
    """Every session, with its end, whose tokens would still be accepted at `now`; with `after` those at least that were
    written down since the look that gave this mark, however long their transactions took.
    """
    values = {"from": now - LEEWAY, "after": after}
    rows = (await connection.execute(text(_LOAD.format(table=table.name)), values)).all()
    return Known([(row.session_id, row.until) for row in rows if row.session_id is not None], rows[0].mark)


_LOAD = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS mark, session_id::text, until
FROM (SELECT) AS always LEFT JOIN {table} r ON r.until > :from
  AND (CAST(:after AS text) IS NULL OR age(r.xmin) <= age(CAST(CAST(CAST(:after AS text) AS xid8) AS xid)))
"""
"""The mark is the oldest transaction that had not ended: whatever a later look can see for the first time is of it or a younger
one. By age, because the numbers of transactions go round."""


async def forget_before(connection: AsyncConnection, table: Table, moment: datetime) -> int:
    """Delete what ended by itself before `moment`; how many rows. Safe to run twice."""
    return (await connection.execute(delete(table).where(table.c.until < moment))).rowcount


class DenyList:
    """The deny list of one service in one process. `revocations` is what its verifier looks into."""

    def __init__(self, work: Work, table: Table) -> None:
        self.revocations = Revocations(work.clock)
        self._work = work
        self._table = table
        self._mark: str | None = None
        self._looks = 0

    async def note(self, unit: Unit, session_id: str, until: datetime) -> None:
        """Refuse the session's tokens: here at once, in other processes within REFRESH_SECONDS of the commit.

        For handlers. May be told twice and in any order; what is over by itself leaves no trace.
        """
        if until <= unit.now - LEEWAY:
            return
        # Before the commit, because the session has ended whatever becomes of this transaction.
        self.revocations.add(session_id, until)
        await remember(unit.connection, self._table, session_id, until)

    async def refresh(self) -> None:
        """Take over what the store knows: what is new there, and all of it at first and every WHOLE_EVERY looks. To run before
        the first request and every REFRESH_SECONDS from then on, in every process that verifies tokens.
        """
        after = self._mark if self._looks % WHOLE_EVERY else None
        async with self._work.read() as connection:
            known = await load(connection, self._table, self._work.clock.now(), after=after)
        for session_id, until in known.ends:
            self.revocations.add(session_id, until)
        self._mark, self._looks = known.mark, self._looks + 1

    def watches(self) -> tuple[Job, ...]:
        """What every process repeats, also one that only answers requests."""
        return (Job("refresh_revocations", self.refresh, REFRESH_SECONDS),)

    async def forget(self) -> int:
        """Delete rows of sessions whose tokens have expired; how many. May run twice and at once."""
        async with self._work.engine.begin() as connection:
            return await forget_before(connection, self._table, self._work.clock.now() - LEEWAY)
