"""Whatever is done over HTTP in whatever order: the same answers, the same tree and the same room as in a drive in memory."""

from collections.abc import Iterator

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from factories.databases import Database
from services.files.model.everything import Everything, Operation
from services.files.model.names import BAD, GOOD
from services.files.model.rest import RARE
from services.files.model.world import World, long, quick, run_machine, world_on

numbers = st.integers(0, RARE)
perhaps = st.none() | numbers
sizes = st.sampled_from([0, 1, 10, 400, 600, 1001])
names = st.sampled_from(GOOD) | st.sampled_from(GOOD[:4]) | st.sampled_from(BAD)
keep_both = st.sampled_from(["fail", "rename"])
policies = st.sampled_from(["fail", "rename", "replace"])


tags = st.lists(st.sampled_from(["red", "RED", "blue", "\u00e9", "e\u0301", " x", "a,b", ""]), max_size=4) | st.just(["red"])
operations = st.one_of(
    st.tuples(st.just("move"), numbers, st.fixed_dictionaries({"parent_id": numbers, "conflict": policies})),
    st.tuples(st.just("rename"), numbers, st.fixed_dictionaries({"name": names, "conflict": policies})),
    st.tuples(st.sampled_from(["trash", "purge"]), numbers, st.just({})),
    st.tuples(st.just("restore"), numbers, st.fixed_dictionaries({"conflict": keep_both})),
    st.tuples(st.just("tag"), numbers, st.fixed_dictionaries({"tags": tags})),
    st.tuples(st.just("favourite"), numbers, st.fixed_dictionaries({"favourite": st.booleans()})),
)


class Drives(RuleBasedStateMachine):
    """Anything that one person can do with a drive."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.pair = Everything(world.files)

    @initialize()
    def begin(self) -> None:
        self.world.run(self.pair.begin())

    @rule(parent=numbers, name=names, conflict=keep_both)
    def make(self, parent: int, name: str, conflict: str) -> None:
        self.world.run(self.pair.make(parent, name, conflict))

    @rule(item=numbers, name=names, conflict=policies)
    def rename(self, item: int, name: str, conflict: str) -> None:
        self.world.run(self.pair.change(item, name, None, conflict))

    @rule(item=numbers, name=st.none() | names, parent=numbers, conflict=policies)
    def move(self, item: int, name: str | None, parent: int, conflict: str) -> None:
        self.world.run(self.pair.change(item, name, parent, conflict))

    @rule(item=numbers)
    def throw_away(self, item: int) -> None:
        self.world.run(self.pair.throw_away(item))

    @rule(item=numbers, parent=perhaps, conflict=keep_both)
    def restore(self, item: int, parent: int | None, conflict: str) -> None:
        self.world.run(self.pair.restore(item, parent, conflict))

    @rule(item=numbers)
    def purge(self, item: int) -> None:
        self.world.run(self.pair.purge(item))

    @rule(parent=numbers, name=names, size=sizes, conflict=policies, arrives=st.booleans())
    def start(self, parent: int, name: str, size: int, conflict: str, arrives: bool) -> None:
        self.world.run(self.pair.start(parent, name, size, conflict))
        if arrives:
            self.world.run(self.pair.arrive(len(self.pair.uploads) - 1))

    @rule(item=numbers, size=sizes, arrives=st.booleans())
    def start_content(self, item: int, size: int, arrives: bool) -> None:
        self.world.run(self.pair.start_content(item, size))
        if arrives:
            self.world.run(self.pair.arrive(len(self.pair.uploads) - 1))

    @rule(upload=numbers)
    def arrive(self, upload: int) -> None:
        self.world.run(self.pair.arrive(upload))

    @rule(upload=numbers, name=st.none() | names, parent=perhaps, conflict=st.none() | policies)
    def resolve(self, upload: int, name: str | None, parent: int | None, conflict: str | None) -> None:
        self.world.run(self.pair.resolve(upload, name, parent, conflict))

    @rule(upload=numbers)
    def abort(self, upload: int) -> None:
        self.world.run(self.pair.abort(upload))

    @rule(item=numbers, parent=numbers, name=st.none() | names, conflict=policies)
    def copy(self, item: int, parent: int, name: str | None, conflict: str) -> None:
        self.world.run(self.pair.copy(item, parent, name, conflict))

    @rule(item=numbers, number=numbers)
    def bring_back(self, item: int, number: int) -> None:
        self.world.run(self.pair.bring_back(item, number))

    @rule(item=numbers, number=numbers)
    def delete_version(self, item: int, number: int) -> None:
        self.world.run(self.pair.delete_version(item, number))

    @rule(item=numbers, tags=tags)
    def tag(self, item: int, tags: list[str]) -> None:
        self.world.run(self.pair.tag(item, tags))

    @rule(item=numbers, wanted=st.booleans())
    def favour(self, item: int, wanted: bool) -> None:
        self.world.run(self.pair.favour(item, wanted=wanted))

    @rule(chosen=st.lists(operations, min_size=1, max_size=5), atomic=st.booleans())
    def batch(self, chosen: list[Operation], atomic: bool) -> None:
        self.world.run(self.pair.batch(chosen, atomic=atomic))

    @rule()
    def empty(self) -> None:
        self.world.run(self.pair.empty())

    @rule(item=numbers)
    def find(self, item: int) -> None:
        self.world.run(self.pair.find(item))

    @rule(item=numbers)
    def look_at(self, item: int) -> None:
        self.world.run(self.pair.look_at(item))

    @rule()
    def look(self) -> None:
        self.world.run(self.pair.look())

    def teardown(self) -> None:
        try:
            self.world.run(self.pair.look())
        finally:
            self.world.run(self.pair.end())


@pytest.fixture(scope="module")
def world(database: Database) -> Iterator[World]:
    with world_on(database("coffer_files")) as made:
        yield made


@pytest.mark.slow  # hundreds of steps
def test_a_drive_does_what_a_drive_in_memory_does(world: World) -> None:
    run_machine(Drives, world, quick(18, 35))


@pytest.mark.proof
@pytest.mark.timeout(2400)
def test_a_drive_does_what_a_drive_in_memory_does_for_long(world: World) -> None:
    run_machine(Drives, world, long(250, 60))
