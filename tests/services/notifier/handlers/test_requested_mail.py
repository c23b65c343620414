"""Mail that auth asks for in private: sent once, in time, with a working link, and nothing of its secret is left behind."""

import io
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any
from urllib.parse import unquote

import pytest
import structlog

from coffer_chassis import logs
from coffer_chassis.handling import Reject
from coffer_chassis.sealing import OpeningKey
from coffer_contracts.auth_mail import EMAIL_CHANGED, EMAIL_TAKEN, RESET_PASSWORD, VERIFY_EMAIL, MailRequestedV1
from coffer_contracts.event import Envelope
from coffer_notifier.domain.letters_account import PLACES
from coffer_notifier.handlers.deps import MailRefused
from factories.notifier import MAIL_KEY, Notifier, notifier_on
from factories.private import asked_by_auth
from factories.telling import registered, told, user_id

SECRET = "Zm9v.bar-baz_/+="


class Asked:
    """A mail that somebody new needs, and what became of it."""

    def __init__(self, notifier: Notifier, kind: str = VERIFY_EMAIL, *, minutes: float = 30, **changes: Any) -> None:
        self.user = user_id()
        self.address = f"maria.{self.user[-12:]}@example.org"
        secret = SECRET if kind in {VERIFY_EMAIL, RESET_PASSWORD} else None
        self.command = asked_by_auth(
            changes.pop("key", MAIL_KEY).sealing,
            self.user,
            kind,
            address=changes.pop("to", self.address),
            secret=changes.pop("secret", secret),
            expires_at=notifier.clock.now() + timedelta(minutes=minutes),
            **changes,
        )
        self.envelope: Envelope[MailRequestedV1] = told(self.command, source="/auth")

    async def row(self, notifier: Notifier) -> Any:
        (row,) = await notifier.rows("SELECT * FROM mails WHERE user_id = :user", user=self.user)
        return row

    def sent(self, notifier: Notifier) -> list[Any]:
        return [message_from_bytes(mail, policy=default) for to, mail in notifier.post.sent if to == self.command.address]


def text_of(mail: Any, kind: str = "plain") -> str:
    text: str = mail.get_body((kind,)).get_content()
    return text.replace("\r\n", "\n")


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """All log lines of the test."""
    stream = io.StringIO()
    before = structlog.get_config()
    logs.configure(level="DEBUG", stream=stream, console=False, cached=False)
    yield stream
    structlog.configure(**before)


@pytest.mark.parametrize("kind", [VERIFY_EMAIL, RESET_PASSWORD])
async def test_a_mail_carries_a_link_with_the_secret_in_its_fragment(notifier: Notifier, kind: str) -> None:
    asked = Asked(notifier, kind)
    await notifier.handle(asked.envelope)
    await notifier.post_all()
    (mail,) = asked.sent(notifier)
    assert mail["To"] == asked.address
    for part in ("plain", "html"):
        before, _, after = text_of(mail, part).partition(f"https://coffer.example.org{PLACES[kind]}#token=")
        assert "token" not in before
        token = after.split()[0].split('"')[0]
        assert unquote(token) == SECRET
        assert "/" not in token


@pytest.mark.parametrize("kind", [EMAIL_TAKEN, EMAIL_CHANGED])
async def test_a_mail_that_only_tells_something_carries_none(notifier: Notifier, kind: str) -> None:
    asked = Asked(notifier, kind)
    await notifier.handle(asked.envelope)
    await notifier.post_all()
    (mail,) = asked.sent(notifier)
    assert f"https://coffer.example.org{PLACES[kind]}\n" in text_of(mail)
    assert "#" not in text_of(mail)


async def test_it_goes_to_the_address_in_the_command_whatever_the_account_has(notifier: Notifier) -> None:
    asked = Asked(notifier, EMAIL_CHANGED)
    await notifier.handle(registered(asked.user, f"other{asked.user[-12:]}", status="suspended"), asked.envelope)
    await notifier.post_all()
    assert len(asked.sent(notifier)) == 1
    assert (await asked.row(notifier)).to_address == asked.address


@pytest.mark.parametrize(
    ("locale", "greeting", "title"),
    [
        ("en", "Hello Maria Lind,", "Set a new password"),
        ("de-AT", "Hallo Maria Lind,", "Neues Passwort festlegen"),
        ("DE", "Hallo Maria Lind,", "Neues Passwort festlegen"),
        ("tlh", "Hello Maria Lind,", "Set a new password"),
        ("", "Hello Maria Lind,", "Set a new password"),
    ],
)
async def test_it_is_written_in_the_language_of_the_account(notifier: Notifier, locale: str, greeting: str, title: str) -> None:
    asked = Asked(notifier, RESET_PASSWORD, locale=locale)
    await notifier.handle(asked.envelope)
    await notifier.post_all()
    (mail,) = asked.sent(notifier)
    assert mail["Subject"] == title
    assert text_of(mail).startswith(greeting)


async def test_the_same_command_makes_one_mail_however_often_it_comes(notifier: Notifier) -> None:
    asked = Asked(notifier)
    await notifier.handle(asked.envelope, asked.envelope)
    await notifier.post_all()
    await notifier.forget_inbox()
    await notifier.handle(asked.envelope)
    await notifier.post_all()
    assert len(asked.sent(notifier)) == 1


