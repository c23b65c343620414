"""`dead-letters`, `republish` and `limits` of every service: what operators do from a shell, to the same effect."""

import argparse
import asyncio
import json
import sys
from datetime import datetime
from typing import Any

import msgspec

from coffer_chassis import dead_letters, replays
from coffer_chassis.admin import letters, limiting, settling
from coffer_chassis.admin.acts import of_shell
from coffer_chassis.admin.operations import Operations
from coffer_chassis.admin.routes.answers import group_answer, letter_answer, replay_answer
from coffer_chassis.admin.routes.limits import limits_answer
from coffer_chassis.dead_letters import Wanted
from coffer_chassis.logs import scrubbed
from coffer_chassis.replaying import next_due, replay_round
from coffer_chassis.replays import Events, Replay
from coffer_contracts.problems import Problem

ALL = "all"
PAUSE_SECONDS = 0.2


def add_arguments(commands: Any) -> None:
    """Define the commands."""
    again = commands.add_parser("republish", help="send events again that were sent before")
    again.add_argument("--since", type=_moment, help="sent at or after this time (RFC 3339)")
    again.add_argument("--until", type=_moment, help="sent before this time (RFC 3339)")
    again.add_argument("--type", action="append", default=[], dest="types", help="event type; may be repeated")
    again.add_argument("--subject", help="one subject, e.g. item/<id>")
    again.add_argument("--consumer", type=_consumer, metavar="QUEUE", help="for this queue only; all others drop them unread")
    _add_rate(again)
    again.add_argument("--dry-run", action="store_true", help="only count them")
    again.add_argument("--wait", action="store_true", help="send here until it is done, also if no relay runs")
    again.add_argument("--list", action="store_true", help="show what was asked for and how far it is")
    again.add_argument("--cancel", metavar="ID", help="send no more of this one")
    limited = commands.add_parser("limits", help="list who is limited, or lift a limit, where processes share limits")
    limited.add_argument("action", choices=("list", "lift"))
    limited.add_argument("policy", nargs="?", help="of the limit to lift, as listed")
    limited.add_argument("who", nargs="?", help="whose limit to lift, as listed")
    parser = commands.add_parser("dead-letters", help="list, redrive or drop messages that failed for good")
    parser.add_argument("action", choices=("list", "show", "groups", "redrive", "drop"))
    parser.add_argument("id", nargs="*", help="ids as listed; `all` for every one that fits the filters")
    for name in ("queue", "type", "error-class", "handler"):
        parser.add_argument(f"--{name}", help=f"only with this {name.replace('-', ' ')}")
    parser.add_argument("--reason", help="only with a reason that begins like this")
    parser.add_argument("--state", choices=("waiting", "redriven", "dropped"), default="waiting", help="default: waiting")
    _add_rate(parser)
    parser.add_argument("--dry-run", action="store_true", help="only count them")
    parser.add_argument("--yes", action="store_true", help="needed to drop")


def _add_rate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rate", type=_rate, default=replays.RATE_PER_SECOND, metavar="N", help="at most N a second")


def _rate(text: str) -> float:
    rate = float(text)
    if not replays.SLOWEST_PER_SECOND <= rate <= replays.FASTEST_PER_SECOND:
        raise argparse.ArgumentTypeError(f"{replays.SLOWEST_PER_SECOND:g} to {replays.FASTEST_PER_SECOND:g}")
    return rate


def _moment(text: str) -> datetime:
    # A time without a zone is the shell's own.
    return datetime.fromisoformat(text).astimezone()


def _consumer(text: str) -> str:
    if not replays.CONSUMER.fullmatch(text):
        raise argparse.ArgumentTypeError(f"no queue can be called {text!r}")
    return text


async def republish(operations: Operations, arguments: argparse.Namespace) -> int:
    """Run the command; its exit code."""
    if arguments.list:
        async with operations.work.read() as connection:
            for replay in reversed(await replays.page(connection, operations.work.tables, None, 100)):
                print(_json(replay_answer(replay)))
        return 0
    if arguments.cancel:
        try:
            replay = await settling.cancel_replay(operations, of_shell(), arguments.cancel)
        except Problem as problem:
            return _failed(f"{arguments.cancel}: {problem.detail}")
        print(f"Cancelled after {replay.sent} of {replay.total}.")
        return 0
    wanted = Events(arguments.since, arguments.until, tuple(arguments.types), arguments.subject, arguments.consumer)
    if arguments.dry_run:
        print(f"{await settling.count_events(operations, wanted)} events would be sent again.")
        return 0
    replay = await _start(operations, wanted, arguments.rate)
    print(f"{replay.total} events will be sent again, as {replay.id}.")
    return await _drive(operations, replay) if arguments.wait else 0


async def limits(operations: Operations, arguments: argparse.Namespace) -> int:
    """Run the command; its exit code. What a process counts in its own memory only its own routes know."""
    if operations.limiter.place == "process":
        return _failed("Without COFFER_REDIS_URL each process counts for itself: ask its route GET limits instead.")
    if arguments.action == "lift":
        if not arguments.policy or not arguments.who:
            return _failed("Say which policy, and who, as `limits list` shows them.", code=2)
        try:
            refused = await limiting.lift(operations, of_shell(), arguments.policy, arguments.who)
        except Problem as problem:
            return _failed(f"{arguments.who}: {problem.detail}")
        print(f"Lifted after {refused} refused requests.")
        return 0
    place, limited = await operations.limiter.limited()
    if place == "process":
        return _failed("Where limits are counted cannot be asked at this moment.")
    for one in limits_answer(operations.limiter, place, limited).items:
        print(_json(one))
    return 0


