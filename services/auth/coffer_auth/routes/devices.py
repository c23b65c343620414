"""Signed-in devices."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from litestar import Response, delete, get
from litestar.params import PathParameter

from coffer_auth.domain.sessions import Device
from coffer_auth.handlers import devices
from coffer_auth.routes.requests import Req, TheCallers, TheDeps
from coffer_chassis.access_rules import session_only
from coffer_chassis.answers import Timestamp, timestamp
from coffer_chassis.cursors import Listing
from coffer_chassis.identity import Principal
from coffer_chassis.openapi import documented
from coffer_chassis.requests import Cursor, Limit, TheCursors, TheOrigin, ThePrincipal, known_id, page_size
from coffer_contracts.ids import SessionId
from coffer_contracts.problems import CursorInvalid, StepUpRequired

DEFAULT_LIMIT = 100

InPath = Annotated[str, PathParameter(description="The session.")]


class DeviceAnswer(msgspec.Struct, frozen=True):
    """A sign-in that has not ended; `last_seen_at`, `address` and `agent` are of its last refresh."""

    id: str
    device_name: str | None
    address: str | None
    agent: str | None
    created_at: Timestamp
    last_seen_at: Timestamp
    expires_at: Timestamp
    current: bool


class DevicesAnswer(msgspec.Struct, frozen=True):
    """A page of them, the latest sign-in first."""

    items: list[DeviceAnswer]
    next_cursor: str | None


@get(
    "/v1/sessions",
    opt=session_only() | documented(raises=[CursorInvalid]),
    operation_id="list_sessions",
    summary="List one's own sessions",
)
async def list_sessions(
    principal: ThePrincipal, deps: TheDeps, cursors: TheCursors, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Response[DevicesAnswer]:
    """Where the caller is signed in, the latest sign-in first.

    `last_seen_at` moves with every refresh, so for a device in use it is at most ten minutes old.
    """
    listing, size = Listing("sessions", principal.user_id), page_size(limit)
    before = _place(cursors.open(cursor, listing)) if cursor else None
    found = await devices.list_devices(principal, deps, before=before, limit=size + 1)
    end = cursors.seal([found[size - 1].session.id], listing) if len(found) > size else None
    return Response(DevicesAnswer([_answer(device, principal) for device in found[:size]], end))


@delete(
    "/v1/sessions/{session_id:str}",
    opt=session_only() | documented(raises=[StepUpRequired], events=["auth.session.revoked.v1"]),
    operation_id="end_session",
    summary="Sign a device out",
)
async def end_session(
    session_id: InPath,
    principal: ThePrincipal,
    request: Req,
    origin: TheOrigin,
    deps: TheDeps,
    callers: TheCallers,
) -> None:
    """End one of the caller's own sessions, this one or another.

    Its tokens are refused at once here, and within seconds by the other services. What has ended already, and what is
    somebody else's, is not found. For another than this one the session must have proved lately who it is.
    """
    caller = callers.of(request.scope)
    await devices.sign_out_device(principal, SessionId(known_id(session_id)), caller, origin, deps)


ROUTES = (list_sessions, end_session)


def _place(position: Sequence[object]) -> SessionId:
    match position:
        case [str() as session_id]:
            return SessionId(session_id)
    raise CursorInvalid


def _answer(device: Device, principal: Principal) -> DeviceAnswer:
    session = device.session
    return DeviceAnswer(
        id=session.id,
        device_name=session.device_name,
        address=device.address,
        agent=device.agent,
        created_at=timestamp(session.created_at),
        last_seen_at=timestamp(device.last_seen_at),
        expires_at=timestamp(session.expires_at),
        current=session.id == principal.session_id,
    )
