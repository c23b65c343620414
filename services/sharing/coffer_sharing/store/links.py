"""Public links: finding, locking, counting, writing them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Integer, bindparam, func, insert, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import Grant, rights_named
from coffer_chassis.forgetting import forget_some
from coffer_chassis.tables import Id, Instant
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import ItemId, LinkFamilyId, LinkId, UserId
from coffer_sharing.domain.links import GIVES_BYTES, RIGHTS, Link
from coffer_sharing.store.tables import links, tree

LINK_COLUMNS = tuple(links.c[name] for name in Link._fields)
CHANGEABLE = (
    "family_id",
    "mode",
    "name",
    "password_hash",
    "expires_at",
    "max_downloads",
    "notify_on_upload",
    "disabled_at",
    "expired_at",
    "taken_down_at",
    "takedown_reason",
    "changed_at",
    "revision",
    "ended_at",
    "end_reason",
)
"""All but what a link was made with and how often it was used: that is counted where it happens."""

is_there = links.c.ended_at.is_(None)
_by_id = select(*LINK_COLUMNS).where(links.c.id == bindparam("link"))
_by_id_locked = _by_id.with_for_update()
_by_digest = select(*LINK_COLUMNS).where(links.c.digest == bindparam("shown"))
_write = (
    update(links)
    .where(links.c.id == bindparam("link"))
    .values({name: bindparam(f"new_{name}", type_=links.c[name].type) for name in CHANGEABLE})
)
_count = (
    update(links)
    .where(
        links.c.id == bindparam("link"),
        links.c.family_id == bindparam("family"),
        links.c.mode.in_(GIVES_BYTES),
        is_there,
        links.c.disabled_at.is_(None),
        links.c.taken_down_at.is_(None),
        or_(links.c.expires_at.is_(None), links.c.expires_at > bindparam("now", type_=Instant)),
        or_(
            links.c.max_downloads.is_(None),
            links.c.downloads + bindparam("more", type_=Integer) <= links.c.max_downloads,
        ),
    )
    .values(downloads=links.c.downloads + bindparam("more", type_=Integer))
    .returning(*LINK_COLUMNS)
)


class ListedLink(NamedTuple):
    """A link with what it leads to."""

    link: Link
    kind: ItemKind
    name: str


def grant_of(link: Link) -> Grant:
    """What the link gives, as the resolver takes it."""
    return Grant(link.grantee, link.item_id, rights_named(RIGHTS[link.mode]), link.expires_at)


async def insert_link(connection: AsyncConnection, link: Link) -> None:
    """Write a new link."""
    await connection.execute(insert(links), link._asdict())


async def count_of_item(connection: AsyncConnection, item_id: ItemId) -> int:
    """How many links lead to the item itself."""
    query = select(func.count()).select_from(links).where(links.c.item_id == item_id, is_there)
    count: int = (await connection.execute(query)).scalar_one()
    return count


async def link_by_id(connection: AsyncConnection, link_id: LinkId) -> Link | None:
    """The link, also one that has ended."""
    row = (await connection.execute(_by_id, {"link": link_id})).one_or_none()
    return Link._make(row) if row else None


async def link_by_digest(connection: AsyncConnection, digest: bytes) -> Link | None:
    """The link that a token opens, also one that has ended."""
    row = (await connection.execute(_by_digest, {"shown": digest})).one_or_none()
    return Link._make(row) if row else None


async def lock_link(connection: AsyncConnection, link_id: LinkId) -> Link | None:
    """As `link_by_id`, with the row locked."""
    row = (await connection.execute(_by_id_locked, {"link": link_id})).one_or_none()
    return Link._make(row) if row else None


async def lock_links_of(connection: AsyncConnection, item_id: ItemId) -> list[Link]:
    """The links to the item that have not ended, locked."""
    wanted = select(*LINK_COLUMNS).where(links.c.item_id == item_id, is_there).order_by(links.c.id).with_for_update()
    return [Link._make(row) for row in await connection.execute(wanted)]


async def lock_late(connection: AsyncConnection, now: datetime, limit: int) -> list[Link]:
    """Links whose time is up without anybody having been told, oldest first, locked; those that somebody holds are left out."""
    due = select(*LINK_COLUMNS).where(links.c.expires_at <= now, is_there, links.c.expired_at.is_(None))
    due = due.where(links.c.disabled_at.is_(None), links.c.taken_down_at.is_(None))
    due = due.order_by(links.c.expires_at).limit(limit).with_for_update(skip_locked=True)
    return [Link._make(row) for row in await connection.execute(due)]


async def write(connection: AsyncConnection, changed: Sequence[Link]) -> None:
    """Write what may change about links that are locked."""
    values = [{"link": one.id} | {f"new_{name}": getattr(one, name) for name in CHANGEABLE} for one in changed]
    if values:
        await connection.execute(_write, values)


async def count_downloads(
    connection: AsyncConnection, link_id: LinkId, family_id: LinkFamilyId, more: int, now: datetime
) -> Link | None:
    """Count so many downloads, all or none, if the link allows them at this moment to sessions of this family: one statement,
    so that however many ask at once no more than allowed are counted. The link after it, None if it does not.
    """
    values = {"link": link_id, "family": family_id, "more": more, "now": now}
    row = (await connection.execute(_count, values)).one_or_none()
    return Link._make(row) if row else None


async def links_by(
    connection: AsyncConnection, user_id: UserId, limit: int, after: LinkId | None = None
) -> list[tuple[LinkId, ItemId]]:
    """Links that the person has made and that have not ended, each with its item, by id, from behind `after` on."""
    wanted = select(links.c.id, links.c.item_id).where(links.c.created_by == user_id, is_there)
    if after is not None:
        wanted = wanted.where(links.c.id > after)
    return [(row[0], row[1]) for row in await connection.execute(wanted.order_by(links.c.id).limit(limit))]


async def links_reaching(connection: AsyncConnection, item_ids: Collection[ItemId]) -> list[Link]:
    """The links to any of these items, newest first, whatever state they are in."""
    wanted = select(*LINK_COLUMNS).where(links.c.item_id.in_(item_ids), is_there)
    rows = await connection.execute(wanted.order_by(links.c.created_at.desc(), links.c.id.desc()))
    return [Link._make(row) for row in rows]


async def page(
    connection: AsyncConnection,
    *,
    item_id: ItemId | None,
    created_by: UserId | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[ListedLink]:
    """Links that have not ended, newest first: to one item, by one person, or both."""
    wanted = select(*LINK_COLUMNS, tree.c.kind, tree.c.name).join_from(links, tree, tree.c.item_id == links.c.item_id)
    wanted = wanted.where(is_there)
    if item_id is not None:
        wanted = wanted.where(links.c.item_id == item_id)
    if created_by is not None:
        wanted = wanted.where(links.c.created_by == created_by)
    if after is not None:
        wanted = wanted.where(tuple_(links.c.created_at, links.c.id) < tuple_(*after, types=[Instant, Id]))
    wanted = wanted.order_by(links.c.created_at.desc(), links.c.id.desc()).limit(limit)
    return [ListedLink(Link._make(row[:-2]), *row[-2:]) for row in await connection.execute(wanted)]


async def restatable(connection: AsyncConnection, after: LinkId | None, since: datetime, limit: int) -> list[Link]:
    """Links that are there and those that ended at or after `since`, by id, from behind `after` on."""
    wanted = select(*LINK_COLUMNS).where(func.coalesce(links.c.ended_at, since) >= since)
    if after is not None:
        wanted = wanted.where(links.c.id > after)
    return [Link._make(row) for row in await connection.execute(wanted.order_by(links.c.id).limit(limit))]


async def forget_ended_before(connection: AsyncConnection, moment: datetime) -> int:
    """Delete a slice of the links that ended before `moment`; how many. Safe to run twice."""
    return await forget_some(connection, links, links.c.ended_at < moment)
