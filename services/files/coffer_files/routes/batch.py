"""Many operations in one request."""

from typing import Any

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from coffer_chassis.access_rules import user
from coffer_chassis.openapi import documented
from coffer_chassis.requests import IdempotencyKey, TheOrigin, ThePrincipal, claim_of, replay_header
from coffer_contracts.problems import IdempotencyInProgress, IdempotencyKeyReuse, MalformedRequest
from coffer_files.handlers.batches import run_batch
from coffer_files.routes.answers import ItemAnswer, seen_answer
from coffer_files.routes.batch_bodies import BatchBody
from coffer_files.routes.requests import WRITE, TheDeps


class ResultAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one operation: `status` as it would have been alone, and the item as it stands after the whole batch, the
    job that goes on with it, or the problem.
    """

    status: int
    ref: str | None = None
    item: ItemAnswer | None = None
    job_id: str | None = None
    problem: dict[str, Any] | None = None


class BatchAnswer(msgspec.Struct, frozen=True):
    """One result for each operation, in their order."""

    results: list[ResultAnswer]


@post(
    "/v1/batch",
    opt=user(WRITE) | documented(raises=[IdempotencyKeyReuse, IdempotencyInProgress, MalformedRequest]),
    status_code=200,
    operation_id="run_batch",
    tags=["items"],
    summary="Do many things at once",
)
async def post_batch(
    data: JSONBody[BatchBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    problem_base: NamedDependency[str],
    idempotency_key: IdempotencyKey = None,
) -> Response[BatchAnswer]:
    """Up to 100 operations, each with a result of its own: one that is refused does not keep the others from being done. With
    `atomic` all are done or none; then the others have the problem `batch_undone`.
    """
    used = claim_of(idempotency_key, principal, "POST /v1/batch", data)
    operations = [one.operation() for one in data.operations]
    results, replayed = await run_batch(
        deps, principal, origin, used, operations, atomic=data.atomic, problem_base=problem_base
    )
    shown = [
        ResultAnswer(
            one.status,
            one.ref,
            seen_answer(one.item) if one.item else None,
            one.job_id,
            dict(one.problem) if one.problem else None,
        )
        for one in results
    ]
    return Response(BatchAnswer(shown), headers=replay_header(replayed))


ROUTES = (post_batch,)
