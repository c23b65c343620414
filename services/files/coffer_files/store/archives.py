"""Archives that were asked for, and the walk down the folders that are put into one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, Integer, Select, Text, bindparam, column, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.tables import Id
from coffer_contracts.event import ActorKind
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import ArchiveId, ItemId, SessionId, VersionId
from coffer_files.store.tables import archives, blobs, items, versions


class Archive(NamedTuple):
    """A row of `archives`."""

    id: ArchiveId
    grantee: str
    actor_id: str
    actor_kind: ActorKind
    session_id: SessionId
    item_ids: list[ItemId]
    name: str
    ticket_sha256: bytes
    estimated_size: int
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


class Below(NamedTuple):
    """A living child, with the object that holds its content if it is a file."""

    id: ItemId
    kind: ItemKind
    name: str
    name_key: str
    modified_at: datetime
    size_bytes: int
    version_id: VersionId | None
    key: str | None
    etag: str | None


async def insert_archive(connection: AsyncConnection, archive: Archive) -> None:
    """Write down that an archive was asked for."""
    await connection.execute(insert(archives).values(**archive._asdict()))


async def archive_by_id(connection: AsyncConnection, archive_id: ArchiveId) -> Archive | None:
    """The archive, used or not."""
    row = (await connection.execute(select(archives).where(archives.c.id == archive_id))).one_or_none()
    return Archive._make(row) if row else None


async def use_archive(connection: AsyncConnection, archive_id: ArchiveId, now: datetime) -> bool:
    """Use its ticket up; False if that was done before, also by someone whose transaction ends only now."""
    unused = (archives.c.id == archive_id) & archives.c.used_at.is_(None)
    return bool((await connection.execute(update(archives).where(unused).values(used_at=now))).rowcount)


_ids = bindparam("ids", type_=ARRAY(Id))
_limit = bindparam("limit", type_=Integer)


def _measure() -> Select[Any]:
    """Tied together by LATERAL and OFFSET 0: the planner takes the walk to be long and would read the tree of all drives."""
    top = select(items.c.id, items.c.size_bytes).where(items.c.id == func.any(_ids)).cte("below", recursive=True)
    child = select(items.c.id, items.c.size_bytes).where(items.c.parent_id == top.c.id, items.c.name_key.is_not(None))
    child_here = child.offset(0).lateral("child")
    below = top.union_all(select(child_here.c.id, child_here.c.size_bytes).select_from(top.join(child_here, true())))
    some = select(below.c.size_bytes).limit(_limit).subquery("some")
    return select(func.count(), func.coalesce(func.sum(some.c.size_bytes), 0))


_measured = _measure()


async def measure(connection: AsyncConnection, item_ids: Sequence[ItemId], limit: int) -> tuple[int, int]:
    """How many items these and all below them are, and how many bytes their files have; counted up to `limit` items."""
    row = (await connection.execute(_measured, {"ids": [*item_ids], "limit": limit})).one()
    return int(row[0]), int(row[1])


_BELOW = (items.c.id, items.c.kind, items.c.name, items.c.name_key, items.c.modified_at, items.c.size_bytes, items.c.version_id)
_held = items.outerjoin(versions, versions.c.id == items.c.version_id).outerjoin(blobs, blobs.c.id == versions.c.blob_id)


def _children() -> Select[Any]:
    """A walk along the index of names for each folder, cut at the limit: nobody sorts, or reads a long folder to its end."""
    folder = func.unnest(_ids).table_valued(column("id", Id), with_ordinality="place", name="folder").render_derived()
    some = (
        select(*_BELOW)
        .where(
            items.c.parent_id == folder.c.id, items.c.name_key.is_not(None), items.c.name_key > bindparam("after", type_=Text)
        )
        .order_by(items.c.name_key)
        .limit(_limit)
        .lateral("some")
    )
    whole = folder.join(some, true()).outerjoin(versions, versions.c.id == some.c.version_id)
    whole = whole.outerjoin(blobs, blobs.c.id == versions.c.blob_id)
    shown = select(folder.c.place, *some.c, blobs.c.key, blobs.c.etag).select_from(whole)
    return shown.order_by(folder.c.place, some.c.name_key)


_first_children = _children()


async def children_of(
    connection: AsyncConnection, folder_ids: Sequence[ItemId], limit: int, *, after: str = ""
) -> list[list[Below]]:
    """Up to `limit` living children of each of the folders, by their keys, behind the key `after`; in one statement."""
    found: list[list[Below]] = [[] for _ in folder_ids]
    values = {"ids": [*folder_ids], "limit": limit, "after": after}
    for place, *row in await connection.execute(_first_children, values):
        found[place - 1].append(Below._make(row))
    return found


async def files_among(connection: AsyncConnection, item_ids: Sequence[ItemId]) -> dict[ItemId, Below]:
    """The living ones of the items as they would stand below a folder."""
    query = select(*_BELOW, blobs.c.key, blobs.c.etag).select_from(_held)
    rows = await connection.execute(
        query.where(items.c.id == func.any(_ids), items.c.name_key.is_not(None)), {"ids": [*item_ids]}
    )
    return {row.id: Below._make(row) for row in rows}
