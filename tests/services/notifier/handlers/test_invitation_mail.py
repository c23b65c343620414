"""Mail to people whom somebody invited: once, sealed until it goes, in the inviter's language, and not after the invitation."""

from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from coffer_chassis.access import ROLES, Rights
from coffer_chassis.handling import Reject
from coffer_chassis.ids import new_id
from coffer_chassis.sealing import OpeningKey, seal
from coffer_contracts.ids import InvitationId, MailId
from coffer_contracts.sharing_invitations import InvitationWords, MailRequestedV1, invitation_context
from coffer_notifier.domain.audit_entries import entry_of
from coffer_notifier.domain.letters_invitation import InvitationNews, invitation_letter
from coffer_notifier.handlers.invitation_mail import ENDED, LONGEST
from factories.notifier import MAIL_KEY, Notifier
from factories.telling import invitation_ended, registered, told, user_id


class Invited:
    """Somebody whom a new person invites."""

    def __init__(self, notifier: Notifier, *, key: OpeningKey = MAIL_KEY, minutes: float = 60, **words: Any) -> None:
        self.inviter = user_id()
        self.address = f"maria.{self.inviter[-12:]}@example.org"
        self.id, mail_id, now = InvitationId(new_id()), MailId(new_id()), notifier.clock.now()
        expires_at = now + timedelta(minutes=minutes)
        said: dict[str, Any] = {"address": self.address, "item_kind": "folder", "item_name": "Holiday", "role": "editor"}
        sealed = seal(
            key.sealing,
            InvitationWords(**{**said, **words}).model_dump_json().encode(),
            invitation_context(mail_id, self.id, self.inviter, expires_at),
        )
        self.command = MailRequestedV1(
            mail_id=mail_id, invitation_id=self.id, user_id=self.inviter, sealed=sealed, expires_at=expires_at
        )
        self.envelope = told(self.command, source="/sharing")
        self.ended = invitation_ended(self.inviter, self.id)

    def known(self, **more: Any) -> Any:
        """The fact about whoever invites."""
        return registered(self.inviter, f"ada{self.inviter[-12:]}", **more)

    async def row(self, notifier: Notifier) -> Any:
        (row,) = await notifier.rows("SELECT * FROM mails WHERE user_id = :user", user=self.inviter)
        return row

    def sent(self, notifier: Notifier) -> list[Any]:
        return [message_from_bytes(mail, policy=default) for to, mail in notifier.post.sent if to == self.address]


def text_of(mail: Any, kind: str = "plain") -> str:
    text: str = mail.get_body((kind,)).get_content()
    return text.replace("\r\n", "\n")


async def test_the_invited_read_who_wants_to_share_what_and_what_to_do(notifier: Notifier) -> None:
    invited = Invited(notifier, message="Look at\nthese.")
    await notifier.handle(invited.known(display_name="Ada"), invited.envelope)
    await notifier.post_all()
    (mail,) = invited.sent(notifier)
    name = f"Ada (ada{invited.inviter[-12:]})"
    assert (mail["To"], mail["Subject"]) == (invited.address, f"{name} wants to share something with you")
    text = text_of(mail)
    assert f"{name} wants to share a folder with you on Coffer at coffer.example.org: “Holiday”." in text
    assert "> Look at\n> these." in text
    assert "Make an account: https://coffer.example.org/app/register\n" in text


async def test_it_is_written_in_the_language_of_whoever_invites(notifier: Notifier) -> None:
    invited = Invited(notifier, item_kind="file")
    await notifier.handle(invited.known(locale="de-AT"), invited.envelope)
    await notifier.post_all()
    (mail,) = invited.sent(notifier)
    assert "eine Datei mit Ihnen teilen: „Holiday“" in text_of(mail)


@pytest.mark.parametrize(("role", "rights"), ROLES.items())
def test_every_role_is_promised_as_what_it_allows_in_every_language(role: Any, rights: Rights) -> None:
    for locale, change, remove in (("en", "change it", "remove it"), ("de", "Ändern", "Löschen")):
        news = InvitationNews("Ada", "ada", "folder", "Holiday", role, None, locale, "https://coffer.example.org")
        text = invitation_letter("maria@example.org", news).text
        assert (change in text, remove in text) == (Rights.WRITE in rights, Rights.DELETE in rights)


