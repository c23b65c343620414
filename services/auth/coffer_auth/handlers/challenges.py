"""Sign-ins that have shown the password and owe a code: beginning and carrying one on.

Their tokens are opaque and open nothing but the next step, once, for a few minutes, to a caller in the same network.
"""

from dataclasses import dataclass
from datetime import datetime

from coffer_auth.domain.mfa import CHALLENGE_LIFE, Challenge, Factor, wait_after
from coffer_auth.domain.step_up import CODE_METHODS
from coffer_auth.handlers import codes
from coffer_auth.handlers.codes import Shown
from coffer_auth.handlers.deps import Deps
from coffer_auth.store import mfa, users
from coffer_auth.tokens import digest_of, new_challenge_token
from coffer_chassis.answers import timestamp
from coffer_chassis.callers import Caller
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import UserId
from coffer_contracts.problems import MfaInvalid, MfaRequired, Problem, TooManyAttempts


@dataclass(frozen=True, slots=True)
class Answer:
    """Somebody carries a sign-in on."""

    challenge_token: str
    shown: Shown
    caller: Caller


async def begin(unit: Unit, user_id: UserId, device_name: str | None, caller: Caller, *, password: bool) -> MfaRequired | None:
    """If the account has a second factor, the refusal that asks for it, to be raised once the unit has committed."""
    if not (await mfa.factor_of(unit.connection, user_id)).on:
        return None
    token, expires_at = new_challenge_token(), unit.now + CHALLENGE_LIFE
    challenge = Challenge(user_id, device_name, caller.network, 0, expires_at, password)
    await mfa.insert_challenge(unit.connection, digest_of(token), challenge)
    return MfaRequired(
        "Show a code at POST /v1/auth/login/mfa.",
        mfa_token=token,
        methods=list(CODE_METHODS),
        expires_at=timestamp(expires_at),
    )


async def judge(answer: Answer, unit: Unit, deps: Deps) -> tuple[Challenge | None, Problem | None]:
    """Whose sign-in the token stands for, if it may be carried on, and why it may not go on.

    The refusal is to be raised after the commit, which counts the try. A right answer ends the challenge. Wrong time-based
    codes make the account wait, longer each time; recovery codes never wait, so that nobody who knows a password can keep its
    owner out.
    """
    digest = digest_of(answer.challenge_token)
    begun = await mfa.challenge_of(unit.connection, digest)
    # The account before its factor, as everybody does who locks both: whoever shuts or resets it waits for nothing of ours.
    # A challenge that was ended while this one waited is gone when read again.
    if begun is not None:
        await users.lock_user(unit.connection, begun.user_id)
    factor = await mfa.lock_factor(unit.connection, begun.user_id) if begun else None
    challenge = await mfa.challenge_of(unit.connection, digest)
    if factor is None or challenge is None or not challenge.open_to(answer.caller.network, unit.now):
        return None, MfaInvalid("The sign-in has expired or was begun elsewhere. Begin again with the password.")
    guessable = answer.shown.code is not None
    if guessable and factor.refused_until is not None and unit.now < factor.refused_until:
        wait = int((factor.refused_until - unit.now).total_seconds()) + 1
        return None, TooManyAttempts("Too many wrong codes. Wait, or show a recovery code.", retry_after_seconds=wait)
    if factor.on and await codes.accept(answer.shown, factor, answer.caller, unit, deps):
        await mfa.end_challenge(unit.connection, digest)
        await mfa.change_factor(unit.connection, factor.user_id, failures=0, refused_until=None)
        return challenge, None
    await mfa.count_try(unit.connection, digest)
    if guessable:
        await _count_failure(factor, unit.now, unit)
    return challenge, MfaInvalid()


async def _count_failure(factor: Factor, now: datetime, unit: Unit) -> None:
    failures = factor.failures + 1
    wait = wait_after(failures)
    await mfa.change_factor(unit.connection, factor.user_id, failures=failures, refused_until=now + wait if wait else None)
