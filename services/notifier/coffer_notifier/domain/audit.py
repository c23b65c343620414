"""The audit: what an entry says, how it looks as a record, and how records are chained. Pure.

A record is the same in listings, in exports and under the hash, so that whoever has an export can check it with nothing but
SHA-256 (docs/audit.md). What a record says never changes once it was chained; a new field would be a new form.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from coffer_contracts.event import rfc3339

Outcome = Literal["success", "denied", "error"]

GENESIS = "0" * 64
"""What stands for the hash before the first entry."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to whom or what, from where, and how it ended."""

    id: str
    event_id: str
    at: datetime
    service: str
    actor_kind: str
    actor_id: str | None
    """An account, `shell/<user>`, `address/<address>` of somebody who was not signed in, `network/<network>` of a visitor."""
    session_id: str | None
    address: str | None
    agent: str | None
    action: str
    resource_type: str
    resource_id: str | None
    owner_id: str | None
    """The account that it is about, or in whose drive it lies."""
    resource_name: str | None
    """What it was called then."""
    outcome: Outcome
    reason_code: str | None
    changes: Mapping[str, Sequence[Any]]
    """Field -> what it was, what it is."""
    count: int | None
    detail: Mapping[str, str]
    request_id: str
    trace_id: str | None


@dataclass(frozen=True, slots=True)
class Link:
    """Where an entry stands in the chain. `digest` is that of the record, `hash` covers everything up to here."""

    position: int
    prev_hash: str
    digest: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """How far the chain goes; at 0 there is nothing yet."""

    position: int = 0
    hash: str = GENESIS


def record_of(entry: AuditEntry) -> dict[str, Any]:
    """The record as JSON values."""
    return {
        "id": entry.id,
        "event_id": entry.event_id,
        "time": rfc3339(entry.at),
        "service": entry.service,
        "actor": {
            "type": entry.actor_kind,
            "id": entry.actor_id,
            "ip": entry.address,
            "user_agent": entry.agent,
            "session_id": entry.session_id,
        },
        "action": entry.action,
        "resource": {
            "type": entry.resource_type,
            "id": entry.resource_id,
            "owner_id": entry.owner_id,
            "name_at_time": entry.resource_name,
        },
        "outcome": entry.outcome,
        "reason_code": entry.reason_code,
        "changes": {field: list(values) for field, values in entry.changes.items()},
        "count": entry.count,
        "detail": dict(entry.detail),
        "request_id": entry.request_id,
        "trace_id": entry.trace_id,
    }


def line_of(entry: AuditEntry, link: Link | None) -> dict[str, Any]:
    """The record with its place in the chain; nulls while it has none."""
    return record_of(entry) | {
        "position": link.position if link else None,
        "prev_hash": link.prev_hash if link else None,
        "digest": link.digest if link else None,
        "hash": link.hash if link else None,
    }


def digest_of(record: Mapping[str, Any]) -> str:
    """SHA-256 of the record in its one form: JSON in ASCII, keys sorted, no spaces."""
    text = json.dumps(record, ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def linked(after: Head, digest: str) -> Link:
    """The next link of the chain: its hash is SHA-256 of position, the hash before, and the digest, each on a line."""
    position = after.position + 1
    return Link(position, after.hash, digest, chain_hash(position, after.hash, digest))


def chain_hash(position: int, prev_hash: str, digest: str) -> str:
    """See `linked`."""
    return hashlib.sha256(f"{position}\n{prev_hash}\n{digest}\n".encode("ascii")).hexdigest()
