"""Queries about photos on their way, and about objects that are to be deleted."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_auth.domain.photos import OPEN, Photo
from coffer_auth.store.tables import doomed_objects, users
from coffer_auth.store.tables import photos as table
from coffer_contracts.ids import PhotoId, UserId

_PHOTO = tuple(column for column in table.c if column.name != "looked_at")


async def next_number(connection: AsyncConnection, user_id: UserId) -> int:
    """The number of a person's next photo. To be called with the account locked."""
    counted = update(users).where(users.c.id == user_id).values(photos_sent=users.c.photos_sent + 1)
    number: int = (await connection.execute(counted.returning(users.c.photos_sent))).scalar_one()
    return number


async def decided_number(connection: AsyncConnection, user_id: UserId) -> int:
    """Photos up to this number no longer become the person's: a later one did, or all were taken away."""
    number: int = (await connection.execute(select(users.c.photo_number).where(users.c.id == user_id))).scalar_one()
    return number


async def decide_all(connection: AsyncConnection, user_id: UserId) -> None:
    """None of the photos sent so far becomes the person's any more."""
    await connection.execute(update(users).where(users.c.id == user_id).values(photo_number=users.c.photos_sent))


async def count_open(connection: AsyncConnection, user_id: UserId) -> int:
    """How many photos of the person are under way."""
    wanted = select(func.count()).select_from(table).where(table.c.user_id == user_id, table.c.state.in_(OPEN))
    count: int = (await connection.execute(wanted)).scalar_one()
    return count


async def insert_photo(connection: AsyncConnection, photo: Photo) -> None:
    """Add a photo."""
    await connection.execute(insert(table).values(**asdict(photo), looked_at=photo.created_at))


async def lock_photo(connection: AsyncConnection, photo_id: PhotoId) -> Photo | None:
    """The photo, locked until the transaction ends. Its person's account is locked before."""
    row = (await connection.execute(select(*_PHOTO).where(table.c.id == photo_id).with_for_update())).one_or_none()
    return _photo(row) if row else None


async def save_photo(connection: AsyncConnection, photo: Photo) -> None:
    """Write a locked photo as it stands after a step."""
    values = {name: value for name, value in asdict(photo).items() if name not in {"id", "user_id", "number", "created_at"}}
    await connection.execute(update(table).where(table.c.id == photo.id).values(**values))


async def newest_photo(connection: AsyncConnection, user_id: UserId) -> Photo | None:
    """What the person sent last."""
    wanted = select(*_PHOTO).where(table.c.user_id == user_id).order_by(table.c.number.desc()).limit(1)
    row = (await connection.execute(wanted)).one_or_none()
    return _photo(row) if row else None


async def open_photos(connection: AsyncConnection, user_id: UserId) -> list[PhotoId]:
    """The person's photos that are under way."""
    wanted = select(table.c.id).where(table.c.user_id == user_id, table.c.state.in_(OPEN))
    return [PhotoId(found) for found in (await connection.execute(wanted)).scalars()]


async def take_waiting(
    connection: AsyncConnection, *, looked_before: datetime, asked_before: datetime, now: datetime, limit: int
) -> list[Photo]:
    """Photos that nobody reported, and such as nobody answered about, for too long; not given out again at once.

    Whatever another process is at is passed over.
    """
    unseen = (table.c.state == "created") & (table.c.looked_at < looked_before)
    unanswered = (table.c.state == "received") & (table.c.asked_at < asked_before) & (table.c.looked_at < looked_before)
    due = select(table.c.id).where(unseen | unanswered).order_by(table.c.looked_at).limit(limit)
    taken = update(table).where(table.c.id.in_(due.with_for_update(skip_locked=True))).values(looked_at=now)
    return [_photo(row) for row in await connection.execute(taken.returning(*_PHOTO))]


async def forget_ended_before(connection: AsyncConnection, moment: datetime) -> int:
    """Delete photos that were over before `moment`; how many."""
    return (await connection.execute(delete(table).where(table.c.ended_at < moment))).rowcount


async def doom(connection: AsyncConnection, key: str, *, not_before: datetime) -> None:
    """Have an object deleted when that time has come; what was doomed for an earlier time stays so."""
    row = insert(doomed_objects).values(key=key, not_before=not_before)
    sooner = func.least(doomed_objects.c.not_before, row.excluded.not_before)
    await connection.execute(row.on_conflict_do_update(index_elements=[doomed_objects.c.key], set_={"not_before": sooner}))


async def doomed(connection: AsyncConnection, now: datetime, limit: int) -> list[str]:
    """Keys whose time has come."""
    due = select(doomed_objects.c.key).where(doomed_objects.c.not_before <= now).order_by(doomed_objects.c.not_before)
    return list((await connection.execute(due.limit(limit))).scalars())


async def forget_doomed(connection: AsyncConnection, keys: Collection[str], now: datetime) -> None:
    """They are deleted; what was doomed for later meanwhile stays."""
    done = delete(doomed_objects).where(doomed_objects.c.key.in_(keys), doomed_objects.c.not_before <= now)
    await connection.execute(done)


def _photo(row: Row[Any]) -> Photo:
    return Photo(**row._mapping)  # noqa: SLF001  # SQLAlchemy's public way, despite its name
