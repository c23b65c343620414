"""Hands mail to a provider, as whole messages: to SES (API v2, SendEmail with raw content), or to a server that speaks SMTP."""

import asyncio
import re
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any, Literal

from botocore.exceptions import ClientError

from coffer_notifier.handlers.deps import MailRefused

_FINAL = frozenset({"BadRequestException", "InvalidParameterValue", "ValidationException", "NotFoundException"})
"""Asking the same again will not help. A refused sender may be verified any moment, so `MessageRejected` is none of them."""


class SesPost:
    """The provider behind a client of `aws.open_mail_client`."""

    def __init__(self, client: Any, sender: str) -> None:
        self._client = client
        self._sender = sender

    async def send(self, mail: bytes, *, to: str) -> str:
        """See Post. The provider may put a Message-ID of its own in place of ours; its answer names that one."""
        try:
            answer = await self._client.send_email(
                FromEmailAddress=self._sender, Destination={"ToAddresses": [to]}, Content={"Raw": {"Data": mail}}
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _FINAL:
                raise MailRefused(str(error)) from error
            raise
        return str(answer["MessageId"])


STEP_SECONDS = 10.0
"""How long each step of a conversation with a server may take. There are about ten: together less than the lease of a mail."""
ANSWER_LENGTH = 200

_POLICY = re.compile(r"^5\.7\.\d")
"""Enhanced status of what a server does not allow us (RFC 3463 section 3.8): somebody may mend that, so it is tried again."""

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where a server is, and how it is spoken to. `none` sends everything readable, and no password."""

    host: str
    port: int
    security: Security = "starttls"
    username: str | None = None
    password: str | None = None


class SmtpNotTaken(Exception):
    """A server did not take a mail, for now."""


class SmtpPost:
    """A server that takes mail (RFC 5321), one conversation for each. It is not tried in a way less safe than it is set to."""

    def __init__(
        self, server: SmtpServer, sender: str, *, step_seconds: float = STEP_SECONDS, trust: ssl.SSLContext | None = None
    ) -> None:
        self._server = server
        self._sender = parseaddr(sender)[1]
        self._step_seconds = step_seconds
        self._trust = trust or ssl.create_default_context()

    async def send(self, mail: bytes, *, to: str) -> str:
        """See Post. What is answered is what the server said when it took the mail."""
        return await asyncio.to_thread(self._send, mail, to)

    def _send(self, mail: bytes, to: str) -> str:
        smtp = self._connect()
        try:
            self._enter(smtp)
            code, said = smtp.mail(self._sender)
            if code >= 300:  # what is refused is the sender, who is no less right for the next mail
                raise SmtpNotTaken(_told(code, said))
            _require(*smtp.rcpt(to))
            code, said = _data(smtp, mail)
            _require(code, said)
            # It has it: whatever comes now, it must not be sent again.
            with suppress(smtplib.SMTPException, OSError):
                smtp.quit()
            return _told(code, said)
        finally:
            smtp.close()

    def _connect(self) -> smtplib.SMTP:
        server, timeout = self._server, self._step_seconds
        if server.security == "tls":
            return smtplib.SMTP_SSL(server.host, server.port, timeout=timeout, context=self._trust)
        return smtplib.SMTP(server.host, server.port, timeout=timeout)

    def _enter(self, smtp: smtplib.SMTP) -> None:
        server = self._server
        if server.security == "starttls":
            smtp.starttls(context=self._trust)  # raises if it is not offered: somebody may have taken the offer away
        if server.username is not None and server.password is not None:
            smtp.login(server.username, server.password)


def _data(smtp: smtplib.SMTP, mail: bytes) -> tuple[int, bytes]:
    try:
        return smtp.data(mail)
    except smtplib.SMTPDataError as error:
        said = error.smtp_error
        return error.smtp_code, said if isinstance(said, bytes) else said.encode()


def _require(code: int, said: bytes) -> None:
    if code < 300:
        return
    if code >= 500 and not _POLICY.match(said.decode("ascii", "replace")):
        raise MailRefused(_told(code, said))
    raise SmtpNotTaken(_told(code, said))


def _told(code: int, said: bytes) -> str:
    return f"{code} {' '.join(said.decode('utf-8', 'replace').split())}"[:ANSWER_LENGTH]
