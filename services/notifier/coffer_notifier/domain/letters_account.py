"""Mail about an account: verification, reset, and word of what was done to it. Pure.

The secret stands in the fragment of a link: browsers do not send that to any server, so no log on the way has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from urllib.parse import quote

from coffer_contracts.auth_mail import EMAIL_CHANGED, EMAIL_TAKEN, RESET_PASSWORD, VERIFY_EMAIL
from coffer_notifier.domain.letters import NAME_LENGTH, SUBJECT_LENGTH, Letter, clean
from coffer_notifier.domain.letters_de import GERMAN
from coffer_notifier.domain.letters_en import ENGLISH
from coffer_notifier.domain.letters_words import Language

LANGUAGES: Mapping[str, Language] = {"en": ENGLISH, "de": GERMAN}
"""BCP 47 primary subtag -> its words. The first is for whoever's own language is not here."""

PLACES: Mapping[str, str] = {
    VERIFY_EMAIL: "/app/verify",
    RESET_PASSWORD: "/app/reset",
    EMAIL_TAKEN: "/app/sign-in",
    EMAIL_CHANGED: "/app/settings",
}
"""Where each kind of mail leads to, below the public address."""


@dataclass(frozen=True, slots=True)
class AccountNews:
    """What there is to say to whom. `lives_for` is how long the link is good, counted from when the mail is written."""

    kind: str
    name: str
    locale: str
    public_url: str
    secret: str | None
    lives_for: timedelta


def account_letter(to: str, news: AccountNews) -> Letter:
    """The mail. Raises KeyError for a kind that nobody here knows."""
    code = language_of(news.locale)
    language = LANGUAGES[code]
    words = language.mails[news.kind]
    name = clean(news.name, NAME_LENGTH)
    greeting = language.greeting.format(name=name) if name else language.nameless
    place = news.public_url.partition("://")[2]
    paragraphs = [greeting, *words.paragraphs(place=place, time=language.duration(news.lives_for))]
    link = news.public_url + PLACES[news.kind] + (f"#token={quote(news.secret, safe='')}" if news.secret is not None else "")
    text = "\n\n".join([*paragraphs, f"{words.link}: {link}", f"-- \n{words.closing}"]) + "\n"
    body = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    body += f'<p><a href="{escape(link)}">{escape(words.link)}</a></p><hr><p><small>{escape(words.closing)}</small></p>'
    page = f'<!doctype html><html lang="{code}"><head><meta charset="utf-8"></head><body>{body}</body></html>'
    return Letter(to, clean(words.subject, SUBJECT_LENGTH), text, page)


def language_of(locale: str) -> str:
    """The language for a BCP 47 tag such as `de-AT`, by its first subtag (RFC 4647 section 3.4 in one step)."""
    primary = locale.replace("_", "-").partition("-")[0].lower()
    return primary if primary in LANGUAGES else next(iter(LANGUAGES))
