"""Who refers to a stored object: a file's content, an upload that is open, or the queue of objects that are to go.

A key that nobody refers to stays so: objects get new random ids, and an upload that has ended never comes back, but for one
that an operator releases from quarantine before its time there is over.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import bindparam, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import BlobId, ItemId
from coffer_files.domain.content import blob_of_key, quarantine_key
from coffer_files.domain.reconciling import Stored, blob_of_quarantine, upload_of_incoming
from coffer_files.domain.upload_states import STATES
from coffer_files.store.tables import blobs, doomed_blobs, uploads, versions

Reference = Literal["stored", "under_way", "doomed"]

OPEN_STATES = tuple(state for state, rule in STATES.items() if not rule.is_end)

_stored = (
    select(blobs.c.key, blobs.c.size_bytes, blobs.c.etag, blobs.c.id, blobs.c.owner_id)
    .where(blobs.c.key > bindparam("after"), blobs.c.key < bindparam("before"))
    .order_by(blobs.c.key)
    .limit(bindparam("most"))
)


async def stored_between(connection: AsyncConnection, *, after: str, upto: str | None, below: str, limit: int) -> list[Stored]:
    """The next objects that the store knows behind `after`, up to and with `upto`, below a prefix; by code point."""
    # The first text behind all that begin with the prefix, and behind `upto`: keys of ours hold nothing below a space.
    before = below[:-1] + chr(ord(below[-1]) + 1) if upto is None else upto.partition("\0")[0] + "\x01"
    values = {"after": max(after.partition("\0")[0], below), "before": before, "most": limit}
    return [Stored(*row) for row in await connection.execute(_stored, values)]


async def still_stored(connection: AsyncConnection, keys: Sequence[str]) -> set[str]:
    """Those of the keys that the store still knows."""
    return set((await connection.execute(select(blobs.c.key).where(blobs.c.key.in_(keys)))).scalars())


async def references(connection: AsyncConnection, keys: Sequence[str], *, locked: bool = False) -> dict[str, Reference]:
    """Who refers to which of the objects. `locked` keeps uploads as they are until the transaction ends; the drive that
    the keys belong to is to be locked before.
    """
    known = [key for key in keys if "\0" not in key]
    found: dict[str, Reference] = {}
    # In the order in which objects go from one to the next, so that none slips through between two statements.
    blob_ids = [named[1] for key in known if (named := blob_of_key(key))]
    blob_ids += [blob_id for key in known if (blob_id := blob_of_quarantine(key))]
    incoming = [upload_id for key in known if (upload_id := upload_of_incoming(key))]
    if blob_ids or incoming:
        named_by = or_(uploads.c.blob_id.in_(blob_ids), uploads.c.id.in_(incoming))
        some = select(uploads.c.id, uploads.c.blob_id, uploads.c.blob_key).where(named_by, uploads.c.state.in_(OPEN_STATES))
        for row in await connection.execute(some.with_for_update() if locked else some):
            found[row.blob_key] = "under_way"
            found[f"incoming/{row.id}"] = "under_way"
            found[quarantine_key(row.blob_id)] = "under_way"
    found |= dict.fromkeys(await still_stored(connection, known), "stored")
    doomed = select(doomed_blobs.c.key).where(doomed_blobs.c.key.in_(known))
    for key in (await connection.execute(doomed)).scalars():
        found.setdefault(key, "doomed")
    return {key: found[key] for key in known if key in found}


async def doom_orphans(connection: AsyncConnection, keys: Sequence[str], now: datetime) -> None:
    """Have objects deleted that nobody refers to. Those that are doomed already keep their time."""
    rows = [{"key": key, "reason": "orphan", "not_before": now, "created_at": now} for key in keys]
    await connection.execute(insert(doomed_blobs).on_conflict_do_nothing(), rows)


async def items_of(connection: AsyncConnection, blob_ids: Sequence[BlobId]) -> dict[BlobId, list[ItemId]]:
    """The files that an object is a content of."""
    query = select(versions.c.blob_id, versions.c.item_id).where(versions.c.blob_id.in_(blob_ids)).distinct()
    found: dict[BlobId, list[ItemId]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.blob_id, []).append(row.item_id)
    return found
