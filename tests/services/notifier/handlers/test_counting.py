"""Usage figures equal what happened, whatever is told twice, again, late or out of order, and whenever it is folded."""

import asyncio
import random
from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from coffer_chassis.ids import new_id
from coffer_contracts.auth import UserDeletedV1
from coffer_contracts.event import Envelope
from coffer_contracts.ids import EventId
from coffer_notifier.domain.analytics import HOUSE
from coffer_notifier.handlers.counting import fold
from coffer_notifier.handlers.rebuilding import (
    NotNow,
    check_figures,
    forget_figures,
    learn_anew,
    rebuild_figures,
    settle_figures,
)
from factories.events import NOON
from factories.notifier import Notifier
from factories.telling import told
from factories.usage import House
from factories.usage_kept import Figures, empty, figures_of

FIRST = date(2026, 10, 20)


@pytest.fixture(autouse=True)
async def _nothing_counted(notifier: Notifier) -> None:
    await empty(notifier)


def in_turn(fact: Envelope[Any]) -> tuple[str, ...]:
    """As consumers order a batch, so that two batches cannot wait for each other."""
    return fact.partitionkey, fact.subject, fact.sequence, fact.id


async def deliver(notifier: Notifier, facts: list[Envelope[Any]], chance: random.Random) -> None:
    """In batches of any size, and folded in between."""
    left = list(facts)
    while left:
        size = chance.randrange(1, 25)
        batch, left = sorted(left[:size], key=in_turn), left[size:]
        await notifier.handle_together(*batch)
        if chance.random() < 0.3:
            await fold(notifier.deps)
    await fold(notifier.deps)


