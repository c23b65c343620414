"""Every kind of dishonest token against every route of every service, built as the service itself builds it.

Each application has the verifier of a running service: it reads the key set over HTTP, auth reads its own from the store.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as rsa_key
from jwt.utils import base64url_encode
from litestar.routes import HTTPRoute

from coffer_chassis.access_rules import rule_of
from coffer_chassis.identity import PAT_PREFIX
from coffer_chassis.service import Service
from coffer_chassis.settings import CofferSettings, TrustedIssuer
from coffer_local.registry import SERVICES, Entry
from factories.accounts import Issuer, auth_settings, by_hand, serving
from factories.asgi import answered
from factories.databases import Database

ABSENT = "0193439e-8a5c-7000-8000-00000000dead"


def now() -> datetime:
    """Asked anew for each token: the tests of a whole run take longer than a token lives."""
    return datetime.now(UTC)


MINE: dict[str, Any] = {
    "cursor_key": "00" * 32,
    "aws_access_key_id": "nobody",
    "aws_secret_access_key": "nothing",
    "database_url": "postgresql+asyncpg://nobody@127.0.0.1:1/nothing",
}
"""Settings of a service that reaches nothing: a refusal needs nothing."""
MALLORY = Ed25519PrivateKey.generate()
MALLORYS = {"kty": "OKP", "crv": "Ed25519", "x": base64url_encode(MALLORY.public_key().public_bytes_raw()).decode()}
ALONE: dict[str, dict[str, Any]] = {
    "media-worker": {"children": 1},
    "sharing": {"key_secret": "00" * 32, "address_secret": "00" * 32, "mail_public_key": "00" * 32},
    "notifier": {"mail_private_key": "00" * 32, "webhook_key_secret": "00" * 32, "unsubscribe_key": "00" * 32},
}
"""What single services need besides."""


@dataclass
class House:
    """All services, built, and the issuer whose tokens they believe."""

    services: dict[str, Service]
    issuer: Issuer

    async def ask(self, service: str, method: str, path: str, authorization: str | None) -> tuple[int, dict[str, str], Any]:
        """Status, headers and problem (none for HEAD) of one request without a body: nothing reads one before the gate."""
        headers = [(b"authorization", authorization.encode("latin-1"))] if authorization is not None else []
        return await answered(self.services[service].app, method, path, headers)

    def routes(self) -> list[tuple[str, str, str]]:
        """Service, method and path of every route that is not public."""
        return [
            (name, str(method), _filled(path))
            for name, service in self.services.items()
            for route in service.app.routes
            if isinstance(route, HTTPRoute)
            for method, (handler, _) in route.route_handler_map.items()
            if (rule := rule_of(handler)) is not None and rule.audience != "public"
            for path in [route.path_format]
        ]


def _filled(path: str) -> str:
    return "/".join(ABSENT if part.startswith("{") else part for part in path.split("/"))


@pytest.fixture(scope="module")
async def house(database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    home: Path = tmp_path_factory.mktemp("home")
    issuer = Issuer()

    async def key_set(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(issuer.key_set()).encode()})

    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(key_set))
        trusted = TrustedIssuer(issuer=issuer.name, jwks_url=address, kinds=("access", "pat"))
        coffer = CofferSettings(home=home, trusted_issuers=(trusted,))
        services: dict[str, Service] = {}
        for entry in SERVICES:
            services[entry.name] = await entry.build(coffer, _settings(entry, database))
            stack.push_async_callback(services[entry.name].close)
        own = await services["auth"].deps.keys.current()
        issuer.key, issuer.key_id = own.private, own.id
        yield House(services, issuer)


def _settings(entry: Entry, database: Database) -> Any:
    if entry.name == "auth":
        return auth_settings(database(entry.package), aws_access_key_id="nobody", aws_secret_access_key="nothing")
    # Sharing signs tokens as well: what it believes of them stands in its store.
    own = {"database_url": database(entry.package)} if entry.name == "sharing" else {}
    return entry.settings(**(MINE | ALONE.get(entry.name, {}) | own))


def _public_pem(issuer: Issuer) -> bytes:
    return issuer.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _signed_as_hmac(issuer: Issuer, secret: bytes) -> str:
    """HS256 by hand: the library would refuse a public key as its secret, a thief's would not."""
    header = {"alg": "HS256", "typ": "JWT", "kid": issuer.key_id}
    unsigned = by_hand(header, jwt.decode(issuer.token(now()), options={"verify_signature": False})).rstrip(".")
    signature = hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
    return f"{unsigned}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _claims(issuer: Issuer, **changes: Any) -> dict[str, Any]:
    return jwt.decode(issuer.token(now(), **changes), options={"verify_signature": False})


