"""Which downloads were told of, and which tickets were used."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.forgetting import SLICE, forget_some
from coffer_contracts.ids import ItemId, VersionId
from coffer_files.store.tables import archives, downloads_told, used_tickets

Key = tuple[str, ItemId, VersionId | None]
"""Who had what: the actor, the item, and of a file which content."""


async def take_telling(connection: AsyncConnection, keys: Iterable[Key], now: datetime, *, since: datetime) -> set[Key]:
    """Those of the downloads that nobody has told of after `since`; from now on they count as told."""
    rows = {(actor, item_id, version_id or item_id): (actor, item_id, version_id) for actor, item_id, version_id in keys}
    if not rows:
        return set()
    # In one order, so that two processes with the same downloads do not wait for each other in a circle.
    values = [
        {"actor_id": actor, "item_id": item_id, "version_id": version_id, "told_at": now}
        for actor, item_id, version_id in sorted(rows)
    ]
    told = insert(downloads_told).values(values)
    taken = told.on_conflict_do_update(
        index_elements=[downloads_told.c.actor_id, downloads_told.c.item_id, downloads_told.c.version_id],
        set_={"told_at": told.excluded.told_at},
        where=downloads_told.c.told_at <= since,
    ).returning(downloads_told.c.actor_id, downloads_told.c.item_id, downloads_told.c.version_id)
    return {rows[row.actor_id, ItemId(row.item_id), row.version_id] for row in await connection.execute(taken)}


async def use_ticket(connection: AsyncConnection, ticket_id: str, now: datetime, *, expires_at: datetime) -> bool:
    """Use a ticket up; False if that was done before, also by someone whose transaction ends only now."""
    used = insert(used_tickets).values(ticket_id=ticket_id, expires_at=expires_at, used_at=now)
    return bool((await connection.execute(used.on_conflict_do_nothing())).rowcount)


async def forget_before(connection: AsyncConnection, moment: datetime) -> int:
    """Delete what was told, and tickets and archives that ended, before then, up to SLICE of each; how many."""
    return sum(
        [
            await forget_some(connection, downloads_told, downloads_told.c.told_at < moment),
            await forget_some(connection, used_tickets, used_tickets.c.expires_at < moment),
            await forget_some(connection, archives, archives.c.expires_at < moment),
        ]
    )


__all__ = ["SLICE", "Key", "forget_before", "take_telling", "use_ticket"]
