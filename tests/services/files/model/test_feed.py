"""Whoever follows the change feed, from any point and under any interleaving, ends with the tree of a fresh listing."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from factories.databases import Database
from services.files.model.household import OWNER, PEOPLE, Household
from services.files.model.world import World, long, quick, run_machine, world_on

people = st.integers(0, len(PEOPLE) - 1)
actors = st.sampled_from([OWNER, OWNER, OWNER, *range(len(PEOPLE))])
numbers = st.integers(0, 30)
limits = st.sampled_from([1, 2, 3, 1000])
names = st.sampled_from(["a", "A", "b", "c"])
deeds = st.one_of(
    st.tuples(st.just("make"), actors, numbers, names),
    st.tuples(st.just("move"), actors, numbers, numbers),
    st.tuples(st.just("rename"), actors, numbers, names),
    st.tuples(st.just("trash"), actors, numbers),
    st.tuples(st.just("restore"), actors, numbers),
    st.tuples(st.just("upload"), actors, numbers, names, st.just("rename")),
    st.tuples(st.just("unshare"), numbers),
    st.tuples(st.just("read"), numbers, limits),
)


class Feeds(RuleBasedStateMachine):
    """A household in which anything happens in any order."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.house = Household(world.files)
        self.limit = 1000

    @initialize(limit=limits)
    def move_in(self, limit: int) -> None:
        self.limit = limit
        self.world.run(self.house.move_in())

    @rule(who=actors, parent=numbers, name=names)
    def make(self, who: int, parent: int, name: str) -> None:
        self.world.run(self.house.make(who, parent, name))

    @rule(who=actors, parent=numbers, name=names, conflict=st.sampled_from(["fail", "rename", "replace"]))
    def upload(self, who: int, parent: int, name: str, conflict: str) -> None:
        self.world.run(self.house.upload(who, parent, name, conflict))

    @rule(who=actors, item=numbers, name=names)
    def rename(self, who: int, item: int, name: str) -> None:
        self.world.run(self.house.rename(who, item, name))

    @rule(who=actors, item=numbers, parent=numbers)
    def move(self, who: int, item: int, parent: int) -> None:
        self.world.run(self.house.move(who, item, parent))

    @rule(who=actors, item=numbers, parent=numbers, name=names)
    def replace(self, who: int, item: int, parent: int, name: str) -> None:
        self.world.run(self.house.replace(who, item, parent, name))

    @rule(who=actors, item=numbers, parent=numbers)
    def copy(self, who: int, item: int, parent: int) -> None:
        self.world.run(self.house.copy(who, item, parent))

    @rule(who=actors, item=numbers, tags=st.lists(names, max_size=2), favourite=st.booleans())
    def mark(self, who: int, item: int, tags: list[str], favourite: bool) -> None:
        self.world.run(self.house.mark(who, item, tags, favourite=favourite))

    @rule(who=actors, item=numbers, parent=numbers, atomic=st.booleans())
    def batch(self, who: int, item: int, parent: int, atomic: bool) -> None:
        self.world.run(self.house.batch(who, item, parent, atomic=atomic))

    @rule(who=actors, item=numbers)
    def trash(self, who: int, item: int) -> None:
        self.world.run(self.house.trash(who, item))

    @rule(who=actors, number=numbers)
    def restore(self, who: int, number: int) -> None:
        self.world.run(self.house.restore(who, number))

    @rule(number=numbers)
    def purge(self, number: int) -> None:
        self.world.run(self.house.purge(number))

    @rule(item=numbers, to=people, may_write=st.booleans(), late=st.booleans())
    def share(self, item: int, to: int, may_write: bool, late: bool) -> None:
        deed = self.house.share_late if late else self.house.share
        self.world.run(deed(item, to, may_write=may_write))

    @rule(number=numbers)
    def unshare(self, number: int) -> None:
        self.world.run(self.house.unshare(number))

    @rule()
    def hold(self) -> None:
        self.world.run(self.house.hold())

    @rule(who=actors, item=numbers)
    def rename_late(self, who: int, item: int) -> None:
        self.world.run(self.house.rename_late(who, item))

    @rule(number=numbers)
    def end_late(self, number: int) -> None:
        self.world.run(self.house.end_late(number))

    @rule(chosen=st.lists(deeds, min_size=2, max_size=5))
    def at_once(self, chosen: list[tuple[Any, ...]]) -> None:
        steps: list[Callable[[], Awaitable[None]]] = [partial(getattr(self.house, name), *rest) for name, *rest in chosen]
        self.world.run(self.house.at_once(steps))

    @rule(item=numbers, to=people, name=names, limit=limits)
    def overtake(self, item: int, to: int, name: str, limit: int) -> None:
        """Something that began earlier commits after everybody has read what came later."""
        self.world.run(self.house.share_late(item, to, may_write=True))
        self.world.run(self.house.make(OWNER, item, name))
        for number in range(len(self.house.followers)):
            self.world.run(self.house.read(number, limit))
        self.world.run(self.house.end_late(-1))

    @rule(who=people)
    def follow(self, who: int) -> None:
        self.world.run(self.house.follow(who))

    @rule(number=numbers)
    def keep_a_copy(self, number: int) -> None:
        self.world.run(self.house.keep_a_copy(number))

    @rule(number=numbers, limit=limits)
    def read(self, number: int, limit: int) -> None:
        self.world.run(self.house.read(number, limit))

    @rule()
    def compact(self) -> None:
        self.world.run(self.house.compact())

    @rule(who=people, keep=st.integers(0, 5))
    def cut(self, who: int, keep: int) -> None:
        self.world.run(self.house.cut(who, keep))

    @rule()
    def let_a_month_pass(self) -> None:
        self.world.run(self.house.let_a_month_pass())

    @rule(limit=limits)
    def look(self, limit: int) -> None:
        self.world.run(self.house.everybody_sees_what_is_there(limit))

    def teardown(self) -> None:
        try:
            self.world.run(self.house.everybody_sees_what_is_there(self.limit))
        finally:
            self.world.run(self.house.move_out())


@pytest.fixture(scope="module")
def world(database: Database) -> Iterator[World]:
    with world_on(database("coffer_files")) as made:
        yield made


@pytest.mark.slow  # hundreds of steps
def test_whoever_follows_the_feed_ends_with_what_is_there(world: World) -> None:
    run_machine(Feeds, world, quick(15, 40))


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_whoever_follows_the_feed_ends_with_what_is_there_for_long(world: World) -> None:
    run_machine(Feeds, world, long(150, 60))
