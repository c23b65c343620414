"""Idempotency keys: a creating POST that is sent twice has one effect and one answer.

The key's row commits with the effect, so there is no state in between that a crash could leave behind. A second request
with the same key waits for the first to end; if that takes too long it is told that the first is still running.
"""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.forgetting import forget_some
from coffer_chassis.origin import Origin
from coffer_chassis.tables import ChassisTables
from coffer_chassis.unit_of_work import Unit, Work
from coffer_contracts.problems import IdempotencyInProgress, IdempotencyKeyReuse, MalformedRequest

KEEP_HOURS = 24
WAIT_MILLISECONDS = 2000
_LOCK_TIMED_OUT = "55P03"
_KEY = re.compile(r'([\x21\x23-\x7e]{1,255})|"([\x20\x21\x23-\x7e]{1,255})"')


@dataclass(frozen=True, slots=True)
class Claim:
    """One use of a key: whose, on which route, for which request."""

    principal: str
    route: str
    key: str
    fingerprint: str


def claim(header: str | None, *, principal: str, route: str, body: object) -> Claim | None:
    """The claim a request makes with its Idempotency-Key, quoted (structured field) or bare; None without the header.

    `body` is the parsed request; its canonical JSON tells a repeated request from another one under the same key.
    Raises MalformedRequest for a key that is empty, too long or not printable ASCII.
    """
    if header is None:
        return None
    match = _KEY.fullmatch(header.strip())
    if match is None:
        raise MalformedRequest("Idempotency-Key must be 1 to 255 printable ASCII characters.")
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)
    return Claim(principal, route, match[1] or match[2], hashlib.sha256(canonical.encode()).hexdigest())


async def once(
    work: Work, origin: Origin, used: Claim | None, run: Callable[[Unit], Awaitable[dict[str, Any]]]
) -> tuple[dict[str, Any], bool]:
    """Run a command in a unit, once per claim; its JSON-able result, and whether that is a replay.

    Without a claim it just runs. Results must hold no secrets and no signed addresses: they are kept for 24 hours.
    Raises IdempotencyKeyReuse when the key was used for another request, IdempotencyInProgress when the first use has
    not ended in time; what `run` raises leaves no trace of the claim.
    """
    if used is None:
        async with work.unit(origin) as unit:
            return await run(unit), False
    async with work.unit(origin) as unit:
        if await _first_use(unit, work.tables, used):
            result = await run(unit)
            table = work.tables.idempotency_keys
            await unit.connection.execute(update(table).where(*_matching(table, used)).values(result=result))
            return result, False
        return await _replayed(unit.connection, work.tables, used), True


async def known_result(work: Work, used: Claim | None) -> dict[str, Any] | None:
    """The result of an earlier use of the key, for commands that look around or do slow work before their unit: whatever they
    would find by now, the answer is the one of then. None without a claim and before the first use; `once` still decides.

    Raises IdempotencyKeyReuse when the key was used for another request.
    """
    if used is None:
        return None
    async with work.read() as connection:
        return await _earlier(connection, work.tables, used)


async def _first_use(unit: Unit, tables: ChassisTables, used: Claim) -> bool:
    row = insert(tables.idempotency_keys).values(
        principal=used.principal,
        route=used.route,
        key=used.key,
        fingerprint=used.fingerprint,
        created_at=unit.now,
    )
    await unit.connection.execute(text(f"SET LOCAL lock_timeout = {WAIT_MILLISECONDS}"))
    try:
        done = await unit.connection.execute(row.on_conflict_do_nothing())
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCK_TIMED_OUT:
            raise IdempotencyInProgress("A request with the same Idempotency-Key is still running.") from error
        raise
    await unit.connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))
    return bool(done.rowcount)


async def _replayed(connection: AsyncConnection, tables: ChassisTables, used: Claim) -> dict[str, Any]:
    found = await _earlier(connection, tables, used)
    if found is None:
        raise LookupError("the key that was in the way is not there")
    return found


async def _earlier(connection: AsyncConnection, tables: ChassisTables, used: Claim) -> dict[str, Any] | None:
    table = tables.idempotency_keys
    row = (await connection.execute(select(table).where(*_matching(table, used)))).one_or_none()
    if row is None:
        return None
    if row.fingerprint != used.fingerprint:
        raise IdempotencyKeyReuse("The Idempotency-Key was used for another request before.")
    result: dict[str, Any] = row.result
    return result


def _matching(table: Any, used: Claim) -> tuple[Any, ...]:
    return (table.c.principal == used.principal, table.c.route == used.route, table.c.key == used.key)


async def forget_before(connection: AsyncConnection, tables: ChassisTables, moment: datetime) -> int:
    """Delete a slice of the keys used before `moment`; how many. Safe to run twice."""
    return await forget_some(connection, tables.idempotency_keys, tables.idempotency_keys.c.created_at < moment)
