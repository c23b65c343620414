"""The change feed across drives: whoever follows it, however irregularly, ends with what a fresh look shows."""

import random
from collections.abc import Iterator

import httpx
import pytest

from coffer_chassis.access import EDITOR, VIEWER
from coffer_chassis.identity import Principal
from coffer_contracts.event import Envelope, Event
from factories.files import Files, granted, person, taken_back
from factories.following import Follower, fresh, make, now, told


class Household:
    """An owner who does all sorts of things, with a reader who is given and loses parts of the drive."""

    def __init__(self, files: Files, http: httpx.AsyncClient, reader: Principal, chance: random.Random) -> None:
        self.files = files
        self.http = http
        self.reader = reader
        self.chance = chance
        self.folders = ["root"]
        self.trashed: list[str] = []
        self.given: dict[str, Envelope[Event]] = {}
        self.names: Iterator[int] = iter(range(10_000))

    @property
    def tops(self) -> list[str]:
        """What was ever given."""
        return [fact.data.item_id for fact in self.given.values()]  # type: ignore[attr-defined]  # envelopes of tests are typed by the base

    async def act(self) -> None:
        """Do something that may or may not be possible."""
        deed = self.chance.choices(
            [self.make, self.move, self.rename, self.trash, self.restore, self.purge, self.give, self.take],
            [6, 5, 2, 3, 3, 1, 4, 2],
        )[0]
        await deed()

    async def make(self) -> None:
        body = {"parent_id": self.chance.choice(self.folders), "name": f"f{next(self.names)}"}
        answer = await self.http.post("/v1/folders", json=body)
        if answer.status_code == 201:
            self.folders.append(answer.json()["id"])

    async def move(self) -> None:
        body = {"parent_id": self.chance.choice(self.folders)}
        await self.http.patch(f"/v1/items/{self.chance.choice(self.folders)}", json=body)

    async def rename(self) -> None:
        await self.http.patch(f"/v1/items/{self.chance.choice(self.folders)}", json={"name": f"r{next(self.names)}"})

    async def trash(self) -> None:
        item = self.chance.choice(self.folders)
        if (await self.http.delete(f"/v1/items/{item}")).status_code == 204:
            self.trashed.append(item)

    async def restore(self) -> None:
        if self.trashed:
            await self.http.post(f"/v1/trash/{self.chance.choice(self.trashed)}/restore", json={})

    async def purge(self) -> None:
        if self.trashed:
            await self.http.delete(f"/v1/trash/{self.chance.choice(self.trashed)}")

    async def give(self) -> None:
        item = self.chance.choice(self.folders[1:] or [""])
        if item:
            fact = granted(item, self.files.owner, self.reader, self.chance.choice([VIEWER, EDITOR]))
            self.given[fact.subject] = fact
            await self.files.handle(fact)

    async def take(self) -> None:
        if self.given:
            await self.files.handle(taken_back(self.given[self.chance.choice(sorted(self.given))]))


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 8))])
async def test_following_ends_with_the_tree_of_a_fresh_look(files: Files, seed: int) -> None:
    chance = random.Random(seed)
    reader = person(username="ben")
    async with files.client() as owning, files.client(reader) as reading:
        house = Household(files, owning, reader, chance)
        early, owner = Follower(reading), Follower(owning)
        for _ in range(70):
            await house.act()
            if chance.random() < 0.4:
                await early.page(chance.choice([1, 2, 1000]))
            if chance.random() < 0.2:
                await owner.page(chance.choice([1, 3, 1000]))
        late = Follower(reading)
        for follower in (early, owner, late):
            await follower.catch_up(chance.choice([1, 7, 1000]))
        assert late.tree == await fresh(reading, house.tops)
        assert early.tree == late.tree
        assert owner.tree == await fresh(owning, [])


async def test_a_share_begins_and_ends_in_the_feed_of_whom_it_is_with(files: Files) -> None:
    reader = person(username="ben")
    async with files.client() as owning, files.client(reader) as reading:
        trips = await make(owning, "Trips")
        start, owners = await now(reading), await now(owning)
        given = granted(trips, files.owner, reader)
        await files.handle(given)
        assert await told(reading, start) == [(trips, "upsert", "shared", True)]
        assert await told(owning, owners) == [(trips, "upsert", "metadata", False)]
        await files.handle(taken_back(given))
        # How it stands now, not how it stood: a reader who comes late hears that it is gone, twice.
        assert await told(reading, start) == [(trips, "remove", "shared", False), (trips, "remove", "unshared", False)]


