"""W3C Trace Context, level 1: what `traceparent` and `tracestate` may say. Text in, values out; no header is read here."""

import re
from collections.abc import Sequence
from typing import NamedTuple

_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_MEMBER = re.compile(
    r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_IN_JSON = re.compile(r'"traceparent":"([0-9a-f-]{55})"')

LONGEST_PARENT = 256
"""Characters; version 00 has 55, and a later one that needs more than this is not worth reading."""
STATE_MEMBERS = 32
STATE_LENGTH = 512
"""Characters of a `tracestate` that are passed on: as many as everybody should (section 3.3.1.5)."""
_LONG_MEMBER = 128


class Parent(NamedTuple):
    """The span that something happens under."""

    trace_id: str
    span_id: str
    sampled: bool

    @property
    def traceparent(self) -> str:
        """The header, in version 00; of the flags only `sampled` has a meaning in level 1."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def parent_in(text: str | None) -> Parent | None:
    """What a `traceparent` says, or nothing if it is not valid: then a trace begins anew (section 3.2).

    Version 00 has exactly four fields; what a later version appends is not looked at, and version ff is none.
    """
    if text is None or len(text) > LONGEST_PARENT:
        return None
    match = _TRACEPARENT.fullmatch(text)
    if match is None or (match[1] == "00" and match[5]):
        return None
    return Parent(match[2], match[3], bool(int(match[4], 16) & 1))


def parent_in_headers(values: Sequence[bytes]) -> Parent | None:
    """The parent that a request names; two headers are none, because nobody can tell which is meant."""
    return parent_in(values[0].decode("latin-1").strip(" \t")) if len(values) == 1 else None


def state_in_headers(values: Sequence[bytes]) -> str | None:
    """A `tracestate` to pass on, its headers joined in order, or nothing if any of it is malformed (section 3.3).

    Too long a one loses its long members first and then its last ones.
    """
    text = ",".join(value.decode("latin-1") for value in values)
    members = [member.strip(" \t") for member in text.split(",")]
    members = [member for member in members if member]
    keys = {member.partition("=")[0] for member in members}
    if not members or len(members) > STATE_MEMBERS or len(keys) < len(members) or not all(map(_MEMBER.fullmatch, members)):
        return None
    if len(",".join(members)) > STATE_LENGTH:
        members = [member for member in members if len(member) <= _LONG_MEMBER]
    while members and len(",".join(members)) > STATE_LENGTH:
        members.pop()
    return ",".join(members) or None


def traceparent_in_json(body: str) -> str | None:
    """The `traceparent` of a serialized envelope, without reading it whole.

    A quote inside of a JSON text is escaped, so no value can look like the member; the envelope's own comes before `data`.
    """
    match = _IN_JSON.search(body)
    return match[1] if match and parent_in(match[1]) else None
