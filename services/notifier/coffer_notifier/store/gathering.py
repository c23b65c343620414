"""Notices that speak of several facts: one for each person, key and time of being unread.

Which facts a notice speaks of is a set, and `facts_count` grows by what was added to it in the same transaction: a fact that
comes again adds nothing, in whatever order they come.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Label, case, func, literal_column, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import EventId, UserId
from coffer_notifier.domain.notices import Notice
from coffer_notifier.store.notices import values_of
from coffer_notifier.store.tables import OPEN, gathered_facts, notices

_INSERTED: Label[bool] = literal_column("xmax = 0", Boolean).label("is_new")
"""Of an upsert's row: whether it was not there before."""


@dataclass(frozen=True, slots=True)
class Heap:
    """Facts that a person is to be told of in one notice, each once. The notice is the one to begin if none is open."""

    key: str
    notice: Notice
    facts: frozenset[EventId]

    @property
    def place(self) -> tuple[str, str]:
        """What tells it from others, and the order in which notices are taken: in any other, two transactions could wait for
        each other.
        """
        return self.notice.user_id, self.key


@dataclass(frozen=True, slots=True)
class Gathered:
    """The notice that speaks of a heap now."""

    heap: Heap
    notice_id: str
    is_new: bool


_known = text(
    """
    SELECT user_id, event_id FROM gathered_facts
    WHERE (user_id, event_id) IN (SELECT * FROM unnest(CAST(:users AS uuid[]), CAST(:facts AS text[])))
    """
).columns(gathered_facts.c.user_id, gathered_facts.c.event_id)


async def known_facts(connection: AsyncConnection, asked: Sequence[tuple[UserId, EventId]]) -> set[tuple[UserId, EventId]]:
    """Of which facts which people were told already."""
    # As arrays: a folder that thousands see would need more parameters than a statement may have.
    users, facts = [user for user, _ in asked], [fact for _, fact in asked]
    rows = await connection.execute(_known, {"users": users, "facts": facts})
    return {(UserId(row.user_id), EventId(row.event_id)) for row in rows}


async def add(connection: AsyncConnection, heaps: Sequence[Heap]) -> list[Gathered]:
    """Add each heap to the person's open notice under its key, or begin one. None of the facts may be known already.

    A notice that was read or removed is left alone. One that is being read at this moment is waited for.
    """
    if not heaps:
        return []
    rows = [_values(heap) for heap in sorted(heaps, key=lambda heap: heap.place)]
    by_place = {heap.place: heap for heap in heaps}
    found = [
        Gathered(by_place[row.user_id, row.gather_key], row.id, row.is_new) for row in await connection.execute(_upsert, rows)
    ]
    members = [
        {"user_id": one.heap.notice.user_id, "event_id": fact, "notice_id": one.notice_id}
        for one in found
        for fact in sorted(one.heap.facts)
    ]
    await connection.execute(insert(gathered_facts), members)
    return found


def _values(heap: Heap) -> dict[str, Any]:
    notice = heap.notice
    first: datetime = notice.first_at or notice.created_at
    return values_of(notice, notice.id) | {
        "gather_key": heap.key,
        "facts_count": len(heap.facts),
        "first_at": first,
    }


def _upserting() -> Any:
    new = insert(notices)
    newer = new.excluded.created_at >= notices.c.created_at
    return new.on_conflict_do_update(
        index_elements=[notices.c.user_id, notices.c.gather_key],
        index_where=OPEN,
        set_={
            "facts_count": notices.c.facts_count + new.excluded.facts_count,
            "created_at": func.greatest(notices.c.created_at, new.excluded.created_at),
            "first_at": func.least(notices.c.first_at, new.excluded.first_at),
            "item_name": case((newer, new.excluded.item_name), else_=notices.c.item_name),
            "data": case((newer, new.excluded.data), else_=notices.c.data),
            "in_app": notices.c.in_app | new.excluded.in_app,
        },
    ).returning(notices.c.id, notices.c.user_id, notices.c.gather_key, _INSERTED)


_upsert = _upserting()
