"""Counters of failed sign-ins: shared by all processes, kept for one window, holding digests instead of names."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import case, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_auth.domain.accounts import key_of
from coffer_auth.domain.attempts import ATTEMPT_WINDOW, AttemptCount, Counter
from coffer_auth.store.tables import login_attempts as table
from coffer_contracts.ids import SessionId

SWEPT_AT_ONCE = 100


def counters(login: str, network: str | None, device: SessionId | None = None) -> dict[Counter, bytes]:
    """Name of the limit -> key of its counter. Digests, because people type passwords into the wrong field."""
    who, where = key_of(login), network or ""
    parts: dict[Counter, tuple[str, ...]] = {
        "pair": ("pair", who, where),
        "account": ("account", who),
        "address": ("address", where),
    }
    if device is not None:
        parts["device"] = ("device", device)
    return {name: hashlib.sha256("\0".join(part).encode()).digest() for name, part in parts.items()}


def proof_counter(session_id: SessionId) -> dict[Counter, bytes]:
    """The same for the proofs of one session."""
    return {"proof": hashlib.sha256(f"proof\0{session_id}".encode()).digest()}


async def counts(connection: AsyncConnection, keys: Mapping[Counter, bytes], now: datetime) -> dict[Counter, AttemptCount]:
    """The counters that have a window open at `now`."""
    rows = await connection.execute(select(table).where(table.c.counter.in_(keys.values()), table.c.window_ends_at > now))
    names = {key: name for name, key in keys.items()}
    return {names[row.counter]: AttemptCount(row.failures, row.window_ends_at) for row in rows}


async def count_failure(
    connection: AsyncConnection, keys: Mapping[Counter, bytes], now: datetime
) -> dict[Counter, AttemptCount]:
    """One failure more on every counter, opening a new window where the old one is over; the counters after it."""
    ends = now + ATTEMPT_WINDOW
    # Sorted, so that two sign-ins lock the counters they share in the same order.
    values = [{"counter": key, "failures": 1, "window_ends_at": ends} for key in sorted(keys.values())]
    row = insert(table).values(values)
    over = table.c.window_ends_at <= now
    counted = await connection.execute(
        row.on_conflict_do_update(
            index_elements=[table.c.counter],
            set_={
                "failures": case((over, 1), else_=table.c.failures + 1),
                "window_ends_at": case((over, ends), else_=table.c.window_ends_at),
            },
        ).returning(table)
    )
    names = {key: name for name, key in keys.items()}
    return {names[row.counter]: AttemptCount(row.failures, row.window_ends_at) for row in counted}


async def clear(connection: AsyncConnection, keys: Mapping[Counter, bytes]) -> None:
    """Someone signed in: what was counted against them there is forgotten. What was counted against the account is not, or each
    of their sign-ins would give those who guess at it from elsewhere a new window; nor what was against the network.
    """
    own = table.c.counter.in_([key for name, key in keys.items() if name in {"pair", "device"}])
    locked = select(table.c.counter).where(own).order_by(table.c.counter).with_for_update()
    await connection.execute(delete(table).where(table.c.counter.in_(locked)))


async def forget(connection: AsyncConnection, keys: Mapping[Counter, bytes]) -> None:
    """What these counters counted is forgotten."""
    await connection.execute(delete(table).where(table.c.counter.in_(sorted(keys.values()))))


async def sweep(connection: AsyncConnection, now: datetime) -> int:
    """Delete up to SWEPT_AT_ONCE counters whose window is over; how many. Safe beside sign-ins and beside itself."""
    over = select(table.c.counter).where(table.c.window_ends_at <= now).limit(SWEPT_AT_ONCE).with_for_update(skip_locked=True)
    return (await connection.execute(delete(table).where(table.c.counter.in_(over)))).rowcount
