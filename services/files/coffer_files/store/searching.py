"""Candidates of a search: what matches in some drives or below some folders, before anybody asked who may see it.

What many names hold is found after a few along an index of the owner's names, newest first; what few hold by an index of three
letters each, which knows every owner's for itself. Decision 0025 has the figures.
"""

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
from coffer_files.store.reaches import Reach, ids
from coffer_files.store.search_filters import passes
from coffer_files.store.tables import items, texts, versions
from coffer_files.store.texts import asked_of

GLANCE = 2_000
"""Names of a drive that are looked at in order before the index of letters is asked."""

WINDOW = 200_000
"""Names of one drive that one statement looks at, at most, where one or two letters leave no other way."""

TEXTS = 20_000
"""Texts that one statement looks at, at most; the newest count."""

_LAST = "\U0010ffff"


async def candidates(
    connection: AsyncConnection,
    reach: Reach,
    query: Query,
    filters: Filters,
    stage: Stage,
    *,
    user_id: UserId,
    limit: int,
    after: Place | None,
) -> tuple[list[Candidate], Candidate | None]:
    """Up to `limit` matches of one stage in its order, after a place of the same stage; and the place to go on from, None
    if nothing more matches. `user_id` is who asks.
    """

    async def run(statement: Select[Any]) -> list[Candidate]:
        rows = await connection.execute(statement.limit(limit))
        return [Candidate(row.value, ItemId(row.id)) for row in rows]

    def along(rows: int) -> Select[Any]:
        return _along_index(reach, query, filters, user_id, stage, after, limit, rows)

    if stage == "text":
        page = await run(_in_texts(reach, query, filters, user_id, after))
    elif reach.listed:
        page = await run(_listed(reach, query, filters, user_id, stage, after))
    elif stage != "prefix" and query.has_grams:
        # What many names hold is found among the first ones; what few hold has few candidates.
        page = await run(along(GLANCE)) if _by_index(stage) == stage else []
        if len(page) < limit:
            page = await run(_by_grams(reach, query, filters, user_id, stage, after, limit))
    else:
        page = await run(along(WINDOW))
        if len(page) < limit and len(reach.owners) == 1 and _by_index(stage) == stage:
            return page, await _end_of_window(connection, reach.owners[0], query, stage, after)
    return page, page[-1] if len(page) == limit else None


async def _end_of_window(
    connection: AsyncConnection, owner_id: UserId, query: Query, stage: Stage, after: Place | None
) -> Candidate | None:
    """The last of the names that one statement looks at; None if it looks at all there are."""
    value, _ = _order(stage, items)
    statement = select(value.label("value"), items.c.id).where(items.c.owner_id == owner_id, items.c.trashed_at.is_(None))
    if stage == "prefix":
        statement = statement.where(_begins(items, query))
    statement = _from(statement, items, stage, after)
    row = (await connection.execute(statement.order_by(*_sorted(stage, items)).offset(WINDOW - 1).limit(1))).one_or_none()
    return Candidate(row.value, ItemId(row.id)) if row else None


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
        asked.append(rows.c.parent_id != func.all(ids(reach.hidden)))
    if reach.folders is not None:
        inside = rows.c.parent_id == func.any(ids(reach.folders))
        asked.append(or_(inside, rows.c.id == func.any(ids(reach.single))) if reach.single else inside)
    return asked


def _by_index(stage: Stage) -> Stage:
    """The order of the index that a stage is read along: its own, or the newest first."""
    return "newest" if stage in {"size", "-size"} else stage


def _drives(reach: Reach) -> Any:
    return select(func.unnest(ids(reach.owners)).label("owner_id")).subquery("drives")


def _keys_of(drives: Any) -> Select[Any]:
    """Only columns that the indexes hold: the rows themselves are not read. The root has no name."""
    no_name = literal("", items.c.search_key.type)
    return select(items.c.id, items.c.search_key, items.c.modified_at, items.c.size_bytes).where(
        items.c.owner_id == drives.c.owner_id, items.c.trashed_at.is_(None), items.c.search_key != no_name
    )


