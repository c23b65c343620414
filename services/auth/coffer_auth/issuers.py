"""OIDC issuers that may vouch for people here: reads what they publish, with restraint, and checks their ID tokens.

Whose account it is, and whether it may sign in, is the handlers' business. Only issuers that the settings name are ever asked.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from errno import EACCES
from ipaddress import ip_address
from socket import AddressFamily
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import jwt
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from coffer_auth.domain.oidc import Identity, identity_in
from coffer_auth.settings import OidcAlgorithm, OidcIssuer
from coffer_chassis.clock import Clock
from coffer_contracts.problems import FeatureDisabled, TokenExpired, Unauthenticated, Unavailable

KEYS_FOR: Final = timedelta(minutes=5)
"""How long keys are believed without asking the issuer again."""
REFRESH_EVERY: Final = timedelta(seconds=10)
"""At most this often is an issuer asked because of an unknown key id, or again after it did not answer."""
LEEWAY: Final = timedelta(seconds=60)
"""How far an issuer's clock may differ."""
OLDEST: Final = timedelta(minutes=10)
"""An ID token is for signing in now; one that was made earlier may have been found somewhere."""

TOKEN_BYTES: Final = 16 * 1024
DOCUMENT_BYTES: Final = 256 * 1024
FETCH_SECONDS: Final = 5
RSA_BITS: Final = 2048
"""RFC 7518 section 3.3."""

_FITS: Final[Mapping[OidcAlgorithm, tuple[str, str | None]]] = {
    "RS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
}
_CLAIMS: Final = ["iss", "sub", "aud", "exp", "iat"]

Fetch = Callable[[str, bool], Awaitable[bytes]]
"""Reads a document; the second argument says whether the address is trusted to lead into private networks."""
Keys = Mapping[tuple[str, str], Any]
"""Key id and algorithm -> public key."""

log = structlog.get_logger(__name__)


class BadDocument(Exception):
    """What an issuer published cannot be used."""


