"""People: the copy of what auth says about them, and finding them in it. Of addresses there is a digest."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ARRAY, any_, bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.copies.newest import write_newest
from coffer_chassis.copies.people import username_key
from coffer_chassis.tables import Id
from coffer_contracts.auth import UserFact
from coffer_contracts.event import Envelope
from coffer_contracts.ids import UserId
from coffer_sharing.domain import Named
from coffer_sharing.store.tables import people


@dataclass(frozen=True, slots=True)
class Person:
    """An account as it was last heard of."""

    user_id: UserId
    username: str
    display_name: str
    status: str

    @property
    def is_active(self) -> bool:
        """Neither suspended nor deleted."""
        return self.status == "active"


_COLUMNS = tuple(people.c[name] for name in Person.__dataclass_fields__)

# Names are not unique: of two people who swapped one, the newer fact tells whose it is now.
_known = (
    select(people.c.username_key, *_COLUMNS)
    .where(
        or_(
            people.c.user_id.in_(bindparam("ids", expanding=True)),
            people.c.username_key.in_(bindparam("keys", expanding=True)),
        )
    )
    .order_by(people.c.sequence)
)
_by_id = select(*_COLUMNS).where(people.c.user_id == any_(bindparam("ids", type_=ARRAY(Id))))


class Known(NamedTuple):
    """Those of the wanted people that were heard of."""

    by_id: dict[UserId, Person]
    by_name: dict[str, Person]
    """By what all spellings of a user name have in common."""

    def active(self, named: Named) -> UserId | None:
        """Whom a request names; None for somebody who is unknown, suspended or deleted."""
        if named.user_id is not None:
            person = self.by_id.get(named.user_id)
        else:
            person = self.by_name.get(username_key(named.username or ""))
        return person.user_id if person is not None and person.is_active else None


async def note_person(connection: AsyncConnection, event: Envelope[UserFact], address_key: bytes | None, now: datetime) -> bool:
    """Take over an account; False if something at least as new is known already. May run twice and out of order.

    `address_key` is that of an address that the account has proved. What may concern shares and invitations is marked to be
    looked at: after this has committed, so that whoever looks sees all of it.
    """
    fact = event.data
    concerns = address_key is not None or fact.status != "active"
    values = {
        "username": fact.username,
        "username_key": username_key(fact.username),
        "display_name": fact.display_name,
        "status": fact.status,
        "address_key": address_key,
        "unkeyed_email": None,
        "look_at": now if concerns else None,
        "sequence": event.revision,
    }
    return await write_newest(connection, people, {"user_id": fact.user_id, **values})


async def people_by_id(connection: AsyncConnection, user_ids: Collection[UserId]) -> dict[UserId, Person]:
    """Those of the accounts that were heard of."""
    rows = await connection.execute(_by_id, {"ids": [*user_ids]})
    return {row.user_id: Person(*row) for row in rows}


async def known_people(connection: AsyncConnection, named: Sequence[Named], user_ids: Collection[UserId] = ()) -> Known:
    """The people that are named by id or user name, and others by id, in one statement."""
    ids = {*user_ids, *(one.user_id for one in named if one.user_id is not None)}
    keys = {username_key(one.username) for one in named if one.username is not None}
    rows = (await connection.execute(_known, {"ids": [*ids], "keys": [*keys]})).all()
    return Known({row.user_id: Person(*row[1:]) for row in rows}, {row.username_key: Person(*row[1:]) for row in rows})


async def holders_of(connection: AsyncConnection, address_key: bytes) -> list[UserId]:
    """Who has proved the address, among active accounts. More than one while facts about it changing hands are on the way.

    They are held: a fact that closes the account waits until the transaction ends, and whoever acts on it finds what was given.
    """
    wanted = select(people.c.user_id).where(people.c.address_key == address_key, people.c.status == "active").limit(2)
    return list((await connection.execute(wanted.with_for_update(read=True))).scalars())


class Concerned(NamedTuple):
    """Somebody of whom it is to be looked at what the last fact means."""

    user_id: UserId
    status: str
    address_key: bytes | None
    sequence: int


async def to_look_at(connection: AsyncConnection, now: datetime, limit: int) -> list[Concerned]:
    """Those who are due, the longest first."""
    wanted = (
        select(people.c.user_id, people.c.status, people.c.address_key, people.c.sequence)
        .where(people.c.look_at <= now)
        .order_by(people.c.look_at)
        .limit(limit)
    )
    return [Concerned(*row) for row in await connection.execute(wanted)]


async def looked_at(connection: AsyncConnection, one: Concerned, again_at: datetime | None = None) -> None:
    """Note that it was done, or when it is tried again; not if a newer fact has come since."""
    done = update(people).where(people.c.user_id == one.user_id, people.c.sequence == one.sequence)
    await connection.execute(done.values(look_at=again_at))


async def unkeyed(connection: AsyncConnection, limit: int) -> list[tuple[UserId, str]]:
    """Accounts with an address that an older release left as it is; locked, but for those that others hold."""
    wanted = select(people.c.user_id, people.c.unkeyed_email).where(people.c.unkeyed_email.is_not(None)).limit(limit)
    return [(row[0], row[1]) for row in await connection.execute(wanted.with_for_update(skip_locked=True))]


async def write_keys(connection: AsyncConnection, keys: Sequence[tuple[UserId, bytes]], now: datetime) -> None:
    """Replace such addresses by their digests, and mark whose they are: somebody may have invited them meanwhile. The caller
    holds the rows.
    """
    change = (
        update(people)
        .where(people.c.user_id == bindparam("user"))
        .values(address_key=bindparam("new_key"), unkeyed_email=None, look_at=now)
    )
    if keys:
        await connection.execute(change, [{"user": user_id, "new_key": key} for user_id, key in keys])
