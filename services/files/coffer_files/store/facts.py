"""What the media worker learnt of the content of stored objects; every version that shares an object shares it."""

from typing import Any

from sqlalchemy import func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import BlobId, UserId
from coffer_files.store.tables import blobs


async def note_facts(connection: AsyncConnection, blob_id: BlobId, facts: dict[str, Any]) -> None:
    """Add to what is known of an object, if it is still stored. In any order: the same object has the same facts."""
    known = func.coalesce(blobs.c.facts, literal({}, JSONB))
    added = update(blobs).where(blobs.c.id == blob_id).values(facts=known.op("||")(literal(facts, JSONB)))
    await connection.execute(added)


async def facts_of(connection: AsyncConnection, blob_id: BlobId) -> dict[str, Any]:
    """What is known of an object; nothing where it is not stored, or nobody has told."""
    known: dict[str, Any] | None = (await connection.execute(select(blobs.c.facts).where(blobs.c.id == blob_id))).scalar()
    return known or {}


async def forget_locations(connection: AsyncConnection, owner_id: UserId, limit: int) -> int:
    """Delete where they were taken from what is known of some objects of a drive, which is locked; of how many."""
    located = blobs.c.facts.has_key("location")
    some = select(blobs.c.id).where(blobs.c.owner_id == owner_id, located).order_by(blobs.c.id).limit(limit)
    fewer = update(blobs).where(blobs.c.id.in_(some)).values(facts=blobs.c.facts.op("-")("location"))
    return (await connection.execute(fewer)).rowcount
