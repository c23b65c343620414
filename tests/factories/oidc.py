"""A small OIDC issuer over real HTTP: discovery, key set and signed ID tokens, honest or bent in any way."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as rsa_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from coffer_auth.settings import OidcIssuer
from coffer_chassis.ids import new_id
from factories.accounts import serving

CLIENT = "coffer-web"
RSA = rsa_key(65537, 2048)
OTHER_RSA = rsa_key(65537, 2048)
WEAK_RSA = rsa_key(65537, 1024)
"""Made once: an RSA key takes longer than a test."""
EC, ED = ec_key(SECP256R1()), Ed25519PrivateKey.generate()


def public_jwk(key: Any, **members: Any) -> dict[str, Any]:
    """The public half as it stands in a key set."""
    kinds = {RSAPrivateKey: RSAAlgorithm, Ed25519PrivateKey: OKPAlgorithm}
    algorithm: Any = next((made for kind, made in kinds.items() if isinstance(key, kind)), ECAlgorithm)
    return {**json.loads(algorithm.to_jwk(key.public_key())), "use": "sig", **members}


@dataclass
class Realm:
    """The issuer; its address is known once it runs. Everything it publishes can be changed while it does."""

    url: str = ""
    keys: list[dict[str, Any]] = field(default_factory=lambda: [public_jwk(RSA, kid="r1", alg="RS256")])
    discovery: dict[str, Any] = field(default_factory=dict)
    """Members that differ from the honest ones."""
    status: int = 200
    hanging: asyncio.Event | None = None
    asked: list[str] = field(default_factory=list)
    """The paths of all requests."""

    def settings(self, **changes: Any) -> OidcIssuer:
        """As an operator would configure it."""
        return OidcIssuer(**{"issuer": self.url, "audience": (CLIENT,), **changes})

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What it says of a person; claims set to None are left out."""
        now = int(datetime.now(UTC).timestamp())
        subject = new_id()
        honest = {
            "iss": self.url,
            "sub": subject,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "email": f"{subject}@example.org",
            "email_verified": True,
        }
        return {name: value for name, value in {**honest, **changes}.items() if value is not None}

    def token(self, *, key: Any = RSA, algorithm: str = "RS256", headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """A signed ID token."""
        return jwt.encode(self.claims(**claims), key, algorithm=algorithm, headers={"kid": "r1", **(headers or {})})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
            return
        self.asked.append(scope["path"])
        if self.hanging is not None:
            await self.hanging.wait()
        honest = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        answers = {
            "/.well-known/openid-configuration": {**honest, **self.discovery},
            "/keys": {"keys": self.keys},
        }
        found = answers.get(scope["path"])
        status = self.status if found is not None else 404
        headers = [(b"content-type", b"application/json"), *([(b"location", b"/keys")] if status == 302 else [])]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(found).encode()})


@contextlib.asynccontextmanager
async def realm() -> AsyncIterator[Realm]:
    """A running issuer."""
    made = Realm()
    async with serving(made) as address:
        made.url = address
        yield made
