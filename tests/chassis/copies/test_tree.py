"""The copy of the tree: facts in any order end in the same shape, and half-arrived moves confuse nobody."""

import itertools
import random
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import VIEWER, Grant, Rights, rights_on
from coffer_chassis.copies.tree import DEEPEST, Standing, forget_purged_before, note_all, standings
from coffer_chassis.testing import NOON
from factories.copies import TREE, copies, copies_url
from factories.sharing import Drive, Item, id_made

pytestmark = pytest.mark.slow

__all__ = ["copies", "copies_url"]


@pytest.fixture
def drive() -> Drive:
    return Drive(id_made())


async def note(connection: AsyncConnection, *facts: Any) -> list[bool]:
    """Whether each was news."""
    return [bool(await note_all(connection, TREE, [fact])) for fact in facts]


async def at(connection: AsyncConnection, item: Item) -> Standing | None:
    return (await standings(connection, TREE, [item.id])).get(item.id)


async def above(connection: AsyncConnection, item: Item) -> tuple[str, ...]:
    found = await at(connection, item)
    assert found is not None
    return found.ancestor_ids


async def test_an_item_stands_below_the_folders_above_it(copies: AsyncConnection, drive: Drive) -> None:
    root, first = drive.root()
    folder, second = drive.make("Folder", root)
    file, third = drive.make("file", folder, "file")
    assert await note(copies, first, second, third) == [True] * 3
    assert await at(copies, file) == Standing(
        item_id=file.id,
        owner_id=drive.owner_id,
        kind="file",
        name="file",
        parent_id=folder.id,
        ancestor_ids=(root.id, folder.id),
        in_trash=False,
        below_trash=False,
    )
    found = await standings(copies, TREE, [root.id, folder.id, file.id, id_made()])
    assert {item_id: standing.ancestor_ids for item_id, standing in found.items()} == {
        root.id: (),
        folder.id: (root.id,),
        file.id: (root.id, folder.id),
    }


async def test_nobody_asked_about_is_nothing_told(copies: AsyncConnection) -> None:
    assert await standings(copies, TREE, []) == {}


async def test_a_fact_twice_or_an_older_one_is_no_news(copies: AsyncConnection, drive: Drive) -> None:
    root, first = drive.root()
    item, made = drive.make("a", root)
    renamed = drive.change(item, name="b")
    restated = drive.restate(item)
    assert await note(copies, first, renamed, made, renamed, restated) == [True, True, False, False, False]
    found = await at(copies, item)
    assert found is not None
    assert found.name == "b"


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
async def test_children_may_come_before_their_folders(copies: AsyncConnection, drive: Drive, order: tuple[int, ...]) -> None:
    root, first = drive.root()
    facts: list[Any] = [first]
    items, parent = [root], root
    for name in "abc":
        parent, fact = drive.make(name, parent)
        items.append(parent)
        facts.append(fact)
    heard: list[Item] = []
    for position in order:
        await note(copies, facts[position])
        heard.append(items[position])
        for item in heard:
            assert await above(copies, item) == item.above


async def test_what_lies_below_moves_along_without_facts_of_its_own(copies: AsyncConnection, drive: Drive) -> None:
    root, first = drive.root()
    (one, made_one), (other, made_other) = drive.make("one", root), drive.make("other", root)
    middle, made_middle = drive.make("middle", one)
    file, made_file = drive.make("file", middle, "file")
    await note(copies, first, made_one, made_other, made_middle, made_file)
    await note(copies, drive.change(middle, parent=other))
    assert await above(copies, file) == (root.id, other.id, middle.id)


async def test_a_late_fact_of_a_child_does_not_bring_back_where_its_folder_was(copies: AsyncConnection, drive: Drive) -> None:
    root, first = drive.root()
    (one, made_one), (other, made_other) = drive.make("one", root), drive.make("other", root)
    middle, made_middle = drive.make("middle", one)
    file, made_file = drive.make("file", middle, "file")
    moved = drive.change(middle, parent=other)
    await note(copies, first, made_one, made_other, made_middle, moved, made_file)
    assert await above(copies, file) == (root.id, other.id, middle.id)


async def test_trash_counts_for_the_item_and_for_what_lies_below(copies: AsyncConnection, drive: Drive) -> None:
    root, first = drive.root()
    folder, made = drive.make("folder", root)
    file, made_file = drive.make("file", folder, "file")
    await note(copies, first, made, made_file, drive.trash(folder))
    outer, inner = await at(copies, folder), await at(copies, file)
    assert outer is not None
    assert inner is not None
    assert (outer.in_trash, outer.below_trash, outer.is_live) == (True, False, False)
    assert (inner.in_trash, inner.below_trash, inner.is_live) == (False, True, False)
    await note(copies, drive.restore(folder))
    assert all([(await standings(copies, TREE, [item.id]))[item.id].is_live for item in (folder, file)])


async def test_what_is_gone_stays_gone_and_takes_along_what_lies_below(copies: AsyncConnection, drive: Drive) -> None:
    root, first = drive.root()
    folder, made = drive.make("folder", root)
    file, made_file = drive.make("file", folder, "file")
    renamed = drive.change(folder, name="b")
    *_, gone = drive.purge(folder)
    assert await note(copies, first, made_file, gone, made, renamed, gone) == [True, True, True, False, False, False]
    assert await standings(copies, TREE, [folder.id, file.id]) == {}
    assert len(await standings(copies, TREE, [root.id])) == 1


