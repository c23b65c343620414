"""The layer of an app that counts every request under its route's policy, behind the gate that says who is calling."""

from collections.abc import Callable
from typing import Any

from litestar.types import ASGIApp, Receive, Scope, Send

from coffer_chassis.limits.limiter import Limiter, Verdict
from coffer_chassis.limits.policies import DEFAULT, WINDOW_SECONDS, Counting, counting_of
from coffer_chassis.request_context import LIMIT_KEY
from coffer_contracts.problems import RateLimited, TooManyAttempts


def refusal(verdict: Verdict) -> RateLimited:
    """The problem of a request that was one too many."""
    policy = verdict.policy
    violated: Any = {"violated-policies": [policy.name]}
    detail = f"At most {policy.quota} requests in {WINDOW_SECONDS} s count as `{policy.name}`."
    return RateLimited(detail, retry_after_seconds=verdict.wait_seconds, **violated)


async def count_attempt(limiter: Limiter, scope: Any) -> None:
    """Count one attempt under the policy that the route declares `by_handler`. Raises TooManyAttempts."""
    found = counting_of(scope["route_handler"])
    policy = limiter.policies.get(found.policy) if found is not None and found.policy is not None else None
    bucket = limiter.bucket(policy, scope, found.path) if found is not None and policy is not None else None
    if policy is None or bucket is None:
        return
    verdict = await limiter.take(policy, bucket)
    scope[LIMIT_KEY] = verdict.headers()
    if not verdict.allowed:
        detail = f"At most {policy.quota} attempts in {WINDOW_SECONDS} s."
        raise TooManyAttempts(detail, retry_after_seconds=verdict.wait_seconds)


def counting(limiter: Limiter) -> Callable[[ASGIApp], ASGIApp]:
    """The middleware. Refuses with RateLimited; what the answer says of the limit is left in the scope for the edge."""

    def wrap(app: ASGIApp) -> ASGIApp:
        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            found = counting_of(scope["route_handler"])
            if found is not None and found.by_handler:
                found = Counting(DEFAULT)
            policy = limiter.policies.get(found.policy) if found is not None and found.policy is not None else None
            if found is not None and policy is not None:
                bucket = limiter.bucket(policy, scope, found.path)
                if bucket is not None:
                    verdict = await limiter.take(policy, bucket)
                    kept: Any = scope
                    kept[LIMIT_KEY] = verdict.headers()
                    if not verdict.allowed:
                        raise refusal(verdict)
            await app(scope, receive, send)

        return counted

    return wrap
