"""What people marked or had to do with, wherever it lies: only what they may still see is ever told."""

from dataclasses import dataclass
from datetime import datetime

from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import ItemId, VersionId
from coffer_files.domain.items import Item
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.feed_watch import CHANGES
from coffer_files.handlers.interactions import write_interactions
from coffer_files.handlers.items import ROOT, find_item
from coffer_files.handlers.reading import Pictures
from coffer_files.handlers.sight import Seen, seen, seen_by
from coffer_files.store import items as rows
from coffer_files.store import marks
from coffer_files.store.changes import note_share
from coffer_files.store.grants import given_to, locate_many
from coffer_files.store.marks import MarkKind
from coffer_files.store.versions import pictures


@dataclass(frozen=True, slots=True)
class MarkedPage:
    """Part of such a list; it may be shorter than was asked for, or empty, with more to come. `after` is where the next page
    begins, None at the end.
    """

    items: list[Seen]
    after: tuple[datetime, ItemId] | None
    pictures: Pictures


async def set_favourite(deps: Deps, principal: Principal, origin: Origin, ref: str, *, wanted: bool) -> None:
    """Make an item a favourite of the caller's, or no longer. Their own feed hears of it, nobody else's. May run twice.

    Raises NotFound; not for a favourite that they may not see any more and want to be rid of.
    """
    item_id = (await find_item(deps, principal, origin, ROOT)).at.item.id if ref == ROOT else ItemId(ref)
    async with deps.work.unit(origin) as unit:
        await favour_in(unit, principal, item_id, wanted=wanted)


async def favour_in(unit: Unit, principal: Principal, item_id: ItemId, *, wanted: bool) -> None:
    """As `set_favourite`, in a unit that somebody else commits."""
    connection, user_id = unit.connection, principal.user_id
    if wanted:
        seen(await rows.hold(connection, item_id, principal.grantee), principal.grantee, unit.now)
        changed = await marks.add_favourite(connection, user_id, item_id, unit.now)
    else:
        changed = await marks.remove_favourite(connection, user_id, item_id)
        if not changed:
            found = await rows.locate(connection, item_id, principal.grantee)
            seen(found, principal.grantee, unit.now, in_trash=True)
    if changed:
        await note_share(connection, user_id, item_id, "metadata", actor_id=unit.origin.actor_id, now=unit.now)
        unit.wake(CHANGES)


async def list_marked(
    deps: Deps,
    principal: Principal,
    kind: MarkKind,
    *,
    limit: int,
    after: tuple[datetime, ItemId] | None = None,
    with_pictures: bool = False,
) -> MarkedPage:
    """A page of the caller's favourites, or of what they had to do with, latest first. Three statements a page, one more with
    pictures; what the caller may not see any more, or lies in the trash, is left out.
    """
    if kind == "recent":
        await write_interactions(deps.work, deps.interactions, principal.user_id)
    now = deps.work.clock.now()
    async with deps.work.read() as connection:
        page = await marks.marked(connection, principal.user_id, kind, limit=limit + 1, after=after)
        page, last = page[:limit], page[limit - 1] if len(page) > limit else None
        given = [one for one, _ in await given_to(connection, principal.grantee)] if page else []
        found = await locate_many(connection, [item_id for item_id, _ in page], given, principal.grantee)
        living = [found[item_id] for item_id, _ in page if item_id in found and found[item_id].is_live]
        shown = [known for at in living if (known := seen_by(at, principal.grantee, now))]
        ready = [version for known in shown if (version := _pictured(known.at.item))] if with_pictures else []
        images = await pictures(connection, ready) if ready else {}
    return MarkedPage(shown, (last[1], last[0]) if last else None, images)


def _pictured(item: Item) -> VersionId | None:
    return item.version_id if item.preview_status == "ready" else None
