"""Message bodies for people to read: decoded against their contract, or why not; never with a secret in them.

No contract has a field for a secret; what strangers put into a queue may hold anything.
"""

import re
from dataclasses import dataclass
from typing import Any

import msgspec
from pydantic_core import from_json

from coffer_chassis.logs import REDACTED, scrubbed
from coffer_chassis.storage import read_notification
from coffer_contracts.catalog import Unreadable, parse

READ_BYTES = 64 * 1024
"""Up to this a body is decoded in a listing: no event of ours is larger."""
SHOWN_CHARACTERS = 4096
"""Of a raw body in a listing."""

PRIVATE = "a private command is shown to nobody but its reader"

_SECRET = re.compile(
    r"authorization|tokens?$|passw|secret|signature|cookie|credential|api_?key|private_?key|otp$|recovery|sealed", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A body for people: `decoded` or `unreadable`, and the text itself, cut where it is long."""

    body: str
    body_bytes: int
    is_cut: bool
    decoded: Any
    """The envelope as JSON, or the list of objects that a bucket reports."""
    unreadable: str | None


def read(body: str, *, size_bytes: int | None = None, from_bucket: bool = False, shown: int | None = None) -> Reading:
    """Decode a body as the consumer of its queue would. With `size_bytes` the body given may be a part of it.

    A text that cannot be decoded is a result, not an error.
    """
    size = len(body.encode()) if size_bytes is None else size_bytes
    decoded: Any = None
    reason: str | None = None
    if shown is not None and size > READ_BYTES:
        reason = f"{size} bytes are not decoded in a listing; ask for the letter itself"
    else:
        try:
            decoded = _decoded(body, from_bucket=from_bucket)
        except Unreadable as error:
            reason = scrubbed(str(error))
    text = _safe(body)
    cut = text if shown is None else text[:shown]
    return Reading(cut, size, len(cut) < len(text) or len(body.encode()) < size, decoded, reason)


def withheld(size_bytes: int) -> Reading:
    """What is shown of a private command: how long it is."""
    return Reading("", size_bytes, size_bytes > 0, None, PRIVATE)


def _decoded(body: str, *, from_bucket: bool) -> Any:
    if from_bucket:
        return [_hidden(from_json(fact.to_json())) for fact in read_notification(body)]
    return _hidden(from_json(parse(body).to_json()))


def _safe(body: str) -> str:
    try:
        known = from_json(body)
    except ValueError:
        return scrubbed(body)
    hidden = _hidden(known)
    return scrubbed(body if hidden == known else msgspec.json.encode(hidden).decode())


def _is_secret(name: str, value: Any) -> bool:
    return value is not None and not isinstance(value, bool) and _SECRET.search(name) is not None


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: REDACTED if _is_secret(name, inner) else _hidden(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_hidden(inner) for inner in value]
    return scrubbed(value) if isinstance(value, str) else value
