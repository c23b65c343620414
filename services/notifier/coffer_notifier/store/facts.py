"""Facts as they came, found by whom they may concern, and read without ever skipping a late commit (see `stream.py`)."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import EventId, ItemId, UserId
from coffer_notifier.domain.places import Place
from coffer_notifier.store.fact_tables import fact_keys, facts

_keep = text(
    """
    WITH told AS (
        SELECT * FROM jsonb_to_recordset(CAST(CAST(:told AS text) AS jsonb))
            AS t(place int, event_id text, type text, subject text, fact text, people uuid[], given uuid[])
    ), kept AS (
        INSERT INTO facts (event_id, type, subject, fact, at)
        SELECT event_id, type, subject, fact, :now FROM told ORDER BY place
        ON CONFLICT (event_id) DO NOTHING RETURNING event_id, xid, position
    )
    INSERT INTO fact_keys (key, xid, position)
    SELECT found.key, kept.xid, kept.position FROM kept JOIN told USING (event_id) CROSS JOIN LATERAL (
        SELECT unnest(told.people) AS key
        UNION
        SELECT g.item_id FROM grants g
        WHERE g.item_id = ANY(told.given) AND g.removed_at IS NULL AND g.grantee LIKE 'user/%'
          AND (g.expires_at IS NULL OR g.expires_at > :now)
    ) AS found
    """
)

_read = text(
    """
    WITH found AS (
        SELECT DISTINCT next.xid, next.position FROM unnest(CAST(:keys AS uuid[])) AS wanted(key) CROSS JOIN LATERAL (
            SELECT k.xid, k.position FROM fact_keys k
            WHERE k.key = wanted.key AND (k.xid, k.position) > (CAST(:xid AS bigint), CAST(:position AS bigint))
              AND k.xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
            ORDER BY k.xid, k.position LIMIT :limit
        ) AS next
        ORDER BY next.xid, next.position LIMIT :limit
    )
    SELECT f.xid, f.position, f.event_id, f.at, CASE
        WHEN (CAST(:types AS text[]) IS NULL OR f.type = ANY(CAST(:types AS text[])))
         AND (CAST(:subject AS text) IS NULL OR f.subject = CAST(:subject AS text)) THEN f.fact
    END AS fact
    FROM found JOIN facts f USING (position) ORDER BY f.xid, f.position
    """
)
"""Each key is followed along the index for as much as is asked for and no further, however much lies behind it."""


@dataclass(frozen=True, slots=True)
class Coming:
    """A fact that came, and whom it concerns."""

    event_id: EventId
    type: str
    subject: str
    fact: str
    people: Collection[UserId]
    given: Collection[ItemId]


@dataclass(frozen=True, slots=True)
class KeptFact:
    """A fact as it came; nothing of one that was not asked for."""

    place: Place
    id: EventId
    fact: str | None
    at: datetime
    body: None = None


async def keep(connection: AsyncConnection, coming: Sequence[Coming], now: datetime) -> None:
    """Keep these, each once however often it comes. One statement for all."""
    told = [
        {
            "place": place,
            "event_id": one.event_id,
            "type": one.type,
            "subject": one.subject,
            "fact": one.fact,
            "people": sorted(one.people),
            "given": sorted(one.given),
        }
        for place, one in enumerate(coming)
    ]
    await connection.execute(_keep, {"told": json.dumps(told), "now": now})


async def after(
    connection: AsyncConnection,
    keys: Collection[str],
    place: Place,
    limit: int,
    *,
    types: Collection[str] | None = None,
    subject: str | None = None,
) -> list[KeptFact]:
    """The next under these keys, in order, those of other types and subjects empty; nothing that is not decided yet."""
    values = {
        "keys": list(keys),
        "xid": place.xid,
        "position": place.position,
        "limit": limit,
        "types": list(types) if types is not None else None,
        "subject": subject,
    }
    return [
        KeptFact(Place(row.xid, row.position), EventId(row.event_id), row.fact, row.at)
        for row in await connection.execute(_read, values)
    ]


async def place_of(connection: AsyncConnection, event_id: str) -> Place | None:
    """Where a fact stands; nothing if it is not known, or not any more."""
    row = (await connection.execute(select(facts.c.xid, facts.c.position).where(facts.c.event_id == event_id))).one_or_none()
    return Place(row.xid, row.position) if row else None


async def forget_before(connection: AsyncConnection, moment: datetime, slice_of: int) -> int:
    """Delete a slice of what came before `moment`; how many. May run twice and at once."""
    old = select(facts.c.position).where(facts.c.at < moment).limit(slice_of).with_for_update(skip_locked=True)
    gone = list(
        (await connection.execute(delete(facts).where(facts.c.position.in_(old)).returning(facts.c.position))).scalars()
    )
    await connection.execute(delete(fact_keys).where(fact_keys.c.position.in_(gone)))
    return len(gone)


async def forget_key(connection: AsyncConnection, key: str) -> None:
    """Nobody finds anything by this any more. May run twice."""
    await connection.execute(delete(fact_keys).where(fact_keys.c.key == key))
