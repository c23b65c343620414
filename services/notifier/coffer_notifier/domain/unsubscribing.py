"""Links in mail that turn mail of a kind off: what they hold, and that nobody but Coffer makes one. Pure.

A token names an account and a type of notice, and is good for turning mail of that type to that account off: for nothing else,
and for as long as the key that it was made with is in use. Whoever forwards a mail hands that much on.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from coffer_contracts.ids import UserId
from coffer_notifier.domain.preferences import DEFAULTS, LOCKED

PATH = "/v1/notifications/unsubscribe"

_TOKEN = re.compile(r"([0-9a-f]{32})\.([a-z_]{1,60})\.([A-Za-z0-9_-]{32})", re.ASCII)
_PURPOSE = b"coffer unsubscribe 1\n"
"""Keeps what is made with the key for this apart from whatever else might be."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """Who wants no more mail about what."""

    user_id: UserId
    kind: str


def token_for(key: bytes, leaving: Leaving) -> str:
    """The token, as it stands in an address."""
    said = f"{leaving.user_id.replace('-', '')}.{leaving.kind}"
    return f"{said}.{_mark(key, said)}"


def address_for(key: bytes, public_url: str, leaving: Leaving) -> str:
    """The address in mail."""
    return f"{public_url}{PATH}?token={token_for(key, leaving)}"


def opened(keys: Sequence[bytes], token: str) -> Leaving | None:
    """What a token says; None for one that was made with none of the keys, or for what cannot be turned off."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        return None
    user, kind, mark = found.groups()
    # All keys are tried, so that the time it takes does not tell which of them it was.
    made_here = [hmac.compare_digest(_mark(key, f"{user}.{kind}"), mark) for key in keys]
    if not any(made_here) or kind not in DEFAULTS or kind in LOCKED:
        return None
    return Leaving(UserId("-".join((user[:8], user[8:12], user[12:16], user[16:20], user[20:]))), kind)


def _mark(key: bytes, said: str) -> str:
    return urlsafe_b64encode(hmac.digest(key, _PURPOSE + said.encode(), sha256)[:24]).decode()
