"""Search over HTTP: results, suggestions, and what the person looked for lately."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Response, delete, get, post
from litestar.params import JSONBody, QueryParameter
from pydantic import Field, TypeAdapter, ValidationError

from coffer_chassis.access_rules import user
from coffer_chassis.answers import Body
from coffer_chassis.cursors import Listing, Value
from coffer_chassis.identity import Principal
from coffer_chassis.limits import limited
from coffer_chassis.openapi import documented
from coffer_chassis.requests import Cursor, Moment, TheCursors, TheOrigin, ThePrincipal, id_in_query, refused
from coffer_contracts.files import ItemKind, MediaKind
from coffer_contracts.ids import ItemId, UserId
from coffer_contracts.problems import CursorInvalid, KindConflict, NotFound
from coffer_files.domain.highlights import Range
from coffer_files.domain.searching import LONGEST_QUERY, STAGES, Filters, Place, Query, Sort
from coffer_files.domain.tags import tag_key
from coffer_files.handlers.items import ROOT
from coffer_files.handlers.searching import Asked, Found, search
from coffer_files.handlers.suggesting import forget_queries, remember_query, suggest
from coffer_files.routes.answers import ItemAnswer, seen_answer
from coffer_files.routes.requests import READ, SHOWN_WITH, WRITE, Included, TheDeps, included

LONGEST_PAGE = 100
DEFAULT_PAGE = 50
MOST_SUGGESTIONS = 10
MOST_BYTES = 2**62

Words = Annotated[
    str,
    QueryParameter(
        description=f"Words that must all be found, up to {LONGEST_QUERY} characters; case and accents do not count."
    ),
]
Within = Annotated[str | None, QueryParameter(name="in", description="Only below this folder, at any depth; an id or `root`.")]
OfKind = Annotated[Literal["file", "folder"] | None, QueryParameter(description="Only files or only folders.")]
OfType = Annotated[str, QueryParameter(description="Only these types of files, separated by commas, e.g. `image,video`.")]
OfTags = Annotated[str, QueryParameter(description="Only what has all these tags, separated by commas.")]
OfOwner = Annotated[str | None, QueryParameter(description="Only in the drive of this person (an id).")]
Bytes = Annotated[int | None, QueryParameter(description="Bytes of a file.", ge=0, le=MOST_BYTES)]
When = Annotated[str | None, QueryParameter(description="A time with its zone (RFC 3339).")]
IsShared = Annotated[
    bool | None, QueryParameter(description="Only what others share with the caller, or the caller shares; or neither.")
]
IsFavourite = Annotated[bool | None, QueryParameter(description="Only the caller's favourites, or all but them.")]
SortedBy = Annotated[Sort, QueryParameter(description="Texts are found by `relevance` only; the other orders are of names.")]
PageSize = Annotated[int, QueryParameter(description=f"Items per page; brought into 1 to {LONGEST_PAGE}.")]
FewItems = Annotated[int, QueryParameter(description=f"Items; brought into 1 to {MOST_SUGGESTIONS}.")]


class RangeAnswer(msgspec.Struct, frozen=True):
    """Characters (Unicode code points) from `start` on, counted from 0."""

    start: int
    length: int


class ExcerptAnswer(msgspec.Struct, frozen=True):
    """Part of the text of a file as it is, no markup, and where in it the words stand."""

    text: str
    ranges: Sequence[RangeAnswer]


class HighlightsAnswer(msgspec.Struct, frozen=True):
    """Where the words stand: in the item's `name`, and in its text if it was found by that."""

    name: Sequence[RangeAnswer]
    text: ExcerptAnswer | None


class FoundAnswer(msgspec.Struct, frozen=True):
    """An item and why it was found."""

    item: ItemAnswer
    highlights: HighlightsAnswer


class SearchAnswer(msgspec.Struct, frozen=True):
    """Part of a result. A page may hold fewer items than asked for, even none, before the end; `next_cursor` is null at the
    end and nowhere else.
    """

    items: list[FoundAnswer]
    next_cursor: str | None
    took_ms: float


class LightItem(msgspec.Struct, frozen=True):
    """What a suggestion shows of an item."""

    id: str
    kind: ItemKind
    name: str
    type: MediaKind | None
    parent_id: str | None
    path: str
    highlights: HighlightsAnswer


class SuggestAnswer(msgspec.Struct, frozen=True):
    """Items, the best first, and queries of the person's own, the last first."""

    items: list[LightItem]
    recent: list[str]
    took_ms: float


class QueryBody(Body):
    """What the person looked for."""

    q: str = Field(min_length=1, max_length=LONGEST_QUERY, description="As it was typed.")


