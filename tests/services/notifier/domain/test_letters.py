"""What mail says, whatever people call themselves and their files."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coffer_chassis.access import ROLES, Rights
from coffer_notifier.domain.letters import (
    NAME_LENGTH,
    SUBJECT_LENGTH,
    Letter,
    clean,
    mime_of,
    usable_address,
)
from coffer_notifier.domain.letters_share import ShareNews, share_letter

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOSTILE = [
    "Ann\r\nBcc: everybody@example.org",
    "Ann\nBcc: everybody@example.org\n\nHello",
    "\r\n\r\n<html>",
    "=?utf-8?q?=0d=0aBcc:_x@example.org?=",
    "Ann\u2028Bcc: x@example.org",
    "Ann\x0bBcc: x\x0c\x1c\x1d\x1e\x85",
    "\u202egpj.exe",
    "\x00\x07",
    "<script>alert(1)</script>",
    '"Ann" <ann@bank.example>',
    "a" * 5000,
    "é" * 5000,
    "\U0001f409" * 300,
    " ",
]


def news(**changes: Any) -> ShareNews:
    values: dict[str, Any] = {
        "recipient_name": "Bob",
        "sharer_name": "Ann",
        "sharer_username": "ann",
        "item_name": "Plans",
        "item_kind": "folder",
        "role": "viewer",
        "message": None,
        "expires_at": None,
        "link": "https://coffer.example.org/app/items/1",
    }
    return ShareNews(**{**values, **changes})


def parsed(letter: Letter, sender: str = "Coffer <coffer@example.org>") -> EmailMessage:
    raw = mime_of(letter, sender=sender, message_id="<1@coffer.example.org>", at=NOON)
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998, "RFC 5322 section 2.1.1"
    read = message_from_bytes(raw, policy=default)
    assert isinstance(read, EmailMessage)
    return read


def test_says_who_shared_what_and_what_one_may_do_until_when() -> None:
    letter = share_letter("bob@example.org", news(role="editor", message="Have a look:\nbelow", expires_at=NOON))
    assert letter.subject == "Ann (ann) shared “Plans” with you"
    assert "Ann (ann) shared a folder with you: “Plans”." in letter.text
    assert "change it until 20 November 2026, 12:00 UTC." in letter.text
    assert "> Have a look:\n> below" in letter.text
    assert "Have a look:<br>below" in letter.html
    assert 'href="https://coffer.example.org/app/items/1"' in letter.html


@pytest.mark.parametrize(("role", "rights"), ROLES.items())
def test_every_role_is_told_as_what_it_allows(role: str, rights: Rights) -> None:
    text = share_letter("bob@example.org", news(role=role)).text
    assert ("change it" in text, "remove it" in text) == (Rights.WRITE in rights, Rights.DELETE in rights)


def test_is_text_and_html_side_by_side_with_a_stable_id() -> None:
    mail = parsed(share_letter("bob@example.org", news()))
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail["Message-ID"] == "<1@coffer.example.org>"
    assert mail["To"] == "bob@example.org"
    assert mail["From"] == "Coffer <coffer@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == NOON


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
@pytest.mark.parametrize("field", ["recipient_name", "sharer_name", "sharer_username", "item_name", "message"])
def test_no_name_breaks_out_of_its_place(name: str, field: str) -> None:
    letter = share_letter("bob@example.org", news(**{field: name}))
    mail = parsed(letter)
    assert set(mail.keys()) == {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
    }
    assert mail["To"] == "bob@example.org"
    assert mail["From"] == "Coffer <coffer@example.org>"
    assert len(letter.subject) <= SUBJECT_LENGTH
    assert "<script" not in letter.html
    assert letter.html.count("<html") == 1
    assert not set(letter.subject + letter.text) & set("\u202e\u2028\x00\x07\x85\r")
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


@given(st.text(), st.text(), st.text())
@example("00000¡¡¡¡¡¡𐀀𐀀𐀀", "", "")
def test_any_text_at_all_makes_a_mail_that_reads_as_it_was_written(sharer: str, item: str, message: str) -> None:
    letter = share_letter("bob@example.org", news(sharer_name=sharer, item_name=item, message=message))
    mail = parsed(letter)
    assert str(mail["Subject"]).split() == letter.subject.split()
    text, _ = mail.iter_parts()
    assert text.get_content().replace("\r\n", "\n") == letter.text


@given(st.text(max_size=300))
def test_cleaned_text_is_one_line_of_bounded_length_and_cleaning_it_again_changes_nothing(text: str) -> None:
    once = clean(text, NAME_LENGTH)
    assert len(once) <= NAME_LENGTH
    assert len(once.splitlines()) <= 1
    assert clean(once, NAME_LENGTH) == once


@pytest.mark.parametrize(
    ("address", "usable"),
    [
        ("bob@example.org", "bob@example.org"),
        ("bob+tag@EXAMPLE.org", "bob+tag@EXAMPLE.org"),
        ("bob@bücher.example", "bob@xn--bcher-kva.example"),
        ("bob", None),
        ("@example.org", None),
        ("bob@", None),
        ("böb@example.org", None),
        ("bob@example.org\r\nBcc: x@example.org", None),
        ("bob@example.org,eve@example.org", None),
        ("bob smith@example.org", None),
        ("<bob@example.org>", None),
        (f"{'b' * 300}@example.org", None),
        ("bob@" + "x" * 70 + ".org", None),
        ("bob@..", None),
        ("bob@example.org@eve.example", None),
        ("bob@example.org:25", None),
        ("bob@\u2024example.org", None),
    ],
)
def test_only_addresses_that_mail_can_carry_are_used(address: str, usable: str | None) -> None:
    assert usable_address(address) == usable
    if usable:
        assert parsed(share_letter(usable, news()))["To"] == usable
