"""A copy of what auth says about people: names and addresses, for those who tell people about each other."""

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, MetaData, Table, Text, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.copies.newest import write_newest
from coffer_chassis.tables import Id
from coffer_contracts.auth import UserFact
from coffer_contracts.event import Envelope
from coffer_contracts.ids import UserId


@dataclass(frozen=True, slots=True)
class Person:
    """An account as it was last heard of."""

    user_id: UserId
    username: str
    display_name: str
    email: str
    email_verified: bool
    locale: str
    status: str

    @property
    def is_active(self) -> bool:
        """Neither suspended nor deleted."""
        return self.status == "active"


def people_table(metadata: MetaData) -> Table:
    """Define the copy in a service's metadata. Call once per metadata."""
    return Table(
        "people",
        metadata,
        Column("user_id", Id, primary_key=True),
        Column("username", Text, nullable=False),
        Column("username_key", Text, nullable=False),
        Column("display_name", Text, nullable=False),
        Column("email", Text, nullable=False),
        Column("email_verified", Boolean, nullable=False),
        Column("locale", Text, nullable=False),
        Column("status", Text, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        # Not unique: facts about two people who swapped a name may arrive in either order.
        Index("people_by_username", "username_key"),
        comment="Copy of what auth publishes about people; sequence keeps a late older fact out.",
    )


def username_key(username: str) -> str:
    """What two spellings of one user name have in common; the same as auth compares by."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", username).casefold())


async def note_person(connection: AsyncConnection, table: Table, event: Envelope[UserFact]) -> bool:
    """Take over an account; False if something at least as new is known already. May run twice and out of order."""
    fact = event.data
    values = {
        "username": fact.username,
        "username_key": username_key(fact.username),
        "display_name": fact.display_name,
        "email": fact.email,
        "email_verified": fact.email_verified,
        "locale": fact.locale,
        "status": fact.status,
        "sequence": event.revision,
    }
    return await write_newest(connection, table, {"user_id": fact.user_id, **values})


async def people_by_id(connection: AsyncConnection, table: Table, user_ids: Collection[UserId]) -> dict[UserId, Person]:
    """Those of the accounts that were heard of."""
    rows = await connection.execute(select(table).where(table.c.user_id.in_(user_ids)))
    return {person.user_id: person for person in map(_person, rows)}


async def person_named(connection: AsyncConnection, table: Table, username: str) -> Person | None:
    """The account with this user name, however it is spelled."""
    wanted = select(table).where(table.c.username_key == username_key(username)).order_by(table.c.sequence.desc()).limit(1)
    row = (await connection.execute(wanted)).one_or_none()
    return _person(row) if row else None


def _person(row: Any) -> Person:
    return Person(UserId(row.user_id), row.username, row.display_name, row.email, row.email_verified, row.locale, row.status)
