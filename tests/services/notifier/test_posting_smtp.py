"""Mail through a server that speaks SMTP: what arrives there, which refusals are final, and nothing is sent less safely."""

import smtplib
import ssl
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from coffer_notifier.domain.letters import mime_of
from coffer_notifier.domain.letters_share import ShareNews, share_letter
from coffer_notifier.handlers.deps import MailRefused
from coffer_notifier.posting import Security, SmtpNotTaken, SmtpPost, SmtpServer
from factories.events import NOON
from factories.notifier import notifier_on, settings
from factories.smtp import MailServer, mail_server
from factories.telling import Share, drive, registered, user_id

SENDER = "Coffer <coffer@example.org>"
URL = "postgresql+asyncpg://u:p@h/d"


def mail(message: str | None = "Look") -> bytes:
    news = ShareNews("Böb", "Ann", "ann", "Æøå 🌅", "folder", "editor", message, NOON, "https://x.example/app/items/1")
    return mime_of(share_letter("bob@example.org", news), sender=SENDER, message_id="<1@x.example>", at=NOON)


def post_to(server: MailServer, trust: ssl.SSLContext | None, security: Security = "starttls", **more: Any) -> SmtpPost:
    place = SmtpServer("127.0.0.1", server.port, security, more.pop("username", None), more.pop("password", None))
    return SmtpPost(place, SENDER, trust=trust, **more)


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
async def test_a_mail_arrives_as_it_was_written(tmp_path: Path, security: Security) -> None:
    server, written = MailServer(), mail(".\n..\n.dots")
    async with mail_server(server, tmp_path, tls=security == "tls") as trust:
        told = await post_to(server, trust, security).send(written, to="bob@example.org")
    assert told == "250 2.0.0 queued as 1"
    [(sender, to, content)] = server.mails
    assert (sender, to, content) == ("coffer@example.org", "bob@example.org", written)
    assert server.was_secure == (security != "none")
    assert server.verbs[-1] == "QUIT"


async def test_signs_in_after_tls_only_and_with_what_is_set(tmp_path: Path) -> None:
    server = MailServer(accounts={"coffer": "a word"})
    async with mail_server(server, tmp_path) as trust:
        await post_to(server, trust, username="coffer", password="a word").send(mail(), to="bob@example.org")
        assert server.signed_in == "coffer"
        assert server.verbs.index("STARTTLS") < server.verbs.index("AUTH")
        with pytest.raises(smtplib.SMTPAuthenticationError):
            await post_to(server, trust, username="coffer", password="another").send(mail(), to="bob@example.org")
    assert len(server.mails) == 1


async def test_a_server_that_offers_no_tls_gets_neither_password_nor_mail(tmp_path: Path) -> None:
    server = MailServer(offers_tls=False, accounts={"coffer": "a word"})
    async with mail_server(server, tmp_path) as trust:
        with pytest.raises(smtplib.SMTPNotSupportedError):
            await post_to(server, trust, username="coffer", password="a word").send(mail(), to="bob@example.org")
    assert set(server.verbs) == {"EHLO"}


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_server_that_nobody_vouches_for_gets_nothing(tmp_path: Path, security: Security) -> None:
    server = MailServer()
    async with mail_server(server, tmp_path, tls=security == "tls"):
        with pytest.raises(ssl.SSLCertVerificationError):
            await post_to(server, None, security).send(mail(), to="bob@example.org")
    assert not {"MAIL", "RCPT", "DATA"} & set(server.verbs)


@pytest.mark.parametrize(
    ("verb", "answer", "is_final"),
    [
        ("RCPT", "550 5.1.1 no such mailbox", True),
        ("RCPT", "553 not here", True),
        ("RCPT", "554 5.7.1 relay access denied", False),
        ("RCPT", "450 4.2.0 greylisted", False),
        ("RCPT", "451 later", False),
        ("MAIL", "550 5.1.8 we do not know you", False),
        ("DATA", "554 5.5.1 no valid recipients", True),
        ("CONTENT", "552 5.3.4 too big", True),
        ("CONTENT", "550 5.7.1 looks like spam", False),
        ("CONTENT", "451 4.3.0 disk full", False),
    ],
)
async def test_which_refusals_are_final(tmp_path: Path, verb: str, answer: str, is_final: bool) -> None:
    server = MailServer(answers={verb: answer})
    async with mail_server(server, tmp_path) as trust:
        with pytest.raises(MailRefused if is_final else SmtpNotTaken) as refused:
            await post_to(server, trust).send(mail(), to="bob@example.org")
    assert str(refused.value) == answer
    assert server.mails == []


async def test_what_was_taken_is_not_sent_again_whatever_is_said_at_the_end(tmp_path: Path) -> None:
    for server in (MailServer(answers={"QUIT": "500 what"}), MailServer(hangs_at="QUIT")):
        async with mail_server(server, tmp_path) as trust:
            assert await post_to(server, trust, step_seconds=3).send(mail(), to="bob@example.org")
        assert len(server.mails) == 1


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT", "DATA"])
async def test_a_server_that_hangs_is_given_up(tmp_path: Path, verb: str) -> None:
    server = MailServer(hangs_at=verb)
    async with mail_server(server, tmp_path) as trust:
        with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
            await post_to(server, trust, step_seconds=0.3).send(mail(), to="bob@example.org")
    assert server.mails == []


async def test_a_share_goes_all_the_way_to_a_server(tmp_path: Path, store_url_of_notifier: str) -> None:
    server, bob = MailServer(), user_id()
    name = f"bob{bob[-12:]}"
    share = Share(drive(user_id()).below("Plans", "folder"), bob)
    async with (
        mail_server(server, tmp_path) as trust,
        notifier_on(store_url_of_notifier, mail_transport="smtp", smtp_host="h") as it,
    ):
        object.__setattr__(it.deps, "post", post_to(server, trust))
        await it.handle(registered(bob, name), share.granted(), share.created(notify=True))
        server.answers["RCPT"] = "450 later"
        await it.post_all()
        [row] = await it.rows("SELECT state, last_error FROM mails WHERE user_id = :bob", bob=bob)
        assert (row.state, row.last_error) == ("queued", "SmtpNotTaken: 450 later")
        del server.answers["RCPT"]
        it.clock.advance(minutes=5)
        await it.post_all()
        [row] = await it.rows("SELECT state, ses_id FROM mails WHERE user_id = :bob", bob=bob)
    [(_, to, content)] = server.mails
    assert (row.state, row.ses_id, to) == ("sent", "250 2.0.0 queued as 1", f"{name}@example.org")
    read: Any = message_from_bytes(content, policy=default)
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert read["Message-ID"].endswith("@coffer.example.org>")


@pytest.mark.parametrize(
    "changes",
    [
        {"mail_transport": "smtp"},
        {"mail_transport": "pigeon"},
        {"smtp_username": "coffer"},
        {"smtp_password": "a word"},
        {"smtp_host": "h", "smtp_security": "none", "smtp_username": "coffer", "smtp_password": "a word"},
        {"unsubscribe_key": "short"},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused_at_start(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(URL, **changes)


def test_a_password_is_not_shown_with_the_settings() -> None:
    known = settings(URL, mail_transport="smtp", smtp_host="h", smtp_username="coffer", smtp_password="very secret")
    assert "very secret" not in repr(known)
