"""What auth does on the side: forgets sessions that ended long ago, sign-ins nobody finished, and counters nobody needs."""

from datetime import timedelta

from coffer_auth.domain import emails as emails_rules
from coffer_auth.handlers.deps import Deps
from coffer_auth.store import access_tokens, attempts, emails, mfa, sessions
from coffer_chassis.forgetting import SLICE
from coffer_chassis.housekeeping import Job

KEPT_AFTER_END = timedelta(days=7)
"""As long as a stolen refresh token of an ended session is answered with that, and not as unknown."""


def jobs(deps: Deps) -> tuple[Job, ...]:
    """Each is safe at once and twice."""

    async def forget_sessions() -> None:
        gone = SLICE
        while gone >= SLICE:
            async with deps.work.engine.begin() as connection:
                gone = await sessions.forget_ended_before(connection, deps.work.clock.now() - KEPT_AFTER_END)

    async def forget_attempts() -> None:
        swept = attempts.SWEPT_AT_ONCE
        while swept == attempts.SWEPT_AT_ONCE:
            async with deps.work.engine.begin() as connection:
                swept = await attempts.sweep(connection, deps.work.clock.now())

    async def forget_challenges() -> None:
        async with deps.work.engine.begin() as connection:
            await mfa.forget_challenges(connection, deps.work.clock.now())

    async def forget_tokens() -> None:
        gone = SLICE
        while gone >= SLICE:
            async with deps.work.engine.begin() as connection:
                gone = await access_tokens.forget_ended_before(connection, deps.work.clock.now() - KEPT_AFTER_END)

    async def forget_links() -> None:
        gone = SLICE
        while gone >= SLICE:
            async with deps.work.engine.begin() as connection:
                gone = await emails.forget_links(connection, deps.work.clock.now() - emails_rules.KEPT_AFTER_END)

    return (
        Job("forget_access_tokens", forget_tokens, 3600),
        Job("forget_links", forget_links, 3600),
        Job("forget_login_challenges", forget_challenges, 60),
        Job("forget_sessions", forget_sessions, 3600),
        Job("forget_login_attempts", forget_attempts, 60),
    )