async def handle_letters(operations: Operations, arguments: argparse.Namespace) -> int:
    """Run the command; its exit code. What lies in dead queues is collected first, where the broker answers."""
    for lane in operations.topology.lanes:
        try:
            await dead_letters.drain(operations.work, operations.bus, lane)
        except Exception as error:  # noqa: BLE001  # in whatever way the broker is away, letters stand in the store
            _failed(f"What lies in {lane.dead_queue} is not shown: {scrubbed(repr(error))}")
    wanted = Wanted(
        queue=arguments.queue,
        type=arguments.type,
        error_class=arguments.error_class,
        handler=arguments.handler,
        reason=arguments.reason,
    )
    is_narrowed = wanted != Wanted()
    match arguments.action:
        case "list":
            return await _list(operations, wanted, arguments.state)
        case "groups":
            found, more = await letters.groups(operations, wanted, arguments.state)
            for group in found:
                print(_json(group_answer(group)))
            return _failed("There are more groups than these.") if more else 0
        case "show":
            return await _show(operations, arguments.id)
    # The word `all`, filters, or ids: something must be said.
    if arguments.id == [ALL] or (is_narrowed and not arguments.id):
        return await _settle_all(operations, wanted, arguments)
    if is_narrowed or not arguments.id:
        return _failed("Name letters by ids, by filters, or all of them by `all`.", code=2)
    return await _settle_each(operations, arguments)


async def _list(operations: Operations, wanted: Wanted, state: letters.State) -> int:
    after = None
    while page := await letters.page(operations, wanted, state, after, letters.LARGEST_PAGE):
        for row in page:
            known = {"id": row.id, "queue": row.queue, "type": row.type, "reason": row.reason, "handler": row.handler}
            print(json.dumps(known | {"receives": row.receives, "dead_at": row.dead_at.isoformat()}))
        after = (page[-1].dead_at, page[-1].id)
    return 0


async def _show(operations: Operations, letter_ids: list[str]) -> int:
    missed = 0
    for letter_id in letter_ids:
        async with operations.work.read() as connection:
            letter = await letters.find(connection, operations, letter_id)
        if letter is None:
            missed += 1
            _failed(f"{letter_id}: no such dead letter")
        else:
            print(_json(letter_answer(letter)))
    return 1 if missed else 0


async def _settle_all(operations: Operations, wanted: Wanted, arguments: argparse.Namespace) -> int:
    count = await settling.count_letters(operations, wanted)
    if arguments.dry_run:
        print(f"{count} dead letters wait that this is about.")
        return 0
    if arguments.action == "drop":
        if not arguments.yes:
            return _failed(f"{count} dead letters would be dropped; give --yes to do it.", code=2)
        try:
            print(f"{await settling.drop_letters(operations, of_shell(), wanted, f'drop {count}')} done.")
        except Problem as problem:
            return _failed(problem.detail)
        return 0
    return await _drive(operations, await _start(operations, wanted, arguments.rate))


async def _settle_each(operations: Operations, arguments: argparse.Namespace) -> int:
    origin, done = of_shell(), 0
    if arguments.dry_run:
        print(f"{await settling.count_letters(operations, _by_ids(arguments.id))} dead letters wait that this is about.")
        return 0
    if arguments.action == "drop" and not arguments.yes:
        return _failed(f"{len(arguments.id)} dead letters would be dropped; give --yes to do it.", code=2)
    for letter_id in arguments.id:
        try:
            if arguments.action == "redrive":
                await settling.redrive_letter(operations, origin, letter_id)
            else:
                await settling.drop_letter(operations, origin, letter_id, "drop 1")
            done += 1
        except Problem as problem:
            _failed(f"{letter_id}: no such dead letter, or it was settled before ({problem.detail})")
    print(f"{done} done.")
    return 0 if done == len(arguments.id) else 1


def _by_ids(letter_ids: list[str]) -> Wanted:
    return Wanted(ids=tuple(letter_id for letter_id in letter_ids if dead_letters.is_id(letter_id)))


async def _start(operations: Operations, wanted: Events | Wanted, rate: float) -> Replay:
    async with operations.work.unit(of_shell()) as unit:
        return await settling.start_replay(operations, unit, wanted, rate)


async def _drive(operations: Operations, replay: Replay) -> int:
    """Send here until it has ended, beside any relay."""
    work, topic = operations.work, operations.topology.topic
    told = None
    while True:
        moved = await replay_round(work, operations.bus, topic)
        async with work.read() as connection:
            now = await replays.find(connection, work.tables, replay.id)
        if now is None or now.state != "running":
            break
        if now.last_error and now.last_error != told:
            told = now.last_error
            _failed(f"Trying again: {told}")
        due = await next_due(work)
        if due is not None and not (moved and due <= work.clock.now()):
            await asyncio.sleep(min(PAUSE_SECONDS, max(0.01, (due - work.clock.now()).total_seconds())))
    if now is None:
        return _failed("It was forgotten.")
    print(f"{now.sent} done.")
    if now.skipped:
        _failed(f"{now.skipped} cannot be sent: {now.last_error}")
    return 0 if now.state == "done" and not now.skipped else 1


def _json(answer: msgspec.Struct) -> str:
    return msgspec.json.encode(answer).decode()


def _failed(text: str, *, code: int = 1) -> int:
    print(text, file=sys.stderr)
    return code
