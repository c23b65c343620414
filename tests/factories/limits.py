"""Limiters in tests: by default so wide that only tests about limits meet them, and a time that is told."""

from collections.abc import Mapping
from typing import Any

from coffer_chassis.callers import Callers
from coffer_chassis.limits import Limiter
from coffer_chassis.limits.counts import Counts
from coffer_chassis.limits.memory import MemoryCounts
from coffer_chassis.limits.policies import NAMES, Policy
from coffer_chassis.testing import FixedClock

WIDE = 1_000_000
"""Requests a minute."""


class Told:
    """A clock, and the microseconds of a limiter beside it; both move only when told to."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.microseconds = 1_000_000_000

    def __call__(self) -> int:
        return self.microseconds

    def seconds(self) -> float:
        """The same as seconds."""
        return self.microseconds / 1_000_000

    def advance(self, seconds: float) -> None:
        """Move both; back as well."""
        self.clock.advance(seconds=seconds)
        self.microseconds += round(seconds * 1_000_000)


def limiter_of(
    time: Told | None = None,
    *,
    trusted_proxies: tuple[str, ...] = (),
    shared: Counts | None = None,
    per_minute: Mapping[str, int] | None = None,
) -> Limiter:
    """A limiter of one process: quotas by policy, 0 for none, wide where nothing is said."""
    time = time or Told()
    quotas = dict.fromkeys(NAMES, WIDE) | dict(per_minute or {})
    policies = {name: Policy.of(name, quota) for name, quota in quotas.items() if quota}
    options: dict[str, Any] = {"callers": Callers(trusted_proxies), "shared": shared, "seconds": time.seconds}
    return Limiter(policies, MemoryCounts(time.clock, time), **options)
