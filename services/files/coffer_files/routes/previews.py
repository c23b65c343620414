"""Previews over HTTP: where a picture is, and what is known of the preview."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from coffer_chassis.access_rules import user
from coffer_chassis.answers import Timestamp, timestamp
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin, ThePrincipal
from coffer_contracts.files import PreviewStatus
from coffer_contracts.problems import KindConflict, StateConflict
from coffer_files.domain.previews import PreviewSize, PreviewUnavailable
from coffer_files.handlers.content import find_content, sign_preview
from coffer_files.routes.content import WantedVersion, redirect, wanted_version
from coffer_files.routes.requests import NO_STORE, READ, InPath, TheDeps, item_ref
from coffer_files.store.facts import facts_of

PENDING_RETRY_SECONDS = 1


class PendingAnswer(msgspec.Struct, frozen=True):
    """The picture is being made; ask again after `Retry-After` seconds."""

    status: Literal["pending"] = "pending"


class PictureAnswer(msgspec.Struct, frozen=True):
    """One stored picture: the box that it was fitted into, and its own measures in pixels and bytes."""

    box: int
    width: int
    height: int
    size: int
    mime_type: str


class FactsAnswer(msgspec.Struct, frozen=True):
    """What else is known of the content; null where the file does not tell. `taken` is the camera's clock, with an offset
    from UTC if the camera knew it. `colour` is the mean colour. Pictures that look alike differ in few bits of `dhash`.
    `waveform` says how loud a recording is over its first `waveform_milliseconds`: base64 of up to 800 bytes,
    255 for full scale.
    """

    frame_count: int | None = None
    page_count: int | None = None
    duration_milliseconds: int | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    waveform: str | None = None
    waveform_milliseconds: int | None = None
    taken: str | None = None
    camera_make: str | None = None
    camera_model: str | None = None
    colour: str | None = None
    dhash: str | None = None
    sha256: str | None = None


class PreviewInfoAnswer(msgspec.Struct, frozen=True):
    """What is known of a preview. `width` and `height` are those of the original, upright; null where they are not known.
    `reason` is a stable word for why there is none. `placeholder` is a tiny WebP as base64.
    """

    status: PreviewStatus
    reason: str | None
    version_id: str
    mime_type: str
    width: int | None
    height: int | None
    placeholder: str | None
    pictures: list[PictureAnswer]
    made_at: Timestamp | None
    facts: FactsAnswer


@get(
    "/v1/items/{item:str}/preview",
    opt=user(READ, links=True)
    | documented(
        raises=[KindConflict, StateConflict, PreviewUnavailable],
        also={202: "It is still being made.", 302: "To the picture."},
    ),
    operation_id="get_preview",
    tags=["content"],
    summary="Get a preview picture",
)
async def get_preview(
    item: InPath,
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    version: WantedVersion = None,
    size: Annotated[PreviewSize, QueryParameter(description="Boxes of 400, 1024 and 2048 pixels.")] = "thumb",
) -> Response[bytes] | Response[PendingAnswer]:
    """Redirects to the picture; 202 with `Retry-After` while it is being made, 404 `preview_unavailable` if there is none."""
    url = await sign_preview(deps, principal, origin, item_ref(item), size, version_id=wanted_version(version))
    if url is None:
        headers = {"Retry-After": str(PENDING_RETRY_SECONDS), "Cache-Control": NO_STORE}
        return Response(PendingAnswer(), status_code=202, headers=headers)
    return redirect(url)


@get(
    "/v1/items/{item:str}/preview/info",
    opt=user(READ, links=True) | documented(raises=[KindConflict, StateConflict]),
    operation_id="get_preview_info",
    tags=["content"],
    summary="See what is known of a preview",
)
async def get_preview_info(
    item: InPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, version: WantedVersion = None
) -> Response[PreviewInfoAnswer]:
    """How far the preview is, which pictures there are, and how large the original is."""
    found = await find_content(deps, principal, origin, item_ref(item), version_id=wanted_version(version))
    content = found.content
    async with deps.work.read() as connection:
        facts = await facts_of(connection, content.blob_id)
    answer = PreviewInfoAnswer(
        content.preview_status,
        content.preview_reason,
        content.id,
        content.mime_type,
        content.width,
        content.height,
        content.placeholder,
        [_picture(one) for one in content.preview_images],
        timestamp(content.preview_at) if content.preview_at else None,
        msgspec.convert(facts, FactsAnswer),
    )
    return Response(answer)


def _picture(stored: dict[str, Any]) -> PictureAnswer:
    return PictureAnswer(stored["box_pixels"], stored["width"], stored["height"], stored["size_bytes"], stored["mime_type"])


ROUTES = (get_preview, get_preview_info)
