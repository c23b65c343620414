"""The commands that every service has: `python -m coffer_<service> serve|api|consume|relay|migrate|snapshot|...`."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import uvloop
from pydantic import ValidationError
from pydantic_settings import SettingsError

from coffer_chassis import dead_letters, logs, outbox
from coffer_chassis.health import Readiness
from coffer_chassis.internal import internal_app
from coffer_chassis.migrations import migrate
from coffer_chassis.service import Service
from coffer_chassis.serving import freeze_start_up, listen, serve, stop_on_signals
from coffer_chassis.settings import CofferSettings, ServiceSettings
from coffer_chassis.snapshots import restate_all

Build = Callable[[CofferSettings, Any], Awaitable[Service]]
Command = Callable[[Service, argparse.Namespace], Awaitable[int]]


@dataclass(frozen=True)
class Extra:
    """A command that only one service has."""

    run: Command
    help: str
    arguments: Callable[[argparse.ArgumentParser], None] = lambda _parser: None


@dataclass(frozen=True)
class Program:
    """What `__main__` of a service hands over."""

    package: str
    settings: type[ServiceSettings]
    build: Build
    extras: Mapping[str, Extra] = field(default_factory=dict)


def main(program: Program, argv: list[str] | None = None) -> int:
    """Run one command; its exit code. Prints one sentence, not a traceback, for settings that are missing or wrong."""
    arguments = _parser(program).parse_args(argv)
    try:
        coffer, settings = CofferSettings(), program.settings()
    except ValidationError as error:
        prefix = str(program.settings.model_config.get("env_prefix", ""))
        faults = "; ".join(f"{prefix}{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" for fault in error.errors())
        print(f"Settings are missing or wrong: {faults}", file=sys.stderr)
        return 2
    except SettingsError as error:
        print(f"Settings are wrong: {error}; lists and objects are written as JSON", file=sys.stderr)
        return 2
    logs.configure()
    with suppress(KeyboardInterrupt):
        return uvloop.run(_run(program, arguments, coffer, settings))
    return 130


def _parser(program: Program) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {program.package}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="answer requests, consume queues, relay events and run jobs")
    commands.add_parser("api", help="answer requests only")
    commands.add_parser("consume", help="consume queues and run jobs only")
    commands.add_parser("relay", help="relay events only")
    commands.add_parser("migrate", help="bring the store to the newest schema")
    commands.add_parser("snapshot", help="say again how everything stands, so that copies of it can be rebuilt")
    again = commands.add_parser("republish", help="send events again that were sent before")
    again.add_argument("--since", type=datetime.fromisoformat, help="sent at or after this time (RFC 3339)")
    again.add_argument("--until", type=datetime.fromisoformat, help="sent before this time (RFC 3339)")
    again.add_argument("--type", action="append", default=[], dest="types", help="event type; may be repeated")
    again.add_argument("--subject", help="one subject, e.g. item/<id>")
    letters = commands.add_parser("dead-letters", help="list, redrive or drop messages that failed for good")
    letters.add_argument("action", choices=("list", "redrive", "drop"))
    letters.add_argument("id", nargs="*", help="ids as listed; `all` redrives every one")
    for name, extra in program.extras.items():
        extra.arguments(commands.add_parser(name, help=extra.help))
    return parser


async def _run(program: Program, arguments: argparse.Namespace, coffer: CofferSettings, settings: ServiceSettings) -> int:
    if arguments.command == "migrate":
        await migrate(str(settings.database_url), program.package)
        return 0
    service = await program.build(coffer, settings)
    try:
        if arguments.command in {"serve", "api", "consume", "relay"}:
            await _serve(service, arguments.command, coffer, settings)
            return 0
        if arguments.command == "snapshot":
            return await _snapshot(service)
        if arguments.command == "republish":
            return await _republish(service, arguments)
        if arguments.command == "dead-letters":
            return await _dead_letters(service, arguments)
        return await program.extras[arguments.command].run(service, arguments)
    finally:
        await service.close()


async def _serve(service: Service, role: str, coffer: CofferSettings, settings: ServiceSettings) -> None:
    stopping, ended = asyncio.Event(), asyncio.Event()
    stop_on_signals(stopping)
    freeze_start_up()
    answer, consume, relay = (role in {"serve", part} for part in ("api", "consume", "relay"))
    readiness = Readiness(service.checks())
    async with asyncio.TaskGroup() as always:
        internal = listen(settings.internal_host, settings.internal_port)
        always.create_task(serve(internal_app(readiness), internal, ended, lifespan=False))
        try:
            async with asyncio.TaskGroup() as tasks:
                if answer and service.app is not None:
                    tasks.create_task(serve(service.app, listen(coffer.host, settings.listen_port), stopping))
                tasks.create_task(service.run_background(stopping, answer=answer, consume=consume, relay=relay))
                await stopping.wait()
                readiness.drain()
        finally:
            ended.set()


async def _snapshot(service: Service) -> int:
    if not service.snapshots:
        print(f"{service.name} owns nothing that others keep copies of.")
        return 0
    for name, count in (await restate_all(service.work, service.snapshots)).items():
        print(f"{count} {name} restated")
    return 0


async def _republish(service: Service, arguments: argparse.Namespace) -> int:
    async with service.work.engine.begin() as connection:
        count = await outbox.republish(
            connection,
            service.work.tables,
            since=arguments.since,
            until=arguments.until,
            types=arguments.types,
            subject=arguments.subject,
        )
    print(f"{count} events will be sent again.")
    return 0


async def _dead_letters(service: Service, arguments: argparse.Namespace) -> int:
    for lane in service.topology.lanes:
        await dead_letters.drain(service.work, service.bus, lane)
    rows = await dead_letters.waiting(service.work)
    if arguments.action == "list":
        for row in rows:
            known = {"id": row.id, "queue": row.queue, "type": row.type, "reason": row.reason, "handler": row.handler}
            print(json.dumps(known | {"receives": row.receives, "dead_at": row.dead_at.isoformat()}))
        return 0
    wanted = [row.id for row in rows] if arguments.id == ["all"] else arguments.id
    missed = 0
    for letter_id in wanted:
        if arguments.action == "redrive":
            done = await dead_letters.redrive(service.work, service.bus, letter_id)
        else:
            done = await dead_letters.drop(service.work, letter_id)
        if not done:
            missed += 1
            print(f"{letter_id}: no such dead letter, or it was settled before", file=sys.stderr)
    print(f"{len(wanted) - missed} done.")
    return 1 if missed else 0
