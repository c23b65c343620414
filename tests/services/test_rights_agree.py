"""One resolver in three services: files decides, sharing explains and notifier filters, each on copies of its own.

Whatever happened to the tree and to the shares, in whatever order the facts reached them, all three say the same; and the same
as a few lines that know the whole truth.
"""

import random
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest

from coffer_chassis.access import EDITOR, VIEWER, Rights
from coffer_chassis.identity import Principal
from coffer_contracts.event import Envelope, Event
from coffer_contracts.ids import ItemId
from coffer_files.handlers.sight import seen_by
from coffer_files.store.items import find
from coffer_notifier.handlers import sight as filtering
from coffer_sharing.handlers import sight as explaining
from factories.databases import Database
from factories.files import Files, files_on, person
from factories.notifier import Notifier, notifier_on
from factories.sharing import Sharing, sharing_on, told_of

STEPS = 90


@dataclass
class Share:
    """A share as its maker knows it."""

    item: str
    reader: Principal
    role: str
    expires_at: Any = None


@dataclass
class House:
    """A drive that is worked on, three services that hear of it in their own time, and the truth."""

    files: Files
    sharing: Sharing
    notifier: Notifier
    chance: random.Random
    owner: Principal
    readers: list[Principal]
    folders: list[str] = field(default_factory=list)
    shares: dict[str, Share] = field(default_factory=dict)
    heard: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, list[Envelope[Event]]] = field(default_factory=dict)

    async def listen(self) -> None:
        """Put what was published on the way to whoever reads it, some of it twice."""
        for source, service, readers in (
            ("files", self.files, ("sharing", "notifier")),
            ("sharing", self.sharing, ("files", "notifier")),
        ):
            facts = await service.facts()
            fresh = facts[self.heard.get(source, 0) :]
            self.heard[source] = len(facts)
            for reader in readers:
                wanted = [fact for fact in fresh if source == "files" or reader == "notifier" or ".grant." in fact.type]
                again = [fact for fact in wanted if self.chance.random() < 0.3]
                self.waiting.setdefault(reader, []).extend([*wanted, *again])

    async def deliver(self, reader: str, share: float = 1.0) -> None:
        """Let some of it arrive, in any order."""
        await self.listen()
        waiting = self.waiting.setdefault(reader, [])
        self.chance.shuffle(waiting)
        count = round(len(waiting) * share)
        arriving, self.waiting[reader] = waiting[:count], waiting[count:]
        service: Any = {"files": self.files, "sharing": self.sharing, "notifier": self.notifier}[reader]
        await service.handle(*arriving)

    async def act(self, drive: httpx.AsyncClient, given: httpx.AsyncClient) -> None:
        """Something that may or may not be possible."""
        deeds = {"make": 6, "move": 6, "trash": 1, "restore": 3, "purge": 1, "share": 6, "change": 2, "revoke": 2}
        (deed,) = self.chance.choices(list(deeds), list(deeds.values()))
        if deed == "make" or len(self.folders) < 3:
            await self.make(drive)
        elif deed == "share":
            await self.share(given, self.chance.choice(self.folders))
        elif deed in {"change", "revoke"}:
            await self.change_share(given, deed)
        else:
            await self.change_item(drive, deed)

    async def make(self, drive: httpx.AsyncClient) -> None:
        """A new folder."""
        body = {"parent_id": self.chance.choice([*self.folders, "root"]), "name": f"f{len(self.folders)}"}
        answer = await drive.post("/v1/folders", json=body)
        if answer.status_code == 201:
            self.folders.append(answer.json()["id"])

    async def change_item(self, drive: httpx.AsyncClient, deed: str) -> None:
        """Move an item, or take it to the trash, back, or away."""
        item, folder = self.chance.choice(self.folders), self.chance.choice(self.folders)
        if deed == "move":
            await drive.patch(f"/v1/items/{item}", json={"parent_id": folder, "conflict": "rename"})
        elif deed == "trash":
            await drive.delete(f"/v1/items/{item}")
        elif deed == "restore":
            await drive.post(f"/v1/trash/{item}/restore", json={})
        else:
            await drive.delete(f"/v1/trash/{item}")

    async def change_share(self, given: httpx.AsyncClient, deed: str) -> None:
        """Give more or less, or take it back."""
        if not self.shares:
            return
        share_id = self.chance.choice(sorted(self.shares))
        if deed == "revoke":
            assert (await given.delete(f"/v1/shares/{share_id}")).status_code in {204, 404}
            del self.shares[share_id]
            return
        role = self.chance.choice(["viewer", "editor"])
        if (await given.patch(f"/v1/shares/{share_id}", json={"role": role})).status_code == 200:
            self.shares[share_id].role = role

    async def share(self, given: httpx.AsyncClient, item: str) -> None:
        """Give somebody something, for ever or for an hour."""
        # Sharing must have heard of it, or would wait for it.
        await self.deliver("sharing")
        reader, role = self.chance.choice(self.readers), self.chance.choice(["viewer", "editor"])
        body: dict[str, Any] = {"item_id": item, "recipients": [{"user_id": reader.user_id}], "role": role}
        expires_at = self.sharing.clock.now() + timedelta(hours=1) if self.chance.random() < 0.3 else None
        answer = await given.post("/v1/shares", json=body | ({"expires_at": expires_at.isoformat()} if expires_at else {}))
        if answer.status_code == 201:
            self.shares[answer.json()["shares"][0]["id"]] = Share(item, reader, role, expires_at)

    def true_rights(self, item: str, reader: Principal, tree: dict[str, tuple[str | None, bool]]) -> Rights:
        """By walking up from the item, share by share. `tree`: item -> folder above, and whether it is in the trash."""
        if item not in tree:
            return Rights.NONE
        if reader.user_id == self.owner.user_id:
            return Rights.OWN
        rights, now, here = Rights.NONE, self.sharing.clock.now(), item
        trashed_itself = tree[item][1]
        while True:
            for share in self.shares.values():
                fits = share.item == here and share.reader.user_id == reader.user_id
                if fits and (share.expires_at is None or now < share.expires_at) and not (here == item and trashed_itself):
                    rights |= EDITOR if share.role == "editor" else VIEWER
            above, in_trash = tree[here]
            if in_trash and here != item:
                return Rights.NONE
            if above is None:
                return rights
            here = above

    async def everybody_agrees(self) -> set[Rights]:
        """Hold all three against the truth, once all of them have heard everything; the rights that were found."""
        # Sharing first: it ends the shares of what was purged, and says so.
        for service in ("sharing", "files", "notifier"):
            await self.deliver(service)
        moment = self.files.clock.now() + timedelta(minutes=self.chance.choice([0, 20]))
        for clock in (self.files.clock, self.sharing.clock, self.notifier.clock):
            clock.moment = moment
        rows = await self.files.rows("SELECT id::text, parent_id::text, trashed_at IS NOT NULL FROM items")
        tree = {row[0]: (row[1], bool(row[2])) for row in rows}
        found = set()
        for item in self.folders:
            for reader in (self.owner, *self.readers):
                truth = self.true_rights(item, reader, tree)
                expected = {"files": truth, "sharing": truth, "notifier": Rights.READ in truth}
                assert await self.said(item, reader) == expected, (item, reader.username)
                found.add(truth)
        return found

    async def said(self, item: str, reader: Principal) -> dict[str, Any]:
        """What each service says: the rights, and for the notifier whether there is anything to be told."""
        item_id = ItemId(item)
        async with self.files.deps.work.read() as connection:
            found = await find(connection, item_id, reader.grantee)
        decided = seen_by(found, reader.grantee, self.files.clock.now()) if found else None
        async with self.sharing.deps.work.read() as connection:
            explained = await explaining.look(connection, item_id, reader, self.sharing.clock.now())
        async with self.notifier.deps.work.read() as connection:
            sight = await filtering.look(connection, [item_id], self.notifier.deps.work.clock.now())
        return {
            "files": decided.rights if decided else Rights.NONE,
            "sharing": explained.rights if explained else Rights.NONE,
            "notifier": sight.may_read(reader.user_id, item_id, None),
        }


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 8))])
async def test_all_services_agree_on_everybodys_rights(database: Database, seed: int) -> None:
    async with AsyncExitStack() as stack:
        files = await stack.enter_async_context(files_on(database("coffer_files")))
        sharing = await stack.enter_async_context(sharing_on(database("coffer_sharing")))
        notifier = await stack.enter_async_context(notifier_on(database("coffer_notifier")))
        owner, readers = files.owner, [person(username="ben"), person(username="eve")]
        for somebody in (owner, *readers):
            await sharing.handle(told_of(somebody))
            await notifier.handle(told_of(somebody))
        house = House(files, sharing, notifier, random.Random(seed), owner, readers)
        drive = await stack.enter_async_context(files.client(owner))
        given = await stack.enter_async_context(sharing.client(owner))
        asked: set[Rights] = set()
        for step in range(1, STEPS + 1):
            await house.act(drive, given)
            if house.chance.random() < 0.3:
                await house.deliver(house.chance.choice(["files", "sharing", "notifier"]), house.chance.random())
            if step % 15 == 0:
                asked |= await house.everybody_agrees()
        assert {Rights.NONE, Rights.OWN} < asked, "nothing was shared in the end"
