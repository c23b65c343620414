"""Lists of shares: what I share, what is shared with me, who has what on an item. Two statements a list, four with an item."""

from dataclasses import dataclass

from coffer_chassis.access import Rights
from coffer_chassis.identity import Principal
from coffer_contracts.ids import ItemId
from coffer_sharing.domain import Beginning
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.handlers.showing import Shown, show_listed
from coffer_sharing.handlers.sight import Seen, seen
from coffer_sharing.store import listings
from coffer_sharing.store.listings import Asked, Listed


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list. `after` is where the next page begins, None at the end."""

    shares: list[Shown]
    after: Beginning | None


async def list_by_me(deps: Deps, principal: Principal, asked: Asked) -> Page:
    """What the caller has shared and still gives, also of what is in the trash at present."""
    async with deps.work.read() as connection:
        found = await listings.shares_by(connection, principal.user_id, deps.work.clock.now(), _one_more(asked))
        page, after = _cut(found, asked)
        return Page(await show_listed(connection, page), after)


async def list_with_me(deps: Deps, principal: Principal, asked: Asked) -> Page:
    """What is shared with the caller and open to them now."""
    async with deps.work.read() as connection:
        found = await listings.shares_with(connection, principal.user_id, deps.work.clock.now(), _one_more(asked))
        page, after = _cut(found, asked)
        return Page(await show_listed(connection, page), after)


async def list_on_item(deps: Deps, principal: Principal, item_id: ItemId, asked: Asked) -> tuple[Seen, Page]:
    """The shares of an item and of the folders above it: all of them for whoever may share it, else those to the caller.

    Raises NotFound, after a wait for an item that was made just now.
    """
    item = await seen(deps, item_id, principal)
    recipient_id = None if Rights.SHARE in item.rights else principal.user_id
    async with deps.work.read() as connection:
        now = deps.work.clock.now()
        found = await listings.shares_on(connection, item.chain, recipient_id, now, _one_more(asked))
        page, after = _cut(found, asked)
        return item, Page(await show_listed(connection, page), after)


def _one_more(asked: Asked) -> Asked:
    return asked._replace(limit=asked.limit + 1)


def _cut(found: list[Listed], asked: Asked) -> tuple[list[Listed], Beginning | None]:
    page = found[: asked.limit]
    return page, Beginning(page[-1].place, page[-1].share.id) if len(found) > asked.limit else None
