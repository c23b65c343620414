"""Items: finding them with the folders above them, and writing them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Select, Text, bindparam, cast, exists, func, literal, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.tables import Id
from coffer_contracts.files import PreviewStatus
from coffer_contracts.ids import ItemId, UserId, VersionId
from coffer_files.domain.items import Given, Item, Located, Mark, Owner
from coffer_files.domain.tags import tag_keys
from coffer_files.store.direct import Direct, as_text
from coffer_files.store.locks import lock_in, locks_on
from coffer_files.store.tables import drives, grants, items, marks, users

ITEM_COLUMNS = tuple(items.c[name] for name in Item._fields)
NOBODY = ""
"""Stands for the grantee where rights are not asked for: nothing was ever given to it."""

IS_OF_GRANTEE = marks.c.user_id == cast(func.substring(bindparam("grantee", type_=Text), "^user/(.*)$"), Id)
"""Marks of whoever asks: people have them, nobody else."""

SHOWN_COLUMNS = as_text(ITEM_COLUMNS)
"""The same for statements that are run directly."""


def _located(start: Any, columns: Sequence[Any] = ITEM_COLUMNS) -> Select[Any]:
    """The item, its owner, and the folders above it from the root down, in one upward walk."""
    here = (
        select(items.c.id, items.c.parent_id, items.c.name, items.c.trashed_at, literal(0).label("height"))
        .where(items.c.id == start)
        .cte("up", recursive=True)
    )
    above = items.alias("above")
    up = here.union_all(
        select(above.c.id, above.c.parent_id, above.c.name, above.c.trashed_at, here.c.height + 1).join(
            here, above.c.id == here.c.parent_id
        )
    )
    chain = (
        select(
            func.array_agg(aggregate_order_by(cast(up.c.id, Text), up.c.height.desc())).label("ids"),
            func.array_agg(aggregate_order_by(up.c.name, up.c.height.desc())).label("names"),
            func.bool_or(up.c.trashed_at.is_not(None)).label("below_trash"),
        )
        .where(up.c.height > 0)
        .subquery("chain")
    )
    # As text, because on the driver itself arrays of records are not told apart.
    given = func.concat_ws(
        " ",
        cast(grants.c.item_id, Text),
        func.array_to_string(grants.c.rights, ","),
        cast(func.extract("epoch", grants.c.expires_at) * 1_000_000, BigInteger),
    )
    granted = (
        select(func.array_agg(given))
        .where(
            grants.c.grantee == bindparam("grantee", type_=Text),
            grants.c.removed_at.is_(None),
            grants.c.item_id.in_(select(up.c.id)),
        )
        .scalar_subquery()
    )
    shared = exists().where(grants.c.item_id == items.c.id, grants.c.removed_at.is_(None))
    return (
        select(
            *columns,
            users.c.username,
            users.c.display_name,
            chain.c.ids,
            chain.c.names,
            chain.c.below_trash,
            granted.label("granted"),
            shared.label("shared"),
            locks_on(select(up.c.id)).label("locks"),
            marks.c.favourite_at,
            marks.c.touched_at,
        )
        .select_from(
            items.outerjoin(users, users.c.user_id == items.c.owner_id)
            .outerjoin(marks, (marks.c.item_id == items.c.id) & IS_OF_GRANTEE)
            .join(chain, literal(True))
        )
        .where(items.c.id == start)
    )


def _down(start: Any) -> Any:
    """The item that names lead to from `start`, one step for each."""
    keys = bindparam("keys", type_=ARRAY(Text)).label("keys")
    here = select(items.c.id, literal(0).label("steps"), keys).where(items.c.id == start).cte("down", recursive=True)
    child = items.alias("child")
    one = (child.c.parent_id == here.c.id) & (child.c.name_key == here.c["keys"][here.c.steps + 1])
    down = here.union_all(select(child.c.id, here.c.steps + 1, here.c["keys"]).join(here, one))
    return select(down.c.id).where(down.c.steps == func.cardinality(down.c["keys"])).scalar_subquery()


_own_root = select(drives.c.root_id).where(drives.c.owner_id == bindparam("owner", type_=Id)).scalar_subquery()
_by_id = _located(bindparam("item"))
_by_root = _located(_own_root)
_found_by_id = Direct(_located(bindparam("item", type_=Id), SHOWN_COLUMNS))
_found_by_root = Direct(_located(_own_root, SHOWN_COLUMNS))
_found_by_path = Direct(_located(_down(bindparam("item", type_=Id)), SHOWN_COLUMNS))
_found_by_path_from_root = Direct(_located(_down(_own_root), SHOWN_COLUMNS))
# FOR KEY SHARE: the lock that the foreign key of whatever is put into the folder takes as well. All who change a folder lock
# it FOR UPDATE, which waits for it; FOR SHARE beside it halved what eight people at once can put into one folder.
_by_id_shared = _by_id.with_for_update(read=True, key_share=True, of=items)
_by_id_locked = _by_id.with_for_update(of=items)
_by_root_shared = _by_root.with_for_update(read=True, key_share=True, of=items)
_child = select(*ITEM_COLUMNS).where(items.c.parent_id == bindparam("parent"), items.c.name_key == bindparam("key"))
_child_locked = _child.with_for_update()
_insert = insert(items).on_conflict_do_nothing(constraint="items_name")
_SEEN = len(ITEM_COLUMNS)


def _read(row: Any) -> Located:
    item = Item._make(row[:_SEEN])
    username, display_name, ids, names, below_trash, granted, shared, locked, *mark = row[_SEEN:]
    owner = Owner(item.owner_id, username, display_name)
    given = tuple(map(_given, granted or ()))
    found = Located(item, owner, tuple(ids or ()), tuple(names or ()), bool(below_trash), given, shared, Mark(*mark))
    return found._replace(locks=tuple(map(lock_in, locked))) if locked else found


def _given(text: str) -> Given:
    item_id, words, *end = text.split(" ")
    expires_at = datetime.fromtimestamp(int(end[0]) / 1_000_000, tz=UTC) if end else None
    return Given(ItemId(item_id), tuple(words.split(",")), expires_at)


async def locate(connection: AsyncConnection, item_id: ItemId, grantee: str = NOBODY) -> Located | None:
    """The item and where it stands, in the trash or not, with what `grantee` was given on it."""
    row = (await connection.execute(_by_id, {"item": item_id, "grantee": grantee})).one_or_none()
    return _read(row) if row else None


async def locate_root(connection: AsyncConnection, owner_id: UserId) -> Located | None:
    """The root folder of the owner's drive; None before the drive is made."""
    row = (await connection.execute(_by_root, {"owner": owner_id, "grantee": f"user/{owner_id}"})).one_or_none()
    return _read(row) if row else None


