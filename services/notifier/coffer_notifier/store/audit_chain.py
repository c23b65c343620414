"""The chain of the audit: entries in the order in which one job put them, anchors of its head, and cuts. Rows are only added;
what lies before a cut is deleted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, cast, delete, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_notifier.domain.audit import AuditEntry, Head, Link
from coffer_notifier.store.audit import entry_in
from coffer_notifier.store.tables import audit

entries, waiting, chain, anchors, cuts = audit.entries, audit.waiting, audit.chain, audit.anchors, audit.cuts

LOCK = 0x636F666661756474
"""Key of the advisory lock that lets one transaction at a time make the chain longer, or shorter."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """How far the chain went when a day had ended, in UTC."""

    day: date
    position: int
    hash: str
    anchored_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """A row of the chain, with the entry that it names if there is one."""

    link: Link
    entry_id: str
    entry: AuditEntry | None


async def try_lock(connection: AsyncConnection) -> bool:
    """Whether this transaction may change the chain; false while another one does."""
    return bool((await connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": LOCK})).scalar_one())


async def waiting_entries(connection: AsyncConnection, limit: int) -> list[AuditEntry]:
    """Entries without a place, in the order in which they came: their ids grow."""
    joined = select(entries).join(waiting, waiting.c.entry_id == entries.c.id)
    rows = await connection.execute(joined.order_by(waiting.c.entry_id).limit(limit))
    return [entry_in(row) for row in rows]


async def count_waiting(connection: AsyncConnection) -> int:
    """How many entries have no place yet."""
    return int((await connection.execute(select(func.count()).select_from(waiting))).scalar_one())


async def append(connection: AsyncConnection, links: Sequence[tuple[str, Link]], now: datetime) -> None:
    """Give entries their places. The caller holds the lock."""
    rows = [
        {
            "entry_id": entry_id,
            "position": link.position,
            "prev_hash": link.prev_hash,
            "digest": link.digest,
            "hash": link.hash,
            "chained_at": now,
        }
        for entry_id, link in links
    ]
    await connection.execute(insert(chain), rows)
    await connection.execute(delete(waiting).where(waiting.c.entry_id.in_([entry_id for entry_id, _ in links])))


async def head(connection: AsyncConnection) -> Head:
    """The last link; where everything was forgotten, the last cut."""
    row = (await connection.execute(select(chain).order_by(chain.c.position.desc()).limit(1))).one_or_none()
    return Head(row.position, row.hash) if row else await beginning(connection)


async def beginning(connection: AsyncConnection) -> Head:
    """What the first link that is left follows."""
    row = (await connection.execute(select(cuts).order_by(cuts.c.position.desc()).limit(1))).one_or_none()
    return Head(row.position, row.hash) if row else Head()


async def found_after(connection: AsyncConnection, after: int, limit: int) -> list[Found]:
    """Rows of the chain in order, with what they name."""
    own = (chain.c.position, chain.c.entry_id, chain.c.prev_hash, chain.c.digest, chain.c.hash)
    query = select(*own, entries).outerjoin(entries, entries.c.id == chain.c.entry_id).where(chain.c.position > after)
    rows = await connection.execute(query.order_by(chain.c.position).limit(limit))
    return [_found(row) for row in rows]


def _found(row: Any) -> Found:
    link = Link(row.position, row.prev_hash, row.digest, row.hash)
    return Found(link, row.entry_id, entry_in(row) if row.id is not None else None)


async def strays(connection: AsyncConnection, limit: int) -> list[str]:
    """Ids of entries that neither stand in the chain nor wait for it. Reads all of them."""
    unchained = ~select(chain.c.position).where(chain.c.entry_id == entries.c.id).exists()
    unawaited = ~select(waiting.c.entry_id).where(waiting.c.entry_id == entries.c.id).exists()
    rows = await connection.execute(select(entries.c.id).where(unchained, unawaited).order_by(entries.c.id).limit(limit))
    return [str(entry_id) for entry_id in rows.scalars()]


async def days_to_anchor(connection: AsyncConnection, today: date) -> list[tuple[date, Head]]:
    """Days before today (UTC) at whose end the chain was longer than at the anchor before, with how far it went."""
    last = (await connection.execute(select(func.max(anchors.c.position)))).scalar_one() or 0
    day = cast(func.timezone("UTC", chain.c.chained_at), Date)
    ends = select(day.label("day"), func.max(chain.c.position).label("position"))
    ends_by_day = ends.where(chain.c.position > last, day < today).group_by(day).subquery()
    rows = await connection.execute(
        select(ends_by_day.c.day, chain.c.position, chain.c.hash)
        .join(chain, chain.c.position == ends_by_day.c.position)
        .order_by(chain.c.position)
    )
    return [(row.day, Head(row.position, row.hash)) for row in rows]


async def anchor(connection: AsyncConnection, day: date, at: Head, now: datetime) -> bool:
    """Note how far the chain went; False if that was done before. May run twice."""
    row = {"day": day, "position": at.position, "hash": at.hash, "anchored_at": now}
    return bool((await connection.execute(upsert(anchors).values(row).on_conflict_do_nothing())).rowcount)


async def anchors_before(connection: AsyncConnection, before: date | None, limit: int) -> list[Anchor]:
    """Anchors, newest first."""
    query = select(anchors).order_by(anchors.c.day.desc()).limit(limit)
    if before is not None:
        query = query.where(anchors.c.day < before)
    return [Anchor(row.day, row.position, row.hash, row.anchored_at) for row in await connection.execute(query)]


async def hashes_at(connection: AsyncConnection, positions: Sequence[int]) -> dict[int, str]:
    """What the chain has at these positions, cuts included."""
    known: dict[int, str] = {}
    for table in (cuts, chain):
        rows = await connection.execute(select(table.c.position, table.c.hash).where(table.c.position.in_(positions)))
        known |= {row.position: row.hash for row in rows}
    return known


async def last_before(connection: AsyncConnection, moment: datetime) -> Head | None:
    """The last link that, like all before it, was chained before a moment. Reads what lies before it, from the oldest on."""
    young = select(chain.c.position).where(chain.c.chained_at >= moment).order_by(chain.c.position).limit(1)
    first = (await connection.execute(young)).scalar_one_or_none()
    query = select(chain.c.position, chain.c.hash).order_by(chain.c.position.desc()).limit(1)
    if first is not None:
        query = query.where(chain.c.position < first)
    row = (await connection.execute(query)).one_or_none()
    return Head(row.position, row.hash) if row else None


async def cut(connection: AsyncConnection, at: Head, now: datetime) -> None:
    """Note that what lies up to there may be forgotten. The caller holds the lock. May run twice."""
    row = {"position": at.position, "hash": at.hash, "cut_at": now}
    await connection.execute(upsert(cuts).values(row).on_conflict_do_nothing())


async def forget_cut(connection: AsyncConnection, limit: int) -> int:
    """Delete what lies before the last cut, oldest first; how many entries. Fewer than `limit` means that nothing is left."""
    last = (await connection.execute(select(func.max(cuts.c.position)))).scalar_one()
    if last is None:
        return 0
    oldest = select(chain.c.position, chain.c.entry_id).where(chain.c.position <= last)
    rows = (await connection.execute(oldest.order_by(chain.c.position).limit(limit))).all()
    if rows:
        await connection.execute(delete(entries).where(entries.c.id.in_([row.entry_id for row in rows])))
        await connection.execute(delete(chain).where(chain.c.position.in_([row.position for row in rows])))
    return len(rows)
