"""The commands of operators: the same acts from a shell, with filters, dry runs and refusals."""

import argparse
import json
import os
import pwd
from typing import Any

import pytest

from coffer_chassis.admin import commands
from coffer_chassis.admin.acts import of_shell
from coffer_chassis.bus import Incoming
from coffer_chassis.ids import new_id
from factories.consuming import LANE, WatchedBus
from factories.eventing import CREATED, FAILED, TABLES, Store, created, failed
from factories.operators import acts, letter, operations_on
from factories.relaying import RecordingBus, relay_of

Said = pytest.CaptureFixture[str]


@pytest.fixture
def bus() -> WatchedBus:
    return WatchedBus()


async def run(store: Store, bus: Any, *words: str) -> int:
    """A command with its arguments, as `__main__` would run it; its exit code."""
    parser = argparse.ArgumentParser()
    commands.add_arguments(parser.add_subparsers(dest="command"))
    asked = parser.parse_args(words)
    command = {"republish": commands.republish, "dead-letters": commands.handle_letters}[asked.command]
    return await command(operations_on(store, bus), asked)


def test_whoever_uses_the_shell_is_named() -> None:
    assert of_shell().actor_id == f"shell/{pwd.getpwuid(os.geteuid()).pw_name}"
    assert of_shell().actor_kind == "operator"


def test_a_user_without_a_name_is_named_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 987_654)
    assert of_shell().actor_id == "shell/987654"


async def test_letters_are_collected_listed_shown_and_grouped(store: Store, bus: WatchedBus, capsys: Said) -> None:
    made = await letter(store, 1)
    await bus.send(LANE.dead_queue, "not json", {"dead-reason": "unreadable", "dead-class": "Unreadable"})
    assert await run(store, bus, "dead-letters", "list") == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert {one["reason"] for one in listed} == {"unreadable", "not like this"}
    assert await run(store, bus, "dead-letters", "list", "--error-class", "Unreadable") == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert await run(store, bus, "dead-letters", "show", made, new_id()) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["event"]["type"] == FAILED
    assert "no such dead letter" in shown.err
    assert await run(store, bus, "dead-letters", "groups") == 0
    assert [json.loads(line)["count"] for line in capsys.readouterr().out.splitlines()] == [1, 1]
    assert await acts(store) == []


async def test_letters_are_seen_and_dropped_while_the_broker_is_away(store: Store, bus: WatchedBus, capsys: Said) -> None:
    async def away(queue: str, *, limit: int, wait_seconds: float) -> list[Incoming]:
        raise ConnectionError("away")

    bus.receive = away  # type: ignore[method-assign]  # for this bus only
    made = await letter(store, 1)
    assert await run(store, bus, "dead-letters", "list") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["id"] == made
    assert LANE.dead_queue in said.err
    assert await run(store, bus, "dead-letters", "drop", made, "--yes") == 0
    assert [act[0] for act in await acts(store)] == ["dead_letters.dropped"]


async def test_letters_are_redriven_by_id(store: Store, bus: WatchedBus, capsys: Said) -> None:
    made = [await letter(store, number) for number in range(2)]
    assert await run(store, bus, "dead-letters", "redrive", *made, "nope", made[0]) == 1
    said = capsys.readouterr()
    assert said.out == "2 done.\n"
    assert said.err.count("no such dead letter, or it was settled before") == 2
    assert (await bus.depth(LANE.queue)).total == 2
    assert await acts(store) == [("dead_letters.redriven", "dead-letter", 1)] * 2
    assert {row.settled_by for row in await store.rows(TABLES.dead_letters)} == {of_shell().actor_id}


@pytest.mark.parametrize("words", [("all",), ("--queue", LANE.queue), ("all", "--reason", "not like", "--rate", "1000")])
async def test_letters_are_redriven_by_filter_without_a_relay(
    store: Store, bus: WatchedBus, capsys: Said, words: tuple[str, ...]
) -> None:
    for number in range(3):
        await letter(store, number)
    assert await run(store, bus, "dead-letters", "redrive", *words, "--dry-run") == 0
    assert capsys.readouterr().out.startswith("3 ")
    assert await acts(store) == []
    assert await run(store, bus, "dead-letters", "redrive", *words) == 0
    assert capsys.readouterr().out.endswith("3 done.\n")
    assert (await bus.depth(LANE.queue)).total == 3
    assert await acts(store) == [("dead_letters.redriven", "replay", 3)]


