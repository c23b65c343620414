"""Mail about a webhook that was turned off. Pure."""

from dataclasses import dataclass

from coffer_notifier.domain.languages import LANGUAGES, language_of
from coffer_notifier.domain.letters import NAME_LENGTH, Letter, clean
from coffer_notifier.domain.letters_page import Link, written

PLACE = "/app/settings/webhooks"
HOST_LENGTH = 253
DETAIL_LENGTH = 2000
QUEUE = "queue"
"""Instead of a reason: it was a queue, which fails for one only."""
TAKEN_DOWN = "taken_down"
"""By an operator, who says why."""


@dataclass(frozen=True, slots=True)
class TurnedOff:
    """Whose webhook it was, where it went, and why: a word that may be new, which then reads as `failing`."""

    name: str
    locale: str
    public_url: str
    host: str
    reason: str
    leave: str | None = None
    detail: str = ""


def webhook_letter(to: str, news: TurnedOff) -> Letter:
    """The mail."""
    language = LANGUAGES[language_of(news.locale)]
    words = language.webhooks.get(news.reason) or language.webhooks["failing"]
    paragraphs = words.paragraphs(
        place=news.public_url.partition("://")[2], host=clean(news.host, HOST_LENGTH), detail=clean(news.detail, DETAIL_LENGTH)
    )
    blocks = [language.greet(clean(news.name, NAME_LENGTH)), *paragraphs]
    link = Link(words.link, news.public_url + PLACE)
    return written(to, language, words.subject, blocks, link, words.closing, leave=news.leave)
