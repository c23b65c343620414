"""Lists of shares: who is shown what, in which order, at what cost."""

import random
from datetime import timedelta
from typing import Any

import pytest

from coffer_chassis.access import EDITOR, VIEWER, Rights
from coffer_contracts.files import ItemKind
from coffer_contracts.problems import NotFound
from coffer_sharing.domain import Order
from coffer_sharing.handlers.reading import list_by_me, list_on_item, list_with_me
from coffer_sharing.store.listings import Asked
from factories.sharing import Item, Sharing

ALL = Asked(Order(), 1000)
ORDERS = [Order.parse(text) for text in ("created_at", "-created_at", "name", "-name")]


async def with_me(sharing: Sharing, somebody: Any, asked: Asked = ALL) -> list[Any]:
    return (await list_with_me(sharing.deps, somebody, asked)).shares


async def by_me(sharing: Sharing, asked: Asked = ALL) -> list[Any]:
    return (await list_by_me(sharing.deps, sharing.owner, asked)).shares


async def on_item(sharing: Sharing, item: Item, by: Any, asked: Asked = ALL) -> Any:
    return await list_on_item(sharing.deps, by, item.id, asked)


def items_of(shares: list[Any]) -> set[str]:
    return {one.share.item_id for one in shares}


async def test_each_sees_their_side_of_a_share(sharing: Sharing) -> None:
    ann, bob = await sharing.person(), await sharing.person()
    folder = await sharing.item("Trip")
    [shown] = await sharing.share(folder, ann, role="editor")
    assert await by_me(sharing) == await with_me(sharing, ann) == [shown]
    assert (shown.kind, shown.name, shown.people.owner.user_id) == ("folder", "Trip", sharing.owner.user_id)
    assert (shown.people.recipient.username, shown.people.granted_by.username) == (ann.username, sharing.owner.username)
    assert await with_me(sharing, bob) == await with_me(sharing, sharing.owner) == []


async def test_with_me_holds_only_what_is_open_now(sharing: Sharing) -> None:
    ann = await sharing.person()
    folder = await sharing.item("folder")
    inner = await sharing.item("inner", folder)
    file = await sharing.item("file", inner, "file")
    alone = await sharing.item("alone")
    brief = await sharing.item("brief")
    await sharing.share(brief, ann, expires_at=sharing.clock.now() + timedelta(minutes=1))
    for item in (folder, file, alone):
        await sharing.share(item, ann)
    assert items_of(await with_me(sharing, ann)) == {folder.id, file.id, alone.id, brief.id}
    sharing.clock.advance(minutes=1)
    assert items_of(await with_me(sharing, ann)) == {folder.id, file.id, alone.id}
    await sharing.handle(sharing.drive.trash(inner))
    assert items_of(await with_me(sharing, ann)) == {folder.id, alone.id}
    await sharing.handle(sharing.drive.trash(folder))
    assert items_of(await with_me(sharing, ann)) == {alone.id}
    assert items_of(await by_me(sharing)) == {folder.id, file.id, alone.id}
    await sharing.handle(sharing.drive.restore(folder), sharing.drive.restore(inner))
    assert items_of(await with_me(sharing, ann)) == {folder.id, file.id, alone.id}
    await sharing.handle(sharing.drive.change(file, parent=alone, name="moved"), *sharing.drive.purge(folder))
    left = await with_me(sharing, ann)
    assert items_of(left) == items_of(await by_me(sharing)) == {file.id, alone.id}
    assert {one.name for one in left} == {"moved", "alone"}


