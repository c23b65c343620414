"""Keeps the signing keys: the first is made at start, later ones before they are needed, old ones go when nobody needs them.

Operators may rotate early, and drop a key that leaked; how long the world goes on to believe it stands in docs/tokens.md.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from coffer_auth.store import signing_keys as store
from coffer_auth.store.signing_keys import StoredKey
from coffer_auth.tokens import PUBLISHED_BEFORE_USE, SigningKey, key_set, new_key, open_key, plan_keys
from coffer_chassis.admin import acts
from coffer_chassis.admin.operations import Operations
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit, Work
from coffer_contracts.problems import NotFound

ROTATED = "keys.rotated"
DROPPED = "keys.dropped"

RELOAD_EVERY = timedelta(seconds=10)
"""How long a process may sign with a key, and publish it, that another one has dropped. Far shorter than the time a new key is
published before its first use, so that every process publishes it by then."""


class KeyRing:
    """The signing keys of the store, in memory. One per process."""

    def __init__(self, work: Work, secret: bytes) -> None:
        """`secret` is the 32 bytes that seal private keys."""
        self._work = work
        self._secret = secret
        self._loaded_at: datetime | None = None
        self._loading = asyncio.Lock()
        self._signing: list[SigningKey] = []
        self._published: dict[str, Any] = {"keys": []}

    async def current(self) -> SigningKey:
        """The key to sign with: the newest one that has been published long enough."""
        await self._load()
        now = self._work.clock.now()
        usable = [key for key in self._signing if key.usable_from <= now]
        # The very first key may have been made by a process whose clock is ahead.
        return usable[-1] if usable else self._signing[0]

    async def signing(self, key_id: str) -> SigningKey | None:
        """The key of that id, if it is still there: for what was signed with it once."""
        await self._load()
        return next((key for key in self._signing if key.id == key_id), None)

    async def published(self) -> dict[str, Any]:
        """The key set as the world may see it."""
        await self._load()
        return self._published

    async def stored(self) -> list[StoredKey]:
        """Every key as it stands in the store, in the order of first use."""
        async with self._work.read() as connection:
            return await store.all_keys(connection)

    async def rotate(self, unit: Unit) -> tuple[StoredKey, bool]:
        """The next key, published from now on and used when every cache knows it; and whether it was made just now.

        Safe to run twice: while a key waits for its first use no other one is made.
        """
        await store.lock_keys(unit.connection)
        known = await store.all_keys(unit.connection)
        if known and known[-1].usable_from > unit.now:
            return known[-1], False
        usable_from = unit.now + PUBLISHED_BEFORE_USE if known else unit.now
        made = new_key(self._secret, now=unit.now, usable_from=usable_from)
        await store.insert_key(unit.connection, made)
        return made, True

    async def drop(self, unit: Unit, key_id: str) -> StoredKey:
        """Withdraw a key at once; the one that signs from now on. Raises NotFound.

        There is always one to sign with: if need be the key that waits for its first use, or a fresh one.
        """
        await store.lock_keys(unit.connection)
        known = await store.all_keys(unit.connection)
        left = [key for key in known if key.id != key_id]
        if len(left) == len(known):
            raise NotFound("There is no such signing key.")
        await store.delete_keys(unit.connection, [key_id])
        usable = [key for key in left if key.usable_from <= unit.now]
        if usable:
            return usable[-1]
        if left:
            await store.use_from(unit.connection, left[0].id, unit.now)
            return left[0]
        made = new_key(self._secret, now=unit.now, usable_from=unit.now)
        await store.insert_key(unit.connection, made)
        return made

    def forget(self) -> None:
        """Read the store again when the keys are needed next."""
        self._loaded_at = None

    async def _load(self) -> None:
        """Read the keys, at most once per RELOAD_EVERY, after rotation. Raises WrongKeySecret."""
        if self._fresh():
            return
        async with self._loading:
            if self._fresh():
                return
            now = self._work.clock.now()
            async with self._work.read() as connection:
                stored = await store.all_keys(connection)
            plan = plan_keys(stored, now)
            if plan.make_usable_from or plan.retire:
                stored = await self._rotate(now)
            opened = {key.id: key for key in self._signing}
            self._signing = [opened.get(key.id) or open_key(self._secret, key) for key in stored]
            self._published = key_set(stored)
            self._loaded_at = now

    async def _rotate(self, now: datetime) -> list[store.StoredKey]:
        """Do what is planned, once for all processes: under a lock, planned again with what is there then."""
        async with self._work.engine.begin() as connection:
            await store.lock_keys(connection)
            plan = plan_keys(await store.all_keys(connection), now)
            if plan.make_usable_from:
                await store.insert_key(connection, new_key(self._secret, now=now, usable_from=plan.make_usable_from))
            await store.delete_keys(connection, list(plan.retire))
            return await store.all_keys(connection)

    def _fresh(self) -> bool:
        now = self._work.clock.now()
        return self._loaded_at is not None and timedelta() <= now - self._loaded_at < RELOAD_EVERY


async def rotate_keys(operations: Operations, origin: Origin, keys: KeyRing) -> tuple[StoredKey, bool]:
    """Have a new key made before its time; the key, and whether it was made just now. Safe to run twice."""
    async with operations.work.unit(origin) as unit:
        key, fresh = await keys.rotate(unit)
        if fresh:
            acts.record(operations, unit, ROTATED, target=f"key/{key.id}", count=1, usable_from=key.usable_from.isoformat())
    keys.forget()
    return key, fresh


async def drop_key(operations: Operations, origin: Origin, keys: KeyRing, key_id: str) -> tuple[StoredKey, int]:
    """Withdraw a key that others may know; the one that signs from now on, and how many personal access tokens end with it.

    Raises NotFound, also the second time. Access tokens are renewed by refresh tokens, personal ones have to be made anew.
    """
    async with operations.work.unit(origin) as unit:
        successor = await keys.drop(unit, key_id)
        ended = await store.tokens_signed_by(unit.connection, key_id, unit.now)
        acts.record(operations, unit, DROPPED, target=f"key/{key_id}", count=1, successor=successor.id, personal_tokens=ended)
    keys.forget()
    return successor, ended
