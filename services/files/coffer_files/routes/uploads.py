"""Uploads over HTTP."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import JSONBody, QueryParameter

from coffer_chassis.access_rules import user
from coffer_chassis.cursors import Listing, Value
from coffer_chassis.limits import limited
from coffer_chassis.openapi import documented
from coffer_chassis.requests import (
    Cursor,
    IdempotencyKey,
    Limit,
    TheCursors,
    TheOrigin,
    ThePrincipal,
    claim_of,
    known_id,
    page_size,
    replay_header,
)
from coffer_contracts.files import UploadState
from coffer_contracts.ids import ItemId, UploadId, VersionId
from coffer_contracts.problems import (
    CursorInvalid,
    Forbidden,
    IdempotencyInProgress,
    IdempotencyKeyReuse,
    KindConflict,
    LimitReached,
    Locked,
    NameConflict,
    NameInvalid,
    NotFound,
    PreconditionFailed,
    QuotaExceeded,
    StateConflict,
    TooLarge,
    ValidationFailed,
)
from coffer_files.domain.upload_states import STATES
from coffer_files.handlers import announcing, sending, timelines
from coffer_files.handlers import uploads as commands
from coffer_files.handlers.announcing import Announcement
from coffer_files.handlers.parts import sign_missing
from coffer_files.routes.answers import seen_answer
from coffer_files.routes.requests import DEFAULT_LIMIT, NO_STORE, READ, WRITE, InPath, TheDeps
from coffer_files.routes.timeline_answers import TimelineAnswer, timeline_answer
from coffer_files.routes.upload_answers import UploadAnswer, UploadPage, upload_answer
from coffer_files.routes.upload_bodies import ResolveBody, UploadBody

States = Annotated[str, QueryParameter(name="state", description="Only uploads in these states, separated by commas.")]


@post(
    "/v1/uploads",
    opt=user(WRITE, links=True)
    | limited("upload")
    | documented(
        raises=[
            Locked,
            NotFound,
            Forbidden,
            NameInvalid,
            NameConflict,
            KindConflict,
            PreconditionFailed,
            QuotaExceeded,
            TooLarge,
            LimitReached,
            IdempotencyKeyReuse,
            IdempotencyInProgress,
        ]
    ),
    operation_id="start_upload",
    tags=["uploads"],
    summary="Begin an upload",
)
async def post_upload(
    data: JSONBody[UploadBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    idempotency_key: IdempotencyKey = None,
) -> Response[UploadAnswer]:
    """Announce a file and get the signed requests that send its bytes to the bucket.

    Up to 8 MiB go in one PUT, longer files in parts; the first 20 of them are signed at once, the others by `/parts`.
    Visitors of a public link that takes files send them in the same way.
    """
    used = claim_of(idempotency_key, principal, "POST /v1/uploads", data)
    announced = Announcement(
        parent=data.parent_id or "",
        name=data.name or "",
        target=ItemId(data.item_id.lower()) if data.item_id else None,
        size_bytes=data.size,
        mime_type=data.mime_type,
        conflict=data.conflict,
        base_version_id=VersionId(data.base_version_id.lower()) if data.base_version_id else None,
        blocks_sha256=data.blocks_sha256,
        modified_at=data.modified_at,
        parts_sha256=data.parts_sha256,
        mode=data.mode,
        uploader_name=data.uploader_name,
    )
    upload, replayed = await announcing.start_upload(deps, principal, origin, used, announced)
    headers = {"Location": f"/v1/uploads/{upload.id}", "Cache-Control": NO_STORE, **replay_header(replayed)}
    answer = upload_answer(deps, upload, sign=True, parts=await sign_missing(deps, upload))
    return Response(answer, status_code=201, headers=headers)


@get(
    "/v1/uploads",
    opt=user(READ, links=True) | limited("upload") | documented(raises=[CursorInvalid]),
    operation_id="list_uploads",
    tags=["uploads"],
    summary="List uploads",
)
async def get_uploads(
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    states: States = "",
) -> Response[UploadPage]:
    """The caller's uploads, and what others send into the caller's drive, newest first. A visitor of a public link is shown
    what was sent in the same session.
    """
    wanted = states_of(states)
    listing = Listing("uploads", principal.user_id, "", {"state": ",".join(wanted)})
    before = place_of(cursors.open(cursor, listing)) if cursor else None
    size = page_size(limit)
    found = await commands.list_uploads(deps, principal, states=wanted, limit=size + 1, before=before)
    end = cursors.seal([found[size - 1].id], listing) if len(found) > size else None
    return Response(UploadPage([upload_answer(deps, upload) for upload in found[:size]], end))


@get(
    "/v1/uploads/{upload:str}",
    opt=user(READ, links=True) | limited("upload"),
    operation_id="get_upload",
    tags=["uploads"],
    summary="Look at an upload",
)
async def get_upload(upload: InPath, principal: ThePrincipal, deps: TheDeps) -> Response[UploadAnswer]:
    """Where an upload stands; while bytes are missing, its uploader gets fresh signed requests (a token: if it may write).

    Of one that comes in parts it tells which are there and which are missing, so that anybody who has the bytes can go on.
    """
    found, standing, parts = await sending.look_at_upload(deps, principal, UploadId(known_id(upload)))
    answer = upload_answer(deps, found, sign=sending.may_send(principal, found), standing=standing, parts=parts)
    return Response(answer, headers={"Cache-Control": NO_STORE})


@get(
    "/v1/uploads/{upload:str}/timeline",
    opt=user(READ) | limited("upload"),
    operation_id="get_upload_timeline",
    tags=["uploads"],
    summary="See what happened to an upload",
)
async def get_timeline(upload: InPath, principal: ThePrincipal, deps: TheDeps) -> Response[TimelineAnswer]:
    """Every step of an upload, how long it took, what it waits for now, and what comes next by itself."""
    story = await timelines.timeline_of(deps, principal, UploadId(known_id(upload)))
    return Response(timeline_answer(story), headers={"Cache-Control": NO_STORE})


@patch(
    "/v1/uploads/{upload:str}",
    opt=user(WRITE, links=True)
    | limited("upload")
    | documented(raises=[Locked, NameInvalid, NameConflict, KindConflict, PreconditionFailed, QuotaExceeded, StateConflict]),
    operation_id="resolve_upload",
    tags=["uploads"],
    summary="Resolve a conflict",
)
async def patch_upload(
    upload: InPath, data: JSONBody[ResolveBody], principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
) -> Response[UploadAnswer]:
    """Commit an upload that is in conflict, under another name, in another folder or with another policy."""
    wish = commands.Resolution(data.name, data.parent_id, data.conflict)
    resolved = await commands.resolve_upload(deps, principal, origin, UploadId(known_id(upload)), wish)
    item = await commands.committed_item(deps, principal, resolved)
    return Response(upload_answer(deps, resolved, item=seen_answer(item) if item else msgspec.UNSET))


@delete(
    "/v1/uploads/{upload:str}",
    opt=user(WRITE, links=True) | limited("upload") | documented(raises=[StateConflict]),
    operation_id="abort_upload",
    tags=["uploads"],
    summary="Give an upload up",
)
async def delete_upload(upload: InPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> None:
    """Give an upload up: its bytes are deleted and its quota is free again."""
    await commands.abort_upload(deps, principal, origin, UploadId(known_id(upload)))


def states_of(text: str) -> tuple[UploadState, ...]:
    """The states that a query names. Raises ValidationFailed for one that there is not."""
    words = {word.strip() for word in text.split(",") if word.strip()}
    known = tuple(state for state in STATES if state in words)
    if len(known) != len(words):
        raise ValidationFailed(f"An upload is in one of these states: {', '.join(STATES)}.")
    return known


def place_of(position: Sequence[Value]) -> UploadId:
    """The upload that a cursor points at. Raises CursorInvalid."""
    match position:
        case [str() as upload_id]:
            return UploadId(upload_id)
    raise CursorInvalid


ROUTES = (
    post_upload,
    get_uploads,
    get_upload,
    get_timeline,
    patch_upload,
    delete_upload,
)