async def find(connection: AsyncConnection, item_id: ItemId, grantee: str) -> Located | None:
    """As `locate`, quicker, for connections of `Work.read` only."""
    found = await _found_by_id.rows(connection, item=item_id, grantee=grantee)
    return _read(found[0]) if found else None


async def find_root(connection: AsyncConnection, owner_id: UserId) -> Located | None:
    """As `locate_root`, quicker, for connections of `Work.read` only."""
    found = await _found_by_root.rows(connection, owner=owner_id, grantee=f"user/{owner_id}")
    return _read(found[0]) if found else None


async def find_by_path(
    connection: AsyncConnection, start: ItemId | None, owner_id: UserId, keys: Sequence[str], grantee: str
) -> Located | None:
    """The living item that name keys lead to from `start`, or from the root of the owner's drive, in one statement. For
    connections of `Work.read` only.
    """
    if start is None:
        found = await _found_by_path_from_root.rows(connection, owner=owner_id, keys=[*keys], grantee=grantee)
    else:
        found = await _found_by_path.rows(connection, item=start, keys=[*keys], grantee=grantee)
    return _read(found[0]) if found else None


async def _read_locked(connection: AsyncConnection, statement: Any, values: dict[str, Any]) -> Located | None:
    """Whoever had to wait for a lock sees the row as it is now, but the folders above it as they were before: read them
    again if the item was moved meanwhile.
    """
    row = (await connection.execute(statement, values)).one_or_none()
    found = _read(row) if row else None
    if found is not None and found.item.parent_id not in (*found.ancestor_ids[-1:], None):
        found = await locate(connection, found.item.id, values["grantee"])
    return found


