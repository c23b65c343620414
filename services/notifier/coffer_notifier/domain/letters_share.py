"""Mail that tells somebody of a share. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime

from coffer_notifier.domain.languages import LANGUAGES, language_of
from coffer_notifier.domain.letters import MESSAGE_LENGTH, NAME_LENGTH, Letter, clean
from coffer_notifier.domain.letters_page import Block, Link, Quote, written


@dataclass(frozen=True, slots=True)
class ShareNews:
    """What there is to say about a new share. A role that nobody here knows reads as `viewer`."""

    recipient_name: str
    sharer_name: str
    sharer_username: str | None
    item_name: str
    item_kind: str
    role: str
    message: str | None
    expires_at: datetime | None
    link: str
    locale: str = "en"
    leave: str | None = None


def share_letter(to: str, news: ShareNews) -> Letter:
    """The mail."""
    language = LANGUAGES[language_of(news.locale)]
    words = language.share
    sharer = language.person(news.sharer_name, news.sharer_username)
    item = language.quoted.format(name=clean(news.item_name, NAME_LENGTH) or words.nameless)
    opening = words.folder if news.item_kind == "folder" else words.file
    may = words.roles.get(news.role) or words.roles["viewer"]
    until = ""
    if news.expires_at:
        until = words.until.format(when=words.when(news.expires_at.astimezone(UTC)))
    message = clean(news.message, MESSAGE_LENGTH, lines=True) if news.message else ""
    blocks: list[Block] = [
        language.greet(clean(news.recipient_name, NAME_LENGTH)),
        opening.format(who=sharer, what=item),
        may.format(until=until),
    ]
    if message:
        blocks += [words.wrote.format(who=sharer), Quote(message)]
    subject = words.subject.format(who=sharer, what=item)
    return written(to, language, subject, blocks, Link(words.link, news.link), words.closing, leave=news.leave)
