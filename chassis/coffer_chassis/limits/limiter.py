"""Counts requests where it is told to, and goes on in its own memory while the shared place is away."""

import hashlib
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

import structlog

from coffer_chassis.callers import Callers
from coffer_chassis.clock import Clock, SystemClock
from coffer_chassis.limits.counts import Bucket, Counts, CountsAway
from coffer_chassis.limits.memory import MemoryCounts
from coffer_chassis.limits.policies import Policy, policies_of
from coffer_chassis.metrics import REQUESTS_LIMITED
from coffer_chassis.settings import CofferSettings

AWAY_SECONDS = 1.0
"""Between two looks whether the shared place is back: nobody else waits for it meanwhile."""
TELL_SECONDS = 60.0

Place = Literal["process", "redis"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limited:
    """Somebody who is limited, as operators see them."""

    policy: str
    who: str
    since: datetime
    until: datetime
    refused: int


class Verdict(NamedTuple):
    """What became of one request, and what its answer says of it. A tuple, because one is made for every request."""

    policy: Policy
    allowed: bool
    debt: int

    @property
    def wait_seconds(self) -> int:
        """How long a refused caller waits."""
        return self.policy.pace.wait_seconds(self.debt)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """`RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10).

        `t` of a refusal is the moment of its Retry-After, else that of the whole quota.
        """
        policy, pace = self.policy, self.policy.pace
        left = pace.remaining(self.debt) if self.allowed else 0
        reset = pace.reset_seconds(self.debt) if self.allowed else self.wait_seconds
        return [
            policy.field,
            (b"ratelimit", f'"{policy.name}";r={left};t={reset}'.encode()),
        ]


class Limiter:
    """The limits of one service in one process."""

    def __init__(
        self,
        policies: Mapping[str, Policy],
        memory: MemoryCounts,
        *,
        callers: Callers | None = None,
        shared: Counts | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """`shared` is asked first where there is one. `seconds` never go back."""
        self.policies = policies
        self.callers = callers or Callers()
        self._memory = memory
        self._shared = shared
        self._seconds = seconds
        self._away_until = 0.0
        self._is_away = False
        self._told_at: float | None = None

    @classmethod
    def of(
        cls, coffer: CofferSettings, service: str, *, clock: Clock | None = None, stack: AsyncExitStack | None = None
    ) -> "Limiter":
        """By the settings; connections to Redis are closed with `stack`, and without one there are none."""
        shared = None
        if coffer.redis_url is not None and stack is not None:
            from coffer_chassis.limits.redis import RedisCounts  # noqa: PLC0415  # a tenth of a second, for those who use it

            shared = RedisCounts(coffer.redis_url.get_secret_value(), service)
            stack.push_async_callback(shared.close)
        memory = MemoryCounts(clock or SystemClock())
        return cls(policies_of(coffer), memory, callers=Callers(coffer.trusted_proxies), shared=shared)

    @property
    def place(self) -> Place:
        """Where is counted, as long as it is there."""
        return "process" if self._shared is None else "redis"

    async def take(self, policy: Policy, bucket: Bucket) -> Verdict:
        """Count one request. Never raises because of the shared place: while it is away, this process counts for itself."""
        if self._shared is not None and self._may_ask():
            try:
                allowed, debt = await self._shared.take(policy, bucket)
            except CountsAway as error:
                self._tell(error)
            else:
                self._is_away = False
                return self._judged(policy, allowed=allowed, debt=debt)
        return self.take_here(policy, bucket)

    def take_here(self, policy: Policy, bucket: Bucket) -> Verdict:
        """Count one request in this process."""
        allowed, debt = self._memory.take_now(policy, bucket)
        return self._judged(policy, allowed=allowed, debt=debt)

    async def limited(self) -> tuple[Place, list[Limited]]:
        """Where it was looked up, and who is limited."""
        place: Place = self.place
        try:
            found = await (self._shared or self._memory).refused()
        except CountsAway as error:
            self._tell(error)
            place, found = "process", await self._memory.refused()
        return place, [Limited(one.bucket.policy, one.bucket.who, one.since, one.until, one.refused) for one in found]

    async def lift(self, policy: str, who: str) -> int | None:
        """Forget what was counted of somebody; how often they were refused, None if they were not. Raises CountsAway."""
        kind, _, name = who.partition("/")
        bucket = Bucket(policy, kind, name)
        here = await self._memory.lift(bucket)
        there = await self._shared.lift(bucket) if self._shared is not None else None
        return here if there is None else there + (here or 0)

    def bucket(self, policy: Policy, scope: Any, path: str | None) -> Bucket | None:
        """Whom a request is counted under: see `limited`. None where nothing tells callers apart."""
        if path is not None:
            # It may open a link, and nobody who looks at limits should be able to.
            digest = hashlib.sha256(str(scope["path_params"].get(path)).encode(errors="surrogatepass"))
            return Bucket(policy.name, "path", digest.hexdigest()[:32])
        caller: Any = scope.get("user")
        if caller is None:
            network = self.callers.network(scope)
            return None if network is None else Bucket(policy.name, "address", network)
        if caller.kind == "token":
            return Bucket(policy.name, "token", caller.session_id)
        if caller.kind == "link":
            # One visitor must not use up what others may do; and one who opens the link again and again stays one.
            return Bucket(policy.name, "link", f"{caller.user_id}@{self.callers.network(scope)}")
        return Bucket(policy.name, "user", caller.user_id)

    def _judged(self, policy: Policy, *, allowed: bool, debt: int) -> Verdict:
        if not allowed:
            REQUESTS_LIMITED.labels(policy.name).inc()
        return Verdict(policy, allowed, debt)

    def _may_ask(self) -> bool:
        if not self._is_away:
            return True
        if self._seconds() < self._away_until:
            return False
        self._away_until = self._seconds() + AWAY_SECONDS  # one looks, all others go on
        return True

    def _tell(self, error: CountsAway) -> None:
        now = self._seconds()
        self._is_away, self._away_until = True, now + AWAY_SECONDS
        if self._told_at is None or now - self._told_at >= TELL_SECONDS:
            self._told_at = now
            log.warning("shared_limits_away", error=str(error), meaning="each process counts for itself")