def _along_index(
    reach: Reach, query: Query, filters: Filters, user_id: UserId, stage: Stage, after: Place | None, limit: int, rows: int
) -> Select[Any]:
    """The first `rows` names of each drive along its index; the walk ends where enough is found."""
    drives, by_index = _drives(reach), _by_index(stage)
    keys = _keys_of(drives)
    if by_index == stage:
        keys = _from(keys, items, stage, after)
    if stage == "prefix":
        keys = keys.where(_begins(items, query))
    keys = keys.order_by(*_sorted(by_index, items)).limit(literal_column(str(rows), Integer))
    window = keys.correlate(drives).lateral("window")
    found = select(_order(stage, window)[0].label("value"), window.c.id).where(_matches(window, query, stage))
    if by_index != stage:
        found = _from(found, window, stage, after)
    return _of_each(drives, _asked(found, window, reach, filters, user_id), window, stage, limit)


def _by_grams(
    reach: Reach, query: Query, filters: Filters, user_id: UserId, stage: Stage, after: Place | None, limit: int
) -> Select[Any]:
    """The names of each drive that hold every three letters that were asked for."""
    drives = _drives(reach)
    grams = [func.search_grams(drives.c.owner_id, literal(word, Text)) for word in query.words_with_grams]
    held = func.search_grams(items.c.owner_id, items.c.search_key)
    # The letters alone, which say whose they are by themselves, and OFFSET 0: whoever reads by owner or in order instead works
    # the letters out for each name.
    keys = select(items.c.id, items.c.owner_id, items.c.search_key, items.c.modified_at, items.c.size_bytes).where(
        *(held.op("@>", is_comparison=True)(each) for each in grams), items.c.trashed_at.is_(None)
    )
    window = keys.offset(0).correlate(drives).lateral("window")
    found = select(_order(stage, window)[0].label("value"), window.c.id)
    found = found.where(window.c.owner_id == drives.c.owner_id, _matches(window, query, stage))
    found = _from(found, window, stage, after)
    return _of_each(drives, _asked(found, window, reach, filters, user_id), window, stage, limit)


def _asked(found: Select[Any], window: Any, reach: Reach, filters: Filters, user_id: UserId) -> Select[Any]:
    row = items.alias("row")
    asked = [*_inside(row, reach), *passes(row, filters, user_id)]
    return found.where(exists().where(row.c.id == window.c.id, *asked)) if asked else found


def _of_each(drives: Any, found: Select[Any], window: Any, stage: Stage, limit: int) -> Select[Any]:
    """The best of each drive, in one order."""
    each = found.order_by(*_sorted(stage, window)).limit(limit).correlate(drives).lateral("each")
    down = _order(stage, items)[1]
    order = (each.c.value.desc(), each.c.id.desc()) if down else (each.c.value, each.c.id)
    return select(each.c.value, each.c.id).select_from(drives.join(each, true())).order_by(*order)


def _listed(reach: Reach, query: Query, filters: Filters, user_id: UserId, stage: Stage, after: Place | None) -> Select[Any]:
    found = select(_order(stage, items)[0].label("value"), items.c.id).where(
        items.c.trashed_at.is_(None),
        *_inside(items, reach),
        _matches(items, query, stage),
        *passes(items, filters, user_id),
    )
    return _from(found, items, stage, after).order_by(*_sorted(stage, items))


def _in_texts(reach: Reach, query: Query, filters: Filters, user_id: UserId, after: Place | None) -> Select[Any]:
    """Files whose text holds all words, and whose name does not."""
    words = cast(literal(asked_of(reach.owners, query.text_words), Text), TSQUERY)
    hit = select(texts.c.blob_id).where(texts.c.words.op("@@", is_comparison=True)(words))
    hits = hit.order_by(texts.c.blob_id.desc()).limit(literal_column(str(TEXTS), Integer)).subquery("hits")
    version = versions.join(hits, versions.c.blob_id == hits.c.blob_id)
    asked = [*_inside(items, reach), *passes(items, filters, user_id)]
    found = (
        select(items.c.modified_at.label("value"), items.c.id)
        .select_from(version.join(items, and_(items.c.id == versions.c.item_id, items.c.version_id == versions.c.id)))
        .where(
            items.c.owner_id == func.any(ids(reach.owners)), items.c.trashed_at.is_(None), not_(_holds(items, query)), *asked
        )
    )
    return _from(found, items, "text", after).order_by(*_sorted("text", items))