@get(
    "/v1/search",
    opt=user(READ) | limited("search") | documented(raises=[KindConflict, NotFound, CursorInvalid]),
    operation_id="search_items",
    tags=["search"],
    summary="Search by name and text",
)
async def get_search(
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    q: Words = "",
    within: Within = None,
    kind: OfKind = None,
    type: OfType = "",  # noqa: A002  # the name on the wire
    tag: OfTags = "",
    owner: OfOwner = None,
    size_min: Bytes = None,
    size_max: Bytes = None,
    modified_after: When = None,
    modified_before: When = None,
    shared: IsShared = None,
    favourite: IsFavourite = None,
    sort: SortedBy = "relevance",
    limit: PageSize = DEFAULT_PAGE,
    cursor: Cursor = None,
    include: Included = "",
) -> Response[SearchAnswer]:
    """Items of the caller and items shared with them, by any part of their names and by the beginnings of words in their
    texts. By relevance: names that begin so, by name; names that hold it, the newest first; texts, the newest first.
    `include=path` adds paths. At least a word or a filter is needed; what lies in the trash is not found.
    """
    began = time.perf_counter()
    query = Query.parse(q)
    filters = Filters(
        kind,
        _words_of(type),
        size_min,
        size_max,
        _moment("modified_after", modified_after),
        _moment("modified_before", modified_before),
        tuple(sorted(map(tag_key, _words_of(tag)))),
        UserId(id_in_query("owner", owner)) if owner else None,
        shared,
        favourite,
    )
    if not query.words and filters.ask_nothing:
        raise refused("q", "required", "Give a word to look for, or a filter.")
    if within is not None and within != ROOT:
        within = id_in_query("in", within)
    listing = _listing(principal, query, filters, within, sort)
    after = _place(cursors.open(cursor, listing), sort, query) if cursor else None
    asked = Asked(query, filters, within, sort, max(1, min(limit, LONGEST_PAGE)), after)
    result = await search(deps, principal, asked)
    with_path = "path" in included(include, SHOWN_WITH)
    items = [FoundAnswer(seen_answer(one.seen, with_path=with_path), _highlights(one)) for one in result.found]
    end = cursors.seal([result.after.stage, result.after.value, result.after.id], listing) if result.after else None
    return Response(SearchAnswer(items, end, _since(began)))


@get(
    "/v1/search/suggest",
    opt=user(READ) | limited("search"),
    operation_id="suggest_items",
    tags=["search"],
    summary="Suggest while somebody types",
)
async def get_suggestions(
    principal: ThePrincipal, deps: TheDeps, q: Words = "", limit: FewItems = MOST_SUGGESTIONS
) -> Response[SuggestAnswer]:
    """A few items that match, and what the person looked for lately that matches; without `q` only the latter."""
    began = time.perf_counter()
    suggestions = await suggest(deps, principal, Query.parse(q), max(1, min(limit, MOST_SUGGESTIONS)))
    return Response(SuggestAnswer(list(map(_light, suggestions.found)), suggestions.recent, _since(began)))


@post(
    "/v1/search/queries",
    opt=user(WRITE) | limited("search"),
    operation_id="remember_query",
    tags=["search"],
    summary="Remember a query",
    status_code=204,
)
async def post_query(data: JSONBody[QueryBody], principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> None:
    """Have a query suggested later: when the person settled on it, not at every letter. The last 50 are kept."""
    await remember_query(deps, principal, origin, data.q)


@delete(
    "/v1/search/queries",
    opt=user(WRITE) | limited("search"),
    operation_id="forget_queries",
    tags=["search"],
    summary="Forget queries",
)
async def delete_queries(
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    q: Annotated[str | None, QueryParameter(description="Only this one; all without it.")] = None,
) -> None:
    """Forget what the person looked for."""
    await forget_queries(deps, principal, origin, q)


_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


def _moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return _MOMENT.validate_python(text)
    except ValidationError as error:
        raise refused(name, "invalid_time", "This is not a time with its zone, as in 2026-05-04T12:00:00Z.") from error


def _words_of(text: str) -> tuple[str, ...]:
    return tuple(sorted({word.strip() for word in text.split(",") if word.strip()}))


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)


def _ranges(ranges: Sequence[Range]) -> list[RangeAnswer]:
    return [RangeAnswer(start, length) for start, length in ranges]


def _highlights(found: Found) -> HighlightsAnswer:
    part = found.excerpt
    return HighlightsAnswer(_ranges(found.name_ranges), ExcerptAnswer(part.text, _ranges(part.ranges)) if part else None)


def _light(found: Found) -> LightItem:
    item = found.seen.at.item
    return LightItem(item.id, item.kind, item.name, item.media_kind, found.seen.parent_id, found.seen.path, _highlights(found))


def _listing(principal: Principal, query: Query, filters: Filters, within: str | None, sort: Sort) -> Listing:
    bound: dict[str, Value | Sequence[str]] = {"q": query.words, "in": within}
    bound |= {name: value for name, value in filters._asdict().items() if value is not None}
    return Listing("search", principal.user_id, sort, bound)


def _place(position: Sequence[Value], sort: Sort, query: Query) -> Place:
    known = {stage for each in (sort, *(() if query.words else ("-modified_at",))) for stage in STAGES[each]}
    for stage in known:
        match position:
            case [str() as named, (str() | int() | datetime()) as value, str() as item_id] if named == stage:
                return Place(stage, value, ItemId(item_id))
    raise CursorInvalid


ROUTES = (get_search, get_suggestions, post_query, delete_queries)
