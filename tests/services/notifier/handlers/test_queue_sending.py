"""Queues beside webhooks in one sender: one that hangs, however much waits for it, delays nobody else."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from coffer_chassis.testing import eventually
from coffer_notifier.domain.queues import QueueLetter
from coffer_notifier.domain.webhooks import EACH
from coffer_notifier.handlers.deps import Answer, CallFailed
from factories.notifier import ACCOUNT, CaughtQueues, Notifier, notifier_on
from factories.receivers import Receiver
from factories.sending import flood, seconds_until_told, sending
from factories.telling import drive, user_id

PLACES = 8
HANGING_SECONDS = 60.0
LONGEST_SECONDS = HANGING_SECONDS / 2
"""Whoever waited for a call that hangs would wait longer."""
HANGING = f"arn:aws:sqs:eu-central-1:{ACCOUNT}:hanging"


class Hanging(CaughtQueues):
    """One of the queues takes a connection, and never answers before the call is given up."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs = False
        self.under_way = 0
        self.most = 0

    async def send(self, arn: str, letter: QueueLetter) -> Answer:
        """See Queues."""
        if not (self.hangs and arn == HANGING):
            return await super().send(arn, letter)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            async with asyncio.timeout(HANGING_SECONDS):
                await asyncio.Event().wait()
        except TimeoutError as error:
            raise CallFailed("timeout") from error
        finally:
            self.under_way -= 1
        raise AssertionError("unreachable")


@pytest.fixture
async def narrow(store_url_of_notifier: str) -> AsyncIterator[Notifier]:
    async with notifier_on(store_url_of_notifier, webhook_allow_loopback=True, webhook_deliveries_at_once=PLACES) as service:
        queues = Hanging()
        service.queues = queues
        object.__setattr__(service.deps, "queues", queues)  # frozen; this one belongs to the test
        yield service
        await service.rows("DELETE FROM webhooks RETURNING id")


@pytest.mark.slow
async def test_a_queue_that_hangs_delays_neither_webhooks_nor_other_queues(narrow: Notifier, hook: Receiver) -> None:
    queues = narrow.queues
    assert isinstance(queues, Hanging)
    ann, bob, eve = user_id(), user_id(), user_id()
    good = await narrow.queue(bob)
    await narrow.queue(eve, arn=HANGING)
    await narrow.webhook(ann, hook.url, "*")

    async def told(count: int) -> bool:
        return len(queues.to(good["address"])) >= count

    async with sending(narrow):
        for person in (ann, bob, eve):
            await narrow.handle(drive(person).below("first.txt").committed())
        await eventually(partial(told, 1), within_seconds=60)
        queues.hangs = True
        await flood(narrow, HANGING, 200, person=eve)
        for number in range(5):
            await seconds_until_told(narrow, hook, ann, within_seconds=LONGEST_SECONDS)
            await narrow.handle(drive(bob).below(f"{number}.txt").committed())
            await eventually(partial(told, number + 2), within_seconds=LONGEST_SECONDS)
    assert 1 <= queues.most <= EACH["proven"]
