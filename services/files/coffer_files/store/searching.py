"""Candidates of a search: what matches in some drives or below some folders, before anybody asked who may see it.

A name is looked for along an index of its owner that holds nothing but keys, newest first, so what many names hold is found
after a few, and what hardly any holds after one pass over the keys. Decision 0025 has the figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.tables import Id
from coffer_contracts.ids import ItemId, UserId
from coffer_files.domain.searching import Candidate, Filters, Place, Query, Stage
from coffer_files.store.search_filters import passes
from coffer_files.store.tables import items, texts, versions
from coffer_files.store.texts import asked_of

WINDOW = 200_000
"""Names of one drive that one statement looks at, at most."""

TEXTS = 20_000
"""Texts that one statement looks at, at most; the newest count."""

MOST_FOLDERS = 5_000
LISTED = 20_000
"""As many items in the folders that a search is about are read one by one; of more, the drive's index."""

_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Reach:
    """Where to look: in drives, or of these only directly in `folders`, and the `single` items. Never in `hidden` folders.
    `listed`: few enough to read them one by one.
    """

    owners: Sequence[UserId]
    folders: Sequence[ItemId] | None = None
    single: Sequence[ItemId] = ()
    hidden: Sequence[ItemId] = ()
    listed: bool = False


async def folders_below(
    connection: AsyncConnection, tops: Sequence[ItemId], *, limit: int = MOST_FOLDERS
) -> list[ItemId] | None:
    """The folders among `tops` and all living ones below them; None if there are more than `limit`."""
    if not tops:
        return []
    rows = (await connection.execute(_folders_below.limit(limit + 1), {"ids": [*tops]})).scalars().all()
    return None if len(rows) > limit else [ItemId(row) for row in rows]


_tops = select(items.c.id).where(items.c.id == func.any(bindparam("ids", type_=ARRAY(Id))), items.c.kind == "folder")
_walk = _tops.cte("walk", recursive=True)
# As of `grants._up`: tied together, or the planner reads the whole tree at every step.
_child = (
    select(items.c.id)
    .where(items.c.parent_id == _walk.c.id, items.c.kind == "folder", items.c.trashed_at.is_(None))
    .offset(0)
    .lateral("child")
)
_walk = _walk.union(select(_child.c.id).select_from(_walk.join(_child, true())))
_folders_below = select(_walk.c.id)


async def trashed_folders(connection: AsyncConnection, owner_id: UserId) -> list[ItemId]:
    """Folders that lie in the trash of a drive, without what is below them; the newest."""
    statement = select(items.c.id).where(
        items.c.owner_id == owner_id, items.c.trashed_at.is_not(None), items.c.kind == "folder"
    )
    rows = await connection.execute(statement.order_by(items.c.trashed_at.desc()).limit(MOST_FOLDERS))
    return [ItemId(row) for row in rows.scalars()]


async def are_few(connection: AsyncConnection, folders: Sequence[ItemId]) -> bool:
    """Whether at most LISTED living items lie directly in the folders."""
    lying: Select[Any] = select(literal_column("1")).where(
        items.c.parent_id == func.any(_ids(folders)), items.c.trashed_at.is_(None)
    )
    counted = select(func.count()).select_from(lying.limit(LISTED + 1).subquery())
    return int((await connection.execute(counted)).scalar_one()) <= LISTED


async def candidates(
    connection: AsyncConnection,
    reach: Reach,
    query: Query,
    filters: Filters,
    stage: Stage,
    *,
    grantee_id: UserId,
    limit: int,
    after: Place | None,
) -> list[Candidate]:
    """Up to `limit` matches of one stage in its order, after a place of the same stage."""
    if stage == "text":
        statement = _in_texts(reach, query, filters, grantee_id, after)
    elif reach.listed:
        statement = _listed(reach, query, filters, grantee_id, stage, after)
    else:
        statement = _along_index(reach, query, filters, grantee_id, stage, after, limit)
    rows = await connection.execute(statement.limit(limit))
    return [Candidate(row.value, ItemId(row.id)) for row in rows]


async def end_of_window(connection: AsyncConnection, owner_id: UserId, stage: Stage, after: Place | None) -> Candidate | None:
    """The last of the names that one statement looks at; None if it looks at all there are."""
    value, _ = _order(stage, items)
    statement = select(value.label("value"), items.c.id).where(items.c.owner_id == owner_id, items.c.trashed_at.is_(None))
    statement = _from(statement, items, stage, after)
    row = (await connection.execute(statement.order_by(*_sorted(stage, items)).offset(WINDOW - 1).limit(1))).one_or_none()
    return Candidate(row.value, ItemId(row.id)) if row else None


def _ids(ids: Sequence[str]) -> Any:
    return bindparam(None, [*ids], type_=ARRAY(Id), unique=True)


def _order(stage: Stage, rows: Any) -> tuple[Any, bool]:
    """The sort value of a stage, and whether it goes down."""
    if stage in {"prefix", "name"}:
        return rows.c.search_key, False
    if stage in {"size", "-size"}:
        return rows.c.size_bytes, stage == "-size"
    return rows.c.modified_at, True


