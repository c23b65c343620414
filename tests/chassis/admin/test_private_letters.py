"""Dead letters of private commands: there with type, time and error, and without anything that they say."""

import argparse
import json

import pytest

from coffer_chassis.admin import letters
from coffer_chassis.admin.commands import handle_letters
from coffer_chassis.admin.operations import Operations
from coffer_chassis.admin.settling import redrive_letter
from coffer_chassis.dead_letters import Wanted, drain
from coffer_chassis.handling import Handles, Reject
from coffer_chassis.housekeeping import chassis_jobs
from coffer_chassis.testing import eventually
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth_mail import MailRequestedV1
from coffer_contracts.event import Envelope
from factories.consuming import LANE, WatchedBus, consuming
from factories.eventing import TABLES, Store, count
from factories.operators import OPERATOR, letter, operations_on, operators_client
from factories.private import ADDRESS, ASKED, PRIVATE_LANE, SECRET, asked


async def refuse(_event: Envelope[MailRequestedV1], _unit: Unit, _store: Store) -> None:
    raise Reject("it is sealed to a key that is not known here")


async def count_mail(event: Envelope[MailRequestedV1], unit: Unit, _store: Store) -> None:
    await count(unit, event.subject)


async def buried(store: Store, command: MailRequestedV1) -> tuple[WatchedBus, Operations]:
    """A command that was refused, collected into the table."""
    bus = WatchedBus(PRIVATE_LANE)
    await bus.deliver(command)
    async with consuming(store, bus, Handles(MailRequestedV1, refuse)):
        await eventually(bus.empty)
    assert await drain(store.work, bus, PRIVATE_LANE) == 1
    return bus, operations_on(store, bus, PRIVATE_LANE)


async def test_a_letter_is_there_with_its_error_and_without_what_it_says(store: Store) -> None:
    command = asked()
    _, operations = await buried(store, command)
    async with operators_client(operations) as http:
        listed = await http.get("/dead-letters")
        (found,) = listed.json()["items"]
        one = await http.get(f"/dead-letters/{found['id']}")
        groups = await http.get("/dead-letters/groups")
    assert (found["queue"], found["type"], found["error_class"]) == (PRIVATE_LANE.queue, ASKED, "Reject")
    assert found["reason"] == "it is sealed to a key that is not known here"
    for answer in (listed, one, groups):
        assert answer.status_code == 200
        for said in (ADDRESS, "Maria", SECRET, str(command.sealed), command.mail_id, command.user_id):
            assert said not in answer.text
    shown = one.json()
    assert (shown["body"], shown["event"]) == ("", None)
    assert shown["body_bytes"] > 100
    assert "private" in shown["unreadable"]


async def test_the_shell_shows_no_more(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    command = asked()
    _, operations = await buried(store, command)
    (known,) = await letters.page(operations, Wanted(), "waiting", None, 1)
    capsys.readouterr()
    nothing = {"queue": None, "type": None, "error_class": None, "handler": None, "reason": None}
    for action, ids in (("list", []), ("show", [known.id]), ("groups", [])):
        asked_for = argparse.Namespace(action=action, id=ids, state="waiting", **nothing)
        assert await handle_letters(operations, asked_for) == 0
    out = capsys.readouterr().out
    assert json.loads(out.splitlines()[0])["id"] == known.id
    for said in (ADDRESS, "Maria", str(command.sealed), command.mail_id, command.user_id):
        assert said not in out


async def test_one_that_strayed_into_another_queue_is_known_by_its_type(store: Store) -> None:
    bus = WatchedBus()
    await letter(store, body=asked().model_dump_json(), type=ASKED)
    async with operators_client(operations_on(store, bus)) as http:
        text = (await http.get("/dead-letters")).text
    assert LANE.queue in text
    assert ADDRESS not in text


@pytest.mark.parametrize(("minutes", "effects"), [(30, 1), (1, 0)])
async def test_a_redriven_one_is_handled_once_unless_its_time_is_over(store: Store, minutes: int, effects: int) -> None:
    bus, operations = await buried(store, asked(minutes=minutes))
    (known,) = await letters.page(operations, Wanted(), "waiting", None, 1)
    store.clock.advance(minutes=2)
    letter = await redrive_letter(operations, OPERATOR, known.id)
    assert ADDRESS not in repr(letter)
    async with consuming(store, bus, Handles(MailRequestedV1, count_mail)):
        await eventually(bus.empty)
    assert len(await store.counts()) == effects


@pytest.mark.parametrize("days", [6, 8])
async def test_what_a_letter_says_is_not_kept_for_longer_than_any_command_is_good(store: Store, days: int) -> None:
    bus, operations = await buried(store, asked())
    fact = await letter(store, 1)
    store.clock.advance(days=days)
    for _ in range(2):
        for job in chassis_jobs(store.work, bus, operations.topology):
            if job.name == "forget":
                await job.run()
    rows = {row.id: row for row in await store.rows(TABLES.dead_letters)}
    other = rows.pop(fact)
    (private,) = rows.values()
    assert other.body
    assert other.dropped_at is None
    assert (private.body == "") == (private.dropped_at is not None) == (days > 7)
    assert private.reason
