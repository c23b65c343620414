"""Replays over HTTP: publish events again, look at what is sent again, cancel it."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import JSONBody

from coffer_chassis import replays
from coffer_chassis.access_rules import operator
from coffer_chassis.admin import settling
from coffer_chassis.admin.acts import as_operator
from coffer_chassis.admin.routes.answers import ReplayAnswer, ReplaysAnswer, StartedAnswer, replay_answer
from coffer_chassis.admin.routes.requests import (
    DEFAULT_LIMIT,
    Prefix,
    ReplayId,
    RepublishBody,
    TheOperations,
    place_of,
)
from coffer_chassis.cursors import Listing
from coffer_chassis.dead_letters import Wanted
from coffer_chassis.idempotency import Claim, once
from coffer_chassis.openapi import documented
from coffer_chassis.origin import Origin
from coffer_chassis.replays import Events
from coffer_chassis.requests import (
    Cursor,
    IdempotencyKey,
    Limit,
    TheCursors,
    TheOrigin,
    ThePrincipal,
    claim_of,
    known_id,
    page_size,
    replay_header,
)
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.problems import (
    CursorInvalid,
    IdempotencyInProgress,
    IdempotencyKeyReuse,
    NotFound,
    StateConflict,
)

_EXAMPLE = {
    "since": "2026-11-20T10:15:00.000Z",
    "types": ["files.item.committed.v1"],
    "consumer": "sharing-tree",
    "rate_per_second": 50,
}


async def started(
    operations: TheOperations,
    prefix: Prefix,
    origin: Origin,
    used: Claim | None,
    wanted: Events | Wanted,
    rate_per_second: float,
) -> Response[StartedAnswer]:
    """Start a replay, once per claim: 202 with where it can be looked at. A repeated request gets the first one's answer."""

    async def run(unit: Unit) -> dict[str, Any]:
        replay = await settling.start_replay(operations, unit, wanted, rate_per_second)
        known: dict[str, Any] = msgspec.to_builtins(replay_answer(replay))
        return known

    known, replayed = await once(operations.work, as_operator(origin), used, run)
    headers = {"Location": f"{prefix.path}/republish/{known['id']}", **replay_header(replayed)}
    answer = msgspec.convert(known, ReplayAnswer)
    return Response(StartedAnswer(answer.total, answer), status_code=202, headers=headers)


def routes(service: str) -> tuple[Any, ...]:
    """Of one service."""
    prefix = Prefix.of(service)
    word, path = prefix.word, f"{prefix.path}/republish"

    @get(
        path,
        opt=operator() | documented(raises=[CursorInvalid]),
        operation_id=f"list_{word}_replays",
        tags=["operators"],
        summary=f"List what {service} sends again",
    )
    async def get_replays(
        principal: ThePrincipal,
        operations: TheOperations,
        cursors: TheCursors,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response[ReplaysAnswer]:
        """Everything that was asked to be sent again and how far it is, newest first; for 90 days after its end."""
        listing = Listing(f"{service}/replays", principal.user_id)
        after = place_of(cursors.open(cursor, listing)) if cursor else None
        size = page_size(limit)
        async with operations.work.read() as connection:
            found = await replays.page(connection, operations.work.tables, after, size + 1)
        shown = found[:size]
        following = cursors.seal([shown[-1].created_at, shown[-1].id], listing) if len(found) > size else None
        return Response(ReplaysAnswer([replay_answer(replay) for replay in shown], following))

    @post(
        path,
        opt=operator()
        | documented(
            raises=[IdempotencyKeyReuse, IdempotencyInProgress],
            events=prefix.acted,
            request=_EXAMPLE,
            headers=["Idempotent-Replayed", "Location"],
        ),
        status_code=202,
        operation_id=f"republish_{word}_events",
        tags=["operators"],
        summary=f"Publish events of {service} again",
    )
    async def post_republish(
        data: JSONBody[RepublishBody],
        principal: ThePrincipal,
        origin: TheOrigin,
        operations: TheOperations,
        idempotency_key: IdempotencyKey = None,
    ) -> Response[StartedAnswer]:
        """Publish events again that were published before and are not forgotten yet (7 days): in the background, at a rate,
        marked as a replay, for all readers or for one queue. What is new meanwhile is not held up by it.
        """
        wanted = Events(data.since, data.until, tuple(data.types), data.subject, data.consumer)
        if data.dry_run:
            return Response(StartedAnswer(await settling.count_events(operations, wanted), None), status_code=200)
        used = claim_of(idempotency_key, principal, f"POST {path}", data)
        return await started(operations, prefix, origin, used, wanted, data.rate_per_second)

    @get(
        f"{path}/{{replay:str}}",
        opt=operator(),
        operation_id=f"get_{word}_replay",
        tags=["operators"],
        summary=f"Look at something that {service} sends again",
    )
    async def get_replay(replay: ReplayId, operations: TheOperations) -> Response[ReplayAnswer]:
        """How far it is, and what was in its way last."""
        async with operations.work.read() as connection:
            found = await replays.find(connection, operations.work.tables, known_id(replay))
        if found is None:
            raise NotFound
        return Response(replay_answer(found))

    @post(
        f"{path}/{{replay:str}}/cancel",
        opt=operator() | documented(raises=[StateConflict], events=prefix.acted),
        status_code=200,
        operation_id=f"cancel_{word}_replay",
        tags=["operators"],
        summary=f"Cancel something that {service} sends again",
    )
    async def post_cancel(replay: ReplayId, origin: TheOrigin, operations: TheOperations) -> Response[ReplayAnswer]:
        """Send no more of it; at most half a second's worth is still on its way. Once more is fine; 409 if it is done."""
        return Response(replay_answer(await settling.cancel_replay(operations, as_operator(origin), known_id(replay))))

    return get_replays, post_republish, get_replay, post_cancel
