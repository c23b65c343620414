"""Previews over HTTP: where a picture is, what is known of the preview, and having one made anew."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import HeaderParameter, QueryParameter

from coffer_chassis.access_rules import user
from coffer_chassis.answers import Timestamp, timestamp
from coffer_chassis.limits.policies import limited
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin, ThePrincipal
from coffer_contracts.files import PreviewStatus
from coffer_contracts.problems import KindConflict, StateConflict
from coffer_files.domain.previews import PictureForm, PreviewSize, PreviewUnavailable, form_for
from coffer_files.handlers.content import find_content
from coffer_files.handlers.preview_requests import make_preview_anew
from coffer_files.handlers.showing import facts_shown, sign_preview
from coffer_files.routes.content import WantedVersion, redirect, wanted_version
from coffer_files.routes.requests import NO_STORE, READ, WRITE, InPath, TheDeps, item_ref
from coffer_files.store.texts import beginning_of

PENDING_RETRY_SECONDS = 1
LAST_PAGE = (1 << 31) - 1
"""No document has more; a column holds no more."""
EXCERPT_LENGTH = 500
"""Characters of a file's words that stand with its preview."""


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


class LocationAnswer(msgspec.Struct, frozen=True):
    """Degrees north and east."""

    latitude: float
    longitude: float


class FactsAnswer(msgspec.Struct, frozen=True):
    """What else is known of the content; null where the file does not tell. `taken` is the camera's clock, with an offset
    from UTC if the camera knew it. `colour` is the mean colour. Pictures that look alike differ in few bits of `dhash`.
    `waveform` says how loud a recording is over its first `waveform_milliseconds`: base64 of up to 800 bytes,
    255 for full scale.
    `location` is told to the owner alone, who has to have asked for it in the settings of the drive.
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
    location: LocationAnswer | None = None


class PreviewInfoAnswer(msgspec.Struct, frozen=True):
    """What is known of a preview. `width` and `height` are those of the original, upright; null where they are not known.
    `reason` is a stable word for why there is none. `placeholder` is a tiny WebP as base64. `text_excerpt` is how the
    words of the file begin, plain text whatever they look like; null if it has none, or they were not read yet.
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
    text_excerpt: str | None


Form = Annotated[
    PictureForm | None,
    QueryParameter(name="format", description="`jpeg` for clients that show no WebP; without it `Accept` decides."),
]
Accept = Annotated[str | None, HeaderParameter(name="Accept", description="JPEG for whoever takes that and not WebP.")]


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
    page: Annotated[int, QueryParameter(description="Which page of a document, from 1.", ge=1, le=LAST_PAGE)] = 1,
    form: Form = None,
    accept: Accept = None,
) -> Response[bytes] | Response[PendingAnswer]:
    """Redirects to the picture; 202 with `Retry-After` while it is being made, 404 `preview_unavailable` if there is none.

    Pictures are WebP. Who wants JPEG, by `format` or by an `Accept` that takes JPEG and not WebP, may be the first to want that
    of this file: then it is made now, with 202 until it is there, a second as a rule. What was made is kept.

    So are further pages of a PDF: `page_count` in `preview/info` says how many there are. A page is drawn in the size and form
    that is asked for when somebody turns to it for the first time. `reason` of the 404 is `no_pages` for files of other kinds,
    `no_such_page` behind the last page, and `too_many_pages` behind the thousandth.
    """
    wanted = form or form_for(accept)
    version_id = wanted_version(version)
    url = await sign_preview(deps, principal, origin, item_ref(item), size, version_id=version_id, form=wanted, page=page)
    answer = pending() if url is None else redirect(url)
    answer.headers["Vary"] = "Accept"
    return answer


def pending() -> Response[PendingAnswer]:
    """202: it is being made."""
    headers = {"Retry-After": str(PENDING_RETRY_SECONDS), "Cache-Control": NO_STORE}
    return Response(PendingAnswer(), status_code=202, headers=headers)


@post(
    "/v1/items/{item:str}/preview",
    opt=user(WRITE) | limited("preview") | documented(raises=[KindConflict, StateConflict]),
    status_code=202,
    operation_id="regenerate_preview",
    tags=["content"],
    summary="Have a preview made anew",
)
async def post_preview(
    item: InPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, version: WantedVersion = None
) -> Response[PendingAnswer]:
    """Have everything made again that is made of the file: pictures, its text for search, what is known of it. Until the media
    worker has answered the preview is `pending`; then it is `ready`, or `failed` with a reason. Asking again meanwhile changes
    nothing. Whoever may change the file may ask; what is in the trash is not found.
    """
    await make_preview_anew(deps, principal, origin, item_ref(item), version_id=wanted_version(version))
    return pending()


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
    facts = await facts_shown(deps, principal, found.at, content)
    async with deps.work.read() as connection:
        excerpt = await beginning_of(connection, content.blob_id, EXCERPT_LENGTH)
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
        excerpt,
    )
    return Response(answer)


def _picture(stored: dict[str, Any]) -> PictureAnswer:
    return PictureAnswer(stored["box_pixels"], stored["width"], stored["height"], stored["size_bytes"], stored["mime_type"])


ROUTES = (get_preview, post_preview, get_preview_info)
