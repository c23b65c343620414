"""Which children a listing shows, as its query says it."""

from datetime import datetime
from typing import Annotated, TypeVar, get_args

from litestar.params import QueryParameter
from pydantic import TypeAdapter, ValidationError

from coffer_chassis.cursors import Value
from coffer_chassis.requests import Moment, refused
from coffer_contracts.files import ItemKind, MediaKind
from coffer_files.domain.items import Filters
from coffer_files.domain.tags import MOST_TAGS, tag_key

W = TypeVar("W", bound=str)

LARGEST_SIZE = 2**63 - 1

Kind = Annotated[str | None, QueryParameter(description="`file` or `folder`.")]
Types = Annotated[
    str | None, QueryParameter(name="type", description=f"Kinds of files, any of: {', '.join(get_args(MediaKind))}.")
]
Tags = Annotated[str | None, QueryParameter(name="tag", description="Tags separated by commas; an item must have all of them.")]
Favourite = Annotated[bool | None, QueryParameter(description="Only the caller's favourites, or only what is none.")]
After = Annotated[str | None, QueryParameter(description="Modified at this time or later.")]
Before = Annotated[str | None, QueryParameter(description="Modified before this time.")]
SizeMin = Annotated[int | None, QueryParameter(description="Files of so many bytes or more.")]
SizeMax = Annotated[int | None, QueryParameter(description="Files of so many bytes or less.")]

_MOMENT = TypeAdapter[datetime](Moment)
_KINDS: tuple[ItemKind, ...] = get_args(ItemKind)
_MEDIA_KINDS: tuple[MediaKind, ...] = get_args(MediaKind)


def filters_of(
    kind: str | None,
    types: str | None,
    tags: str | None,
    favourite: bool | None,  # noqa: FBT001  # a query parameter
    modified_after: str | None,
    modified_before: str | None,
    size_min: int | None,
    size_max: int | None,
) -> Filters:
    """Raises ValidationFailed for a word, a time or a size that means nothing."""
    return Filters(
        kind=_word("kind", kind, _KINDS) if kind is not None else None,
        media_kinds=_words("type", types, _MEDIA_KINDS) if types is not None else None,
        tags=_tags(tags) if tags is not None else None,
        favourite=favourite,
        modified_after=_moment("modified_after", modified_after),
        modified_before=_moment("modified_before", modified_before),
        size_min=_size("size_min", size_min),
        size_max=_size("size_max", size_max),
    )


def bound(filters: Filters) -> dict[str, Value | list[str]]:
    """As a cursor is bound to them: a page of other filters is another listing."""
    known = {name: value for name, value in filters._asdict().items() if value is not None}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in known.items()}


def _word(name: str, given: str, words: tuple[W, ...]) -> W:
    for word in words:
        if word == given:
            return word
    raise refused(name, "unknown_word", f"One of {', '.join(words)}.")


def _words(name: str, given: str, words: tuple[W, ...]) -> tuple[W, ...]:
    return tuple(sorted({_word(name, word.strip(), words) for word in given.split(",")}))


def _tags(given: str) -> tuple[str, ...]:
    keys = {tag_key(tag.strip()) for tag in given.split(",")}
    if "" in keys or "\0" in given or len(keys) > MOST_TAGS:
        raise refused("tag", "tag_invalid", f"Up to {MOST_TAGS} tags, separated by commas.")
    return tuple(sorted(keys))


def _moment(name: str, given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        return _MOMENT.validate_python(given)
    except ValidationError:
        raise refused(name, "invalid_time", "A time with its zone, as RFC 3339 writes it.") from None


def _size(name: str, given: int | None) -> int | None:
    if given is not None and not 0 <= given <= LARGEST_SIZE:
        raise refused(name, "out_of_range", f"Bytes, 0 to {LARGEST_SIZE}.")
    return given
