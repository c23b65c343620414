"""The languages that mail is written in. To add one: its modules, and its line here; tests demand every word of it."""

from collections.abc import Mapping

from coffer_notifier.domain.letters_de import GERMAN
from coffer_notifier.domain.letters_en import ENGLISH
from coffer_notifier.domain.letters_words import Language

LANGUAGES: Mapping[str, Language] = {language.code: language for language in (ENGLISH, GERMAN)}
"""BCP 47 primary subtag -> its words. The first is for whoever's own language is not here."""


def language_of(locale: str) -> str:
    """The language for a BCP 47 tag such as `de-AT`, by its first subtag (RFC 4647 section 3.4 in one step)."""
    primary = locale.replace("_", "-").partition("-")[0].lower()
    return primary if primary in LANGUAGES else next(iter(LANGUAGES))
