"""Blocks of an event stream as they stand on the wire (WHATWG HTML, section 9.2: server-sent events)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from coffer_notifier.domain.places import StreamId

_encode = msgspec.json.Encoder().encode


def event_block(event: str, data: Mapping[str, Any] | msgspec.Struct, at: StreamId | None) -> bytes:
    """One event. JSON holds no line break, so the data are one line; without a place the client keeps the id it has."""
    place = f"id: {at}\n" if at else ""
    return f"{place}event: {event}\ndata: ".encode() + _encode(data) + b"\n\n"


def place_block(at: StreamId) -> bytes:
    """Only an id: the client learns where it stands, and nothing is dispatched."""
    return f"id: {at}\n\n".encode()


def beat_block(at: StreamId) -> bytes:
    """A sign of life: a comment, and the place up to which everything has been told."""
    return f": beat\nid: {at}\n\n".encode()


def retrying(milliseconds: int, block: bytes) -> bytes:
    """A block that also says how long the client is to wait before it connects again."""
    return f"retry: {milliseconds}\n".encode() + block