async def test_a_tombstone_goes_when_no_older_fact_can_come_any_more(copies: AsyncConnection, drive: Drive) -> None:
    root, first = drive.root()
    item, made = drive.make("a", root)
    await note(copies, first, made, *drive.purge(item))
    assert await forget_purged_before(copies, TREE, NOON) == 0
    assert await forget_purged_before(copies, TREE, NOON.replace(hour=13)) == 1
    assert await forget_purged_before(copies, TREE, NOON.replace(hour=13)) == 0
    assert [row.item_id for row in await copies.execute(select(TREE.c.item_id))] == [root.id]


@pytest.mark.parametrize("first_to_come", ["down", "up"])
async def test_a_circle_of_half_arrived_moves_is_read_by_the_facts_and_heals(
    copies: AsyncConnection, drive: Drive, first_to_come: str
) -> None:
    root, first = drive.root()
    upper, made_upper = drive.make("upper", root)
    lower, made_lower = drive.make("lower", upper)
    below, made_below = drive.make("below", lower)
    await note(copies, first, made_upper, made_lower, made_below)
    freed = drive.change(lower, parent=root)
    turned = drive.change(upper, parent=lower)
    await note(copies, turned if first_to_come == "down" else freed)
    if first_to_come == "down":
        # upper says that it lies below lower, lower still that it lies below upper.
        assert await above(copies, upper) == upper.above == (root.id, lower.id)
        assert await above(copies, lower) == (root.id, upper.id)
        assert set(await above(copies, below)) == {root.id, upper.id, lower.id}
    await note(copies, freed, turned)
    assert await above(copies, upper) == (root.id, lower.id)
    assert await above(copies, lower) == (root.id,)
    assert await above(copies, below) == (root.id, lower.id)


async def test_an_item_that_seems_to_lie_in_itself_is_read_by_its_fact(copies: AsyncConnection, drive: Drive) -> None:
    root, first = drive.root()
    item, made = drive.make("a", root)
    odd = made.model_copy(update={"data": made.data.model_copy(update={"parent_id": item.id})})
    await note(copies, first, odd)
    assert await above(copies, item) == (root.id,)


async def test_the_deepest_tree_that_files_allows_is_walked_up_whole(copies: AsyncConnection, drive: Drive) -> None:
    parent, fact = drive.root()
    await note(copies, fact)
    for level in range(100):
        parent, fact = drive.make(str(level), parent)
        await note(copies, fact)
    assert len(parent.above) == 100 < DEEPEST
    assert await above(copies, parent) == parent.above
    top = drive.items[parent.above[1]]
    await note(copies, drive.trash(top))
    found = await at(copies, parent)
    assert found is not None
    assert found.below_trash


async def test_many_are_looked_up_in_one_statement(copies: AsyncConnection, drive: Drive) -> None:
    root, fact = drive.root()
    await note(copies, fact)
    made = [drive.make(str(number), root) for number in range(50)]
    await note(copies, *(one for _, one in made))
    found = await standings(copies, TREE, {item.id for item, _ in made})
    assert {item.id: item.name for item, _ in made} == {item_id: standing.name for item_id, standing in found.items()}


@pytest.mark.parametrize("seed", range(6))
async def test_any_history_in_any_order_ends_in_the_tree_as_it_is(copies: AsyncConnection, drive: Drive, seed: int) -> None:
    chance = random.Random(seed)
    root, first = drive.root()
    facts: list[Any] = [first]
    for number in range(60):
        items = [*drive.items.values()]
        folders = [item for item in items if item.kind == "folder"]
        item = chance.choice(items)
        happening = chance.choice(["make", "make", "move", "trash", "restore", "purge"]) if item is not root else "make"
        if happening == "make":
            facts.append(drive.make(str(number), chance.choice(folders), chance.choice(["folder", "file"]))[1])
        elif happening == "move" and item.id not in {(target := chance.choice(folders)).id, *target.above}:
            facts.append(drive.change(item, parent=target))
        elif happening == "trash":
            facts.append(drive.trash(item))
        elif happening == "restore":
            facts.append(drive.restore(item))
        elif happening == "purge" and chance.random() < 0.3:
            facts += drive.purge(item)
    heard = {fact.data.item_id for fact in facts}
    delivered = facts + chance.sample(facts, len(facts) // 3)
    chance.shuffle(delivered)
    while delivered:
        cut = chance.randint(1, 8)
        batch, delivered = delivered[:cut], delivered[cut:]
        await note_all(copies, TREE, batch)
    found = await standings(copies, TREE, heard)
    assert set(found) == set(drive.items)
    for item in drive.items.values():
        standing = found[item.id]
        above_it = [drive.items[one] for one in item.above]
        assert (standing.name, standing.ancestor_ids) == (item.name, item.above)
        assert standing.in_trash == (item.trashed_at is not None)
        assert standing.below_trash == any(folder.trashed_at is not None for folder in above_it)


async def test_a_standing_is_what_the_resolver_takes(copies: AsyncConnection, drive: Drive) -> None:
    root, first = drive.root()
    folder, made = drive.make("folder", root)
    file, made_file = drive.make("file", folder, "file")
    await note(copies, first, made, made_file)
    grants = [Grant("user/ann", folder.id, VIEWER)]
    for happened, rights in ((None, VIEWER), (drive.trash(folder), Rights.NONE), (drive.restore(folder), VIEWER)):
        if happened is not None:
            await note(copies, happened)
        found = await at(copies, file)
        assert found is not None
        assert rights_on(found.place, "user/ann", grants, NOON) == rights
