"""What files are called in an archive: names that every system can unpack, inside the folder they are unpacked into. Pure."""

import re

from coffer_contracts.files import ItemKind
from coffer_files.domain.names import name_key, name_warnings, numbered_names

ERRORS_NAME = "_errors.txt"
"""Where an archive says what is missing in it."""
NAMELESS = "Coffer"
"""The root folder of a drive."""

_NOT_EVERYWHERE = re.compile(r'[\x00-\x1f\x7f\\/:*?"<>|]')

_FAR = 10**9
"""A number that no name in an archive has."""


def safe_name(name: str) -> str:
    """The name, with everything replaced that leads out of a folder or that some system refuses. Never empty."""
    plain = _NOT_EVERYWHERE.sub("_", name).rstrip(". ").lstrip(" ")
    if not plain:
        return "_" if name else NAMELESS
    return f"_{plain}" if "device_name" in name_warnings(plain) else plain


class Names:
    """The names in one folder of an archive. It remembers a number of each, so that a long folder costs little."""

    def __init__(self) -> None:
        self._taken: set[int] = set()
        self._numbered: dict[int, int] = {}
        """Of names that clashed and differ in a number only, how far the search for a free one has come: nothing is looked at
        twice, however many are made one.
        """

    def take(self, name: str, kind: ItemKind) -> str:
        """A safe name that no other in this folder has, on systems that know no case as well."""
        plain = safe_name(name)
        if self._is_free(plain):
            return plain
        series = hash(name_key(next(numbered_names(plain, kind, above=_FAR))[1]))
        others = numbered_names(plain, kind, above=self._numbered.get(series, 0))
        self._numbered[series], other = next(one for one in others if self._is_free(one[1]))
        return other

    def _is_free(self, name: str) -> bool:
        mark = hash(name_key(name))
        if mark in self._taken:
            return False
        self._taken.add(mark)
        return True
