"""The sender: wakes up for news, keeps to its bounds, and lets nobody wait for receivers that hang or are gone."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from coffer_chassis.testing import eventually
from coffer_contracts.ids import UserId
from coffer_notifier.domain.webhooks import ANSWER_WITHIN, EACH, LEASE, PER_PERSON, SLOW_FOR_EACH_PLACE
from coffer_notifier.handlers import sending as sending_handlers
from coffer_notifier.handlers.claiming import Claim, claim_due
from coffer_notifier.handlers.matching import WEBHOOKS
from coffer_notifier.handlers.sending import STOP_SECONDS, Sender
from coffer_notifier.store import deliveries
from factories.notifier import Notifier, notifier_on
from factories.receivers import Receiver, hanging, receiver
from factories.sending import flood, seconds_until_told, sending
from factories.telling import user_id

PLACES = 8
HANGING_SECONDS = 60.0
LONGEST_SECONDS = HANGING_SECONDS / 2
"""Whoever waited for a call that hangs would wait longer; that places are kept free is asserted beside it, by counting."""

patiently_sending = partial(sending, limit_seconds=HANGING_SECONDS)
told = partial(seconds_until_told, within_seconds=LONGEST_SECONDS)


@asynccontextmanager
async def notifier_with(url: str, places: int) -> AsyncIterator[Notifier]:
    """The notifier with so many places; it leaves no webhook behind."""
    async with notifier_on(url, webhook_allow_loopback=True, webhook_deliveries_at_once=places) as service:
        try:
            yield service
        finally:
            await service.rows("DELETE FROM webhooks RETURNING id")


@pytest.fixture
async def narrow(store_url_of_notifier: str) -> Any:
    async with notifier_with(store_url_of_notifier, PLACES) as service:
        yield service


@pytest.fixture
def gone() -> Any:
    """The address of a host that refuses every connection."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/hook"


async def under_way(notifier: Notifier, *persons: str) -> int:
    """How many deliveries to these people are claimed at this moment."""
    return len(
        await notifier.rows(
            "SELECT 1 FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id"
            " WHERE d.state = 'sending' AND d.not_before > :now AND w.user_id = ANY(CAST(:persons AS uuid[]))",
            now=notifier.clock.now(),
            persons=list(persons),
        )
    )


async def test_news_are_sent_at_once_and_a_stop_waits_for_nobody(
    narrow: Notifier, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending_handlers, "POLL_SECONDS", 3600.0)
    async with patiently_sending(narrow):
        await told(narrow, hook)
        with hanging() as url:
            await flood(narrow, url, 1)
            await told(narrow, hook)


async def known(notifier: Notifier, hook: Receiver) -> UserId:
    """Somebody whose webhook has proved itself."""
    person = user_id()
    await notifier.webhook(person, hook.url, "*")
    await told(notifier, hook, person)

    async def proven() -> bool:
        rows = await notifier.rows("SELECT proven FROM webhooks WHERE user_id = :person", person=person)
        return all(row.proven for row in rows)

    await eventually(proven, within_seconds=60)
    return person


@pytest.mark.slow
async def test_receivers_that_hang_delay_nobody_else(narrow: Notifier, hook: Receiver) -> None:
    most = 2 * PLACES // 4 * (1 + SLOW_FOR_EACH_PLACE)
    with hanging() as url:
        async with patiently_sending(narrow):
            ann = await known(narrow, hook)
            persons = [await flood(narrow, url, 30) for _ in range(6)]

            async def some_hang() -> bool:
                return await under_way(narrow, *persons) > 0

            await eventually(some_hang, within_seconds=60)
            for _ in range(5):
                await told(narrow, hook, ann)
            assert await under_way(narrow, *persons) <= most, "new ones and those that fail have a quarter each"

        async def known_to_fail() -> bool:
            rows = await narrow.rows("SELECT 1 FROM webhooks WHERE url = :url AND failing_since IS NOT NULL", url=url)
            return len(rows) == len(persons)

        narrow.clock.advance(seconds=LEASE.total_seconds())
        async with sending(narrow, limit_seconds=1):
            await eventually(known_to_fail, within_seconds=60)
        narrow.clock.advance(seconds=LEASE.total_seconds())
        async with patiently_sending(narrow):
            await eventually(some_hang, within_seconds=60)
            for _ in range(5):
                await told(narrow, hook, ann)
            await told(narrow, hook)  # nor do they delay somebody new
            assert await under_way(narrow, *persons) <= most


