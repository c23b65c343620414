"""Invitations over HTTP: list, look, change, revoke. Sharing with an address makes them: see `shares`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from litestar import Response, delete, get, patch
from litestar.params import JSONBody, QueryParameter

from coffer_chassis.access_rules import user
from coffer_chassis.cursors import Listing, Value
from coffer_chassis.http import not_modified
from coffer_chassis.openapi import documented
from coffer_chassis.requests import (
    Cursor,
    Limit,
    TheConditions,
    TheCursors,
    TheOrigin,
    ThePrincipal,
    page_size,
)
from coffer_contracts.ids import InvitationId
from coffer_contracts.problems import CursorInvalid, MalformedRequest, PreconditionFailed, StateConflict
from coffer_contracts.sharing import GrantRemovedV1, ShareRevokedV1
from coffer_contracts.sharing_invitations import InvitationChangedV1, InvitationEndedV1
from coffer_sharing.domain import KEEP, Wish
from coffer_sharing.handlers.invitations import change_invitation, find_invitation, list_invitations, revoke_invitation
from coffer_sharing.handlers.showing_invitations import ShownInvitation
from coffer_sharing.routes.invitation_answers import InvitationAnswer, InvitationPage, invitation_answer
from coffer_sharing.routes.requests import (
    DEFAULT_LIMIT,
    READ,
    WRITE,
    InvitationInPath,
    TheDeps,
    invitation_in_path,
    item_in_query,
)
from coffer_sharing.routes.shares import ShareChangeBody
from coffer_sharing.store.invitations import Beginning

ToItem = Annotated[str | None, QueryParameter(description="Invitations to this file or folder only.")]


@get(
    "/v1/shares/invitations",
    opt=user(READ) | documented(raises=[CursorInvalid]),
    operation_id="list_invitations",
    tags=["shares"],
    summary="List whom you have invited",
)
async def get_invitations(
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    item_id: ToItem = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[InvitationPage]:
    """The addresses that you have shared with and that nobody has proved yet, newest first."""
    wanted = None if item_id is None else item_in_query(item_id)
    listing = Listing("invitations", principal.user_id, "-created_at", {"item_id": wanted})
    after = _beginning(cursors.open(cursor, listing)) if cursor else None
    page = await list_invitations(deps, principal, item_id=wanted, after=after, limit=page_size(limit))
    end = cursors.seal([*page.after], listing) if page.after else None
    return Response(InvitationPage([invitation_answer(one) for one in page.invitations], end))


@get(
    "/v1/shares/invitations/{invitation:str}",
    opt=user(READ) | documented(raises=[MalformedRequest], headers=["ETag"]),
    operation_id="get_invitation",
    tags=["shares"],
    summary="Look at an invitation",
)
async def get_invitation(
    invitation: InvitationInPath, principal: ThePrincipal, deps: TheDeps, conditions: TheConditions
) -> Response[InvitationAnswer] | Response[None]:
    """An invitation of yours that is open, or that has become a share. 304 if you have it already."""
    found = await find_invitation(deps, principal, invitation_in_path(invitation))
    if conditions.not_modified(found.etag):
        return not_modified(found.etag)
    return _answered(found)


@patch(
    "/v1/shares/invitations/{invitation:str}",
    opt=user(WRITE)
    | documented(
        raises=[StateConflict, PreconditionFailed],
        request={"role": "editor", "expires_at": None},
        headers=["ETag"],
        events=[InvitationChangedV1.type],
    ),
    operation_id="change_invitation",
    tags=["shares"],
    summary="Change what somebody is invited to",
)
async def patch_invitation(
    invitation: InvitationInPath,
    data: JSONBody[ShareChangeBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    conditions: TheConditions,
) -> Response[InvitationAnswer]:
    """Change the role or the end of the share that an invitation will be. Once it is a share, change that one."""
    wish = Wish(data.role or KEEP, data.expires_at if "expires_at" in data.model_fields_set else KEEP)
    found = invitation_in_path(invitation)
    return _answered(await change_invitation(deps, principal, origin, found, wish, conditions))


@delete(
    "/v1/shares/invitations/{invitation:str}",
    opt=user(WRITE)
    | documented(
        raises=[PreconditionFailed, MalformedRequest],
        events=[InvitationEndedV1.type, GrantRemovedV1.type, ShareRevokedV1.type],
    ),
    operation_id="revoke_invitation",
    tags=["shares"],
    summary="Take an invitation back",
)
async def delete_invitation(
    invitation: InvitationInPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, conditions: TheConditions
) -> None:
    """Take an invitation back, and the share that it may have become meanwhile. Once more is fine."""
    await revoke_invitation(deps, principal, origin, invitation_in_path(invitation), conditions)


def _answered(shown: ShownInvitation) -> Response[InvitationAnswer]:
    return Response(invitation_answer(shown), headers={"ETag": shown.etag})


def _beginning(position: Sequence[Value]) -> Beginning:
    match position:
        case [datetime() as created_at, str() as invitation_id]:
            return Beginning(created_at, InvitationId(invitation_id))
    raise CursorInvalid


ROUTES = (get_invitations, get_invitation, patch_invitation, delete_invitation)
