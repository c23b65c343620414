"""What lies in the trash, counted: for each thing that was put there, with what lies below it, once somebody had the time.

Putting a folder into the trash touches nothing below it. So what was put there is counted afterwards, and its counts stand with
it until it leaves the trash; those of a drive are the sums. What was put into the trash before the folder above it counts by
itself, not with that folder.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, BigInteger, Select, Text, bindparam, column, func, lateral, select, true, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.tables import Id
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import ItemId, UserId
from coffer_files.domain.usage import HELD_COLUMNS, KINDS, Held, Usage
from coffer_files.store.tables import drives, items, versions

LOOK = 1000
"""Items that are looked at, at most, to say at once how much not yet counted things hold."""


class Uncounted(NamedTuple):
    """Something in the trash that was not counted yet; the first three fields are its place among those."""

    owner_id: UserId
    trashed_at: datetime
    id: ItemId
    kind: ItemKind
    revision: int


class Below(NamedTuple):
    """Something that lies in a folder, with the bytes of all its versions."""

    parent_id: ItemId
    id: ItemId
    kind: ItemKind
    name_key: str
    size_bytes: int


_is_uncounted = items.c.trashed_at.is_not(None) & items.c.trash_files.is_(None)


def _all_versions(item_id: Any) -> Any:
    size = func.coalesce(func.sum(versions.c.size_bytes), 0).cast(BigInteger)
    return select(size).where(versions.c.item_id == item_id).scalar_subquery()


def below_in_trash(here: Any, *more: Any) -> Select[Any]:
    """The step of a walk from things in the trash down: id and kind of what lies below those of the step before, but for what
    was put into the trash by itself. Tied together by LATERAL and OFFSET 0: the planner takes the walk to be long and would
    read the whole tree of all drives at every step.
    """
    living = (items.c.parent_id == here.c.id, items.c.trashed_at.is_(None))
    child = select(items.c.id, items.c.kind).where(*living).offset(0).lateral("child")
    return select(*more, child.c.id, child.c.kind).select_from(here.join(child, true()))


def _usage() -> Any:
    """The counters of a drive and, of what is not counted yet, as much as can be looked at quickly: one statement, so that
    both are of the same moment.
    """
    owner = bindparam("owner", type_=Id)
    tops = select(items.c.id, items.c.kind).where(items.c.owner_id == owner, _is_uncounted).limit(LOOK + 1)
    here = tops.cte("here", recursive=True)
    below = here.union_all(below_in_trash(here))
    some = select(below.c.id, below.c.kind).limit(LOOK + 1).subquery("some")
    sizes = select(some.c.id, some.c.kind, _all_versions(some.c.id).label("size")).subquery("sizes")
    found = select(
        func.count().label("seen"),
        func.count().filter(sizes.c.kind == "file").label("files"),
        func.coalesce(func.sum(sizes.c.size), 0).cast(BigInteger).label("bytes"),
    ).subquery("found")
    held = [drives.c[name] for pair in HELD_COLUMNS.values() for name in pair]
    of_drive = [drives.c.used_bytes, drives.c.reserved_bytes, drives.c.quota_bytes, drives.c.trash_bytes, drives.c.trash_files]
    return (
        select(*of_drive, *held, found.c.seen, found.c.files, found.c.bytes)
        .join(found, true())
        .where(drives.c.owner_id == owner)
    )


_usage_of = _usage()


async def usage_of(connection: AsyncConnection, owner_id: UserId) -> Usage | None:
    """What the drive holds, and how much of that lies in the trash."""
    row = (await connection.execute(_usage_of, {"owner": owner_id})).one_or_none()
    if row is None:
        return None
    known = row._asdict()
    held = {what: Held(known[size], known[count]) for what, (size, count) in HELD_COLUMNS.items()}
    trash = Held(row.trash_bytes + known["bytes"], row.trash_files + row.files)
    return Usage(
        row.used_bytes,
        row.reserved_bytes,
        row.quota_bytes,
        {kind: held[kind] for kind in KINDS},
        held["older"],
        trash,
        trash_is_settled=row.seen <= LOOK,
    )


async def uncounted(
    connection: AsyncConnection, trashed_before: datetime, limit: int, after: Uncounted | None = None
) -> list[Uncounted]:
    """Things in the trash that are to be counted, drive by drive, behind `after`; not locked."""
    place = (items.c.owner_id, items.c.trashed_at, items.c.id)
    due = select(*place, items.c.kind, items.c.revision).where(_is_uncounted, items.c.trashed_at <= trashed_before)
    if after is not None:
        due = due.where(tuple_(*place) > tuple_(*after[:3], types=[one.type for one in place]))
    return [Uncounted._make(row) for row in await connection.execute(due.order_by(*place).limit(limit))]


_sizes = select(items.c.id, _all_versions(items.c.id)).where(items.c.id == func.any(bindparam("ids", type_=ARRAY(Id))))


async def sizes_of(connection: AsyncConnection, item_ids: Sequence[ItemId]) -> dict[ItemId, int]:
    """How many bytes all versions of each file take."""
    return {row[0]: row[1] for row in await connection.execute(_sizes, {"ids": list(item_ids)})}


def _folders() -> Any:
    given = func.unnest(bindparam("ids", type_=ARRAY(Id)), bindparam("afters", type_=ARRAY(Text)))
    folders = given.table_valued(column("id", Id), column("after", Text)).render_derived("folders")
    in_it = (
        select(items.c.id, items.c.kind, items.c.name_key)
        # What was put into the trash by itself has no key.
        .where(items.c.parent_id == folders.c.id, items.c.name_key > folders.c.after)
        .order_by(items.c.name_key)
        .limit(bindparam("limit"))
    )
    child = lateral(in_it, "child")
    columns = (folders.c.id, child.c.id, child.c.kind, child.c.name_key, _all_versions(child.c.id))
    return select(*columns).select_from(folders.join(child, true()))


_below = _folders()


async def children_of(connection: AsyncConnection, folders: Sequence[tuple[ItemId, str]], limit: int) -> list[Below]:
    """Of each folder the next items behind a name key, by name key, up to `limit`; not what was put into the trash itself."""
    values = {"ids": [folder_id for folder_id, _ in folders], "afters": [after for _, after in folders], "limit": limit}
    return [Below._make(row) for row in await connection.execute(_below, values)]


def _sums(rows: Any) -> Select[Any]:
    sums = (func.sum(rows.c.trash_bytes).label("bytes"), func.sum(rows.c.trash_files).label("files"))
    return select(rows.c.owner_id, func.count().label("number"), *sums).group_by(rows.c.owner_id)


def _writing() -> Any:
    given = func.unnest(
        bindparam("ids", type_=ARRAY(Id)),
        bindparam("revisions", type_=ARRAY(BigInteger)),
        bindparam("sizes", type_=ARRAY(BigInteger)),
        bindparam("counts", type_=ARRAY(BigInteger)),
    )
    columns = (column("id", Id), column("revision", BigInteger), column("bytes", BigInteger), column("files", BigInteger))
    tally = given.table_valued(*columns).render_derived("tally")
    # Whatever happened to one of them since it was counted has given it another revision.
    still = (items.c.id == tally.c.id) & (items.c.revision == tally.c.revision) & _is_uncounted
    noted = update(items).where(still).values(trash_bytes=tally.c.bytes, trash_files=tally.c.files)
    counted = noted.returning(items.c.owner_id, items.c.trash_bytes, items.c.trash_files).cte("counted")
    sums = _sums(counted).cte("sums")
    more = {"trash_bytes": drives.c.trash_bytes + sums.c.bytes, "trash_files": drives.c.trash_files + sums.c.files}
    here = (drives.c.owner_id == sums.c.owner_id) & (drives.c.owner_id == bindparam("owner"))
    return update(drives).where(here).values(more).returning(sums.c.number)


_write = _writing()


async def write_tallies(connection: AsyncConnection, owner_id: UserId, tallies: Sequence[tuple[Uncounted, Held]]) -> int:
    """Write down what things in the trash hold, with the sums of their drive, which is locked; how many. What was changed since
    it was counted is left out.
    """
    values = {
        "owner": owner_id,
        "ids": [item.id for item, _ in tallies],
        "revisions": [item.revision for item, _ in tallies],
        "sizes": [held.size_bytes for _, held in tallies],
        "counts": [held.number for _, held in tallies],
    }
    return (await connection.execute(_write, values)).scalar_one_or_none() or 0


def _taking() -> Any:
    some = items.c.trash_files.is_not(None) & (items.c.id == func.any(bindparam("ids", type_=ARRAY(Id))))
    gone = _sums(items).where(some).subquery("gone")
    less = {"trash_bytes": drives.c.trash_bytes - gone.c.bytes, "trash_files": drives.c.trash_files - gone.c.files}
    here = (drives.c.owner_id == gone.c.owner_id) & (drives.c.owner_id == bindparam("owner"))
    return update(drives).where(here).values(less)


_take = _taking()


async def take_out(connection: AsyncConnection, owner_id: UserId, item_ids: Sequence[ItemId]) -> None:
    """Things leave the trash of a drive that is locked, or are to be counted anew: what was counted of them counts no more.
    Their own counts are to be taken from them by whoever changes or deletes them.
    """
    await connection.execute(_take, {"owner": owner_id, "ids": list(item_ids)})


async def count_anew(connection: AsyncConnection, item_id: ItemId) -> None:
    """Something in the trash holds less than it did; `take_out` came before."""
    changed = {"trash_bytes": None, "trash_files": None, "revision": items.c.revision + 1}
    await connection.execute(update(items).where(items.c.id == item_id).values(changed))
