"""The commands that every service has: `python -m coffer_<service> serve|api|consume|relay|migrate|snapshot|...`."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import uvloop
from pydantic import ValidationError
from pydantic_settings import SettingsError

from coffer_chassis import logs
from coffer_chassis.admin import commands as operators
from coffer_chassis.admin.operations import Operations
from coffer_chassis.health import Readiness
from coffer_chassis.internal import internal_app
from coffer_chassis.schema import migrate
from coffer_chassis.secret_references import SecretUnreadable
from coffer_chassis.service import Service
from coffer_chassis.serving import freeze_start_up, listen, make_room_for_connections, serve, stop_on_signals
from coffer_chassis.settings import CofferSettings, ServiceSettings
from coffer_chassis.snapshots import restate_all
from coffer_chassis.trace_export import exporting

Build = Callable[[CofferSettings, Any], Awaitable[Service]]
Command = Callable[[Service, argparse.Namespace], Awaitable[int]]
Operate = Callable[[Operations, argparse.Namespace], Awaitable[int]]

_OPERATORS: Mapping[str, Operate] = {
    "republish": operators.republish,
    "dead-letters": operators.handle_letters,
    "limits": operators.limits,
}


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
    except SecretUnreadable as error:
        print(f"A setting cannot be read: {error}", file=sys.stderr)
        return 2
    logs.configure()
    with suppress(KeyboardInterrupt), exporting(program.package.removeprefix("coffer_").replace("_", "-")):
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
    operators.add_arguments(commands)
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
        if (command := _OPERATORS.get(arguments.command)) is not None:
            return await _operate(service, command, arguments)
        return await program.extras[arguments.command].run(service, arguments)
    finally:
        await service.close()


async def _serve(service: Service, role: str, coffer: CofferSettings, settings: ServiceSettings) -> None:
    stopping, ended = asyncio.Event(), asyncio.Event()
    stop_on_signals(stopping)
    freeze_start_up()
    make_room_for_connections()
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


async def _operate(service: Service, command: Operate, arguments: argparse.Namespace) -> int:
    if service.operations is None:
        raise TypeError(f"{service.name} was built without what operators' commands need")
    return await command(service.operations, arguments)


async def _snapshot(service: Service) -> int:
    if not service.snapshots:
        print(f"{service.name} owns nothing that others keep copies of.")
        return 0
    for name, count in (await restate_all(service.work, service.snapshots)).items():
        print(f"{count} {name} restated")
    return 0
