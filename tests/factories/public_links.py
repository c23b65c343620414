"""Public links in tests of sharing: made by their owner, visited by nobody in particular."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt

from coffer_chassis.access_rules import TokenVerifier
from coffer_chassis.identity import Principal, Verifier
from coffer_chassis.limits import Limiter
from coffer_chassis.settings import CofferSettings
from coffer_chassis.signing.verifying import own_verifier
from coffer_sharing.app import TOPOLOGY, http_app
from factories.files import TokenIsUserId
from factories.one_app import app_over
from factories.operators import operations_of
from factories.sharing import PUBLIC, Item, Sharing


@dataclass
class Either(TokenVerifier):
    """Believes link sessions by sharing's own keys, and the ids that tests use for everybody else."""

    own: Verifier
    others: TokenIsUserId

    async def verify(self, token: str) -> Principal:
        """The caller."""
        if token.count(".") == 2:
            return await self.own.verify(token)
        return await self.others.verify(token)


def verifier_of(sharing: Sharing, home: Path) -> Verifier:
    """The one that the service builds for itself."""
    settings = CofferSettings(home=home)
    deps = sharing.deps
    return own_verifier(
        settings,
        deps.settings.issuer,
        ("link", "ticket"),
        deps.keys,
        sharing.clock,
        revocations=deps.denied.revocations,
    )


@dataclass
class Doors:
    """The service over HTTP with real link sessions."""

    sharing: Sharing
    verifier: Verifier
    limiter: Limiter | None = None

    def client(self, token: str | None = None, *, address: str = "192.0.2.7", agent: str = "curl/8") -> httpx.AsyncClient:
        """An HTTP client from somewhere, with a bearer token or without."""

        def build(deps: Any, operations: Any, verifier: Any) -> Any:
            return http_app(deps, CofferSettings(), verifier, operations)

        operations = operations_of(TOPOLOGY, self.sharing.deps.work, self.limiter)
        believed = Either(self.verifier, TokenIsUserId())
        if self.limiter is None:
            app = app_over("sharing-with-links", build, self.sharing.deps, operations, believed)
        else:
            app = http_app(self.sharing.deps, CofferSettings(), believed, operations)
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, raise_app_exceptions=False, client=(address, 4711)),
            base_url="http://sharing.test",
            headers={"User-Agent": agent, **({"Authorization": f"Bearer {token}"} if token else {})},
        )

    async def made(self, item: Item, **fields: Any) -> dict[str, Any]:
        """The owner makes a link over HTTP."""
        async with self.client(self.sharing.owner.user_id) as http:
            answer = await http.post("/v1/links", json={"item_id": item.id, **fields})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def session(self, link: dict[str, Any], password: str | None = None) -> str:
        """Somebody comes in; their token."""
        async with self.client() as http:
            answer = await http.post(f"/v1/public/links/{token_of(link)}/unlock", json={"password": password})
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token


def token_of(link: dict[str, Any]) -> str:
    """What opens a link."""
    url: str = link["url"]
    assert url.startswith(f"{PUBLIC}/s/")
    return url.rpartition("/")[2]


def claims_of(token: str) -> dict[str, Any]:
    """What stands in a token, unverified."""
    return jwt.decode(token, options={"verify_signature": False})
