"""Items by their path over HTTP."""

from typing import Annotated

from litestar import Response, get
from litestar.params import QueryParameter

from coffer_chassis.access_rules import user
from coffer_chassis.http import not_modified
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheConditions, TheOrigin, ThePrincipal
from coffer_contracts.problems import MalformedRequest, NameInvalid, NotFound
from coffer_files.handlers.items import ROOT, find_by_path
from coffer_files.handlers.naming import etag_as_seen
from coffer_files.routes.answers import ItemAnswer, seen_answer
from coffer_files.routes.requests import READ, SHOWN_WITH, Included, TheDeps, included, item_ref


@get(
    "/v1/items/by-path",
    opt=user(READ) | documented(raises=[MalformedRequest, NameInvalid, NotFound]),
    operation_id="get_item_by_path",
    tags=["items"],
    summary="Look at an item by its path",
)
async def get_by_path(
    path: Annotated[str, QueryParameter(description="Names with slashes, e.g. `/A/b.txt`; `/` is the folder itself.")],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    conditions: TheConditions,
    within: Annotated[str, QueryParameter(name="in", description="The folder it begins at; default the own root.")] = ROOT,
    include: Included = "",
) -> Response[ItemAnswer] | Response[None]:
    """The living item that a path leads to. Names match as folders hold them: without regard to case and Unicode form. With a
    slash at the end it must be a folder.
    """
    wanted = included(include, SHOWN_WITH)
    found = await find_by_path(deps, principal, origin, item_ref(within), path)
    if conditions.not_modified(etag_as_seen(found)):
        return not_modified(etag_as_seen(found))
    return Response(seen_answer(found, with_path="path" in wanted), headers={"ETag": etag_as_seen(found)})


ROUTES = (get_by_path,)