def disturbed(house: House, chance: random.Random) -> list[Envelope[Any]]:
    """Everything that happened, much of it twice, some of it under another id, snapshots in between, in no order."""
    facts = house.facts + house.again
    copies = [chance.choice(facts) for _ in range(len(facts) // 2)]
    others = [fact.model_copy(update={"id": EventId(new_id())}) for fact in copies[::3]]
    mixed = [*facts, *copies, *others]
    chance.shuffle(mixed)
    return mixed


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_figures_equal_what_happened_after_any_disturbance(notifier: Notifier, seed: int) -> None:
    house = House(seed, FIRST).run(days=10)
    chance = random.Random(seed)
    await deliver(notifier, disturbed(house, chance), chance)
    assert await figures_of(notifier) == house.expected
    await notifier.forget_inbox()
    await deliver(notifier, disturbed(house, chance), chance)
    assert await figures_of(notifier) == house.expected, "long after the inbox forgot"


async def test_facts_in_order_count_day_by_day(notifier: Notifier) -> None:
    house = House(7, FIRST)
    for _ in range(5):
        before = len(house.facts)
        house.run(days=1)
        await deliver(notifier, house.facts[before:] if before > 3 else house.facts, random.Random(before))
        assert await figures_of(notifier) == house.expected


async def test_a_crash_before_the_commit_counts_nothing_and_the_next_delivery_counts_once(notifier: Notifier) -> None:
    house = House(1, FIRST).run(days=1)
    broken = house.facts[-1].model_copy(update={"id": EventId(new_id()), "data": None})
    with pytest.raises(AttributeError):
        await notifier.handle_together(*house.facts, broken)
    await fold(notifier.deps)
    assert await figures_of(notifier) == {}
    await deliver(notifier, house.facts, random.Random(1))
    assert await figures_of(notifier) == house.expected


async def test_folding_that_crashes_is_done_by_the_next_one(notifier: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(2, FIRST).run(days=2)
    await notifier.handle_together(*house.facts)

    async def crash(*_: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr("coffer_notifier.handlers.counting.note_all_counted", crash)
        with pytest.raises(ConnectionError):
            await fold(notifier.deps)
    assert await figures_of(notifier) == {}
    await fold(notifier.deps)
    assert await figures_of(notifier) == house.expected


@pytest.mark.slow
async def test_days_that_are_closed_stay_as_they_are_whatever_is_told_again(notifier: Notifier) -> None:
    house = House(3, NOON.date() - timedelta(days=59)).run(days=58, each=4)
    chance = random.Random(3)
    await deliver(notifier, house.facts, chance)
    before = await marks(notifier)
    await forget_figures(notifier.deps)
    assert 0 < await marks(notifier) < before
    assert await figures_of(notifier) == house.expected
    await notifier.forget_inbox()
    await deliver(notifier, disturbed(house, chance), chance)
    assert await figures_of(notifier) == house.expected
    await forget_figures(notifier.deps)
    assert await figures_of(notifier) == house.expected


@pytest.mark.slow
async def test_of_items_only_what_is_open_is_kept_besides_how_each_stands(notifier: Notifier) -> None:
    house = House(4, NOON.date() - timedelta(days=75)).run(days=30, each=8)
    await deliver(notifier, house.facts, random.Random(4))
    await forget_figures(notifier.deps)
    rows = await notifier.rows("SELECT item_id::text, sequence, is_base FROM analytics_items ORDER BY item_id")
    assert [tuple(row) for row in rows] == sorted((thing.id, thing.revision, True) for thing in house.things)
    house.run(days=20, each=8)
    await deliver(notifier, house.facts, random.Random(5))
    assert await figures_of(notifier) == house.expected


async def marks(notifier: Notifier) -> int:
    [row] = await notifier.rows("SELECT count(*) FROM analytics_marks")
    return int(row[0])


@pytest.mark.slow
async def test_figures_that_are_rebuilt_equal_those_that_were_kept(notifier: Notifier) -> None:
    house = House(6, NOON.date() - timedelta(days=70)).run(days=69, each=4)
    await deliver(notifier, house.facts, random.Random(6))
    await forget_figures(notifier.deps)
    assert await rebuild_figures(notifier.deps) == {}
    assert await figures_of(notifier) == house.expected


@pytest.mark.slow
async def test_damaged_figures_are_rebuilt_as_they_were(notifier: Notifier) -> None:
    house = House(8, NOON.date() - timedelta(days=70)).run(days=69, each=4)
    await deliver(notifier, house.facts, random.Random(8))
    await forget_figures(notifier.deps)
    async with notifier.engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM analytics_days WHERE day > '2026-11-01' OR series = 'registered'")
        await connection.exec_driver_sql("UPDATE analytics_days SET count = count + 5 WHERE day = '2026-10-20'")
    found = await check_figures(notifier.deps)
    assert set(found) > {"registered", "stored", "uploads"}
    assert await figures_of(notifier) != house.expected, "only looked at"
    assert await rebuild_figures(notifier.deps) == found
    assert await figures_of(notifier) == house.expected
    assert await check_figures(notifier.deps) == {}


@pytest.mark.slow
async def test_snapshots_and_kept_figures_make_the_same_house_again(notifier: Notifier) -> None:
    house = House(9, NOON.date() - timedelta(days=70)).run(days=69, each=4)
    chance = random.Random(9)
    await deliver(notifier, house.facts, chance)
    await forget_figures(notifier.deps)
    await learn_anew(notifier.deps)
    with pytest.raises(NotNow):
        await rebuild_figures(notifier.deps)
    await deliver(notifier, house.snapshot(NOON), chance)
    assert await figures_of(notifier) == house.expected, "nothing is counted meanwhile"
    assert await settle_figures(notifier.deps) == {}
    assert await figures_of(notifier) == house.expected
    with pytest.raises(NotNow):
        await settle_figures(notifier.deps)
    house.run(days=3)
    await deliver(notifier, house.facts, chance)
    assert await figures_of(notifier) == house.expected
    assert await rebuild_figures(notifier.deps) == {}


async def test_what_was_lost_of_items_is_booked_when_snapshots_have_told(notifier: Notifier) -> None:
    house = House(10, NOON.date() - timedelta(days=20)).run(days=19)
    chance = random.Random(10)
    await deliver(notifier, [fact for fact in house.facts if not fact.type.startswith("files.item.purged")], chance)
    assert stored(await figures_of(notifier)) != stored(house.expected), "ghosts"
    await learn_anew(notifier.deps)
    await deliver(notifier, house.snapshot(NOON), chance)
    assert set(await settle_figures(notifier.deps)) == {"stored"}
    assert stored(await figures_of(notifier)) == stored(house.expected)


async def test_a_house_that_was_never_counted_is_counted_from_snapshots(notifier: Notifier) -> None:
    house = House(11, NOON.date() - timedelta(days=20)).run(days=19)
    await deliver(notifier, house.snapshot(NOON), random.Random(11))
    found = await figures_of(notifier)
    assert stored(found) == stored(house.expected)
    assert counted("registered", found) == counted("registered", house.expected)
    made = Counter((thing.made.date(), thing.kind) for thing in house.things)
    by_day = {key[2:]: held[0] for key, held in counted("stored", found).items() if key[0] == HOUSE}
    assert by_day == made, "on the days on which they were made"
    assert {series for _, series, _, _ in found} - {"shares"} == {"registered", "stored"}


def stored(figures: Figures) -> dict[tuple[str, str], tuple[int, int]]:
    """What is stored in the end, by scope and kind."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for (scope, series, _, kind), (number, size) in figures.items():
        if series == "stored":
            before = sums.get((scope, kind), (0, 0))
            sums[scope, kind] = (before[0] + number, before[1] + size)
    return {key: held for key, held in sums.items() if any(held)}


def counted(series: str, figures: Figures) -> Figures:
    """The figures of one series."""
    return {key: held for key, held in figures.items() if key[1] == series}


@pytest.mark.slow
async def test_figures_that_are_too_old_go_and_what_was_stored_is_carried_over(notifier: Notifier) -> None:
    house = House(12, NOON.date() - timedelta(days=850)).run(days=120, each=3)
    await deliver(notifier, house.facts, random.Random(12))
    await forget_figures(notifier.deps)
    found = await figures_of(notifier)
    kept_from = NOON.date() - timedelta(days=800)
    kept = {key: held for key, held in house.expected.items() if key[2] >= kept_from}
    assert {key: held for key, held in found.items() if key[2] > date(1970, 1, 1)} == kept
    assert {key[1] for key in found if key[2] == date(1970, 1, 1)} == {"stored"}
    assert stored(found) == stored(house.expected)
    assert await rebuild_figures(notifier.deps) == {}


async def test_of_a_closed_account_only_sums_stay(notifier: Notifier) -> None:
    house = House(13, FIRST).run(days=4)
    gone = house.people[0]
    ended = deleted(house.accounts[0])
    half = len(house.facts) // 2
    await deliver(notifier, house.facts[:half], random.Random(13))
    await notifier.handle(ended)
    await deliver(notifier, house.facts[half:], random.Random(13))
    assert await figures_of(notifier) == {key: held for key, held in house.expected.items() if key[0] != gone}
    rows = await notifier.rows(
        "SELECT to_jsonb(m)::text FROM analytics_marks m UNION ALL SELECT to_jsonb(d)::text FROM analytics_days d"
    )
    assert not [row for row in rows if gone in row[0] and "false" in row[0]]
    assert await rebuild_figures(notifier.deps) == {}


def deleted(account: Envelope[Any]) -> Envelope[Any]:
    """The account was closed for good."""
    fact = UserDeletedV1(**{**account.data.model_dump(), "status": "deleted"})
    return told(fact, sequence=9, source="/auth", at=NOON)


async def test_a_batch_costs_one_statement_however_many_facts_it_has(notifier: Notifier) -> None:
    house = House(14, FIRST).run(days=2)
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        if "analytics" in statement:
            statements.append(statement)

    event.listen(notifier.engine.sync_engine, "before_cursor_execute", note)
    await notifier.handle_together(*house.facts)
    event.remove(notifier.engine.sync_engine, "before_cursor_execute", note)
    assert len(statements) == 1


async def test_two_who_fold_at_once_count_everything_once(notifier: Notifier) -> None:
    house = House(15, FIRST).run(days=6)
    await notifier.handle_together(*house.facts)
    await asyncio.gather(*(fold(notifier.deps) for _ in range(4)))
    await fold(notifier.deps)
    assert await figures_of(notifier) == house.expected


async def test_facts_that_come_by_two_ways_while_others_fold_count_once(notifier: Notifier) -> None:
    house = House(17, FIRST).run(days=6)
    chance = random.Random(17)
    await asyncio.gather(*(deliver(notifier, disturbed(house, chance), chance) for _ in range(2)))
    await fold(notifier.deps)
    assert await figures_of(notifier) == house.expected


async def test_nobody_is_named_in_what_is_kept(notifier: Notifier) -> None:
    house = House(16, FIRST).run(days=2)
    await deliver(notifier, house.facts, random.Random(16))
    tables = ("analytics_marks", "analytics_items", "analytics_days", "analytics_closed_drives", "analytics_state")
    rows = [row[0] for table in tables for row in await notifier.rows(f"SELECT to_jsonb(t)::text FROM {table} t")]
    words = {fact.data.username for fact in house.accounts} | {"@", "a name", "203.0.113", "Firefox", *(r for r in ("x/y",))}
    assert rows
    assert not [row for row in rows if any(word in row for word in words)]
