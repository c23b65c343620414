"""What operators do with signing keys: rotate early, withdraw one that leaked. Both are told as acts."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.admin import acts
from coffer_chassis.admin.operations import Operations
from coffer_chassis.origin import Origin
from coffer_chassis.signing.keys import StoredKey
from coffer_chassis.signing.ring import KeyRing

ROTATED = "keys.rotated"
DROPPED = "keys.dropped"

Ended = Callable[[AsyncConnection, str, datetime], Awaitable[int]]
"""How many long-lived tokens end with a key: connection, the key's id, now."""


async def rotate_keys(operations: Operations, origin: Origin, keys: KeyRing) -> tuple[StoredKey, bool]:
    """Have a new key made before its time; the key, and whether it was made just now. Safe to run twice."""
    async with operations.work.unit(origin) as unit:
        key, fresh = await keys.rotate(unit)
        if fresh:
            acts.record(operations, unit, ROTATED, target=f"key/{key.id}", count=1, usable_from=key.usable_from.isoformat())
    keys.forget()
    return key, fresh


async def drop_key(
    operations: Operations, origin: Origin, keys: KeyRing, key_id: str, ended: Ended | None = None
) -> tuple[StoredKey, int]:
    """Withdraw a key that others may know; the one that signs from now on, and how many long-lived tokens end with it.

    Raises NotFound, also the second time. Short-lived tokens are renewed, others have to be made anew.
    """
    async with operations.work.unit(origin) as unit:
        successor = await keys.drop(unit, key_id)
        detail = {}
        if ended is not None:
            detail = {"personal_tokens": await ended(unit.connection, key_id, unit.now)}
        acts.record(operations, unit, DROPPED, target=f"key/{key_id}", count=1, successor=successor.id, **detail)
    keys.forget()
    return successor, detail.get("personal_tokens", 0)
