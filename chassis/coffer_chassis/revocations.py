"""The deny list as a service keeps it: in its store for every process and the next start, in memory for each request.

Refusing is the verifier's business (`identity.py`); which fact ends what is the service's.
"""

from datetime import datetime

from sqlalchemy import Column, Index, MetaData, Table, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.housekeeping import Job
from coffer_chassis.identity import LEEWAY, Revocations
from coffer_chassis.tables import Id, Instant
from coffer_chassis.unit_of_work import Unit, Work

REFRESH_SECONDS = 2
"""How long a process may go on to accept what another one of its service has heard the end of."""


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


async def load(connection: AsyncConnection, table: Table, now: datetime) -> list[tuple[str, datetime]]:
    """Every session, with its end, whose tokens would still be accepted at `now`."""
    rows = await connection.execute(select(table.c.session_id, table.c.until).where(table.c.until > now - LEEWAY))
    return [(row.session_id, row.until) for row in rows]


async def forget_before(connection: AsyncConnection, table: Table, moment: datetime) -> int:
    """Delete what ended by itself before `moment`; how many rows. Safe to run twice."""
    return (await connection.execute(delete(table).where(table.c.until < moment))).rowcount


class DenyList:
    """The deny list of one service in one process. `revocations` is what its verifier looks into."""

    def __init__(self, work: Work, table: Table) -> None:
        self.revocations = Revocations(work.clock)
        self._work = work
        self._table = table

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
        """Take over what the store knows. To run before the first request and every REFRESH_SECONDS from then on, in
        every process that verifies tokens.
        """
        async with self._work.read() as connection:
            known = await load(connection, self._table, self._work.clock.now())
        for session_id, until in known:
            self.revocations.add(session_id, until)

    def watches(self) -> tuple[Job, ...]:
        """What every process repeats, also one that only answers requests."""
        return (Job("refresh_revocations", self.refresh, REFRESH_SECONDS),)

    async def forget(self) -> int:
        """Delete rows of sessions whose tokens have expired; how many. May run twice and at once."""
        async with self._work.engine.begin() as connection:
            return await forget_before(connection, self._table, self._work.clock.now() - LEEWAY)
