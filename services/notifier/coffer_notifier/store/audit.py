"""Audit entries: written once per fact, listed newest first, never changed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import UserId
from coffer_notifier.store.tables import audit_entries as entries


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to the installation or to an account."""

    id: str
    event_id: str
    at: datetime
    service: str
    actor_id: str | None
    """An account, `shell/<user>`, or `address/<address>` of somebody who was not signed in."""
    actor_kind: str
    action: str
    target: str
    count: int | None
    detail: Mapping[str, str]
    correlation_id: str
    user_id: UserId | None = None
    """The account it was done to, of facts about accounts."""
    address: str | None = None
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries; None means any. From `since` on and before `until`."""

    action: str | None = None
    actor_id: str | None = None
    service: str | None = None
    user_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


_add = insert(entries).on_conflict_do_nothing(index_elements=[entries.c.event_id])


async def add(connection: AsyncConnection, entry: AuditEntry) -> bool:
    """Write an entry; False if the fact was written down before. May run twice."""
    row = asdict(entry) | {"detail": dict(entry.detail)}
    return bool((await connection.execute(_add, row)).rowcount)


async def page(connection: AsyncConnection, wanted: Wanted, after: tuple[datetime, str] | None, limit: int) -> list[AuditEntry]:
    """Entries, newest first, beginning after a time and an id."""
    exact = ("action", "actor_id", "service", "user_id")
    query = select(entries).where(*(entries.c[name] == value for name in exact if (value := getattr(wanted, name)) is not None))
    if wanted.since is not None:
        query = query.where(entries.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(entries.c.at < wanted.until)
    if after is not None:
        place = tuple_(*after, types=[entries.c.at.type, entries.c.id.type])
        query = query.where(tuple_(entries.c.at, entries.c.id) < place)
    rows = await connection.execute(query.order_by(entries.c.at.desc(), entries.c.id.desc()).limit(limit))
    return [AuditEntry(**row._mapping) for row in rows]  # noqa: SLF001  # its public way to a mapping
