"""Queues and outbox over HTTP."""

from typing import Any

from litestar import Response, get

from coffer_chassis.access_rules import operator
from coffer_chassis.admin import standing
from coffer_chassis.admin.letters import LARGEST_PAGE
from coffer_chassis.admin.routes.answers import OutboxAnswer, QueuesAnswer, outbox_answer, queue_answer
from coffer_chassis.admin.routes.requests import DEFAULT_LIMIT, Prefix, TheOperations, number_of
from coffer_chassis.cursors import Listing
from coffer_chassis.openapi import documented
from coffer_chassis.requests import Cursor, Limit, TheCursors, ThePrincipal, page_size
from coffer_contracts.problems import CursorInvalid


def routes(service: str) -> tuple[Any, ...]:
    """Of one service."""
    prefix = Prefix.of(service)

    @get(
        f"{prefix.path}/queues",
        opt=operator(),
        operation_id=f"list_{prefix.word}_queues",
        tags=["operators"],
        summary=f"See how the queues of {service} stand",
    )
    async def get_queues(operations: TheOperations) -> Response[QueuesAnswer]:
        """Depths, dead letters that wait, and whether a consumer has stopped. Depths are the broker's estimates."""
        return Response(QueuesAnswer([queue_answer(queue) for queue in await standing.queues(operations)]))

    @get(
        f"{prefix.path}/outbox",
        opt=operator() | documented(raises=[CursorInvalid]),
        operation_id=f"get_{prefix.word}_outbox",
        tags=["operators"],
        summary=f"See what {service} has yet to publish",
    )
    async def get_outbox(
        principal: ThePrincipal,
        operations: TheOperations,
        cursors: TheCursors,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response[OutboxAnswer]:
        """How many events wait, since when, which of them the broker never takes and why, and a page of them."""
        listing = Listing(f"{service}/outbox", principal.user_id)
        after = number_of(cursors.open(cursor, listing)) if cursor else None
        size = min(page_size(limit), LARGEST_PAGE)
        found = await standing.outbox(operations, after, size)
        following = cursors.seal([found.page[-1].position], listing) if found.has_more else None
        return Response(outbox_answer(found, following))

    return get_queues, get_outbox
