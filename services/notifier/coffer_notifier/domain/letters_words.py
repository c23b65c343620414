"""The form in which a language says what mail about accounts says. Pure; the words themselves stand in `letters_en`, ....

To add a language: a module beside those, and its line in `LANGUAGES` of `letters_account`. A test demands every kind of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Wording:
    """One mail. `{time}` stands for how long its link is good, `{place}` for where this Coffer is."""

    subject: str
    body: str
    """Paragraphs with an empty line between them; other line breaks are blanks."""
    link: str
    closing: str

    def paragraphs(self, **values: str) -> list[str]:
        """The paragraphs, each on one line, with the values in their places."""
        return [" ".join(part.split()).format(**values) for part in self.body.strip().split("\n\n")]


@dataclass(frozen=True, slots=True)
class Warnings:
    """Mail that warns of things that happened to an account: one or several in one mail."""

    titles: Mapping[str, str]
    """Kind -> what happened, without a full stop. `{name}` stands for what it is called, e.g. a token."""
    several: str
    """The subject when there are several, as `{n}`."""
    opening: str
    when: str
    """A time, as for `strftime`; always UTC."""
    device: str
    address: str
    more: str
    """How many there are beside those that are listed, as `{n}`."""
    advice: str
    link: str
    closing: str


@dataclass(frozen=True, slots=True)
class Language:
    """All of it. Of each unit: one, and several as `{n}`."""

    greeting: str
    nameless: str
    minutes: tuple[str, str]
    hours: tuple[str, str]
    days: tuple[str, str]
    mails: Mapping[str, Wording]
    """By kind."""
    warnings: Warnings
    webhooks: Mapping[str, Wording]
    """By why one was turned off. `{host}` stands for where it went."""

    def duration(self, span: timedelta) -> str:
        """A span in words, in whole units and rounded up: 29 min 10 s are 30 minutes."""
        minutes = max(1, -(-int(span.total_seconds()) // 60))
        (one, several), size = (
            (self.minutes, 1) if minutes <= 90 else (self.hours, 60) if minutes <= 36 * 60 else (self.days, 24 * 60)
        )
        count = -(-minutes // size)
        return one if count == 1 else several.format(n=count)
