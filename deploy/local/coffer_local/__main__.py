"""`python -m coffer_local`: start Coffer on this machine; other commands run one part of it, or make what it stands on."""

import argparse
import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import uvloop
from pydantic import ValidationError
from pydantic_settings import SettingsError

from coffer_chassis import logs
from coffer_chassis.serving import stop_on_signals
from coffer_chassis.settings import CofferSettings
from coffer_chassis.trace_export import exporting
from coffer_local.home import StartError
from coffer_local.running import run_in_environment


def main(argv: list[str] | None = None) -> int:
    """Run until told to stop; the exit code. Prints one sentence for whatever keeps it from starting."""
    began = time.monotonic()
    arguments = _parser().parse_args(argv)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            _COMMANDS[arguments.command or "up"](arguments, began)
    except StartError as error:
        print(f"Coffer: {error}", file=sys.stderr)
        return 1
    except ValidationError as error:
        prefix = _prefix(error.title)
        faults = "; ".join(f"{prefix}{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" for fault in error.errors())
        print(f"Coffer: settings are wrong: {faults}", file=sys.stderr)
        return 2
    except SettingsError as error:
        print(f"Coffer: settings are wrong: {error}; lists and objects are written as JSON", file=sys.stderr)
        return 2
    return 0


def _prefix(settings: str) -> str:
    """What the variables of a settings class begin with."""
    named = {"GatewaySettings": "COFFER_GATEWAY_", "CloudSettings": "COFFER_CLOUD_", "DatabaseSettings": "COFFER_DATABASE_"}
    if settings in {*named, "CofferSettings"}:
        return named.get(settings, "COFFER_")
    from coffer_local.registry import SERVICES  # noqa: PLC0415  # a gateway alone has no services

    return next((entry.prefix for entry in SERVICES if entry.settings.__name__ == settings), "COFFER_")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m coffer_local", description="Coffer on this machine, and what stands around services elsewhere"
    )
    parser.set_defaults(without=[])
    commands = parser.add_subparsers(dest="command")
    up = commands.add_parser("up", help="start everything; the default")
    up.add_argument("--without", action="append", default=[], metavar="SERVICE", help="leave out a service that runs elsewhere")
    run = commands.add_parser("exec", help="run a command with the settings of the running stack")
    run.add_argument("arguments", nargs=argparse.REMAINDER, metavar="COMMAND")
    commands.add_parser("gateway", help="one address for services that run elsewhere")
    commands.add_parser("cloud", help="the local cloud alone")
    commands.add_parser("provision", help="make topics, queues and the bucket, in whatever cloud the AWS variables lead to")
    commands.add_parser("databases", help="make a role and a database for each service")
    keep = commands.add_parser("secrets", help="make the secrets of a Coffer of containers, a folder for each container")
    keep.add_argument("--into", type=Path, required=True, metavar="FOLDER", help="where; `kept` below it holds all of them")
    keep.add_argument("--database", default="postgres:5432", metavar="HOST:PORT", help="where services find PostgreSQL")
    keep.add_argument("--folders", action="store_true", help="make the folders only")
    return parser


def _exec(arguments: argparse.Namespace, _began: float) -> None:
    run_in_environment(Path(os.environ.get("COFFER_HOME") or ".coffer").expanduser().absolute(), arguments.arguments)


def _gateway(_arguments: argparse.Namespace, _began: float) -> None:
    from coffer_local.gateway_process import GatewaySettings, run_gateway  # noqa: PLC0415  # as below

    coffer, settings = CofferSettings(), GatewaySettings()
    logs.configure()
    with exporting("gateway"):
        uvloop.run(run_gateway(coffer, settings))


def _cloud(_arguments: argparse.Namespace, _began: float) -> None:
    from coffer_local.cloud_process import run_cloud  # noqa: PLC0415  # as below

    logs.configure()
    uvloop.run(run_cloud())


def _provision(_arguments: argparse.Namespace, _began: float) -> None:
    from coffer_local.provisioning import provision_environment  # noqa: PLC0415  # as below

    logs.configure()
    provision_environment(CofferSettings())


def _databases(_arguments: argparse.Namespace, _began: float) -> None:
    from coffer_local.databases import DatabaseSettings, make_databases  # noqa: PLC0415  # as below

    made = uvloop.run(make_databases(DatabaseSettings()))
    print(f"Databases: {', '.join(made)}.")


def _secrets(arguments: argparse.Namespace, _began: float) -> None:
    from coffer_local.secret_files import make_folders, write_secret_files  # noqa: PLC0415  # as below

    if arguments.folders:
        make_folders(arguments.into)
    else:
        write_secret_files(arguments.into, CofferSettings(), database=arguments.database)


def _stack(arguments: argparse.Namespace, began: float) -> None:
    logs.configure()
    with exporting("local"):
        uvloop.run(_up(arguments, began))


async def _up(arguments: argparse.Namespace, began: float) -> None:
    from coffer_local.stack import Options, Stack  # noqa: PLC0415  # each command loads no more than it needs

    stopping = asyncio.Event()
    stop_on_signals(stopping)
    settings = CofferSettings()
    options = Options(
        host=settings.host,
        port=settings.port,
        public_url=settings.public_url if "public_url" in settings.model_fields_set else None,
        s3_public_url=settings.s3_public_url,
        bucket=settings.bucket,
        without=tuple(arguments.without or ()),
    )
    stack = Stack(options)
    async for _ in stack.run(stopping):
        mail = f"Mail that was sent: {stack.mailbox_url}\n" if stack.mailbox_url else ""
        print(
            f"Coffer is running at {stack.public_url} (ready in {time.monotonic() - began:.1f} s).\n{mail}"
            f"Metrics: http://127.0.0.1:{stack.metrics_port}/metrics. Data: {settings.home}. Stop with Ctrl-C.",
            flush=True,
        )
    print("Coffer has stopped.", flush=True)


_COMMANDS: Mapping[str, Callable[[argparse.Namespace, float], None]] = {
    "up": _stack,
    "exec": _exec,
    "gateway": _gateway,
    "cloud": _cloud,
    "provision": _provision,
    "databases": _databases,
    "secrets": _secrets,
}

if __name__ == "__main__":
    sys.exit(main())
