"""Somebody who is signed in to an auth under test: what they ask for by HTTP, and who they are to handlers."""

from dataclasses import dataclass
from typing import Any

import httpx

from coffer_auth.domain.accounts import User
from coffer_auth.handlers import sessions
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.sessions import Login, TokenPair
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from factories.accounts import HOME, PASSWORD, origin, registered


@dataclass
class SignedIn:
    """An account with a session of its own."""

    user: User
    pair: TokenPair

    @property
    def principal(self) -> Principal:
        """As the gate knows them."""
        user = self.pair.user
        roles = frozenset(user.roles)
        return Principal("user", user.id, self.pair.session.id, user.scopes, self.pair.expires_at, user.username, roles)

    @property
    def headers(self) -> dict[str, str]:
        """What their requests carry."""
        return {"Authorization": f"Bearer {self.pair.access_token}"}

    @property
    def origin(self) -> Origin:
        """What their requests set off."""
        plain = origin()
        return Origin(self.user.id, "user", plain.correlation_id)

    async def asks(self, http: httpx.AsyncClient, method: str, path: str, **more: Any) -> httpx.Response:
        """A request of theirs."""
        return await http.request(method, path, headers=self.headers | more.pop("headers", {}), **more)


async def signed_in(deps: Deps, username: str = "", *, password: str = PASSWORD) -> SignedIn:
    """Register and sign in."""
    user = await registered(deps, username, password=password)
    return await again(deps, user, password=password)


async def again(deps: Deps, user: User, *, password: str = PASSWORD) -> SignedIn:
    """Another session of an account: it stands in the token as it stands now."""
    return SignedIn(user, await sessions.login(Login(user.username, password, None, HOME), origin(), deps))
