"""Callers, a verifier that knows them by token, and a client for an app built in a test."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from litestar import Litestar
from litestar.testing import TestClient

from coffer_chassis.access_rules import Caller, CallerKind
from coffer_chassis.http import build_app
from coffer_contracts.problems import TokenExpired, Unauthenticated, Unavailable
from factories.doors import behind_a_door


@dataclass(frozen=True)
class Person:
    """A principal as the gate sees it."""

    kind: CallerKind = "user"
    user_id: str = "0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11"
    session_id: str = "0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a22"
    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()


ALICE = Person()

CALLERS: dict[str, Person] = {
    "alice": ALICE,
    "token-read": Person(kind="token", scopes=frozenset({"files:read"})),
    "token-bare": Person(kind="token"),
    "link": Person(kind="link", scopes=frozenset({"files:read"})),
    "operator": Person(kind="operator"),
    "alice-operator": Person(roles=frozenset({"operator"})),
    "token-operator": Person(kind="token", roles=frozenset({"operator"})),
    "token-admin-read": Person(kind="token", scopes=frozenset({"admin:read"}), roles=frozenset({"operator"})),
    "token-admin-write": Person(kind="token", scopes=frozenset({"admin:read", "admin:write"}), roles=frozenset({"operator"})),
    "token-pretender": Person(kind="token", scopes=frozenset({"admin:read", "admin:write"})),
}


class KnownTokens:
    """Verifies the tokens of `CALLERS`; `expired` and `no-keys` fail as real ones would."""

    async def verify(self, token: str, /) -> Caller:
        if token == "expired":
            raise TokenExpired
        if token == "no-keys":
            raise Unavailable("no key set was ever loaded")
        if token not in CALLERS:
            raise Unauthenticated
        return CALLERS[token]


def signed(token: str = "alice") -> dict[str, str]:
    """The header of a signed-in request."""
    return {"Authorization": f"Bearer {token}"}


def app_of(*route_handlers: Any, **options: Any) -> Litestar:
    """An app with the test verifier, a problem base that is easy to recognise, and `options` of `build_app`."""
    settings: dict[str, Any] = {
        "service": "test",
        "verifier": KnownTokens(),
        "problem_base": "https://coffer.test/docs",
    } | options
    return build_app(route_handlers=list(route_handlers), **settings)


@contextmanager
def client_of(*route_handlers: Any, **options: Any) -> Iterator[TestClient[Litestar]]:
    """A client that sees failures as answers, as the world does."""
    with TestClient(app_of(*route_handlers, **options), raise_server_exceptions=False) as client:
        yield client


@asynccontextmanager
async def served(app: Litestar) -> AsyncIterator[str]:
    """The address of `app` on a real server and a real socket."""
    async with behind_a_door(app) as port:
        yield f"http://127.0.0.1:{port}"
