"""Keeps the signing keys: the first is made at start, later ones before they are needed, old ones go when nobody needs them."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from coffer_auth.store import signing_keys as store
from coffer_auth.tokens import SigningKey, key_set, new_key, open_key, plan_keys
from coffer_chassis.unit_of_work import Work

RELOAD_EVERY = timedelta(minutes=1)
"""Shorter than the time a new key is published before its first use, so that every process publishes it by then."""


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

    async def published(self) -> dict[str, Any]:
        """The key set as the world may see it."""
        await self._load()
        return self._published

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
