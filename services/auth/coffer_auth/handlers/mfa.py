"""Commands about the second factor of an account: setting it up, turning it off, new recovery codes, resetting it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from coffer_auth.domain.mfa import Factor
from coffer_auth.handlers import codes
from coffer_auth.handlers.codes import Shown
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.step_up import Asker, prove, refuse_if_exhausted, require_proof
from coffer_auth.store import attempts, mfa, step_up, users
from coffer_auth.totp import Setup, new_recovery_codes, recovery_digest
from coffer_chassis.callers import Caller
from coffer_chassis.identity import Principal
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth_factors import MfaCodesRotatedV1, MfaDisabledV1, MfaEnabledV1
from coffer_contracts.ids import UserId
from coffer_contracts.problems import MfaInvalid, NotFound, StateConflict, Unauthenticated

TOTP = "totp"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person may know of their second factor."""

    on: bool
    since: datetime | None
    codes_left: int
    methods: list[str]
    """With what a step-up is done."""
    proved_until: datetime | None
    """Until when security settings may change without another step-up; may lie in the past."""


async def standing(principal: Principal, deps: Deps) -> Standing:
    """How the second factor and the session's proof stand. Raises Unauthenticated if the session has ended."""
    async with deps.work.read() as connection:
        factor = await mfa.factor_of(connection, principal.user_id)
        left = await mfa.codes_left(connection, principal.user_id)
        proofs = await step_up.proofs_of(connection, principal.session_id, principal.user_id, deps.work.clock.now())
    if proofs is None:
        raise Unauthenticated("The session has ended.")
    return Standing(factor.on, factor.confirmed_at, left, proofs.methods, proofs.valid_until())


async def begin_totp(shown: Shown, username: str, asker: Asker, deps: Deps) -> Setup:
    """A secret that counts once its first code was shown; an unconfirmed one before it is forgotten.

    Raises StateConflict if a second factor is on, and what `prove` raises.
    """
    user_id = asker.principal.user_id
    setup, sealed = deps.totp.new(user_id, username)

    async def then(unit: Unit) -> Setup:
        factor = await mfa.lock_factor(unit.connection, user_id)
        if factor.on:
            raise StateConflict("A second factor is on already; turn it off first.", state="on")
        await mfa.change_factor(unit.connection, user_id, sealed_secret=sealed, begun_at=unit.now)
        return setup

    return await prove(shown, asker, deps, then)


async def confirm_totp(code: str, asker: Asker, deps: Deps) -> list[str]:
    """Turn the second factor on with its first code; ten recovery codes, never shown again.

    Raises StateConflict unless a setup waits for its first code, MfaInvalid, TooManyAttempts, StepUpRequired. The code proves
    the session as well. Waiting sign-ins, which did not ask for a code, begin anew.
    """
    user_id, session_id = asker.principal.user_id, asker.principal.session_id
    counter = attempts.proof_counter(session_id)
    await refuse_if_exhausted(counter, deps)
    made = new_recovery_codes()
    async with deps.work.unit(asker.origin) as unit:
        await users.lock_user(unit.connection, user_id)
        await require_proof(unit.connection, asker.principal, unit.now)
        factor = await mfa.lock_factor(unit.connection, user_id)
        if not factor.waits_for_its_first_code(unit.now):
            raise StateConflict("No second factor waits for its first code.", state="on" if factor.on else "off")
        right = await codes.accept(Shown(code=code), factor, asker.caller, unit, deps)
        if right:
            await mfa.change_factor(unit.connection, user_id, confirmed_at=unit.now, failures=0, refused_until=None)
            await mfa.replace_codes(unit.connection, user_id, (recovery_digest(user_id, one) for one in made))
            await mfa.end_challenges_of(unit.connection, user_id)
            await step_up.prove(unit.connection, session_id, unit.now, password=False, code=True)
            enabled = MfaEnabledV1(
                user_id=user_id,
                codes_count=len(made),
                address=asker.caller.address,
                agent=asker.caller.agent,
                method=TOTP,
                enabled_at=unit.now,
            )
            unit.emit(enabled, sequence=await mfa.next_revision(unit.connection, user_id))
        else:
            await attempts.count_failure(unit.connection, counter, unit.now)
    if not right:
        raise MfaInvalid
    return made


async def disable_totp(shown: Shown, asker: Asker, deps: Deps) -> None:
    """Turn the second factor off. Raises NotFound if it is off, and what `prove` raises."""

    async def then(unit: Unit) -> None:
        if not await turn_off(unit, asker.principal.user_id, "person", asker.caller):
            raise NotFound

    async with deps.work.read() as connection:
        if not (await mfa.factor_of(connection, asker.principal.user_id)).on:
            raise NotFound
    await prove(shown, asker, deps, then)


async def rotate_codes(shown: Shown, asker: Asker, deps: Deps) -> list[str]:
    """Ten new recovery codes; the old ones are worth nothing any more. Raises StateConflict if no second factor is on."""
    user_id = asker.principal.user_id
    made = new_recovery_codes()

    async def then(unit: Unit) -> list[str]:
        await mfa.replace_codes(unit.connection, user_id, (recovery_digest(user_id, one) for one in made))
        rotated = MfaCodesRotatedV1(
            user_id=user_id,
            codes_count=len(made),
            address=asker.caller.address,
            agent=asker.caller.agent,
            rotated_at=unit.now,
        )
        unit.emit(rotated, sequence=await mfa.next_revision(unit.connection, user_id))
        return made

    async with deps.work.read() as connection:
        if not (await mfa.factor_of(connection, user_id)).on:
            raise StateConflict("No second factor is on.", state="off")
    return await prove(shown, asker, deps, then)


async def turn_off(unit: Unit, user_id: UserId, reason: Literal["person", "operator"], caller: Caller) -> bool:
    """Take the second factor away and say so; False if there was none. Safe to run twice. Also for operators' resets."""
    factor = await mfa.lock_factor(unit.connection, user_id)
    if not factor.on:
        return False
    await _forget(unit, factor)
    disabled = MfaDisabledV1(
        user_id=user_id,
        codes_count=0,
        address=caller.address,
        agent=caller.agent,
        method=TOTP,
        reason=reason,
        disabled_at=unit.now,
    )
    unit.emit(disabled, sequence=await mfa.next_revision(unit.connection, user_id))
    return True


async def _forget(unit: Unit, factor: Factor) -> None:
    # The last step belongs to the secret that goes: another one may be set up within the same half minute.
    gone = {"sealed_secret": None, "begun_at": None, "confirmed_at": None, "last_step": 0, "failures": 0, "refused_until": None}
    await mfa.change_factor(unit.connection, factor.user_id, **gone)
    await mfa.replace_codes(unit.connection, factor.user_id, ())
    await mfa.end_challenges_of(unit.connection, factor.user_id)
