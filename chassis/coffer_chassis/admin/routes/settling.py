"""Acts on dead letters over HTTP: send again, give up."""

from typing import Any

from litestar import Response, post
from litestar.params import JSONBody

from coffer_chassis.access_rules import operator
from coffer_chassis.admin import settling
from coffer_chassis.admin.acts import as_operator
from coffer_chassis.admin.routes.answers import DroppedAnswer, LetterAnswer, StartedAnswer, letter_answer
from coffer_chassis.admin.routes.replays import started
from coffer_chassis.admin.routes.requests import ConfirmBody, DropBody, LetterId, Prefix, RedriveBody, TheOperations
from coffer_chassis.openapi import documented
from coffer_chassis.requests import IdempotencyKey, TheOrigin, ThePrincipal, claim_of, known_id
from coffer_contracts.problems import DependencyFailed, IdempotencyInProgress, IdempotencyKeyReuse, StateConflict

_FILTER = {"queue": "files-fast", "type": "media.upload.cleared.v1", "error_class": "Reject"}


def routes(service: str) -> tuple[Any, ...]:
    """Of one service."""
    prefix = Prefix.of(service)
    word, path = prefix.word, f"{prefix.path}/dead-letters"

    @post(
        f"{path}/{{letter:str}}/redrive",
        opt=operator() | documented(raises=[StateConflict, DependencyFailed], events=prefix.acted),
        status_code=200,
        operation_id=f"redrive_{word}_dead_letter",
        tags=["operators"],
        summary=f"Send a dead letter of {service} to its queue again",
    )
    async def post_redrive(letter: LetterId, origin: TheOrigin, operations: TheOperations) -> Response[LetterAnswer]:
        """Send one letter to its queue again. 409 if that was done before, or if it was dropped."""
        done = await settling.redrive_letter(operations, as_operator(origin), known_id(letter))
        return Response(letter_answer(done))

    @post(
        f"{path}/redrive",
        opt=operator()
        | documented(
            raises=[IdempotencyKeyReuse, IdempotencyInProgress],
            events=prefix.acted,
            request={"filter": _FILTER, "rate_per_second": 50},
            headers=["Idempotent-Replayed", "Location"],
        ),
        status_code=202,
        operation_id=f"redrive_{word}_dead_letters",
        tags=["operators"],
        summary=f"Send dead letters of {service} to their queues again",
    )
    async def post_redrives(
        data: JSONBody[RedriveBody],
        principal: ThePrincipal,
        origin: TheOrigin,
        operations: TheOperations,
        idempotency_key: IdempotencyKey = None,
    ) -> Response[StartedAnswer]:
        """Send some letters, or all that fit, to their queues again: in the background, at a rate, as a replay that can be
        looked at and cancelled under `Location`. What dies while it runs is no part of it.
        """
        if data.dry_run:
            return Response(StartedAnswer(await settling.count_letters(operations, data.wanted), None), status_code=200)
        used = claim_of(idempotency_key, principal, f"POST {path}/redrive", data)
        return await started(operations, prefix, origin, used, data.wanted, data.rate_per_second)

    @post(
        f"{path}/{{letter:str}}/drop",
        opt=operator() | documented(raises=[StateConflict], events=prefix.acted, request={"confirm": "drop 1"}),
        status_code=200,
        operation_id=f"drop_{word}_dead_letter",
        tags=["operators"],
        summary=f"Give a dead letter of {service} up",
    )
    async def post_drop(
        letter: LetterId, data: JSONBody[ConfirmBody], origin: TheOrigin, operations: TheOperations
    ) -> Response[LetterAnswer]:
        """Give one letter up for good; it stays on record for 90 days. 409 if it was redriven or dropped before."""
        done = await settling.drop_letter(operations, as_operator(origin), known_id(letter), data.confirm)
        return Response(letter_answer(done))

    @post(
        f"{path}/drop",
        opt=operator()
        | documented(raises=[StateConflict], events=prefix.acted, request={"filter": _FILTER, "confirm": "drop 12"}),
        status_code=200,
        operation_id=f"drop_{word}_dead_letters",
        tags=["operators"],
        summary=f"Give dead letters of {service} up",
    )
    async def post_drops(data: JSONBody[DropBody], origin: TheOrigin, operations: TheOperations) -> Response[DroppedAnswer]:
        """Give some letters, or all that fit, up for good. Nothing happens unless `confirm` names how many they are at that
        moment; a dry run tells.
        """
        if data.dry_run:
            return Response(DroppedAnswer(await settling.count_letters(operations, data.wanted), dry_run=True))
        count = await settling.drop_letters(operations, as_operator(origin), data.wanted, data.confirm)
        return Response(DroppedAnswer(count, dry_run=False))

    return post_redrive, post_redrives, post_drop, post_drops
