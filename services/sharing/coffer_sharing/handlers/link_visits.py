"""Visitors of public links: what a link leads to, coming in, and leave to download. Nobody here is signed in.

What leads nowhere, for whatever reason, is told like what never was. A link whose time is up or whose downloads are used up
says so, because whoever has its address knows of it anyway.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.callers import Caller
from coffer_chassis.copies.tree import Standing, standings
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import LinkAccessId
from coffer_contracts.problems import LinkExhausted, LinkExpired, LinkPasswordRequired, NotFound
from coffer_contracts.sharing_links import LinkUnlockedV1, LinkUnlockFailedV1, LinkViewedV1
from coffer_sharing.domain.links import Link, program_of
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.store import links as rows
from coffer_sharing.store.link_accesses import NOWHERE, Access, Action, note_access
from coffer_sharing.store.people import Person, people_by_id
from coffer_sharing.store.tables import tree
from coffer_sharing.tokens import digest_of, session_token

_TOLD: dict[Action, tuple[type[LinkViewedV1 | LinkUnlockedV1 | LinkUnlockFailedV1], str]] = {
    "viewed": (LinkViewedV1, "viewed_at"),
    "unlocked": (LinkUnlockedV1, "unlocked_at"),
    "unlock_failed": (LinkUnlockFailedV1, "failed_at"),
}
_V4_BITS, _V6_BITS = 24, 48


@dataclass(frozen=True, slots=True)
class Door:
    """A link that leads somewhere, what to, and whose it is; None for an owner that auth has not told of."""

    link: Link
    at: Standing
    owner: Person | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A visitor who has come in."""

    door: Door
    token: str
    expires_at: datetime


async def view_link(deps: Deps, origin: Origin, token: str, caller: Caller) -> Door:
    """What a link leads to, and that somebody looked. Raises NotFound, LinkExpired, LinkExhausted."""
    async with deps.work.read() as connection:
        door = await find_door(connection, token, deps.work.clock.now())
    async with deps.work.unit(_by(door.link, origin)) as unit:
        await note(unit, door, "viewed", caller)
    return door


async def unlock_link(
    deps: Deps,
    origin: Origin,
    token: str,
    password: str | None,
    caller: Caller,
    attempt: Callable[[], Awaitable[None]],
    *,
    visitor: Principal | None = None,
) -> Entry:
    """Come in. `attempt` is awaited before a password is compared, and may refuse. Whoever is in already, as `visitor` says,
    stays the same visitor for longer: to files it is the session that sends something.

    Raises NotFound, LinkExpired, LinkExhausted, LinkPasswordRequired for a password that is missing or wrong, and Unavailable
    while too many are compared.
    """
    async with deps.work.read() as connection:
        door = await find_door(connection, token, deps.work.clock.now())
    link = door.link
    if link.password_hash is not None:
        if password is None:
            raise LinkPasswordRequired
        await attempt()
        fits = await deps.hashing.verify(password, link.password_hash)
    else:
        fits = True
    async with deps.work.unit(_by(link, origin)) as unit:
        # Comparing takes its time: a session must not be of a family that has ended meanwhile.
        today = await rows.link_by_id(unit.connection, link.id)
        if today is None or today.leads_nowhere:
            raise NotFound
        fits = fits and today.family_id == link.family_id
        await note(unit, door, "unlocked" if fits else "unlock_failed", caller)
        now = unit.now
    if not fits:
        raise LinkPasswordRequired("This is not the password.")
    is_in = visitor is not None and (visitor.grantee, visitor.family_id) == (link.grantee, link.family_id)
    session_id = visitor.session_id if visitor is not None and is_in else None
    key, issuer = await deps.keys.current(), deps.settings.issuer
    signed, expires_at = session_token(key, issuer=issuer, link=link, now=now, session_id=session_id)
    return Entry(door, signed, expires_at)


async def find_door(connection: AsyncConnection, token: str, now: datetime) -> Door:
    """The link that a token opens, with what it leads to. Raises NotFound, LinkExpired, LinkExhausted. Three statements."""
    link = await rows.link_by_digest(connection, digest_of(token))
    if link is None or link.leads_nowhere:
        raise NotFound
    at = (await standings(connection, tree, [link.item_id])).get(link.item_id)
    owner = (await people_by_id(connection, [link.owner_id])).get(link.owner_id)
    if at is None or not at.is_live or (owner is not None and not owner.is_active):
        raise NotFound
    if link.is_late(now):
        raise LinkExpired
    if link.is_used_up:
        raise LinkExhausted
    return Door(link, at, owner)


async def note(unit: Unit, door: Door, action: Action, caller: Caller) -> None:
    """Write down what a visitor does; tell of the first in a minute from one network with one kind of program."""
    network, program = network_of(caller.address), program_of(caller.agent)
    access = Access(
        id=LinkAccessId(new_id()),
        link_id=door.link.id,
        minute=unit.now.replace(second=0, microsecond=0),
        action=action,
        network=network or NOWHERE,
        program=program,
        times=1,
        last_at=unit.now,
    )
    if not await note_access(unit.connection, access) or action not in _TOLD:
        return
    kind, moment = _TOLD[action]
    unit.emit(kind(**about(door, access), **{moment: unit.now}), sequence=1)


def about(door: Door, access: Access) -> dict[str, Any]:
    """What all facts about visits say."""
    link = door.link
    return {
        "access_id": access.id,
        "link_id": link.id,
        "item_id": link.item_id,
        "item_kind": door.at.kind,
        "item_name": door.at.name,
        "owner_id": link.owner_id,
        "created_by": link.created_by,
        "mode": link.mode,
        "name": link.name,
        "network": access.network or None,
        "program": access.program,
    }


def network_of(address: str | None) -> str | None:
    """What is kept of a visitor's address: the /24 of IPv4, the /48 of IPv6."""
    if address is None:
        return None
    bits = _V6_BITS if ":" in address else _V4_BITS
    return str(ip_network(f"{address}/{bits}", strict=False))


def _by(link: Link, origin: Origin) -> Origin:
    """A visitor acts as the link."""
    return Origin(link.id, "link", origin.correlation_id, origin.causation_id, origin.traceparent)
