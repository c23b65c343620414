"""The mail of a local run: nothing carries it any further, so it is laid into the data folder, where its owner can open it."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from coffer_chassis import metrics
from coffer_local.home import write_private

COLLECT_SECONDS = 2
KEPT = 200
"""Mails in the folder; older ones go."""

Sent = Callable[[], Awaitable[list[dict[str, Any]]]]


class Letterbox:
    """Lays what the local cloud was given to send into a folder, one file each that any mail program opens.

    The files hold links that open accounts, so they are for the owner of the data folder only, as all of it is.
    """

    def __init__(self, folder: Path, sent: Sent, *, own_notifier: bool = True) -> None:
        """`sent` answers with all mail since the cloud's start, the oldest first, as the local cloud lists it.

        Without a notifier in this process nothing tells when there is new mail, so it is looked for every time.
        """
        self._folder = folder
        self._sent = sent
        self._own_notifier = own_notifier
        self._count: float | None = None
        self._laid: set[str] = set()

    async def collect(self) -> int:
        """Lay down what is new; how many. May run twice, and after a start that remembers mail of the one before."""
        count = metrics.registry.get_sample_value("coffer_mails_total", {"outcome": "sent"}) or 0.0
        # All mail comes with every answer, so it is asked for only when some was sent.
        if self._own_notifier and count == self._count:
            return 0
        fresh = [mail for mail in (await self._sent())[-KEPT:] if mail["MessageId"] not in self._laid]
        await asyncio.to_thread(self._lay, fresh)
        self._count = count
        return len(fresh)

    def _lay(self, mails: list[dict[str, Any]]) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for mail in mails:
            path = self._folder / name_of(mail)
            if not path.exists():
                write_private(path, letter_of(mail))
            self._laid.add(mail["MessageId"])
        for old in sorted(self._folder.glob("*.eml"))[:-KEPT]:
            old.unlink(missing_ok=True)


def name_of(mail: Mapping[str, Any]) -> str:
    """The name of a mail's file: by time, then to whom. Whatever the address holds, it leads to no other folder."""
    to = re.sub(r"[^\w@.+-]", "_", ",".join(mail["To"]))[:80]
    own = hashlib.sha256(mail["MessageId"].encode()).hexdigest()[:12]
    return f"{_time_of(mail):%Y-%m-%dT%H-%M-%S} {to} {own}.eml"


def letter_of(mail: Mapping[str, Any]) -> bytes:
    """The mail as a message of RFC 5322, its text and HTML as alternatives."""
    letter = EmailMessage(policy=policy.SMTPUTF8)
    for header, value in (("From", mail["Source"]), ("To", ", ".join(mail["To"])), ("Subject", mail["Subject"])):
        letter[header] = " ".join(str(value).split())
    letter["Date"] = format_datetime(_time_of(mail))
    # As it is: quoted-printable would break links apart for whoever looks at the file itself.
    letter.set_content(mail["BodyText"] or "", cte="8bit")
    if mail.get("BodyHtml"):
        letter.add_alternative(mail["BodyHtml"], subtype="html", cte="8bit")
    return letter.as_bytes()


def _time_of(mail: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(mail["Timestamp"], tz=UTC)
