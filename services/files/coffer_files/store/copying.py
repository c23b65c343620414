"""Copying: which folders of a tree are next and what lies in them, and the rows of many copies at once.

A page of a tree costs as many statements as any other, however many folders it is spread over.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Integer,
    Text,
    bindparam,
    column,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.tables import Id
from coffer_contracts.ids import BlobId, ItemId, JobId, VersionId
from coffer_files.domain.copying import Content, Pair, Source
from coffer_files.domain.items import ChangeReason, Item
from coffer_files.domain.names import name_key
from coffer_files.domain.tags import tag_keys
from coffer_files.store.items import ITEM_COLUMNS
from coffer_files.store.tables import Key, blobs, changes, copied_folders, doomed_blobs, items, versions

_SEEN = len(ITEM_COLUMNS)
_CONTENT = (
    blobs.c.id,
    blobs.c.key,
    blobs.c.etag,
    versions.c.upload_id,
    versions.c.width,
    versions.c.height,
    versions.c.preview_images,
    versions.c.placeholder,
    versions.c.preview_at,
)


def _content(row: Sequence[Any]) -> Content | None:
    return Content._make(row) if row[0] is not None else None


async def content_to_copy(connection: AsyncConnection, item: Item) -> Content | None:
    """The current content of a file; None for folders, and for a file that is gone."""
    if item.version_id is None:
        return None
    query = select(*_CONTENT).join_from(versions, blobs).where(versions.c.id == item.version_id)
    row = (await connection.execute(query)).one_or_none()
    return _content(row) if row else None


async def first_pairs(connection: AsyncConnection, job_id: JobId, limit: int) -> list[Pair]:
    """The folders that are next."""
    query = select(*(copied_folders.c[name] for name in Pair._fields)).where(copied_folders.c.job_id == job_id)
    return [Pair._make(row) for row in await connection.execute(query.order_by(copied_folders.c.position).limit(limit))]


_places = (
    func.unnest(
        bindparam("positions", type_=ARRAY(BigInteger)),
        bindparam("sources", type_=ARRAY(Id)),
        bindparam("targets", type_=ARRAY(Id)),
        bindparam("after", type_=ARRAY(Text)),
    )
    .table_valued(
        column("position", BigInteger),
        column("source_id", Id),
        column("target_id", Id),
        column("after_key", Key),
        name="places",
    )
    .render_derived()
)
_child = (
    select(items)
    .where(
        items.c.parent_id == _places.c.source_id,
        items.c.trashed_at.is_(None),
        items.c.id != bindparam("never", type_=Id),
        or_(_places.c.after_key.is_(None), items.c.name_key > _places.c.after_key),
    )
    .order_by(items.c.name_key)
    .limit(bindparam("limit", type_=Integer))
    .lateral("child")
)
_page = (
    select(*(_child.c[column.name] for column in ITEM_COLUMNS), _places.c.target_id, _places.c.position, *_CONTENT)
    .select_from(
        _places.join(_child, true())
        .outerjoin(versions, versions.c.id == _child.c.version_id)
        .outerjoin(blobs, blobs.c.id == versions.c.blob_id)
    )
    .order_by(_places.c.position, _child.c.name_key)
    .limit(bindparam("limit", type_=Integer))
)


async def children_to_copy(connection: AsyncConnection, pairs: Sequence[Pair], *, never: ItemId, limit: int) -> list[Source]:
    """The first living children of the folders that were not copied so far, in the order of folders and names, but for
    `never`: fewer than `limit` only when there are no more.
    """
    values = {
        "positions": [pair.position for pair in pairs],
        "sources": [pair.source_id for pair in pairs],
        "targets": [pair.target_id for pair in pairs],
        "after": [pair.after_key for pair in pairs],
        "never": never,
        "limit": limit,
    }
    return [
        Source(Item._make(row[:_SEEN]), _content(row[_SEEN + 2 :]), ItemId(row[_SEEN]), row[_SEEN + 1])
        for row in await connection.execute(_page, values)
    ]


async def line_up(connection: AsyncConnection, job_id: JobId, pairs: Iterable[Pair]) -> None:
    """Put folders at the end of the line."""
    rows = [{"job_id": job_id, **pair._asdict()} for pair in pairs]
    if rows:
        await connection.execute(insert(copied_folders), rows)


async def leave_line(connection: AsyncConnection, job_id: JobId, positions: Sequence[int]) -> None:
    """Nothing is left to do for these folders."""
    if positions:
        of_job = copied_folders.c.job_id == job_id
        await connection.execute(delete(copied_folders).where(of_job, copied_folders.c.position.in_(positions)))


async def remember_child(connection: AsyncConnection, job_id: JobId, position: int, after_key: str) -> None:
    """Of this folder all children up to that name are copied."""
    place = (copied_folders.c.job_id == job_id) & (copied_folders.c.position == position)
    await connection.execute(update(copied_folders).where(place).values(after_key=after_key))


async def count_below(connection: AsyncConnection, folder_id: ItemId, limit: int) -> int:
    """How many living items lie below a folder; no more than `limit` are counted."""
    here = select(items.c.id).where(items.c.id == folder_id).cte("tree", recursive=True)
    child = select(items.c.id).where(items.c.parent_id == here.c.id, items.c.trashed_at.is_(None)).offset(0).lateral("child")
    tree = here.union_all(select(child.c.id).select_from(here.join(child, true())))
    some = select(literal(1)).select_from(tree).limit(limit + 1).subquery()
    return int((await connection.execute(select(func.count()).select_from(some))).scalar_one()) - 1


async def hold_living(connection: AsyncConnection, folder_ids: Iterable[ItemId]) -> set[ItemId]:
    """Those of the folders that are there and not in the trash themselves; they stay so until the transaction ends."""
    query = select(items.c.id).where(items.c.id.in_(sorted(folder_ids)), items.c.trashed_at.is_(None))
    rows = await connection.execute(query.order_by(items.c.id).with_for_update(read=True))
    return set(map(ItemId, rows.scalars()))


async def holders(connection: AsyncConnection, wanted: Iterable[Item]) -> dict[tuple[ItemId | None, str], Item]:
    """The living items that hold the places of these, by folder and key of the name; locked."""
    places = sorted((str(item.parent_id), name_key(item.name)) for item in wanted)
    here = tuple_(items.c.parent_id, items.c.name_key).in_(places)
    rows = await connection.execute(select(*ITEM_COLUMNS).where(here).order_by(items.c.id).with_for_update())
    found = [Item._make(row) for row in rows]
    return {(item.parent_id, name_key(item.name)): item for item in found}


async def insert_items(connection: AsyncConnection, made: Sequence[Item]) -> set[ItemId]:
    """Put items into their folders; the ids of those whose name was free."""
    if not made:
        return set()
    statement = insert(items).on_conflict_do_nothing(constraint="items_name").returning(items.c.id)
    rows = [
        {**item._asdict(), "tags": [*item.tags], "tag_keys": tag_keys(item.tags), "name_key": name_key(item.name)}
        for item in made
    ]
    return set(map(ItemId, (await connection.execute(statement, rows)).scalars()))


async def share_blobs(connection: AsyncConnection, blob_ids: Iterable[BlobId]) -> set[BlobId]:
    """Count one more reference for each time that an object is named; those that are still there. The drive they belong to
    is locked.
    """
    counts = Counter(blob_ids)
    known: set[BlobId] = set()
    for count in sorted(set(counts.values())):
        some = sorted(blob for blob, times in counts.items() if times == count)
        more = update(blobs).where(blobs.c.id.in_(some)).values(refcount=blobs.c.refcount + count)
        known |= set(map(BlobId, (await connection.execute(more.returning(blobs.c.id))).scalars()))
    return known


async def insert_blobs(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write down objects that one content each refers to."""
    if rows:
        await connection.execute(insert(blobs), [{**row, "refcount": 1} for row in rows])


