"""Mail about a webhook that was turned off. Pure."""

from dataclasses import dataclass
from html import escape

from coffer_notifier.domain.letters import NAME_LENGTH, SUBJECT_LENGTH, Letter, clean
from coffer_notifier.domain.letters_account import LANGUAGES, language_of

PLACE = "/app/settings/webhooks"
HOST_LENGTH = 253


@dataclass(frozen=True, slots=True)
class TurnedOff:
    """Whose webhook it was, where it went, and why: a word that may be new, which then reads as `failing`."""

    name: str
    locale: str
    public_url: str
    host: str
    reason: str


def webhook_letter(to: str, news: TurnedOff) -> Letter:
    """The mail."""
    code = language_of(news.locale)
    language = LANGUAGES[code]
    words = language.webhooks.get(news.reason) or language.webhooks["failing"]
    name, host = clean(news.name, NAME_LENGTH), clean(news.host, HOST_LENGTH)
    greeting = language.greeting.format(name=name) if name else language.nameless
    paragraphs = [greeting, *words.paragraphs(place=news.public_url.partition("://")[2], host=host)]
    link = news.public_url + PLACE
    text = "\n\n".join([*paragraphs, f"{words.link}: {link}", f"-- \n{words.closing}"]) + "\n"
    body = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    body += f'<p><a href="{escape(link)}">{escape(words.link)}</a></p><hr><p><small>{escape(words.closing)}</small></p>'
    page = f'<!doctype html><html lang="{code}"><head><meta charset="utf-8"></head><body>{body}</body></html>'
    return Letter(to, clean(words.subject, SUBJECT_LENGTH), text, page)
