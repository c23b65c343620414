"""Whether one more sign-in may be tried: looked up before the password is, and the same for names that do not exist."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_auth.domain.attempts import AttemptCount, Counter, Standing, seconds_until_allowed
from coffer_auth.store import attempts, sessions
from coffer_auth.tokens import digest_of
from coffer_chassis.callers import Caller
from coffer_contracts.ids import UserId
from coffer_contracts.problems import TooManyAttempts


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt as the counters stand before it."""

    keys: dict[Counter, bytes]
    counts: dict[Counter, AttemptCount]
    standing: Standing

    def refuse_if_exhausted(self, now: datetime) -> None:
        """Raises TooManyAttempts."""
        if wait := seconds_until_allowed(self.counts, now, self.standing):
            raise TooManyAttempts("Too many failed sign-ins. Wait and try again.", retry_after_seconds=wait)


async def attempt_at(
    connection: AsyncConnection, login: str, user_id: UserId, caller: Caller, known_device: str | None, now: datetime
) -> Attempt:
    """The attempt of `caller` to sign in as `login`, which names `user_id`, or nobody. `known_device` is a refresh token."""
    device = None if known_device is None else await sessions.session_of(connection, user_id, digest_of(known_device))
    keys = attempts.counters(login, caller.network, device)
    counts = await attempts.counts(connection, keys, now)
    standing = Standing.STRANGER if device is None else Standing.KNOWN_DEVICE
    if standing is Standing.STRANGER and seconds_until_allowed(counts, now):
        networks = await sessions.networks_of(connection, user_id)
        if caller.network is not None and caller.network in networks:
            standing = Standing.KNOWN_NETWORK
    return Attempt(keys, counts, standing)