async def test_what_cannot_be_redriven_is_said(store: Store, bus: WatchedBus, capsys: Said) -> None:
    await letter(store, 1, queue="gone")
    assert await run(store, bus, "dead-letters", "redrive", "all") == 1
    assert "1 cannot be sent" in capsys.readouterr().err


async def test_dropping_needs_a_yes(store: Store, bus: WatchedBus, capsys: Said) -> None:
    made = [await letter(store, number) for number in range(3)]
    for words in (("all",), made[:1], ("--handler", "count_it")):
        assert await run(store, bus, "dead-letters", "drop", *words) == 2
    assert "--yes" in capsys.readouterr().err
    assert await acts(store) == []
    assert await run(store, bus, "dead-letters", "drop", made[0], "--yes") == 0
    assert await run(store, bus, "dead-letters", "drop", "all", "--yes") == 0
    assert capsys.readouterr().out == "1 done.\n2 done.\n"
    assert await acts(store) == [("dead_letters.dropped", "dead-letter", 1), ("dead_letters.dropped", "dead-letters", 2)]
    assert await run(store, bus, "dead-letters", "list", "--state", "dropped") == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


@pytest.mark.parametrize("words", [(), ("some-id", "--queue", "q")])
async def test_what_is_not_named_is_neither_redriven_nor_dropped(store: Store, bus: WatchedBus, words: tuple[str, ...]) -> None:
    await letter(store, 1)
    for action in ("redrive", "drop"):
        assert await run(store, bus, "dead-letters", action, *words, "--yes") == 2
    assert await acts(store) == []


async def test_events_are_counted_and_sent_again(store: Store, capsys: Said) -> None:
    bus = RecordingBus()
    await store.emit(failed(1), created(2), failed(3))
    await relay_of(store, bus).drain()
    store.clock.advance(seconds=1)
    bus.given.clear()
    assert await run(store, bus, "republish", "--type", FAILED, "--dry-run") == 0
    assert capsys.readouterr().out == "2 events would be sent again.\n"
    assert await run(store, bus, "republish", "--since", "2026-11-20T00:00:00Z", "--type", CREATED, "--consumer", "q") == 0
    assert capsys.readouterr().out.startswith("1 events will be sent again, as ")
    assert bus.given == []
    operations = operations_on(store, bus)
    object.__setattr__(operations.topology, "service", "first-relay")
    parser = argparse.ArgumentParser()
    commands.add_arguments(parser.add_subparsers(dest="command"))
    assert await commands.republish(operations, parser.parse_args(["republish", "--type", FAILED, "--wait"])) == 0
    assert capsys.readouterr().out.endswith("2 done.\n")
    assert {message.attributes["type"] for message in bus.given} == {FAILED, CREATED}
    assert await run(store, bus, "republish", "--list") == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["total"], one["state"]) for one in listed] == [(1, "done"), (2, "done")]
    assert [act[0] for act in await acts(store)] == ["events.republished"] * 2


async def test_a_replay_is_cancelled_by_its_id(store: Store, capsys: Said) -> None:
    bus = RecordingBus()
    await store.emit(failed(1))
    await relay_of(store, bus).drain()
    store.clock.advance(seconds=1)
    await run(store, bus, "republish")
    replay_id = capsys.readouterr().out.rpartition(" ")[2].strip().rstrip(".")
    assert await run(store, bus, "republish", "--cancel", replay_id) == 0
    assert capsys.readouterr().out == "Cancelled after 0 of 1.\n"
    assert await run(store, bus, "republish", "--cancel", new_id()) == 1
    assert await run(store, bus, "republish", "--cancel", "nope") == 1


@pytest.mark.parametrize(
    "words",
    [
        ("republish", "--rate", "0"),
        ("republish", "--rate", "nan"),
        ("republish", "--rate", "fast"),
        ("republish", "--since", "yesterday"),
        ("republish", "--consumer", "two words"),
        ("dead-letters", "explode"),
        ("dead-letters", "list", "--state", "lost"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused(store: Store, bus: WatchedBus, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        await run(store, bus, *words)
