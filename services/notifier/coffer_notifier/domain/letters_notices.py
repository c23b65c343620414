"""Mail that says what a notice says, each type in words of its own. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from coffer_notifier.domain import notices as kinds
from coffer_notifier.domain.languages import LANGUAGES, language_of
from coffer_notifier.domain.letters import MESSAGE_LENGTH, NAME_LENGTH, Letter, clean
from coffer_notifier.domain.letters_page import Block, Link, written
from coffer_notifier.domain.notices import Notice

_HOME, _SETTINGS = "/app/", "/app/settings"
_PLACES: Mapping[str, str] = {
    kinds.USAGE_CROSSED: _SETTINGS,
    kinds.PHOTO_REJECTED: _SETTINGS,
    kinds.SHARE_REVOKED: _HOME,
    kinds.SHARE_EXPIRED: _HOME,
}
"""Where mail leads to that is not about an item its reader may open."""


@dataclass(frozen=True, slots=True)
class NoticeNews:
    """A notice, who caused it, and to whom it is told."""

    notice: Notice
    actor_name: str
    actor_username: str | None
    name: str
    locale: str
    public_url: str
    leave: str | None = None


def notice_letter(to: str, news: NoticeNews) -> Letter:
    """The mail. Raises KeyError for a type that has no words, or a letter of another kind."""
    notice = news.notice
    language = LANGUAGES[language_of(news.locale)]
    words = language.notices[notice.type]
    called = notice.item.name if notice.item else str(notice.data.get("name") or "")
    count = notice.count if notice.first_at else int(notice.data.get("percent") or 1)
    values = {
        "who": language.person(news.actor_name, news.actor_username),
        "what": language.quoted.format(name=clean(called, NAME_LENGTH) or language.drive),
        "n": str(count),
        "place": news.public_url.partition("://")[2],
    }
    subject = words.several if words.several and count > 1 else words.subject
    blocks: list[Block] = [language.greet(clean(news.name, NAME_LENGTH)), subject.format(**values) + "."]
    blocks += words.paragraphs(**values)
    why = language.why(str(notice.data.get("reason") or ""), str(notice.data.get("detail") or ""))
    if detail := clean(why, MESSAGE_LENGTH):
        blocks.append(language.reason.format(detail=detail))
    link = Link(words.link, news.public_url + _place(notice))
    return written(to, language, subject.format(**values), blocks, link, language.closing, leave=news.leave)


def _place(notice: Notice) -> str:
    if notice.type in _PLACES or notice.item is None:
        return _PLACES.get(notice.type, _HOME)
    comment = notice.data.get("comment_id")
    return f"/app/items/{notice.item.id}" + (f"?comment={comment}" if comment else "")
