"""Signed-in devices: signing them out, one or all."""

from collections.abc import Iterable
from datetime import datetime

from coffer_auth.domain.sessions import ACCESS_LIFE, RevocationReason, Session
from coffer_auth.handlers.deps import Deps
from coffer_auth.store import sessions
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import SessionRevokedV1
from coffer_contracts.ids import SessionId, UserId


async def end_sessions(
    unit: Unit, user_id: UserId, reason: RevocationReason, *, only: SessionId | None = None
) -> list[Session]:
    """End the person's living sessions, or `only` one, and say so; those that ended by this.

    Call `refuse_tokens` with them when the unit has committed. Safe to run twice: what has ended stays ended.
    """
    ended = await sessions.revoke(unit.connection, user_id, reason, unit.now, only=only)
    for session in ended:
        unit.emit(revoked_fact(session, reason, unit.now), sequence=session.revision)
    return ended


def refuse_tokens(deps: Deps, ended: Iterable[Session], now: datetime) -> None:
    """Access tokens of these sessions are refused here at once; other services hear of it."""
    for session in ended:
        deps.revocations.add(session.id, now + ACCESS_LIFE)


def revoked_fact(session: Session, reason: RevocationReason, now: datetime) -> SessionRevokedV1:
    """The fact that a session ended early."""
    return SessionRevokedV1(
        session_id=session.id,
        user_id=session.user_id,
        reason=reason,
        revoked_at=now,
        tokens_expire_at=now + ACCESS_LIFE,
    )
