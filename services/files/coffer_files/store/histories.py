"""The versions of files: listed, labelled, and which of them may go."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import ItemId, VersionId
from coffer_files.store.tables import NOT_KEPT, blobs, versions
from coffer_files.store.versions import Version

_listed = select(versions, blobs.c.key, blobs.c.etag).join(blobs, blobs.c.id == versions.c.blob_id)
_place = (versions.c.created_at, versions.c.id)


async def versions_of(
    connection: AsyncConnection, item_id: ItemId, limit: int, before: tuple[datetime, VersionId] | None = None
) -> list[Version]:
    """A page of a file's versions, newest first."""
    page = _listed.where(versions.c.item_id == item_id)
    if before is not None:
        page = page.where(tuple_(*_place) < tuple_(*before, types=[column.type for column in _place]))
    page = page.order_by(*(column.desc() for column in _place)).limit(limit)
    return [Version(*row) for row in await connection.execute(page)]


async def mark_version(connection: AsyncConnection, item_id: ItemId, version_id: VersionId, **marks: Any) -> bool:
    """Change label or `keep_forever` of a version; whether the file has it."""
    which = (versions.c.id == version_id) & (versions.c.item_id == item_id)
    return bool((await connection.execute(update(versions).where(which).values(**marks))).rowcount)


class Pruned(NamedTuple):
    """A file with how many versions nobody wants to keep, and since when the first of them is not current."""

    item_id: ItemId
    number: int
    since: datetime


_some = (
    select(versions.c.item_id, versions.c.replaced_at)
    .where(NOT_KEPT, versions.c.item_id > bindparam("after"))
    .order_by(versions.c.item_id)
    .limit(bindparam("limit"))
    .subquery("some")
)
_counted = (
    select(_some.c.item_id, func.count(), func.min(_some.c.replaced_at)).group_by(_some.c.item_id).order_by(_some.c.item_id)
)


async def with_versions_to_spare(connection: AsyncConnection, after: ItemId, limit: int) -> list[Pruned]:
    """Files behind `after` with versions that nobody wants to keep, by id, from up to `limit` versions. When there were so
    many, not all of the last file's need be among them.
    """
    return [Pruned._make(row) for row in await connection.execute(_counted, {"after": after, "limit": limit})]


async def versions_to_prune(
    connection: AsyncConnection, item_id: ItemId, *, keep: int, replaced_before: datetime | None, limit: int
) -> Sequence[VersionId]:
    """Versions of a file that nobody wants to keep, beyond the `keep` newest of them or not current since before then; the
    oldest first.
    """
    rank = func.row_number().over(order_by=(versions.c.replaced_at.desc(), versions.c.created_at.desc(), versions.c.id.desc()))
    ranked = select(versions.c.id, versions.c.replaced_at, rank.label("rank")).where(NOT_KEPT, versions.c.item_id == item_id)
    found = ranked.subquery("found")
    spare = found.c.rank > keep
    if replaced_before is not None:
        spare |= found.c.replaced_at < replaced_before
    wanted = select(found.c.id).where(spare).order_by(found.c.rank.desc()).limit(limit)
    return list((await connection.execute(wanted)).scalars())
