"""What is shown equals what a plain reading of the rules says, for any tree, any grants and any past."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coffer_contracts.files import ItemRestoredV1, ItemTrashedV1
from factories.events import NOON
from factories.notifier import Notifier, notifier_on
from factories.telling import Item, Share, drive, user_id

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["folder", "file", "share", "expiring", "unshare", "move", "trash", "restore", "purge"]),
        st.integers(0, 9),
        st.integers(0, 9),
    ),
    max_size=18,
)

HEALTHY = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@dataclass
class Node:
    """An item of the model: where it stands now, by names only."""

    item: Item
    parent: "Node | None"
    trashed: bool = False
    gone: bool = False
    revision: int = 1

    def chain(self) -> "list[Node]":
        """Itself and the folders above it, now."""
        return [self, *(self.parent.chain() if self.parent else [])]

    def now(self) -> Item:
        """As facts would tell it now."""
        above = tuple(node.item.id for node in reversed(self.chain()[1:]))
        return Item(self.item.owner, above, self.item.kind, self.item.name, self.item.id)


@dataclass
class Model:
    """A drive, what was given in it, and a naive oracle."""

    ann: Any = field(default_factory=user_id)
    bob: Any = field(default_factory=user_id)
    nodes: list[Node] = field(default_factory=list)
    shares: list[tuple[Node, Share, bool]] = field(default_factory=list)
    facts: list[Any] = field(default_factory=list)
    minutes: int = 0

    def at(self) -> Any:
        self.minutes += 1
        return NOON - timedelta(days=1) + timedelta(minutes=self.minutes)

    def step(self, what: str, one: int, other: int) -> None:
        alive = [node for node in self.nodes if not node.gone]
        node = alive[one % len(alive)]
        target = alive[other % len(alive)]
        is_root = node.parent is None
        if what in {"folder", "file"} and node.item.kind == "folder" and not any(above.trashed for above in node.chain()):
            self.make(node, what)
        elif what in {"share", "expiring"} and not is_root:
            share = Share(node.now(), self.bob, expires_at=NOON if what == "expiring" else None)
            self.shares.append((node, share, True))
            self.facts += [share.granted(), share.created(at=self.at())]
        elif what == "unshare" and self.shares:
            position = one % len(self.shares)
            shared, share, live = self.shares[position]
            if live:
                self.shares[position] = (shared, share, False)
                self.facts += [share.removed(), share.revoked(at=self.at())]
        elif what == "move" and target.item.kind == "folder" and not (is_root or node.trashed or node in target.chain()):
            before = node.parent
            node.parent = target
            node.revision += 1
            assert before is not None
            moved = node.now().changed("parent_id", previous_parent_id=before.item.id, sequence=node.revision, at=self.at())
            self.facts.append(moved)
        elif what in {"trash", "restore"} and not is_root and node.trashed == (what == "restore"):
            node.trashed = what == "trash"
            node.revision += 1
            kind = ItemTrashedV1 if what == "trash" else ItemRestoredV1
            self.facts.append(node.now().as_(kind, sequence=node.revision, at=self.at()))
        elif what == "purge" and not is_root:
            for below in [each for each in alive if node in each.chain()]:
                below.gone = True
                self.facts.append(below.now().purged(sequence=below.revision + 1, at=self.at()))

    def make(self, parent: Node, kind: str) -> None:
        node = Node(Item(self.ann, (), kind, f"n{len(self.nodes)}"), parent)
        self.nodes.append(node)
        item = node.now()
        self.facts.append(item.created(at=self.at()) if kind == "folder" else item.committed(at=self.at()))

    def bob_may_read(self, item_id: str) -> bool:
        """The rules in plain words: a live, unexpired share on it or above it; nothing below the trash; what itself lies in
        the trash only through a folder above it.
        """
        node = next(node for node in self.nodes if node.item.id == item_id)
        chain = node.chain()
        if any(each.gone for each in chain) or any(above.trashed for above in chain[1:]):
            return False
        counts = chain[1:] if node.trashed else chain
        return any(live and share.expires_at is None and shared in counts for shared, share, live in self.shares)


def played(steps: list[tuple[str, int, int]]) -> Model:
    model = Model()
    root = Node(drive(model.ann), None)
    model.nodes.append(root)
    model.facts.append(root.now().created(at=model.at()))
    model.make(root, "folder")
    model.make(root, "folder")
    model.make(model.nodes[1], "file")
    for what, one, other in steps:
        model.step(what, one, other)
    return model


def check(url: str, steps: list[tuple[str, int, int]], order: Random | None) -> None:
    async def play() -> None:
        async with notifier_on(url) as notifier:
            model = played(steps)
            if order:
                order.shuffle(model.facts)
            await compare(notifier, model)

    asyncio.run(play())


@pytest.mark.timeout(600)  # a failure is made small first, and every attempt plays a world
@given(steps=STEPS, order=st.none() | st.randoms())
@settings(max_examples=12, suppress_health_check=HEALTHY)
@pytest.mark.slow
def test_feed_and_activity_show_what_the_rules_allow(
    store_url_of_notifier: str, steps: list[tuple[str, int, int]], order: Random | None
) -> None:
    check(store_url_of_notifier, steps, order)


@pytest.mark.proof
@pytest.mark.timeout(600)
@given(steps=STEPS, order=st.none() | st.randoms())
@settings(max_examples=100, suppress_health_check=HEALTHY)
def test_they_do_so_in_many_more_worlds(
    store_url_of_notifier: str, steps: list[tuple[str, int, int]], order: Random | None
) -> None:
    check(store_url_of_notifier, steps, order)


async def compare(notifier: Notifier, model: Model) -> None:
    await notifier.handle(*model.facts)
    page = await notifier.feed(model.bob, limit=1000)
    received = {notice["data"]["share_id"] for notice in page["items"] if notice["type"] == "share_received"}
    assert received == {share.id for node, share, _ in model.shares if model.bob_may_read(node.item.id)}
    assert page["unread_count"] == len(page["items"])
    entries = await notifier.activity(model.bob, limit=1000)
    told_of_loss = {"share_revoked", "share_left"}
    assert all(model.bob_may_read(entry["item"]["id"]) for entry in entries if entry["action"] not in told_of_loss)
    for entry in entries:
        for folder in filter(None, entry["changes"].get("parent", ())):
            assert model.bob_may_read(folder["id"])
    for node in model.nodes:
        async with notifier.client(model.bob) as http:
            answer = await http.get("/v1/activity", params={"item_id": node.item.id, "subtree": "false", "limit": 1000})
        assert (answer.status_code == 200) == model.bob_may_read(node.item.id)
        if answer.status_code == 200:
            mine = {entry["id"] for entry in answer.json()["items"]}
            wanted = await notifier.rows(
                "SELECT id::text FROM activity WHERE item_id = :item AND (recipient_id IS NULL OR recipient_id = :bob)",
                item=node.item.id,
                bob=model.bob,
            )
            assert mine == {row.id for row in wanted}, "and all of it"
    owner = await notifier.activity(model.ann, limit=1000)
    everything = await notifier.rows("SELECT count(*) FROM activity WHERE owner_id = :ann", ann=model.ann)
    assert len(owner) == everything[0][0]
