"""What ends links beside their makers: time, operators, and the item's own end. And what is forgotten of them."""

from dataclasses import replace
from datetime import timedelta

from coffer_chassis.admin import acts
from coffer_chassis.admin.acts import as_operator
from coffer_chassis.admin.operations import Operations
from coffer_chassis.forgetting import in_slices
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import ItemId, LinkFamilyId, LinkId, UserId
from coffer_contracts.problems import NotFound
from coffer_sharing.domain.links import changes_between
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.handlers.link_facts import end_links, tell_changed, tell_sessions_ended
from coffer_sharing.handlers.link_showing import ShownLink, show_link
from coffer_sharing.store import link_accesses
from coffer_sharing.store import links as rows
from coffer_sharing.store.shares import names_of_items
from coffer_sharing.tokens import digest_of

EXPIRE_PAGE = 200
TAKEN_DOWN = "link.taken_down"
PUT_BACK = "link.put_back"


async def end_links_of(unit: Unit, item_id: ItemId) -> None:
    """The item is gone for good, and with it the links to it."""
    await end_links(unit, await rows.lock_links_of(unit.connection, item_id), "item_purged")


async def end_sessions_of(deps: Deps, user_id: UserId) -> None:
    """Whoever came in through links of somebody who was suspended is out; nobody else comes in while they are. The links stay.
    May run twice.
    """
    after = None
    while True:
        async with deps.work.read() as connection:
            found = await rows.links_by(connection, user_id, EXPIRE_PAGE, after)
        for link_id, _ in found:
            async with deps.work.unit(Origin.system(new_id())) as unit:
                link = await rows.lock_link(unit.connection, link_id)
                if link is not None and not link.leads_nowhere:
                    await rows.write(unit.connection, [link._replace(family_id=LinkFamilyId(new_id()))])
                    tell_sessions_ended(unit, link, "account_suspended", urgent=False)
        if len(found) < EXPIRE_PAGE:
            return
        after = found[-1][0]


async def expire_links(deps: Deps) -> int:
    """Tell of every link whose time is up; how many. May run twice and at once: each is told by one. Rights do not wait for
    this, because everybody judges the expiry in a grant by their own clock.
    """
    count = 0
    while True:
        async with deps.work.unit(Origin.system(new_id())) as unit:
            due = await rows.lock_late(unit.connection, unit.now, EXPIRE_PAGE)
            items = await names_of_items(unit.connection, {link.item_id for link in due}) if due else {}
            after = [link._replace(expired_at=unit.now, changed_at=unit.now, revision=link.revision + 1) for link in due]
            await rows.write(unit.connection, after)
            for before, now in zip(due, after, strict=True):
                tell_changed(unit, before, now, items[before.item_id], ())
        count += len(due)
        if len(due) < EXPIRE_PAGE:
            return count


async def forget_links(deps: Deps) -> tuple[int, int]:
    """Delete what visitors did long ago, and links that ended long ago; how many rows of each. Safe to run twice."""
    now, engine = deps.work.clock.now(), deps.work.engine
    old, ended = (now - timedelta(days=days) for days in (deps.settings.accesses_keep_days, deps.settings.ended_keep_days))
    visits = await in_slices(engine, lambda connection: link_accesses.forget_before(connection, old))
    return visits, await in_slices(engine, lambda connection: rows.forget_ended_before(connection, ended))


async def look_up_link(deps: Deps, token: str) -> ShownLink:
    """The link that an address belongs to, for an operator to whom somebody wrote; without the address. Raises NotFound."""
    async with deps.work.read() as connection:
        link = await rows.link_by_digest(connection, digest_of(token))
        if link is None or link.ended_at is not None:
            raise NotFound
        return _without_address(await show_link(deps, connection, link, deps.work.clock.now()))


async def take_down(deps: Deps, operations: Operations, origin: Origin, link_id: LinkId, reason: str) -> ShownLink:
    """Shut a link whatever its maker wants, and end the sessions of its visitors. Its maker is told, with the reason. One that
    is down stays down, so it may run twice. Raises NotFound.
    """
    return await _set_down(deps, operations, origin, link_id, reason)


async def put_back(deps: Deps, operations: Operations, origin: Origin, link_id: LinkId) -> ShownLink:
    """Undo that: the link is as its maker has it. May run twice. Raises NotFound."""
    return await _set_down(deps, operations, origin, link_id, None)


async def _set_down(deps: Deps, operations: Operations, origin: Origin, link_id: LinkId, reason: str | None) -> ShownLink:
    async with deps.work.unit(as_operator(origin)) as unit:
        link = await rows.lock_link(unit.connection, link_id)
        if link is None or link.ended_at is not None:
            raise NotFound
        item = (await names_of_items(unit.connection, {link.item_id}))[link.item_id]
        if (link.taken_down_at is None) != (reason is None):
            down = {"taken_down_at": unit.now if reason else None, "takedown_reason": reason}
            after = link._replace(**down, changed_at=unit.now, revision=link.revision + 1)  # type: ignore[arg-type]  # by name
            if reason is not None:
                after = after._replace(family_id=LinkFamilyId(new_id()))
            await rows.write(unit.connection, [after])
            tell_changed(unit, link, after, item, changes_between(link, after))
            action = TAKEN_DOWN if reason else PUT_BACK
            acts.record(operations, unit, action, target=f"link/{link.id}", count=1, owner=link.owner_id, reason=reason)
            link = after
        return _without_address(await show_link(deps, unit.connection, link, unit.now))


def _without_address(shown: ShownLink) -> ShownLink:
    """What an operator sees: not what would let them in."""
    return replace(shown, url=None)
