"""The sender of webhooks at work, and the worst that receivers do to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from time import monotonic

from coffer_chassis.testing import eventually
from coffer_contracts.ids import UserId
from coffer_notifier.calling import WebReceivers
from coffer_notifier.handlers.matching import WEBHOOKS
from coffer_notifier.handlers.sending import Sender
from factories.notifier import Notifier
from factories.receivers import Receiver
from factories.telling import drive, user_id


@asynccontextmanager
async def sending(notifier: Notifier, *, limit_seconds: float = 15) -> AsyncIterator[Sender]:
    """A sender that runs until the end, whose calls take so long at most."""
    receivers = WebReceivers(allow_loopback=True, limit_seconds=limit_seconds)
    sender, stopping = Sender(replace(notifier.deps, receivers=receivers), stop_seconds=0.1), asyncio.Event()
    notifier.wakeups.on(WEBHOOKS, sender.poke)
    running = asyncio.create_task(sender.run(stopping))
    try:
        yield sender
    finally:
        stopping.set()
        await asyncio.wait_for(running, 10)


async def flood(notifier: Notifier, url: str, deliveries: int, *, webhooks: int = 1, person: UserId | None = None) -> UserId:
    """So many deliveries that wait for each webhook of a person: of somebody new, with so many to an address, if nobody is
    named; who.
    """
    if person is None:
        person = user_id()
        for _ in range(webhooks):
            await notifier.webhook(person, url, "*")
    fact = drive(person).below("many.txt").committed()
    await notifier.rows(
        """
        INSERT INTO webhook_deliveries (id, webhook_id, event_id, event_type, fact, state, not_before, created_at, log)
        SELECT gen_random_uuid(), w.id, :event || n, :type, :fact, 'queued', :now, :now, '[]'
        FROM webhooks w, generate_series(1, :count) AS n WHERE w.user_id = :person RETURNING 1
        """,
        event=f"{fact.id}-",
        type=fact.type,
        fact=fact.to_json(),
        now=notifier.clock.now(),
        person=person,
        count=deliveries,
    )
    notifier.deps.work.wake([WEBHOOKS])
    return person


async def seconds_until_told(
    notifier: Notifier, hook: Receiver, person: UserId | None = None, *, within_seconds: float = 10
) -> float:
    """How long somebody with a webhook, or somebody new, waits to be told of a file, from the fact's coming to the receiver's
    having it.
    """
    if person is None:
        person = user_id()
        await notifier.webhook(person, hook.url, "*")
    before = len(hook.calls)
    began = monotonic()
    await notifier.handle(drive(person).below("a.txt").committed())

    async def arrived() -> bool:
        return len(hook.calls) > before

    await eventually(arrived, within_seconds=within_seconds, every_seconds=0.005)
    return monotonic() - began
