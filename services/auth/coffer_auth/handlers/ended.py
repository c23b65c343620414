"""What every process of auth must know of sessions that another one has ended: auth hears none of its own facts."""

from coffer_auth.domain.sessions import ACCESS_LIFE
from coffer_auth.handlers.deps import Deps
from coffer_auth.store.ended import ended_since
from coffer_chassis.housekeeping import Job
from coffer_chassis.identity import LEEWAY
from coffer_chassis.revocations import REFRESH_SECONDS


async def refresh_ended(deps: Deps) -> None:
    """Refuse the tokens of all sessions that ended early and whose tokens have not expired yet.

    To run before the first request and every REFRESH_SECONDS from then on, in every process that verifies tokens.
    """
    now = deps.work.clock.now()
    async with deps.work.read() as connection:
        ended = await ended_since(connection, now - ACCESS_LIFE - LEEWAY)
    for session_id, revoked_at in ended:
        deps.revocations.add(session_id, revoked_at + ACCESS_LIFE)


def watches(deps: Deps) -> tuple[Job, ...]:
    """What every process repeats, also one that only answers requests."""
    return (Job("refresh_ended", lambda: refresh_ended(deps), REFRESH_SECONDS),)
