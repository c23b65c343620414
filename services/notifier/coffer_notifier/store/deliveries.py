"""Deliveries on their way: rows that are matched in the transaction of a fact, claimed in turns, and settled."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, literal, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import EventId, ItemId, UserId, WebhookId
from coffer_notifier.domain.webhooks import ENTRIES, Delivery, DeliveryState, Kind, Standing
from coffer_notifier.store.tables import WAITING, deliveries, webhooks

NOBODY = "00000000-0000-0000-0000-000000000000"
"""Before every id."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A webhook that a fact may be told to, if it lies below its item."""

    webhook_id: WebhookId
    item_id: ItemId | None
    is_enabled: bool
    kind: Kind


@dataclass(frozen=True, slots=True)
class Asking:
    """For whom webhooks are looked up: these people and those who were given one of the items, if they ask for a pattern."""

    patterns: Collection[str]
    people: Collection[UserId]
    given: Collection[ItemId]


_candidates = text(
    """
    SELECT asking.place, w.id, w.item_id, w.enabled, w.kind
    FROM jsonb_to_recordset(CAST(CAST(:asking AS text) AS jsonb))
        AS asking(place int, patterns text[], people uuid[], given uuid[])
    CROSS JOIN LATERAL (
        SELECT unnest(asking.people) AS user_id
        UNION
        SELECT CAST(substr(g.grantee, 6) AS uuid) FROM grants g
        WHERE g.item_id = ANY(asking.given) AND g.removed_at IS NULL AND g.grantee LIKE 'user/%'
          AND (g.expires_at IS NULL OR g.expires_at > :now)
    ) AS person
    JOIN webhooks w ON w.user_id = person.user_id AND w.event_types && asking.patterns
    WHERE (w.enabled OR (w.disabled_for = 'failing' AND w.disabled_at > :held_from)) AND EXISTS (SELECT FROM webhooks)
    ORDER BY w.id FOR KEY SHARE OF w
    """
)
"""Looks at nothing else where nobody has a webhook: that is asked first, and once."""


async def candidates(
    connection: AsyncConnection, asking: Sequence[Asking], *, now: datetime, held_from: datetime
) -> list[list[Candidate]]:
    """The webhooks for each, in the same order. They stay until the transaction ends. One statement for all."""
    wanted = [
        {"place": place, "patterns": list(one.patterns), "people": sorted(one.people), "given": sorted(one.given)}
        for place, one in enumerate(asking)
    ]
    found: list[list[Candidate]] = [[] for _ in asking]
    values = {"asking": json.dumps(wanted), "now": now, "held_from": held_from}
    for row in await connection.execute(_candidates, values):
        item_id = ItemId(str(row.item_id)) if row.item_id else None
        found[row.place].append(Candidate(WebhookId(str(row.id)), item_id, row.enabled, row.kind))
    return found