def _sorted(stage: Stage, rows: Any) -> tuple[Any, ...]:
    value, down = _order(stage, rows)
    return (value.desc(), rows.c.id.desc()) if down else (value, rows.c.id)


def _from(statement: Select[Any], rows: Any, stage: Stage, after: Place | None) -> Select[Any]:
    if after is None:
        return statement
    value, down = _order(stage, rows)
    here, there = tuple_(value, rows.c.id), tuple_(literal(after.value, value.type), literal(after.id, Id))
    return statement.where(here < there if down else here > there)


def _begins(rows: Any, query: Query) -> Any:
    key = rows.c.search_key
    return and_(key >= literal(query.beginning, key.type), key < literal(query.beginning + _LAST, key.type))


def _holds(rows: Any, query: Query) -> Any:
    patterns = bindparam(None, query.patterns, type_=ARRAY(Text), unique=True)
    return rows.c.search_key.op("LIKE", is_comparison=True)(func.all(patterns))


def _matches(rows: Any, query: Query, stage: Stage) -> Any:
    if stage == "prefix":
        return _begins(rows, query)
    if stage == "infix":
        return and_(_holds(rows, query), not_(_begins(rows, query)))
    return _holds(rows, query) if query.words else true()


def _inside(rows: Any, reach: Reach) -> list[Any]:
    """Where a row of items must lie."""
    asked: list[Any] = []
    if reach.hidden:
        asked.append(rows.c.parent_id != func.all(_ids(reach.hidden)))
    if reach.folders is not None:
        inside = rows.c.parent_id == func.any(_ids(reach.folders))
        asked.append(or_(inside, rows.c.id == func.any(_ids(reach.single))) if reach.single else inside)
    return asked


def _along_index(
    reach: Reach, query: Query, filters: Filters, grantee_id: UserId, stage: Stage, after: Place | None, limit: int
) -> Select[Any]:
    """Each drive by itself along its index, so that the walk ends where enough is found."""
    drives = select(func.unnest(_ids(reach.owners)).label("owner_id")).subquery("drives")
    keys = select(items.c.id, items.c.search_key, items.c.modified_at, items.c.size_bytes).where(
        items.c.owner_id == drives.c.owner_id, items.c.trashed_at.is_(None)
    )
    by_index: Stage = "newest" if stage in {"size", "-size"} else stage
    if by_index == stage:
        keys = _from(keys, items, stage, after)
    if stage == "prefix":
        keys = keys.where(_begins(items, query))
    keys = keys.order_by(*_sorted(by_index, items)).limit(literal_column(str(WINDOW), Integer))
    window = keys.correlate(drives).lateral("window")
    found = select(_order(stage, window)[0].label("value"), window.c.id).where(_matches(window, query, stage))
    if by_index != stage:
        found = _from(found, window, stage, after)
    row = items.alias("row")
    if asked := [*_inside(row, reach), *passes(row, filters, grantee_id)]:
        found = found.where(exists().where(row.c.id == window.c.id, *asked))
    each = found.order_by(*_sorted(stage, window)).limit(limit).correlate(drives).lateral("each")
    down = _order(stage, items)[1]
    order = (each.c.value.desc(), each.c.id.desc()) if down else (each.c.value, each.c.id)
    return select(each.c.value, each.c.id).select_from(drives.join(each, true())).order_by(*order)


def _listed(reach: Reach, query: Query, filters: Filters, grantee_id: UserId, stage: Stage, after: Place | None) -> Select[Any]:
    found = select(_order(stage, items)[0].label("value"), items.c.id).where(
        items.c.trashed_at.is_(None),
        *_inside(items, reach),
        _matches(items, query, stage),
        *passes(items, filters, grantee_id),
    )
    return _from(found, items, stage, after).order_by(*_sorted(stage, items))


def _in_texts(reach: Reach, query: Query, filters: Filters, grantee_id: UserId, after: Place | None) -> Select[Any]:
    """Files whose text holds all words, and whose name does not."""
    words = cast(literal(asked_of(reach.owners, query.text_words), Text), TSQUERY)
    hit = select(texts.c.blob_id).where(texts.c.words.op("@@", is_comparison=True)(words))
    hits = hit.order_by(texts.c.blob_id.desc()).limit(literal_column(str(TEXTS), Integer)).subquery("hits")
    version = versions.join(hits, versions.c.blob_id == hits.c.blob_id)
    asked = [*_inside(items, reach), *passes(items, filters, grantee_id)]
    found = (
        select(items.c.modified_at.label("value"), items.c.id)
        .select_from(version.join(items, and_(items.c.id == versions.c.item_id, items.c.version_id == versions.c.id)))
        .where(
            items.c.owner_id == func.any(_ids(reach.owners)), items.c.trashed_at.is_(None), not_(_holds(items, query)), *asked
        )
    )
    return _from(found, items, "text", after).order_by(*_sorted("text", items))
