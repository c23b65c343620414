"""`python -m coffer_local`: start Coffer on this machine. `... exec COMMAND` runs a command in its environment."""

import argparse
import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path

import uvloop
from pydantic import ValidationError
from pydantic_settings import SettingsError

from coffer_chassis import logs
from coffer_chassis.serving import stop_on_signals
from coffer_chassis.settings import CofferSettings
from coffer_local.environment import run_in_environment
from coffer_local.home import StartError


def main(argv: list[str] | None = None) -> int:
    """Run until told to stop; the exit code. Prints one sentence for whatever keeps it from starting."""
    began = time.monotonic()
    arguments = _parser().parse_args(argv)
    home = Path(os.environ.get("COFFER_HOME") or ".coffer").expanduser().absolute()
    try:
        if arguments.command == "exec":
            run_in_environment(home, arguments.arguments)
        with contextlib.suppress(KeyboardInterrupt):
            uvloop.run(_up(arguments, began))
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
    from coffer_local.registry import SERVICES  # noqa: PLC0415  # `exec` starts in a fraction of the time without it

    return next((entry.prefix for entry in SERVICES if entry.settings.__name__ == settings), "COFFER_")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m coffer_local", description="Coffer on this machine")
    parser.set_defaults(command="up", without=[])
    commands = parser.add_subparsers(dest="command")
    up = commands.add_parser("up", help="start everything; the default")
    up.add_argument("--without", action="append", default=[], metavar="SERVICE", help="leave out a service that runs elsewhere")
    run = commands.add_parser("exec", help="run a command with the settings of the running stack")
    run.add_argument("arguments", nargs=argparse.REMAINDER, metavar="COMMAND")
    return parser


async def _up(arguments: argparse.Namespace, began: float) -> None:
    from coffer_local.stack import Options, Stack  # noqa: PLC0415  # `exec` starts in a fraction of the time without it

    logs.configure()
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
        print(
            f"Coffer is running at {stack.public_url} (ready in {time.monotonic() - began:.1f} s).\n"
            f"Metrics: http://127.0.0.1:{stack.metrics_port}/metrics. Data: {settings.home}. Stop with Ctrl-C.",
            flush=True,
        )
    print("Coffer has stopped.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
