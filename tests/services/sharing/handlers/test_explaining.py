"""Why somebody may do what: the causes, what would remain without each, and that it is true whatever happened."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coffer_chassis.access import EDITOR, ROLES, VIEWER, Rights
from coffer_chassis.etags import Conditions
from coffer_contracts.ids import UserId
from coffer_contracts.problems import NotFound, Problem
from coffer_sharing.domain import Order, Share
from coffer_sharing.handlers.changing import revoke_share
from coffer_sharing.handlers.explaining import Explanation, explain
from coffer_sharing.handlers.reading import list_on_item, list_with_me
from coffer_sharing.store.listings import Asked
from factories.files import origin_of
from factories.sharing import Item, Sharing, id_made, sharing_on, told_of

ALL = Asked(Order(), 1000)
ANY = Conditions()


async def why(sharing: Sharing, item: Item, by: Any, about: Any = None) -> Explanation:
    return await explain(sharing.deps, by, item.id, about.user_id if about else None)


async def test_ownership_is_the_one_cause_of_an_owners_rights(sharing: Sharing) -> None:
    told = await why(sharing, await sharing.item(), sharing.owner)
    [cause] = told.causes
    assert (told.rights, cause.share, cause.gives, cause.without) == (Rights.OWN, None, Rights.OWN, Rights.NONE)
    assert told.person.username == sharing.owner.username


async def test_every_share_that_reaches_the_item_is_told_with_what_remains_without_it(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item("Folder")
    inner = await sharing.item("Inner", folder)
    file = await sharing.item("file", inner, "file")
    ends = sharing.clock.now() + timedelta(days=1)
    [viewing] = await sharing.share(folder, ann, expires_at=ends)
    sharing.clock.advance(seconds=1)
    [editing] = await sharing.share(inner, ann, role="editor")
    for by, about in ((ann, None), (ann, ann), (sharing.owner, ann)):
        told = await why(sharing, file, by, about)
        assert told.rights == EDITOR
        assert [(cause.share, cause.gives, cause.without) for cause in told.causes] == [
            (editing, EDITOR, VIEWER),
            (viewing, VIEWER, EDITOR),
        ]
    assert told.causes[1].share is not None
    assert (told.causes[1].share.name, told.causes[1].share.share.expires_at) == ("Folder", ends)
    assert (await why(sharing, folder, ann)).rights == VIEWER


async def test_an_account_that_is_shut_may_do_nothing_until_it_is_open_again(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    [shown] = await sharing.share(folder, ann, role="editor")
    await sharing.handle(told_of(ann, sequence=2, status="suspended"))
    told = await why(sharing, folder, sharing.owner, ann)
    [cause] = told.causes
    assert cause.share is not None
    assert (told.account, told.rights, cause.share.share.id) == ("suspended", Rights.NONE, shown.share.id)
    assert (cause.gives, cause.without) == (Rights.NONE, Rights.NONE)
    await sharing.handle(told_of(ann, sequence=3))
    told = await why(sharing, folder, sharing.owner, ann)
    assert (told.account, told.rights) == ("active", EDITOR)
    await sharing.handle(told_of(ann, sequence=4, status="deleted"))
    await sharing.settle_all()
    told = await why(sharing, folder, sharing.owner, ann)
    assert (told.account, told.rights, told.causes) == ("deleted", Rights.NONE, [])


async def test_the_owner_is_told_of_those_who_have_nothing_and_others_only_of_themselves(sharing: Sharing) -> None:
    ann, bob, stranger = await sharing.person(), await sharing.person(), await sharing.person()
    folder = await sharing.item()
    await sharing.share(folder, ann, bob)
    told = await why(sharing, folder, sharing.owner, stranger)
    assert (told.rights, told.causes) == (Rights.NONE, [])
    told = await explain(sharing.deps, sharing.owner, folder.id, UserId(id_made()))
    assert (told.rights, told.causes, told.person.username) == (Rights.NONE, [], None)
    for by, about in ((ann, bob), (ann, sharing.owner), (stranger, stranger), (stranger, None), (stranger, ann)):
        with pytest.raises(NotFound):
            await why(sharing, folder, by, about)


async def test_what_is_over_is_no_cause_and_what_is_in_the_trash_gives_nothing(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    brief = await sharing.item("brief", folder)
    await sharing.share(brief, ann, expires_at=sharing.clock.now() + timedelta(seconds=1))
    [lasting] = await sharing.share(folder, ann)
    sharing.clock.advance(seconds=1)
    assert [cause.share for cause in (await why(sharing, brief, ann)).causes] == [lasting]
    await sharing.handle(sharing.drive.trash(folder))
    told = await why(sharing, brief, sharing.owner, ann)
    assert (told.rights, [(cause.gives, cause.without) for cause in told.causes]) == (
        Rights.NONE,
        [(Rights.NONE, Rights.NONE)],
    )
    assert (await why(sharing, brief, sharing.owner)).rights == Rights.OWN


@dataclass
class World:
    """What happened, as everybody would tell it: items with their parents, shares that were made and not taken back."""

    sharing: Sharing
    people: list[Any]
    chance: random.Random
    items: list[Item] = field(default_factory=list)
    given: list[Share] = field(default_factory=list)
    late: list[Any] = field(default_factory=list)
    """Facts that have not been delivered yet."""

    def rights(self, item: Item, somebody: Any, shares: Iterable[Share]) -> Rights:
        """The naive answer: walk up and look."""
        if somebody.user_id == self.sharing.owner.user_id:
            return Rights.OWN
        rights, here = Rights.NONE, item.parent
        reached = [] if item.trashed_at else [item.id]
        while here is not None:
            if here.trashed_at:
                return Rights.NONE
            reached.append(here.id)
            here = here.parent
        for share in shares:
            open_ = share.expires_at is None or share.expires_at > self.sharing.clock.now()
            if share.recipient_id == somebody.user_id and share.item_id in reached and open_:
                rights |= ROLES[share.role]
        return rights

    async def step(self, happening: str) -> None:  # noqa: C901  # one branch for each thing that can happen
        """Let one thing happen; what cannot is refused and changes nothing."""
        pick, drive = self.chance.choice, self.sharing.drive
        folders = [self.sharing.root, *(item for item in self.items if item.kind == "folder")]
        if happening == "make" or not self.items:
            made, fact = drive.make(f"n{len(self.items)}", pick(folders[-3:]), pick(["folder", "folder", "file"]))
            self.items.append(made)
            await self.sharing.handle(fact)
            return
        item = pick(self.items)
        match happening:
            case "move":
                target = pick(folders)
                if item.id not in {target.id, *target.above}:
                    self.late.append(drive.change(item, parent=target))
            case "rename":
                self.late.append(drive.change(item, name=f"{item.name}'"))
            case "trash":
                self.late.append(drive.restore(item) if item.trashed_at else drive.trash(item))
            case "purge":
                before = {*drive.items}
                self.late += drive.purge(item)
                gone = before - {*drive.items}
                self.items = [one for one in self.items if one.id not in gone]
                self.given = [share for share in self.given if share.item_id not in gone]
            case "deliver":
                await self.deliver()
            case "wait":
                self.sharing.clock.advance(seconds=self.chance.randrange(90))
            case "revoke" if self.given:
                share = self.given.pop(self.chance.randrange(len(self.given)))
                await revoke_share(self.sharing.deps, self.sharing.owner, origin_of(self.sharing.owner), share.id, ANY)
            case "share":
                await self.share(item)

    async def share(self, item: Item) -> None:
        ends = self.sharing.clock.now() + timedelta(seconds=60) if self.chance.random() < 0.3 else None
        role: Any = self.chance.choice(["viewer", "editor"])
        try:
            [shown] = await self.sharing.share(item, self.chance.choice(self.people), role=role, expires_at=ends)
        except Problem:
            return
        self.given.append(shown.share)

    async def deliver(self) -> None:
        """Every late fact, some twice, in any order."""
        facts = self.late + [self.chance.choice(self.late) for _ in self.late[::3]]
        self.chance.shuffle(facts)
        self.late = []
        await self.sharing.handle(*facts)


HAPPENINGS = ["make", "share", "share", "move", "move", "rename", "trash", "trash", "purge", "revoke", "wait", "deliver"]
BEGINNING = ["make"] * 8 + ["share"] * 10


HISTORIES = {"happenings": st.lists(st.sampled_from(HAPPENINGS), min_size=1, max_size=25), "seed": st.integers(0, 2**32)}


@pytest.mark.slow
@pytest.mark.timeout(400)
@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(**HISTORIES)
async def test_whatever_happened_rights_are_what_a_walk_up_the_tree_finds(store: str, happenings: list[str], seed: int) -> None:
    await holds(store, happenings, seed)


@pytest.mark.slow
@pytest.mark.timeout(400)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(**HISTORIES)
async def test_that_holds_for_many_histories(store: str, happenings: list[str], seed: int) -> None:
    await holds(store, happenings, seed)


async def holds(store: str, happenings: list[str], seed: int) -> None:
    async with sharing_on(store) as sharing:
        people = [await sharing.person() for _ in range(3)]
        world = World(sharing, people, random.Random(seed))
        for happening in (*BEGINNING, *happenings):
            await world.step(happening)
        await world.deliver()
        for somebody in [*people, sharing.owner]:
            for item in world.chance.sample(world.items, min(4, len(world.items))):
                await explained_rightly(world, item, somebody)
            opened = {one.share.item_id for one in (await list_with_me(sharing.deps, somebody, ALL)).shares}
            direct = {share.item_id for share in world.given if share.recipient_id == somebody.user_id}
            assert opened == {item.id for item in world.items if item.id in direct and is_open(world, item, somebody)}


def is_open(world: World, item: Item, somebody: Any) -> bool:
    own = [share for share in world.given if share.item_id == item.id]
    return Rights.READ in world.rights(item, somebody, own)


async def explained_rightly(world: World, item: Item, somebody: Any) -> None:
    sharing, expected = world.sharing, world.rights(item, somebody, world.given)
    told = await explain(sharing.deps, sharing.owner, item.id, somebody.user_id)
    assert told.rights == expected
    for cause in told.causes:
        if cause.share is not None:
            others = [share for share in world.given if share.id != cause.share.share.id]
            assert cause.without == world.rights(item, somebody, others)
            one = [share for share in world.given if share.id == cause.share.share.id]
            assert cause.gives == world.rights(item, somebody, one)
    if Rights.READ in expected:
        seen, _ = await list_on_item(sharing.deps, somebody, item.id, ALL)
        assert seen.rights == expected
        assert (await explain(sharing.deps, somebody, item.id, None)).rights == expected
    else:
        with pytest.raises(NotFound):
            await list_on_item(sharing.deps, somebody, item.id, ALL)