async def queue(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write down what is to be delivered; what was for that webhook and fact before is left alone. May run twice."""
    await connection.execute(insert(deliveries).on_conflict_do_nothing(constraint="webhook_deliveries_once"), list(rows))


_SENDING = (
    "(SELECT count(*) FROM webhook_deliveries s WHERE s.webhook_id = {id} AND s.state = 'sending' AND s.not_before > :now)"
)

_choose = text(
    f"""
    WITH RECURSIVE waiting AS (
        (SELECT webhook_id FROM webhook_deliveries WHERE {WAITING} AND webhook_id > :after ORDER BY webhook_id LIMIT 1)
        UNION ALL
        SELECT (SELECT d.webhook_id FROM webhook_deliveries d WHERE {WAITING} AND d.webhook_id > waiting.webhook_id
                ORDER BY d.webhook_id LIMIT 1)
        FROM waiting WHERE waiting.webhook_id IS NOT NULL
    )
    SELECT w.id FROM waiting JOIN webhooks w ON w.id = waiting.webhook_id
    WHERE w.enabled
      AND :standing = CASE WHEN w.failing_since IS NOT NULL THEN 'failing' WHEN w.proven THEN 'proven' ELSE 'new' END
      AND NOT w.user_id = ANY(CAST(:busy AS uuid[])) AND NOT w.id = ANY(CAST(:resting AS uuid[]))
      AND (SELECT d.not_before FROM webhook_deliveries d WHERE d.webhook_id = w.id AND {WAITING}
           ORDER BY d.not_before LIMIT 1) <= :now
      AND {_SENDING.format(id="w.id")} < :each
    ORDER BY w.id LIMIT :limit FOR NO KEY UPDATE OF w SKIP LOCKED
    """  # noqa: S608  # constants
)
"""Goes from webhook to webhook along the index, however many rows wait for each. The order must be asked for: by itself it is
whatever the plan makes of it, and who is last in it would be passed over round after round.
"""

_due = text(
    f"""
    SELECT d.* FROM unnest(CAST(:chosen AS uuid[])) AS chosen CROSS JOIN LATERAL (
        SELECT * FROM webhook_deliveries w WHERE webhook_id = chosen AND {WAITING} AND not_before <= :now
          AND NOT EXISTS (
            SELECT FROM webhook_deliveries e WHERE e.webhook_id = chosen AND e.line = w.line AND e.{WAITING}
              AND e.line IS NOT NULL AND (e.place, e.id) < (w.place, w.id)
          )
        ORDER BY not_before, number, id
        LIMIT least(:at_once, greatest(0, :each - {_SENDING.format(id="chosen")}))
        FOR UPDATE SKIP LOCKED
    ) d
    """  # noqa: S608  # constants
).columns(**{column.name: column.type for column in deliveries.c})


# In a queue, what is told of a subject waits for what is told of it before: `line` and `place` of rows for webhooks are null.


async def choose(
    connection: AsyncConnection,
    now: datetime,
    *,
    after: str,
    standing: Standing,
    each: int,
    limit: int,
    busy: Collection[str],
    resting: Collection[str] = (),
) -> list[str]:
    """Webhooks of a standing with something due and fewer than `each` on their way, in the order of their ids from `after` on;
    locked, and those that others hold left to them. `busy` are people whose webhooks are passed over, `resting`
    webhooks that are.
    """
    values = {"now": now, "after": after, "standing": standing, "each": each, "limit": limit}
    values |= {"busy": list(busy), "resting": list(resting)}
    return [str(found) for found in (await connection.execute(_choose, values)).scalars()]


async def due_of(
    connection: AsyncConnection, chosen: Sequence[str], now: datetime, *, each: int, at_once: int
) -> list[Delivery]:
    """What is due for the chosen webhooks, claims that lapsed included, locked: `at_once` for each at most, and no more than
    `each` on their way.
    """
    values = {"chosen": list(chosen), "now": now, "each": each, "at_once": at_once}
    return [delivery_of(row) for row in await connection.execute(_due, values)]


async def claim(connection: AsyncConnection, claimed: Sequence[tuple[Delivery, str, int | None]], until: datetime) -> None:
    """Note the attempts that are about to be made, what they say and their numbers. The caller holds the rows."""
    rows = [{"of": one.id, "body": body, "number": number, "until": until} for one, body, number in claimed]
    change = text(
        "UPDATE webhook_deliveries SET state = 'sending', attempts = attempts + 1, not_before = :until, body = :body,"
        " number = :number WHERE id = :of"
    )
    await connection.execute(change, rows)


async def count_failed(connection: AsyncConnection, one: Delivery, until: datetime, why: str) -> None:
    """An attempt that ended before anything was sent: it is to be tried later. The caller holds the row."""
    values = {"state": "queued", "attempts": one.attempts + 1, "not_before": until, "last_error": why}
    await connection.execute(update(deliveries).where(deliveries.c.id == one.id).values(values))


async def settle(
    connection: AsyncConnection, delivery_id: str, attempts: int | None, entry: Mapping[str, Any] | None, **values: Any
) -> bool:
    """Write down what became of an attempt, with an entry for the log; False if it is no longer the one that counts.
    Without `attempts` it counts as long as the delivery has not ended.
    """
    change = update(deliveries).where(deliveries.c.id == delivery_id, WAITING)
    if attempts is not None:
        change = change.where(deliveries.c.attempts == attempts)
    if entry is not None:
        kept = func.jsonb_path_query_array(deliveries.c.log, literal_column(f"'$[last-{ENTRIES - 2} to last]'::jsonpath"))
        added = func.jsonb_build_array(literal(dict(entry), deliveries.c.log.type))
        values["log"] = kept.op("||", return_type=deliveries.c.log.type)(added)
    return bool((await connection.execute(change.values(**values))).rowcount)


async def hold(connection: AsyncConnection, webhook_id: WebhookId) -> int:
    """What waits is not sent until somebody asks for it; how many."""
    waits = update(deliveries).where(deliveries.c.webhook_id == webhook_id, deliveries.c.state == "queued")
    return (await connection.execute(waits.values(state="held"))).rowcount


async def next_due(connection: AsyncConnection) -> datetime | None:
    """When the next delivery is due; in the past if one is and cannot be sent for now."""
    wanted = select(deliveries.c.not_before).join(webhooks, webhooks.c.id == deliveries.c.webhook_id)
    wanted = wanted.where(deliveries.c.state.in_(("queued", "sending")), webhooks.c.enabled)
    return (await connection.execute(wanted.order_by(deliveries.c.not_before).limit(1))).scalar_one_or_none()


async def waiting(connection: AsyncConnection) -> int:
    """How many deliveries wait."""
    return int((await connection.execute(select(func.count()).select_from(deliveries).where(WAITING))).scalar_one())


def delivery_of(row: Row[Any]) -> Delivery:
    """A row as it is."""
    state: DeliveryState = row.state
    return Delivery(
        id=str(row.id),
        webhook_id=WebhookId(str(row.webhook_id)),
        event_id=EventId(row.event_id),
        event_type=row.event_type,
        fact=row.fact,
        body=row.body,
        state=state,
        attempts=row.attempts,
        not_before=row.not_before,
        created_at=row.created_at,
        ended_at=row.ended_at,
        last_status=row.last_status,
        last_error=row.last_error,
        latency_ms=row.latency_ms,
        log=row.log,
        traceparent=row.traceparent,
        correlation_id=row.correlation_id,
        number=row.number,
        line=row.line,
        again=row.again,
    )
