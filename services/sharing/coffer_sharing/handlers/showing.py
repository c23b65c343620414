"""Shares with what people want to read about them: what is shared, and the names of everybody concerned."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Shown:
    """A share as it is answered."""

    share: Share
    kind: ItemKind
    name: str
    owner: Named
    granted_by: Named
    recipient: Named

    @property
    def etag(self) -> str:
        """Changes with everything that is shown, names included."""
        names = [(one.username or "", one.display_name or "") for one in (self.owner, self.granted_by, self.recipient)]
        return etag_of(self.share.id, self.share.revision, self.name, *(name for pair in names for name in pair))


def named(known: Mapping[UserId, Person], user_id: UserId) -> Named:
    """The person, also one that was not heard of."""
    person = known.get(user_id)
    return Named(user_id, person.username, person.display_name) if person else Named(user_id)


def shown(share: Share, kind: ItemKind, name: str, known: Mapping[UserId, Person]) -> Shown:
    """A share with its names."""
    owner, granted_by, recipient = (named(known, one) for one in (share.owner_id, share.granted_by, share.recipient_id))
    return Shown(share, kind, name, owner, granted_by, recipient)


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
    known = await people_by_id(connection, concerned([one.share for one in page]))
    # Each name once: a hundred shares are often of one person, or with one.
    names = {one: named(known, one) for one in concerned([one.share for one in page])}
    return [
        Shown(
            one.share, one.kind, one.name, names[one.share.owner_id], names[one.share.granted_by], names[one.share.recipient_id]
        )
        for one in page
    ]
