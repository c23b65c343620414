"""What is looked for: names and words brought to one form, and the form in which words of a text are kept.

A name is found by any part of it, whatever the case and the accents; a text by the beginnings of its words. No SQL lives here.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import accumulate, islice
from typing import Literal, NamedTuple

from coffer_contracts.files import ItemKind
from coffer_contracts.ids import ItemId, UserId
from coffer_contracts.problems import FieldError, ValidationFailed

LONGEST_QUERY = 256
"""Characters; a name has at most 255 bytes."""

MOST_WORDS = 12

GRAM = 3
"""Letters of one entry in the index of names."""

MARKS = "\\u0300-\\u036f\\u1ab0-\\u1aff\\u1dc0-\\u1dff\\u20d0-\\u20ff\\ufe20-\\ufe2f"
"""Combining marks that are left out: what remains of `é` is `e`. Also for regular expressions of the store."""

_MARKS = re.compile(f"[{MARKS}]")
_REFUSED = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

Sort = Literal["relevance", "name", "-modified_at", "size", "-size"]
SORTS: tuple[Sort, ...] = ("relevance", "name", "-modified_at", "size", "-size")
Stage = Literal["prefix", "infix", "text", "name", "newest", "size", "-size"]
"""Part of a result: `prefix`, `infix` and `text` follow each other by relevance, the others are an order of their own."""


STAGES: Mapping[Sort, tuple[Stage, ...]] = {
    "relevance": ("prefix", "infix", "text"),
    "name": ("name",),
    "-modified_at": ("newest",),
    "size": ("size",),
    "-size": ("-size",),
}
"""Another order than relevance is one of names; texts are found by relevance alone."""


def fold(text: str) -> str:
    """One form for all spellings: without case and accents, decomposed (UAX 15, NFD). The store makes the same of name keys."""
    if text.isascii():
        return text.lower()
    return _MARKS.sub("", unicodedata.normalize("NFD", unicodedata.normalize("NFC", text).casefold()))


@dataclass(frozen=True)
class Query:
    """What somebody typed: words that must all be there. No words: everything that passes the filters."""

    words: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Query":
        """Read what was typed. Raises ValidationFailed if it is too long, or holds characters that no name can hold."""
        if len(text) > LONGEST_QUERY:
            raise _refused("too_long", f"At most {LONGEST_QUERY} characters can be looked for.")
        if _REFUSED.search(text):
            raise _refused("control_character", "Names and texts hold no control characters.")
        words = tuple(dict.fromkeys(word for word in fold(text).split() if word))
        if len(words) > MOST_WORDS:
            raise _refused("too_many_words", f"At most {MOST_WORDS} words can be looked for.")
        return cls(words)

    @cached_property
    def beginning(self) -> str:
        """What a name begins with that comes first."""
        return " ".join(self.words)

    @cached_property
    def patterns(self) -> list[str]:
        """For LIKE; all must match."""
        return [f"%{escaped(word)}%" for word in self.words]

    @cached_property
    def words_with_grams(self) -> list[str]:
        """Words long enough for the index of three letters each."""
        return [word for word in self.words if len(word) >= GRAM]

    @property
    def has_grams(self) -> bool:
        """Whether that index can find it."""
        return bool(self.words_with_grams)

    @cached_property
    def text_words(self) -> list[tuple[str, bool]]:
        """Words of texts, and whether the word may go on; empty if what was typed is too little to look for in texts."""
        found = dict.fromkeys(part for word in self.words for part in _asked(word))
        return list(found) if any(len(word) > 1 or _is_dense(word) for word, _ in found) else []


def escaped(word: str) -> str:
    """A word that means itself in LIKE."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _refused(code: str, detail: str) -> ValidationFailed:
    return ValidationFailed(detail, errors=(FieldError("/q", code, detail, "query"),))


class Filters(NamedTuple):
    """What a found item must be beside its name; None asks nothing. `shared`: reached by a share, or itself shared."""

    kind: ItemKind | None = None
    media_kinds: tuple[str, ...] = ()
    size_min: int | None = None
    size_max: int | None = None
    modified_after: datetime | None = None
    modified_before: datetime | None = None
    tag_keys: tuple[str, ...] = ()
    owner_id: UserId | None = None
    shared: bool | None = None
    favourite: bool | None = None

    @property
    def ask_nothing(self) -> bool:
        """Whether everything passes."""
        return self == Filters()


class Place(NamedTuple):
    """Where a page ended: the stage, the sort value of the last candidate looked at, and its id."""

    stage: Stage
    value: str | int | datetime
    id: ItemId


class Candidate(NamedTuple):
    """An item that matches, before anybody asked who may see it."""

    value: str | int | datetime
    id: ItemId


# Texts

LONGEST_WORD = 40
MOST_LEXEMES = 20_000
"""Different words of one text that can be found."""

MARK_BYTES = 9
"""What stands before each word in the index."""

LEXEME_BYTES = 1_000_000
"""Of the words of one text, with what stands before them. PostgreSQL says where a word is in 20 bits, and does not say so when
there are more: words behind that would be read from somewhere else.
"""

_WORD = re.compile(r"[^\W_]+")
_DENSE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
"""Scripts that put no spaces between words: there every two characters count as a word."""


def _is_dense(word: str) -> bool:
    return _DENSE.match(word) is not None


def _runs(word: str) -> list[str]:
    """A word, taken apart where the script changes to or from one without spaces."""
    parts, start = [], 0
    for dense in _DENSE.finditer(word):
        parts += [word[start : dense.start()], dense.group()]
        start = dense.end()
    return [part for part in (*parts, word[start:]) if part]


def lexemes(text: str) -> list[str]:
    """The different words of a text, up to MOST_LEXEMES and LEXEME_BYTES, the first ones first."""
    found: dict[str, None] = {}
    for match in _WORD.finditer(fold(text)):
        for run in _runs(match.group()):
            found.update(dict.fromkeys(_pairs(run) if _is_dense(run) else (run[:LONGEST_WORD],)))
        if len(found) >= MOST_LEXEMES:
            break
    sizes = accumulate(len(word.encode()) + MARK_BYTES for word in found)
    return [word for word, size in zip(islice(found, MOST_LEXEMES), sizes, strict=False) if size <= LEXEME_BYTES]


def _pairs(run: str) -> list[str]:
    """Every two neighbours, and the last character, so that single ones are found as a beginning."""
    return [run[place : place + 2] for place in range(len(run))]


def _asked(word: str) -> list[tuple[str, bool]]:
    asked: list[tuple[str, bool]] = []
    for match in _WORD.finditer(word):
        for run in _runs(match.group()):
            if not _is_dense(run):
                asked.append((run[:LONGEST_WORD], True))
            elif len(run) == 1:
                asked.append((run, True))
            else:
                asked += [(run[place : place + 2], False) for place in range(len(run) - 1)]
    return asked
