"""Invitations with what people want to read about them: the item, the address, and the names of those who invite."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.etags import etag_of
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import UserId
from coffer_sharing.addresses import Addresses
from coffer_sharing.domain.invitations import Invitation
from coffer_sharing.handlers.showing import Named, named
from coffer_sharing.store.invitations import Listed
from coffer_sharing.store.people import Person, people_by_id
from coffer_sharing.store.shares import names_of_items


@dataclass(frozen=True, slots=True)
class ShownInvitation:
    """An invitation as it is answered. Once it has ended, nothing knows the address any more."""

    invitation: Invitation
    email: str | None
    kind: ItemKind
    name: str
    owner: Named
    granted_by: Named

    @property
    def etag(self) -> str:
        """Changes with everything that is shown, names included."""
        names = [(one.username or "", one.display_name or "") for one in (self.owner, self.granted_by)]
        one = self.invitation
        return etag_of(one.id, one.revision, self.name, *(name for pair in names for name in pair))


async def show_invitations(
    connection: AsyncConnection, addresses: Addresses, invitations: Sequence[Invitation]
) -> list[ShownInvitation]:
    """Invitations to items that may be gone. Two statements; none without invitations."""
    if not invitations:
        return []
    items = await names_of_items(connection, {one.item_id for one in invitations})
    listed = [Listed(one, items[one.item_id].kind, items[one.item_id].name) for one in invitations]
    return await show_listed_invitations(connection, addresses, listed)


async def show_listed_invitations(
    connection: AsyncConnection, addresses: Addresses, page: Sequence[Listed]
) -> list[ShownInvitation]:
    """A page of a list. One statement."""
    if not page:
        return []
    concerned = {person for one in page for person in (one.invitation.owner_id, one.invitation.granted_by)}
    known = await people_by_id(connection, concerned)
    return [_shown(addresses, one, known) for one in page]


def _shown(addresses: Addresses, listed: Listed, known: Mapping[UserId, Person]) -> ShownInvitation:
    one = listed.invitation
    email = addresses.open(one.id, one.address) if one.address is not None else None
    return ShownInvitation(one, email, listed.kind, listed.name, named(known, one.owner_id), named(known, one.granted_by))
