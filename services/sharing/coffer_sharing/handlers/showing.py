"""Shares with what people want to read about them: what is shared, and the names of everybody concerned."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.etags import etag_of
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import UserId
from coffer_sharing.domain import Share
from coffer_sharing.store.listings import Listed
from coffer_sharing.store.people import Person, people_by_id
from coffer_sharing.store.shares import names_of_items


@dataclass(frozen=True, slots=True)
class Named:
    """A person by the names they had last; without them as long as auth has not told."""

    user_id: UserId
    username: str | None = None
    display_name: str | None = None


class Trio(NamedTuple):
    """Who is concerned by a share. Most of a list are of one person, or with one: each trio is put together once."""

    owner: Named
    granted_by: Named
    recipient: Named
    names: str
    """All names that are shown; the store keeps none with a NUL in it."""


class Shown(NamedTuple):
    """A share as it is answered."""

    share: Share
    kind: ItemKind
    name: str
    people: Trio

    @property
    def etag(self) -> str:
        """Changes with everything that is shown, names included."""
        return etag_of(self.share.id, self.share.revision, self.name, self.people.names)


def named(known: Mapping[UserId, Person], user_id: UserId) -> Named:
    """The person, also one that was not heard of."""
    person = known.get(user_id)
    return Named(user_id, person.username, person.display_name) if person else Named(user_id)


def _trio(known: Mapping[UserId, Person], concerned: tuple[UserId, UserId, UserId]) -> Trio:
    owner, granted_by, recipient = (named(known, one) for one in concerned)
    shown = (name or "" for one in (owner, granted_by, recipient) for name in (one.username, one.display_name))
    return Trio(owner, granted_by, recipient, "\0".join(shown))


def shown(share: Share, kind: ItemKind, name: str, known: Mapping[UserId, Person]) -> Shown:
    """A share with its names."""
    return Shown(share, kind, name, _trio(known, (share.owner_id, share.granted_by, share.recipient_id)))


def concerned(shares: Collection[Share]) -> set[UserId]:
    """Everybody whose name is shown with the shares."""
    return {one for share in shares for one in (share.owner_id, share.granted_by, share.recipient_id)}


async def show(connection: AsyncConnection, shares: Sequence[Share]) -> list[Shown]:
    """Shares of items that may be gone. Two statements."""
    items = await names_of_items(connection, {share.item_id for share in shares})
    known = await people_by_id(connection, concerned(shares))
    return [shown(share, items[share.item_id].kind, items[share.item_id].name, known) for share in shares]


async def show_listed(connection: AsyncConnection, page: Sequence[Listed]) -> list[Shown]:
    """A page of a list. One statement."""
    if not page:
        return []
    concerned = [(one.share.owner_id, one.share.granted_by, one.share.recipient_id) for one in page]
    trios = dict.fromkeys(concerned)
    known = await people_by_id(connection, {one for trio in trios for one in trio})
    made = {trio: _trio(known, trio) for trio in trios}
    return [Shown(one.share, one.kind, one.name, made[trio]) for one, trio in zip(page, concerned, strict=True)]
