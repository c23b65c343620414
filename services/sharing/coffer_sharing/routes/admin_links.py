"""Public links in the hands of operators."""

from typing import Annotated

from litestar import Response, delete, post
from litestar.params import JSONBody, PathParameter
from pydantic import Field

from coffer_chassis.access_rules import operator
from coffer_chassis.admin.routes.requests import TheOperations
from coffer_chassis.answers import Body
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin, known_id
from coffer_contracts.ids import LinkId
from coffer_contracts.problems import NotFound
from coffer_contracts.sharing import GrantRemovedV1, GrantSetV1, OperatorActedV1
from coffer_contracts.sharing_links import LinkChangedV1, LinkDisabledV1, LinkSessionsEndedV1
from coffer_sharing.domain.links import REASON_LENGTH
from coffer_sharing.handlers.link_ending import look_up_link, put_back, take_down
from coffer_sharing.routes.link_answers import LinkAnswer, link_answer
from coffer_sharing.routes.requests import TheDeps

LinkInPath = Annotated[str, PathParameter(description="The link's id.")]


class AddressBody(Body):
    """An address that somebody has complained of."""

    address: str = Field(min_length=1, max_length=2000, description="The whole address, or what stands behind `/s/` in it.")


class TakedownBody(Body):
    """Why."""

    reason: str = Field(
        min_length=1, max_length=REASON_LENGTH, description="Told to the maker of the link, and kept in the audit."
    )


@post(
    "/v1/admin/sharing/links/lookup",
    opt=operator()
    | documented(raises=[NotFound], request={"address": "https://drive.example.org/s/4Jx0pWw9rT2kQvB7nYcE1aHs6LdUz3Mf"}),
    status_code=200,
    operation_id="look_up_link",
    tags=["operators"],
    summary="Find the link that an address belongs to",
)
async def post_lookup(data: JSONBody[AddressBody], deps: TheDeps) -> Response[LinkAnswer]:
    """What stands behind an address that people complain of: whose link it is, to what, and its id. Never shows addresses."""
    _, slash, token = data.address.rpartition("/s/")
    return Response(link_answer(await look_up_link(deps, token.strip("/") if slash else data.address)))


@post(
    "/v1/admin/sharing/links/{link:str}/takedown",
    opt=operator()
    | documented(
        request={"reason": "Reported as stolen pictures."},
        events=[GrantRemovedV1.type, LinkDisabledV1.type, LinkSessionsEndedV1.type, OperatorActedV1.type],
    ),
    status_code=200,
    operation_id="take_link_down",
    tags=["operators"],
    summary="Shut a public link for abuse",
)
async def post_takedown(
    link: LinkInPath, data: JSONBody[TakedownBody], origin: TheOrigin, deps: TheDeps, operations: TheOperations
) -> Response[LinkAnswer]:
    """Shut a link, whatever its maker wants: visitors find nothing there, and those who are in are out. Its maker sees the
    reason. Once more is fine.
    """
    return Response(link_answer(await take_down(deps, operations, origin, LinkId(known_id(link)), data.reason)))


@delete(
    "/v1/admin/sharing/links/{link:str}/takedown",
    opt=operator() | documented(events=[GrantSetV1.type, LinkChangedV1.type, OperatorActedV1.type]),
    status_code=200,
    operation_id="put_link_back",
    tags=["operators"],
    summary="Undo the takedown of a public link",
)
async def delete_takedown(
    link: LinkInPath, origin: TheOrigin, deps: TheDeps, operations: TheOperations
) -> Response[LinkAnswer]:
    """The link is again as its maker has it. Once more is fine."""
    return Response(link_answer(await put_back(deps, operations, origin, LinkId(known_id(link)))))


ROUTES = (post_lookup, post_takedown, delete_takedown)
