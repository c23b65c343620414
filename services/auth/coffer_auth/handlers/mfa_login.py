"""The second step of a sign-in."""

from coffer_auth.handlers import challenges
from coffer_auth.handlers.challenges import Answer
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.sessions import TokenPair, as_user, open_session, pair_of
from coffer_auth.store import users
from coffer_chassis.origin import Origin
from coffer_contracts.auth import LoginFailedV1
from coffer_contracts.problems import AccountSuspended, InvalidCredentials, Problem


async def login_with_code(answer: Answer, origin: Origin, deps: Deps) -> TokenPair:
    """Finish a sign-in whose password was right. Raises MfaInvalid, TooManyAttempts, AccountSuspended.

    A wrong code is a failed sign-in of the account, and told as one. Of two requests with the same code one succeeds.
    """
    opened = None
    async with deps.work.unit(origin) as unit:
        challenge, refusal = await challenges.judge(answer, unit, deps)
        user = await users.user_by_id(unit.connection, challenge.user_id) if challenge else None
        if user is not None and refusal is None:
            refusal = _standing(user.status)
        if user is not None and refusal is None:
            # The unit began as nobody's; from here on it is the person who acts.
            unit.origin = as_user(origin, user.id)
            device, password = (challenge.device_name, challenge.password_shown) if challenge else (None, False)
            session = await open_session(user.id, device, answer.caller, unit, password=password, code=True)
            opened = user, *session
        elif user is not None:
            failures = await users.count_login_failure(unit.connection, user.id)
            if failures is not None:
                fact = LoginFailedV1(
                    user_id=user.id,
                    reason=(refusal or InvalidCredentials()).code,
                    address=answer.caller.address,
                    agent=answer.caller.agent,
                    failed_at=unit.now,
                    failures=failures,
                )
                unit.emit(fact, sequence=failures)
    if opened is None:
        raise refusal or InvalidCredentials
    return await pair_of(*opened, deps)


def _standing(status: str) -> Problem | None:
    if status == "active":
        return None
    return AccountSuspended() if status == "suspended" else InvalidCredentials()
