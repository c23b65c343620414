"""What follows from facts about public links: activity for who made them, and a notice when one ends that they did not end. All
quick: SQL only.
"""

from coffer_chassis.copies.tree import standings
from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope
from coffer_contracts.sharing_links import AccessFact, LinkDisabledV1, LinkFact, LinkUploadedV1
from coffer_notifier.domain import notices as kinds
from coffer_notifier.domain.link_activity import entry_of_link, unnamed
from coffer_notifier.domain.notices import ItemRef
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.gathering import Happening, gather_all
from coffer_notifier.handlers.noticing import give_notice
from coffer_notifier.store import activity
from coffer_notifier.store.tables import tree

_TOLD_OF = {"taken_down": kinds.LINK_TAKEN_DOWN, "expired": kinds.LINK_EXPIRED}
"""Why a link ended -> the notice of it; whoever shuts or deletes one knows."""


async def on_link_fact(event: Envelope[LinkFact] | Envelope[AccessFact], unit: Unit, _deps: Deps) -> None:
    """An entry of the activity, once per fact however often it comes."""
    event = unnamed(event)
    fact = event.data
    standing = (await standings(unit.connection, tree, [fact.item_id])).get(fact.item_id)
    entry = entry_of_link(event, new_id(), standing.ancestor_ids if standing else ())
    await activity.add(unit.connection, entry)


async def on_link_disabled(event: Envelope[LinkDisabledV1], unit: Unit, deps: Deps) -> None:
    """The same; and its maker is told of an end that time or an operator made."""
    event = unnamed(event)
    fact = event.data
    await on_link_fact(event, unit, deps)
    if (kind := _TOLD_OF.get(fact.reason)) is not None:
        item = ItemRef(fact.item_id, fact.item_kind, fact.item_name, fact.owner_id)
        data = {"link_id": fact.link_id, "link_name": fact.name, "mode": fact.mode, "detail": fact.detail}
        await give_notice(unit, deps, event, fact.created_by, kind, item, data)


async def on_link_uploaded(event: Envelope[LinkUploadedV1], unit: Unit, deps: Deps) -> None:
    """Its maker is told, of all that comes within some time in one notice: whoever has a link must not fill a feed."""
    fact = event.data
    item = ItemRef(fact.item_id, fact.item_kind, fact.item_name, fact.owner_id)
    data = {"link_id": fact.link_id, "link_name": fact.name, "uploader_name": fact.uploader_name}
    told = Happening(unit, event, fact.created_by, kinds.LINK_UPLOADED, item, fact.link_id, tuple(data.items()))
    unit.together(gather_all, (told, deps))
