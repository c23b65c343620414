"""The form in which a language says what mail about accounts says. Pure; the words themselves stand in `letters_en`, ....

Whatever a language says of one thing, all of them say, with the same places in it: a test demands it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from coffer_notifier.domain.letters import NAME_LENGTH, clean

FACTS = "en"
"""The language of the sentences in facts."""


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
class NoticeWording:
    """Mail about a type of notice. `{who}` stands for who caused it, `{what}` for what it is about, quoted, `{n}` for how many,
    or how much percent.
    """

    subject: str
    """Also the first sentence of the mail, without a full stop."""
    body: str
    """What follows it, as in `Wording`; may be empty."""
    link: str
    several: str = ""
    """The subject when it speaks of more than one."""

    def paragraphs(self, **values: str) -> list[str]:
        """The paragraphs, each on one line, with the values in their places."""
        return [" ".join(part.split()).format(**values) for part in self.body.strip().split("\n\n") if part.strip()]


@dataclass(frozen=True, slots=True)
class ShareWording:
    """Mail about a new share. `{who}` stands for who shared, `{what}` for what, quoted, `{until}` for `until` or nothing."""

    subject: str
    file: str
    folder: str
    nameless: str
    roles: Mapping[str, str]
    until: str
    months: tuple[str, ...]
    moment: str
    """A time: `{day}`, `{month}`, `{year}`, `{time}`; always UTC."""
    wrote: str
    link: str
    closing: str

    def when(self, at: datetime) -> str:
        """A time in words, as it is given."""
        return self.moment.format(day=f"{at:%d}", month=self.months[at.month - 1], year=f"{at:%Y}", time=f"{at:%H:%M}")


@dataclass(frozen=True, slots=True)
class LeavingWording:
    """The page at which somebody turns mail of a kind off. `{kind}` stands for what it is called."""

    title: str
    question: str
    button: str
    done: str
    again: str
    broken: str


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

    code: str
    """BCP 47 primary subtag."""
    greeting: str
    nameless: str
    minutes: tuple[str, str]
    hours: tuple[str, str]
    days: tuple[str, str]
    mails: Mapping[str, Wording]
    """By kind."""
    warnings: Warnings
    webhooks: Mapping[str, Wording]
    """By why one was turned off. `{host}` stands for where it went, `{detail}` for what an operator says."""
    share: ShareWording
    notices: Mapping[str, NoticeWording]
    """By type, of those that have no letter of their own."""
    kinds: Mapping[str, str]
    """What mail about a type of notice is called: of each that can be turned off."""
    someone: str
    quoted: str
    drive: str
    """What the top of a drive is called."""
    reasons: Mapping[str, str]
    """By the stable word of a fact: why something was not taken."""
    reason: str
    """Why, as `{detail}`."""
    closing: str
    leave: str
    leaving: LeavingWording

    def greet(self, name: str) -> str:
        """The greeting of somebody, or of whoever it is."""
        return self.greeting.format(name=name) if name else self.nameless

    def person(self, name: str, username: str | None) -> str:
        """What somebody is called, safe to stand in mail: with the user name where that is another, because anybody may call
        themselves anything.
        """
        shown, own = clean(name, NAME_LENGTH) or self.someone, clean(username or "", NAME_LENGTH)
        return f"{shown} ({own})" if own and own != shown else shown

    def why(self, word: str, detail: str) -> str:
        """A reason in a sentence. Facts bring one in English, which may say more, and stands in for words not known."""
        known = self.reasons.get(word, "")
        return (detail or known) if self.code == FACTS else (known or detail)

    def duration(self, span: timedelta) -> str:
        """A span in words, in whole units and rounded up: 29 min 10 s are 30 minutes."""
        minutes = max(1, -(-int(span.total_seconds()) // 60))
        (one, several), size = (
            (self.minutes, 1) if minutes <= 90 else (self.hours, 60) if minutes <= 36 * 60 else (self.days, 24 * 60)
        )
        count = -(-minutes // size)
        return one if count == 1 else several.format(n=count)
