"""The versions of a file over HTTP."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import JSONBody, PathParameter
from pydantic import Field

from coffer_chassis.access_rules import user
from coffer_chassis.answers import Body, Timestamp, timestamp
from coffer_chassis.cursors import Listing, Value
from coffer_chassis.openapi import documented
from coffer_chassis.requests import (
    Cursor,
    IdempotencyKey,
    Limit,
    TheConditions,
    TheCursors,
    TheOrigin,
    ThePrincipal,
    claim_of,
    known_id,
    page_size,
    replay_header,
)
from coffer_contracts.files import MediaKind
from coffer_contracts.ids import ItemId, VersionId
from coffer_contracts.problems import (
    CursorInvalid,
    IdempotencyInProgress,
    IdempotencyKeyReuse,
    KindConflict,
    Locked,
    MalformedRequest,
    PreconditionFailed,
    QuotaExceeded,
    StateConflict,
)
from coffer_files.handlers.naming import etag_as_seen
from coffer_files.handlers.versions import change_version, delete_version, find_version, list_versions, restore_version
from coffer_files.routes.answers import ItemAnswer, PreviewAnswer, seen_answer
from coffer_files.routes.requests import DEFAULT_LIMIT, READ, WRITE, InPath, TheDeps
from coffer_files.store.versions import Version

LABEL_LENGTH = 200

Ref = Annotated[str, PathParameter(description="A version of the item.")]


class VersionAnswer(msgspec.Struct, frozen=True):
    """One content that a file has or had. `replaced_at` is when another one took its place; retention counts from there, and
    passes over versions with a label and those that are to be kept.
    """

    id: str
    item_id: str
    current: bool
    size: int
    mime_type: str
    type: MediaKind
    content_hash: str | None
    flags: list[str]
    created_at: Timestamp
    created_by: str
    modified_at: Timestamp
    replaced_at: Timestamp | None
    label: str | None
    keep_forever: bool
    preview: PreviewAnswer


class VersionPageAnswer(msgspec.Struct, frozen=True):
    """Part of a file's versions, newest first; `next_cursor` is null at the end and nowhere else."""

    items: list[VersionAnswer]
    next_cursor: str | None


class VersionBody(Body):
    """What is to be different about a version; what is left out stays."""

    label: str | None = Field(
        None,
        min_length=1,
        max_length=LABEL_LENGTH,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="A name for it; null takes it away.",
    )
    keep_forever: bool = Field(False, description="Whether retention passes over it.")


@get(
    "/v1/items/{item:str}/versions",
    opt=user(READ) | documented(raises=[KindConflict, CursorInvalid]),
    operation_id="list_versions",
    tags=["versions"],
    summary="List the versions of a file",
)
async def get_versions(
    item: InPath,
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    cursors: TheCursors,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[VersionPageAnswer]:
    """Every content that a file has had and that was not deleted, newest first, for everybody who may read the file."""
    item_id = ItemId(known_id(item))
    listing = Listing("versions", principal.user_id, "", {"item": item_id})
    after = _place(cursors.open(cursor, listing)) if cursor else None
    page = await list_versions(deps, principal, origin, item_id, limit=page_size(limit), after=after)
    end = cursors.seal(list(page.after), listing) if page.after else None
    return Response(VersionPageAnswer([version_answer(one) for one in page.versions], end))


@get(
    "/v1/items/{item:str}/versions/{version:str}",
    opt=user(READ) | documented(raises=[KindConflict]),
    operation_id="get_version",
    tags=["versions"],
    summary="Look at a version",
)
async def get_version(
    item: InPath, version: Ref, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
) -> Response[VersionAnswer]:
    """One version; its bytes are downloaded with `version_id` at the content of the item."""
    found = await find_version(deps, principal, origin, ItemId(known_id(item)), VersionId(known_id(version)))
    return Response(version_answer(found))


@patch(
    "/v1/items/{item:str}/versions/{version:str}",
    opt=user(WRITE) | documented(raises=[KindConflict, Locked]),
    operation_id="change_version",
    tags=["versions"],
    summary="Label or keep a version",
)
async def patch_version(
    item: InPath,
    version: Ref,
    data: JSONBody[VersionBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
) -> Response[VersionAnswer]:
    """Name a version, or have it kept for ever. Either keeps retention from it."""
    marks = {name: getattr(data, name) for name in data.model_fields_set}
    ids = ItemId(known_id(item)), VersionId(known_id(version))
    return Response(version_answer(await change_version(deps, principal, origin, *ids, marks)))


@post(
    "/v1/items/{item:str}/versions/{version:str}/restore",
    opt=user(WRITE)
    | documented(
        raises=[
            KindConflict,
            Locked,
            QuotaExceeded,
            PreconditionFailed,
            MalformedRequest,
            IdempotencyKeyReuse,
            IdempotencyInProgress,
        ]
    ),
    status_code=200,
    operation_id="restore_version",
    tags=["versions"],
    summary="Bring a version back",
)
async def post_version_restore(
    item: InPath,
    version: Ref,
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    conditions: TheConditions,
    idempotency_key: IdempotencyKey = None,
) -> Response[ItemAnswer]:
    """An older version becomes the newest, as a version of its own that shares the stored bytes. It counts like any other."""
    ids = ItemId(known_id(item)), VersionId(known_id(version))
    used = claim_of(idempotency_key, principal, "POST /v1/items/{item}/versions/{version}/restore", _Restored(ids=ids))
    restored, replayed = await restore_version(deps, principal, origin, used, *ids, conditions)
    return Response(seen_answer(restored), headers={"ETag": etag_as_seen(restored), **replay_header(replayed)})


class _Restored(Body):
    """What the key of a request stands for that has no body."""

    ids: tuple[str, str]


@delete(
    "/v1/items/{item:str}/versions/{version:str}",
    opt=user(WRITE) | documented(raises=[KindConflict, StateConflict]),
    operation_id="delete_version",
    tags=["versions"],
    summary="Delete a version for good",
)
async def delete_a_version(item: InPath, version: Ref, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> None:
    """Delete an older version and free its room, for the owner of the drive alone. The current version goes with its file."""
    await delete_version(deps, principal, origin, ItemId(known_id(item)), VersionId(known_id(version)))


def version_answer(version: Version) -> VersionAnswer:
    """A version as everybody sees it who may read its file."""
    return VersionAnswer(
        version.id,
        version.item_id,
        version.replaced_at is None,
        version.size_bytes,
        version.mime_type,
        version.media_kind,
        version.content_hash,
        version.flags,
        timestamp(version.created_at),
        version.created_by,
        timestamp(version.modified_at),
        timestamp(version.replaced_at) if version.replaced_at else None,
        version.label,
        version.keep_forever,
        PreviewAnswer(version.preview_status, version.preview_reason),
    )


def _place(position: Sequence[Value]) -> tuple[datetime, VersionId]:
    match position:
        case [datetime() as moment, str() as version_id]:
            return moment, VersionId(version_id)
    raise CursorInvalid


ROUTES = (get_versions, get_version, patch_version, post_version_restore, delete_a_version)
