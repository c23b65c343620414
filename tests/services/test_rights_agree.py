"""One resolver in three services: files decides, sharing explains and notifier filters, each on copies of its own.

Whatever happened to the tree, to shares, links and people, in whatever order the facts reached them, twice or not, with a
snapshot in the middle or a copy that was lost: all three say the same; and the same as a few lines that know the whole truth.
And what files and the notifier keep of grants is what sharing has, row by row.
"""

import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from coffer_chassis.access import ROLES, Rights, rights_named, words_of
from coffer_chassis.identity import Principal
from coffer_chassis.snapshots import restate_all
from coffer_contracts.event import Envelope, Event
from coffer_contracts.ids import ItemId
from coffer_files.handlers.sight import collects, seen_by
from coffer_files.store.items import find
from coffer_notifier.handlers import sight as filtering
from coffer_sharing.domain.links import RIGHTS
from coffer_sharing.handlers import sight as explaining
from coffer_sharing.handlers.ending import expire
from coffer_sharing.handlers.link_ending import expire_links
from coffer_sharing.handlers.link_explaining import links_on
from coffer_sharing.handlers.snapshots import grants, link_grants
from factories.databases import Database
from factories.files import Files, files_on, person
from factories.notifier import Notifier, notifier_on
from factories.sharing import Sharing, sharing_on, told_of

STEPS = 90
ROLES_GIVEN = sorted(ROLES)
MODES_GIVEN = sorted(RIGHTS)


@dataclass
class Share:
    """A share as its maker knows it."""

    item: str
    reader: Principal
    role: str
    expires_at: Any = None


@dataclass
class Link:
    """A public link as its maker knows it."""

    item: str
    mode: Any
    expires_at: Any = None
    disabled: bool = False


