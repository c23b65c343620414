"""What one round of a hub hands out: to those who join while it ends, and once where once is enough."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from coffer_notifier.stream import hub as hub_module
from factories.notifier import Notifier
from factories.streams import INSERT, Rounds, api_process, listening, numbers, tell
from factories.telling import Share, drive, user_id


class SlowToTakeBack:
    """A store whose connections, once `slow` is set, are given back only when the gate is opened."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.slow = False
        self.giving_back, self.gate = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        async with self._engine.connect() as connection:
            yield connection
            if self.slow:
                self.giving_back.set()
                await self.gate.wait()


async def test_who_joins_while_a_round_gives_its_connection_back_misses_nothing_of_it(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    store: Any = SlowToTakeBack(notifier.hub._engine)
    notifier.hub._engine = store
    async with api_process(notifier) as address:
        async with listening(address, bob) as before:
            last = before.last_id
        async with listening(address, ann):
            store.slow = True
            async with notifier.engine.begin() as connection:
                both = [{"user": user, "number": 1, "at": notifier.clock.now()} for user in (ann, bob)]
                await connection.execute(INSERT, both)
            notifier.hub.poke()
            await store.giving_back.wait()
            async with listening(address, bob, last_id=last) as again:
                store.slow = False
                store.gate.set()
                await tell(notifier, bob, 2)
                await again.hears(2, "upload")
                assert numbers(again) == [1, 2]


@pytest.mark.slow
async def test_what_nobody_was_woken_for_is_found_by_looking(notifier: Notifier) -> None:
    ann = user_id()
    async with api_process(notifier) as address, listening(address, ann) as listener:
        async with notifier.engine.begin() as connection:
            await connection.execute(INSERT, {"user": ann, "number": 1, "at": notifier.clock.now()})
        await listener.hears(1, "upload", within_seconds=hub_module.POLL_SECONDS + 5)
        assert numbers(listener) == [1]


async def test_many_grants_at_once_are_hinted_at_twice_and_not_twice_each(
    notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = user_id(), user_id()
    rounds = Rounds(notifier.hub)
    monkeypatch.setattr(hub_module, "AGAIN_SECONDS", 0.1)
    async with api_process(notifier) as address, listening(address, bob, topics="changes") as listener:
        await rounds.some_more()
        await rounds.hold()
        for _ in range(20):
            await notifier.handle(Share(drive(ann).below(), bob).granted())
        rounds.gate.set()
        first, second = await listener.hears(2, "change")
        assert first.id is not None
        assert second.id is None
        await tell(notifier, bob, 1)
        await rounds.some_more()
        assert len(listener.events("change")) == 2
