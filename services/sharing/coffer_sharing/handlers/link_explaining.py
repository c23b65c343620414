"""Which public links reach an item, and what each of them gives to anybody who has its address. Only the resolver is asked."""

from dataclasses import dataclass

from coffer_chassis.access import Rights, rights_on
from coffer_chassis.identity import Principal
from coffer_contracts.ids import ItemId
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.handlers.link_showing import ShownLink, show_links
from coffer_sharing.handlers.sight import seen
from coffer_sharing.store import links as rows
from coffer_sharing.store.links import ListedLink, grant_of
from coffer_sharing.store.shares import names_of_items


@dataclass(frozen=True, slots=True)
class LinkCause:
    """A link to the item or to a folder above it."""

    link: ShownLink
    gives: Rights
    """At this moment: nothing while it is shut, or while what it leads to is in the trash."""


async def links_on(deps: Deps, principal: Principal, item_id: ItemId) -> list[LinkCause]:
    """The links that reach an item, newest first, for its owner; others are told of none. Raises NotFound, after a wait for an
    item that was made just now.
    """
    item = await seen(deps, item_id, principal)
    if item.at.owner_id != principal.user_id:
        return []
    now = deps.work.clock.now()
    async with deps.work.read() as connection:
        found = await rows.links_reaching(connection, item.chain)
        items = await names_of_items(connection, {link.item_id for link in found}) if found else {}
        listed = [ListedLink(link, items[link.item_id].kind, items[link.item_id].name) for link in found]
        shown = await show_links(deps, connection, listed, now)

    def gives(one: ShownLink) -> Rights:
        link = one.link
        rights = rights_on(item.at.place, link.grantee, [grant_of(link)], now) if link.is_granting else Rights.NONE
        # Who sees nothing of a folder reaches nothing below it, either.
        return rights if Rights.READ in rights or link.item_id == item.at.item_id else Rights.NONE

    return [LinkCause(one, gives(one)) for one in shown]
