"""Personal access tokens: listing, making, revoking. For people who are signed in, never for a token."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post
from litestar.params import JSONBody, PathParameter
from pydantic import Field, StringConstraints

from coffer_auth.domain.access_tokens import LONGEST_LIFE, NAME_LENGTH, AccessToken
from coffer_auth.handlers import access_tokens
from coffer_auth.handlers.access_tokens import Wish
from coffer_auth.handlers.step_up import Asker
from coffer_auth.routes.requests import SECRET, Req, TheCallers, TheDeps
from coffer_chassis.access_rules import session_only
from coffer_chassis.answers import Body, Timestamp, timestamp
from coffer_chassis.cursors import Listing
from coffer_chassis.idempotency import once
from coffer_chassis.openapi import documented
from coffer_chassis.requests import (
    Cursor,
    IdempotencyKey,
    Limit,
    Moment,
    TheCursors,
    TheOrigin,
    ThePrincipal,
    claim_of,
    known_id,
    page_size,
    replay_header,
)
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth_factors import TokenCreatedV1, TokenRevokedV1
from coffer_contracts.ids import TokenId
from coffer_contracts.problems import (
    CursorInvalid,
    IdempotencyInProgress,
    IdempotencyKeyReuse,
    LimitReached,
    StepUpRequired,
    Unavailable,
)

DEFAULT_LIMIT = 50

TokenInPath = Annotated[str, PathParameter(description="The token's id.")]

Name = Annotated[str, StringConstraints(min_length=1, max_length=NAME_LENGTH, strip_whitespace=True)]


class TokenBody(Body):
    """A new token."""

    name: Name = Field(description="How it is called in lists.", examples=["Backup of the laptop"])
    scopes: list[str] = Field(
        min_length=1, max_length=32, description="What it may do: at most what the account may.", examples=[["files:read"]]
    )
    expires_at: Moment = Field(
        description=f"When it ends, at most {LONGEST_LIFE.days} days from now.", examples=["2027-11-20T10:15:00.000Z"]
    )


class AccessTokenAnswer(msgspec.Struct, frozen=True):
    """A token as lists show it. `last_used_at` may lag by a quarter of an hour."""

    id: str
    name: str
    scopes: list[str]
    created_at: Timestamp
    expires_at: Timestamp
    last_used_at: Timestamp | None


class NewTokenAnswer(msgspec.Struct, frozen=True):
    """A token with itself, which is never shown again."""

    id: str
    name: str
    scopes: list[str]
    created_at: Timestamp
    expires_at: Timestamp
    token: str


class AccessTokenPage(msgspec.Struct, frozen=True):
    """Some tokens, newest first."""

    items: list[AccessTokenAnswer]
    next_cursor: str | None


@get("/v1/me/tokens", opt=session_only() | documented(raises=[CursorInvalid]), tags=["tokens"])
async def list_access_tokens(
    principal: ThePrincipal, deps: TheDeps, cursors: TheCursors, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> AccessTokenPage:
    """List one's own access tokens.

    Those that are good, newest first; revoked and expired ones are not shown.
    """
    listing = Listing("access-tokens", principal.user_id)
    found, after = await access_tokens.listed(
        principal, _place(cursors.open(cursor, listing)) if cursor else None, page_size(limit), deps
    )
    return AccessTokenPage([_answer(token) for token in found], cursors.seal([*after], listing) if after else None)


@post(
    "/v1/me/tokens",
    opt=session_only()
    | documented(
        raises=[StepUpRequired, LimitReached, IdempotencyKeyReuse, IdempotencyInProgress, Unavailable],
        headers=["Idempotent-Replayed"],
        events=[TokenCreatedV1.type],
    ),
    tags=["tokens"],
)
async def create_access_token(
    data: JSONBody[TokenBody],
    request: Req,
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    callers: TheCallers,
    idempotency_key: IdempotencyKey = None,
) -> Response[NewTokenAnswer]:
    """Make an access token.

    For programs that act on the account's behalf. It is shown here only, lives until `expires_at` and does what its scopes say;
    changing passwords, second factors, sessions and tokens is out of its reach. The session must have proved lately who it is.
    An account has at most 50 tokens; 409 for one more.
    """
    asker = Asker(principal, callers.of(request.scope), origin)
    wish = Wish(data.name, tuple(data.scopes), data.expires_at, (await deps.keys.current()).id)

    async def run(unit: Unit) -> dict[str, Any]:
        return {"id": (await access_tokens.create(wish, asker, unit)).id}

    made, replayed = await once(deps.work, origin, claim_of(idempotency_key, principal, "POST /v1/me/tokens", data), run)
    token, text = await access_tokens.signed(TokenId(made["id"]), deps)
    answer = NewTokenAnswer(
        id=token.id,
        name=token.name,
        scopes=list(token.scopes),
        created_at=timestamp(token.created_at),
        expires_at=timestamp(token.expires_at),
        token=text,
    )
    return Response(answer, headers={"Cache-Control": SECRET, **replay_header(replayed)})


@delete(
    "/v1/me/tokens/{token:str}",
    opt=session_only() | documented(raises=[StepUpRequired], events=[TokenRevokedV1.type]),
    status_code=204,
    tags=["tokens"],
)
async def revoke_access_token(
    token: TokenInPath, request: Req, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, callers: TheCallers
) -> None:
    """Revoke an access token.

    It is refused here at once and by all services within seconds. The session must have proved lately who it is.
    """
    asker = Asker(principal, callers.of(request.scope), origin)
    await access_tokens.revoke(TokenId(known_id(token)), asker, deps)


def _answer(token: AccessToken) -> AccessTokenAnswer:
    return AccessTokenAnswer(
        id=token.id,
        name=token.name,
        scopes=list(token.scopes),
        created_at=timestamp(token.created_at),
        expires_at=timestamp(token.expires_at),
        last_used_at=timestamp(token.last_used_at) if token.last_used_at else None,
    )


def _place(position: list[Any]) -> tuple[datetime, str]:
    match position:
        case [datetime() as created_at, str() as token_id]:
            return created_at, token_id
    raise CursorInvalid


ROUTES = (list_access_tokens, create_access_token, revoke_access_token)
