"""Counters held against rows. Each comparison is one statement, and so of one moment: counters change with what they count,
so it needs no lock, and a difference is one whatever happens meanwhile. Adding it makes the counter right at any later moment.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Text, and_, bindparam, case, cast, func, literal, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.tables import Id
from coffer_contracts.ids import BlobId, ItemId, UserId
from coffer_files.domain.recounting import Counted
from coffer_files.domain.upload_states import STATES
from coffer_files.domain.usage import HELD_COLUMNS, KINDS, Booking, Held
from coffer_files.store.drives import book
from coffer_files.store.tables import blobs, drives, items, uploads, versions
from coffer_files.store.tallies import below_in_trash

_owner = bindparam("owner", type_=Id)
_RESERVING = [state for state, rule in STATES.items() if rule.reserves_quota]


def _contents() -> Any:
    """All versions of all files of a drive, those in the trash with them, down from its root."""
    root = select(drives.c.root_id).where(drives.c.owner_id == _owner).scalar_subquery()
    here = select(items.c.id, items.c.version_id).where(items.c.id == root).cte("tree", recursive=True)
    # As in other walks: without LATERAL and OFFSET 0 each step may read the items of all drives.
    child = select(items.c.id, items.c.version_id).where(items.c.parent_id == here.c.id).offset(0).lateral("child")
    tree = here.union_all(select(child.c.id, child.c.version_id).select_from(here.join(child, true())))
    kind = case((versions.c.media_kind.in_(KINDS), versions.c.media_kind), else_="other")
    is_current = versions.c.id == tree.c.version_id
    return (
        select(
            versions.c.size_bytes.label("size"),
            versions.c.blob_id,
            case((is_current, kind), else_="older").label("what"),
            (is_current != versions.c.replaced_at.is_(None)).label("is_unmarked"),
        )
        .join_from(tree, versions, versions.c.item_id == tree.c.id)
        .cte("contents")
    )


def _bytes(column: Any) -> Any:
    return cast(func.coalesce(func.sum(column), 0), BigInteger)


def _comparison() -> Any:
    contents = _contents()
    true_counts: dict[str, Any] = {"used_bytes": _bytes(contents.c.size)}
    for what, (size, number) in HELD_COLUMNS.items():
        is_it = contents.c.what == what
        true_counts[size] = cast(func.coalesce(func.sum(contents.c.size).filter(is_it), 0), BigInteger)
        true_counts[number] = func.count().filter(is_it)
    unmarked = func.count().filter(contents.c.is_unmarked)
    sums_of = [value.label(name) for name, value in true_counts.items()]
    held = select(*sums_of, unmarked.label("unmarked")).select_from(contents).subquery("held")
    open_ones = and_(uploads.c.owner_id == _owner, uploads.c.state.in_(_RESERVING))
    reserved = select(_bytes(uploads.c.size_bytes).label("reserved_bytes")).where(open_ones).subquery("reserved")
    in_trash = and_(items.c.owner_id == _owner, items.c.trashed_at.is_not(None))
    sums = (_bytes(items.c.trash_bytes).label("trash_bytes"), _bytes(items.c.trash_files).label("trash_files"))
    trash = select(*sums).where(in_trash).subquery("trash")
    found = {name: held.c[name] for name in true_counts}
    found |= {
        "reserved_bytes": reserved.c.reserved_bytes,
        "trash_bytes": trash.c.trash_bytes,
        "trash_files": trash.c.trash_files,
    }
    said = [drives.c[name].label(f"said_{name}") for name in found]
    rows = drives.join(held, true()).join(reserved, true()).join(trash, true())
    shown = [value.label(f"true_{name}") for name, value in found.items()]
    return select(*said, *shown, held.c.unmarked).select_from(rows).where(drives.c.owner_id == _owner), tuple(found)


_compared, _NAMES = _comparison()


async def wrong_counters(connection: AsyncConnection, owner_id: UserId) -> tuple[dict[str, Counted], int]:
    """Counters of a drive that do not say what its rows say, and how many versions are marked wrongly."""
    row = (await connection.execute(_compared, {"owner": owner_id})).one_or_none()
    if row is None:
        return {}, 0
    known = row._asdict()
    found = {name: Counted(known[f"said_{name}"], known[f"true_{name}"]) for name in _NAMES}
    return {name: one for name, one in found.items() if one.by}, row.unmarked


async def add_to_counters(connection: AsyncConnection, owner_id: UserId, wrong: Mapping[str, Counted]) -> None:
    """Make counters right, by what they were wrong."""
    await book(connection, owner_id, Booking({name: one.by for name, one in wrong.items()}))


def _tallied() -> Any:
    counted = and_(items.c.owner_id == _owner, items.c.trashed_at.is_not(None), items.c.trash_files.is_not(None))
    here = select(items.c.id.label("top_id"), items.c.id, items.c.kind).where(counted).cte("below", recursive=True)
    below = here.union_all(below_in_trash(here, here.c.top_id))
    size = select(_bytes(versions.c.size_bytes)).where(versions.c.item_id == below.c.id).scalar_subquery()
    sizes = select(below.c.top_id, below.c.kind, size.label("size")).subquery("sizes")
    files = func.count().filter(sizes.c.kind == "file").label("files")
    found = select(sizes.c.top_id, _bytes(sizes.c.size).label("size"), files).group_by(sizes.c.top_id).subquery("found")
    is_wrong = (items.c.trash_bytes != found.c.size) | (items.c.trash_files != found.c.files)
    top = items.c.id == found.c.top_id
    shown = (items.c.id, items.c.trash_bytes, items.c.trash_files, found.c.size, found.c.files)
    return select(*shown).join_from(items, found, top).where(is_wrong)


_wrong_tallies = _tallied()


async def wrong_tallies(connection: AsyncConnection, owner_id: UserId) -> dict[ItemId, tuple[Held, Held]]:
    """Things in the trash of which more or less was counted than they hold."""
    rows = await connection.execute(_wrong_tallies, {"owner": owner_id})
    return {row[0]: (Held(row[1], row[2]), Held(row[3], row[4])) for row in rows}


def _referred() -> Any:
    contents = _contents()
    of_drive = select(contents.c.blob_id).distinct().subquery("of_drive")
    number = select(func.count()).where(versions.c.blob_id == blobs.c.id).scalar_subquery()
    found = select(blobs.c.id, blobs.c.refcount, number.label("number")).join(of_drive, of_drive.c.blob_id == blobs.c.id)
    every = found.subquery("every")
    return select(every.c.id, every.c.refcount, every.c.number).where(every.c.refcount != every.c.number)


_wrong_objects = _referred()


async def wrong_objects(connection: AsyncConnection, owner_id: UserId) -> dict[BlobId, Counted]:
    """Objects that versions of a drive refer to, and that count more or fewer versions than there are."""
    return {row[0]: Counted(row[1], row[2]) for row in await connection.execute(_wrong_objects, {"owner": owner_id})}


async def add_to_objects(connection: AsyncConnection, wrong: Mapping[BlobId, Counted]) -> None:
    """Make the counts of objects right, by what they were wrong."""
    for blob_id, one in sorted(wrong.items()):
        right = update(blobs).where(blobs.c.id == blob_id).values(refcount=blobs.c.refcount + one.by)
        await connection.execute(right)


async def mark_versions(connection: AsyncConnection, owner_id: UserId) -> None:
    """Have the versions of a drive that are not current marked as replaced, by now if nobody knows when, and no others."""
    here = and_(items.c.id == versions.c.item_id, items.c.owner_id == owner_id)
    older = and_(here, items.c.version_id != versions.c.id, versions.c.replaced_at.is_(None))
    await connection.execute(update(versions).where(older).values(replaced_at=func.now()))
    current = and_(here, items.c.version_id == versions.c.id, versions.c.replaced_at.is_not(None))
    await connection.execute(update(versions).where(current).values(replaced_at=None))


_one_at_a_time = select(
    func.pg_advisory_xact_lock(func.hashtextextended(literal("recount ") + bindparam("owner", type_=Text), 0))
)


async def repair_alone(connection: AsyncConnection, owner_id: UserId) -> None:
    """Let nobody else repair the drive until the transaction ends: what was wrong must be added once."""
    await connection.execute(_one_at_a_time, {"owner": owner_id})


async def drives_behind(connection: AsyncConnection, after: UserId, limit: int) -> Sequence[UserId]:
    """Owners of drives behind one, by id."""
    page = select(drives.c.owner_id).where(drives.c.owner_id > after).order_by(drives.c.owner_id).limit(limit)
    return list((await connection.execute(page)).scalars())


async def count_drives(connection: AsyncConnection) -> int:
    """How many there are."""
    return int((await connection.execute(select(func.count()).select_from(drives))).scalar_one())
