"""Matching: which webhooks a fact is for. In the transaction in which the fact is handled, so a row per webhook and fact is
there exactly when the fact was handled. Quick: SQL only; a batch of facts that nobody asked for costs one statement.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.copies.tree import standings
from coffer_chassis.handling import HandlerTable
from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope, Event
from coffer_contracts.ids import ItemId
from coffer_contracts.notifier import WebhookDisabledV1
from coffer_notifier.domain.outside import OFFERED, Concern, concern_of
from coffer_notifier.domain.places import FACTS_KEPT
from coffer_notifier.domain.webhooks import HELD_FOR, patterns_of
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.store import deliveries, facts
from coffer_notifier.store.deliveries import Asking, Candidate
from coffer_notifier.store.facts import Coming
from coffer_notifier.store.tables import tree

WEBHOOKS = "webhooks"
"""The topic of wake-ups for whoever sends to webhooks."""

Handler = Callable[[Envelope[Any], Unit, Deps], Awaitable[None]]


def with_webhooks(table: HandlerTable) -> HandlerTable:
    """The same table, whose facts are matched with webhooks once they were handled, as far as webhooks may ask for them. A fact
    that several queues hear is matched once for all that.
    """
    return {
        wire_type: replace(row, run=_matching(row.run)) if wire_type in OFFERED else row for wire_type, row in table.items()
    }


def _matching(run: Handler) -> Handler:
    @wraps(run)
    async def handled_and_matched(event: Envelope[Any], unit: Unit, deps: Deps) -> None:
        await run(event, unit, deps)
        await match_webhooks(event, unit)

    return handled_and_matched


async def match_webhooks(event: Envelope[Event], unit: Unit) -> None:
    """Have a delivery of the fact queued for every webhook that asks for it and whose owner it concerns, and the fact kept to
    be read again, together with other facts in the transaction. May run twice.
    """
    concern = concern_of(event)
    if concern is not None:
        unit.together(_match_all, (event, concern))


async def _match_all(connection: AsyncConnection, asked: Sequence[tuple[Unit, tuple[Envelope[Event], Concern]]]) -> None:
    now = asked[0][0].now
    coming = {
        # Once, however many queues hear it.
        event.id: Coming(event.id, event.type, event.subject, event.to_json(), concern.people, concern.given)
        for _, (event, concern) in asked
        if event.time > now - FACTS_KEPT
    }
    if coming:
        await facts.keep(connection, list(coming.values()), now)
    asking = [Asking(patterns_of(event.type), concern.people, concern.given) for _, (event, concern) in asked]
    candidates = await deliveries.candidates(connection, asking, now=now, held_from=now - HELD_FOR)
    rows: list[dict[str, Any]] = []
    for (unit, (event, concern)), found in zip(asked, candidates, strict=True):
        if hit := await _those_hit(event, unit, concern, found):
            rows += _rows(event, unit, hit)
            unit.wake(WEBHOOKS)
    if rows:
        await deliveries.queue(connection, rows)


async def _those_hit(event: Envelope[Event], unit: Unit, concern: Concern, found: list[Candidate]) -> list[Candidate]:
    if isinstance(event.data, WebhookDisabledV1):
        # It is off, and would be told of that when it is on again.
        found = [one for one in found if one.webhook_id != event.data.webhook_id]
    if any(one.item_id for one in found):
        scope = await _scope(event, unit, concern)
        found = [one for one in found if one.item_id is None or one.item_id in scope]
    return found


def _rows(event: Envelope[Event], unit: Unit, found: Iterable[Candidate]) -> Iterable[dict[str, Any]]:
    fact = event.to_json()
    return [
        {
            "id": new_id(),
            "webhook_id": one.webhook_id,
            "event_id": event.id,
            "event_type": event.type,
            "fact": fact,
            "state": "queued" if one.is_enabled else "held",
            "not_before": unit.now,
            "created_at": unit.now,
            "log": [],
            "traceparent": unit.origin.traceparent,
            "correlation_id": unit.origin.correlation_id,
            "line": event.subject if one.kind == "queue" else None,
            "place": event.revision if one.kind == "queue" else None,
        }
        for one in found
    ]


async def _scope(event: Envelope[Event], unit: Unit, concern: Concern) -> set[ItemId]:
    """The item with the folders above it, and those above the place that it was moved from."""
    before: ItemId | None = getattr(event.data, "previous_parent_id", None)
    unknown = [before] if before else []
    if concern.about and concern.below is None:
        unknown.append(concern.about)
    known = await standings(unit.connection, tree, unknown)
    scope = {concern.about} if concern.about else set()
    scope |= {*(concern.below or ()), *unknown}
    return scope.union(*(standing.ancestor_ids for standing in known.values()))
