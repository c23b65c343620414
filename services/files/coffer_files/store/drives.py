"""Drives, their quota and their counters, and the copy of what auth says about people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Update, bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.copies.newest import write_newest
from coffer_contracts.ids import ItemId, UserId
from coffer_files.domain.usage import Booking
from coffer_files.store.tables import drives, users


@dataclass(frozen=True, slots=True)
class Drive:
    """A row of `drives`, without what it counts by kind."""

    owner_id: UserId
    root_id: ItemId
    quota_bytes: int
    used_bytes: int
    reserved_bytes: int
    feed_epoch: int
    created_at: datetime
    crossings: int = 0
    """How many facts were told about how full it is."""
    keep_locations: bool = False
    """Whether its owner wants to be told where pictures were taken."""

    @property
    def free_bytes(self) -> int:
        """What may still be taken or reserved; below zero after the quota was lowered."""
        return self.quota_bytes - self.used_bytes - self.reserved_bytes

    def has_room(self, size_bytes: int, *, reserved: bool = False) -> bool:
        """Whether so many bytes more may be stored, which are among the reserved ones if `reserved`; none always may."""
        return size_bytes == 0 or size_bytes <= self.free_bytes + (self.reserved_bytes if reserved else 0)


_drive = select(*(drives.c[field.name] for field in fields(Drive))).where(drives.c.owner_id == bindparam("owner"))
_drive_locked = _drive.with_for_update()
_drive_if_free = _drive.with_for_update(skip_locked=True)
_size = bindparam("size", type_=BigInteger)
_fits = or_(_size == 0, drives.c.used_bytes + drives.c.reserved_bytes + _size <= drives.c.quota_bytes)
_reserve = (
    update(drives).where(drives.c.owner_id == bindparam("owner"), _fits).values(reserved_bytes=drives.c.reserved_bytes + _size)
)


@cache
def booked(names: Sequence[str]) -> Update:
    """The statement that alters some counters, to be run by itself or with another one; its values are made by `amounts`."""
    changes = {name: drives.c[name] + bindparam(f"by_{name}") for name in names}
    return update(drives).where(drives.c.owner_id == bindparam("booked_owner")).values(changes)


def amounts(owner_id: UserId, columns: Mapping[str, int]) -> dict[str, Any]:
    """What `booked` takes."""
    return {"booked_owner": owner_id, **{f"by_{name}": by for name, by in columns.items()}}


async def drive_of(connection: AsyncConnection, owner_id: UserId) -> Drive | None:
    """The owner's drive."""
    row = (await connection.execute(_drive, {"owner": owner_id})).one_or_none()
    return Drive(*row) if row else None


async def lock_drive(connection: AsyncConnection, owner_id: UserId, *, skip_locked: bool = False) -> Drive | None:
    """The owner's drive, locked until the transaction ends; None if there is none, or someone else holds it and
    `skip_locked` is set. Comes before any lock on uploads and items.
    """
    statement = _drive_if_free if skip_locked else _drive_locked
    row = (await connection.execute(statement, {"owner": owner_id})).one_or_none()
    return Drive(*row) if row else None


async def insert_drive(
    connection: AsyncConnection, owner_id: UserId, *, root_id: ItemId, quota_bytes: int, now: datetime
) -> bool:
    """Make a drive unless the owner has one; whether it was made. Waits for someone who is just making it."""
    row = insert(drives).values(owner_id=owner_id, root_id=root_id, quota_bytes=quota_bytes, created_at=now)
    return bool((await connection.execute(row.on_conflict_do_nothing())).rowcount)


async def reserve(connection: AsyncConnection, owner_id: UserId, size_bytes: int) -> bool:
    """Set room aside for an upload; False if the quota does not allow it."""
    return bool((await connection.execute(_reserve, {"owner": owner_id, "size": size_bytes})).rowcount)


async def book(connection: AsyncConnection, owner_id: UserId, booking: Booking, *, reserved: int = 0) -> None:
    """Alter what the drive counts, and what is reserved by so many bytes. Whether there is room was asked before."""
    columns = {**booking.columns, **({"reserved_bytes": reserved} if reserved else {})}
    if columns:
        await connection.execute(booked(tuple(sorted(columns))), amounts(owner_id, columns))


async def note_user(
    connection: AsyncConnection,
    user_id: UserId,
    *,
    username: str,
    display_name: str,
    email: str,
    quota_bytes: int | None,
    sequence: int,
) -> bool:
    """Write down what auth says about a person; False if something newer is known already."""
    row = {"user_id": user_id, "username": username, "display_name": display_name, "email": email, "quota_bytes": quota_bytes}
    return await write_newest(connection, users, row | {"sequence": sequence})


async def quota_given(connection: AsyncConnection, user_id: UserId) -> int | None:
    """The room an operator gave the person, as far as that was heard of."""
    given: int | None = (
        await connection.execute(select(users.c.quota_bytes).where(users.c.user_id == user_id))
    ).scalar_one_or_none()
    return given


async def set_quota(connection: AsyncConnection, owner_id: UserId, quota_bytes: int) -> None:
    """Give the drive so much room; what is in it stays, even if that is more."""
    await connection.execute(update(drives).where(drives.c.owner_id == owner_id).values(quota_bytes=quota_bytes))


async def set_keep_locations(connection: AsyncConnection, owner_id: UserId, *, keep: bool) -> None:
    """Write down whether the owner wants to be told where pictures were taken."""
    await connection.execute(update(drives).where(drives.c.owner_id == owner_id).values(keep_locations=keep))
