"""Counting while others fold: nobody waits for somebody who waits for them."""

import asyncio
from datetime import date

from sqlalchemy import text

from coffer_chassis.ids import new_id
from coffer_chassis.testing import eventually
from coffer_contracts.ids import EventId
from factories.notifier import Notifier
from factories.usage import House
from factories.usage_kept import empty

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


async def test_who_waits_for_a_mark_that_is_being_folded_holds_no_item_that_is_folded_after_it(notifier: Notifier) -> None:
    await empty(notifier)
    house = House(18, date(2026, 10, 20)).run(days=2)
    await notifier.handle_together(*house.facts)
    again = [
        fact.model_copy(update={"id": EventId(new_id()), "sequence": f"{int(fact.sequence) + 1:0{len(fact.sequence)}}"})
        for fact in house.facts
    ]

    async def waits() -> bool:
        return bool((await notifier.rows(WAITING))[0][0])

    async with notifier.engine.connect() as folding:
        await folding.execute(text("UPDATE analytics_marks SET is_counted = true"))
        telling = asyncio.create_task(notifier.handle_together(*again))
        await eventually(waits)
        assert (await folding.execute(text("SELECT FROM analytics_items FOR UPDATE NOWAIT"))).rowcount
        await folding.rollback()
    await telling
