"""Entity tags and the conditions on them (RFC 9110 sections 8.8.3 and 13.1).

Every tag Coffer makes is strong: it changes with any change of what it stands for. No storage, no HTTP framework.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b

from coffer_contracts.problems import MalformedRequest, PreconditionFailed

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"[ \t]*(?:,[ \t]*)*{_TAG}(?:[ \t]*(?:,[ \t]*)+{_TAG})*[ \t]*(?:,[ \t]*)*")
_EACH = re.compile(_TAG)
_MAX_LENGTH = 8192


def etag_of(*parts: str | int) -> str:
    """A strong tag, quotes included, that is the same for equal parts and differs otherwise.

    Give it everything the representation depends on: id and revision of an item, id of a version.
    """
    # One text hashed at once, and encoded at once: a list makes a hundred tags, each of some parts. What is told apart by its
    # lengths in letters is told apart.
    texts = [str(part) for part in parts]
    text = f"{[len(part) for part in texts]}{''.join(texts)}".encode("utf-8", "surrogatepass")
    return f'"{blake2b(text, digest_size=12).hexdigest()}"'


@dataclass(frozen=True, slots=True)
class Tags:
    """A parsed condition: `*`, or the tags listed, each with its quotes and its `W/` if weak."""

    anything: bool
    tags: tuple[str, ...] = ()

    def match_strongly(self, current: str | None) -> bool:
        """Strong comparison, as If-Match wants it: weak tags never match. `current` None: nothing exists."""
        return current is not None and (self.anything or (current in self.tags and not current.startswith("W/")))

    def mapped(self, change: Callable[[str], str]) -> "Tags":
        """The same condition on other tags."""
        return Tags(self.anything, tuple(map(change, self.tags)))

    def match_weakly(self, current: str | None) -> bool:
        """Weak comparison, as If-None-Match wants it: `W/` is left aside on both sides."""
        if current is None:
            return False
        return self.anything or current.removeprefix("W/") in {tag.removeprefix("W/") for tag in self.tags}


def parse_tags(header: str) -> Tags:
    """Read `*` or a list of entity tags; raises MalformedRequest for anything else, unquoted tags included."""
    value = header.strip(" \t")
    if value == "*":
        return Tags(anything=True)
    if len(value) > _MAX_LENGTH or not _LIST.fullmatch(value):
        raise MalformedRequest("an entity tag stands in double quotes, several are separated by commas")
    return Tags(anything=False, tags=tuple(_EACH.findall(value)))


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a request demands of the present state. Without headers everything is allowed."""

    if_match: Tags | None = None
    if_none_match: Tags | None = None

    def require(self, current: str | None) -> None:
        """Raise PreconditionFailed(current_etag) unless a write may go on; call it with the row locked.

        `If-Match` needs one of its tags to be current; `If-None-Match: *` needs that nothing exists yet.
        """
        failed = (self.if_match is not None and not self.if_match.match_strongly(current)) or (
            self.if_none_match is not None and self.if_none_match.match_weakly(current)
        )
        if failed:
            raise PreconditionFailed("", current_etag=current)

    def mapped(self, change: Callable[[str], str]) -> "Conditions":
        """The same conditions on other tags, for things that are answered under several."""
        if self.if_match is None and self.if_none_match is None:
            return self
        return Conditions(
            self.if_match and self.if_match.mapped(change), self.if_none_match and self.if_none_match.mapped(change)
        )

    def not_modified(self, current: str) -> bool:
        """Whether a GET may be answered with 304: the caller already has `current`."""
        return self.if_none_match is not None and self.if_none_match.match_weakly(current)

    @classmethod
    def in_headers(cls, headers: Iterable[tuple[bytes, bytes]]) -> "Conditions":
        """The conditions of an ASGI header list; repeated lines count as one list (RFC 9110 section 5.3).

        Raises MalformedRequest.
        """
        found: dict[bytes, list[str]] = {}
        for name, value in headers:
            if name in {b"if-match", b"if-none-match"}:
                found.setdefault(name, []).append(value.decode("latin-1"))
        if not found:
            return _NONE
        parsed = {name: parse_tags(", ".join(values)) for name, values in found.items()}
        return cls(parsed.get(b"if-match"), parsed.get(b"if-none-match"))


_NONE = Conditions()
