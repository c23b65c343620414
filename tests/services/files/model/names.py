"""The rules of names as the model takes them: said as simply as they can be, for the names that the machines use."""

import re
import unicodedata
from collections.abc import Collection, Iterator
from itertools import count

GOOD = (
    "a",
    "A",
    "b.txt",
    "B.TXT",
    "b (1).txt",
    "\u00e9",
    "e\u0301",
    "x.tar.gz",
    "stra\u00dfe",
    "STRASSE",
    ".hidden",
    "n" * 255,
)
BAD = ("", ".", "..", "a/b", " a", "a ", "a\x07b", "\u202eexe", "n" * 256, "\u00e9" * 128)


def is_bad(name: str) -> bool:
    """Whether it is refused."""
    return name in BAD


def normal(name: str) -> str:
    """How it is stored and answered."""
    return unicodedata.normalize("NFC", name)


def key(name: str) -> str:
    """What must be unique among the living children of a folder."""
    return normal(normal(name).casefold())


def free(name: str, kind: str, taken: Collection[str]) -> str:
    """The first of its keep-both names whose key is not taken."""
    return next(one for one in _numbered(name, kind) if key(one) not in taken)


def _numbered(name: str, kind: str) -> Iterator[str]:
    stem, extension = name, ""
    if kind == "file" and name.endswith(".tar.gz"):
        stem, extension = name[: -len(".tar.gz")], ".tar.gz"
    elif kind == "file" and "." in name[1:]:
        stem, _, after = name.rpartition(".")
        extension = f".{after}"
    first = 1
    if ends := re.fullmatch(r"(.+) \((\d+)\)", stem):
        stem, first = ends[1], int(ends[2]) + 1
    for number in count(first):
        ending = f" ({number}){extension}"
        yield stem[: 255 - len(ending)].rstrip() + ending