async def test_the_secret_lies_sealed_until_the_mail_is_sent_and_then_nothing_of_it_is_left(notifier: Notifier) -> None:
    asked = Asked(notifier)
    await notifier.handle(asked.envelope)
    waiting = await asked.row(notifier)
    assert waiting.data["sealed"] == asked.command.sealed
    assert SECRET not in repr(waiting)
    notifier.post.failures = [ConnectionError("away")]
    await notifier.post_all()
    tried = await asked.row(notifier)
    assert (tried.state, tried.text, tried.html) == ("queued", None, None)
    notifier.clock.advance(minutes=5)
    await notifier.post_all()
    row = await asked.row(notifier)
    assert (row.state, row.data, row.text, row.html) == ("sent", {}, None, None)
    assert len(asked.sent(notifier)) == 1


async def test_every_attempt_goes_out_under_the_same_id(notifier: Notifier) -> None:
    asked = Asked(notifier)
    await notifier.handle(asked.envelope)
    notifier.post.after_sending = [ConnectionError("no answer")]
    await notifier.post_all()
    notifier.clock.advance(minutes=5)
    await notifier.post_all()
    first, second = asked.sent(notifier)
    assert first["Message-ID"] == second["Message-ID"]


async def test_what_has_expired_is_not_sent_any_more(notifier: Notifier) -> None:
    asked = Asked(notifier, RESET_PASSWORD, minutes=30)
    await notifier.handle(asked.envelope)
    notifier.post.failures = [ConnectionError("away")]
    await notifier.post_all()
    notifier.clock.advance(minutes=30)
    await notifier.post_all()
    row = await asked.row(notifier)
    assert asked.sent(notifier) == []
    assert (row.state, row.last_error, row.data) == ("failed", "expired", {})


async def test_one_that_is_given_up_leaves_nothing_behind_either(notifier: Notifier) -> None:
    asked = Asked(notifier)
    await notifier.handle(asked.envelope)
    notifier.post.failures = [MailRefused(f"Illegal content: {SECRET}")]
    await notifier.post_all()
    row = await asked.row(notifier)
    assert (row.state, row.data) == ("failed", {})
    assert SECRET not in repr(row)


async def test_an_address_that_mail_cannot_carry_is_given_up(notifier: Notifier) -> None:
    asked = Asked(notifier, to="maria lind@example.org")
    await notifier.handle(asked.envelope)
    await notifier.post_all()
    assert (await asked.row(notifier)).last_error == "address_unusable"


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "eve@example.org"},
        {"kind": RESET_PASSWORD},
        {"user_id": user_id()},
        {"mail_id": user_id()},
        {"sealed": "abc.def"},
        {"sealed": None},
        {"kind": EMAIL_TAKEN},
    ],
    ids="-".join,
)
async def test_a_secret_that_was_put_into_another_command_is_refused(notifier: Notifier, changes: dict[str, Any]) -> None:
    asked = Asked(notifier)
    moved = told(asked.command.model_copy(update=changes), source="/auth")
    with pytest.raises(Reject) as refusal:
        await notifier.handle(moved)
    assert str(asked.command.sealed) not in str(refusal.value)
    assert await notifier.rows("SELECT 1 FROM mails WHERE user_id = :user", user=moved.data.user_id) == []


async def test_a_secret_that_lives_longer_than_it_was_sealed_for_is_refused(notifier: Notifier) -> None:
    asked = Asked(notifier)
    longer = asked.command.model_copy(update={"expires_at": asked.command.expires_at + timedelta(days=1)})
    with pytest.raises(Reject):
        await notifier.handle(told(longer, source="/auth"))


async def test_a_kind_of_a_later_release_is_left_aside(notifier: Notifier) -> None:
    asked = Asked(notifier, "goodbye", secret=None)
    await notifier.handle(asked.envelope)
    assert await notifier.rows("SELECT 1 FROM mails WHERE user_id = :user", user=asked.user) == []


async def test_the_key_before_still_opens_what_is_on_its_way(store_url_of_notifier: str) -> None:
    new = "33" * 32
    async with notifier_on(store_url_of_notifier, mail_private_key=new, mail_previous_private_key="00" * 32) as notifier:
        for key in (MAIL_KEY, OpeningKey.of_hex(new)):
            asked = Asked(notifier, key=key)
            await notifier.handle(asked.envelope)
            await notifier.post_all()
            assert len(asked.sent(notifier)) == 1


async def test_a_mail_whose_key_is_gone_waits_for_it(store_url_of_notifier: str) -> None:
    async with notifier_on(store_url_of_notifier) as notifier:
        asked = Asked(notifier)
        await notifier.handle(asked.envelope)
        async with notifier_on(store_url_of_notifier, mail_private_key="33" * 32) as changed:
            await changed.post_all()
            assert asked.sent(changed) == []
            row = await asked.row(notifier)
            assert (row.state, row.attempts) == ("queued", 0)
        notifier.clock.advance(minutes=2)
        await notifier.post_all()
        assert len(asked.sent(notifier)) == 1


async def test_no_log_line_and_no_page_for_people_has_the_secret(notifier: Notifier, lines: io.StringIO) -> None:
    for failure in (MailRefused(SECRET), ValueError(SECRET), ConnectionError(SECRET), None):
        asked = Asked(notifier)
        await notifier.handle(asked.envelope)
        notifier.post.failures = [failure] if failure else []
        await notifier.post_all()
        written = lines.getvalue()
        assert SECRET not in written
        assert str(asked.command.sealed) not in written
        assert asked.address not in written
    assert "mail_not_sent" in lines.getvalue()
    for table in ("mails", "notices", "stream", "activity", "audit_entries"):
        for row in await notifier.rows(f"SELECT * FROM {table}"):  # names of this test
            assert SECRET not in repr(row)
