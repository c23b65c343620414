"""Which characters of a name or a text were looked for. Ranges only: nothing here makes markup of what people wrote."""

import re
from collections.abc import Iterable, Sequence
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


def _folded_with_origin(text: str) -> tuple[str, Sequence[int]]:
    """A folded text, and for each of its characters the place where it comes from. Each different character is folded once: a
    page shows parts of many long texts.
    """
    if text.isascii():
        return text.lower(), range(len(text))
    parts = {character: fold(character) for character in set(text)}
    folded = text.translate({ord(character): part for character, part in parts.items()})
    odd = [character for character, part in parts.items() if len(part) != 1]
    if not odd:
        return folded, range(len(text))
    origin: list[int] = []
    begin = 0
    for match in re.finditer(f"[{re.escape(''.join(odd))}]", text):
        index = match.start()
        origin.extend(range(begin, index))
        origin.extend([index] * len(parts[match.group()]))
        begin = index + 1
    origin.extend(range(begin, len(text)))
    return folded, origin


_SPACE = re.compile(r"\s+")


def excerpt(text: str, words: Iterable[str]) -> Excerpt:
    """The part of a text in which a word begins for the first time, on one line; its beginning if none is found."""
    words = list(words)
    folded, origin = _folded_with_origin(text)
    places = [place for word in words if (place := _where_it_begins(folded, word)) >= 0]
    # In scripts without spaces a word may begin anywhere.
    places = places or [place for word in words if (place := folded.find(word)) >= 0]
    start = max(0, origin[min(places)] - BEFORE_HIT) if places else 0
    if start:
        space = text.find(" ", start, start + BEFORE_HIT)
        start = space + 1 if space >= 0 else start
    part = _SPACE.sub(" ", text[start : start + EXCERPT_LENGTH]).strip()
    return Excerpt(part, ranges(part, words))


def _where_it_begins(folded: str, word: str) -> int:
    """Where in a folded text a word begins so for the first time, or -1. By hand: an expression takes ten times as long."""
    place = folded.find(word)
    while place > 0 and folded[place - 1].isalnum():
        place = folded.find(word, place + 1)
    return place
