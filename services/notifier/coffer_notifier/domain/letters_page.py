"""The form of all mail: the same blocks as text and as HTML, so that neither says what the other does not. Pure.

Every part is given as plain text and escaped here. No colour is set, so that a client that is dark stays readable; nothing is
fetched from anywhere, and no address in it tells that the mail was opened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from coffer_notifier.domain.letters import SUBJECT_LENGTH, Letter, clean
from coffer_notifier.domain.letters_words import Language

_HEAD = (
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
    "<style>:root{color-scheme:light dark;supported-color-schemes:light dark}</style>"
)
_BODY = "font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:0 auto;padding:1rem"
_QUOTE = "margin:0 0 1rem;padding:0 0 0 1rem;border-left:3px solid"


@dataclass(frozen=True, slots=True)
class Quote:
    """What somebody else wrote, in lines."""

    text: str


@dataclass(frozen=True, slots=True)
class Points:
    """Several things, each in lines."""

    items: Sequence[Sequence[str]]


Block = str | Quote | Points
"""A paragraph, a quotation or a list."""


@dataclass(frozen=True, slots=True)
class Link:
    """Where a mail leads to."""

    label: str
    url: str


def written(
    to: str, language: Language, subject: str, blocks: Sequence[Block], link: Link, closing: str, *, leave: str | None = None
) -> Letter:
    """The mail. `leave` is the address at which its reader wants no more of the kind."""
    text = [*map(_as_text, blocks), f"{link.label}: {link.url}"]
    last = [closing, *([f"{language.leave}: {leave}"] if leave else [])]
    body = "".join(map(_as_html, blocks)) + f'<p><a href="{escape(link.url)}">{escape(link.label)}</a></p><hr>'
    body += f"<p><small>{escape(closing)}</small></p>"
    if leave:
        body += f'<p><small><a href="{escape(leave)}">{escape(language.leave)}</a></small></p>'
    title = clean(subject, SUBJECT_LENGTH)
    page = (
        f'<!doctype html><html lang="{language.code}"><head>{_HEAD}<title>{escape(title)}</title></head>'
        f'<body style="{_BODY}">{body}</body></html>'
    )
    return Letter(to, title, "\n\n".join([*text, "-- \n" + "\n".join(last)]) + "\n", page, leave)


def _as_text(block: Block) -> str:
    match block:
        case Quote(text):
            return "\n".join(f"> {line}".rstrip() for line in text.splitlines())
        case Points(items):
            return "\n\n".join("\n".join([f"* {first}", *(f"  {line}" for line in rest)]) for first, *rest in items)
        case _:
            return block


def _as_html(block: Block) -> str:
    match block:
        case Quote(text):
            return f'<blockquote style="{_QUOTE}">{escape(text).replace(chr(10), "<br>")}</blockquote>'
        case Points(items):
            return "<ul>" + "".join(f"<li>{'<br>'.join(map(escape, lines))}</li>" for lines in items) + "</ul>"
        case _:
            return f"<p>{escape(block)}</p>"
