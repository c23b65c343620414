"""Whatever is done to a drive, in whatever order: what it counts is what its rows say, at every step."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from coffer_chassis.etags import Conditions
from coffer_contracts.ids import ItemId, VersionId
from coffer_contracts.problems import NotFound, Problem
from coffer_files.handlers import trash, uploads, versions
from coffer_files.handlers.emptying import empty_trash
from coffer_files.handlers.items import Wish, change_item, make_folder
from coffer_files.handlers.recounting import recount
from coffer_files.handlers.retention import prune_file
from coffer_files.handlers.tallying import tally_trash
from coffer_files.handlers.usage import usage
from coffer_files.handlers.working import run_jobs
from factories.counting import truth
from factories.databases import Database
from factories.files import Files, cleared, person, rejected, stored
from services.files.model.world import World, long, quick, world_on

ANY = Conditions()
KINDS = ("image", "video", "text")

numbers = st.integers(0, 30)
sizes = st.integers(0, 40)
names = st.sampled_from(["a", "b", "c"])


class Drive:
    """What happens in the drive of one owner. Things are named by number: whatever that is, or nothing."""

    def __init__(self, files: Files) -> None:
        self.files = files
        files.owner = person()
        self.folders: list[str] = ["root"]
        self.items: list[str] = []
        self.files_made: list[str] = []
        self.open: list[Any] = []

    def one(self, of: list[Any], number: int) -> Any:
        """The thing with a number. Raises NotFound when there is none, as the service does."""
        if not of:
            raise NotFound
        return of[number % len(of)]

    async def folder(self, number: int, name: str) -> None:
        f = self.files
        made, _ = await make_folder(
            f.deps, f.owner, f.origin, None, parent=self.one(self.folders, number), name=name, conflict="rename"
        )
        self.folders.append(made.at.item.id)
        self.items.append(made.at.item.id)

    async def upload(self, number: int, name: str, size: int, conflict: str, end: str) -> None:
        f = self.files
        started = await f.start(f"{name}.x", size, parent=self.one(self.folders, number), conflict=conflict)
        self.open.append(started.id)
        if end == "open":
            return
        if end == "bad":
            await f.handle(stored(started), rejected(started))
            return
        kind: Any = KINDS[size % len(KINDS)]
        await f.handle(stored(started), cleared(started, media_kind=kind))
        done = await f.now(started)
        if done.item_id is not None:
            self.items.append(done.item_id)
            self.files_made.append(done.item_id)

    async def abort(self, number: int) -> None:
        f = self.files
        await uploads.abort_upload(f.deps, f.owner, f.origin, self.one(self.open, number))

    async def move(self, number: int, into: int) -> None:
        f = self.files
        wish = Wish(parent=self.one(self.folders, into), conflict="rename")
        await change_item(f.deps, f.owner, f.origin, self.one(self.items, number), wish, ANY)

    async def throw_away(self, number: int) -> None:
        await trash.trash_item(self.files.deps, self.files.owner, self.files.origin, self.one(self.items, number), ANY)

    async def take_back(self, number: int, into: int | None) -> None:
        f = self.files
        parent = None if into is None else self.one(self.folders, into)
        await trash.restore_item(f.deps, f.owner, f.origin, self.one(self.items, number), parent=parent, conflict="rename")

    async def purge(self, number: int) -> None:
        f = self.files
        await trash.purge_item(f.deps, f.owner, f.origin, self.one(self.items, number))

    async def begin_to_purge(self, number: int) -> None:
        f = self.files
        await trash.purge_step(f.deps, f.origin, f.owner.user_id, self.one(self.items, number))

    async def empty(self) -> None:
        await empty_trash(self.files.deps, self.files.owner, self.files.origin)
        await run_jobs(self.files.deps)

    async def _version(self, number: int, which: int) -> tuple[ItemId, VersionId]:
        f = self.files
        item_id = ItemId(self.one(self.files_made, number))
        page = await versions.list_versions(f.deps, f.owner, f.origin, item_id, limit=50, after=None)
        return item_id, self.one(page.versions, which).id

    async def bring_back(self, number: int, which: int) -> None:
        f = self.files
        await versions.restore_version(f.deps, f.owner, f.origin, None, *await self._version(number, which), ANY)

    async def delete_version(self, number: int, which: int) -> None:
        f = self.files
        await versions.delete_version(f.deps, f.owner, f.origin, *await self._version(number, which))

    async def keep(self, number: int, which: int, keep: bool) -> None:
        f = self.files
        marks = {"keep_forever": keep}
        await versions.change_version(f.deps, f.owner, f.origin, *await self._version(number, which), marks)

    async def prune(self, number: int) -> None:
        await prune_file(self.files.deps, ItemId(self.one(self.files_made, number)))

    async def count_the_trash(self) -> None:
        self.files.clock.advance(minutes=1)
        await tally_trash(self.files.deps)

    async def counts_what_is_there(self) -> None:
        f = self.files
        said = await usage(f.deps, f.owner, f.origin)
        assert said == await truth(f)

    async def recounted(self) -> None:
        found = await recount(self.files.deps, self.files.owner.user_id)
        assert found.lines == []


class Counting(RuleBasedStateMachine):
    """Does it, and counts."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.drive = Drive(world.files)

    def do(self, step: Any) -> None:
        with suppress(Problem):
            self.world.run(step)

    @rule(number=numbers, name=names)
    def folder(self, number: int, name: str) -> None:
        self.do(self.drive.folder(number, name))

    @rule(
        number=numbers, name=names, size=sizes, conflict=st.sampled_from(["replace", "replace", "rename", "fail"]),
        end=st.sampled_from(["good", "good", "good", "open", "bad"]),
    )  # fmt: skip
    def upload(self, number: int, name: str, size: int, conflict: str, end: str) -> None:
        self.do(self.drive.upload(number, name, size, conflict, end))

    @rule(number=numbers)
    def abort(self, number: int) -> None:
        self.do(self.drive.abort(number))

    @rule(number=numbers, into=numbers)
    def move(self, number: int, into: int) -> None:
        self.do(self.drive.move(number, into))

    @rule(number=numbers)
    def throw_away(self, number: int) -> None:
        self.do(self.drive.throw_away(number))

    @rule(number=numbers, into=st.none() | numbers)
    def take_back(self, number: int, into: int | None) -> None:
        self.do(self.drive.take_back(number, into))

    @rule(number=numbers)
    def purge(self, number: int) -> None:
        self.do(self.drive.purge(number))

    @rule(number=numbers)
    def begin_to_purge(self, number: int) -> None:
        self.do(self.drive.begin_to_purge(number))

    @rule()
    def empty(self) -> None:
        self.do(self.drive.empty())

    @rule(number=numbers, which=numbers)
    def bring_back(self, number: int, which: int) -> None:
        self.do(self.drive.bring_back(number, which))

    @rule(number=numbers, which=numbers)
    def delete_version(self, number: int, which: int) -> None:
        self.do(self.drive.delete_version(number, which))

    @rule(number=numbers, which=numbers, keep=st.booleans())
    def keep(self, number: int, which: int, keep: bool) -> None:
        self.do(self.drive.keep(number, which, keep))

    @rule(number=numbers)
    def prune(self, number: int) -> None:
        self.do(self.drive.prune(number))

    @rule()
    def count_the_trash(self) -> None:
        self.do(self.drive.count_the_trash())

    @invariant()
    def counts_what_is_there(self) -> None:
        if self.drive.items:
            self.world.run(self.drive.counts_what_is_there())

    def teardown(self) -> None:
        self.world.run(self.drive.recounted())


@pytest.fixture(scope="module")
def world(database: Database) -> Iterator[World]:
    with world_on(database("coffer_files"), version_keep_count=1, default_quota_bytes=400) as made:
        yield made


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trash, "PURGE_PAGE", 3)


def test_a_drive_counts_what_is_there_whatever_was_done(world: World) -> None:
    machine: Any = partial(Counting, world)
    run_state_machine_as_test(machine, settings=quick(6, 40))


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_a_drive_counts_what_is_there_whatever_was_done_for_long(world: World) -> None:
    machine: Any = partial(Counting, world)
    run_state_machine_as_test(machine, settings=long(300, 100))
