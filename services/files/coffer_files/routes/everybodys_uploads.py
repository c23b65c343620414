"""Everybody's uploads for operators: which there are, and what happened to one. Nothing of what is in drives."""

from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.params import PathParameter, QueryParameter

from coffer_chassis.access_rules import operator
from coffer_chassis.answers import Timestamp, timestamp
from coffer_chassis.cursors import Listing
from coffer_chassis.openapi import documented
from coffer_chassis.requests import Cursor, Limit, TheCursors, ThePrincipal, known_id, page_size
from coffer_contracts.files import UploadState
from coffer_contracts.ids import UploadId, UserId
from coffer_contracts.problems import CursorInvalid
from coffer_files.domain.uploads import Upload
from coffer_files.handlers import timelines
from coffer_files.handlers import uploads as commands
from coffer_files.routes.requests import DEFAULT_LIMIT, NO_STORE, TheDeps
from coffer_files.routes.timeline_answers import TimelineAnswer, timeline_answer
from coffer_files.routes.uploads import States, place_of, states_of

OfUser = Annotated[
    str | None,
    QueryParameter(name="user_id", description="Only of this person: what they send, and what is sent into their drive."),
]
InPath = Annotated[str, PathParameter(description="The id of an upload.")]


class WatchedUploadAnswer(msgspec.Struct, frozen=True):
    """An upload as operators see it: whose, how large, where it stands and why; not what it is called."""

    id: str
    owner_id: str
    uploader_id: str
    state: UploadState
    reason: str | None
    size_bytes: int
    strategy: str
    attempts: int
    created_at: Timestamp
    changed_at: Timestamp
    deadline_at: Timestamp | None
    item_id: str | None


class WatchedUploadPage(msgspec.Struct, frozen=True):
    """Part of a listing; `next_cursor` is null at the end and nowhere else."""

    items: list[WatchedUploadAnswer]
    next_cursor: str | None


@get(
    "/v1/admin/files/uploads",
    opt=operator() | documented(raises=[CursorInvalid]),
    operation_id="list_files_uploads",
    tags=["operators"],
    summary="List everybody's uploads",
)
async def get_everybodys_uploads(
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    states: States = "",
    user_id: OfUser = None,
) -> Response[WatchedUploadPage]:
    """Uploads of everybody, newest first; nothing of what is in their drives."""
    wanted = states_of(states)
    whose = UserId(known_id(user_id)) if user_id else None
    listing = Listing("all-uploads", principal.user_id, "", {"state": ",".join(wanted), "user_id": whose or ""})
    before = place_of(cursors.open(cursor, listing)) if cursor else None
    size = page_size(limit)
    found = await commands.list_everybodys(deps, user_id=whose, states=wanted, limit=size + 1, before=before)
    end = cursors.seal([found[size - 1].id], listing) if len(found) > size else None
    return Response(WatchedUploadPage([_answer(upload) for upload in found[:size]], end))


@get(
    "/v1/admin/files/uploads/{upload:str}/timeline",
    opt=operator(),
    operation_id="get_files_upload_timeline",
    tags=["operators"],
    summary="See what happened to anybody's upload",
)
async def get_anybodys_timeline(upload: InPath, deps: TheDeps) -> Response[TimelineAnswer]:
    """Every step of it, as its owner sees them: how long each took, what it waits for, what comes next by itself."""
    story = await timelines.anybodys_timeline(deps, UploadId(known_id(upload)))
    return Response(timeline_answer(story), headers={"Cache-Control": NO_STORE})


def _answer(upload: Upload) -> WatchedUploadAnswer:
    return WatchedUploadAnswer(
        id=upload.id,
        owner_id=upload.owner_id,
        uploader_id=upload.uploader_id,
        state=upload.state,
        reason=upload.reason or (upload.verdict.reason if upload.verdict else None),
        size_bytes=upload.size_bytes,
        strategy=upload.strategy,
        attempts=upload.attempts,
        created_at=timestamp(upload.created_at),
        changed_at=timestamp(upload.changed_at),
        deadline_at=timestamp(upload.deadline_at) if upload.deadline_at else None,
        item_id=upload.item_id,
    )


ROUTES = (get_everybodys_uploads, get_anybodys_timeline)
