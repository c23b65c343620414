"""The service put together: its queues, and its way through an unkind bus."""

import asyncio
import random
from typing import Any

import pytest
from sqlalchemy import select, text

from coffer_chassis.bus import Outgoing
from coffer_chassis.bus_memory import MemoryBus
from coffer_chassis.service import Service
from coffer_chassis.testing import eventually
from coffer_chassis.topology import Lane, ServiceTopology, Topology
from coffer_contracts.catalog import parse
from coffer_sharing.app import PEOPLE_QUEUE, TABLES, TOPOLOGY, TREE_QUEUE, jobs
from coffer_sharing.handlers.reactions import PEOPLE_TABLE, TREE_TABLE
from coffer_sharing.store.tables import people, shares, tree
from factories.databases import Database
from factories.files import person
from factories.sharing import id_made, sharing_on, told_of

READER = ServiceTopology(
    "files", (Lane("files-grants", {"sharing-events": ("sharing.grant.set.v1", "sharing.grant.removed.v1")}),)
)
ALL = Topology("coffer", (TOPOLOGY, ServiceTopology("auth"), READER))


def test_every_queue_hears_exactly_what_it_has_handlers_for() -> None:
    heard = {lane.queue: {kind for types in lane.reads.values() for kind in types} for lane in TOPOLOGY.lanes}
    assert heard == {TREE_QUEUE: set(TREE_TABLE), PEOPLE_QUEUE: set(PEOPLE_TABLE)}
    assert set(TABLES) == set(heard)


def test_it_has_no_business_with_the_bucket() -> None:
    assert TOPOLOGY.blobs == ()
    assert all(not lane.storage_prefixes for lane in TOPOLOGY.lanes)


@pytest.mark.slow
async def test_copies_and_grants_come_out_right_on_a_bus_that_repeats_and_reorders(database: Database) -> None:
    chance = random.Random(3)
    async with sharing_on(database("coffer_sharing")) as sharing:
        bus = MemoryBus(ALL, seed=5, duplicates=0.5)
        service = Service(
            topology=TOPOLOGY,
            work=sharing.deps.work,
            bus=bus,
            deps=sharing.deps,
            app=None,
            tables=TABLES,
            jobs=jobs(sharing.deps),
            wait_seconds=1,
        )

        async def publish(*facts: Any) -> None:
            for fact in facts:
                topic = f"{fact.type.partition('.')[0]}-events"
                await bus.publish(topic, [Outgoing(fact.id, fact.to_json(), {"type": fact.type})])

        async def known() -> bool:
            return (
                len(await sharing.rows(select(tree.c.item_id))) == 31 and len(await sharing.rows(select(people.c.user_id))) == 6
            )

        async def settled() -> bool:
            ended = await sharing.rows(select(shares.c.id).where(shares.c.end_reason == "item_purged"))
            gone = await sharing.rows(select(tree.c.item_id).where(tree.c.purged_at.is_not(None)))
            return len(ended) == len(gone) == 10 and await renamed() == 20

        async def renamed() -> int:
            live = await sharing.rows(select(tree.c.name).where(tree.c.purged_at.is_(None), tree.c.parent_id.is_not(None)))
            return len([row for row in live if row.name.endswith(" renamed")])

        stopping = asyncio.Event()
        running = asyncio.create_task(service.run_background(stopping))
        try:
            somebody = [person(id_made(), username=f"u{number}x") for number in range(5)]
            made = [sharing.drive.make(str(number), sharing.root) for number in range(30)]
            facts: list[Any] = [told_of(one) for one in somebody] + [fact for _, fact in made]
            chance.shuffle(facts)
            await publish(*facts)
            await eventually(known, within_seconds=60)
            given = [await sharing.share(item, chance.choice(somebody)) for item, _ in made]
            late: list[Any] = [sharing.drive.change(item, name=f"{item.name} renamed") for item, _ in made]
            late += [fact for item, _ in made[:10] for fact in sharing.drive.purge(item)]
            chance.shuffle(late)
            await publish(*late)
            await eventually(settled, within_seconds=60)
        finally:
            stopping.set()
            await running
        for position, [shown] in enumerate(given):
            told = await sharing.told(shown)
            assert [fact.revision for fact in told] == ([1, 1, 2, 2] if position < 10 else [1, 1])
            assert (await sharing.now(shown)).end_reason == ("item_purged" if position < 10 else None)
        assert await renamed() == 20
        assert (await sharing.rows(text("SELECT count(*) FROM dead_letters")))[0][0] == 0
        arrived = [message for _ in range(40) for message in await bus.receive("files-grants", limit=10, wait_seconds=0)]
        types = [message.attributes["type"] for message in arrived]
        assert {shown.share.id for [shown] in given} <= set(map(grant_in, arrived))
        assert set(types) == {"sharing.grant.set.v1", "sharing.grant.removed.v1"}


def grant_in(message: Any) -> str:
    fact: Any = parse(message.body).data
    return str(fact.grant_id)
