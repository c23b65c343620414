"""Limits over HTTP: the policies, who is limited, letting them go on."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import JSONBody
from pydantic import Field

from coffer_chassis.access_rules import operator
from coffer_chassis.admin import limiting
from coffer_chassis.admin.acts import as_operator
from coffer_chassis.admin.routes.requests import Prefix, TheOperations
from coffer_chassis.answers import Body, Timestamp, timestamp
from coffer_chassis.limits.limiter import Limited, Limiter, Place
from coffer_chassis.limits.policies import NAMES, WINDOW_SECONDS
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin
from coffer_contracts.problems import DependencyFailed, NotFound

_WHO = "address/192.0.2.7"


class PolicyAnswer(msgspec.Struct, frozen=True):
    """So many requests in so long a time; a quota of 0 is no limit."""

    name: str
    quota: int
    window_seconds: int


class LimitedAnswer(msgspec.Struct, frozen=True):
    """Somebody who was refused and has not their whole quota back: `user/<id>`, `token/<id>`, `link/<id>@<network>`,
    `address/<network>`, `path/<digest>` of what stands in an address. `until` holds if they ask for nothing more.
    """

    policy: str
    who: str
    since: Timestamp
    until: Timestamp
    refused: int


class LimitsAnswer(msgspec.Struct, frozen=True):
    """`counted_in` is `redis`, or `process`: then this is what the process knows that answers."""

    counted_in: str
    policies: list[PolicyAnswer]
    items: list[LimitedAnswer]


class LiftBody(Body):
    """Somebody in the list."""

    policy: str = Field(max_length=20, description="As in the list.")
    who: str = Field(max_length=200, description="As in the list.")


class LiftedAnswer(msgspec.Struct, frozen=True):
    """How often they were refused."""

    policy: str
    who: str
    refused: int


def limits_answer(limiter: Limiter, place: Place, limited: list[Limited]) -> LimitsAnswer:
    """Limits as they are shown."""
    quotas = {name: limiter.policies[name].quota if name in limiter.policies else 0 for name in NAMES}
    items = [LimitedAnswer(one.policy, one.who, timestamp(one.since), timestamp(one.until), one.refused) for one in limited]
    return LimitsAnswer(place, [PolicyAnswer(name, quota, WINDOW_SECONDS) for name, quota in quotas.items()], items)


def routes(service: str) -> tuple[Any, ...]:
    """Of one service."""
    prefix = Prefix.of(service)

    @get(
        f"{prefix.path}/limits",
        opt=operator(),
        operation_id=f"list_{prefix.word}_limits",
        tags=["operators"],
        summary=f"See who is limited by {service}",
    )
    async def get_limits(operations: TheOperations) -> Response[LimitsAnswer]:
        """The policies, and who is limited now: at most 500, those whose limit ends last first."""
        place, limited = await operations.limiter.limited()
        return Response(limits_answer(operations.limiter, place, limited))

    @post(
        f"{prefix.path}/limits/lift",
        opt=operator()
        | documented(raises=[NotFound, DependencyFailed], events=prefix.acted, request={"policy": "default", "who": _WHO}),
        status_code=200,
        operation_id=f"lift_{prefix.word}_limit",
        tags=["operators"],
        summary=f"Let somebody go on whom {service} limits",
    )
    async def post_lift(data: JSONBody[LiftBody], origin: TheOrigin, operations: TheOperations) -> Response[LiftedAnswer]:
        """Give somebody their whole quota back at once; they can use it up again. 404 if they are not limited."""
        refused = await limiting.lift(operations, as_operator(origin), data.policy, data.who)
        return Response(LiftedAnswer(data.policy, data.who, refused))

    return get_limits, post_lift
