"""Keeps the signing keys: the first is made at start, later ones before they are needed, old ones go when nobody needs them."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table

from coffer_chassis.signing import store
from coffer_chassis.signing.keys import PUBLISHED_BEFORE_USE, SigningKey, StoredKey, key_set, new_key, open_key, plan_keys
from coffer_chassis.unit_of_work import Unit, Work
from coffer_contracts.problems import NotFound

RELOAD_EVERY = timedelta(seconds=10)
"""How long a process may sign with a key, and publish it, that another one has dropped. Far shorter than the time a new key is
published before its first use, so that every process publishes it by then."""


class KeyRing:
    """The signing keys of the store, in memory. One per process."""

    def __init__(self, work: Work, table: Table, secret: bytes, token_life: timedelta) -> None:
        """`secret` is the 32 bytes that seal private keys; `token_life` is that of the tokens no row is kept of."""
        self._work = work
        self._table = table
        self._secret = secret
        self._token_life = token_life
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
            return await store.all_keys(connection, self._table)

    async def rotate(self, unit: Unit) -> tuple[StoredKey, bool]:
        """The next key, published from now on and used when every cache knows it; and whether it was made just now.

        Safe to run twice: while a key waits for its first use no other one is made.
        """
        await store.lock_keys(unit.connection)
        known = await store.all_keys(unit.connection, self._table)
        if known and known[-1].usable_from > unit.now:
            return known[-1], False
        usable_from = unit.now + PUBLISHED_BEFORE_USE if known else unit.now
        made = new_key(self._secret, now=unit.now, usable_from=usable_from)
        await store.insert_key(unit.connection, self._table, made)
        return made, True

    async def drop(self, unit: Unit, key_id: str) -> StoredKey:
        """Withdraw a key at once; the one that signs from now on. Raises NotFound.

        There is always one to sign with: if need be the key that waits for its first use, or a fresh one.
        """
        await store.lock_keys(unit.connection)
        known = await store.all_keys(unit.connection, self._table)
        left = [key for key in known if key.id != key_id]
        if len(left) == len(known):
            raise NotFound("There is no such signing key.")
        await store.delete_keys(unit.connection, self._table, [key_id])
        usable = [key for key in left if key.usable_from <= unit.now]
        if usable:
            return usable[-1]
        if left:
            await store.use_from(unit.connection, self._table, left[0].id, unit.now)
            return left[0]
        made = new_key(self._secret, now=unit.now, usable_from=unit.now)
        await store.insert_key(unit.connection, self._table, made)
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
                stored = await store.all_keys(connection, self._table)
            plan = plan_keys(stored, now, self._token_life)
            if plan.make_usable_from or plan.retire:
                stored = await self._rotate(now)
            opened = {key.id: key for key in self._signing}
            self._signing = [opened.get(key.id) or open_key(self._secret, key) for key in stored]
            self._published = key_set(stored)
            self._loaded_at = now

    async def _rotate(self, now: datetime) -> list[StoredKey]:
        """Do what is planned, once for all processes: under a lock, planned again with what is there then."""
        async with self._work.engine.begin() as connection:
            await store.lock_keys(connection)
            plan = plan_keys(await store.all_keys(connection, self._table), now, self._token_life)
            if plan.make_usable_from:
                made = new_key(self._secret, now=now, usable_from=plan.make_usable_from)
                await store.insert_key(connection, self._table, made)
            await store.delete_keys(connection, self._table, plan.retire)
            return await store.all_keys(connection, self._table)

    def _fresh(self) -> bool:
        now = self._work.clock.now()
        return self._loaded_at is not None and timedelta() <= now - self._loaded_at < RELOAD_EVERY
