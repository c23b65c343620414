"""All mail in all languages: whatever one says the others say, with the same in it; none of it is dangerous or curious."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
from typing import Any

import pytest

from coffer_contracts.auth_mail import RESET_PASSWORD
from coffer_contracts.ids import ItemId, UserId
from coffer_notifier.domain import notices as kinds
from coffer_notifier.domain import security
from coffer_notifier.domain.languages import LANGUAGES
from coffer_notifier.domain.letters import Letter
from coffer_notifier.domain.letters_account import PLACES, AccountNews, account_letter
from coffer_notifier.domain.letters_invitation import InvitationNews, invitation_letter
from coffer_notifier.domain.letters_notices import NoticeNews, notice_letter
from coffer_notifier.domain.letters_security import Happened, security_letter
from coffer_notifier.domain.letters_share import ShareNews, share_letter
from coffer_notifier.domain.letters_webhook import TurnedOff, webhook_letter
from coffer_notifier.domain.notices import GATHERED, WITH_OWN_LETTER, ItemRef, Notice
from coffer_notifier.domain.preferences import DEFAULTS, LOCKED
from factories.events import NOON

URL = "https://coffer.example.org"
LEAVE = f"{URL}/v1/notifications/unsubscribe?token=abc.share_left.def"
CODES = sorted(LANGUAGES)
MADE_FROM_NOTICES = sorted(set(DEFAULTS) - WITH_OWN_LETTER)
HOSTILE = [
    "<script>alert(1)</script>",
    "{place}",
    "{",
    "a\r\nBcc: x@example.org",
    "\u202egpj.exe",
    '"><img src=x>',
    "",
    "x" * 5000,
]


def texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in the words of a language, with where it stands."""
    if isinstance(value, str):
        yield path, value
    elif is_dataclass(value):
        for field in fields(value):
            yield from texts(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from texts(inner, f"{path}[{key}]")
    elif isinstance(value, tuple):
        for number, inner in enumerate(value):
            yield from texts(inner, f"{path}[{number}]")


def places_in(text: str) -> set[str]:
    return set(re.findall(r"\{(\w*)\}", text))


def notice(kind: str, *, name: str = "Trips", count: int = 1, **data: Any) -> Notice:
    """A notice of that type as facts make it."""
    item = ItemRef(ItemId("i"), "folder", name, UserId("o"))
    without = kind.startswith(("upload_re", "upload_co", "upload_f", "upload_e", "photo", "usage"))
    first = NOON if kind in GATHERED else None
    told = {"name": name, **data} if without else data
    return Notice("n", UserId("u"), kind, "a", None if without else item, None, told, NOON, None, count, first)


def letters(code: str, name: str = "Maria") -> Iterator[tuple[str, Letter]]:
    """Every mail there is in a language, with the name wherever somebody chose one."""
    for kind in MADE_FROM_NOTICES:
        for count in (1, 40):
            news = NoticeNews(notice(kind, name=name, count=count, percent=80, detail=name), name, name, name, code, URL, LEAVE)
            yield f"{kind} {count}", notice_letter("m@example.org", news)
    for kind in PLACES:
        yield kind, account_letter("m@example.org", AccountNews(kind, name, code, URL, "s", timedelta(hours=1)))
    happened = [Happened(kind, NOON, name, name, "192.0.2.1") for kind in sorted(LOCKED)]
    yield "security", security_letter("m@example.org", name, code, URL, happened)
    for reason in ("failing", "gone", "taken_down"):
        yield (
            f"webhook {reason}",
            webhook_letter("m@example.org", TurnedOff(name, code, URL, "hooks.example.org", reason, LEAVE, name)),
        )
    for kind in ("file", "folder"):
        news_of_share = ShareNews(name, name, "ann", name, kind, "editor", name, NOON, f"{URL}/app/items/1", code, LEAVE)
        yield f"share {kind}", share_letter("m@example.org", news_of_share)
    invited = InvitationNews(name, "ann", "folder", name, "editor", name, code, URL)
    yield "invitation", invitation_letter("m@example.org", invited)


@pytest.mark.parametrize("code", [code for code in CODES if code != "en"])
def test_every_language_says_everything_with_the_same_places_in_it(code: str) -> None:
    english, other = dict(texts(LANGUAGES["en"])), dict(texts(LANGUAGES[code]))
    assert set(other) == set(english)
    for path, text in other.items():
        assert places_in(text) == places_in(english[path]), path
        assert bool(text) == bool(english[path]), path


def test_no_two_languages_say_the_same() -> None:
    same = [path for path, text in texts(LANGUAGES["de"]) if len(text) > 12 and text == dict(texts(LANGUAGES["en"]))[path]]
    assert same == []


@pytest.mark.parametrize("code", CODES)
def test_every_type_of_notice_has_mail_and_what_can_be_turned_off_a_name(code: str) -> None:
    language = LANGUAGES[code]
    assert set(language.notices) == set(MADE_FROM_NOTICES)
    assert set(language.kinds) == set(DEFAULTS) - LOCKED
    assert set(language.warnings.titles) == set(security.ALERTS.values())


@pytest.mark.parametrize("code", CODES)
def test_every_mail_is_whole_in_text_and_in_html(code: str) -> None:
    for name, letter in letters(code):
        assert letter.subject, name
        assert not re.search(r"[{}]|\n[ \t]+\n", letter.text), name
        assert f'<html lang="{code}">' in letter.html, name
        assert 'name="color-scheme" content="light dark"' in letter.html, name
        links = re.findall(r'href="([^"]+)"', letter.html)
        assert links, name
        for link in links:
            assert link.startswith(URL), name
            assert link in letter.text, name
        assert (LEAVE in links) == (letter.leave is not None) == (name not in {*PLACES, "security", "invitation"}), name


@pytest.mark.parametrize("code", CODES)
def test_no_mail_fetches_anything_or_sets_a_colour(code: str) -> None:
    for name, letter in letters(code):
        assert not re.search(r"src=|srcset|url\(|@import|<img|<script|<iframe|<link|<object|\son\w+=", letter.html), name
        assert not re.search(r"(?<!-)color\s*:\s*#|background|bgcolor|color:\s*(black|white|rgb)", letter.html), name


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_no_name_gets_out_of_its_place(name: str) -> None:
    for kind, letter in letters("en", name):
        assert "<script" not in letter.html, kind
        assert "<img" not in letter.html, kind
        assert not set(letter.subject + letter.text) & set("\u202e\r"), kind
        assert "\n" not in letter.subject, kind
        assert len(letter.text) < 20_000, kind


def test_what_is_said_of_many_is_not_said_of_one() -> None:
    def told(kind: str, count: int, code: str) -> str:
        news = NoticeNews(notice(kind, count=count), "Ana", "ana", "Bob", code, URL)
        return notice_letter("m@example.org", news).subject

    assert told(kinds.FILES_UPLOADED, 1, "en") == "Ana (ana) uploaded a file to “Trips”"
    assert told(kinds.FILES_UPLOADED, 40, "en") == "Ana (ana) uploaded 40 files to “Trips”"
    assert told(kinds.FILES_UPLOADED, 40, "de") == "Ana (ana) hat 40 Dateien in „Trips“ hochgeladen"


def test_the_top_of_a_drive_and_somebody_unknown_have_words() -> None:
    news = NoticeNews(notice(kinds.FILES_UPLOADED, name=""), "", None, "", "de", URL)
    letter = notice_letter("m@example.org", news)
    assert letter.subject == "Jemand hat eine Datei in „Meine Dateien“ hochgeladen"
    assert letter.text.startswith("Guten Tag,\n\n")


def test_a_rejection_says_why_where_that_is_known() -> None:
    news = NoticeNews(notice(kinds.UPLOAD_REJECTED, detail="It is a program."), "", None, "Bob", "en", URL)
    assert "“Trips” was rejected.\n\n" in notice_letter("m@example.org", news).text
    assert "Reason: It is a program." in notice_letter("m@example.org", news).text


@pytest.mark.parametrize(
    ("code", "reason", "detail", "said"),
    [
        ("de", "infected", "It calls it Eicar.", "Grund: Der Virenscanner hat in der Datei etwas gefunden."),
        ("de", "infected", None, "Grund: Der Virenscanner hat in der Datei etwas gefunden."),
        ("de", "a_word_of_tomorrow", "It is a program.", "Grund: It is a program."),
        ("de", None, "Was der Betrieb schreibt.", "Grund: Was der Betrieb schreibt."),
        ("en", "infected", "It calls it Eicar.", "Reason: It calls it Eicar."),
        ("en", "infected", None, "Reason: The virus scanner has found something in the file."),
    ],
)
def test_why_something_was_rejected_is_said_in_the_language_of_the_mail(
    code: str, reason: str | None, detail: str | None, said: str
) -> None:
    about = notice(kinds.UPLOAD_REJECTED, reason=reason, detail=detail)
    letter = notice_letter("m@example.org", NoticeNews(about, "", None, "Bob", code, URL))
    assert f"\n\n{said}\n\n" in letter.text
    assert said.partition(": ")[2] in letter.html


@pytest.mark.parametrize("code", CODES)
def test_without_a_reason_none_is_claimed(code: str) -> None:
    about = notice(kinds.UPLOAD_FAILED, reason="a_word_of_tomorrow", detail="")
    letter = notice_letter("m@example.org", NoticeNews(about, "", None, "Bob", code, URL))
    assert LANGUAGES[code].reason.partition(":")[0] not in letter.text


def test_a_secret_stands_in_mail_of_its_own_kind_only() -> None:
    for name, letter in letters("en"):
        assert ("#token=" in letter.text) == (name in PLACES), name
    assert RESET_PASSWORD in PLACES
