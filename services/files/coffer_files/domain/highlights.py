"""Which characters of a name or a text were looked for. Ranges only: nothing here makes markup of what people wrote."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from coffer_files.domain.searching import fold

EXCERPT_LENGTH = 160
BEFORE_HIT = 40
MOST_RANGES = 20


class Range(NamedTuple):
    """Characters (Unicode code points) from `start` on."""

    start: int
    length: int


class Excerpt(NamedTuple):
    """Part of a text around what was looked for."""

    text: str
    ranges: tuple[Range, ...]


def ranges(text: str, words: Iterable[str]) -> tuple[Range, ...]:
    """Where the words stand in a text, in order, without overlaps; at most MOST_RANGES."""
    folded, origin = _folded_with_origin(text)
    marked: set[int] = set()
    for word in words:
        place = folded.find(word)
        while place >= 0:
            marked.update(range(origin[place], origin[place + len(word) - 1] + 1))
            place = folded.find(word, place + len(word))
    found: list[Range] = []
    for index in sorted(marked):
        if found and found[-1].start + found[-1].length == index:
            found[-1] = Range(found[-1].start, found[-1].length + 1)
        else:
            found.append(Range(index, 1))
    return tuple(found[:MOST_RANGES])


def _folded_with_origin(text: str) -> tuple[str, list[int]]:
    """A folded text, and for each of its characters the place where it comes from."""
    if text.isascii():
        return text.lower(), list(range(len(text)))
    folded, origin = [], []
    for index, character in enumerate(text):
        for part in fold(character):
            folded.append(part)
            origin.append(index)
    return "".join(folded), origin


_SPACE = re.compile(r"\s+")


def excerpt(text: str, words: Iterable[str]) -> Excerpt:
    """The part of a text in which a word begins for the first time, on one line; its beginning if none is found."""
    words = list(words)
    folded, origin = _folded_with_origin(text)
    places = [match.start() for word in words if (match := re.search(rf"(?<![^\W_]){re.escape(word)}", folded))]
    # In scripts without spaces a word may begin anywhere.
    places = places or [place for word in words if (place := folded.find(word)) >= 0]
    start = max(0, origin[min(places)] - BEFORE_HIT) if places else 0
    if start:
        space = text.find(" ", start, start + BEFORE_HIT)
        start = space + 1 if space >= 0 else start
    part = _SPACE.sub(" ", text[start : start + EXCERPT_LENGTH]).strip()
    return Excerpt(part, ranges(part, words))
