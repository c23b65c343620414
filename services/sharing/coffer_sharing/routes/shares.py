"""Single shares over HTTP: make, look, change, revoke, leave."""

from typing import Any, Self

from litestar import Response, delete, get, patch, post
from litestar.params import JSONBody
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from coffer_chassis.access_rules import user
from coffer_chassis.answers import Body
from coffer_chassis.http import not_modified
from coffer_chassis.idempotency import claim
from coffer_chassis.openapi import documented
from coffer_chassis.requests import (
    IdempotencyKey,
    IdText,
    Moment,
    TheConditions,
    TheOrigin,
    ThePrincipal,
    replay_header,
)
from coffer_contracts.ids import ItemId, UserId
from coffer_contracts.problems import (
    AlreadyShared,
    Forbidden,
    IdempotencyInProgress,
    IdempotencyKeyReuse,
    MalformedRequest,
    NotFound,
    PreconditionFailed,
    RateLimited,
    StateConflict,
)
from coffer_contracts.sharing import (
    GrantRemovedV1,
    GrantSetV1,
    ShareChangedV2,
    ShareCreatedV1,
    ShareLeftV1,
    ShareRevokedV1,
    ShareRole,
)
from coffer_contracts.sharing_invitations import InvitationCreatedV1
from coffer_sharing.domain import KEEP, MESSAGE_LENGTH, MOST_RECIPIENTS, Named, Wish
from coffer_sharing.domain.invitations import ADDRESS_LIMIT
from coffer_sharing.handlers.changing import change_share, find_share, leave_share, revoke_share
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.handlers.giving import Gift, share_item
from coffer_sharing.handlers.showing import Shown
from coffer_sharing.routes.answers import ShareAnswer, share_answer
from coffer_sharing.routes.invitation_answers import SharesAnswer, shares_answer
from coffer_sharing.routes.requests import NAME_LIMIT, READ, WRITE, InPath, TheDeps, share_in_path

_ID = "0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11"
SHARE_EXAMPLE = {
    "item_id": _ID,
    "recipients": [
        {"username": "grace"},
        {"user_id": "0198c2f5-11aa-7d02-8c41-2f0e5b7a9d33"},
        {"email": "joan@example.org"},
    ],
    "role": "viewer",
    "message": "The photos of last week.",
    "expires_at": "2026-12-31T23:00:00.000Z",
}


ROLE = (
    "`viewer`: look and download. `editor`: change and remove as well. Between the two: `contributor` changes and `remover`"
    " removes only."
)


class Recipient(Body):
    """Somebody, by one of the three."""

    user_id: IdText | None = Field(None, description="By id.")
    username: str | None = Field(None, max_length=NAME_LIMIT, description="By user name, however it is spelled.")
    email: str | None = Field(
        None, max_length=ADDRESS_LIMIT, description="By e-mail address, whether anybody here has it or not: see above."
    )

    @model_validator(mode="after")
    def _one_way_to_name_them(self) -> Self:
        if sum(one is not None for one in (self.user_id, self.username, self.email)) != 1:
            raise PydanticCustomError("one_of", "Name a person by user_id, by username or by email, one of the three.")
        return self


class ShareBody(Body):
    """What is shared, with whom and how."""

    item_id: IdText = Field(description="The file or folder; what lies below a folder is shared with it.")
    recipients: list[Recipient] = Field(min_length=1, max_length=MOST_RECIPIENTS, description="With whom.")
    role: ShareRole = Field(description=ROLE)
    message: str | None = Field(None, max_length=MESSAGE_LENGTH, description="A word to the recipients, plain text.")
    expires_at: Moment | None = Field(None, description="When it ends by itself; never without it.")
    notify: bool = Field(True, strict=True, description="Whether the recipients are to be told by mail.")


class ShareChangeBody(Body):
    """What is to be different; what is left out stays as it is."""

    role: ShareRole | None = Field(None, description="The new role.")
    expires_at: Moment | None = Field(None, description="The new end; null for never.")


