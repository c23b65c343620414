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
    report = await sweep(service.deps, grace_seconds=arguments.grace_seconds)
    moved = ", ".join(f"{count} {state}" for state, count in sorted(report.moved.items())) or "none"
    print(f"Found in the bucket: {report.found_in_bucket}. Driven on: {moved}. Sent to be checked: {report.dispatched}.")
    if report.failures:
        print(f"{report.failures} could not be looked after; see the log. The next sweep tries them again.", file=sys.stderr)
        return 1
    await service.relay.drain()
    return 0


def sweep_arguments(parser: argparse.ArgumentParser) -> None:
    """How long an upload may stand unreported before the bucket is asked."""
    parser.add_argument("--grace-seconds", type=float, help="default: the setting; 0 asks about every upload")


EXTRAS = {"sweep": Extra(sweep_now, "drive stuck uploads on, or end them with a reason", sweep_arguments)}

if __name__ == "__main__":
    sys.exit(main(Program("coffer_files", FilesSettings, build, EXTRAS)))
