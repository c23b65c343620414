"""Step-up: whoever changes security settings has proved within 15 minutes who they are.

Commands call `require_proof` inside their unit. Those whose request carries the password, a code or both call `prove` with what
they do as `then`: what was shown counts as the proof.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_auth.domain.attempts import Counter, Standing, seconds_until_allowed
from coffer_auth.domain.step_up import Proofs
from coffer_auth.handlers import codes
from coffer_auth.handlers.codes import Shown
from coffer_auth.handlers.deps import Deps
from coffer_auth.store import attempts, mfa, users
from coffer_auth.store import step_up as store
from coffer_chassis.callers import Caller
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.problems import (
    InvalidCredentials,
    MfaInvalid,
    Problem,
    StepUpRequired,
    TooManyAttempts,
    Unauthenticated,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asker:
    """Who wants to change something, from where."""

    principal: Principal
    caller: Caller
    origin: Origin


async def require_proof(connection: AsyncConnection, principal: Principal, now: datetime) -> Proofs:
    """What the caller's session has proved lately. Raises StepUpRequired, or Unauthenticated if the session has ended.

    To be called in the transaction that changes the setting.
    """
    proofs = await store.proofs_of(connection, principal.session_id, principal.user_id, now)
    if proofs is None:
        raise Unauthenticated("The session has ended.")
    if not proofs.fresh(now):
        raise StepUpRequired("Prove with POST /v1/auth/step-up that it is you, then repeat this.", methods=proofs.methods)
    return proofs


async def prove(shown: Shown, asker: Asker, deps: Deps, then: Callable[[Unit], Awaitable[T]]) -> T:
    """Check what was shown, write it down as the session's proof, and run `then` in the same unit.

    Raises InvalidCredentials, MfaInvalid, TooManyAttempts, Unavailable; and StepUpRequired if what was shown now and lately
    is not all that is needed. What `then` raises undoes everything, the use of a code included. Wrong ones are counted per
    session.
    """
    principal = asker.principal
    counter = attempts.proof_counter(principal.session_id)
    counted = await refuse_if_exhausted(counter, deps)
    matches = shown.password is None or await _matches(shown.password, principal, deps)
    async with deps.work.unit(asker.origin) as unit:
        # The account before its factor and its sessions, as everybody does who locks several of them. And so proofs of one
        # account are judged one at a time: many guesses at once are counted like many in a row.
        await users.lock_user(unit.connection, principal.user_id)
        await _refuse_if_exhausted(unit.connection, counter, unit.now)
        refusal = await _refusal(matches, shown, asker, unit, deps)
        if refusal is None:
            await store.prove(
                unit.connection, principal.session_id, unit.now, password=shown.password is not None, code=shown.any_code
            )
            if counted:
                await attempts.forget(unit.connection, counter)
            await require_proof(unit.connection, principal, unit.now)
            return await then(unit)
        await attempts.count_failure(unit.connection, counter, unit.now)
    raise refusal


async def refuse_if_exhausted(counter: Mapping[Counter, bytes], deps: Deps) -> bool:
    """Whether anything was counted there in this window. Raises TooManyAttempts if it was too much."""
    async with deps.work.read() as connection:
        return await _refuse_if_exhausted(connection, counter, deps.work.clock.now())


async def _refuse_if_exhausted(connection: AsyncConnection, counter: Mapping[Counter, bytes], now: datetime) -> bool:
    counts = await attempts.counts(connection, counter, now)
    if wait := seconds_until_allowed(counts, now, Standing.SIGNED_IN):
        raise TooManyAttempts("Too many wrong passwords or codes. Wait and try again.", retry_after_seconds=wait)
    return bool(counts)


async def step_up(shown: Shown, asker: Asker, deps: Deps) -> tuple[datetime, list[str]]:
    """Renew the session's proof; until when it counts, and with what it is renewed. Raises as `prove`."""

    async def then(unit: Unit) -> Proofs:
        return await require_proof(unit.connection, asker.principal, unit.now)

    proofs = await prove(shown, asker, deps, then)
    return proofs.valid_until() or deps.work.clock.now(), proofs.methods


async def _matches(password: str, principal: Principal, deps: Deps) -> bool:
    async with deps.work.read() as connection:
        hashed = await users.hash_of(connection, principal.user_id)
    return await deps.hashing.verify(password, hashed)


async def _refusal(matches: bool, shown: Shown, asker: Asker, unit: Unit, deps: Deps) -> Problem | None:  # noqa: FBT001
    if not matches:
        return InvalidCredentials("The password is wrong.")
    if not shown.any_code:
        return None
    factor = await mfa.lock_factor(unit.connection, asker.principal.user_id)
    right = factor.on and await codes.accept(shown, factor, asker.caller, unit, deps)
    return None if right else MfaInvalid()
