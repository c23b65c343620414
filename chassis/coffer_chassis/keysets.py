"""Published key sets of trusted issuers (RFC 7517): fetched, kept in memory and on disk, refreshed with restraint.

Only Ed25519 keys are taken (RFC 8037). What a key may sign is the business of `identity`. The HTTP client and the log are
loaded when they are used: the authorizer in deploy/aws fetches by other means, and somebody waits for its start.
"""

import asyncio
import hashlib
import json
import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.utils import base64url_decode

from coffer_chassis.clock import Clock
from coffer_chassis.trusted import TrustedIssuer
from coffer_contracts.problems import Unavailable

REFRESH_EVERY = timedelta(seconds=10)
"""At most this often is a key set fetched because of an unknown key id."""
RETRY_EVERY = timedelta(seconds=1)
"""The same while none was ever loaded: at start the issuer may still be starting too."""
STALE_AFTER = timedelta(seconds=30)
"""From then on a use sets off a refresh in the background, so that a withdrawn key loses its force."""
BELIEVED_FOR = timedelta(seconds=60)
"""From then on a use waits for the refresh: a withdrawn key is not believed once more because nobody came by for an hour."""
PATIENCE_SECONDS = 2
"""How long such a use waits. An issuer that does not answer takes no known key away, and is waited for once."""

FETCH_SECONDS = 5
BYTES = 64 * 1024
FRESH = {"Cache-Control": "no-cache"}

Fetch = Callable[[str], Awaitable[bytes]]
Keys = Mapping[str, Ed25519PublicKey]


class BadKeySet(Exception):
    """The document is no key set with at least one usable key."""


async def fetch_key_set(url: str) -> bytes:
    """The document at `url`; raises OSError (TimeoutError is one) or BadKeySet. Follows no redirect.

    Caches on the way are asked to look again (RFC 9111 section 5.2.1.4): a withdrawn key shall not live on in them.
    """
    import aiohttp  # noqa: PLC0415  # see above

    timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, headers=FRESH, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise BadKeySet(f"status {response.status}")
            body = b""
            async for chunk in response.content.iter_chunked(BYTES):
                body += chunk
                if len(body) > BYTES:
                    raise BadKeySet("too large")
            return body
    except aiohttp.ClientError as error:
        raise OSError(str(error) or repr(error)) from error


def parse_key_set(document: bytes) -> Keys:
    """The Ed25519 signing keys by id; others are passed over (RFC 7517 section 5). Raises BadKeySet."""
    try:
        entries = json.loads(document)["keys"]
        keys = {
            entry["kid"]: Ed25519PublicKey.from_public_bytes(base64url_decode(entry["x"]))
            for entry in entries
            if entry.get("kty") == "OKP" and entry.get("crv") == "Ed25519" and entry.get("use", "sig") == "sig"
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadKeySet(f"unreadable: {error}") from error
    if not keys or not all(isinstance(key_id, str) for key_id in keys):
        raise BadKeySet("no Ed25519 key with an id")
    return keys


class KeySet:
    """One issuer's keys. Safe to use from many tasks of one event loop; many tasks cause one fetch."""

    def __init__(self, issuer: TrustedIssuer, *, cache_dir: Path, clock: Clock, fetch: Fetch) -> None:
        self._issuer = issuer
        self._clock = clock
        self._fetch = fetch
        self._file = cache_dir / f"{hashlib.sha256(issuer.issuer.encode()).hexdigest()[:32]}.json"
        self._disk_tried = False
        self._keys: Keys | None = None
        self._loaded_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._answers = True

    async def key(self, key_id: str) -> Ed25519PublicKey | None:
        """The key, or None if the issuer does not publish it. Raises Unavailable while no key set was ever loaded.

        As long as the issuer publishes the same key under an id, the object is the same, too.
        """
        for _ in ("disk", "network"):
            if self._keys and key_id in self._keys:
                if not self._within(self._loaded_at, STALE_AFTER):
                    await self._look_again()
                return self._keys.get(key_id)
            if self._refreshing is None and not self._may_try():
                break
            await asyncio.shield(self._refresh())
        if self._keys is None:
            raise Unavailable("Sign-ins cannot be checked yet.", retry_after_seconds=int(RETRY_EVERY.total_seconds()))
        return self._keys.get(key_id)

    async def _look_again(self) -> None:
        """Refresh, and wait for it if what is known is too old to be believed without."""
        if self._refreshing is None and not self._may_try():
            return
        refreshing = self._refresh()
        if self._answers and not self._within(self._loaded_at, BELIEVED_FOR):
            await asyncio.wait([refreshing], timeout=PATIENCE_SECONDS)
            self._answers = refreshing.done() and self._answers

    def _may_try(self) -> bool:
        return not self._disk_tried or not self._within(self._tried_at, REFRESH_EVERY if self._keys else RETRY_EVERY)

    def _within(self, since: datetime | None, span: timedelta) -> bool:
        # Not below zero: a clock that was set back must not stop refreshing for as long.
        return since is not None and timedelta() <= self._clock.now() - since < span

    def _refresh(self) -> asyncio.Task[None]:
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._load())
            self._refreshing.add_done_callback(self._refreshed)
        return self._refreshing

    def _refreshed(self, _task: asyncio.Task[None]) -> None:
        self._refreshing = None

    async def _load(self) -> None:
        if not self._disk_tried:
            self._disk_tried = True
            self._keys = await asyncio.to_thread(self._read)
            return
        self._tried_at = self._clock.now()
        try:
            document = await self._fetch(self._issuer.jwks_url)
            published, known = parse_key_set(document), self._keys or {}
        except (OSError, BadKeySet) as error:
            self._answers = False
            _warn("key_set_unreachable", issuer=self._issuer.issuer, error=repr(error), known=bool(self._keys))
            return
        self._answers = True
        self._keys = {key_id: known[key_id] if known.get(key_id) == key else key for key_id, key in published.items()}
        self._loaded_at = self._clock.now()
        try:
            await asyncio.to_thread(self._write, document)
        except OSError as error:
            _warn("key_set_not_kept", issuer=self._issuer.issuer, error=repr(error))

    def _read(self) -> Keys | None:
        try:
            return parse_key_set(self._file.read_bytes())
        except (OSError, BadKeySet):
            return None

    def _write(self, document: bytes) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._file.parent, prefix=self._file.stem)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(document)
            Path(name).replace(self._file)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


def _warn(event: str, **values: object) -> None:
    from coffer_chassis.logs import get_logger  # noqa: PLC0415  # see above

    get_logger().warning(event, **values)