class Issuers:
    """Every issuer of the settings. One per process; safe to use from many tasks of one event loop."""

    def __init__(self, issuers: Sequence[OidcIssuer], clock: Clock, *, fetch: Fetch | None = None) -> None:
        self._clock = clock
        self._known = {issuer.issuer: _Issuer(issuer, clock, fetch or fetch_document) for issuer in issuers}

    @property
    def settings(self) -> tuple[OidcIssuer, ...]:
        """What the operator has configured."""
        return tuple(known.settings for known in self._known.values())

    async def identify(self, id_token: str, nonce: str | None) -> tuple[Identity, OidcIssuer]:
        """Whom the token speaks of, and by whose word (OpenID Connect Core 1.0 section 3.1.3.7).

        Raises FeatureDisabled when no issuer is configured, Unauthenticated, TokenExpired, and Unavailable when the
        issuer's keys are needed and cannot be read. No address is asked for a token that no configured issuer can have made.
        """
        if not self._known:
            raise FeatureDisabled("No issuer of identities is configured here.")
        if len(id_token) > TOKEN_BYTES:
            raise Unauthenticated("The ID token is too long.")
        try:
            unverified = jwt.decode_complete(id_token, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise Unauthenticated("The ID token is not a signed token.") from error
        header, name = unverified["header"], unverified["payload"].get("iss")
        issuer = self._known.get(name) if isinstance(name, str) else None
        algorithm, key_id = header.get("alg"), header.get("kid")
        if issuer is None or algorithm not in issuer.settings.algorithms or not isinstance(key_id, str):
            raise Unauthenticated("The ID token is not from an issuer that is trusted here.")
        key = await issuer.key(key_id, algorithm)
        if key is None:
            raise Unauthenticated("The ID token was signed with an unknown key.")
        options: Any = {"require": _CLAIMS, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
        audience = list(issuer.settings.audience)
        try:
            claims = jwt.decode(id_token, key, algorithms=[algorithm], audience=audience, issuer=name, options=options)
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise Unauthenticated("The ID token does not verify.") from error
        self._check_times(claims)
        return identity_in(claims, audience=audience, nonce=nonce), issuer.settings

    def _check_times(self, claims: dict[str, Any]) -> None:
        now, leeway = self._clock.now().timestamp(), LEEWAY.total_seconds()
        times = [claims["exp"], claims["iat"], claims.get("nbf", claims["iat"])]
        if not all(type(moment) in {int, float} and 0 <= moment < 2**37 for moment in times):
            raise Unauthenticated("The ID token's times are no times.")
        expires_at, issued_at, not_before = times
        if max(issued_at, not_before) > now + leeway:
            raise Unauthenticated("The ID token is not valid yet.")
        if expires_at + leeway <= now or issued_at + OLDEST.total_seconds() + leeway <= now:
            raise TokenExpired("The ID token is too old; sign in at its issuer again.")


class _Issuer:
    """One issuer's published keys. Many tasks cause one fetch."""

    def __init__(self, settings: OidcIssuer, clock: Clock, fetch: Fetch) -> None:
        self.settings = settings
        self._clock = clock
        self._fetch = fetch
        self._keys: Keys = {}
        self._loaded_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._loading: asyncio.Task[None] | None = None

    async def key(self, key_id: str, algorithm: str) -> Any | None:
        """The key, or None if the issuer does not publish it. Raises Unavailable while its keys cannot be read."""
        wanted = (key_id, algorithm)
        if not (self._within(self._loaded_at, KEYS_FOR) and wanted in self._keys) and self._may_try():
            if self._loading is None:
                self._loading = asyncio.create_task(self._load())
                self._loading.add_done_callback(self._loaded)
            await asyncio.shield(self._loading)
        if not self._within(self._loaded_at, KEYS_FOR):
            seconds = int(REFRESH_EVERY.total_seconds())
            raise Unavailable("The issuer of the ID token cannot be reached.", retry_after_seconds=seconds)
        return self._keys.get(wanted)

    def _may_try(self) -> bool:
        return self._loading is not None or not self._within(self._tried_at, REFRESH_EVERY)

    def _within(self, since: datetime | None, span: timedelta) -> bool:
        # Not below zero: a clock that was set back must not stop refreshing for as long.
        return since is not None and timedelta() <= self._clock.now() - since < span

    def _loaded(self, _task: asyncio.Task[None]) -> None:
        self._loading = None

    async def _load(self) -> None:
        self._tried_at = self._clock.now()
        try:
            self._keys = parse_keys(await self._read_keys(), self.settings.algorithms)
        except (aiohttp.ClientError, OSError, BadDocument) as error:
            log.warning("oidc_issuer_unreachable", issuer=self.settings.issuer, error=repr(error))
            return
        self._loaded_at = self._clock.now()

    async def _read_keys(self) -> bytes:
        if self.settings.jwks_url is not None:
            return await self._fetch(self.settings.jwks_url, True)
        issuer = self.settings.issuer
        document = await self._fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration", True)
        address = key_set_address(document, issuer)
        return await self._fetch(address, _origin(address) == _origin(issuer))


def key_set_address(document: bytes, issuer: str) -> str:
    """Where the keys are, by the issuer's discovery document (OpenID Connect Discovery 1.0 sections 3 and 4.3).

    Raises BadDocument for the document of another issuer, and for an address without TLS that is not the issuer's own.
    """
    try:
        metadata = json.loads(document)
        named, address = metadata["issuer"], metadata["jwks_uri"]
        own = _origin(address) == _origin(issuer)
        secure = urlsplit(address).scheme == "https"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadDocument(f"no discovery document: {error!r}") from error
    if named != issuer:
        raise BadDocument("the discovery document is another issuer's")
    if not (own or secure):
        raise BadDocument("the key set is published elsewhere, without TLS")
    return str(address)


def parse_keys(document: bytes, algorithms: Sequence[OidcAlgorithm]) -> Keys:
    """The keys that may sign with one of `algorithms`; others, weak and unreadable ones are passed over (RFC 7517 section 5).

    Raises BadDocument when none is left.
    """
    try:
        entries = list(json.loads(document)["keys"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadDocument(f"no key set: {error!r}") from error
    keys: dict[tuple[str, str], Any] = {}
    for entry in entries:
        for algorithm in algorithms:
            if (key := _usable(entry, algorithm)) is not None:
                keys[entry["kid"], algorithm] = key
    if not keys:
        raise BadDocument("no usable key")
    return keys


def _usable(entry: Any, algorithm: OidcAlgorithm) -> Any | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str):
        return None
    kind, curve = _FITS[algorithm]
    wanted = {"kty": kind, "crv": entry.get("crv") if curve is None else curve}
    if any(entry.get(name) != value for name, value in wanted.items()):
        return None
    if entry.get("use", "sig") != "sig" or entry.get("alg", algorithm) != algorithm:
        return None
    try:
        key = jwt.PyJWK({name: entry[name] for name in entry if name != "d"}, algorithm=algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return None if isinstance(key, RSAPublicKey) and key.key_size < RSA_BITS else key


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port


async def fetch_document(address: str, trusted: bool) -> bytes:  # noqa: FBT001  # one of two ways to read, named at its type
    """The document at `address`; raises aiohttp.ClientError, OSError, TimeoutError or BadDocument. Follows no redirect.

    Unless the address is `trusted` it must lead to public networks only, whatever name it has.
    """
    host = urlsplit(address).hostname or ""
    if not trusted and _is_private(host):
        raise BadDocument("the address leads into a private network")
    connector = aiohttp.TCPConnector() if trusted else aiohttp.TCPConnector(resolver=_PublicOnly())
    timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
        session.get(address, allow_redirects=False, raise_for_status=True) as response,
    ):
        if response.status != 200:
            raise BadDocument(f"status {response.status}")
        body = b""
        async for chunk in response.content.iter_chunked(DOCUMENT_BYTES):
            body += chunk
            if len(body) > DOCUMENT_BYTES:
                raise BadDocument("too large")
        return body


def _is_private(host: str) -> bool:
    """Whether the host is written as an address that is not public; names are looked at when they are resolved."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False


class _PublicOnly(AbstractResolver):
    """Resolves names as the system does, and refuses those that lead to addresses which are not public."""

    def __init__(self) -> None:
        self._system = aiohttp.ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: AddressFamily = AddressFamily.AF_INET) -> list[ResolveResult]:
        """As the parent class; raises OSError for a name that leads into a private network."""
        found = await self._system.resolve(host, port, family)
        if any(_is_private(one["host"]) for one in found):
            raise OSError(EACCES, f"{host} leads into a private network")
        return found

    async def close(self) -> None:
        """Nothing is open."""
        await self._system.close()
