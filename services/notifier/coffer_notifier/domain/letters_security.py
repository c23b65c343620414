"""Mail that warns of what happened to an account: one mail for all that came within a short time. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from coffer_notifier.domain.languages import LANGUAGES, language_of
from coffer_notifier.domain.letters import NAME_LENGTH, Letter, clean
from coffer_notifier.domain.letters_page import Block, Link, Points, written
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
    language = LANGUAGES[language_of(locale)]
    words = language.warnings
    told = sorted(happened, key=lambda one: one.at)
    opening = words.opening.format(place=public_url.partition("://")[2])
    points = Points([_lines(one, words) for one in told[:MOST_TOLD]])
    more = [words.more.format(n=len(told) - MOST_TOLD)] if len(told) > MOST_TOLD else []
    subject = words.several.format(n=len(told)) if len(told) > 1 else _title(told[0], words)
    blocks: list[Block] = [language.greet(clean(name, NAME_LENGTH)), opening, points, *more, words.advice]
    return written(to, language, subject, blocks, Link(words.link, public_url + PLACE), words.closing)


def _title(one: Happened, words: Warnings) -> str:
    return words.titles[one.kind].format(name=clean(one.name, NAME_LENGTH))


def _lines(one: Happened, words: Warnings) -> list[str]:
    known = [(words.device, clean(one.device, AGENT_LENGTH)), (words.address, clean(one.address, NAME_LENGTH))]
    details = [f"{label}: {value}" for label, value in known if value]
    return [f"{_title(one, words)}.", one.at.astimezone(UTC).strftime(words.when), *details]
