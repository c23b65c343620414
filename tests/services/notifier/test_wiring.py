"""The service put together: its queues, its settings, its command, and its way through an unkind bus."""

import argparse
import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from coffer_chassis.bus import Outgoing
from coffer_chassis.bus_memory import MemoryBus
from coffer_chassis.service import Loop, Service
from coffer_chassis.testing import eventually
from coffer_chassis.topology import ServiceTopology, Topology
from coffer_contracts.catalog import older_types
from coffer_notifier import __main__ as program
from coffer_notifier.app import AUDIT_QUEUE, BULK_QUEUE, FAST_QUEUE, PRIVATE_QUEUE, TABLES, TOPOLOGY, jobs
from coffer_notifier.handlers.auditing import AUDIT
from coffer_notifier.handlers.mailing import mailer
from coffer_notifier.handlers.reactions import BULK, FAST
from coffer_notifier.handlers.requested_mail import PRIVATE
from coffer_notifier.handlers.telling import MAIL
from factories.notifier import KEY, MAIL_KEY, Notifier, settings
from factories.telling import Share, drive, registered, user_id

PRIVATELY = {"auth", "sharing"}
OTHERS = [ServiceTopology(name, sends_privately=name in PRIVATELY) for name in ("auth", "files", "media-worker", "sharing")]
ALL = Topology("coffer", (TOPOLOGY, *OTHERS))


def test_every_queue_hears_exactly_what_it_has_handlers_for() -> None:
    heard = {lane.queue: {kind for types in lane.reads.values() for kind in types} for lane in TOPOLOGY.lanes}
    older = {old for table in (FAST, BULK, AUDIT, PRIVATE) for kind in table for old in older_types(kind)}
    assert {queue: kinds - older for queue, kinds in heard.items()} == {
        FAST_QUEUE: set(FAST),
        BULK_QUEUE: set(BULK),
        AUDIT_QUEUE: set(AUDIT),
        PRIVATE_QUEUE: set(PRIVATE),
    }


def test_nothing_it_hears_makes_it_say_anything() -> None:
    assert all(not row.emits and not row.slow for table in TABLES.values() for row in table.values())


def test_it_touches_no_object_and_sends_mail() -> None:
    assert TOPOLOGY.blobs == ()
    assert TOPOLOGY.sends_mail


@pytest.mark.parametrize("sender", ["nobody", "", "a b@example.org", "Coffer <>", "x@example.org\r\nBcc: y@example.org, z"])
def test_a_sender_that_mail_cannot_carry_is_refused_at_start(sender: str) -> None:
    with pytest.raises(ValidationError):
        settings("postgresql+asyncpg://u:p@h/d", mail_from=sender)


@pytest.mark.slow
async def test_everything_arrives_on_a_bus_that_repeats_and_reorders(notifier: Notifier) -> None:
    bus = MemoryBus(ALL, seed=11, duplicates=0.5)
    mails = mailer(notifier.deps)
    service = Service(
        topology=TOPOLOGY,
        work=notifier.deps.work,
        bus=bus,
        deps=notifier.deps,
        app=None,
        tables=TABLES,
        jobs=jobs(notifier.deps),
        watches=notifier.deps.denied.watches(),
        loops=(Loop("mailer", mails.run),),
        wait_seconds=1,
    )
    service.wakeups.on(MAIL, mails.poke)
    ann, bobs = user_id(), [user_id() for _ in range(12)]
    folder = drive(ann).below("Plans", "folder")
    facts: list[Any] = [folder.created(), registered(ann, f"ann{ann[-12:]}")]
    for bob in bobs:
        share = Share(folder, bob)
        facts += [registered(bob, f"bob{bob[-12:]}"), share.granted(), share.created(notify=True)]
        facts += [folder.below(f"{number}").committed(actor=bob) for number in range(3)]
    stopping = asyncio.Event()
    running = asyncio.create_task(service.run_background(stopping))
    try:
        for fact in facts:
            topic = {"auth": "auth-events", "files": "files-events", "sharing": "sharing-events"}[fact.type.partition(".")[0]]
            for _ in range(2):
                await bus.publish(topic, [Outgoing(fact.id, fact.to_json(), {"type": fact.type})])

        seen: dict[str, Any] = {}

        async def all_arrived() -> bool:
            notifier.clock.advance(seconds=5)  # mail to somebody who was not heard of yet waits
            mails.poke()
            feeds = [await notifier.feed(bob) for bob in bobs]
            entries = await notifier.activity(ann, limit=1000)
            seen["told"] = [sum(one["type"] == "share_received" for one in page["items"]) for page in feeds]
            seen.update(entries=len(entries), mails=len(notifier.post.sent))
            return seen == {"told": [1] * 12, "entries": 49, "mails": 12}

        try:
            await eventually(all_arrived, within_seconds=90, every_seconds=0.2)
        except AssertionError:
            pytest.fail(str(seen))
    finally:
        stopping.set()
        await running
    received = "SELECT 1 FROM notices WHERE user_id = ANY(CAST(:bobs AS uuid[])) AND type = 'share_received'"
    assert len(await notifier.rows(received, bobs=bobs)) == 12
    uneven = (
        "SELECT 1 FROM notices WHERE gather_key IS NOT NULL AND facts_count <>"
        " (SELECT count(*) FROM gathered_facts WHERE notice_id = notices.id)"
    )
    assert await notifier.rows(uneven) == []
    assert await notifier.rows("SELECT 1 FROM dead_letters") == []


async def test_a_command_prints_what_auth_is_to_seal_to(notifier: Notifier, capsys: pytest.CaptureFixture[str]) -> None:
    service: Any = SimpleNamespace(deps=notifier.deps)
    assert await program.EXTRAS["public-key"].run(service, argparse.Namespace()) == 0
    assert capsys.readouterr().out == f"{MAIL_KEY.sealing.hex}\n"
    assert KEY not in MAIL_KEY.sealing.hex


async def test_the_command_shows_mail_with_its_text(notifier: Notifier, capsys: pytest.CaptureFixture[str]) -> None:
    bob, name = user_id(), f"bob{user_id()[-12:]}"
    sent, waiting = (Share(drive(user_id()).below(kind), bob) for kind in ("sent", "waiting"))
    await notifier.handle(registered(bob, name), sent.granted(), sent.created(notify=True, message="Hello there"))
    await notifier.post_all()
    await notifier.handle(waiting.granted(), waiting.created(notify=True))

    class Handle:
        work = notifier.deps.work

    async def shown(**arguments: Any) -> str:
        known = argparse.Namespace(**{"last": 10, "to": None, **arguments})
        assert await program.show_mails(Handle(), known) == 0  # type: ignore[arg-type]  # all that it uses
        return str(capsys.readouterr().out)

    everything = await shown(last=1000)
    assert "    > Hello there" in everything
    assert f"To: account {bob}\nSubject: (not written yet)" in everything
    assert "queued, attempts: 0" in everything
    only = await shown(to=f"{name}@EXAMPLE.org")
    assert "> Hello there" in only
    assert only.rstrip().endswith("1 mails.")
    assert "> Hello" not in await shown(last=0)
    parser = argparse.ArgumentParser()
    program.mails_arguments(parser)
    assert parser.parse_args([]).last == program.LAST