@post(
    "/v1/shares",
    opt=user(WRITE)
    | documented(
        raises=[NotFound, Forbidden, StateConflict, AlreadyShared, RateLimited, IdempotencyKeyReuse, IdempotencyInProgress],
        request=SHARE_EXAMPLE,
        headers=["Idempotent-Replayed"],
        events=[GrantSetV1.type, ShareCreatedV1.type, InvitationCreatedV1.type],
    ),
    operation_id="share_item",
    tags=["shares"],
    summary="Share an item",
)
async def post_share(
    data: JSONBody[ShareBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    idempotency_key: IdempotencyKey = None,
) -> Response[SharesAnswer]:
    """Share a file or folder of yours with up to 50 people: with all of them or, if anything is in the way, with nobody.

    An address becomes an invitation, which is answered at once and alike whether anybody has the address or not. Right after,
    it becomes a share (of the same id) if an account has proved the address; else a mail tells of it, and it becomes one as
    soon as somebody proves the address, within the days that the installation gives it.

    `errors` points at each recipient in the way: `unknown_person`, `yourself`, `owner`, `duplicate`, `already_shared`, `email`.
    For an item that was made just now the answer may take up to a second.
    """
    used = claim(idempotency_key, principal=principal.grantee, route="POST /v1/shares", body=_remembered(data, deps))
    named = [Named(None if one.user_id is None else UserId(one.user_id), one.username, one.email) for one in data.recipients]
    gift = Gift(ItemId(data.item_id), named, data.role, data.message or None, data.expires_at, data.notify)
    made, replayed = await share_item(deps, principal, origin, used, gift)
    return Response(shares_answer(made), status_code=201, headers=replay_header(replayed))


def _remembered(data: ShareBody, deps: Deps) -> dict[str, Any]:
    """What tells a repeated request from another. It is kept for a day as a plain hash, from which nobody shall be able to
    find an address by trying.
    """
    body = data.model_dump(mode="json")
    for one in body["recipients"]:
        if one["email"] is not None:
            one["email"] = deps.addresses.key_of(one["email"]).hex()
    return body


@get(
    "/v1/shares/{share:str}",
    opt=user(READ) | documented(raises=[MalformedRequest], headers=["ETag"]),
    operation_id="get_share",
    tags=["shares"],
    summary="Look at a share",
)
async def get_share(
    share: InPath, principal: ThePrincipal, deps: TheDeps, conditions: TheConditions
) -> Response[ShareAnswer] | Response[None]:
    """A share that is in force, for the item's owner, whoever shared it, and the recipient. 304 if the caller has it
    already.
    """
    found = await find_share(deps, principal, share_in_path(share))
    if conditions.not_modified(found.etag):
        return not_modified(found.etag)
    return _answered(found)


@patch(
    "/v1/shares/{share:str}",
    opt=user(WRITE)
    | documented(
        raises=[PreconditionFailed],
        request={"role": "editor", "expires_at": None},
        headers=["ETag"],
        events=[GrantSetV1.type, ShareChangedV2.type],
    ),
    operation_id="change_share",
    tags=["shares"],
    summary="Change role or end of a share",
)
async def patch_share(
    share: InPath,
    data: JSONBody[ShareChangeBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    conditions: TheConditions,
) -> Response[ShareAnswer]:
    """Change role or end of a share; for the item's owner. `"expires_at": null` lets it never end by itself."""
    wish = Wish(data.role or KEEP, data.expires_at if "expires_at" in data.model_fields_set else KEEP)
    return _answered(await change_share(deps, principal, origin, share_in_path(share), wish, conditions))


@delete(
    "/v1/shares/{share:str}",
    opt=user(WRITE)
    | documented(raises=[PreconditionFailed, MalformedRequest], events=[GrantRemovedV1.type, ShareRevokedV1.type]),
    operation_id="revoke_share",
    tags=["shares"],
    summary="Take a share back",
)
async def delete_share(
    share: InPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, conditions: TheConditions
) -> None:
    """Take a share back; for the item's owner. Once more is fine. Recipients leave instead."""
    await revoke_share(deps, principal, origin, share_in_path(share), conditions)


@post(
    "/v1/shares/{share:str}/leave",
    opt=user(WRITE) | documented(events=[GrantRemovedV1.type, ShareLeftV1.type]),
    status_code=204,
    operation_id="leave_share",
    tags=["shares"],
    summary="Give up what was shared with you",
)
async def post_leave(share: InPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> None:
    """Give up what was shared with you. Once more is fine."""
    await leave_share(deps, principal, origin, share_in_path(share))


def _answered(shown: Shown) -> Response[ShareAnswer]:
    return Response(share_answer(shown), headers={"ETag": shown.etag})


ROUTES = (post_share, get_share, patch_share, delete_share, post_leave)
