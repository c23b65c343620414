"""`python -m coffer_files serve|api|consume|relay|migrate|sweep|...`"""

import argparse
import sys

from coffer_chassis.commands import Extra, Program, main
from coffer_chassis.service import Service
from coffer_files.app import build
from coffer_files.handlers.sweeping import sweep
from coffer_files.settings import FilesSettings


async def sweep_now(service: Service, arguments: argparse.Namespace) -> int:
    """Look after every upload at once; what became of them."""
    grace = None if arguments.grace_seconds is None else arguments.grace_seconds
    print(await sweep(service.deps, grace_seconds=grace))
    await service.relay.drain()
    return 0


def sweep_arguments(parser: argparse.ArgumentParser) -> None:
    """How long an upload may stand unreported before the bucket is asked."""
    parser.add_argument("--grace-seconds", type=float, help="default: the setting; 0 asks about every upload")


EXTRAS = {"sweep": Extra(sweep_now, "drive stuck uploads on, or end them with a reason", sweep_arguments)}

if __name__ == "__main__":
    sys.exit(main(Program("coffer_files", FilesSettings, build, EXTRAS)))
