"""Deliveries on their way: rows that are matched in the transaction of a fact, claimed in turns, and settled."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, literal, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import EventId, ItemId, UserId, WebhookId
from coffer_notifier.domain.webhooks import ENTRIES, Delivery, DeliveryState, Standing
from coffer_notifier.store.tables import WAITING, deliveries, webhooks

NOBODY = "00000000-0000-0000-0000-000000000000"
"""Before every id."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A webhook that a fact may be told to, if it lies below its item."""

    webhook_id: WebhookId
    item_id: ItemId | None
    is_enabled: bool


_candidates = text(
    """
    SELECT id, item_id, enabled FROM webhooks
    WHERE (enabled OR (disabled_for = 'failing' AND disabled_at > :held_from)) AND event_types && CAST(:patterns AS text[])
      AND user_id IN (
        SELECT unnest(CAST(:people AS uuid[]))
        UNION
        SELECT CAST(substr(grantee, 6) AS uuid) FROM grants
        WHERE item_id = ANY(CAST(:given AS uuid[])) AND removed_at IS NULL AND grantee LIKE 'user/%'
          AND (expires_at IS NULL OR expires_at > :now)
      )
    ORDER BY id FOR KEY SHARE
    """
)


async def candidates(
    connection: AsyncConnection,
    patterns: Collection[str],
    people: Collection[UserId],
    given: Collection[ItemId],
    *,
    now: datetime,
    held_from: datetime,
) -> list[Candidate]:
    """Webhooks that ask for one of the patterns, of these people and of those who were given one of the items. They stay
    until the transaction ends.
    """
    values = {"patterns": list(patterns), "people": sorted(people), "given": sorted(given), "now": now, "held_from": held_from}
    rows = await connection.execute(_candidates, values)
    return [Candidate(WebhookId(str(row.id)), ItemId(str(row.item_id)) if row.item_id else None, row.enabled) for row in rows]


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
      AND NOT w.user_id = ANY(CAST(:busy AS uuid[]))
      AND EXISTS (SELECT FROM webhook_deliveries d WHERE d.webhook_id = w.id AND {WAITING} AND d.not_before <= :now)
      AND {_SENDING.format(id="w.id")} < :each
    LIMIT :limit FOR NO KEY UPDATE OF w SKIP LOCKED
    """  # noqa: S608  # constants
)
"""Goes from webhook to webhook along the index, however many rows wait for each."""

_due = text(
    f"""
    SELECT d.* FROM unnest(CAST(:chosen AS uuid[])) AS chosen CROSS JOIN LATERAL (
        SELECT * FROM webhook_deliveries WHERE webhook_id = chosen AND {WAITING} AND not_before <= :now
        ORDER BY not_before LIMIT least(:at_once, greatest(0, :each - {_SENDING.format(id="chosen")}))
        FOR UPDATE SKIP LOCKED
    ) d
    """  # noqa: S608  # constants
).columns(**{column.name: column.type for column in deliveries.c})


async def choose(
    connection: AsyncConnection,
    now: datetime,
    *,
    after: str,
    standing: Standing,
    each: int,
    limit: int,
    busy: Collection[str],
) -> list[str]:
    """Webhooks of a standing with something due and fewer than `each` on their way, in the order of their ids from `after` on;
    locked, and those that others hold left to them. `busy` are people whose webhooks are passed over.
    """
    values = {"now": now, "after": after, "standing": standing, "each": each, "limit": limit, "busy": list(busy)}
    return [str(found) for found in (await connection.execute(_choose, values)).scalars()]


async def due_of(
    connection: AsyncConnection, chosen: Sequence[str], now: datetime, *, each: int, at_once: int
) -> list[Delivery]:
    """What is due for the chosen webhooks, claims that lapsed included, locked: `at_once` for each at most, and no more than
    `each` on their way.
    """
    values = {"chosen": list(chosen), "now": now, "each": each, "at_once": at_once}
    return [delivery_of(row) for row in await connection.execute(_due, values)]


async def claim(connection: AsyncConnection, claimed: Sequence[tuple[Delivery, str]], until: datetime) -> None:
    """Note the attempts that are about to be made, and what they say. The caller holds the rows."""
    rows = [{"of": one.id, "body": body, "until": until} for one, body in claimed]
    change = text(
        "UPDATE webhook_deliveries SET state = 'sending', attempts = attempts + 1, not_before = :until, body = :body"
        " WHERE id = :of"
    )
    await connection.execute(change, rows)


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
    )
