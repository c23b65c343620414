"""A copy of the tree's shape: which item lies where, whose it is and whether it is in the trash. Contents are files' own.

Facts arrive in any order. An item whose folder was not heard of yet stands where its own fact said; what looks like a
circle, because one of two moves is still on its way, is read by the facts as well.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Index,
    MetaData,
    Select,
    Table,
    Text,
    bindparam,
    literal,
    select,
    text,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import Place
from coffer_chassis.copies.newest import write_all_newest, write_newest
from coffer_chassis.forgetting import forget_some
from coffer_chassis.tables import Id, Instant
from coffer_contracts.event import Envelope
from coffer_contracts.files import ItemFact, ItemKind, ItemPurgedV1
from coffer_contracts.ids import ItemId, UserId

KEEP_DAYS = 30
"""How long the tombstone of a purged item stays: as long as the inbox."""

DEEPEST = 128
"""Levels that are walked up: more than files allows, so that only a circle is ever cut off."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an item stands, as far as it was told."""

    item_id: ItemId
    owner_id: UserId
    kind: ItemKind
    name: str
    parent_id: ItemId | None
    ancestor_ids: tuple[ItemId, ...]
    in_trash: bool
    below_trash: bool

    @property
    def is_live(self) -> bool:
        """Neither in the trash nor below something that is."""
        return not (self.in_trash or self.below_trash)

    @property
    def place(self) -> Place:
        """As the resolver takes it."""
        return Place(self.item_id, self.owner_id, self.ancestor_ids, in_trash=self.in_trash, below_trash=self.below_trash)


def tree_table(metadata: MetaData) -> Table:
    """Define the copy in a service's metadata. Call once per metadata."""
    return Table(
        "tree",
        metadata,
        Column("item_id", Id, primary_key=True),
        Column("owner_id", Id, nullable=False),
        Column("parent_id", Id),
        Column("kind", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("above", ARRAY(Id), nullable=False),
        Column("trashed_at", Instant),
        Column("sequence", BigInteger, nullable=False),
        Column("purged_at", Instant),
        Index("tree_purged", "purged_at", postgresql_where=text("purged_at IS NOT NULL")),
        comment="Copy of what files publishes about places; `above` is what the item's own last fact said of them.",
    )


async def note_purge(connection: AsyncConnection, table: Table, event: Envelope[ItemPurgedV1]) -> bool:
    """Take over that an item is gone for good, also one that was never heard of; False if it was known."""
    return await write_newest(connection, table, _row(event))


async def note_all(
    connection: AsyncConnection, table: Table, events: Iterable[Envelope[ItemFact] | Envelope[ItemPurgedV1]]
) -> set[ItemId]:
    """Both for many facts at once, by two statements however many they are: the items of which something new is known now.
    May run twice, in any order.
    """
    standing: list[dict[str, Any]] = []
    gone: list[dict[str, Any]] = []
    for event in events:
        (gone if isinstance(event.data, ItemPurgedV1) else standing).append(_row(event))
    return await write_all_newest(connection, table, standing) | await write_all_newest(connection, table, gone)


def _row(event: Envelope[ItemFact] | Envelope[ItemPurgedV1]) -> dict[str, Any]:
    fact = event.data
    if isinstance(fact, ItemPurgedV1):
        more: dict[str, Any] = {"purged_at": fact.purged_at}
    else:
        more = {"trashed_at": fact.trashed_at, "purged_at": None}
    return {
        "item_id": fact.item_id,
        "owner_id": fact.owner_id,
        "parent_id": fact.parent_id,
        "kind": fact.kind,
        "name": fact.name,
        "above": list(fact.ancestor_ids),
        "sequence": event.revision,
        **more,
    }


@cache
def _walks(table: Table) -> Select[Any]:
    """The walk up from every item named; put together once, which costs more than running it."""
    columns = [table.c[name] for name in ("item_id", "owner_id", "parent_id", "kind", "name", "above", "trashed_at")]
    here = (
        select(table.c.item_id.label("start"), literal(0).label("height"), table.c.purged_at, *columns)
        .where(table.c.item_id.in_(bindparam("starts", expanding=True)))
        .cte("up", recursive=True)
    )
    # OFFSET 0: the planner takes the walk to be long and would read the whole copy once for every level.
    up = select(table.c.purged_at, *columns).where(table.c.item_id == here.c.parent_id).offset(0).lateral("above_it")
    walk = here.union_all(
        select(here.c.start, here.c.height + 1, up.c.purged_at, *(up.c[column.name] for column in columns))
        .select_from(here.join(up, true()))
        .where(here.c.height < DEEPEST)
    )
    return select(walk).order_by(walk.c.start, walk.c.height)


async def standings(connection: AsyncConnection, table: Table, item_ids: Collection[ItemId]) -> dict[ItemId, Standing]:
    """Where these items stand; those that were never heard of or are gone are left out. One statement for all."""
    if not item_ids:
        return {}
    chains: dict[ItemId, list[Any]] = {}
    for row in await connection.execute(_walks(table), {"starts": [*item_ids]}):
        chains.setdefault(ItemId(row.start), []).append(row)
    return {start: _standing(chain) for start, chain in chains.items() if all(row.purged_at is None for row in chain)}


def _standing(chain: Sequence[Any]) -> Standing:
    """From the rows of an item and of the folders above it, itself first."""
    item, *folders = chain
    top = chain[-1]
    known = [ItemId(folder.item_id) for folder in reversed(folders)]
    if len(chain) > DEEPEST:
        ancestors = tuple(map(ItemId, item.above))
    else:
        ancestors = (*map(ItemId, top.above if top.parent_id else ()), *known)
    return Standing(
        ItemId(item.item_id),
        UserId(item.owner_id),
        item.kind,
        item.name,
        ItemId(item.parent_id) if item.parent_id else None,
        ancestors,
        in_trash=item.trashed_at is not None,
        below_trash=any(folder.trashed_at is not None for folder in folders),
    )


async def forget_purged_before(connection: AsyncConnection, table: Table, moment: datetime) -> int:
    """Delete a slice of the tombstones of items that went before `moment`; how many. Safe to run twice."""
    return await forget_some(connection, table, table.c.purged_at < moment)
