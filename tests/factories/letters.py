"""Mail as a local stack lays it down for whoever started it."""

import contextlib
import re
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from factories.stacks import LocalStack


def letters(stack: LocalStack) -> Iterator[EmailMessage]:
    """The newest first. Old ones are removed by the stack, also while they are read here."""
    for path in sorted((stack.home / "mail").glob("*.eml"), reverse=True):
        with contextlib.suppress(FileNotFoundError):
            mail: Any = message_from_bytes(path.read_bytes(), policy=policy.default)
            assert isinstance(mail, EmailMessage)
            yield mail


def link_to(stack: LocalStack, address: str, path: str, *, subject: str = "") -> str:
    """The path of the link, which fits the pattern `path`, in the newest such mail; waits for it."""
    deadline = time.monotonic() + 20
    while True:
        for mail in letters(stack):
            body = mail.get_body(("plain",))
            found = re.search(rf"https?://[^/\s]+({path})", body.get_content() if body else "")
            if mail["To"] and address in mail["To"] and subject in mail["Subject"] and found:
                return found[1]
        assert time.monotonic() < deadline, f"no mail to {address}"
        time.sleep(0.1)
