"""Refused uploads whose bytes are kept in quarantine, for operators."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter

from coffer_chassis.access_rules import operator
from coffer_chassis.admin import acts
from coffer_chassis.admin.operations import Operations
from coffer_chassis.answers import Timestamp, timestamp
from coffer_chassis.cursors import Listing, Value
from coffer_chassis.openapi import documented
from coffer_chassis.requests import Cursor, Limit, TheCursors, TheOrigin, ThePrincipal, known_id, page_size
from coffer_contracts.files import OperatorActedV1, UploadState
from coffer_contracts.ids import UploadId
from coffer_contracts.problems import CursorInvalid, QuotaExceeded, StateConflict
from coffer_files.domain.quarantine import kept_until
from coffer_files.domain.uploads import Upload
from coffer_files.handlers import quarantine as commands
from coffer_files.routes.requests import DEFAULT_LIMIT, TheDeps
from coffer_files.store.quarantine import Place

TheOperations = NamedDependency[Operations]
InPath = Annotated[str, PathParameter(description="The id of an upload.")]


class RefusedAnswer(msgspec.Struct, frozen=True):
    """An upload that was refused: what it asked to be, what its bytes are, and why they were refused. `kept_until` is null for
    one that is no longer in quarantine.
    """

    upload_id: str
    owner_id: str
    uploader_id: str
    name: str
    size_bytes: int
    claimed_mime_type: str | None
    mime_type: str | None
    flags: list[str]
    state: UploadState
    reason: str | None
    detail: str | None
    created_at: Timestamp
    changed_at: Timestamp
    kept_until: Timestamp | None
    item_id: str | None


class RefusedPage(msgspec.Struct, frozen=True):
    """Part of a listing; `next_cursor` is null at the end and nowhere else."""

    items: list[RefusedAnswer]
    next_cursor: str | None


@get(
    "/v1/admin/files/quarantine",
    opt=operator() | documented(raises=[CursorInvalid]),
    operation_id="list_quarantine",
    tags=["operators"],
    summary="List refused uploads",
)
async def get_quarantine(
    principal: ThePrincipal, deps: TheDeps, cursors: TheCursors, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response[RefusedPage]:
    """Everybody's refused uploads whose bytes are still kept, last refused first."""
    listing = Listing("quarantine", principal.user_id, "", {})
    before = _place(cursors.open(cursor, listing)) if cursor else None
    size = page_size(limit)
    found = await commands.list_quarantine(deps, limit=size + 1, before=before)
    last = found[size - 1] if len(found) > size else None
    end = cursors.seal([last.changed_at.isoformat(), last.id], listing) if last else None
    return Response(RefusedPage([_answer(upload) for upload in found[:size]], end))


@post(
    "/v1/admin/files/quarantine/{upload:str}/release",
    opt=operator() | documented(raises=[QuotaExceeded, StateConflict], events=[OperatorActedV1.type]),
    status_code=202,
    operation_id="release_upload",
    tags=["operators"],
    summary="Release a refused upload",
)
async def post_release(
    upload: InPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, operations: TheOperations
) -> Response[RefusedAnswer]:
    """It becomes a file after all, as what its bytes truly are, with the flag `released`, and is only sent as an attachment.
    If its name is taken by now or its folder gone, it waits in conflict for its uploader. Releasing it again changes nothing.
    """
    upload_id = UploadId(known_id(upload))
    released = await commands.release_upload(deps, operations, principal, acts.as_operator(origin), upload_id)
    return Response(_answer(released), status_code=202)


@delete(
    "/v1/admin/files/quarantine/{upload:str}",
    opt=operator() | documented(raises=[StateConflict], events=[OperatorActedV1.type]),
    operation_id="discard_upload",
    tags=["operators"],
    summary="Delete refused bytes",
)
async def delete_refused(upload: InPath, origin: TheOrigin, deps: TheDeps, operations: TheOperations) -> None:
    """They are deleted before their time, and the upload stays rejected. Deleting them again changes nothing."""
    await commands.discard_upload(deps, operations, acts.as_operator(origin), UploadId(known_id(upload)))


def _answer(upload: Upload) -> RefusedAnswer:
    verdict = upload.verdict
    return RefusedAnswer(
        upload_id=upload.id,
        owner_id=upload.owner_id,
        uploader_id=upload.uploader_id,
        name=upload.name,
        size_bytes=upload.size_bytes,
        claimed_mime_type=upload.claimed_mime_type,
        mime_type=verdict.mime_type if verdict else None,
        flags=list(verdict.flags) if verdict else [],
        state=upload.state,
        reason=upload.reason or (verdict.reason if verdict else None),
        detail=upload.detail or (verdict.detail if verdict else None),
        created_at=timestamp(upload.created_at),
        changed_at=timestamp(upload.changed_at),
        kept_until=timestamp(kept_until(upload)) if upload.state == "rejected" else None,
        item_id=upload.item_id,
    )


def _place(position: Sequence[Value]) -> Place:
    match position:
        case [str() as changed_at, str() as upload_id]:
            return Place(datetime.fromisoformat(changed_at), UploadId(upload_id))
    raise CursorInvalid


ROUTES = (get_quarantine, post_release, delete_refused)
