"""Who is calling: verifies signed tokens against the key sets of trusted issuers. Deciding what they may do is elsewhere.

Only EdDSA, only issuers that are named in the settings, only token kinds that the issuer may sign (CONTRACT.md 5).
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from coffer_chassis.clock import Clock
from coffer_chassis.keysets import Fetch, KeySet, fetch_key_set
from coffer_chassis.sightings import Sightings
from coffer_chassis.tickets import Ticket, ticket_of
from coffer_chassis.trusted import TokenKind, TrustedIssuer
from coffer_contracts.ids import SessionId, UserId
from coffer_contracts.problems import TicketRequired, TokenExpired, Unauthenticated

AUDIENCE = "coffer"
ALGORITHM = "EdDSA"
PAT_PREFIX = "cof_pat_"
LEEWAY = timedelta(seconds=5)
"""How far clocks may differ."""
TOKEN_BYTES = 8192
REMEMBERED = 4096
"""Verified tokens kept in memory, about 1 KiB each."""

PrincipalKind = Literal["user", "token", "link", "operator"]
_BEARERS: dict[TokenKind, PrincipalKind] = {"access": "user", "pat": "token", "link": "link"}
"""Token kinds that stand for a caller. Others are refused as bearer tokens, whoever signed them."""

_CLAIMS = ["iss", "sub", "aud", "exp", "iat", "jti", "kind"]


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller. `session_id` is what a revocation names: the session of a sign-in or of a visitor, or the token itself.

    A visitor of a public link is nobody: `user_id` is the link's id, which owns nothing and has no drive.
    """

    kind: PrincipalKind
    user_id: UserId
    session_id: SessionId
    scopes: frozenset[str]
    expires_at: datetime
    username: str | None = None
    roles: frozenset[str] = frozenset()
    family_id: str | None = None
    """Of a visitor: the sessions that may end together. A revocation may name it, too."""

    @property
    def grantee(self) -> str:
        """As grants name it."""
        return f"link/{self.user_id}" if self.kind == "link" else f"user/{self.user_id}"


class Revocations:
    """Sessions and tokens that ended early, each until its tokens have expired anyway. Filled by events or by auth itself.

    Lives in memory, bounded by the sessions that are revoked within the life of an access token, and by the personal access
    tokens that are revoked within theirs.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, datetime] = {}
        self._swept_at = clock.now()

    def add(self, session_id: str, until: datetime) -> None:
        """Refuse the session's tokens until `until`. May be told twice; the later end counts."""
        now = self._clock.now()
        if now - self._swept_at > timedelta(minutes=1):
            self._until = {known: end for known, end in self._until.items() if end > now}
            self._swept_at = now
        self._until[session_id] = max(until + LEEWAY, self._until.get(session_id, until + LEEWAY))

    def __contains__(self, session_id: object) -> bool:
        return session_id in self._until

    def __len__(self) -> int:
        return len(self._until)


@dataclass(frozen=True, slots=True)
class _Verified:
    """A caller, and the key by which the token was believed."""

    principal: Principal
    keys: KeySet
    key_id: str
    key: Ed25519PublicKey


