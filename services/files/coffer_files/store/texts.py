"""Texts of stored objects: written once for each, found by the beginnings of their words."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Text, bindparam, exists, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import BlobId, ItemId, UserId
from coffer_files.domain.searching import MARK_BYTES
from coffer_files.store.tables import blobs, items, texts, versions

RULES = 1
"""Counts up when texts are taken apart in another way; `reindex` does those of older rules again."""

WORDLESS = ("image", "video", "audio", "archive")
"""Kinds of files that nobody looks for a text of."""


@dataclass(frozen=True, slots=True)
class TextRow:
    """A text, taken apart."""

    blob_id: BlobId
    key: str
    size_bytes: int
    beginning: str
    words: Sequence[str]


def mark_of(owner_id: UserId) -> str:
    """What stands before each word of an owner in the index: the last and random part of the id. Two owners may share it, so
    whose an item is, is asked besides.
    """
    return owner_id[1 - MARK_BYTES :] + ":"


def asked_of(owners: Iterable[UserId], words: Iterable[tuple[str, bool]]) -> str:
    """A query for the index: texts of any of the owners that hold all words."""
    words = list(words)
    each = (" & ".join(_lexeme(mark_of(owner) + word, goes_on=goes_on) for word, goes_on in words) for owner in owners)
    return " | ".join(f"({one})" for one in each)


def _lexeme(word: str, *, goes_on: bool) -> str:
    quoted = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{quoted}':*" if goes_on else f"'{quoted}'"


async def insert_text(connection: AsyncConnection, row: TextRow, now: datetime) -> bool:
    """Write the text of an object that is still there, over what was known of it; False if the object is gone."""
    # The object is held until the transaction ends: nobody can delete it meanwhile and leave the text behind.
    held = select(blobs.c.owner_id).where(blobs.c.id == row.blob_id).with_for_update(read=True, key_share=True)
    owner_id = (await connection.execute(held)).scalar_one_or_none()
    if owner_id is None:
        return False
    marked = [mark_of(owner_id) + word for word in row.words]
    values: dict[str, Any] = {
        "owner_id": owner_id,
        "key": row.key,
        "size_bytes": row.size_bytes,
        "beginning": row.beginning,
        "words": func.array_to_tsvector(bindparam(None, marked, type_=ARRAY(Text), unique=True)),
        "rules": RULES,
        "indexed_at": now,
    }
    statement = insert(texts).values(blob_id=row.blob_id, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=[texts.c.blob_id], set_=values))
    return True


async def beginning_of(connection: AsyncConnection, blob_id: BlobId, length: int) -> str | None:
    """How the text of an object begins, in characters; None if none is known."""
    statement = select(func.left(texts.c.beginning, literal(length))).where(texts.c.blob_id == blob_id)
    beginning: str | None = (await connection.execute(statement)).scalar_one_or_none()
    return beginning


async def beginnings(connection: AsyncConnection, item_ids: Collection[ItemId], length: int) -> dict[ItemId, str]:
    """How the texts of some files begin, by file."""
    if not item_ids:
        return {}
    current = items.join(versions, versions.c.id == items.c.version_id).join(texts, texts.c.blob_id == versions.c.blob_id)
    statement = select(items.c.id, func.left(texts.c.beginning, literal(length)).label("beginning")).select_from(current)
    rows = await connection.execute(statement.where(items.c.id.in_(item_ids)))
    return {row.id: row.beginning for row in rows}


async def unread_blobs(connection: AsyncConnection, after: BlobId | None, limit: int, *, everything: bool) -> list[BlobId]:
    """Objects by id that may have a text and whose text is not known by today's rules; with `everything` all that may."""
    worded = exists().where(versions.c.blob_id == blobs.c.id, versions.c.media_kind.not_in(WORDLESS))
    statement = select(blobs.c.id).outerjoin(texts, texts.c.blob_id == blobs.c.id).where(worded)
    if not everything:
        statement = statement.where(texts.c.rules.is_distinct_from(RULES))
    if after is not None:
        statement = statement.where(blobs.c.id > after)
    return [BlobId(row) for row in (await connection.execute(statement.order_by(blobs.c.id).limit(limit))).scalars()]
