"""Second factors in tests: an authenticator that knows the time of the test, and accounts that have one."""

from dataclasses import dataclass
from datetime import timedelta

import pyotp

from coffer_auth.domain.access_tokens import AccessToken
from coffer_auth.domain.accounts import User
from coffer_auth.domain.mfa import step_of
from coffer_auth.handlers import access_tokens, mfa, sessions
from coffer_auth.handlers.access_tokens import Wish
from coffer_auth.handlers.codes import Shown
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.sessions import Login, TokenPair
from coffer_auth.handlers.step_up import Asker
from coffer_chassis.clock import Clock
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from factories.accounts import HOME, PASSWORD, origin, registered


@dataclass
class App:
    """An authenticator app that holds one secret."""

    secret: str
    clock: Clock

    def code(self, steps: int = 0) -> str:
        """The code of the present half minute, or of so many before or after it."""
        return pyotp.TOTP(self.secret).generate_otp(step_of(self.clock.now()) + steps)

    def wrong(self) -> str:
        """Six digits that are no code of now."""
        near = {self.code(steps) for steps in (-1, 0, 1)}
        return next(code for code in ("000000", "111111", "222222", "333333") if code not in near)


@dataclass
class Member:
    """An account, its session, and its app with recovery codes."""

    user: User
    pair: TokenPair
    app: App
    recovery_codes: list[str]

    @property
    def asker(self) -> Asker:
        """The person, from home."""
        return asker_of(self.pair)


def asker_of(pair: TokenPair) -> Asker:
    """Who holds the pair, from home."""
    principal = Principal("user", pair.user.id, pair.session.id, pair.user.scopes, pair.expires_at, pair.user.username)
    return Asker(principal, HOME, Origin(pair.user.id, "user", origin().correlation_id))


async def token_of(deps: Deps, asker: Asker, *scopes: str, days: int = 30) -> AccessToken:
    """A personal access token; it may read files unless said otherwise."""
    expires_at = deps.work.clock.now() + timedelta(days=days)
    wish = Wish("a script", scopes or ("files:read",), expires_at, (await deps.keys.current()).id)
    async with deps.work.unit(asker.origin) as unit:
        return await access_tokens.create(wish, asker, unit)


async def signed_in(deps: Deps, user: User) -> TokenPair:
    """A session by password alone."""
    return await sessions.login(Login(user.username, PASSWORD, "a test", HOME), origin(), deps)


async def member(deps: Deps, clock: Clock) -> Member:
    """Somebody whose second factor is on. The step before the present one was used for that."""
    user = await registered(deps)
    pair = await signed_in(deps, user)
    asker = asker_of(pair)
    setup = await mfa.begin_totp(Shown(password=PASSWORD), user.username, asker, deps)
    app = App(setup.secret, clock)
    return Member(user, pair, app, await mfa.confirm_totp(app.code(-1), asker, deps))
