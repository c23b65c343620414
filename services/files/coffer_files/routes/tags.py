"""Tags over HTTP."""

import msgspec
from litestar import Response, get, put
from litestar.params import JSONBody
from pydantic import Field

from coffer_chassis.access_rules import user
from coffer_chassis.answers import Body
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheConditions, TheOrigin, ThePrincipal
from coffer_contracts.problems import Locked, PreconditionFailed, StateConflict
from coffer_files.domain.tags import MOST_TAGS
from coffer_files.handlers.items import Wish, change_item
from coffer_files.handlers.naming import etag_as_seen
from coffer_files.handlers.tagging import list_tags
from coffer_files.routes.answers import ItemAnswer, seen_answer
from coffer_files.routes.requests import READ, WRITE, InPath, TheDeps, item_ref


class TagsBody(Body):
    """All tags that the item is to have. Two that differ in case or Unicode form are one."""

    tags: list[str] = Field(
        max_length=10 * MOST_TAGS,
        description=f"At most {MOST_TAGS}, of 1 to 50 characters without commas or control characters.",
        examples=[["Holiday", "2026"]],
    )


class TagAnswer(msgspec.Struct, frozen=True):
    """A tag, spelled as on most items, and how many living items have it that the caller may see."""

    tag: str
    count: int


class TagList(msgspec.Struct, frozen=True):
    """Every tag in use, sorted without regard to case."""

    items: list[TagAnswer]


@get("/v1/tags", opt=user(READ), operation_id="list_tags", tags=["items"], summary="List tags in use")
async def get_tags(principal: ThePrincipal, deps: TheDeps) -> Response[TagList]:
    """The tags of everything that the caller may see: in their own drive, and in what others share with them. What lies in
    the trash does not count.
    """
    return Response(TagList([TagAnswer(*one) for one in await list_tags(deps, principal)]))


@put(
    "/v1/items/{item:str}/tags",
    opt=user(WRITE) | documented(raises=[Locked, StateConflict, PreconditionFailed]),
    status_code=200,
    operation_id="set_tags",
    tags=["items"],
    summary="Tag an item",
)
async def put_tags(
    item: InPath,
    data: JSONBody[TagsBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    conditions: TheConditions,
) -> Response[ItemAnswer]:
    """Give an item exactly these tags. They belong to the item: its owner and editors set them, whoever sees it sees them."""
    changed = await change_item(deps, principal, origin, item_ref(item), Wish(tags=tuple(data.tags)), conditions)
    return Response(seen_answer(changed), headers={"ETag": etag_as_seen(changed)})


ROUTES = (get_tags, put_tags)
