"""What visitors did with links, by the minute."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.forgetting import forget_some
from coffer_chassis.tables import Id, Instant
from coffer_contracts.ids import LinkAccessId, LinkId
from coffer_sharing.domain.links import Program
from coffer_sharing.store.tables import link_accesses as table

Action = Literal["viewed", "unlocked", "unlock_failed", "downloaded", "uploaded"]

NOWHERE = ""
"""Stands for a network that nobody knows."""


@dataclass(frozen=True, slots=True)
class Access:
    """What visitors from one network with one kind of program did in one minute."""

    id: LinkAccessId
    link_id: LinkId
    minute: datetime
    action: Action
    network: str
    program: Program
    times: int
    last_at: datetime


_FIELDS = tuple(table.c[name] for name in Access.__dataclass_fields__)
_row = insert(table)
_counted_in: Any = _row.on_conflict_do_update(
    index_elements=[table.c.link_id, table.c.minute, table.c.action, table.c.network, table.c.program],
    # Of two at once either may come to write last.
    set_={"times": table.c.times + _row.excluded.times, "last_at": func.greatest(table.c.last_at, _row.excluded.last_at)},
)
_note = _counted_in.returning(literal_column("xmax = 0"))


async def note_access(connection: AsyncConnection, access: Access) -> bool:
    """Write it down, or count it in with those of the same minute; whether it is the first of them."""
    return bool((await connection.execute(_note, _values(access))).scalar_one())


async def note_accesses(connection: AsyncConnection, accesses: Sequence[Access]) -> None:
    """The same for several, in one order whoever writes them, so that nobody waits in a circle."""
    ordered = sorted(accesses, key=lambda one: (one.link_id, one.minute, one.action, one.network, one.program))
    if ordered:
        await connection.execute(_counted_in, [_values(one) for one in ordered])


def _values(access: Access) -> dict[str, Any]:
    return {name: getattr(access, name) for name in Access.__dataclass_fields__}


async def page(connection: AsyncConnection, link_id: LinkId, after: tuple[datetime, str] | None, limit: int) -> list[Access]:
    """What was done with the link, newest first."""
    wanted = select(*_FIELDS).where(table.c.link_id == link_id)
    if after is not None:
        wanted = wanted.where(tuple_(table.c.last_at, table.c.id) < tuple_(*after, types=[Instant, Id]))
    rows = await connection.execute(wanted.order_by(table.c.last_at.desc(), table.c.id.desc()).limit(limit))
    return [Access(*row) for row in rows]


async def forget_before(connection: AsyncConnection, moment: datetime) -> int:
    """Delete a slice of what was done before `moment`; how many rows. Safe to run twice."""
    return await forget_some(connection, table, table.c.minute < moment)
