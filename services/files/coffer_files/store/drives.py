"""Drives and their quota, and the copy of what auth says about people."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.copies.newest import write_newest
from coffer_contracts.ids import ItemId, UserId
from coffer_files.store.tables import drives, users


@dataclass(frozen=True, slots=True)
class Drive:
    """A row of `drives`."""

    owner_id: UserId
    root_id: ItemId
    quota_bytes: int
    used_bytes: int
    reserved_bytes: int
    feed_epoch: int
    created_at: datetime


_drive = select(drives).where(drives.c.owner_id == bindparam("owner"))
_drive_locked = _drive.with_for_update()
_drive_if_free = _drive.with_for_update(skip_locked=True)
_reserve = (
    update(drives)
    .where(
        drives.c.owner_id == bindparam("owner"),
        drives.c.used_bytes + drives.c.reserved_bytes + bindparam("size") <= drives.c.quota_bytes,
    )
    .values(reserved_bytes=drives.c.reserved_bytes + bindparam("size"))
)
_book = (
    update(drives)
    .where(drives.c.owner_id == bindparam("owner"))
    .values(
        used_bytes=drives.c.used_bytes + bindparam("used"),
        reserved_bytes=drives.c.reserved_bytes + bindparam("reserved"),
    )
)


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


async def book(connection: AsyncConnection, owner_id: UserId, *, used: int, reserved: int) -> None:
    """Change what is used and what is reserved by so many bytes."""
    if used or reserved:
        await connection.execute(_book, {"owner": owner_id, "used": used, "reserved": reserved})


async def note_user(
    connection: AsyncConnection,
    user_id: UserId,
    *,
    username: str,
    display_name: str,
    quota_bytes: int | None,
    sequence: int,
) -> bool:
    """Write down what auth says about a person; False if something newer is known already."""
    row = {"user_id": user_id, "username": username, "display_name": display_name, "quota_bytes": quota_bytes}
    return await write_newest(connection, users, row | {"sequence": sequence})


async def quota_given(connection: AsyncConnection, user_id: UserId) -> int | None:
    """The room an operator gave the person, as far as that was heard of."""
    given: int | None = (
        await connection.execute(select(users.c.quota_bytes).where(users.c.user_id == user_id))
    ).scalar_one_or_none()
    return given


async def set_quota(connection: AsyncConnection, owner_id: UserId, quota_bytes: int) -> None:
    """Give the drive so much room; what is in it stays, even if that is more."""
    wanted = update(drives).where(drives.c.owner_id == owner_id, drives.c.quota_bytes != quota_bytes)
    await connection.execute(wanted.values(quota_bytes=quota_bytes))