async def hold(connection: AsyncConnection, item_id: ItemId, grantee: str = NOBODY) -> Located | None:
    """As `locate`, and until the transaction ends nobody can change, trash or remove the item: for a folder that
    something is put into.
    """
    return await _read_locked(connection, _by_id_shared, {"item": item_id, "grantee": grantee})


async def hold_root(connection: AsyncConnection, owner_id: UserId) -> Located | None:
    """As `hold`, for the root folder of the owner's drive."""
    row = (await connection.execute(_by_root_shared, {"owner": owner_id, "grantee": f"user/{owner_id}"})).one_or_none()
    return _read(row) if row else None


async def lock(connection: AsyncConnection, item_id: ItemId, grantee: str = NOBODY) -> Located | None:
    """As `locate`, with the item locked for a change."""
    return await _read_locked(connection, _by_id_locked, {"item": item_id, "grantee": grantee})


async def child_named(connection: AsyncConnection, parent_id: ItemId, name_key: str, *, locked: bool = False) -> Item | None:
    """The living child that holds a name."""
    statement = _child_locked if locked else _child
    row = (await connection.execute(statement, {"parent": parent_id, "key": name_key})).one_or_none()
    return Item._make(row) if row else None


async def taken_keys(connection: AsyncConnection, parent_id: ItemId, keys: Sequence[str]) -> frozenset[str]:
    """Which of the name keys living children hold."""
    statement = select(items.c.name_key).where(items.c.parent_id == parent_id, items.c.name_key.in_(keys))
    return frozenset((await connection.execute(statement)).scalars())


async def insert_item(connection: AsyncConnection, item: Item, name_key: str) -> bool:
    """Put an item into its folder; False if the name is taken, also by someone whose transaction ends only now."""
    return bool(
        (
            await connection.execute(
                _insert, {**item._asdict(), "tags": [*item.tags], "tag_keys": tag_keys(item.tags), "name_key": name_key}
            )
        ).rowcount
    )


async def update_item(connection: AsyncConnection, item: Item, **changes: Any) -> Item:
    """Write changes to an item that is locked, and count its revision; the item after. Raises IntegrityError for a name
    that is taken.
    """
    values = {**changes, "revision": item.revision + 1}
    await connection.execute(update(items).where(items.c.id == item.id).values(**values))
    return item._replace(**{name: value for name, value in values.items() if name in Item._fields})


async def ids_above(connection: AsyncConnection, item_id: ItemId) -> tuple[ItemId, ...]:
    """The folders above an item, the drive's root first."""
    found = await locate(connection, item_id)
    return found.ancestor_ids if found else ()


_tree_lock = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("owner", type_=Text), 0)))


async def lock_tree(connection: AsyncConnection, owner_id: UserId) -> None:
    """Let nobody else move folders of this drive until the transaction ends: two moves at once could tie a knot. Comes
    before every other lock.
    """
    await connection.execute(_tree_lock, {"owner": owner_id})


async def note_preview(
    connection: AsyncConnection,
    item_id: ItemId,
    version_id: VersionId,
    status: PreviewStatus,
    reason: str | None,
    now: datetime,
) -> Item | None:
    """Write down how far the preview is, if the version is the file's current one; the file after, or None. A file of which
    the same is known, as of a copy that shares its pictures, is left as it is.
    """
    is_known = (items.c.preview_status == status) & items.c.preview_reason.is_not_distinct_from(reason)
    statement = (
        update(items)
        .where(items.c.id == item_id, items.c.version_id == version_id, ~is_known)
        .values(preview_status=status, preview_reason=reason, changed_at=now, revision=items.c.revision + 1)
        .returning(*ITEM_COLUMNS)
    )
    row = (await connection.execute(statement)).one_or_none()
    return Item._make(row) if row else None
