"""Sessions that end in one process of auth, seen from another one and after a restart."""

from coffer_auth.domain.sessions import ACCESS_LIFE
from coffer_auth.handlers import sessions
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.ended import refresh_ended, watches
from coffer_auth.handlers.sessions import Login
from coffer_chassis.identity import Principal
from coffer_chassis.testing import FixedClock
from factories.accounts import HOME, PASSWORD, auth_deps, origin, registered


async def signed_out(deps: Deps) -> str:
    """A session that has just ended here; its id."""
    user = await registered(deps)
    pair = await sessions.login(Login(user.username, PASSWORD, None, HOME), origin(), deps)
    who = Principal("user", user.id, pair.session.id, user.scopes, pair.expires_at)
    await sessions.logout(who, origin(), deps)
    return pair.session.id


async def test_another_process_refuses_what_ended_here_as_soon_as_it_looks(url: str, deps: Deps, clock: FixedClock) -> None:
    async with auth_deps(url, clock=clock) as other:
        session_id = await signed_out(deps)
        assert session_id in deps.revocations
        assert session_id not in other.revocations
        (job,) = watches(other)
        assert job.every_seconds == 2
        for _ in range(2):
            await job.run()
        assert session_id in other.revocations


async def test_what_has_expired_by_itself_is_not_looked_at(url: str, deps: Deps, clock: FixedClock) -> None:
    session_id = await signed_out(deps)
    clock.advance(seconds=ACCESS_LIFE.total_seconds() + 4)
    async with auth_deps(url, clock=clock) as late:
        await refresh_ended(late)
        assert session_id in late.revocations
    clock.advance(seconds=2)
    async with auth_deps(url, clock=clock) as later:
        await refresh_ended(later)
        assert session_id not in later.revocations
