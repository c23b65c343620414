"""Links with what their makers want to read about them: what they lead to, whose names, and the address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.etags import etag_of
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import UserId
from coffer_sharing.domain.links import Link, State
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.handlers.showing import Named, named
from coffer_sharing.store.links import ListedLink
from coffer_sharing.store.people import Person, people_by_id
from coffer_sharing.store.shares import names_of_items
from coffer_sharing.tokens import digest_of


@dataclass(frozen=True, slots=True)
class ShownLink:
    """A link as it is answered to who made it, to the owner of the item, and to operators."""

    link: Link
    kind: ItemKind
    name: str
    owner: Named
    created_by: Named
    url: str | None
    """None where the secret that made it is no longer the one in use."""
    state: State

    @property
    def etag(self) -> str:
        """Changes with everything that somebody can change, names included, and not with how often the link is used."""
        names = [(one.username or "", one.display_name or "") for one in (self.owner, self.created_by)]
        return etag_of(self.link.id, self.link.revision, self.name, *(name for pair in names for name in pair))


def url_of(deps: Deps, link: Link) -> str | None:
    """The address that opens the link."""
    token = deps.link_tokens.token(link.id)
    return f"{deps.public_url}/s/{token}" if compare_digest(digest_of(token), link.digest) else None


async def show_link(deps: Deps, connection: AsyncConnection, link: Link, now: datetime) -> ShownLink:
    """One link, of an item that may be gone. Two statements."""
    item = (await names_of_items(connection, {link.item_id}))[link.item_id]
    return (await show_links(deps, connection, [ListedLink(link, item.kind, item.name)], now))[0]


async def show_links(deps: Deps, connection: AsyncConnection, page: Sequence[ListedLink], now: datetime) -> list[ShownLink]:
    """A page of a list. One statement."""
    if not page:
        return []
    concerned = {one for listed in page for one in (listed.link.owner_id, listed.link.created_by)}
    known = await people_by_id(connection, concerned)
    return [_shown(deps, listed, known, now) for listed in page]


def _shown(deps: Deps, listed: ListedLink, known: Mapping[UserId, Person], now: datetime) -> ShownLink:
    link = listed.link
    return ShownLink(
        link,
        listed.kind,
        listed.name,
        named(known, link.owner_id),
        named(known, link.created_by),
        url_of(deps, link),
        link.state(now),
    )
