"""What two places that count have in common: whom they count, and who is limited at this moment."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from coffer_chassis.limits.policies import Policy

MOST_SHOWN = 500
"""Of those who are limited; those whose limit ends last are shown."""


class CountsAway(Exception):
    """The place cannot be asked at this moment."""


class Bucket(NamedTuple):
    """What is counted together. A tuple, because one is made for every request."""

    policy: str
    kind: str
    """`user`, `token`, `link`, `address` or `path`."""
    name: str

    @property
    def who(self) -> str:
        """As operators read and name it."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Refused:
    """Somebody who was refused and has not their whole quota back. It is one such time however often they are refused in it."""

    bucket: Bucket
    since: datetime
    """Of the first refusal."""
    until: datetime
    """When it will be over if nothing more is asked."""
    refused: int


class Counts(Protocol):
    """A place to count in."""

    async def take(self, policy: Policy, bucket: Bucket) -> tuple[bool, int]:
        """Count one request: whether it is allowed, and the debt after it in microseconds. One atomic step.

        Raises CountsAway where the place is not this process.
        """

    async def refused(self) -> list[Refused]:
        """Who is limited, those whose limit ends last first; at most MOST_SHOWN. Raises CountsAway."""

    async def lift(self, bucket: Bucket) -> int | None:
        """Forget what was counted; how often they were refused, None if they were not. Safe to run twice.

        Raises CountsAway.
        """
