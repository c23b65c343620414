"""Three people with drives of their own who share parts of them, and do all sorts of things that may or may not be possible."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx

from coffer_chassis.access import EDITOR, VIEWER
from coffer_chassis.etags import Conditions
from coffer_chassis.identity import Principal
from coffer_contracts.event import Envelope, Event
from coffer_contracts.ids import ItemId, UploadId
from coffer_contracts.problems import Problem
from coffer_files.handlers import items as commands
from coffer_files.handlers.compacting import compact_feeds
from coffer_files.handlers.granting import GRANTS
from coffer_files.handlers.sweeping import forget
from coffer_files.handlers.working import run_jobs
from coffer_files.store.compaction import drop_below, raise_floor
from coffer_files.store.tables import chassis
from factories.files import Files, cleared, granted, origin_of, person, stored, taken_back
from factories.following import Follower, Known, fresh

PEOPLE = ("ada", "ben", "eve")
OWNER = -1
"""Whoever owns what is touched."""
NOTHING = "0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11"
MOST_FOLLOWERS = 7


@dataclass
class Late:
    """A transaction that has done something and has not ended."""

    ends: AsyncExitStack
    busy: str | None = None
    """The item that it holds, which others would wait for."""
    fact: Envelope[Event] | None = None


@dataclass
class Household:
    """What they did, and who follows it. Every deed picks by number from what is there, so that fewer and smaller numbers are
    a simpler story.
    """

    files: Files
    people: list[Principal] = field(default_factory=lambda: [person(username=name) for name in PEOPLE])
    clients: list[httpx.AsyncClient] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    owners: dict[str, int] = field(default_factory=dict)
    trashed: list[str] = field(default_factory=list)
    given: list[tuple[Envelope[Event], int]] = field(default_factory=list)
    followers: list[tuple[int, Follower]] = field(default_factory=list)
    late: list[Late] = field(default_factory=list)
    names: int = 0

    async def move_in(self) -> None:
        """Give everybody a drive with a folder in it, and have everybody followed from the beginning."""
        self.clients = [self.files.client(one) for one in self.people]
        for who, http in enumerate(self.clients):
            self._note(who, (await self._ok(http.get("/v1/items/root"))).json())
        for who, _ in enumerate(self.clients):
            for above, name in ((who, "home"), (-1, "inner"), (-1, "deep")):
                await self.make(who, above, name)
            await self.follow(who)
        for _, follower in self.followers:
            await follower.catch_up()
        await self.share(1, 1, may_write=True)
        await self.follow(1)

    async def move_out(self) -> None:
        """Let go of everything. May run twice."""
        for one in self.late:
            await one.ends.aclose()
        self.late.clear()
        for http in self.clients:
            await http.aclose()

    @staticmethod
    async def _ok(asked: Awaitable[httpx.Response]) -> httpx.Response:
        answer = await asked
        assert answer.status_code < 500, answer.text
        return answer

    def _note(self, who: int, item: dict[str, Any]) -> None:
        owner = next((at for at, one in enumerate(self.people) if one.user_id == item["owner"]["id"]), who)
        if item["id"] not in self.owners:
            self.items.append(item["id"])
            self.owners[item["id"]] = owner

    @property
    def _busy(self) -> set[str]:
        return {one.busy for one in self.late if one.busy}

    def _pick(self, number: int) -> str:
        """An item that nobody holds."""
        free = [item for item in self.items if item not in self._busy]
        return free[number % len(free)] if free else NOTHING

    def _of(self, who: int, item: str) -> httpx.AsyncClient:
        """Who does something with an item: its owner, or somebody who may not even know of it."""
        return self.clients[self.owners.get(item, 0) if who == OWNER else who]

    async def make(self, who: int, parent: int, name: str) -> None:
        folder = self._pick(parent)
        answer = await self._ok(self._of(who, folder).post("/v1/folders", json={"parent_id": folder, "name": name}))
        if answer.status_code == 201:
            self._note(who, answer.json())

    async def upload(self, who: int, parent: int, name: str, conflict: str) -> None:
        folder = self._pick(parent)
        body = {"parent_id": folder, "name": name, "size": 10, "conflict": conflict}
        answer = await self._ok(self._of(who, folder).post("/v1/uploads", json=body))
        if answer.status_code != 201:
            return
        started = await self.files.now(UploadId(answer.json()["id"]))
        await self.files.handle(stored(started), cleared(started))
        done = await self.files.now(started.id)
        if done.item_id and done.item_id not in self.owners:
            self.items.append(done.item_id)
            self.owners[done.item_id] = next(at for at, one in enumerate(self.people) if one.user_id == done.owner_id)

    async def rename(self, who: int, item: int, name: str) -> None:
        picked = self._pick(item)
        await self._ok(self._of(who, picked).patch(f"/v1/items/{picked}", json={"name": name, "conflict": "rename"}))

    async def move(self, who: int, item: int, parent: int) -> None:
        body = {"parent_id": self._pick(parent), "conflict": "rename"}
        picked = self._pick(item)
        await self._ok(self._of(who, picked).patch(f"/v1/items/{picked}", json=body))

    async def replace(self, who: int, item: int, parent: int, name: str) -> None:
        """Move something to where it takes the place of what has its name."""
        picked = self._pick(item)
        if not self._busy:  # it would wait for whoever holds the name
            body = {"parent_id": self._pick(parent), "name": name, "conflict": "replace"}
            await self._ok(self._of(who, picked).patch(f"/v1/items/{picked}", json=body))

    async def copy(self, who: int, item: int, parent: int) -> None:
        """Files at once, folders by a job, and into other drives, too."""
        picked = self._pick(item)
        body = {"parent_id": self._pick(parent), "conflict": "rename"}
        answer = await self._ok(self._of(who, picked).post(f"/v1/items/{picked}/copy", json=body))
        if answer.status_code == 201:
            self._note(who, answer.json())
        elif answer.status_code == 202 and not self._busy:
            await run_jobs(self.files.deps)

    async def mark(self, who: int, item: int, tags: list[str], *, favourite: bool) -> None:
        """Tags, which all see, and a favourite, which is one person's alone."""
        picked = self._pick(item)
        http = self._of(who, picked)
        await self._ok(http.put(f"/v1/items/{picked}/tags", json={"tags": tags}))
        await self._ok(http.request("PUT" if favourite else "DELETE", f"/v1/items/{picked}/favourite"))

    async def batch(self, who: int, item: int, parent: int, *, atomic: bool) -> None:
        """Several things in one transaction."""
        if self._busy:  # it would wait for a folder that is held
            return
        picked, folder = self._pick(item), self._pick(parent)
        operations = [
            {"op": "move", "item_id": picked, "args": {"parent_id": folder, "conflict": "rename"}},
            {"op": "trash", "item_id": folder},
            {"op": "restore", "item_id": folder, "args": {}},
        ]
        await self._ok(self._of(who, picked).post("/v1/batch", json={"operations": operations, "atomic": atomic}))

    async def trash(self, who: int, item: int) -> None:
        picked = self._pick(item)
        answer = await self._ok(self._of(who, picked).delete(f"/v1/items/{picked}"))
        if answer.status_code == 204:
            self.trashed.append(picked)

    async def restore(self, who: int, number: int) -> None:
        if self.trashed and not self._busy:  # it would wait for a folder that is held
            item = self.trashed[number % len(self.trashed)]
            await self._ok(self._of(who, item).post(f"/v1/trash/{item}/restore", json={}))

    async def purge(self, number: int) -> None:
        if self.trashed and not self._busy:  # it would wait for an item below it
            item = self.trashed[number % len(self.trashed)]
            await self._ok(self.clients[self.owners[item]].delete(f"/v1/trash/{item}"))

    def _gift(self, item: int, to: int, *, may_write: bool) -> tuple[Envelope[Event], int] | None:
        foreign = [one for one in self.items[len(PEOPLE) :] if self.owners[one] != to and one not in self._busy]
        if not foreign:
            return None
        picked = foreign[item % len(foreign)]
        owner = self.people[self.owners[picked]]
        return granted(picked, owner, self.people[to], EDITOR if may_write else VIEWER), to

    async def share(self, item: int, to: int, *, may_write: bool) -> None:
        if gift := self._gift(item, to, may_write=may_write):
            self.given.append(gift)
            await self.files.handle(gift[0])

    async def unshare(self, number: int) -> None:
        if self.given:
            fact, _ = self.given[number % len(self.given)]
            if all(one.fact is not fact for one in self.late):
                await self.files.handle(taken_back(fact))

    async def hold(self) -> None:
        """A transaction begins that holds up what everybody else does, as far as readers are concerned."""
        ends = AsyncExitStack()
        connection = await ends.enter_async_context(self.files.engine.connect())
        await connection.exec_driver_sql("SELECT pg_current_xact_id()")
        self.late.append(Late(ends))

    async def share_late(self, item: int, to: int, *, may_write: bool) -> None:
        """Something is given to somebody by a transaction that goes on."""
        if gift := self._gift(item, to, may_write=may_write):
            ends = AsyncExitStack()
            connection = await ends.enter_async_context(self.files.engine.begin())
            unit = self.files.deps.work.unit_on(connection, cause=gift[0])
            await GRANTS[gift[0].type].run(gift[0], unit, self.files.deps)
            await unit.flush(chassis)
            self.given.append(gift)
            self.late.append(Late(ends, fact=gift[0]))

    async def rename_late(self, who: int, item: int) -> None:
        """Something is renamed by a transaction that goes on. From and to names of its own: others would wait for either."""
        picked = self._pick(item)
        self.names += 1
        early = {"name": f"early {self.names}"}
        if (await self._ok(self._of(who, picked).patch(f"/v1/items/{picked}", json=early))).status_code != 200:
            return
        wish = commands.Wish(name=f"late {self.names}")
        ends, one = AsyncExitStack(), self.people[self.owners[picked] if who == OWNER else who]
        try:
            connection = await ends.enter_async_context(self.files.engine.begin())
            unit = self.files.deps.work.unit_on(connection, origin_of(one))
            deps = self.files.deps
            await commands.change_in(unit, deps, one, ItemId(picked), wish, Conditions(), look=False)  # without its commit
            await unit.flush(chassis)
        except Problem:
            await ends.aclose()
        else:
            self.late.append(Late(ends, busy=picked))

    async def end_late(self, number: int) -> None:
        """One of the transactions that went on commits."""
        if self.late:
            await self.late.pop(number % len(self.late)).ends.aclose()

    async def at_once(self, deeds: Sequence[Callable[[], Awaitable[None]]]) -> None:
        """Several things happen at the same time."""
        await asyncio.wait_for(asyncio.gather(*(deed() for deed in deeds)), 30)

    async def follow(self, who: int) -> None:
        """Somebody begins to follow: first the tree, then what happens."""
        if len(self.followers) < MOST_FOLLOWERS:
            self.followers.append((who, Follower(self.clients[who])))

    async def keep_a_copy(self, number: int) -> None:
        """A client is put back later to how it stands now."""
        if len(self.followers) < MOST_FOLLOWERS:
            who, one = self.followers[number % len(self.followers)]
            self.followers.append((who, Follower(one.http, one.cursor, dict(one.tree), set(one.doubted))))

    async def read(self, number: int, limit: int) -> None:
        """One of the followers reads a page."""
        _, one = self.followers[number % len(self.followers)]
        await one.page(limit)

    async def compact(self) -> None:
        self.files.clock.advance(hours=25)
        await compact_feeds(self.files.deps)

    async def cut(self, who: int, keep: int) -> None:
        """The feed of a drive is cut to so many entries."""
        owner = self.people[who].user_id
        async with self.files.engine.begin() as connection:
            floor = await raise_floor(connection, owner, keep)
        if floor is not None:
            async with self.files.engine.begin() as connection:
                await drop_below(connection, owner, floor, 10_000)

    async def let_a_month_pass(self) -> None:
        self.files.clock.advance(days=31)
        await forget(self.files.deps)

    async def everybody_sees_what_is_there(self, limit: int) -> None:
        """Whoever follows, from wherever, ends with the tree of a fresh look."""
        while self.late:
            await self.end_late(0)
        looks: dict[int, dict[str, Known]] = {}
        for who, one in self.followers:
            if who not in looks:
                tops = sorted({fact.data.item_id for fact, to in self.given if to == who})  # type: ignore[attr-defined]  # envelopes of tests are typed by the base
                looks[who] = await fresh(self.clients[who], tops)
            await one.catch_up(limit)
            assert one.tree == looks[who]
