"""Many small files in one request, over HTTP: announce them, and say that they have been sent."""

from typing import Any

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from pydantic import Field

from coffer_chassis.access_rules import user
from coffer_chassis.answers import Body
from coffer_chassis.limits import limited
from coffer_chassis.openapi import documented
from coffer_chassis.requests import IdempotencyKey, IdText, Moment, TheOrigin, ThePrincipal, claim_of, replay_header
from coffer_contracts.files import ConflictPolicy
from coffer_contracts.ids import UploadId
from coffer_contracts.problems import Forbidden, IdempotencyInProgress, IdempotencyKeyReuse, KindConflict, NotFound
from coffer_files.domain.upload_batches import MOST_FILES, BatchFile, steps_of
from coffer_files.handlers.complete_batches import complete_uploads
from coffer_files.handlers.upload_batches import start_uploads
from coffer_files.routes.items import NAME_LIMIT
from coffer_files.routes.requests import NO_STORE, WRITE, ItemRef, TheDeps
from coffer_files.routes.upload_answers import UploadAnswer, upload_answer
from coffer_files.routes.upload_bodies import UPLOADER_NAME, MimeType, Sha256, UploaderName

PATH_LIMIT = 8192
"""Characters of a path that are looked at before the rules of names are asked."""


class BatchFileBody(Body):
    """A file of at most 8 MiB that is to be sent together with others."""

    ref: str | None = Field(None, max_length=200, description="What the client calls it; stands in its result.")
    path: str | None = Field(
        None,
        max_length=PATH_LIMIT,
        description="The folder below `parent_id` that it goes into, as `a/b`; missing ones are made.",
    )
    name: str = Field(max_length=NAME_LIMIT, description="1 to 255 bytes of UTF-8.")
    size: int = Field(ge=0, le=2**62, strict=True, description="Exact length in bytes.")
    mime_type: MimeType | None = Field(None, description="What the client takes it for; the bytes decide.")
    conflict: ConflictPolicy = Field("fail", description="What to do when the name is taken.")
    blocks_sha256: tuple[Sha256, ...] | None = Field(
        None, max_length=1, min_length=1, description="SHA-256 of the file, hexadecimal; the bucket then checks the bytes."
    )
    modified_at: Moment | None = Field(None, description="When the content was changed, as the client knows.")

    def file(self) -> BatchFile:
        """As the handler takes it."""
        return BatchFile(
            self.ref,
            self.name,
            self.size,
            steps_of(self.path),
            self.mime_type,
            self.conflict,
            self.blocks_sha256,
            self.modified_at,
        )


class UploadBatchBody(Body):
    """Files that are to be sent."""

    parent_id: ItemRef = Field(description="The folder all of them go into; `root` is the caller's own root folder.")
    files: tuple[BatchFileBody, ...] = Field(min_length=1, max_length=MOST_FILES, description="Up to 100 files.")
    uploader_name: UploaderName | None = Field(None, description=UPLOADER_NAME)


class CompleteBatchBody(Body):
    """Uploads whose bytes have been sent."""

    upload_ids: tuple[IdText, ...] = Field(min_length=1, max_length=MOST_FILES, description="Up to 100 uploads.")


class UploadResultAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one: `status` as it would have been alone, and the upload as it stands, or the problem."""

    status: int
    ref: str | None = None
    upload: UploadAnswer | None = None
    problem: dict[str, Any] | None = None


class UploadBatchAnswer(msgspec.Struct, frozen=True):
    """One result for each, in their order."""

    results: list[UploadResultAnswer]


@post(
    "/v1/uploads/batch",
    opt=user(WRITE, links=True)
    | limited("upload")
    | documented(
        raises=[NotFound, Forbidden, KindConflict, IdempotencyKeyReuse, IdempotencyInProgress],
        events=["files.item.created.v1"],
        request={
            "parent_id": "root",
            "files": [{"ref": "1", "path": "Holiday/Day 1", "name": "beach.jpg", "size": 123456, "mime_type": "image/jpeg"}],
        },
    ),
    status_code=200,
    operation_id="start_uploads",
    tags=["uploads"],
    summary="Begin many uploads at once",
)
async def post_batch(
    data: JSONBody[UploadBatchBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    problem_base: NamedDependency[str],
    idempotency_key: IdempotencyKey = None,
) -> Response[UploadBatchAnswer]:
    """Announce up to 100 files of at most 8 MiB and get the signed requests that send them. Each has a result of its own: 201
    with the upload, or the problem. Files for which there is no room are left out one by one; folders are made for the others.
    """
    used = claim_of(idempotency_key, principal, "POST /v1/uploads/batch", data)
    files = [one.file() for one in data.files]
    results, replayed = await start_uploads(
        deps,
        principal,
        origin,
        used,
        data.parent_id.lower(),
        files,
        problem_base=problem_base,
        uploader_name=data.uploader_name,
    )
    answers = [
        UploadResultAnswer(
            one.status,
            one.ref,
            upload_answer(deps, one.upload, sign=True) if one.upload else None,
            dict(one.problem) if one.problem else None,
        )
        for one in results
    ]
    return Response(UploadBatchAnswer(answers), headers={"Cache-Control": NO_STORE, **replay_header(replayed)})


@post(
    "/v1/uploads/complete",
    opt=user(WRITE, links=True) | limited("upload") | documented(),
    status_code=200,
    operation_id="complete_uploads",
    tags=["uploads"],
    summary="Say that the bytes of many are there",
)
async def post_completes(
    data: JSONBody[CompleteBatchBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    problem_base: NamedDependency[str],
) -> Response[UploadBatchAnswer]:
    """How each of up to 100 uploads stands after the bucket was asked: 200 once it has come to a state that it stays in, 202
    while it is checked, or the problem. Optional: the bucket reports bytes too. May be repeated.
    """
    wanted = [UploadId(one) for one in dict.fromkeys(data.upload_ids)]
    results = await complete_uploads(deps, principal, origin, wanted, problem_base=problem_base)
    answers = []
    for one in results:
        on_its_way = one.upload is not None and one.upload.state in {"created", "received", "cleared"}
        shown = upload_answer(deps, one.upload) if one.upload else None
        status = 202 if on_its_way else one.status
        answers.append(UploadResultAnswer(status, one.ref, shown, dict(one.problem) if one.problem else None))
    return Response(UploadBatchAnswer(answers), headers={"Cache-Control": NO_STORE})


ROUTES = (post_batch, post_completes)
