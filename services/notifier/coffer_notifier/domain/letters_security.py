"""Mail that warns of what happened to an account: one mail for all that came within a short time. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from coffer_notifier.domain.letters import NAME_LENGTH, SUBJECT_LENGTH, Letter, clean
from coffer_notifier.domain.letters_account import LANGUAGES, language_of
from coffer_notifier.domain.letters_words import Warnings
from coffer_notifier.domain.security import MOST_TOLD

PLACE = "/app/settings/security"
AGENT_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened; `name` is what it is called, of a token."""

    kind: str
    at: datetime
    name: str
    device: str
    address: str


def security_letter(to: str, name: str, locale: str, public_url: str, happened: Sequence[Happened]) -> Letter:
    """The mail, oldest first. Raises KeyError for a kind that nobody here knows, ValueError for nothing to tell."""
    if not happened:
        raise ValueError("there is nothing to warn of")
    code = language_of(locale)
    language = LANGUAGES[code]
    words = language.warnings
    told = sorted(happened, key=lambda one: one.at)
    person = clean(name, NAME_LENGTH)
    greeting = language.greeting.format(name=person) if person else language.nameless
    opening = words.opening.format(place=public_url.partition("://")[2])
    blocks = [_lines(one, words) for one in told[:MOST_TOLD]]
    more = [words.more.format(n=len(told) - MOST_TOLD)] if len(told) > MOST_TOLD else []
    link = public_url + PLACE
    listed = "\n\n".join("\n".join([f"* {first}", *(f"  {line}" for line in rest)]) for first, *rest in blocks)
    parts = [greeting, opening, listed, *more, words.advice, f"{words.link}: {link}", f"-- \n{words.closing}"]
    items = "".join(f"<li>{'<br>'.join(map(escape, block))}</li>" for block in blocks)
    html = f"<p>{escape(greeting)}</p><p>{escape(opening)}</p><ul>{items}</ul>"
    html += "".join(f"<p>{escape(paragraph)}</p>" for paragraph in (*more, words.advice))
    html += f'<p><a href="{escape(link)}">{escape(words.link)}</a></p><hr><p><small>{escape(words.closing)}</small></p>'
    page = f'<!doctype html><html lang="{code}"><head><meta charset="utf-8"></head><body>{html}</body></html>'
    subject = words.several.format(n=len(told)) if len(told) > 1 else _title(told[0], words)
    return Letter(to, clean(subject, SUBJECT_LENGTH), "\n\n".join(parts) + "\n", page)


def _title(one: Happened, words: Warnings) -> str:
    return words.titles[one.kind].format(name=clean(one.name, NAME_LENGTH))


def _lines(one: Happened, words: Warnings) -> list[str]:
    known = [(words.device, clean(one.device, AGENT_LENGTH)), (words.address, clean(one.address, NAME_LENGTH))]
    details = [f"{label}: {value}" for label, value in known if value]
    return [f"{_title(one, words)}.", one.at.astimezone(UTC).strftime(words.when), *details]
