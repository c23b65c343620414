"""Codes that are shown: whether one is right, spending it if it is."""

from dataclasses import dataclass

from coffer_auth.domain.mfa import Factor
from coffer_auth.handlers.deps import Deps
from coffer_auth.store import mfa
from coffer_auth.totp import recovery_digest
from coffer_chassis.callers import Caller
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth_factors import MfaRecoveryUsedV1


@dataclass(frozen=True, slots=True)
class Shown:
    """What somebody shows to prove who they are. Never logged, so it shows nothing of itself."""

    password: str | None = None
    code: str | None = None
    recovery_code: str | None = None

    @property
    def any_code(self) -> bool:
        """Whether a code of either kind is among it."""
        return self.code is not None or self.recovery_code is not None

    def __repr__(self) -> str:
        return "Shown(...)"


async def accept(shown: Shown, factor: Factor, caller: Caller, unit: Unit, deps: Deps) -> bool:
    """Whether the code is right. `factor` is locked by the unit, so each code is taken once, whichever process it meets.

    If both kinds are shown, the time-based code alone counts.
    """
    if shown.code is not None:
        step = deps.totp.accepted_step(factor, shown.code, unit.now)
        if step is None:
            return False
        await mfa.change_factor(unit.connection, factor.user_id, last_step=step)
        return True
    if shown.recovery_code is None:
        return False
    digest = recovery_digest(factor.user_id, shown.recovery_code)
    if not await mfa.use_code(unit.connection, factor.user_id, digest, unit.now):
        return False
    used = MfaRecoveryUsedV1(
        user_id=factor.user_id,
        codes_count=await mfa.codes_left(unit.connection, factor.user_id),
        address=caller.address,
        agent=caller.agent,
        used_at=unit.now,
    )
    unit.emit(used, sequence=await mfa.next_revision(unit.connection, factor.user_id))
    return True