async def test_what_happens_elsewhere_in_the_drive_is_nobody_elses_business(files: Files) -> None:
    reader, stranger = person(username="ben"), person(username="eve")
    async with files.client() as owning, files.client(reader) as reading, files.client(stranger) as watching:
        trips, private = await make(owning, "Trips"), await make(owning, "private")
        await files.handle(granted(trips, files.owner, reader))
        start, strangers = await now(reading), await now(watching)
        secret = await make(owning, "secret", private)
        await owning.patch(f"/v1/items/{secret}", json={"name": "more secret"})
        rome = await make(owning, "Rome", trips)
        await owning.delete(f"/v1/items/{secret}")
        assert await told(reading, start) == [(rome, "upsert", "created", False)]
        assert await told(watching, strangers) == []


async def test_moving_in_and_out_tells_of_the_whole_subtree(files: Files) -> None:
    reader = person(username="ben")
    async with files.client() as owning, files.client(reader) as reading:
        trips, private = await make(owning, "Trips"), await make(owning, "private")
        rome = await make(owning, "Rome", private)
        await make(owning, "inside", rome)
        await files.handle(granted(trips, files.owner, reader))
        start = await now(reading)
        await owning.patch(f"/v1/items/{rome}", json={"parent_id": trips})
        assert await told(reading, start) == [(rome, "upsert", "moved", True)]
        start = await now(reading)
        await owning.patch(f"/v1/items/{rome}", json={"parent_id": private})
        assert await told(reading, start) == [(rome, "remove", "moved", False)]


async def test_trash_above_a_shared_folder_takes_it_out_of_the_feed_and_back(files: Files) -> None:
    reader = person(username="ben")
    async with files.client() as owning, files.client(reader) as reading:
        above = await make(owning, "above")
        trips = await make(owning, "Trips", above)
        await files.handle(granted(trips, files.owner, reader))
        start = await now(reading)
        await owning.delete(f"/v1/items/{above}")
        assert await told(reading, start) == [(trips, "remove", "trashed", False)]
        start = await now(reading)
        await owning.post(f"/v1/trash/{above}/restore", json={})
        assert await told(reading, start) == [(trips, "upsert", "restored", True)]


async def test_a_cursor_moves_on_past_what_does_not_concern_its_reader(files: Files) -> None:
    reader = person(username="ben")
    async with files.client() as owning, files.client(reader) as reading:
        trips = await make(owning, "Trips")
        await files.handle(granted(trips, files.owner, reader))
        follower = Follower(reading)
        await follower.catch_up()
        before = follower.cursor
        for number in range(3):
            await make(owning, f"private {number}")
        await follower.catch_up()
        assert follower.cursor != before
        await make(owning, "Rome", trips)
        await follower.catch_up()
        assert "Rome" in {name for _, name, *_ in follower.tree.values()}


async def test_the_end_of_a_share_leaves_what_was_also_shared_below_it(files: Files) -> None:
    reader = person(username="ben")
    async with files.client() as owning, files.client(reader) as reading:
        above = await make(owning, "above")
        trips = await make(owning, "Trips", above)
        rome = await make(owning, "Rome", trips)
        outer = granted(above, files.owner, reader)
        await files.handle(outer, granted(trips, files.owner, reader))
        follower, start = Follower(reading), await now(reading)
        await follower.catch_up()
        await files.handle(taken_back(outer))
        assert await told(reading, start) == [(above, "remove", "unshared", False), (trips, "upsert", "unshared", True)]
        await follower.catch_up()
        assert follower.tree == await fresh(reading, [trips])
        assert rome in follower.tree


async def test_what_moves_up_while_the_tree_is_told_takes_along_what_lies_below_it(files: Files) -> None:
    async with files.client() as owning:
        deep = "root"
        for name in ("one", "two", "three"):
            deep = await make(owning, name, deep)
        moved = await make(owning, "moved", deep)
        await make(owning, "inside", moved)
        follower = Follower(owning)
        # Told are the root and three folders: the level where `inside` comes to lie is behind the reader then.
        await follower.page(4)
        await owning.patch(f"/v1/items/{moved}", json={"parent_id": "root"})
        await follower.catch_up()
        assert follower.tree == await fresh(owning, [])


async def test_many_shares_are_told_in_as_many_statements_as_one(files: Files) -> None:
    reader = person(username="ben")
    async with files.client() as owning, files.client(reader) as reading:
        await Follower(reading).catch_up()
        counts = []
        for more in (1, 30):
            for number in range(more):
                await files.handle(granted(await make(owning, f"{more} {number}"), files.owner, reader))
            follower = Follower(reading)
            files.statements.clear()
            await follower.catch_up()
            counts.append(len(files.statements))
        assert len(follower.tree) == 1 + 1 + 30
        assert counts[0] == counts[1]