@pytest.mark.slow
async def test_new_ones_that_hang_delay_no_other_new_one_before_it_is_known_that_they_do(
    narrow: Notifier, hook: Receiver
) -> None:
    with hanging() as url:
        async with patiently_sending(narrow):
            persons = [await flood(narrow, url, 3) for _ in range(3 * PLACES // 4)]
            for _ in range(3):
                await told(narrow, hook)

            async def all_hang() -> bool:
                return await under_way(narrow, *persons) >= len(persons)

            await eventually(all_hang, within_seconds=LONGEST_SECONDS)
            await told(narrow, hook)
            assert await under_way(narrow, *persons) == len(persons), "each is still waited for, once"
            assert await narrow.rows("SELECT 1 FROM webhooks WHERE failing_since IS NOT NULL") == []


@pytest.mark.slow
async def test_new_ones_that_hang_do_not_delay_what_works_of_the_same_person(narrow: Notifier, hook: Receiver) -> None:
    async with patiently_sending(narrow):
        ann = await known(narrow, hook)
        with hanging() as url:
            for _ in range(PER_PERSON + 2):
                await narrow.webhook(ann, url, "*")
            await told(narrow, hook, ann)

            async def all_hang() -> bool:
                return await under_way(narrow, ann) == PER_PERSON

            await eventually(all_hang, within_seconds=60)
            await told(narrow, hook, ann)
            await eventually(all_hang, within_seconds=60)
            assert await narrow.rows("SELECT 1 FROM webhooks WHERE failing_since IS NOT NULL") == []


@pytest.mark.slow
async def test_proven_ones_that_begin_to_hang_together_delay_no_other_proven_one(narrow: Notifier, hook: Receiver) -> None:
    with receiver() as stuck:
        async with patiently_sending(narrow):
            ann = await known(narrow, hook)
            persons = [await known(narrow, stuck) for _ in range(6)]
            stuck.answering.clear()
            for person in persons:
                await flood(narrow, stuck.url, EACH["proven"] + 1, person=person)
            for _ in range(3):
                await told(narrow, hook, ann)

            async def all_hang() -> bool:
                return await under_way(narrow, *persons) == len(persons) * EACH["proven"]

            await eventually(all_hang, within_seconds=60)
            await told(narrow, hook, ann)
            assert await narrow.rows("SELECT 1 FROM webhooks WHERE failing_since IS NOT NULL") == []
            stuck.answering.set()


@pytest.mark.slow
async def test_a_dead_host_with_much_that_waits_for_it_delays_nobody_else(narrow: Notifier, hook: Receiver, gone: str) -> None:
    async with patiently_sending(narrow):
        ann = await known(narrow, hook)
        person = await flood(narrow, gone, 500, webhooks=2)
        for _ in range(10):
            await told(narrow, hook, ann)
        assert await under_way(narrow, person) <= 2
        untried = "SELECT 1 FROM webhook_deliveries JOIN webhooks w ON w.id = webhook_id WHERE w.url = :url AND attempts = 0"
        assert len(await narrow.rows(untried, url=gone)) > 500, "nor does anybody wait until all that has been tried"


@pytest.mark.slow
async def test_somebody_who_refuses_is_not_sent_all_that_waits_as_fast_as_they_refuse_it(
    narrow: Notifier, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending_handlers, "REST_SECONDS", 3600.0)
    with receiver() as victim:
        victim.status = 404
        async with patiently_sending(narrow):
            person = await flood(narrow, victim.url, 200)
            for _ in range(5):
                await told(narrow, hook)
            assert len(victim.calls) == 1
            other = await known(narrow, hook)
            assert (await narrow.rows("SELECT failing_since FROM webhooks WHERE user_id = :ann", ann=other))[0][0] is None
        victim.status = 200
        monkeypatch.setattr(sending_handlers, "REST_SECONDS", 0.05)
        victim.statuses = [500, 500]
        async with patiently_sending(narrow):

            async def caught_up() -> bool:
                waits = "SELECT 1 FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id"
                rest = f"{waits} WHERE w.user_id = :ann AND d.state <> 'delivered'"
                return len(await narrow.rows(rest, ann=person)) == 3

            await eventually(caught_up, within_seconds=60)
            assert len(victim.calls) == 1 + 2 + 197, "three are put off, and all else was taken once"


@pytest.mark.slow
async def test_one_webhook_has_no_more_than_its_share_under_way(narrow: Notifier, hook: Receiver) -> None:
    async with patiently_sending(narrow), patiently_sending(narrow):
        person = await known(narrow, hook)
        hook.answering.clear()
        hook.calls.clear()
        await flood(narrow, hook.url, 50, person=person)

        async def busy() -> bool:
            return len(hook.calls) >= EACH["proven"]

        await eventually(busy, within_seconds=60)
        assert await under_way(narrow, person) == EACH["proven"], "also of several processes together"
        with receiver() as other:
            await told(narrow, other)
        assert len(hook.calls) == EACH["proven"]
        hook.answering.set()

        async def everything() -> bool:
            return len(hook.calls) == 50

        await eventually(everything, within_seconds=60)


@pytest.mark.slow
async def test_one_person_has_no_more_than_their_share_of_a_process(store_url_of_notifier: str, hook: Receiver) -> None:
    async with notifier_with(store_url_of_notifier, 60) as wide:
        person = await flood(wide, hook.url, 1, webhooks=6)
        await wide.deliver_all()
        hook.answering.clear()
        hook.calls.clear()
        await flood(wide, hook.url, 20, person=person)
        async with patiently_sending(wide):

            async def busy() -> bool:
                return len(hook.calls) >= PER_PERSON

            await eventually(busy, within_seconds=60)
            with receiver() as other:
                await told(wide, other)
            assert await under_way(wide, person) == PER_PERSON
            hook.answering.set()

            async def everything() -> bool:
                return len(hook.calls) == 120

            await eventually(everything, within_seconds=60)


@pytest.mark.slow
async def test_a_webhook_that_works_again_catches_up(narrow: Notifier, hook: Receiver) -> None:
    hook.status = 500
    person = await flood(narrow, hook.url, 40)
    async with sending(narrow) as sender:

        async def failing() -> bool:
            return len(await narrow.rows("SELECT 1 FROM webhooks WHERE failing_since IS NOT NULL")) == 1

        await eventually(failing, within_seconds=60)
        hook.status = 200
        waiting = "SELECT d.state FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id WHERE w.user_id = :person"

        async def all_but_what_was_put_off() -> bool:
            due = f"{waiting} AND (d.state = 'sending' OR d.state = 'queued' AND d.not_before <= :now)"
            return not await narrow.rows(due, person=person, now=narrow.clock.now())

        await eventually(all_but_what_was_put_off, within_seconds=60)
        narrow.clock.advance(minutes=10)

        async def everything() -> bool:
            sender.poke()
            return not await narrow.rows(f"{waiting} AND d.state <> 'delivered'", person=person)

        await eventually(everything, within_seconds=60)
    assert len(await narrow.rows("SELECT 1 FROM webhooks WHERE failing_since IS NOT NULL")) == 0


async def test_a_stop_waits_as_long_as_receivers_may_take_so_none_is_told_twice(narrow: Notifier, hook: Receiver) -> None:
    assert ANSWER_WITHIN.total_seconds() < STOP_SECONDS
    hook.answering.clear()
    person = await flood(narrow, hook.url, 3)
    sender, stopping = Sender(narrow.deps), asyncio.Event()
    stopped = asyncio.create_task(sender.run(stopping))

    async def called() -> bool:
        return len(hook.calls) == 1

    await eventually(called, within_seconds=60)
    stopping.set()
    await asyncio.wait({stopped}, timeout=0.3)
    assert not stopped.done(), "it waits for the answer"
    hook.answering.set()
    await asyncio.wait_for(stopped, 60)
    states = await narrow.rows(
        "SELECT d.state FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id WHERE w.user_id = :person"
        " ORDER BY d.state",
        person=person,
    )
    assert [row.state for row in states] == ["delivered", "queued", "queued"], "and begins no other"
    assert len(hook.calls) == 1


async def test_what_is_still_under_way_after_a_stop_has_waited_is_left_to_others(narrow: Notifier, hook: Receiver) -> None:
    hook.answering.clear()
    person = await flood(narrow, hook.url, 1)
    async with sending(narrow):

        async def called() -> bool:
            return len(hook.calls) == 1

        await eventually(called, within_seconds=60)
    assert await under_way(narrow, person) == 1
    hook.answering.set()
    narrow.clock.advance(minutes=2)
    await narrow.deliver_all()
    assert len(hook.calls) == 2


async def test_webhooks_with_much_to_tell_take_turns_whatever_the_store_makes_of_the_question(hooked: Notifier) -> None:
    """The store chooses a plan by what it counted, here one by hashes; no webhook is to be passed over for that."""
    now = hooked.clock.now()
    await hooked.rows("DELETE FROM webhooks RETURNING 1")
    await hooked.rows(
        """
        WITH many AS (
            INSERT INTO webhooks (id, user_id, url, event_types, description, enabled, proven, sealed_secret, created_at,
                                  changed_at, revision)
            SELECT gen_random_uuid(), gen_random_uuid(), '', '{*}', '', true, true, '', :now, :now, 1
            FROM generate_series(1, 300) RETURNING id
        )
        INSERT INTO webhook_deliveries (id, webhook_id, event_id, event_type, state, not_before, created_at, log)
        SELECT gen_random_uuid(), id, id::text, '', 'queued', :now, :now, '[]' FROM many RETURNING 1
        """,
        now=now,
    )
    async with hooked.engine.begin() as connection:
        await connection.execute(text("ANALYZE webhooks, webhook_deliveries"))
    waiting = [str(row.id) for row in await hooked.rows("SELECT id FROM webhooks ORDER BY id")]
    chosen: list[str] = []
    for _ in range(10):
        after = chosen[-1] if chosen else deliveries.NOBODY
        async with hooked.engine.begin() as connection:
            chosen += await deliveries.choose(connection, now, after=after, standing="proven", each=1, limit=30, busy=[])
    await hooked.rows("DELETE FROM webhooks RETURNING 1")
    assert chosen == waiting


async def test_a_store_that_is_away_for_a_moment_breaks_off_nothing_that_is_under_way(
    hooked: Notifier, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, failed = claim_due, asyncio.Event()

    async def away(*arguments: Any) -> Claim:
        if hook.calls and not failed.is_set():
            failed.set()
            raise OSError("the store is away")
        return await claim(*arguments)

    monkeypatch.setattr(sending_handlers, "claim_due", away)
    hook.answering.clear()
    async with sending(hooked):
        person = await flood(hooked, hook.url, 1, webhooks=1)

        async def called() -> bool:
            return bool(hook.calls)

        await eventually(called, within_seconds=60)
        hooked.deps.work.wake([WEBHOOKS])
        await failed.wait()
        hook.answering.set()

        async def delivered() -> bool:
            rows = await hooked.rows(
                "SELECT state FROM webhook_deliveries JOIN webhooks w ON w.id = webhook_id WHERE user_id = :person",
                person=person,
            )
            return [row.state for row in rows] == ["delivered"]

        await eventually(delivered, within_seconds=60)
    assert len(hook.calls) == 1
