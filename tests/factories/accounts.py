"""People and what they show at the door: a running auth, accounts in it, and an issuer whose tokens tests may forge."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.utils import base64url_encode
from pydantic import SecretStr
from sqlalchemy import text

from coffer_auth.app import SOURCE, TOPOLOGY, build_deps, build_verifier, http_app
from coffer_auth.domain.accounts import User
from coffer_auth.handlers import accounts
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.errands import run_errand
from coffer_auth.settings import AuthSettings
from coffer_auth.store.tables import CHASSIS
from coffer_chassis.blobs import Blobs
from coffer_chassis.callers import Caller
from coffer_chassis.clock import Clock, SystemClock
from coffer_chassis.cursors import Cursors
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.sealing import OpeningKey
from coffer_chassis.settings import CofferSettings, TokenKind, TrustedIssuer
from coffer_chassis.testing import MemoryBlobs
from coffer_chassis.unit_of_work import Work
from factories.doors import behind_a_door
from factories.engines import engine_on
from factories.frozen import frozen
from factories.limits import limiter_of
from factories.one_app import app_over
from factories.operators import operations_of

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Reading the system's authorities for each client takes longer than most tests."""
PASSWORD = "four quiet otters"
MAIL_KEY = OpeningKey.of_hex("22" * 32)
"""The notifier's, for tests to open what auth sealed."""
HOME = Caller("192.0.2.7", "coffer-tests/1")


def auth_settings(url: str, **changes: Any) -> AuthSettings:
    """Settings with hashing as light as argon2 allows."""
    light: dict[str, Any] = {"password_memory_kib": 64, "password_passes": 1}
    return frozen(
        AuthSettings,
        **{
            "database_url": url,
            "cursor_key": SecretStr("00" * 32),
            "key_secret": SecretStr("11" * 32),
            "mail_public_key": MAIL_KEY.sealing.hex,
            **light,
            **changes,
        },
    )


@contextlib.asynccontextmanager
async def auth_deps(
    url: str, *, clock: Clock | None = None, blobs: Blobs | None = None, **settings: Any
) -> AsyncIterator[Deps]:
    """The collaborators of auth's handlers on a migrated database."""
    async with engine_on(url) as engine:
        work = Work(engine, CHASSIS, source=SOURCE, clock=clock or SystemClock())
        deps = build_deps(auth_settings(url, **settings), work, blobs or MemoryBlobs())
        try:
            yield deps
        finally:
            deps.hashing.close()


@contextlib.asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """An ASGI application over real HTTP, its lifespan included; its address."""
    async with behind_a_door(app) as port:
        yield f"http://127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def auth_over_http(deps: Deps, home: Path, **coffer: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of auth's routes, served over real HTTP."""
    settings = CofferSettings(home=home, **coffer)
    operations = operations_of(TOPOLOGY, deps.work, limiter_of(trusted_proxies=settings.trusted_proxies))

    def build(deps: Any, verifier: Any, operations: Any) -> Any:
        return http_app(settings, deps, verifier, Cursors(bytes(32)), operations)

    # Beside collaborators, an application knows what it was told of its surroundings.
    app = app_over(f"auth {sorted(coffer.items())}", build, deps, build_verifier(settings, deps), operations)
    async with serving(app) as address, httpx.AsyncClient(base_url=address, verify=NO_TLS, timeout=60) as client:
        yield client


def origin() -> Origin:
    """What a request without a token sets off."""
    return Origin(None, "system", new_id())


async def registered(deps: Deps, username: str = "", *, password: str = PASSWORD) -> User:
    """An account; the name is made up unless given."""
    name = username or f"user-{new_id()[-12:]}"
    command = await accounts.prepare_registration(name, f"{name}@example.org", password, None, deps)
    async with deps.work.unit(origin()) as unit:
        return await accounts.register(command, unit, deps)


async def settle(deps: Deps) -> int:
    """Run every errand that waits; how many."""
    count = 0
    while await run_errand(deps):
        count += 1
    return count


async def facts(deps: Deps, subject: str) -> list[dict[str, Any]]:
    """What was emitted about a subject, by sequence: whole envelopes. Errands that wait are run before."""
    await settle(deps)
    async with deps.work.read() as connection:
        query = text("SELECT body FROM outbox WHERE subject = :subject ORDER BY sequence")
        return [json.loads(body) for body in (await connection.execute(query, {"subject": subject})).scalars()]


@dataclass
class Issuer:
    """Somebody who signs tokens, honest or not: every claim and header can be bent."""

    name: str = "coffer-auth"
    kinds: tuple[TokenKind, ...] = ("access", "pat")
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    key_id: str = "first"
    fetches: int = 0
    reachable: bool = True

    @property
    def trusted(self) -> TrustedIssuer:
        """The entry in COFFER_TRUSTED_ISSUERS."""
        return TrustedIssuer(issuer=self.name, jwks_url=f"https://{self.name}.example.org/jwks.json", kinds=self.kinds)

    def key_set(self) -> dict[str, Any]:
        """What stands under the key set's address."""
        public = base64url_encode(self.key.public_key().public_bytes_raw()).decode()
        return {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": self.key_id, "x": public}]}

    async def fetch(self, _url: str) -> bytes:
        """Stands in for the network."""
        self.fetches += 1
        await asyncio.sleep(0)
        if not self.reachable:
            raise OSError("unreachable")
        return json.dumps(self.key_set()).encode()

    def token(
        self,
        now: datetime,
        *,
        user_id: str = "",
        algorithm: str | None = "EdDSA",
        headers: dict[str, Any] | None = None,
        key: Any = None,
        seconds: int = 600,
        **claims: Any,
    ) -> str:
        """A signed token; claims set to None are left out."""
        moment = int(now.timestamp())
        honest = {
            "iss": self.name,
            "sub": user_id or new_id(),
            "aud": "coffer",
            "iat": moment,
            "exp": moment + seconds,
            "jti": new_id(),
            "sid": new_id(),
            "kind": "access",
            "scopes": ["files:read", "files:write"],
            "username": "maria",
        }
        bent = {name: value for name, value in {**honest, **claims}.items() if value is not None}
        return jwt.encode(bent, key or self.key, algorithm=algorithm, headers={"kid": self.key_id, **(headers or {})})


def by_hand(header: dict[str, Any], claims: dict[str, Any], key: Ed25519PrivateKey | None = None) -> str:
    """A token that no JWT library would write: any header, any claims, rightly signed or not at all."""
    parts = b".".join(base64url_encode(json.dumps(part).encode()) for part in (header, claims))
    signature = key.sign(parts) if key else b""
    return b".".join([parts, base64url_encode(signature)]).decode()
