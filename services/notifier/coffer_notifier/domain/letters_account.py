"""Mail about an account: verification, reset, and word of what was done to it. Pure.

The secret stands in the fragment of a link: browsers do not send that to any server, so no log on the way has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from coffer_contracts.auth_mail import EMAIL_CHANGED, EMAIL_TAKEN, RESET_PASSWORD, VERIFY_EMAIL
from coffer_notifier.domain.languages import LANGUAGES, language_of
from coffer_notifier.domain.letters import NAME_LENGTH, Letter, clean
from coffer_notifier.domain.letters_page import Link, written

__all__ = ["LANGUAGES", "PLACES", "AccountNews", "account_letter", "language_of"]

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
    language = LANGUAGES[language_of(news.locale)]
    words = language.mails[news.kind]
    greeting = language.greet(clean(news.name, NAME_LENGTH))
    place = news.public_url.partition("://")[2]
    paragraphs = words.paragraphs(place=place, time=language.duration(news.lives_for))
    url = news.public_url + PLACES[news.kind] + (f"#token={quote(news.secret, safe='')}" if news.secret is not None else "")
    return written(to, language, words.subject, [greeting, *paragraphs], Link(words.link, url), words.closing)
