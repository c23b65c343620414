"""Making, looking at, changing and deleting public links: for whoever may share the item."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coffer_chassis.etags import Conditions
from coffer_chassis.idempotency import Claim, known_result, once
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import ItemId, LinkFamilyId, LinkId, UserId
from coffer_contracts.problems import LimitReached, NotFound
from coffer_contracts.sharing_links import LinkMode
from coffer_sharing.domain.links import MOST_LINKS, Link, LinkWish, accept_expiry, accept_mode, changed
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.handlers.holding import hold
from coffer_sharing.handlers.link_facts import end_links, tell_changed, tell_made
from coffer_sharing.handlers.link_showing import ShownLink, show_link, show_links
from coffer_sharing.handlers.sight import seen
from coffer_sharing.store import link_accesses
from coffer_sharing.store import links as rows
from coffer_sharing.store.link_accesses import Access
from coffer_sharing.tokens import digest_of

Place = tuple[datetime, str]
"""Where a page begins: after the row of this time and id."""


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link that somebody wants."""

    item_id: ItemId
    mode: LinkMode
    password: str | None = None
    expires_at: datetime | None = None
    max_downloads: int | None = None
    name: str | None = None
    notify_on_upload: bool = False


async def make_link(
    deps: Deps, principal: Principal, origin: Origin, claim: Claim | None, wanted: NewLink
) -> tuple[ShownLink, bool]:
    """Make a link to an item; the link, and whether this is the replay of an earlier request.

    Raises NotFound (after a wait for an item that was made just now), Forbidden without the right to share, StateConflict for a
    drive's root folder and for what is in the trash, ValidationFailed, LimitReached, and Unavailable while too many passwords
    are hashed.
    """
    hashed = None
    if wanted.password is not None and await known_result(deps.work, claim) is None:
        hashed = await deps.hashing.hash(wanted.password)

    async def run(unit: Unit) -> dict[str, Any]:
        return {"link_id": (await _make(deps, unit, principal, wanted, hashed)).id}

    try:
        result, replayed = await once(deps.work, origin, claim, run)
    except NotFound:
        await seen(deps, wanted.item_id, principal, live=True)
        result, replayed = await once(deps.work, origin, claim, run)
    async with deps.work.read() as connection:
        link = await rows.link_by_id(connection, result["link_id"])
        if link is None:
            raise NotFound
        return await show_link(deps, connection, link, deps.work.clock.now()), replayed


async def _make(deps: Deps, unit: Unit, principal: Principal, wanted: NewLink, hashed: str | None) -> Link:
    item = await hold(unit, principal, wanted.item_id)
    accept_expiry(wanted.expires_at, unit.now)
    accept_mode(wanted.mode, item.at.kind)
    if await rows.count_of_item(unit.connection, item.at.item_id) >= MOST_LINKS:
        raise LimitReached(f"An item has at most {MOST_LINKS} links. Delete one first.", limit=MOST_LINKS)
    link_id = LinkId(new_id())
    link = Link(
        id=link_id,
        family_id=LinkFamilyId(new_id()),
        digest=digest_of(deps.link_tokens.token(link_id)),
        item_id=item.at.item_id,
        owner_id=item.at.owner_id,
        created_by=UserId(principal.user_id),
        mode=wanted.mode,
        name=wanted.name,
        password_hash=hashed,
        expires_at=wanted.expires_at,
        max_downloads=wanted.max_downloads,
        downloads=0,
        notify_on_upload=wanted.notify_on_upload,
        disabled_at=None,
        expired_at=None,
        taken_down_at=None,
        takedown_reason=None,
        created_at=unit.now,
        changed_at=unit.now,
        revision=1,
        ended_at=None,
        end_reason=None,
    )
    await rows.insert_link(unit.connection, link)
    tell_made(unit, link, item.at)
    return link


