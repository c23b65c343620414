"""Which personal access tokens were used here lately: noted in memory with every request, told now and then by `token_uses`.

No request waits for it, and no request writes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from coffer_chassis.clock import Clock
from coffer_contracts.ids import TokenId, UserId

TOLD_EVERY = timedelta(minutes=15)
"""Of one token, by one process: what a list of tokens shows may be so old."""
MOST = 10_000
"""Tokens in memory, about 200 bytes each; beyond that a use is not noted until others are forgotten."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A token, and when it was used last."""

    token_id: TokenId
    user_id: UserId
    used_at: datetime


class Sightings:
    """What one process saw. Not for threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[str, Sighting] = {}
        self._told: dict[str, datetime] = {}

    def note(self, token_id: str, user_id: UserId) -> None:
        """The token was used now. Called with every request that shows one."""
        if token_id in self._seen or len(self._seen) < MOST:
            self._seen[token_id] = Sighting(TokenId(token_id), user_id, self._clock.now())

    def due(self) -> list[Sighting]:
        """What was used and not told within TOLD_EVERY."""
        since = self._clock.now() - TOLD_EVERY
        self._told = {token_id: at for token_id, at in self._told.items() if at > since}
        return [sighting for token_id, sighting in self._seen.items() if token_id not in self._told]

    def tell(self, told: Iterable[Sighting]) -> None:
        """These were told; what was used since then stays. May be called twice."""
        now = self._clock.now()
        for sighting in told:
            self._told[sighting.token_id] = now
            if self._seen.get(sighting.token_id) == sighting:
                del self._seen[sighting.token_id]
