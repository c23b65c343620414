"""Mail about accounts: everything is said in every language, durations are words, and names cannot break it."""

import re
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from coffer_contracts import auth_mail
from coffer_notifier.domain.letters import mime_of
from coffer_notifier.domain.letters_account import LANGUAGES, PLACES, AccountNews, account_letter, language_of
from coffer_notifier.domain.mails import INVITATION, PRIVATE_KINDS
from factories.events import NOON

KINDS = sorted(
    value for name, value in vars(auth_mail).items() if name.isupper() and isinstance(value, str) and name != "SEALED_KINDS"
)
HOSTILE = ["{place}", "{", "Maria\r\nBcc: x@example.org", "<script>alert(1)</script>", "\u202egpj", "a" * 5000, ""]


def news(**changes: Any) -> AccountNews:
    values: dict[str, Any] = {
        "kind": auth_mail.VERIFY_EMAIL,
        "name": "Maria Lind",
        "locale": "en",
        "public_url": "https://coffer.example.org",
        "secret": "abc",
        "lives_for": timedelta(hours=24),
    }
    return AccountNews(**{**values, **changes})


def test_every_kind_of_the_contract_has_a_place_and_is_private() -> None:
    assert set(KINDS) == set(PLACES) == PRIVATE_KINDS - {INVITATION}
    assert set(KINDS) > auth_mail.SEALED_KINDS


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_language_says_everything(code: str) -> None:
    language = LANGUAGES[code]
    assert set(language.mails) == set(PLACES)
    for kind, words in language.mails.items():
        assert words.subject
        assert words.link
        assert words.closing
        paragraphs = words.paragraphs(place="coffer.example.org", time="30")
        assert len(paragraphs) > 1
        assert "coffer.example.org" in " ".join(paragraphs)
        assert ("{time}" in words.body) == (kind in auth_mail.SEALED_KINDS), kind
        letter = account_letter("maria@example.org", news(kind=kind, locale=code))
        assert f'lang="{code}"' in letter.html
        assert not re.search(r"[{}]|\n[ \t]", letter.text)


def test_no_two_languages_say_the_same() -> None:
    for kind in PLACES:
        assert len({language.mails[kind].body for language in LANGUAGES.values()}) == len(LANGUAGES) > 1


@pytest.mark.parametrize(
    ("span", "english", "german"),
    [
        (timedelta(minutes=30), "30 minutes", "30 Minuten"),
        (timedelta(minutes=29, seconds=10), "30 minutes", "30 Minuten"),
        (timedelta(seconds=1), "one minute", "eine Minute"),
        (timedelta(0), "one minute", "eine Minute"),
        (timedelta(hours=23, minutes=59), "24 hours", "24 Stunden"),
        (timedelta(hours=36, minutes=1), "2 days", "2 Tage"),
        (timedelta(days=7), "7 days", "7 Tage"),
    ],
)
def test_how_long_a_link_is_good_is_said_in_words(span: timedelta, english: str, german: str) -> None:
    assert (LANGUAGES["en"].duration(span), LANGUAGES["de"].duration(span)) == (english, german)


@pytest.mark.parametrize(
    ("locale", "code"),
    [("de", "de"), ("de-CH-1996", "de"), ("de_DE", "de"), ("DE", "de"), ("den", "en"), ("", "en"), ("-", "en")],
)
def test_a_language_is_found_by_its_first_subtag(locale: str, code: str) -> None:
    assert language_of(locale) == code


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("code", LANGUAGES)
def test_whatever_people_call_themselves_it_is_one_mail_to_one_address(name: str, code: str) -> None:
    letter = account_letter("maria@example.org", news(name=name, locale=code))
    raw = mime_of(letter, sender="Coffer <coffer@example.org>", message_id="<1@coffer.example.org>", at=NOON)
    mail: Any = message_from_bytes(raw, policy=default)
    assert mail["To"] == "maria@example.org"
    assert mail["Bcc"] is None
    assert "<script>" not in letter.html
    assert "\u202e" not in letter.text + letter.html
    assert letter.text.count("#token=abc") == letter.html.count("#token=abc") == 1


def test_a_secret_cannot_leave_its_place_in_the_link() -> None:
    letter = account_letter("maria@example.org", news(secret='a"b <c>&d/e?f\nBcc: x'))
    assert "#token=a%22b%20%3Cc%3E%26d%2Fe%3Ff%0ABcc%3A%20x" in letter.text
    assert "<c>" not in letter.html
