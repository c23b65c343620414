"""Signed-in devices: listing them and signing them out, one or all."""

from collections.abc import Iterable
from datetime import datetime

from coffer_auth.domain.sessions import ACCESS_LIFE, Device, RevocationReason, Session
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.step_up import require_proof
from coffer_auth.store import sessions
from coffer_chassis.callers import Caller
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import SessionRevokedV1
from coffer_contracts.ids import SessionId, UserId
from coffer_contracts.problems import NotFound


async def list_devices(principal: Principal, deps: Deps, *, before: SessionId | None, limit: int) -> list[Device]:
    """A page of the person's living sessions, the latest sign-in first."""
    async with deps.work.read() as connection:
        return await sessions.devices_of(connection, principal.user_id, deps.work.clock.now(), before=before, limit=limit)


async def sign_out_device(principal: Principal, session_id: SessionId, caller: Caller, origin: Origin, deps: Deps) -> None:
    """End one session of the person, their own or another.

    Raises NotFound for what has ended, or is somebody else's; for another than their own StepUpRequired, so that who holds a
    stolen session cannot shut its owner out and stay.
    """
    async with deps.work.unit(origin) as unit:
        if session_id != principal.session_id:
            await require_proof(unit.connection, principal, unit.now)
        ended = await end_sessions(unit, principal.user_id, "logout", caller=caller, only=session_id)
    if not ended:
        raise NotFound("There is no such session.")
    refuse_tokens(deps, ended, unit.now)


async def end_sessions(
    unit: Unit,
    user_id: UserId,
    reason: RevocationReason,
    *,
    caller: Caller | None = None,
    only: SessionId | None = None,
    but: SessionId | None = None,
) -> list[Session]:
    """End the person's living sessions, or `only` one, or all `but` one, and say so; those that ended by this.

    Call `refuse_tokens` with them when the unit has committed. Safe to run twice: what has ended stays ended.
    """
    ended = await sessions.revoke(unit.connection, user_id, reason, unit.now, only=only, but=but)
    for session in ended:
        unit.emit(revoked_fact(session, reason, unit.now, caller), sequence=session.revision, urgent=True)
    return ended


def refuse_tokens(deps: Deps, ended: Iterable[Session], now: datetime) -> None:
    """Access tokens of these sessions are refused here at once; other services hear of it."""
    for session in ended:
        deps.revocations.add(session.id, now + ACCESS_LIFE)


def revoked_fact(session: Session, reason: RevocationReason, now: datetime, caller: Caller | None = None) -> SessionRevokedV1:
    """The fact that a session ended early, by whoever called."""
    return SessionRevokedV1(
        session_id=session.id,
        user_id=session.user_id,
        reason=reason,
        address=caller.address if caller else None,
        agent=caller.agent if caller else None,
        revoked_at=now,
        tokens_expire_at=now + ACCESS_LIFE,
    )