async def find_link(deps: Deps, principal: Principal, link_id: LinkId) -> ShownLink:
    """A link, for who made it and for the owner of the item. Raises NotFound."""
    async with deps.work.read() as connection:
        link = _of_theirs(await rows.link_by_id(connection, link_id), principal)
        if link.ended_at is not None:
            raise NotFound
        return await show_link(deps, connection, link, deps.work.clock.now())


async def list_links(
    deps: Deps, principal: Principal, item_id: ItemId | None, after: Place | None, limit: int
) -> tuple[list[ShownLink], Place | None]:
    """Links that the caller made, newest first, and where the next page begins; with `item_id` those to that item, of which its
    owner sees all. Raises NotFound for an item that the caller does not see, after a wait for one that was made just now.
    """
    maker: UserId | None = UserId(principal.user_id)
    if item_id is not None and (await seen(deps, item_id, principal)).at.owner_id == principal.user_id:
        maker = None
    async with deps.work.read() as connection:
        found = await rows.page(connection, item_id=item_id, created_by=maker, after=after, limit=limit + 1)
        shown = await show_links(deps, connection, found[:limit], deps.work.clock.now())
    last = shown[-1].link if len(found) > limit else None
    return shown, (last.created_at, last.id) if last else None


async def change_link(
    deps: Deps,
    principal: Principal,
    origin: Origin,
    link_id: LinkId,
    fields: Mapping[str, Any],
    conditions: Conditions,
) -> ShownLink:
    """Change a link: `fields` as in `LinkWish`, with `password` in plain. What is as wished already changes nothing, but for a
    password, which is always another one afterwards.

    Raises NotFound, PreconditionFailed, ValidationFailed, and Unavailable while too many passwords are hashed.
    """
    wanted = dict(fields)
    if "password" in wanted:
        password = wanted.pop("password")
        async with deps.work.read() as connection:
            _of_theirs(await rows.link_by_id(connection, link_id), principal)
        wanted["password_hash"] = None if password is None else await deps.hashing.hash(password)
    async with deps.work.unit(origin) as unit:
        link = await _lock(unit, principal, link_id)
        if link.ended_at is not None:
            raise NotFound
        before = await show_link(deps, unit.connection, link, unit.now)
        conditions.require(before.etag)
        after, changes = changed(link, LinkWish(wanted), before.kind, unit.now, LinkFamilyId(new_id()))
        if not changes:
            return before
        await rows.write(unit.connection, [after])
        tell_changed(unit, link, after, before, changes)
        return await show_link(deps, unit.connection, after, unit.now)


async def delete_link(deps: Deps, principal: Principal, origin: Origin, link_id: LinkId, conditions: Conditions) -> None:
    """Delete a link for good. One that is gone stays so, so it may run twice. Raises NotFound, PreconditionFailed."""
    async with deps.work.unit(origin) as unit:
        link = await _lock(unit, principal, link_id)
        if link.ended_at is not None:
            return
        conditions.require((await show_link(deps, unit.connection, link, unit.now)).etag)
        await end_links(unit, [link], "deleted")


async def list_accesses(
    deps: Deps, principal: Principal, link_id: LinkId, after: Place | None, limit: int
) -> tuple[list[Access], Place | None]:
    """What visitors did with a link, newest first, and where the next page begins. Raises NotFound."""
    async with deps.work.read() as connection:
        if _of_theirs(await rows.link_by_id(connection, link_id), principal).ended_at is not None:
            raise NotFound
        found = await link_accesses.page(connection, link_id, after, limit + 1)
    page = found[:limit]
    return page, (page[-1].last_at, page[-1].id) if len(found) > limit else None


async def _lock(unit: Unit, principal: Principal, link_id: LinkId) -> Link:
    return _of_theirs(await rows.lock_link(unit.connection, link_id), principal)


def _of_theirs(link: Link | None, principal: Principal) -> Link:
    if link is None or principal.user_id not in {link.owner_id, link.created_by}:
        raise NotFound
    return link
