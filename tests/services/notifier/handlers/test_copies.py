"""Copies that change while they are read: what has just come is not taken for gone."""

from typing import Any

import pytest

from coffer_chassis.copies.tree import standings
from coffer_notifier.handlers import sight
from factories.notifier import Notifier
from factories.telling import Share, drive, user_id


async def test_an_item_that_is_heard_of_between_two_looks_is_there(notifier: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = user_id()
    folder = drive(user_id()).below("Plans", "folder")
    await notifier.handle(Share(folder, bob).granted())
    looks = 0

    async def just_before_it_came(connection: Any, table: Any, item_ids: Any) -> Any:
        nonlocal looks
        looks += 1
        found = await standings(connection, table, item_ids)
        if looks == 1:
            await notifier.handle(folder.created())
        return found

    monkeypatch.setattr(sight, "standings", just_before_it_came)
    async with notifier.deps.work.read() as connection:
        seen = await sight.look(connection, [folder.id], notifier.clock.now(), reader=bob)
    assert looks == 2
    assert seen.gone == frozenset()
    assert seen.may_read(bob, folder.id, None)


async def test_an_item_below_something_that_is_gone_is_gone(notifier: Notifier) -> None:
    bob = user_id()
    folder = drive(user_id()).below("Plans", "folder")
    file = folder.below("a.txt")
    await notifier.handle(folder.created(), file.committed(), Share(folder, bob).granted(), folder.purged())
    async with notifier.deps.work.read() as connection:
        seen = await sight.look(connection, [file.id, folder.id], notifier.clock.now(), reader=bob)
    assert seen.gone == {file.id, folder.id}
    assert not seen.may_read(bob, file.id, None)
