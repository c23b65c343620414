"""What a tag may be called, and when two are the same."""

import re
import unicodedata
from collections.abc import Iterable

from coffer_contracts.problems import FieldError, ValidationFailed
from coffer_files.domain.names import name_key

MOST_TAGS = 20
"""Tags of one item."""

MAX_TAG_CHARACTERS = 50

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069,]")


def tag_key(tag: str) -> str:
    """Equal for tags that differ in case or Unicode form only: they are the same tag."""
    return name_key(tag)


def tag_keys(tags: Iterable[str]) -> list[str]:
    """The key of each tag."""
    return [tag_key(tag) for tag in tags]


def accept_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags in NFC, sorted by key, each once: of several spellings the first stays. May run on its own result.

    A tag has 1 to 50 characters, no comma (lists of tags are separated by it), none that is invisible or turns the reading
    direction, and no space at its edges. Raises ValidationFailed, which points at the tag; also for more than 20.
    """
    accepted: dict[str, str] = {}
    for place, tag in enumerate(tags):
        if fault := _fault_of(tag):
            raise ValidationFailed(fault, errors=(FieldError(f"/tags/{place}", "tag_invalid", fault),))
        normal = unicodedata.normalize("NFC", tag)
        accepted.setdefault(tag_key(normal), normal)
    if len(accepted) > MOST_TAGS:
        detail = f"An item has at most {MOST_TAGS} tags."
        raise ValidationFailed(detail, errors=(FieldError("/tags", "too_long", detail),))
    return tuple(accepted[key] for key in sorted(accepted))


def _fault_of(tag: str) -> str | None:
    if not tag:
        return "A tag has at least one character."
    if _FORBIDDEN.search(tag):
        return "A tag cannot contain commas, control characters, or characters that turn the reading direction."
    if tag != tag.strip():
        return "A tag cannot begin or end with whitespace."
    if len(unicodedata.normalize("NFC", tag)) > MAX_TAG_CHARACTERS:
        return f"A tag has at most {MAX_TAG_CHARACTERS} characters."
    return None
