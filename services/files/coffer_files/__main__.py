"""`python -m coffer_files serve|api|consume|relay|migrate|sweep|reconcile|recount|...`"""

import argparse
import sys
from typing import get_args

from coffer_chassis.admin import acts
from coffer_chassis.commands import Extra, Program, main
from coffer_chassis.service import Service
from coffer_contracts.files import MediaKind
from coffer_contracts.problems import StateConflict
from coffer_files.app import build
from coffer_files.domain.reconciling import MOST_HOURS, PREFIXES, Wish, report_lines
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.multiparts import abort_multiparts
from coffer_files.handlers.reconciling import carry_out, give_up_run, request_run
from coffer_files.handlers.recounting import drives_to_count, recount
from coffer_files.handlers.regenerating import regenerate_all
from coffer_files.handlers.reindexing import Reindexed, reindex
from coffer_files.handlers.sweeping import sweep
from coffer_files.settings import FilesSettings
from coffer_files.store.preview_requests import Which


async def sweep_now(service: Service, arguments: argparse.Namespace) -> int:
    """Look after every upload at once; what became of them."""
    report = await sweep(service.deps, grace_seconds=arguments.grace_seconds)
    aborted = await abort_multiparts(service.deps)
    moved = ", ".join(f"{count} {state}" for state, count in sorted(report.moved.items())) or "none"
    print(f"Found in the bucket: {report.found_in_bucket}. Driven on: {moved}. Sent to be checked: {report.dispatched}.")
    print(f"Unfinished multipart uploads aborted: {aborted}.")
    if report.failures:
        print(f"{report.failures} could not be looked after; see the log. The next sweep tries them again.", file=sys.stderr)
        return 1
    await service.relay.drain()
    return 0


def sweep_arguments(parser: argparse.ArgumentParser) -> None:
    """How long an upload may stand unreported before the bucket is asked."""
    parser.add_argument("--grace-seconds", type=float, help="default: the setting; 0 asks about every upload")


async def reconcile_now(service: Service, arguments: argparse.Namespace) -> int:
    """Compare the bucket with the store and print the report: 1 when something is missing, 2 when it could not be done."""
    deps: Deps = service.deps
    hours = deps.settings.reconcile_grace_hours if arguments.grace_hours is None else arguments.grace_hours
    prefixes = tuple(prefix for prefix in PREFIXES if prefix in (arguments.prefix or PREFIXES))
    wish = Wish(prefixes, arguments.repair, int(hours * 3600))
    try:
        asked = await request_run(deps, service.operations, acts.of_shell(), wish, held=True)
    except StateConflict as refusal:
        print(f"{refusal.detail} Look at it with the operators' routes, or wait for its end.", file=sys.stderr)
        return 2
    try:
        run = await carry_out(deps, asked.run)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is said here and at the run
        await give_up_run(deps, asked.run, error)
        print(f"The comparison failed: {error!r}", file=sys.stderr)
        return 2
    print("\n".join(report_lines(run)))
    await service.relay.drain()
    return 1 if run.counts.missing else 0


def reconcile_arguments(parser: argparse.ArgumentParser) -> None:
    """What is compared, and whether anything is done about it."""
    parser.add_argument(
        "--repair", action="store_true", help="have orphans deleted, and lost previews made anew; nothing else is ever changed"
    )
    parser.add_argument("--grace-hours", type=_hours, help="objects younger than this are left alone; default: the setting")
    parser.add_argument("--prefix", action="append", choices=PREFIXES, help="only this one; may be repeated")


async def recount_now(service: Service, arguments: argparse.Namespace) -> int:
    """Compare what drives count with their rows, and print the differences: 1 when something is wrong and was not repaired."""
    deps: Deps = service.deps
    checked = wrong = 0
    async for owner_id in drives_to_count(deps, arguments.owner):
        found = await recount(deps, owner_id, repair=arguments.repair)
        checked, wrong = checked + 1, wrong + (not found.is_right)
        for line in found.lines:
            print(line)
    print(
        f"{checked} drives were counted, {wrong} of them wrongly{'; that is repaired' if wrong and arguments.repair else ''}."
    )
    return 1 if wrong and not arguments.repair else 0


def recount_arguments(parser: argparse.ArgumentParser) -> None:
    """Which drives, and whether anything is done about it."""
    parser.add_argument("--repair", action="store_true", help="make wrong counters right; writers are not held up")
    parser.add_argument("--owner", help="only the drive of the person with this id")


async def previews_now(service: Service, arguments: argparse.Namespace) -> int:
    """Have many previews made anew; how many were asked for."""
    deps: Deps = service.deps
    which = Which(arguments.status, arguments.kind, arguments.reason)
    report = await regenerate_all(deps, acts.of_shell(), which, arguments.most)
    await service.relay.drain()
    print(f"Asked for {report.done} previews.")
    return 0


def previews_arguments(parser: argparse.ArgumentParser) -> None:
    """Which previews, and how many at most."""
    parser.add_argument("--status", choices=("failed", "ready", "none"), default="failed", help="how they stand now")
    parser.add_argument("--kind", choices=get_args(MediaKind), help="only of files of this kind")
    parser.add_argument("--reason", help="only those that failed for this reason, e.g. unsupported")
    parser.add_argument("--most", type=int, default=10_000, help="no more than so many; default 10000")


def _hours(text: str) -> float:
    hours = float(text)
    if not 0 <= hours <= MOST_HOURS:
        raise argparse.ArgumentTypeError(f"0 to {MOST_HOURS} hours")
    return hours


async def reindex_now(service: Service, arguments: argparse.Namespace) -> int:
    """Make what search reads anew; what was done, and from where a stopped run goes on."""
    start = Reindexed(item=arguments.after_item, blob=arguments.after_object)
    report = await reindex(service.deps, start, everything=arguments.everything)
    print(f"Names looked at: {report.names_seen}, made anew: {report.names_changed}.")
    print(f"Objects looked at: {report.objects_seen}, texts read: {report.texts_read}.")
    return 0


def reindex_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to go on, and whether texts that are known are read again."""
    parser.add_argument("--after-item", help="go on behind this item, as the log of a stopped run names it")
    parser.add_argument("--after-object", help="go on behind this object, as the log of a stopped run names it")
    parser.add_argument("--everything", action="store_true", help="read texts again that are known by today's rules")


EXTRAS = {
    "sweep": Extra(sweep_now, "drive stuck uploads on, or end them with a reason", sweep_arguments),
    "recount": Extra(recount_now, "prove what drives count against their rows", recount_arguments),
    "reindex": Extra(reindex_now, "make what search reads anew, while all goes on", reindex_arguments),
    "previews": Extra(previews_now, "have many previews made anew", previews_arguments),
    "reconcile": Extra(reconcile_now, "compare the bucket with the store", reconcile_arguments),
}

if __name__ == "__main__":
    sys.exit(main(Program("coffer_files", FilesSettings, build, EXTRAS)))