async def insert_versions(
    connection: AsyncConnection, rows: Sequence[Mapping[str, Any]], replaced: Sequence[VersionId] = ()
) -> None:
    """Write contents whose objects are counted; what they have replaced is older from then on."""
    if rows:
        await connection.execute(insert(versions), list(rows))
    if replaced:
        older = update(versions).where(versions.c.id.in_(replaced))
        await connection.execute(older.values(replaced_at=rows[0]["created_at"]))


async def note_changes(
    connection: AsyncConnection,
    told: Sequence[tuple[Item, ChangeReason, Sequence[ItemId]]],
    *,
    actor_id: str | None,
    now: datetime,
) -> None:
    """Tell the feed of the drive of many items at once, each with every folder that it lies below."""
    rows = [
        {
            "owner_id": item.owner_id,
            "item_id": item.id,
            "reason": reason,
            "actor_id": actor_id,
            "at": now,
            "scope": [*above, item.id],
        }
        for item, reason, above in told
    ]
    if rows:
        await connection.execute(insert(changes), rows)


async def expect_objects(connection: AsyncConnection, keys: Sequence[str], now: datetime, until: datetime) -> None:
    """Objects are about to be written; whatever nobody claims until then is deleted."""
    rows = [{"key": key, "reason": "copying", "not_before": until, "created_at": now} for key in keys]
    if rows:
        await connection.execute(insert(doomed_blobs), rows)


async def claim_objects(connection: AsyncConnection, keys: Sequence[str], now: datetime) -> set[str]:
    """Contents are about to refer to objects that were expected: those that nobody deletes any more."""
    mine = (doomed_blobs.c.key.in_(keys), doomed_blobs.c.attempts == 0, doomed_blobs.c.not_before > now)
    return set((await connection.execute(delete(doomed_blobs).where(*mine).returning(doomed_blobs.c.key))).scalars())
