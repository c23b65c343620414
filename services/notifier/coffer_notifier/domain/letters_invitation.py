"""The mail to somebody without an account whom an item is to be shared with. Pure.

It goes to people who never asked for mail, in the name of somebody who may mean them ill: so what that person wrote is plain
text, cut and quoted, the subject holds nothing that they chose but their name, and the only address in it is this Coffer's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from coffer_contracts.files import ItemKind
from coffer_contracts.sharing import ShareRole
from coffer_notifier.domain.languages import LANGUAGES, language_of
from coffer_notifier.domain.letters import MESSAGE_LENGTH, NAME_LENGTH, Letter, clean
from coffer_notifier.domain.letters_page import Block, Link, Quote, written

PLACE = "/app/register"
"""Where the mail leads to, below the public address."""


@dataclass(frozen=True, slots=True)
class InvitationNews:
    """What there is to say. `locale` is that of whoever invites: nothing is known of the other."""

    sharer_name: str
    sharer_username: str
    item_kind: ItemKind
    item_name: str
    role: ShareRole
    message: str | None
    locale: str
    public_url: str


@dataclass(frozen=True, slots=True)
class _Words:
    subject: str
    opening: Mapping[ItemKind, str]
    roles: Mapping[ShareRole, str]
    how: str
    wrote: str
    link: str
    closing: str


_WORDS: Mapping[str, _Words] = {
    "en": _Words(
        subject="{sharer} wants to share something with you",
        opening={
            "folder": "{sharer} wants to share a folder with you on Coffer at {place}: “{item}”.",
            "file": "{sharer} wants to share a file with you on Coffer at {place}: “{item}”.",
        },
        roles={
            "viewer": "You will be able to look at it and download it.",
            "contributor": "You will be able to look at it, download it and change it.",
            "remover": "You will be able to look at it, download it and remove it.",
            "editor": "You will be able to look at it, download it, change it and remove it.",
        },
        how="Make an account with this e-mail address and confirm the address: you will find it there. If you have an account,"
        " make this its address.",
        wrote="{sharer} wrote:",
        link="Make an account",
        closing="You get this mail because {sharer} gave your address. If you do not know them, you need not do anything.",
    ),
    "de": _Words(
        subject="{sharer} möchte etwas mit Ihnen teilen",
        opening={
            "folder": "{sharer} möchte bei Coffer unter {place} einen Ordner mit Ihnen teilen: „{item}“.",
            "file": "{sharer} möchte bei Coffer unter {place} eine Datei mit Ihnen teilen: „{item}“.",
        },
        roles={
            "viewer": "Ansehen und Herunterladen sind Ihnen dann erlaubt.",
            "contributor": "Ansehen, Herunterladen und Ändern sind Ihnen dann erlaubt.",
            "remover": "Ansehen, Herunterladen und Löschen sind Ihnen dann erlaubt.",
            "editor": "Ansehen, Herunterladen, Ändern und Löschen sind Ihnen dann erlaubt.",
        },
        how="Legen Sie mit dieser E-Mail-Adresse ein Konto an und bestätigen Sie die Adresse, dann finden Sie alles dort. Wenn"
        " Sie schon ein Konto haben, geben Sie ihm diese Adresse.",
        wrote="{sharer} schreibt:",
        link="Konto anlegen",
        closing="Sie bekommen diese Nachricht, weil {sharer} Ihre Adresse angegeben hat. Kennen Sie diese Person nicht,"
        " müssen Sie nichts tun.",
    ),
}


def invitation_letter(to: str, news: InvitationNews) -> Letter:
    """The mail."""
    language = LANGUAGES[language_of(news.locale)]
    words = _WORDS[language.code]
    sharer = language.person(news.sharer_name or news.sharer_username, news.sharer_username)
    place = news.public_url.partition("://")[2]
    item = clean(news.item_name, NAME_LENGTH) or "…"
    blocks: list[Block] = [
        words.opening[news.item_kind].format(sharer=sharer, place=place, item=item),
        words.roles[news.role],
        words.how,
    ]
    if message := clean(news.message, MESSAGE_LENGTH, lines=True) if news.message else "":
        blocks += [words.wrote.format(sharer=sharer), Quote(message)]
    link, closing = Link(words.link, news.public_url + PLACE), words.closing.format(sharer=sharer)
    return written(to, language, words.subject.format(sharer=sharer), blocks, link, closing)
