"""Audit entries: written once per fact, listed newest first, read in the order of the chain; never changed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.event import rfc3339
from coffer_notifier.domain.audit import AuditEntry, Link
from coffer_notifier.store.tables import audit, people

entries, chain = audit.entries, audit.chain

_FIELDS = tuple(field.name for field in fields(AuditEntry))
_LINK = (chain.c.position, chain.c.prev_hash, chain.c.digest, chain.c.hash)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries; None means any. From `since` on and before `until`. A `family` is the first word of an action."""

    action: str | None = None
    family: str | None = None
    actor_id: str | None = None
    actor_kind: str | None = None
    service: str | None = None
    owner_id: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    outcome: str | None = None
    request_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def filters(self) -> dict[str, str | datetime | None]:
        """What a listing is bound to."""
        return asdict(self)

    @property
    def said(self) -> dict[str, str]:
        """What was asked for, as text."""
        given = {name: value for name, value in self.filters.items() if value is not None}
        return {f"only_{name}": rfc3339(value) if isinstance(value, datetime) else value for name, value in given.items()}


_EXACT = ("action", "actor_id", "actor_kind", "service", "owner_id", "resource_type", "resource_id", "outcome", "request_id")

Line = tuple[AuditEntry, Link | None]
"""An entry, and where it stands in the chain if it does."""

_add = insert(entries).on_conflict_do_nothing(index_elements=[entries.c.event_id]).returning(entries.c.id)
_wait = insert(audit.waiting)


async def add_all(connection: AsyncConnection, written: Sequence[AuditEntry]) -> int:
    """Write entries that wait for their place in the chain, but for facts that were written down before; how many are new. May
    run twice.
    """
    if not written:
        return 0
    named = await _named(connection, written)
    rows = [asdict(entry) | {"detail": dict(entry.detail), "changes": _lists(entry.changes)} for entry in named]
    new = (await connection.execute(_add, rows)).scalars().all()
    if new:
        await connection.execute(_wait, [{"entry_id": entry_id} for entry_id in new])
    return len(new)


async def _named(connection: AsyncConnection, written: Sequence[AuditEntry]) -> list[AuditEntry]:
    """What is about an account and has no name of its own is named after the account, as it is known by now."""
    unnamed: Collection[str] = {entry.owner_id for entry in written if entry.resource_name is None and entry.owner_id}
    if not unnamed:
        return list(written)
    found = await connection.execute(select(people.c.user_id, people.c.username).where(people.c.user_id.in_(unnamed)))
    names: Mapping[str, str] = {str(row.user_id): row.username for row in found}
    return [
        entry if entry.resource_name else replace(entry, resource_name=names.get(entry.owner_id or "")) for entry in written
    ]


def _lists(changes: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    return {field: list(values) for field, values in changes.items()}


async def page(connection: AsyncConnection, wanted: Wanted, after: tuple[datetime, str] | None, limit: int) -> list[Line]:
    """Entries, newest first, beginning after a time and an id; also those that wait for their place in the chain."""
    query = _narrowed(select(entries, *_LINK).outerjoin(chain, chain.c.entry_id == entries.c.id), wanted)
    if after is not None:
        place = tuple_(*after, types=[entries.c.at.type, entries.c.id.type])
        query = query.where(tuple_(entries.c.at, entries.c.id) < place)
    rows = await connection.execute(query.order_by(entries.c.at.desc(), entries.c.id.desc()).limit(limit))
    return [line_in(row) for row in rows]


async def in_order(
    connection: AsyncConnection, wanted: Wanted, after: int, until: int, limit: int
) -> list[tuple[AuditEntry, Link]]:
    """Entries in the order of the chain, behind one position and up to another."""
    query = _narrowed(select(entries, *_LINK).join(chain, chain.c.entry_id == entries.c.id), wanted)
    query = query.where(chain.c.position > after, chain.c.position <= until).order_by(chain.c.position).limit(limit)
    return [(entry_in(row), Link(row.position, row.prev_hash, row.digest, row.hash)) for row in await connection.execute(query)]


async def count_in_order(connection: AsyncConnection, wanted: Wanted, until: int) -> int:
    """How many entries `in_order` leads through."""
    query = _narrowed(select(func.count()).select_from(entries.join(chain, chain.c.entry_id == entries.c.id)), wanted)
    return int((await connection.execute(query.where(chain.c.position <= until))).scalar_one())


async def has_happened(connection: AsyncConnection, resource_type: str, resource_id: str, action: str) -> bool:
    """Whether this is known to have been done to it."""
    about = (entries.c.resource_type == resource_type, entries.c.resource_id == resource_id, entries.c.action == action)
    return bool((await connection.execute(select(select(entries.c.id).where(*about).exists()))).scalar_one())


def _narrowed(query: Select[Any], wanted: Wanted) -> Select[Any]:
    query = query.where(*(entries.c[name] == value for name in _EXACT if (value := getattr(wanted, name)) is not None))
    if wanted.family is not None:
        query = query.where(entries.c.action.startswith(f"{wanted.family}.", autoescape=True))
    if wanted.since is not None:
        query = query.where(entries.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(entries.c.at < wanted.until)
    return query


def entry_in(row: Row[Any]) -> AuditEntry:
    """The entry in a row that has all its columns."""
    return AuditEntry(**{name: getattr(row, name) for name in _FIELDS})


def line_in(row: Row[Any]) -> Line:
    """The same with its place."""
    link = None if row.position is None else Link(row.position, row.prev_hash, row.digest, row.hash)
    return entry_in(row), link