async def test_nothing_that_others_chose_becomes_markup_or_a_header(notifier: Notifier) -> None:
    evil = "<img src=x>\u202e=?utf-8?q?x=0d=0aBcc:_a=40b.c?= {place}"
    invited = Invited(notifier, item_name=evil, message=f"{evil}\r\nBcc: x@example.org")
    await notifier.handle(invited.known(display_name=evil), invited.envelope)
    await notifier.post_all()
    (mail,) = invited.sent(notifier)
    assert mail["Bcc"] is None
    html = text_of(mail, "html")
    assert "<img" not in html
    assert "\u202e" not in html + text_of(mail) + mail["Subject"]


async def test_twice_is_once_and_the_words_lie_sealed_until_then(notifier: Notifier) -> None:
    invited = Invited(notifier, message="secret plan")
    await notifier.handle(invited.known(), invited.envelope, invited.envelope)
    waiting = await invited.row(notifier)
    assert invited.address not in repr(waiting)
    assert "secret plan" not in repr(waiting)
    await notifier.forget_inbox()
    await notifier.handle(invited.envelope)
    await notifier.post_all()
    assert len(invited.sent(notifier)) == 1
    row = await invited.row(notifier)
    assert (row.state, row.data, row.text, row.html) == ("sent", {}, None, None)


@pytest.mark.parametrize("change", [{"display_name": "x", "status": "suspended"}, {"status": "deleted"}])
async def test_nobody_is_invited_in_the_name_of_an_account_that_is_shut(notifier: Notifier, change: dict[str, Any]) -> None:
    invited = Invited(notifier)
    await notifier.handle(invited.envelope)
    await notifier.post_all()
    assert (await invited.row(notifier)).state == "queued", "whoever invites may be heard of later"
    await notifier.handle(invited.known(**change))
    notifier.clock.advance(minutes=5)
    await notifier.post_all()
    assert invited.sent(notifier) == []
    assert ((await invited.row(notifier)).state, (await invited.row(notifier)).data) == ("failed", {})


async def test_what_was_taken_back_before_it_went_out_does_not_go_out(notifier: Notifier) -> None:
    invited = Invited(notifier)
    notifier.post.failures = [ConnectionError("away")]
    await notifier.handle(invited.known(), invited.envelope)
    await notifier.post_all()
    await notifier.handle(invited.ended, invited.ended)
    notifier.clock.advance(minutes=5)
    await notifier.post_all()
    row = await invited.row(notifier)
    assert (row.state, row.last_error, row.data) == ("failed", "no_longer_shared", {})
    assert invited.sent(notifier) == []


async def test_what_was_taken_back_before_the_mail_was_asked_for_is_not_sent_either(notifier: Notifier) -> None:
    """The two travel apart; and an operator may have a command tried again hours later, after keys were mended."""
    invited, other = Invited(notifier), Invited(notifier)
    await notifier.handle(invited.known(), other.known(), invited.ended)
    await notifier.handle(invited.envelope, other.envelope)
    await notifier.post_all()
    row = await invited.row(notifier)
    assert (row.state, row.last_error, row.data) == ("failed", "no_longer_shared", {})
    assert invited.sent(notifier) == []
    assert len(other.sent(notifier)) == 1


def test_the_end_of_an_invitation_is_called_as_the_audit_calls_it(notifier: Notifier) -> None:
    entry = entry_of(Invited(notifier).ended, new_id())
    assert entry is not None
    assert (entry.resource_type, entry.action) == ("invitation", ENDED)


async def test_what_has_expired_is_not_sent(notifier: Notifier) -> None:
    invited = Invited(notifier, minutes=10)
    await notifier.handle(invited.known(), invited.envelope)
    notifier.clock.advance(minutes=10)
    await notifier.post_all()
    assert invited.sent(notifier) == []
    assert (await invited.row(notifier)).last_error == "expired"


async def test_a_seal_to_another_key_is_refused_without_its_words(notifier: Notifier) -> None:
    invited = Invited(notifier, key=OpeningKey.of_hex("77" * 32))
    with pytest.raises(Reject) as refused:
        await notifier.handle(invited.envelope)
    assert invited.address not in str(refused.value)


async def test_the_longest_message_in_the_widest_letters_goes_out(notifier: Notifier) -> None:
    invited = Invited(notifier, item_name="😀" * 255, message="😀" * 2000)
    assert len(invited.command.sealed) < LONGEST
    await notifier.handle(invited.known(), invited.envelope)
    await notifier.post_all()
    assert len(invited.sent(notifier)) == 1
