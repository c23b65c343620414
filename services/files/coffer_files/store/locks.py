"""Locks: written, counted against each other, and read along with the item that they hold for."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from typing import cast as cast_type

from sqlalchemy import BigInteger, Select, Text, cast, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.forgetting import forget_some
from coffer_contracts.ids import ItemId, LockId, UserId
from coffer_files.domain.locks import Lock, LockDepth, LockScope
from coffer_files.store.tables import locks

_SEPARATOR = "\x1f"


def locks_on(item_ids: Select[Any]) -> Any:
    """The locks on any of the items, each as one text, for `lock_in`: a part of the walk up from an item, so that nobody needs
    another statement to learn of them. As text, because on the driver itself arrays of records are not told apart.
    """
    whole = func.concat_ws(
        _SEPARATOR,
        cast(locks.c.id, Text),
        cast(locks.c.item_id, Text),
        locks.c.holder,
        locks.c.scope,
        locks.c.depth,
        cast(func.extract("epoch", locks.c.expires_at) * 1_000_000, BigInteger),
        locks.c.owner_info,
    )
    return select(func.array_agg(whole)).where(locks.c.item_id.in_(item_ids)).scalar_subquery()


def lock_in(text: str) -> Lock:
    """A lock as `locks_on` gives it."""
    lock_id, item_id, holder, scope, depth, end, *info = text.split(_SEPARATOR, 6)
    expires_at = datetime.fromtimestamp(int(end) / 1_000_000, tz=UTC)
    words = cast_type("tuple[LockScope, LockDepth]", (scope, depth))
    return Lock(LockId(lock_id), ItemId(item_id), holder, *words, expires_at, info[0] if info else None)


_columns = [locks.c[name] for name in Lock._fields]


async def locks_among(connection: AsyncConnection, item_ids: Sequence[ItemId]) -> list[Lock]:
    """The locks on any of the items themselves, ended or not."""
    return [Lock._make(row) for row in await connection.execute(select(*_columns).where(locks.c.item_id.in_(item_ids)))]


async def living_locks(connection: AsyncConnection, owner_id: UserId, now: datetime, limit: int) -> list[Lock]:
    """Locks in a drive that hold at this moment."""
    query = select(*_columns).where(locks.c.owner_id == owner_id, locks.c.expires_at > now).limit(limit)
    return [Lock._make(row) for row in await connection.execute(query)]


async def write_lock(connection: AsyncConnection, lock: Lock, owner_id: UserId, now: datetime) -> LockId:
    """Lock an item, or renew what the holder has on it; the lock's id, which stays the same when it is renewed."""
    row = insert(locks).values(**lock._asdict(), owner_id=owner_id, created_at=now)
    again = {name: row.excluded[name] for name in ("scope", "depth", "expires_at", "owner_info")}
    written = row.on_conflict_do_update(index_elements=[locks.c.item_id, locks.c.holder], set_=again).returning(locks.c.id)
    return LockId((await connection.execute(written)).scalar_one())


async def remove_locks(connection: AsyncConnection, item_id: ItemId, holder: str | None) -> int:
    """Take a holder's lock off an item, or with None all of them; how many there were."""
    gone = delete(locks).where(locks.c.item_id == item_id)
    return (await connection.execute(gone.where(locks.c.holder == holder) if holder is not None else gone)).rowcount


async def forget_ended_before(connection: AsyncConnection, moment: datetime) -> int:
    """Delete some of the locks that ended before then; how many."""
    return await forget_some(connection, locks, locks.c.expires_at < moment)
