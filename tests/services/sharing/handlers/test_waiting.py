"""Items whose facts are still on their way: who asks for one is kept waiting, whether it is unknown or only not theirs."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from coffer_chassis.testing import eventually
from coffer_contracts.ids import ItemId
from coffer_contracts.problems import NotFound
from coffer_sharing.domain import FRESH, Named, Order
from coffer_sharing.domain.comments import Reading
from coffer_sharing.handlers import sight
from coffer_sharing.handlers.comments import Remark, add_comment, list_comments
from coffer_sharing.handlers.explaining import explain
from coffer_sharing.handlers.giving import Gift, share_item
from coffer_sharing.handlers.reading import list_on_item
from coffer_sharing.handlers.sight import WAIT_SECONDS, seen
from coffer_sharing.store.listings import Asked
from factories.files import origin_of
from factories.sharing import Sharing, id_made

Command = Callable[[Sharing, ItemId, Any], Coroutine[Any, Any, Any]]


async def give(sharing: Sharing, item_id: ItemId, by: Any) -> Any:
    gift = Gift(item_id, [Named(None, "nobody.of.this.name")], "viewer")
    return await share_item(sharing.deps, by, origin_of(by), None, gift)


async def ask_list(sharing: Sharing, item_id: ItemId, by: Any) -> Any:
    return await list_on_item(sharing.deps, by, item_id, Asked(Order(), 10))


async def ask_why(sharing: Sharing, item_id: ItemId, by: Any) -> Any:
    return await explain(sharing.deps, by, item_id, None)


async def ask_comments(sharing: Sharing, item_id: ItemId, by: Any) -> Any:
    return await list_comments(sharing.deps, by, item_id, Reading(10))


async def comment(sharing: Sharing, item_id: ItemId, by: Any) -> Any:
    return await add_comment(sharing.deps, by, origin_of(by), None, Remark(item_id, "Nice"))


COMMANDS: list[Command] = [give, ask_list, ask_why, ask_comments, comment]
NEVER = 3600
"""Seconds; long before, the test itself is given up."""


@pytest.fixture
def nobody_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sight, "WAIT_SECONDS", NEVER)


async def seconds_until_refused(sharing: Sharing, command: Command, item_id: ItemId, by: Any) -> float:
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(NotFound):
        await command(sharing, item_id, by)
    return loop.time() - started


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.__name__))
async def test_time_does_not_tell_the_unknown_from_what_is_not_yours(
    sharing: Sharing, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = await sharing.person()
    now = sharing.clock.now()
    fresh = await sharing.item("fresh", made_at=now)
    old = await sharing.item("old", made_at=now - FRESH - timedelta(seconds=1))
    asked = [fresh.id, ItemId(id_made(now))]
    waited = await asyncio.gather(*(seconds_until_refused(sharing, command, item_id, stranger) for item_id in asked))
    assert min(waited) >= WAIT_SECONDS
    monkeypatch.setattr(sight, "WAIT_SECONDS", NEVER)
    for item_id in (old.id, ItemId(id_made(now - FRESH - timedelta(seconds=1)))):
        with pytest.raises(NotFound):
            await command(sharing, item_id, stranger)


@pytest.mark.usefixtures("nobody_gives_up")
@pytest.mark.parametrize("command", [ask_list, ask_why, ask_comments, comment], ids=lambda command: str(command.__name__))
async def test_an_item_whose_fact_comes_meanwhile_is_found(sharing: Sharing, command: Command) -> None:
    item, fact = sharing.drive.make("late", sharing.root, made_at=sharing.clock.now())
    sharing.statements.clear()
    asking = asyncio.create_task(command(sharing, item.id, sharing.owner))
    await somebody_looked(sharing)
    await sharing.handle(fact)
    assert await asking


@pytest.mark.usefixtures("nobody_gives_up")
async def test_an_item_is_shared_as_soon_as_its_fact_has_come(sharing: Sharing) -> None:
    ann = await sharing.person()
    item, fact = sharing.drive.make("late", sharing.root, made_at=sharing.clock.now())
    sharing.statements.clear()
    sharing_it = asyncio.create_task(sharing.share(item, ann))
    await somebody_looked(sharing)
    await sharing.handle(fact)
    [shown] = await sharing_it
    assert shown.share.recipient_id == ann.user_id


@pytest.mark.usefixtures("nobody_gives_up")
async def test_somebody_else_may_be_given_the_right_meanwhile(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    inner = await sharing.item("inner", folder, made_at=sharing.clock.now())
    sharing.statements.clear()
    asking = asyncio.create_task(ask_list(sharing, inner.id, ann))
    await somebody_looked(sharing)
    await sharing.share(folder, ann)
    _, page = await asking
    assert [one.share.item_id for one in page.shares] == [folder.id]


@pytest.mark.usefixtures("nobody_gives_up")
async def test_news_wake_those_who_wait_before_they_would_look_again(sharing: Sharing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sight, "POLL_SECONDS", NEVER)
    item, fact = sharing.drive.make("late", sharing.root, made_at=sharing.clock.now())
    sharing.statements.clear()
    asking = asyncio.create_task(seen(sharing.deps, item.id, sharing.owner))
    await somebody_looked(sharing)
    await sharing.handle(fact)
    await asking


@pytest.mark.usefixtures("nobody_gives_up")
async def test_nobody_holds_a_connection_while_waiting(sharing: Sharing) -> None:
    fresh = [ItemId(id_made(sharing.clock.now())) for _ in range(40)]
    asking = [asyncio.create_task(ask_list(sharing, item_id, sharing.owner)) for item_id in fresh]
    ann, folder = await sharing.person(), await sharing.item()
    await sharing.share(folder, ann)
    assert not any(task.done() for task in asking)
    for task in asking:
        task.cancel()
    await asyncio.wait(asking)


async def somebody_looked(sharing: Sharing) -> None:
    async def looked() -> bool:
        return any("RECURSIVE" in statement for statement in sharing.statements) or any(
            "FOR UPDATE" in statement for statement in sharing.statements
        )

    await eventually(looked)