async def test_a_folder_above_that_is_gone_closes_what_lies_below_before_its_own_fact_has_come(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    file = await sharing.item("file", folder, "file")
    await sharing.share(file, ann)
    *_, last = sharing.drive.purge(folder)
    await sharing.handle(last)
    assert await with_me(sharing, ann) == []


async def test_lists_can_be_cut_down_to_a_kind(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    file = await sharing.item("file", folder, "file")
    for item in (folder, file):
        await sharing.share(item, ann)
    kinds: list[tuple[ItemKind, Item]] = [("folder", folder), ("file", file)]
    for kind, item in kinds:
        asked = ALL._replace(kind=kind)
        assert items_of(await with_me(sharing, ann, asked)) == items_of(await by_me(sharing, asked)) == {item.id}


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.text)
async def test_pages_follow_each_other_without_gap_or_repeat(sharing: Sharing, order: Order) -> None:
    chance = random.Random(7)
    ann = await sharing.person()
    for number in range(23):
        if chance.random() < 0.7:
            sharing.clock.advance(seconds=1)
        item = await sharing.item(chance.choice(["a", "B", "c", "\u00e4", "\u4e2d"]) + str(number % 3))
        await sharing.share(item, ann)
        if chance.random() < 0.2:
            await sharing.handle(sharing.drive.trash(item))
    for ask, somebody in ((list_with_me, ann), (list_by_me, sharing.owner)):
        whole = await ask(sharing.deps, somebody, ALL._replace(order=order))
        assert whole.after is None
        seen: list[Any] = []
        after = None
        while True:
            page = await ask(sharing.deps, somebody, Asked(order, chance.randint(1, 6), after))
            seen += page.shares
            after = page.after
            if after is None:
                break
        assert seen == whole.shares
        assert len(items_of(seen)) == len(seen)
        keys = [
            (one.share.created_at if order.key == "created_at" else one.name.lower().encode(), one.share.id) for one in seen
        ]
        if all(one.name.isascii() for one in seen) or order.key == "created_at":
            assert keys == sorted(keys, reverse=order.descending)


async def test_the_owner_sees_who_has_what_with_what_comes_from_above_and_others_see_their_own(sharing: Sharing) -> None:
    ann, bob, stranger = await sharing.person(), await sharing.person(), await sharing.person()
    folder = await sharing.item("folder")
    inner = await sharing.item("inner", folder)
    file = await sharing.item("file", inner, "file")
    [above] = await sharing.share(folder, ann)
    sharing.clock.advance(seconds=1)
    [direct] = await sharing.share(file, ann, role="editor")
    sharing.clock.advance(seconds=1)
    [bobs] = await sharing.share(inner, bob)
    await sharing.share(await sharing.item("beside", folder), bob)
    seen, page = await on_item(sharing, file, sharing.owner)
    assert (page.shares, seen.rights) == ([bobs, direct, above], Rights.OWN)
    seen, page = await on_item(sharing, file, ann)
    assert (page.shares, seen.rights) == ([direct, above], EDITOR)
    seen, page = await on_item(sharing, inner, ann)
    assert (page.shares, seen.rights) == ([above], VIEWER)
    seen, page = await on_item(sharing, file, bob)
    assert (page.shares, seen.rights) == ([bobs], VIEWER)
    for item, somebody in ((folder, bob), (file, stranger)):
        with pytest.raises(NotFound):
            await on_item(sharing, item, somebody)


async def test_the_shares_of_an_item_are_paged(sharing: Sharing) -> None:
    people = [await sharing.person() for _ in range(7)]
    folder = await sharing.item()
    file = await sharing.item("file", folder, "file")
    made = [*await sharing.share(folder, *people[:3]), *await sharing.share(file, *people[3:])]
    seen: list[Any] = []
    after = None
    while True:
        _, page = await on_item(sharing, file, sharing.owner, Asked(Order(), 2, after))
        seen += page.shares
        after = page.after
        if after is None:
            break
    assert seen == sorted(made, key=lambda one: one.share.id, reverse=True)


async def test_a_move_takes_rights_from_above_along_and_brings_others(sharing: Sharing) -> None:
    ann, bob = await sharing.person(), await sharing.person()
    one, other = await sharing.item("one"), await sharing.item("other")
    middle = await sharing.item("middle", one)
    file = await sharing.item("file", middle, "file")
    await sharing.share(one, ann)
    await sharing.share(other, bob)
    await sharing.handle(sharing.drive.change(middle, parent=other))
    with pytest.raises(NotFound):
        await on_item(sharing, file, ann)
    assert (await on_item(sharing, file, bob))[0].rights == VIEWER


async def test_a_list_costs_two_statements_whatever_its_length(sharing: Sharing) -> None:
    ann = await sharing.person()
    folder = await sharing.item()
    for number in range(30):
        item = await sharing.item(str(number), folder)
        await sharing.share(item, ann)

    async def cost(asking: Any) -> int:
        sharing.statements.clear()
        await asking
        return len(sharing.statements)

    for limit in (1, 30):
        asked = Asked(Order("name"), limit)
        assert await cost(with_me(sharing, ann, asked)) == await cost(by_me(sharing, asked)) == 2
        assert await cost(on_item(sharing, item, sharing.owner, asked)) == 3
        assert await cost(on_item(sharing, item, ann, asked)) == 4
