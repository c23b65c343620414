"""Whatever is done to a drive, in whatever order: what it counts is what its rows say, at every step."""

from collections.abc import Callable, Iterator
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
from coffer_files.handlers.copying import Wish as CopyWish
from coffer_files.handlers.copying import copy_item
from coffer_files.handlers.emptying import empty_trash
from coffer_files.handlers.items import Wish, change_item, make_folder
from coffer_files.handlers.recounting import recount
from coffer_files.handlers.retention import prune_file
from coffer_files.handlers.sight import Seen
from coffer_files.handlers.tallying import tally_trash
from coffer_files.handlers.usage import usage
from coffer_files.handlers.working import run_jobs
from factories.counting import truth
from factories.databases import Database
from factories.files import Files, cleared, person, rejected, stored
from services.files.model.world import World, long, quick, world_on

ANY = Conditions()
KINDS = ("image", "video", "text")

numbers = st.integers(0, 9)
sizes = st.integers(0, 40)
names = st.sampled_from(["a", "b", "c"])
policies = st.sampled_from(["replace", "replace", "replace", "rename", "fail"])


ends = st.sampled_from(["good", "good", "good", "good", "open", "bad"])

HAPPENINGS = [
    what
    for what, weight in {
        "folder": 2, "upload": 8, "abort": 1, "copy": 7, "move": 3, "throw_away": 6, "take_back": 4, "purge": 2,
        "begin_to_purge": 2, "empty": 1, "bring_back": 3, "delete_version": 3, "keep": 1, "prune": 2, "count_the_trash": 4,
    }.items()
    for _ in range(weight)
]  # fmt: skip
"""Each as often as it is to be chosen."""


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

    async def begin(self) -> None:
        """Two folders, one in the other, and files with versions."""
        await self.folder(0, "a")
        await self.folder(1, "b")
        for number in range(3):
            for size in (7, 10 + number):
                await self.upload(number, "c", size, "replace", "good")

    async def folder(self, number: int, name: str) -> None:
        f = self.files
        made, _ = await make_folder(
            f.deps, f.owner, f.origin, None, parent=self.one(self.folders, number), name=name, conflict="rename"
        )
        self.folders.append(made.at.item.id)
        self.items.append(made.at.item.id)

    async def upload(self, number: int, name: str, size: int, conflict: str, end: str) -> None:
        """Content of one length is the same every time, so some of it needs not be sent."""
        f = self.files
        known = {"blocks_sha256": (f"{size:064x}",)} if size % 2 else {}
        started = await f.start(f"{name}.x", size, parent=self.one(self.folders, number), conflict=conflict, **known)
        self.open.append(started.id)
        if started.item_id is not None:
            self.items.append(started.item_id)
            self.files_made.append(started.item_id)
            return
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

    async def copy(self, number: int, into: int, conflict: Any) -> None:
        f = self.files
        wish = CopyWish(self.one(self.folders, into), conflict=conflict)
        made = (await copy_item(f.deps, f.owner, f.origin, None, self.one(self.items, number), wish)).made
        if isinstance(made, Seen):
            self.items.append(made.at.item.id)
            self.files_made.append(made.at.item.id)
            return
        await run_jobs(f.deps)
        top = await f.rows(f"SELECT result ->> 'item_id' FROM jobs WHERE id = '{made.id}' AND result ? 'item_id'")
        self.items += [row[0] for row in top]

    async def move(self, number: int, into: int, conflict: Any) -> None:
        f = self.files
        wish = Wish(parent=self.one(self.folders, into), conflict=conflict)
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
        world.run(self.drive.begin())

    @rule(what=st.sampled_from(HAPPENINGS), one=numbers, other=numbers, size=sizes, name=names, conflict=policies, end=ends)
    def happen(self, what: str, one: int, other: int, size: int, name: str, conflict: str, end: str) -> None:
        d = self.drive
        steps: dict[str, Callable[[], Any]] = {
            "folder": lambda: d.folder(one, name),
            "upload": lambda: d.upload(one, name, size, conflict, end),
            "abort": lambda: d.abort(one),
            "copy": lambda: d.copy(one, other, conflict),
            "move": lambda: d.move(one, other, conflict),
            "throw_away": lambda: d.throw_away(one),
            "take_back": lambda: d.take_back(one, other if size % 2 else None),
            "purge": lambda: d.purge(one),
            "begin_to_purge": lambda: d.begin_to_purge(one),
            "empty": d.empty,
            "bring_back": lambda: d.bring_back(one, other),
            "delete_version": lambda: d.delete_version(one, other),
            "keep": lambda: d.keep(one, other, size % 2 == 0),
            "prune": lambda: d.prune(one),
            "count_the_trash": d.count_the_trash,
        }
        with suppress(Problem):
            self.world.run(steps[what]())

    @invariant()
    def counts_what_is_there(self) -> None:
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


@pytest.mark.slow  # hundreds of steps
def test_a_drive_counts_what_is_there_whatever_was_done(world: World) -> None:
    machine: Any = partial(Counting, world)
    run_state_machine_as_test(machine, settings=quick(12, 40))


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_a_drive_counts_what_is_there_whatever_was_done_for_long(world: World) -> None:
    machine: Any = partial(Counting, world)
    run_state_machine_as_test(machine, settings=long(300, 100))
