"""Public links over HTTP, for those who visit them, and the keys that their sessions are signed with."""

from typing import Annotated, Any, Self

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from coffer_chassis.access_rules import TokenVerifier, public, user
from coffer_chassis.admin.routes.requests import TheOperations
from coffer_chassis.answers import Body
from coffer_chassis.callers import Callers
from coffer_chassis.http import NO_STORE
from coffer_chassis.identity import TOKEN_BYTES, Principal
from coffer_chassis.limits import limited, unlimited
from coffer_chassis.limits.layer import count_attempt
from coffer_chassis.openapi import documented
from coffer_chassis.requests import IdText, TheOrigin, ThePrincipal
from coffer_chassis.signing.keys import KEY_SET_CACHE, KEY_SET_EXAMPLE
from coffer_chassis.tickets import TicketUse
from coffer_contracts.ids import ItemId, VersionId
from coffer_contracts.problems import (
    Forbidden,
    KindConflict,
    LinkExhausted,
    LinkExpired,
    LinkPasswordRequired,
    TokenExpired,
    TooManyAttempts,
    Unauthenticated,
    Unavailable,
)
from coffer_contracts.sharing_links import LinkDownloadedV1, LinkUnlockedV1, LinkUnlockFailedV1, LinkViewedV1
from coffer_sharing.domain.links import MOST_TICKETS
from coffer_sharing.handlers.link_tickets import Wanted, give_tickets
from coffer_sharing.handlers.link_visits import unlock_link, view_link
from coffer_sharing.routes.link_answers import (
    LinkSessionAnswer,
    PublicLinkAnswer,
    TicketsAnswer,
    public_answer,
    session_answer,
    tickets_answer,
)
from coffer_sharing.routes.requests import READ, TheDeps

LONGEST_GUESS = 1024
_ID = "0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11"

Req = Request[Any, Any, Any]
TheCallers = NamedDependency[Callers]
TokenInPath = Annotated[str, PathParameter(description="What stands behind `/s/` in the link's address.")]


class UnlockBody(Body):
    """What a visitor knows."""

    password: str | None = Field(None, max_length=LONGEST_GUESS, description="Where the link needs one.")
    session: str | None = Field(
        None, max_length=TOKEN_BYTES, description="The token of a session that has not ended: it goes on, by a new token."
    )


class TicketsBody(Body):
    """What a visitor wants to download: one item, or several."""

    item_id: IdText | None = Field(None, description="The file, or what an archive is to hold.")
    item_ids: list[IdText] | None = Field(None, min_length=1, max_length=MOST_TICKETS, description="The same, several.")
    use: TicketUse = Field("content", description="`content`: a ticket for each file. `archive`: one for all of it.")
    version_id: IdText | None = Field(None, description="An older content of the one file.")

    @model_validator(mode="after")
    def _one_way_to_name_them(self) -> Self:
        if (self.item_id is None) == (self.item_ids is None):
            raise PydanticCustomError("one_of", "Name what you want by item_id or by item_ids, one of the two.")
        if self.version_id is not None and (self.item_id is None or self.use != "content"):
            raise PydanticCustomError("one_file", "A version is of one file.")
        return self


@get(
    "/v1/public/links/{token:str}",
    opt=public() | documented(raises=[LinkExpired, LinkExhausted], events=[LinkViewedV1.type]),
    operation_id="view_link",
    tags=["links"],
    summary="See what a public link leads to",
)
async def get_public_link(
    token: TokenInPath, request: Req, origin: TheOrigin, deps: TheDeps, callers: TheCallers
) -> Response[PublicLinkAnswer]:
    """Kind, owner and mode of what a link leads to, and its name if no password is needed. A link that was deleted or shut is
    told like one that never was.
    """
    return Response(public_answer(await view_link(deps, origin, token, callers.of(request.scope))))


@post(
    "/v1/public/links/{token:str}/unlock",
    opt=public()
    | limited("unlock", path="token", by_handler=True)
    | documented(
        raises=[LinkPasswordRequired, LinkExpired, LinkExhausted, TooManyAttempts, Unavailable],
        request={"password": "tulips"},
        events=[LinkUnlockedV1.type, LinkUnlockFailedV1.type],
    ),
    status_code=200,
    operation_id="unlock_link",
    tags=["links"],
    summary="Come in through a public link",
)
async def post_unlock(
    token: TokenInPath,
    data: JSONBody[UnlockBody],
    request: Req,
    origin: TheOrigin,
    deps: TheDeps,
    callers: TheCallers,
    operations: TheOperations,
    sessions: NamedDependency[TokenVerifier],
) -> Response[LinkSessionAnswer]:
    """A session of 15 minutes for the item routes below the link, with `{}` for a link without a password. Passwords that are
    tried count under the limit `unlock` of the link, whoever tries them; coming in without one does not. Whoever sends files
    for longer shows the token that is about to expire as `session`, and goes on seeing what was sent with it.
    """

    async def attempt() -> None:
        await count_attempt(operations.limiter, request.scope)

    visitor = await _visitor(sessions, data.session) if data.session else None
    entry = await unlock_link(deps, origin, token, data.password, callers.of(request.scope), attempt, visitor=visitor)
    return Response(session_answer(entry), headers={"Cache-Control": NO_STORE})


async def _visitor(sessions: TokenVerifier, token: str) -> Principal | None:
    """Whose token it is; nobody's if it does not verify any more, and then a new session begins."""
    try:
        caller = await sessions.verify(token)
    except (Unauthenticated, TokenExpired):
        return None
    return caller if isinstance(caller, Principal) and caller.kind == "link" else None


@post(
    "/v1/public/links/{token:str}/tickets",
    opt=user(READ, links=True)
    | documented(
        raises=[Forbidden, LinkExpired, LinkExhausted, KindConflict],
        request={"item_id": _ID, "use": "content"},
        events=[LinkDownloadedV1.type],
    ),
    operation_id="create_tickets",
    tags=["links"],
    summary="Get leave to download through a public link",
)
async def post_tickets(
    token: TokenInPath,
    data: JSONBody[TicketsBody],
    request: Req,
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    callers: TheCallers,
) -> Response[TicketsAnswer]:
    """Tickets for bytes below the link, for its own sessions: each good once and for a minute. Each counts as a download of the
    link when it is given, used or not; more than are left are not given at all.
    """
    named = [data.item_id] if data.item_id is not None else data.item_ids or []
    version = VersionId(data.version_id) if data.version_id is not None else None
    wanted = Wanted(data.use, [ItemId(one) for one in named], version)
    made = await give_tickets(deps, principal, origin, token, wanted, callers.of(request.scope))
    return Response(tickets_answer(made), status_code=201, headers={"Cache-Control": NO_STORE})


@get(
    "/v1/shares/jwks.json",
    opt=public() | unlimited() | documented(response=KEY_SET_EXAMPLE),
    operation_id="get_link_key_set",
    tags=["links"],
    summary="Show the public keys of link sessions",
)
async def get_key_set(deps: TheDeps) -> Response[dict[str, Any]]:
    """A JSON Web Key Set (RFC 7517); may be cached for five minutes."""
    return Response(await deps.keys.published(), headers={"Cache-Control": KEY_SET_CACHE})


ROUTES = (get_key_set, get_public_link, post_unlock, post_tickets)
