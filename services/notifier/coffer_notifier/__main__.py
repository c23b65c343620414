"""`python -m coffer_notifier serve|api|consume|relay|migrate|mails|public-key|...`"""

import argparse
import sys
from textwrap import indent

from coffer_chassis.commands import Extra, Program, main
from coffer_chassis.service import Service
from coffer_contracts.event import rfc3339
from coffer_notifier.app import build
from coffer_notifier.settings import NotifierSettings
from coffer_notifier.store.mails import Mail, latest

LAST = 10


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


EXTRAS = {
    "mails": Extra(show_mails, "show mail that was sent or waits, with its text", mails_arguments),
    "public-key": Extra(show_public_key, "print the public half of the key for secrets of mail"),
}

if __name__ == "__main__":
    sys.exit(main(Program("coffer_notifier", NotifierSettings, build, EXTRAS)))
