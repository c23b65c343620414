"""Downloads and previews over HTTP: the answer is an address in the bucket, never the bytes."""

from typing import Annotated, Literal

import msgspec
from litestar import HttpMethod, MediaType, Response, get, route
from litestar.params import QueryParameter

from coffer_chassis.access_rules import user
from coffer_chassis.answers import Timestamp, timestamp
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin, ThePrincipal, known_id
from coffer_contracts.ids import VersionId
from coffer_contracts.problems import KindConflict
from coffer_files.domain.content import Disposition
from coffer_files.domain.previews import PreviewSize, PreviewUnavailable
from coffer_files.handlers.content import sign_download, sign_preview
from coffer_files.routes.requests import NO_STORE, READ, InPath, TheDeps, item_ref

PENDING_RETRY_SECONDS = 1
LONGEST_LIFE_SECONDS = 900

Version = Annotated[str | None, QueryParameter(name="version_id", description="An older version; default the current.")]
Shown = Annotated[Disposition, QueryParameter(description="`inline` is honoured only for types that run nothing.")]


class DownloadAnswer(msgspec.Struct, frozen=True):
    """A signed address. It works without a token, so it is to be kept like one until `expires_at`."""

    url: str
    expires_at: Timestamp
    size: int
    content_hash: str | None
    etag: str


class PendingAnswer(msgspec.Struct, frozen=True):
    """The picture is being made; ask again after `Retry-After` seconds."""

    status: Literal["pending"] = "pending"


@route(
    "/v1/items/{item:str}/content",
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    opt=user(READ) | documented(raises=[KindConflict]),
    status_code=302,
    tags=["content"],
    summary="Download a file",
)
async def get_content(
    item: InPath,
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    version: Version = None,
    disposition: Shown = "attachment",
) -> Response[bytes]:
    """Redirects to the bytes, which answer ranges by themselves. Follow it without the Authorization header."""
    found = await sign_download(
        deps,
        principal,
        origin,
        item_ref(item),
        version_id=VersionId(known_id(version)) if version else None,
        disposition=disposition,
    )
    return _redirect(found.url)


@get(
    "/v1/items/{item:str}/download-url",
    opt=user(READ) | documented(raises=[KindConflict]),
    operation_id="get_download_url",
    tags=["content"],
    summary="Get a download address",
)
async def get_download_url(
    item: InPath,
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    version: Version = None,
    disposition: Shown = "attachment",
    ttl: Annotated[int | None, QueryParameter(description="Seconds, up to 900.")] = None,
) -> Response[DownloadAnswer]:
    """The address of the bytes as JSON, for clients that cannot follow redirects."""
    found = await sign_download(
        deps,
        principal,
        origin,
        item_ref(item),
        version_id=VersionId(known_id(version)) if version else None,
        disposition=disposition,
        seconds=max(1, min(ttl, LONGEST_LIFE_SECONDS)) if ttl is not None else None,
    )
    content = found.content
    answer = DownloadAnswer(found.url, timestamp(found.expires_at), content.size_bytes, content.content_hash, content.etag)
    return Response(answer, headers={"Cache-Control": NO_STORE})


@get(
    "/v1/items/{item:str}/preview",
    opt=user(READ) | documented(raises=[KindConflict, PreviewUnavailable]),
    operation_id="get_preview",
    tags=["content"],
    summary="Get a preview picture",
)
async def get_preview(
    item: InPath,
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    version: Version = None,
    size: Annotated[PreviewSize, QueryParameter(description="Boxes of 400, 1024 and 2048 pixels.")] = "thumb",
) -> Response[bytes] | Response[PendingAnswer]:
    """Redirects to the picture; 202 with `Retry-After` while it is being made, 404 `preview_unavailable` if there is none."""
    version_id = VersionId(known_id(version)) if version else None
    url = await sign_preview(deps, principal, origin, item_ref(item), size, version_id=version_id)
    if url is None:
        headers = {"Retry-After": str(PENDING_RETRY_SECONDS), "Cache-Control": NO_STORE}
        return Response(PendingAnswer(), status_code=202, headers=headers)
    return _redirect(url)


def _redirect(url: str) -> Response[bytes]:
    return Response(b"", status_code=302, media_type=MediaType.TEXT, headers={"Location": url, "Cache-Control": NO_STORE})


ROUTES = (get_content, get_download_url, get_preview)