Way = tuple[str, Rights, Any]
"""Something that leads to an item: which, what it gives, and until when."""


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
    invited: dict[str, Share] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    visited: set[Rights] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
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
        deeds: dict[str, float] = {
            "make": 6,
            "move": 6,
            "trash": 1,
            "restore": 3,
            "purge": 1,
            "share": 6,
            "change": 2,
            "revoke": 2,
        }
        deeds |= {"invite": 3, "settle": 2, "link": 3, "change_link": 3, "snapshot": 1, "lose": 1, "close": 0.2}
        (deed,) = self.chance.choices(list(deeds), list(deeds.values()))
        if deed == "make" or len(self.folders) < 3:
            await self.make(drive)
        elif deed in {"share", "invite"}:
            await self.share(given, self.chance.choice(self.folders), by_address=deed == "invite")
        elif deed == "settle":
            await self.settle()
        elif deed == "link":
            await self.link(given, self.chance.choice(self.folders))
        elif deed == "change_link":
            await self.change_link(given)
        elif deed in {"snapshot", "lose"}:
            await self.tell_again(lost=deed == "lose")
        elif deed == "close":
            await self.close(self.chance.choice(self.readers))
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
        role = self.chance.choice(ROLES_GIVEN)
        if (await given.patch(f"/v1/shares/{share_id}", json={"role": role})).status_code == 200:
            self.shares[share_id].role = role

    async def share(self, given: httpx.AsyncClient, item: str, *, by_address: bool) -> None:
        """Give somebody something, for ever or for an hour."""
        # Sharing must have heard of it, or would wait for it.
        await self.deliver("sharing")
        reader, role = self.chance.choice(self.readers), self.chance.choice(ROLES_GIVEN)
        to = {"email": f"{reader.username}@Example.org"} if by_address else {"user_id": reader.user_id}
        body: dict[str, Any] = {"item_id": item, "recipients": [to], "role": role}
        expires_at = self.sharing.clock.now() + timedelta(hours=1) if self.chance.random() < 0.3 else None
        answer = await given.post("/v1/shares", json=body | ({"expires_at": expires_at.isoformat()} if expires_at else {}))
        if answer.status_code == 201:
            [made] = answer.json()["invitations" if by_address else "shares"]
            (self.invited if by_address else self.shares)[made["id"]] = Share(item, reader, role, expires_at)

    async def link(self, given: httpx.AsyncClient, item: str) -> None:
        """Make something public, for ever or for an hour."""
        await self.deliver("sharing")
        mode = self.chance.choice(MODES_GIVEN)
        expires_at = self.sharing.clock.now() + timedelta(hours=1) if self.chance.random() < 0.3 else None
        body = {"item_id": item, "mode": mode} | ({"expires_at": expires_at.isoformat()} if expires_at else {})
        answer = await given.post("/v1/links", json=body)
        if answer.status_code == 201:
            self.links[answer.json()["id"]] = Link(item, mode, expires_at)

    async def change_link(self, given: httpx.AsyncClient) -> None:
        """Let visitors do more or less, shut a link, open it again, or delete it."""
        if not self.links:
            return
        link_id = self.chance.choice(sorted(self.links))
        if self.chance.random() < 0.2:
            assert (await given.delete(f"/v1/links/{link_id}")).status_code in {204, 404}
            del self.links[link_id]
            return
        mode, disabled = self.chance.choice(MODES_GIVEN), self.chance.random() < 0.3
        if (await given.patch(f"/v1/links/{link_id}", json={"mode": mode, "disabled": disabled})).status_code == 200:
            self.links[link_id].mode, self.links[link_id].disabled = mode, disabled

    async def settle(self) -> None:
        """Addresses are looked up: what was promised is given, unless that person has something on the item already."""
        await self.sharing.settle_all()
        for invitation_id, promised in [*self.invited.items()]:
            [(end,)] = await self.sharing.rows(f"SELECT end_reason FROM invitations WHERE id = '{invitation_id}'")
            if end == "accepted":
                self.shares[invitation_id] = promised
            if end is not None:
                del self.invited[invitation_id]

    async def tell_again(self, *, lost: bool) -> None:
        """Sharing tells all its grants again; perhaps because files lost them."""
        if lost:
            async with self.files.deps.work.engine.begin() as connection:
                await connection.execute(text("DELETE FROM grants"))
        await restate_all(self.sharing.deps.work, [grants(self.sharing.clock), link_grants(self.sharing.clock)])

    async def close(self, reader: Principal) -> None:
        """Somebody's account is closed for good, and with it goes what they were given."""
        self.closed.add(reader.user_id)
        await self.sharing.handle(told_of(reader, sequence=2, status="deleted"))
        await self.settle()
        self.shares = {key: share for key, share in self.shares.items() if share.reader.user_id not in self.closed}

    def rights_of(self, item: str, reader: Principal, tree: dict[str, tuple[str | None, bool]]) -> Rights:
        """What somebody may do, as those know who know everything."""
        if item in tree and reader.user_id == self.owner.user_id:
            return Rights.OWN
        mine = (one for one in self.shares.values() if one.reader.user_id == reader.user_id)
        return self.true_rights(item, [(one.item, ROLES[one.role], one.expires_at) for one in mine], tree)

    def true_rights(self, item: str, ways: Sequence[Way], tree: dict[str, tuple[str | None, bool]]) -> Rights:
        """By walking up from the item, way by way. `tree`: item -> folder above, and whether it is in the trash."""
        if item not in tree:
            return Rights.NONE
        rights, now, here = Rights.NONE, self.sharing.clock.now(), item
        trashed_itself = tree[item][1]
        while True:
            for leads_to, gives, expires_at in ways:
                if leads_to == here and (expires_at is None or now < expires_at) and not (here == item and trashed_itself):
                    rights |= gives
            above, in_trash = tree[here]
            if in_trash and here != item:
                return Rights.NONE
            if above is None:
                return rights
            here = above

    async def everybody_agrees(self) -> set[Rights]:
        """Hold all three against the truth, once all of them have heard everything; the rights that were found."""
        # Sharing first: it ends the shares of what was purged, and says so.
        await self.deliver("sharing")
        await self.settle()
        await expire(self.sharing.deps)
        await expire_links(self.sharing.deps)
        for service in ("files", "notifier"):
            await self.deliver(service)
        await self.copies_are_true()
        moment = self.files.clock.now() + timedelta(minutes=self.chance.choice([0, 20]))
        for clock in (self.files.clock, self.sharing.clock, self.notifier.clock):
            clock.moment = moment
        rows = await self.files.rows("SELECT id::text, parent_id::text, trashed_at IS NOT NULL FROM items")
        tree = {row[0]: (row[1], bool(row[2])) for row in rows}
        found = set()
        for item in self.folders:
            for reader in (self.owner, *self.readers):
                truth = self.rights_of(item, reader, tree)
                expected = {"files": truth, "sharing": truth, "notifier": Rights.READ in truth}
                assert await self.said(item, reader) == expected, (item, reader.username)
                found.add(truth)
            self.visited |= await self.links_agree(item, tree)
        return found

    def rights_by(self, link: Link, item: str, tree: dict[str, tuple[str | None, bool]]) -> Rights:
        """What visitors may do. Nothing in the trash is theirs, and who sees nothing reaches nothing below a folder."""
        if link.disabled or (item in tree and tree[item][1]):
            return Rights.NONE
        rights = self.true_rights(item, [(link.item, rights_named(RIGHTS[link.mode]), link.expires_at)], tree)
        return rights if Rights.READ in rights or link.item == item else Rights.NONE

    async def links_agree(self, item: str, tree: dict[str, tuple[str | None, bool]]) -> set[Rights]:
        """What each link gives on an item: files lets visitors do it, sharing tells the owner."""
        truth = {}
        for link_id, link in self.links.items():
            truth[link_id] = self.rights_by(link, item, tree)
            grantee, now = f"link/{link_id}", self.files.clock.now()
            async with self.files.deps.work.read() as connection:
                found = await find(connection, ItemId(item), grantee)
            decided = seen_by(found, grantee, now) if found else None
            seeing = truth[link_id] if Rights.READ in truth[link_id] else Rights.NONE
            assert (decided.rights if decided else Rights.NONE) == seeing, (item, link)
            assert (found is not None and collects(found, grantee, now)) == (truth[link_id] == Rights.UPLOAD), (item, link)
        if item in tree:
            leading = await links_on(self.sharing.deps, self.owner, ItemId(item))
            told: dict[str, Rights] = {one.link.link.id: one.gives for one in leading}
            assert {link_id: told.get(link_id, Rights.NONE) for link_id in truth} == truth
        return {*truth.values()}

    async def copies_are_true(self) -> None:
        """What others keep of grants is what sharing has, but for tombstones."""
        rows = await self.sharing.rows(
            "SELECT id::text, item_id::text, recipient_id::text, role, expires_at, revision FROM shares WHERE ended_at IS NULL"
        )
        truth = {(row[0], row[1], f"user/{row[2]}", words_of(ROLES[row[3]]), row[4], row[5]) for row in rows}
        rows = await self.sharing.rows(
            "SELECT id::text, item_id::text, mode, expires_at, revision FROM links "
            "WHERE coalesce(ended_at, disabled_at, taken_down_at, expired_at) IS NULL"
        )
        truth |= {(row[0], row[1], f"link/{row[0]}", RIGHTS[row[2]], row[3], row[4]) for row in rows}
        kept = (
            "SELECT grant_id::text, item_id::text, grantee, rights, expires_at, sequence FROM grants WHERE removed_at IS NULL"
        )
        for copy in (await self.files.rows(kept), await self.notifier.rows(kept)):
            assert {(row[0], row[1], row[2], tuple(row[3]), row[4], row[5]) for row in copy} == truth

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
        assert any(Rights.READ in one for one in house.visited), "no link led anywhere in the end"
