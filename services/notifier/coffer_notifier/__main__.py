"""`python -m coffer_notifier serve|api|consume|relay|migrate|audit|mails|public-key|...`"""

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from textwrap import indent

from coffer_chassis.admin.acts import of_shell
from coffer_chassis.commands import Extra, Program, main
from coffer_chassis.service import Service
from coffer_contracts.event import rfc3339
from coffer_notifier.app import build
from coffer_notifier.domain.audit import GENESIS, Head
from coffer_notifier.handlers.exporting import begin_export, lines
from coffer_notifier.handlers.rebuilding import NotNow, check_figures, learn_anew, rebuild_figures, settle_figures
from coffer_notifier.handlers.verifying import Known, Verified, verify
from coffer_notifier.settings import NotifierSettings
from coffer_notifier.store import audit_chain
from coffer_notifier.store.audit import Wanted
from coffer_notifier.store.mails import Mail, latest

LAST = 10
MOST_ANCHORS = 10_000
HASH_LENGTH = len(GENESIS)


async def show_mails(service: Service, arguments: argparse.Namespace) -> int:
    """Show mail that was sent, waits, or was given up, with its text."""
    async with service.work.read() as connection:
        found = await latest(connection, max(0, arguments.last), arguments.to)
    for mail in found:
        print("\n".join(_lines(mail)), end="\n\n")
    print(f"{len(found)} mails.")
    return 0


def _lines(mail: Mail) -> list[str]:
    ended = f" {rfc3339(mail.ended_at)}" if mail.ended_at else ""
    lines = [
        f"{mail.state}{ended}, attempts: {mail.attempts}, made {rfc3339(mail.created_at)}, id {mail.id}",
        f"To: {mail.to_address or f'account {mail.user_id}'}",
        f"Subject: {mail.subject or '(not written yet)'}",
    ]
    if mail.last_error:
        lines.append(f"Last error: {mail.last_error}")
    if mail.letter:
        lines += ["", indent(mail.letter.text.rstrip(), "    ")]
    return lines


def mails_arguments(parser: argparse.ArgumentParser) -> None:
    """How many mails, and to whom."""
    parser.add_argument("--last", type=int, default=LAST, metavar="N", help=f"the newest N; default {LAST}")
    parser.add_argument("--to", metavar="ADDRESS", help="only to this address")


async def show_public_key(service: Service, _arguments: argparse.Namespace) -> int:
    """Print what auth seals the secrets of mail to."""
    print(service.deps.settings.mail_keys[0].sealing.hex)
    return 0


def audit_arguments(parser: argparse.ArgumentParser) -> None:
    """What is to be done with it."""
    parser.add_argument("action", choices=("verify", "anchors", "export"))
    parser.add_argument(
        "--anchor",
        action="append",
        default=[],
        dest="anchors",
        type=_known,
        metavar="POSITION:HASH",
        help="with verify: what was kept elsewhere; may be repeated",
    )
    parser.add_argument(
        "--anchors-file", type=Path, metavar="FILE", help="with verify: as `anchors` printed them, a JSON object a line"
    )
    parser.add_argument("--before", type=date.fromisoformat, metavar="DAY", help="with anchors: only of days before this one")


async def look_at_audit(service: Service, arguments: argparse.Namespace) -> int:
    """Check the audit, show its anchors, or export it."""
    return await {"verify": _verify, "anchors": _anchors, "export": _export}[arguments.action](service, arguments)


async def _verify(service: Service, arguments: argparse.Namespace) -> int:
    try:
        known = [*arguments.anchors, *(_in_file(arguments.anchors_file) if arguments.anchors_file else ())]
    except (OSError, ValueError) as error:
        print(f"The anchors cannot be read: {error}", file=sys.stderr)
        return 2
    seen, count = Verified(Head(), Head()), 0
    async for fault in verify(service.deps, known, seen):
        count += 1
        where = f"position {fault.position}" if fault.position is not None else "no position"
        print(f"{fault.kind}: {where}{f', entry {fault.entry_id}' if fault.entry_id else ''}: {fault.meaning}")
    waiting = f"; {seen.waiting} wait for their place" if seen.waiting else ""
    print(f"{seen.entries} entries from position {seen.begins.position + 1} to {seen.head.position}{waiting}.")
    print(f"Head: {seen.head.position}:{seen.head.hash}")
    print(f"{count} things are not as they were written." if count else "All is as it was written.")
    return 1 if count else 0


async def _anchors(service: Service, arguments: argparse.Namespace) -> int:
    async with service.work.read() as connection:
        found = await audit_chain.anchors_before(connection, arguments.before, MOST_ANCHORS)
    for one in reversed(found):
        print(json.dumps({"day": one.day.isoformat(), "position": one.position, "hash": one.hash}))
    return 0


async def _export(service: Service, _arguments: argparse.Namespace) -> int:
    wanted = Wanted()
    until = await begin_export(service.deps, of_shell(), wanted)
    async for piece in lines(service.deps, wanted, until):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    return 0


def _known(text: str) -> Known:
    position, _, digest = text.partition(":")
    if not position.isdecimal() or len(digest) != HASH_LENGTH:
        raise argparse.ArgumentTypeError("an anchor is a position, a colon, and 64 hexadecimal digits")
    return Known(int(position), digest.lower())


def _in_file(path: Path) -> list[Known]:
    found = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    try:
        return [Known(int(one["position"]), str(one["hash"])) for one in found]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} holds a line without position and hash") from error


_ACTS = {"check": check_figures, "rebuild": rebuild_figures, "anew": learn_anew, "settle": settle_figures}


async def mend_figures(service: Service, arguments: argparse.Namespace) -> int:
    """Compare or make anew what is kept of usage; says what changed."""
    try:
        changed = await _ACTS[arguments.act](service.deps)
    except NotNow as error:
        print(error, file=sys.stderr)
        return 1
    if changed is None:
        print("Now tell the snapshots of auth and files, wait until the queues are empty, and settle.")
        return 0
    for series, count in changed.items():
        print(f"{count} figures of {series} {'would change' if arguments.act == 'check' else 'changed'}")
    print(f"{sum(changed.values())} figures in all.")
    return 0


def analytics_arguments(parser: argparse.ArgumentParser) -> None:
    """What is to be done."""
    parser.add_argument(
        "act",
        choices=tuple(_ACTS),
        help="check: what would rebuild change; rebuild: by what is kept of facts; anew, settle: by snapshots, in two steps",
    )


EXTRAS = {
    "analytics": Extra(mend_figures, "check or rebuild the usage figures", analytics_arguments),
    "audit": Extra(look_at_audit, "check the audit against its chain, show its anchors, or export it", audit_arguments),
    "mails": Extra(show_mails, "show mail that was sent or waits, with its text", mails_arguments),
    "public-key": Extra(show_public_key, "print the public half of the key for secrets of mail"),
}

if __name__ == "__main__":
    sys.exit(main(Program("coffer_notifier", NotifierSettings, build, EXTRAS)))
