"""Finding people in the copy of what auth says about them."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.copies.people import Person, username_key
from coffer_contracts.ids import UserId
from coffer_sharing.domain import Named
from coffer_sharing.store.tables import people

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


async def known_people(connection: AsyncConnection, named: Sequence[Named], user_ids: Collection[UserId] = ()) -> Known:
    """The people that are named, and others by id, in one statement."""
    ids = {*user_ids, *(one.user_id for one in named if one.user_id is not None)}
    keys = {username_key(one.username) for one in named if one.username is not None}
    rows = (await connection.execute(_known, {"ids": [*ids], "keys": [*keys]})).all()
    return Known({row.user_id: Person(*row[1:]) for row in rows}, {row.username_key: Person(*row[1:]) for row in rows})
