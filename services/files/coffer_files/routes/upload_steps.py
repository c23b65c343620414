"""What a client says and asks while it sends an upload, over HTTP: addresses of parts, that all is there, that it is to be
checked again.
"""

from collections.abc import Mapping
from types import MappingProxyType

from litestar import Response, post
from litestar.params import JSONBody

from coffer_chassis.access_rules import user
from coffer_chassis.identity import Principal
from coffer_chassis.limits import limited
from coffer_chassis.openapi import documented
from coffer_chassis.requests import IdempotencyKey, TheOrigin, ThePrincipal, claim_of, known_id, replay_header
from coffer_contracts.ids import UploadId
from coffer_contracts.problems import (
    ChecksumMismatch,
    Forbidden,
    IdempotencyInProgress,
    IdempotencyKeyReuse,
    KindConflict,
    MalwareDetected,
    NameConflict,
    RateLimited,
    SizeMismatch,
    StateConflict,
    UploadExpired,
    UploadIncomplete,
)
from coffer_files.domain.parts import NamedPart
from coffer_files.domain.uploads import Upload
from coffer_files.handlers import sending
from coffer_files.handlers import uploads as commands
from coffer_files.handlers.deps import Deps
from coffer_files.routes.answers import ItemAnswer, seen_answer
from coffer_files.routes.requests import NO_STORE, WRITE, InPath, TheDeps
from coffer_files.routes.upload_answers import PartsAnswer, UploadAnswer, part_answers, upload_answer
from coffer_files.routes.upload_bodies import CompleteBody, PartsBody

RETRY_SECONDS = 1

NAMED_PARTS_BYTES = 2 * 1024**2
"""10,000 parts with ETag and SHA-256 are 1.5 MB of JSON: more than other requests may send."""


@post(
    "/v1/uploads/{upload:str}/parts",
    opt=user(WRITE, links=True)
    | limited("upload")
    | documented(raises=[Forbidden, StateConflict, UploadExpired, ChecksumMismatch]),
    status_code=200,
    operation_id="sign_parts",
    tags=["uploads"],
    summary="Get addresses for parts",
)
async def post_parts(
    upload: InPath, data: JSONBody[PartsBody], principal: ThePrincipal, deps: TheDeps
) -> Response[PartsAnswer]:
    """Signed requests for up to 100 parts, in the order asked for; each takes exactly that part's length, and its SHA-256
    where one is known. Asking keeps the upload open for another day, for 7 days at most. May be repeated.
    """
    found, signed = await sending.sign_parts(deps, principal, UploadId(known_id(upload)), data.numbers, data.sha256)
    return Response(part_answers(found, signed), headers={"Cache-Control": NO_STORE})


@post(
    "/v1/uploads/{upload:str}/complete",
    opt=user(WRITE, links=True)
    | limited("upload")
    | documented(
        raises=[
            UploadIncomplete,
            SizeMismatch,
            ChecksumMismatch,
            NameConflict,
            KindConflict,
            StateConflict,
            UploadExpired,
            MalwareDetected,
            IdempotencyKeyReuse,
            IdempotencyInProgress,
        ],
        also={200: "It is committed: the file."},
    ),
    status_code=202,
    request_max_body_size=NAMED_PARTS_BYTES,
    operation_id="complete_upload",
    tags=["uploads"],
    summary="Say that the bytes are there",
)
async def post_complete(
    upload: InPath,
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    data: JSONBody[CompleteBody | None] = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[ItemAnswer] | Response[UploadAnswer]:
    """200 with the file once it is committed, else 202 and where to look.

    Parts are put together now. Without `parts` the bucket's own list counts; with them every part must be named as it was
    stored. Refused with the numbers of those that are missing or other than announced: send these again. May be repeated, and
    is optional: the bucket reports whole files, and parts that are all there are found.
    """
    upload_id = UploadId(known_id(upload))
    body = data or CompleteBody()
    used = claim_of(idempotency_key, principal, f"POST /v1/uploads/{upload_id}/complete", body)
    named = None if body.parts is None else [NamedPart(part.n, part.etag.strip('"'), part.sha256) for part in body.parts]
    stands, replayed = await commands.complete_once(deps, principal, origin, used, upload_id, named=named)
    return await _outcome(deps, principal, stands, replay_header(replayed))


@post(
    "/v1/uploads/{upload:str}/retry",
    opt=user(WRITE, links=True)
    | limited("upload")
    | documented(
        raises=[
            UploadIncomplete,
            SizeMismatch,
            ChecksumMismatch,
            NameConflict,
            KindConflict,
            StateConflict,
            UploadExpired,
            MalwareDetected,
            RateLimited,
        ],
        also={200: "It is committed: the file."},
    ),
    status_code=202,
    operation_id="retry_upload",
    tags=["uploads"],
    summary="Have a failed upload checked again",
)
async def post_retry(
    upload: InPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
) -> Response[ItemAnswer] | Response[UploadAnswer]:
    """A failed upload begins again with the bytes that are there. Its uploader and the owner of the drive may ask for it;
    when that is done often, pauses between one time and the next grow up to an hour.
    """
    return await _outcome(deps, principal, await commands.retry_upload(deps, principal, origin, UploadId(known_id(upload))))


async def _outcome(
    deps: Deps, principal: Principal, upload: Upload, headers: Mapping[str, str] = MappingProxyType({})
) -> Response[ItemAnswer] | Response[UploadAnswer]:
    """The file, or that it is on its way. Raises what keeps it from becoming one."""
    if upload.state == "committed":
        item = await commands.committed_item(deps, principal, upload)
        # Whoever may no longer see the file is told that the upload came to its end, and nothing of the file.
        if item is None:
            return Response(upload_answer(deps, upload), status_code=200, headers=headers)
        return Response(seen_answer(item), status_code=200, headers=headers)
    if upload.state in {"expired", "aborted"}:
        raise UploadExpired(upload.detail or "The upload has ended.", state=upload.state)
    if upload.state == "rejected":
        raise MalwareDetected(upload.detail or "", reason=upload.reason)
    if upload.state == "failed":
        raise StateConflict(upload.detail or "", state=upload.state, reason=upload.reason)
    if upload.state == "conflict":
        kind = {"name_taken": NameConflict, "kind_conflict": KindConflict}.get(upload.reason or "", StateConflict)
        existing = await commands.in_the_way(deps, principal, upload)
        raise kind(
            upload.detail or "",
            state=upload.state,
            reason=upload.reason,
            existing=existing,
            suggested_name=upload.suggested_name,
        )
    there = {"Location": f"/v1/uploads/{upload.id}", "Retry-After": str(RETRY_SECONDS), **headers}
    return Response(upload_answer(deps, upload), status_code=202, headers=there)


ROUTES = (post_parts, post_complete, post_retry)
