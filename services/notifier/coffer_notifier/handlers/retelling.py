"""Facts that came in the last days, told once more to whoever may be told of them now, whatever they have subscribed to."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.copies.grants import grants_to
from coffer_chassis.identity import Principal
from coffer_contracts.ids import UserId
from coffer_contracts.problems import CursorExpired
from coffer_notifier.domain.places import FACTS_KEPT, TO_GO_ON, Place, StreamId, can_resume
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.judging import judge
from coffer_notifier.handlers.sight import grantee_of
from coffer_notifier.store import facts, stream
from coffer_notifier.store.facts import KeptFact
from coffer_notifier.store.tables import grants

CHUNK = 200
"""Facts that are read and judged at a time, at least."""
MOST_LOOKED_AT = 3000
"""Facts that one page may cost; one with many that are not told is shorter and leads on."""


@dataclass(frozen=True, slots=True)
class Retold:
    """What is told, as webhooks are, and where the next page begins; nothing at the end."""

    items: list[dict[str, Any]]
    after: StreamId | None


async def retell(
    deps: Deps,
    principal: Principal,
    begin: StreamId | str | None,
    limit: int,
    *,
    types: Collection[str] | None = None,
    subject: str | None = None,
) -> Retold:
    """The next facts after a place or an event, or from the first that is kept, judged as of now.

    Raises CursorExpired when what came next may be forgotten, or is of another store.
    """
    now, reader = deps.work.clock.now(), principal.user_id
    told: list[dict[str, Any]] = []
    looked_at, at = 0, now
    async with deps.work.read() as connection:
        place = await _begin(connection, begin, now)
        keys = [reader, *await _given(connection, reader, now)]
        while True:
            size = max(limit + 1, CHUNK)
            rows = await facts.after(connection, keys, place, size, types=types, subject=subject)
            looked_at += len(rows)
            for row, message in zip(rows, await _messages(connection, now, rows, reader), strict=True):
                if message is not None and len(told) == limit:
                    return Retold(told, StreamId(place, at))
                place, at = row.place, row.at
                if message is not None:
                    told.append(message)
            if len(rows) < size:
                return Retold(told, None)
            if looked_at >= MOST_LOOKED_AT:
                return Retold(told, StreamId(place, at))


async def _begin(connection: AsyncConnection, begin: StreamId | str | None, now: datetime) -> Place:
    if begin is None:
        return Place(0, 0)
    horizon = await stream.horizon(connection)
    if isinstance(begin, str):
        found = await facts.place_of(connection, begin)
        if found is None:
            raise CursorExpired("This event is not known any more: begin without it, or list again and compare.")
        # A webhook may have told of it before all that stands before it was decided.
        return min(found, Place(horizon, 0))
    if not can_resume(begin, horizon, now - FACTS_KEPT - TO_GO_ON):
        raise CursorExpired("What came next may be forgotten: begin anew, or list again and compare.")
    return begin.place


async def _given(connection: AsyncConnection, reader: UserId, now: datetime) -> set[str]:
    given = await grants_to(connection, grants, grantee_of(reader))
    return {grant.item_id for grant in given if grant.expires_at is None or now < grant.expires_at}


async def _messages(
    connection: AsyncConnection, now: datetime, rows: list[KeptFact], reader: UserId
) -> list[dict[str, Any] | None]:
    asked = {row.id: row for row in rows if row.fact is not None and row.at >= now - FACTS_KEPT}
    verdicts = await judge(connection, now, [(row, reader) for row in asked.values()])
    bodies = [verdicts[row.id].body if row.id in asked else None for row in rows]
    return [json.loads(body) if body is not None else None for body in bodies]
