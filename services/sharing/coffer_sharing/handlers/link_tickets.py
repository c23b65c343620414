"""Leave to download through a link: counted in the one statement that allows it, and then signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.callers import Caller
from coffer_chassis.copies.tree import Standing, standings
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.tickets import TicketUse
from coffer_contracts.ids import ItemId, LinkAccessId, LinkFamilyId, SessionId, VersionId
from coffer_contracts.problems import Forbidden, KindConflict, LinkExhausted, NotFound, Unauthenticated
from coffer_contracts.sharing_links import LinkDownloadedV1
from coffer_sharing.domain.links import GIVES_BYTES, Link, program_of
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.handlers.link_visits import Door, about, find_door, network_of
from coffer_sharing.handlers.sight import awaited
from coffer_sharing.store import links as rows
from coffer_sharing.store.link_accesses import NOWHERE, Access, note_access
from coffer_sharing.store.tables import tree
from coffer_sharing.tokens import ticket_token


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a visitor wants to download."""

    use: TicketUse
    item_ids: Sequence[ItemId]
    version_id: VersionId | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """One ticket."""

    token: str
    item_id: ItemId
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Tickets:
    """What was given, and the link after it was counted."""

    link: Link
    use: TicketUse
    given: list[Given]


async def give_tickets(deps: Deps, visitor: Principal, origin: Origin, token: str, wanted: Wanted, caller: Caller) -> Tickets:
    """Tickets for bytes below the link: one for each file, or one for an archive. Each counts as one download, at once and
    whatever becomes of it; so a request that is sent twice counts twice.

    Raises NotFound for a link that the session is not of and for items that do not lie below it (after a wait for one that was
    made just now), Forbidden where the link gives no bytes, LinkExpired, LinkExhausted, KindConflict for the content of a
    folder, and Unauthenticated for a session that has ended.
    """
    now = deps.work.clock.now()
    async with deps.work.read() as connection:
        door = await find_door(connection, token, now)
    link = door.link
    if visitor.kind != "link" or visitor.grantee != link.grantee:
        raise NotFound
    if visitor.family_id != link.family_id:
        raise Unauthenticated("The session has ended.")
    if link.mode not in GIVES_BYTES:
        raise Forbidden("This link is to look at, not to download.")
    item_ids = list(dict.fromkeys(wanted.item_ids))

    async def below(connection: AsyncConnection, _now: datetime) -> dict[ItemId, Standing] | None:
        found = await standings(connection, tree, item_ids)
        lies = all(
            at.is_live and link.item_id in (*at.ancestor_ids, at.item_id) and at.owner_id == link.owner_id
            for at in found.values()
        )
        return found if lies and len(found) == len(item_ids) else None

    found = await awaited(deps, item_ids, below)
    if wanted.use == "content" and any(at.kind == "folder" for at in found.values()):
        raise KindConflict("A folder has no content; ask for an archive.")
    # Whoever shows the ticket names what the archive is to hold; all of it lies below the one item that the ticket names.
    named = item_ids if wanted.use == "content" or len(item_ids) == 1 else [link.item_id]
    after = await _count(deps, visitor, origin, door, wanted, item_ids, len(named), caller)
    key = await deps.keys.current()
    given = []
    for item_id in named:
        signed, expires_at = ticket_token(
            key,
            issuer=deps.settings.issuer,
            visitor=visitor,
            item_id=item_id,
            version_id=wanted.version_id,
            use=wanted.use,
            now=deps.work.clock.now(),
        )
        given.append(Given(signed, item_id, expires_at))
    return Tickets(after, wanted.use, given)


async def _count(
    deps: Deps,
    visitor: Principal,
    origin: Origin,
    door: Door,
    wanted: Wanted,
    item_ids: Sequence[ItemId],
    more: int,
    caller: Caller,
) -> Link:
    async with deps.work.unit(origin) as unit:
        family_id = LinkFamilyId(visitor.family_id or "")
        after = await rows.count_downloads(unit.connection, door.link.id, family_id, more, unit.now)
        if after is None:
            raise await _refusal(unit.connection, door.link, unit.now)
        access = Access(
            id=LinkAccessId(new_id()),
            link_id=after.id,
            minute=unit.now.replace(second=0, microsecond=0),
            action="downloaded",
            network=network_of(caller.address) or NOWHERE,
            program=program_of(caller.agent),
            times=more,
            last_at=unit.now,
        )
        await note_access(unit.connection, access)
        fact = LinkDownloadedV1(
            **about(door, access),
            session_id=SessionId(visitor.session_id),
            item_ids=tuple(item_ids),
            way=wanted.use,
            downloads_count=after.downloads,
            max_downloads_count=after.max_downloads,
            downloaded_at=unit.now,
        )
        unit.emit(fact, sequence=1)
    return after


async def _refusal(connection: AsyncConnection, before: Link, now: datetime) -> Exception:
    """Why a download that was allowed a moment ago is not any more."""
    link = await rows.link_by_id(connection, before.id)
    if link is None or link.leads_nowhere or link.is_late(now):
        return NotFound()
    if link.family_id != before.family_id:
        return Unauthenticated("The session has ended.")
    if link.mode not in GIVES_BYTES:
        return Forbidden("This link is to look at, not to download.")
    return LinkExhausted("There are not so many downloads left.")
