"""Which pictures there are of further pages of documents, and which are waited for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, BigInteger, Text, and_, cast, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import BlobId, PageId, VersionId
from coffer_files.store.tables import blobs, versions
from coffer_files.store.tables import page_pictures as table

PATIENCE = timedelta(minutes=10)
"""How long nothing may be heard of a page before it is asked for again."""

ASKS = 3
"""How often it is asked for before there is none."""

MOST_AWAITED = 32
"""Pictures of one document that may be waited for at once: whoever leafs through it quickly waits for the others a moment
longer, and asks for none that they have passed by then.
"""


class Wish(NamedTuple):
    """One picture of one page."""

    blob_id: BlobId
    page: int
    box_pixels: int
    mime_type: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a picture of a page stands. Of one that nobody asked for yet all but the first and the last is empty."""

    page_count: int | None
    key: str | None
    reason: str | None
    asked_at: datetime | None
    asks: int
    awaited: int
    """How many pictures of the document are waited for."""

    def is_awaited(self, now: datetime) -> bool:
        """Whether it was asked for, so that there is nothing to do but wait."""
        return self.asked_at is not None and self.asked_at > now - PATIENCE

    @property
    def may_be_asked_for(self) -> bool:
        """Whether asking may help."""
        return self.asks < ASKS


class Ask(NamedTuple):
    """A picture as it is to be asked for, for the so-manieth time."""

    id: PageId
    attempt: int


_all = table.alias("all_pages")


def _unanswered(pages: Any) -> Any:
    return and_(pages.c.key.is_(None), pages.c.reason.is_(None))


def _awaited(blob_id: BlobId, now: datetime) -> Any:
    some = (_all.c.blob_id == blob_id) & _unanswered(_all) & (_all.c.asked_at > now - PATIENCE)
    return select(func.count()).select_from(_all).where(some).scalar_subquery()


def _is(wish: Wish) -> Any:
    return and_(*(table.c[name] == value for name, value in wish._asdict().items()))


async def standing(connection: AsyncConnection, wish: Wish, now: datetime) -> Standing | None:
    """How a picture stands; None if the document is not stored any more."""
    pages = cast(blobs.c.facts["page_count"].astext, BigInteger)
    query = (
        select(
            pages, table.c.key, table.c.reason, table.c.asked_at, func.coalesce(table.c.asks, 0), _awaited(wish.blob_id, now)
        )
        .select_from(blobs.outerjoin(table, _is(wish)))
        .where(blobs.c.id == wish.blob_id)
    )
    row = (await connection.execute(query)).one_or_none()
    return Standing(*row) if row else None


async def ask_for(connection: AsyncConnection, wish: Wish, version_id: VersionId, page_id: PageId, now: datetime) -> Ask | None:
    """Note that a picture is asked for, as `page_id` if it is for the first time; None if it is waited for, there, or given up,
    if enough are waited for, or if the version is gone. The drive is locked.
    """
    there = select(
        *(literal(value, table.c[name].type).label(name) for name, value in wish._asdict().items()),
        literal(page_id, table.c.id.type).label("id"),
        literal(now, table.c.asked_at.type).label("asked_at"),
        literal(1).label("asks"),
    ).where(versions.c.id == version_id, versions.c.blob_id == wish.blob_id, _awaited(wish.blob_id, now) < MOST_AWAITED)
    fresh = insert(table).from_select([*Wish._fields, "id", "asked_at", "asks"], there)
    asked = fresh.on_conflict_do_update(
        index_elements=Wish._fields,
        set_={"asked_at": now, "asks": table.c.asks + 1},
        where=_unanswered(table) & (table.c.asked_at <= now - PATIENCE) & (table.c.asks < ASKS),
    )
    row = (await connection.execute(asked.returning(table.c.id, table.c.asks))).one_or_none()
    return Ask(*row) if row else None


async def note_page(
    connection: AsyncConnection, wish: Wish, page_id: PageId, sequence: int, *, key: str | None, reason: str | None
) -> None:
    """Keep what became of a picture, unless it was forgotten since, or something later was heard. May run twice."""
    mine = _is(wish) & (table.c.id == page_id) & (table.c.sequence < sequence)
    await connection.execute(update(table).where(mine).values(sequence=sequence, key=key, reason=reason))


async def forget_pages(connection: AsyncConnection, version_ids: Sequence[VersionId]) -> None:
    """Forget all pictures of pages of what these versions hold: whoever wants one has it drawn anew. The drive is locked."""
    held = select(versions.c.blob_id).where(versions.c.id.in_(version_ids))
    await connection.execute(delete(table).where(table.c.blob_id.in_(held)))


async def page_keys(connection: AsyncConnection, blob_ids: Collection[BlobId]) -> dict[BlobId, list[str]]:
    """Where pictures of pages lie, of those of the objects that have any."""
    if not blob_ids:
        return {}
    keys = func.array_agg(table.c.key, type_=ARRAY(Text))
    query = select(table.c.blob_id, keys).where(table.c.blob_id.in_(blob_ids), table.c.key.is_not(None))
    return {BlobId(row[0]): row[1] for row in await connection.execute(query.group_by(table.c.blob_id))}
