"""Search finds exactly what somebody would find who read every name: over random trees with shares, moves and trash."""

import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from coffer_chassis.etags import Conditions
from coffer_files.domain.names import name_key
from coffer_files.domain.searching import STAGES, Filters, Query, fold
from coffer_files.handlers.items import Wish, change_item, find_item, make_folder
from coffer_files.handlers.searching import Asked, search
from coffer_files.handlers.trash import trash_item
from factories.files import Files, granted, person, taken_back

SYLLABLES = ["ab", "ba", "Ab", "é", "e", "会", "議", "_", "-", " ", "2024", "img", "%", "ß", "s", "한"]
ASKED = ["a", "ab", "aba", "e", "é", "会", "会议", "会議", "2024", "img", "_", "%", "ss", "ß", "b a", "img 2024 ab", "20"]
ASKED += ["한", "abab", "-", "zz"]
STEPS = 50


@dataclass
class Node:
    """An item as a simple mind keeps it."""

    id: str
    name: str
    parent: "Node | None"
    trashed: bool = False

    def up(self) -> list["Node"]:
        """Itself and what is above it."""
        return [self, *(self.parent.up() if self.parent else [])]


@dataclass
class World:
    """A drive, and what of it was given to one reader."""

    files: Files
    rng: random.Random
    root: Node
    nodes: list[Node] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)

    def name(self) -> str:
        made = "".join(self.rng.choices(SYLLABLES, k=self.rng.randint(1, 6))).strip()
        return f"{made or 'x'}{len(self.nodes)}"

    def living(self) -> list[Node]:
        return [node for node in self.nodes if not any(one.trashed for one in node.up())]

    def expected(self, text: str, *, reader: bool, below: Node | None = None) -> set[str]:
        """Every living item that holds all the words, and that may be seen."""
        words = fold(text).split()
        return {
            node.id
            for node in self.living()
            if all(word in fold(name_key(node.name)) for word in words)
            and (not reader or any(one.id in self.given for one in node.up()))
            and (below is None or below in node.up()[1:])
        }


async def make(world: World, _reader: Any) -> None:
    files, parent, name = world.files, world.rng.choice([world.root, *world.living()]), world.name()
    made, _ = await make_folder(files.deps, files.owner, files.origin, None, parent=parent.id, name=name, conflict="fail")
    world.nodes.append(Node(made.at.item.id, name, parent))


async def rename(world: World, _reader: Any) -> None:
    files, node = world.files, world.rng.choice(world.living())
    wish = Wish(name=world.name() + "r", conflict="rename")
    done = await change_item(files.deps, files.owner, files.origin, node.id, wish, Conditions())
    node.name = done.at.item.name


async def move(world: World, _reader: Any) -> None:
    files, node = world.files, world.rng.choice(world.living())
    target = world.rng.choice([world.root, *world.living()])
    if node not in target.up():
        wish = Wish(parent=target.id, conflict="rename")
        done = await change_item(files.deps, files.owner, files.origin, node.id, wish, Conditions())
        node.parent, node.name = target, done.at.item.name


async def trash(world: World, _reader: Any) -> None:
    files, node = world.files, world.rng.choice(world.living())
    await trash_item(files.deps, files.owner, files.origin, node.id, Conditions())
    node.trashed = True


async def restore(world: World, _reader: Any) -> None:
    lying = [node for node in world.nodes if node.trashed and not any(one.trashed for one in node.up()[1:])]
    if lying:
        node = world.rng.choice(lying)
        async with world.files.client() as client:
            answer = await client.post(f"/v1/trash/{node.id}/restore", json={"conflict": "rename"})
        assert answer.status_code == 200, answer.text
        node.trashed, node.name = False, answer.json()["name"]


async def give(world: World, reader: Any) -> None:
    node = world.rng.choice(world.living())
    if node.id not in world.given:
        world.given[node.id] = granted(node.id, world.files.owner, reader)
        await world.files.handle(world.given[node.id])


async def take(world: World, _reader: Any) -> None:
    if world.given:
        await world.files.handle(taken_back(world.given.pop(world.rng.choice(sorted(world.given)))))


async def step(world: World, reader: Any) -> None:
    """Do one thing at random."""
    act = world.rng.choice([make, make, make, rename, move, trash, restore, give, take])
    await (act if world.living() else make)(world, reader)


async def found(files: Files, who: Any, text: str, within: str | None, sort: Any, limit: int) -> set[str]:
    """All pages together; no item may stand on two."""
    ids: list[str] = []
    after = None
    while True:
        result = await search(files.deps, who, Asked(Query.parse(text), Filters(), within, sort, limit, after))
        ids += [one.seen.at.item.id for one in result.found]
        after = result.after
        if after is None:
            break
    assert len(ids) == len(set(ids))
    return set(ids)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("way", ["as it is", "large shares", "small windows"])
async def test_what_is_found_is_what_a_reader_of_every_name_would_find(
    files: Files, seed: int, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "large shares":  # as if more lay in shared folders than is read one by one
        monkeypatch.setattr("coffer_files.store.reaches.LISTED", -1)
    if way == "small windows":  # as if the drive were larger than what one statement looks at
        monkeypatch.setattr("coffer_files.store.searching.WINDOW", 5)
        monkeypatch.setattr("coffer_files.store.searching.GLANCE", 2)
        monkeypatch.setattr("coffer_files.store.reaches.MOST_FOLDERS", 3)
    reader = person()
    root = await find_item(files.deps, files.owner, files.origin, "root")
    world = World(files, random.Random(seed), Node(root.at.item.id, "", None))
    for _ in range(STEPS):
        await step(world, reader)
    for text in ASKED:
        sort = world.rng.choice([sort for sort in STAGES if way != "small windows" or "size" not in sort])
        limit = world.rng.choice([1, 3, 50])
        assert await found(files, files.owner, text, None, sort, limit) == world.expected(text, reader=False), (text, sort)
        assert await found(files, reader, text, None, sort, limit) == world.expected(text, reader=True), (text, sort)
    for below in world.rng.sample(world.living(), min(4, len(world.living()))):
        text = world.rng.choice(ASKED)
        mine = await found(files, files.owner, text, below.id, "relevance", 2)
        assert mine == world.expected(text, reader=False, below=below), text
    assert await found(files, person(), "a", None, "relevance", 50) == set()