FORGERIES: dict[str, Callable[[Issuer], str | None]] = {
    "no token": lambda issuer: None,
    "junk": lambda issuer: "Bearer junk",
    "another scheme": lambda issuer: "Basic YW5hOnBhc3M=",
    "signed by somebody else": lambda issuer: issuer.token(now(), key=Ed25519PrivateKey.generate()),
    "signed by nobody": lambda issuer: by_hand({"alg": "EdDSA", "kid": issuer.key_id}, _claims(issuer)),
    "an unknown key": lambda issuer: issuer.token(now(), key=Ed25519PrivateKey.generate(), headers={"kid": "unknown"}),
    "its own key in the header": lambda issuer: issuer.token(now(), key=MALLORY, headers={"kid": "m", "jwk": MALLORYS}),
    "algorithm none": lambda issuer: by_hand({"alg": "none", "kid": issuer.key_id}, _claims(issuer)),
    "algorithm None": lambda issuer: by_hand({"alg": "None", "kid": issuer.key_id}, _claims(issuer)),
    "HS256 by the public key": lambda issuer: _signed_as_hmac(issuer, issuer.key.public_key().public_bytes_raw()),
    "HS256 by the public key as PEM": lambda issuer: _signed_as_hmac(issuer, _public_pem(issuer)),
    "RS256": lambda issuer: issuer.token(now(), key=rsa_key(65537, 2048), algorithm="RS256"),
    "ES256": lambda issuer: issuer.token(now(), key=ec_key(SECP256R1()), algorithm="ES256"),
    "expired": lambda issuer: issuer.token(now() - timedelta(minutes=11)),
    "from the future": lambda issuer: issuer.token(now() + timedelta(hours=2)),
    "for another audience": lambda issuer: issuer.token(now(), aud="another-product"),
    "for no audience": lambda issuer: issuer.token(now(), aud=None),
    "another issuer": lambda issuer: issuer.token(now(), iss="https://evil.example.org"),
    "an issuer of other kinds": lambda issuer: issuer.token(now(), iss="coffer-sharing"),
    "a link session": lambda issuer: issuer.token(now(), kind="link"),
    "a ticket": lambda issuer: issuer.token(now(), kind="ticket"),
    "a refresh token": lambda issuer: "cof_ref_" + "A" * 43,
    "a personal token without its prefix": lambda issuer: issuer.token(now(), kind="pat"),
    "an access token with the prefix": lambda issuer: PAT_PREFIX + issuer.token(now()),
}


@pytest.mark.slow
@pytest.mark.parametrize("forgery", FORGERIES)
async def test_no_route_of_any_service_believes(house: House, forgery: str) -> None:
    token = FORGERIES[forgery](house.issuer)
    authorization = token if token is None or " " in token else f"Bearer {token}"
    asked: set[str] = set()
    for service, method, path in house.routes():
        status, headers, problem = await house.ask(service, method, path, authorization)
        where = f"{service}: {method} {path}"
        assert status == 401, f"{where}: {status} {problem}"
        assert headers["www-authenticate"].startswith("Bearer"), where
        code = "token_expired" if forgery == "expired" else "unauthenticated"
        assert problem is None if method == "HEAD" else problem["code"] == code, where
        asked.add(service)
    assert asked == {entry.name for entry in SERVICES}


async def test_a_session_that_ended_is_refused_on_every_route_of_every_service(house: House) -> None:
    token = house.issuer.token(now(), sid="ended")
    for service in house.services.values():
        denied = getattr(service.deps, "denied", service.deps).revocations
        denied.add("ended", now() + timedelta(minutes=10))
    for service_name, method, path in house.routes():
        status, _, _ = await house.ask(service_name, method, path, f"Bearer {token}")
        assert status == 401, f"{service_name}: {method} {path}"


async def test_an_honest_token_is_believed_by_every_service(house: House) -> None:
    """So that the refusals above are about the tokens: a person gets as far as not being an operator."""
    for name in house.services:
        path = f"/v1/admin/{name}/queues"
        for token in (house.issuer.token(now()), PAT_PREFIX + house.issuer.token(now(), kind="pat", sid=None)):
            status, _, problem = await house.ask(name, "GET", path, f"Bearer {token}")
            assert (status, problem["code"]) == (403, "forbidden"), path


async def test_keys_that_were_never_loaded_are_no_reason_to_refuse_for_good(tmp_path: Path) -> None:
    trusted = TrustedIssuer(issuer="coffer-auth", jwks_url="http://127.0.0.1:1/nothing", kinds=("access", "pat"))
    coffer = CofferSettings(home=tmp_path, trusted_issuers=(trusted,))
    (entry,) = [entry for entry in SERVICES if entry.name == "sharing"]
    service = await entry.build(coffer, entry.settings(**(MINE | ALONE["sharing"])))
    try:
        headers = [(b"authorization", f"Bearer {Issuer().token(now())}".encode())]
        status, told, problem = await answered(service.app, "GET", "/v1/shares/with-me", headers)
        assert (status, problem["code"], told["retry-after"]) == (503, "unavailable", "1")
    finally:
        await service.close()
