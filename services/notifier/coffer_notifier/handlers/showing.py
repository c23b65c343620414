"""What of a feed or of the activity is shown, and by what names: the same for listings and for live streams."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.copies.people import Person, people_by_id
from coffer_contracts.ids import ShareId, UserId
from coffer_notifier.domain.notices import GRANT_LAG, Notice
from coffer_notifier.handlers.sight import look
from coffer_notifier.store.tables import grants, people

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something; names are null for whom auth has not told of yet."""

    id: str
    username: str | None
    display_name: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice with the name of who caused it."""

    notice: Notice
    actor: Actor | None


async def visible(connection: AsyncConnection, found: Sequence[Notice], now: datetime) -> list[Notice]:
    """Those of the notices that their readers may be told now, in the same order.

    A share's notice may come before the grant that the share made; it is believed until the grant must have come.
    """
    judged = [notice for notice in found if notice.needs_sight]
    if not judged:
        return list(found)
    # Before the grants are read: one that comes in between must not count as heard of and missing.
    fresh = {notice.share_id for notice in judged if notice.share_id and notice.created_at > now - GRANT_LAG}
    unheard = fresh - await shares_heard_of(connection, fresh)
    readers = {notice.user_id for notice in judged}
    items = {notice.item.id for notice in judged if notice.item}
    sight = await look(connection, items, now, reader=next(iter(readers)) if len(readers) == 1 else None)

    def shows(notice: Notice) -> bool:
        if not notice.needs_sight or notice.item is None:
            return True
        if notice.share_id in unheard and notice.item.id not in sight.gone:
            return True
        return sight.may_read(notice.user_id, notice.item.id, notice.item.owner_id)

    return [notice for notice in found if shows(notice)]


async def shares_heard_of(connection: AsyncConnection, share_ids: Collection[ShareId]) -> set[ShareId]:
    """Of which shares the grant, which has the same id, is known, be it alive or over."""
    if not share_ids:
        return set()
    rows = await connection.execute(select(grants.c.grant_id).where(grants.c.grant_id.in_(share_ids)))
    return set(map(ShareId, rows.scalars()))


async def with_names(connection: AsyncConnection, found: Sequence[Notice]) -> list[Shown]:
    """The notices with the names of who caused them."""
    actors = await actors_named(connection, (notice.actor_id for notice in found))
    return [Shown(notice, actors.get(notice.actor_id or "")) for notice in found]


async def actors_named(connection: AsyncConnection, ids: Iterable[str | None]) -> dict[str, Actor]:
    """Actors by id, with the names they have now as far as they were told."""
    wanted = {one for one in ids if one}
    known: dict[UserId, Person] = {}
    if accounts := [UserId(one) for one in wanted if _ID.fullmatch(one)]:
        known = await people_by_id(connection, people, accounts)
    return {one: _actor(one, known.get(UserId(one))) for one in wanted}


def _actor(actor_id: str, person: Person | None) -> Actor:
    return Actor(actor_id, person.username if person else None, person.display_name if person else None)