class Verifier:
    """Turns bearer tokens into principals. One per process; safe to use from many tasks of one event loop."""

    def __init__(
        self,
        issuers: tuple[TrustedIssuer, ...],
        cache_dir: Path,
        clock: Clock,
        *,
        revocations: Revocations | None = None,
        sightings: Sightings | None = None,
        fetch: Fetch = fetch_key_set,
    ) -> None:
        """Raises ValueError when an issuer is named twice."""
        self._clock = clock
        self._issuers = {
            issuer.issuer: (issuer, KeySet(issuer, cache_dir=cache_dir, clock=clock, fetch=fetch)) for issuer in issuers
        }
        if len(self._issuers) != len(issuers):
            raise ValueError("an issuer is trusted twice; put its kinds into one entry")
        self.revocations = Revocations(clock) if revocations is None else revocations
        self.sightings = Sightings(clock) if sightings is None else sightings
        self._known: OrderedDict[bytes, _Verified] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """The caller that the token stands for.

        Raises Unauthenticated, TokenExpired, or Unavailable while the issuer's keys were never loaded. Tokens that were
        verified are remembered by digest until they expire; expiry, revocation and whether the issuer still publishes the
        key are looked at each time.
        """
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        known = self._known.get(digest)
        if known is not None and await known.keys.key(known.key_id) is not known.key:
            self._known.pop(digest, None)
            known = None
        if known is None:
            known = await self._verified(token)
        # Put back as well as moved: another task may have taken it out while this one waited for the key.
        self._known[digest] = known
        self._known.move_to_end(digest)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        principal = known.principal
        if principal.expires_at + LEEWAY <= self._clock.now():
            self._known.pop(digest, None)
            raise TokenExpired
        if principal.session_id in self.revocations or principal.family_id in self.revocations:
            raise Unauthenticated("The session has ended.")
        if principal.kind == "token":
            self.sightings.note(principal.session_id, principal.user_id)
        return principal

    async def ticket(self, token: str) -> Ticket:
        """See TicketVerifier. Whoever has lost a session has lost its tickets, too."""
        try:
            ticket = ticket_of((await self._signed(token))[0])
        except (Unauthenticated, TokenExpired) as error:
            raise TicketRequired(f"{error.detail or 'It has expired.'}") from error
        if ticket.session_id in self.revocations:
            raise TicketRequired("The session has ended.")
        return ticket

    async def _verified(self, token: str) -> _Verified:
        claims, keys, key_id, key = await self._signed(token)
        return _Verified(_principal(claims), keys, key_id, key)

    async def _signed(self, token: str) -> tuple[dict[str, Any], KeySet, str, Ed25519PublicKey]:
        is_pat = token.startswith(PAT_PREFIX)
        signed = token[len(PAT_PREFIX) :] if is_pat else token
        if len(signed) > TOKEN_BYTES:
            raise Unauthenticated("The token is too long.")
        try:
            unverified = jwt.decode_complete(signed, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise Unauthenticated("The token is not a signed token of Coffer.") from error
        header, name = unverified["header"], unverified["payload"].get("iss")
        known = self._issuers.get(name) if isinstance(name, str) else None
        key_id = header.get("kid")
        if header.get("alg") != ALGORITHM or known is None or not isinstance(key_id, str):
            raise Unauthenticated("The token was not signed by a trusted issuer.")
        issuer, keys = known
        key = await keys.key(key_id)
        if key is None:
            raise Unauthenticated("The token was signed with an unknown key.")
        # Times are checked against our clock, after the signature; everything else by the library.
        options: Any = {"require": _CLAIMS, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
        try:
            claims = jwt.decode(signed, key, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=issuer.issuer, options=options)
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise Unauthenticated("The token does not verify.") from error
        if claims["kind"] not in issuer.kinds or (claims["kind"] == "pat") is not is_pat:
            raise Unauthenticated("The token is of a kind that is not accepted here.")
        self._check_times(claims)
        return claims, keys, key_id, key

    def _check_times(self, claims: dict[str, Any]) -> None:
        now, leeway = self._clock.now().timestamp(), LEEWAY.total_seconds()
        times = [claims["exp"], claims["iat"], claims.get("nbf", claims["iat"])]
        if not all(type(moment) is int and 0 <= moment < 2**37 for moment in times):
            raise Unauthenticated("The token's times are no times.")
        expires_at, issued_at, not_before = times
        if max(issued_at, not_before) > now + leeway:
            raise Unauthenticated("The token is not valid yet.")
        if expires_at + leeway <= now:
            raise TokenExpired


def _principal(claims: dict[str, Any]) -> Principal:
    kind = _BEARERS.get(claims["kind"])
    session_id: Any = claims["jti"] if kind == "token" else claims.get("sid")
    username, family_id = claims.get("username"), claims.get("fam") if kind == "link" else None
    user_id = claims["sub"]
    if kind == "link" and isinstance(user_id, str):
        link, _, user_id = user_id.partition("/")
        user_id = user_id if link == "link" else ""
    texts = [user_id, session_id, *(text for text in (username, family_id) if text is not None)]
    lists = [claims.get("scopes", []), claims.get("roles", [])]
    if kind is None or not all(isinstance(words, list) for words in lists):
        raise Unauthenticated("The token does not stand for a caller.")
    if not all(isinstance(text, str) and text for text in [*texts, *lists[0], *lists[1]]):
        raise Unauthenticated("The token does not stand for a caller.")
    return Principal(
        kind=kind,
        user_id=UserId(user_id),
        session_id=SessionId(session_id),
        scopes=frozenset(lists[0]),
        expires_at=datetime.fromtimestamp(claims["exp"], tz=UTC),
        username=username,
        roles=frozenset(lists[1]),
        family_id=family_id,
    )
