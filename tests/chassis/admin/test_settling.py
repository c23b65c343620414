"""Acts on dead letters: once, told in the same transaction, by whom; in crashes, races and for what is not there."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from coffer_chassis import dead_letters, replaying
from coffer_chassis.admin import acts as acts_module
from coffer_chassis.admin import letters, settling
from coffer_chassis.bus import QUEUE_BYTES
from coffer_chassis.dead_letters import Wanted
from coffer_chassis.handling import Reject
from coffer_chassis.ids import new_id
from coffer_chassis.replaying import replay_round
from coffer_chassis.replays import Replay, replay_of
from coffer_chassis.testing import eventually
from coffer_contracts.problems import DependencyFailed, NotFound, StateConflict, ValidationFailed
from factories.consuming import LANE, QUICK, WatchedBus, consuming, failing, once_each
from factories.eventing import TABLES, Store
from factories.operators import BOSS, OPERATOR, acts, letter, operations_on

TOPIC = "second-events"


@pytest.fixture
def bus() -> WatchedBus:
    return WatchedBus()


async def states(store: Store) -> dict[str, str | None]:
    """Letter -> who settled it, None while it waits."""
    rows = await store.rows(TABLES.dead_letters)
    return {row.id: (row.settled_by if row.redriven_at or row.dropped_at else None) for row in rows}


async def redrive_all(store: Store, bus: WatchedBus, wanted: Wanted = Wanted(), rate: float = 1000) -> Replay:  # noqa: B008  # frozen
    async with store.work.unit(OPERATOR) as unit:
        return await settling.start_replay(operations_on(store, bus), unit, wanted, rate)


async def run(store: Store, bus: WatchedBus) -> None:
    while (due := await replaying.next_due(store.work)) is not None:
        store.clock.moment = max(store.clock.moment, due)
        await replay_round(store.work, bus, TOPIC)


async def replay_now(store: Store, replay: Replay) -> Replay:
    async with store.work.read() as connection:
        row = (await connection.execute(select(TABLES.replays).where(TABLES.replays.c.id == replay.id))).one()
    return replay_of(row)


async def test_a_letter_is_redriven_once_by_somebody_and_told(store: Store, bus: WatchedBus) -> None:
    letter_id, operations = await letter(store), operations_on(store, bus)
    done = await settling.redrive_letter(operations, OPERATOR, letter_id)
    assert (done.state, done.settled_by, done.settled_at) == ("redriven", BOSS, store.clock.now())
    for again in (
        settling.redrive_letter(operations, OPERATOR, letter_id),
        settling.drop_letter(operations, OPERATOR, letter_id, "drop 1"),
    ):
        with pytest.raises(StateConflict, match="redriven before"):
            await again
    assert await acts(store) == [("dead_letters.redriven", "dead-letter", 1)]
    async with consuming(store, bus, QUICK):
        await eventually(bus.empty)
    assert await store.counts() == once_each(1)


@pytest.mark.parametrize("unknown", ["0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11", "nope", "", "all"])
async def test_a_letter_that_is_none_is_not_found(store: Store, bus: WatchedBus, unknown: str) -> None:
    operations = operations_on(store, bus)
    with pytest.raises(NotFound):
        await settling.redrive_letter(operations, OPERATOR, unknown)
    with pytest.raises(NotFound):
        await settling.drop_letter(operations, OPERATOR, unknown, "drop 1")
    assert await acts(store) == []


async def test_while_its_queue_is_missing_a_letter_waits(store: Store, bus: WatchedBus) -> None:
    letter_id = await letter(store, queue="gone")
    with pytest.raises(DependencyFailed, match="not there"):
        await settling.redrive_letter(operations_on(store, bus), OPERATOR, letter_id)
    assert (await states(store), await acts(store)) == ({letter_id: None}, [])


@pytest.mark.parametrize("body", ["a control character: \x01", "x" * (QUEUE_BYTES + 1)], ids=["control", "huge"])
async def test_what_no_queue_takes_is_a_refusal_and_waits(store: Store, bus: WatchedBus, body: str) -> None:
    letter_id, operations = await letter(store, body=body), operations_on(store, bus)
    with pytest.raises(StateConflict, match="No queue takes it"):
        await settling.redrive_letter(operations, OPERATOR, letter_id)
    assert await states(store) == {letter_id: None}
    assert (await settling.drop_letter(operations, OPERATOR, letter_id, "drop 1")).state == "dropped"


async def test_a_crash_between_sending_and_the_commit_leaves_it_waiting_untold_and_without_a_second_effect(
    store: Store, bus: WatchedBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter_id, operations = await letter(store), operations_on(store, bus)

    def dies(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as crash:
        crash.setattr(acts_module, "record", dies)
        with pytest.raises(asyncio.CancelledError):
            await settling.redrive_letter(operations, OPERATOR, letter_id)
    assert (await states(store), await acts(store)) == ({letter_id: None}, [])
    await settling.redrive_letter(operations, OPERATOR, letter_id)
    assert (await bus.depth(LANE.queue)).total == 2
    async with consuming(store, bus, QUICK):
        await eventually(bus.empty)
    assert await store.counts() == once_each(1)
    assert await acts(store) == [("dead_letters.redriven", "dead-letter", 1)]


async def test_of_two_who_redrive_at_once_one_does_and_one_is_told(store: Store, bus: WatchedBus) -> None:
    letter_id, operations = await letter(store), operations_on(store, bus)
    both = (settling.redrive_letter(operations, OPERATOR, letter_id) for _ in range(2))
    results = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Letter", "StateConflict"]
    assert (await bus.depth(LANE.queue)).total == 1
    assert len(await acts(store)) == 1


async def test_dropping_needs_the_number_of_letters_and_is_all_or_nothing(store: Store, bus: WatchedBus) -> None:
    operations = operations_on(store, bus)
    for number in range(3):
        await letter(store, number)
    for confirm in ("drop 2", "drop 4", "drop 03"):
        with pytest.raises(StateConflict, match="drop 3") as refusal:
            await settling.drop_letters(operations, OPERATOR, Wanted(), confirm)
        assert refusal.value.extensions["count"] == 3
    for confirm in ("", "drop", "yes", "drop three", "DROP 3", "drop -3", "drop ٣", " drop 3"):
        with pytest.raises(ValidationFailed):
            await settling.drop_letters(operations, OPERATOR, Wanted(), confirm)
    assert set((await states(store)).values()) == {None}
    assert await settling.drop_letters(operations, OPERATOR, Wanted(), "drop 3") == 3
    assert set((await states(store)).values()) == {BOSS}
    assert await acts(store) == [("dead_letters.dropped", "dead-letters", 3)]


async def test_filters_say_which_are_dropped_and_those_that_match_nothing_drop_nothing(store: Store, bus: WatchedBus) -> None:
    operations = operations_on(store, bus)
    kept = await letter(store, 1, error_class="Unreadable", type=None)
    gone = [await letter(store, number, reason="50% of_it") for number in (2, 3)]
    nothing = (
        Wanted(queue="no-queue"),
        Wanted(reason="50_"),
        Wanted(ids=()),
        Wanted(ids=(new_id(),)),
        Wanted(type="", handler="count_it"),
    )
    for wanted in nothing:
        assert await settling.drop_letters(operations, OPERATOR, wanted, "drop 0") == 0
    assert await acts(store) == []
    wanted = Wanted(queue=LANE.queue, error_class="Reject", handler="count_it", reason="50% of")
    assert await settling.count_letters(operations, wanted) == 2
    assert await settling.drop_letters(operations, OPERATOR, wanted, "drop 2") == 2
    assert {letter_id for letter_id, by in (await states(store)).items() if by} == set(gone)
    assert (await states(store))[kept] is None


async def test_many_are_redriven_in_the_background_at_a_rate(store: Store, bus: WatchedBus) -> None:
    for number in range(9):
        await letter(store, number, queue=LANE.queue if number else "gone")
        store.clock.advance(seconds=1)
    replay = await redrive_all(store, bus, Wanted(queue=LANE.queue), rate=4)
    assert (replay.kind, replay.total, replay.state) == ("dead_letters", 8, "running")
    assert await acts(store) == [("dead_letters.redriven", "replay", 8)]
    began = store.clock.now()
    await run(store, bus)
    assert timedelta(seconds=1) <= store.clock.now() - began <= timedelta(seconds=2.5)
    done = await replay_now(store, replay)
    assert (done.state, done.sent, done.skipped, done.missing) == ("done", 8, 0, 0)
    assert sorted(str(by) for by in (await states(store)).values()) == sorted([BOSS] * 8 + ["None"])
    async with consuming(store, bus, QUICK):
        await eventually(bus.empty)
    assert await store.counts() == once_each(*range(1, 9))


async def test_letters_named_by_id_and_nothing_else(store: Store, bus: WatchedBus) -> None:
    made = [await letter(store, number) for number in range(3)]
    replay = await redrive_all(store, bus, Wanted(ids=(made[0], made[2], new_id())))
    await run(store, bus)
    assert (await replay_now(store, replay)).sent == replay.total == 2
    assert (await states(store))[made[1]] is None


async def test_what_dies_while_they_are_redriven_is_no_part_of_it(store: Store, bus: WatchedBus) -> None:
    await letter(store, 1)
    store.clock.advance(seconds=1)
    replay = await redrive_all(store, bus)
    await replay_round(store.work, bus, TOPIC)
    store.clock.advance(seconds=1)
    async with consuming(store, bus, failing(lambda: Reject("still not"))):
        await eventually(bus.empty)
    await dead_letters.drain(store.work, bus, LANE)
    await run(store, bus)
    assert (await replay_now(store, replay)).sent == 1
    assert [row.reason for row in await dead_letters.waiting(store.work)] == ["still not"]


async def test_letters_that_cannot_be_sent_are_skipped_and_hold_up_nobody(store: Store, bus: WatchedBus) -> None:
    stuck = [await letter(store, 1, queue="gone"), await letter(store, 2, body="\x02")]
    fine = await letter(store, 3)
    replay = await redrive_all(store, bus, rate=2)
    await run(store, bus)
    done = await replay_now(store, replay)
    assert (done.state, done.sent, done.skipped) == ("done", 1, 2)
    assert done.last_error
    assert await states(store) == dict.fromkeys(stuck) | {fine: BOSS}


async def test_what_somebody_else_settled_meanwhile_is_missing(store: Store, bus: WatchedBus) -> None:
    made = [await letter(store, number) for number in range(4)]
    replay = await redrive_all(store, bus, rate=4)
    await replay_round(store.work, bus, TOPIC)
    await settling.drop_letter(operations_on(store, bus), OPERATOR, made[3], "drop 1")
    await run(store, bus)
    done = await replay_now(store, replay)
    assert (done.state, done.sent, done.missing) == ("done", 3, 1)


async def test_a_redrive_can_be_cancelled_once_and_the_rest_waits(store: Store, bus: WatchedBus) -> None:
    for number in range(6):
        await letter(store, number)
    operations = operations_on(store, bus)
    replay = await redrive_all(store, bus, rate=4)
    await replay_round(store.work, bus, TOPIC)
    for _ in range(2):
        assert (await settling.cancel_replay(operations, OPERATOR, replay.id)).state == "cancelled"
    await run(store, bus)
    assert list((await states(store)).values()).count(None) == 4
    assert await acts(store) == [("dead_letters.redriven", "replay", 6), ("replay.cancelled", "replay", 4)]
    with pytest.raises(NotFound):
        await settling.cancel_replay(operations, OPERATOR, new_id())
    done = await redrive_all(store, bus, Wanted(queue="nothing"))
    with pytest.raises(StateConflict, match="done"):
        await settling.cancel_replay(operations, OPERATOR, done.id)


async def test_a_failing_broker_is_told_and_what_was_sent_before_counts(store: Store, bus: WatchedBus) -> None:
    for number in range(3):
        await letter(store, number)
    replay = await redrive_all(store, bus)
    real = bus.send
    sent: list[str] = []

    async def fails_at_the_second(*arguments: object, **options: object) -> None:
        if len(sent) == 1:
            sent.append("no")
            raise ConnectionError("the broker is away")
        sent.append("yes")
        await real(*arguments, **options)  # type: ignore[arg-type]  # passed on

    bus.send = fails_at_the_second  # type: ignore[method-assign]  # for this bus only
    await replay_round(store.work, bus, TOPIC)
    now = await replay_now(store, replay)
    assert (now.sent, now.state) == (1, "running")
    assert "away" in str(now.last_error)
    await run(store, bus)
    done = await replay_now(store, replay)
    assert (done.sent, done.state, done.last_error) == (3, "done", None)


async def test_letters_are_browsed_in_pages_and_grouped(store: Store, bus: WatchedBus) -> None:
    operations = operations_on(store, bus)
    made = []
    for number in range(5):
        made.append(await letter(store, number, reason=f"{'x' * 80} {number}"))
        store.clock.advance(seconds=number % 2)
    other = await letter(store, 9, type=None, error_class=None, handler=None, reason="received too often")
    first = await letters.page(operations, Wanted(), "waiting", None, 4)
    rest = await letters.page(operations, Wanted(), "waiting", (first[-1].dead_at, first[-1].id), 4)
    assert {one.id for one in (*first, *rest)} == {*made, other}
    assert len(first) == 4
    keys = [(one.dead_at, one.id) for one in (*first, *rest)]
    assert keys == sorted(keys, reverse=True)
    found, more = await letters.groups(operations, Wanted(), "waiting")
    assert [(group.count, group.error_class, group.reason) for group in found] == [
        (5, "Reject", "x" * 80),
        (1, None, "received too often"),
    ]
    assert not more
    assert found[0].oldest_at < found[0].newest_at
    assert await letters.groups(operations, Wanted(), "dropped") == ([], False)


async def test_settled_letters_are_forgotten_in_time_and_waiting_ones_never(store: Store, bus: WatchedBus) -> None:
    operations = operations_on(store, bus)
    redriven, dropped, waiting = [await letter(store, number) for number in range(3)]
    await settling.redrive_letter(operations, OPERATOR, redriven)
    await settling.drop_letter(operations, OPERATOR, dropped, "drop 1")
    store.clock.advance(days=91)
    moment = store.clock.now() - timedelta(days=dead_letters.KEEP_DAYS)
    async with store.engine.begin() as connection:
        assert await dead_letters.forget_settled_before(connection, TABLES, moment) == 2
    assert set(await states(store)) == {waiting}
