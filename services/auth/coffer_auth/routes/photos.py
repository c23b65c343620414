"""Photos of people: sending one's own, looking at anybody's, taking one's own away."""

from typing import Annotated

import msgspec
from litestar import MediaType, Response, delete, get, put
from litestar.params import JSONBody, PathParameter, QueryParameter
from pydantic import Field

from coffer_auth.domain.photos import PHOTO_BYTES, SIDES
from coffer_auth.handlers import photos
from coffer_auth.handlers.photos import Address
from coffer_auth.routes.requests import SECRET, Req, TheDeps
from coffer_chassis.access_rules import user as signed_in
from coffer_chassis.answers import Body, Timestamp, timestamp
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin, ThePrincipal, known_id, refused
from coffer_contracts.ids import UserId
from coffer_contracts.problems import NotFound, RateLimited, TooLarge

Size = Annotated[
    int, QueryParameter(description="Pixels wanted, 64 to 400. The one picture there is has 400; scale it down from there.")
]
PersonId = Annotated[str, PathParameter(description="The person's id.")]


class PhotoBody(Body):
    """A photo that is to be sent."""

    size: int = Field(strict=True, description="Length in bytes, exactly; at most 5 MiB.")
    mime_type: str = Field(
        max_length=100, description="Of a JPEG, PNG, GIF, WebP, AVIF, HEIC, TIFF or BMP picture, e.g. `image/jpeg`."
    )


class PhotoUploadAnswer(msgspec.Struct, frozen=True):
    """How to send the bytes: this request, with every header as it stands and no Authorization header."""

    id: str
    method: str
    url: str
    headers: dict[str, str]
    max_bytes: int
    expires_at: Timestamp


class PhotoAddressAnswer(msgspec.Struct, frozen=True):
    """Where the picture can be fetched for a while, without a token."""

    url: str
    expires_at: Timestamp


def address_answer(address: Address, request: Req) -> Response[PhotoAddressAnswer] | Response[bytes]:
    """A redirection, or the address as JSON for whoever asks for that; never kept by a cache."""
    headers = {"Cache-Control": SECRET, "Vary": "Accept"}
    if "application/json" in request.headers.get("accept", ""):
        return Response(PhotoAddressAnswer(address.url, timestamp(address.expires_at)), headers=headers)
    return Response(b"", status_code=302, media_type=MediaType.TEXT, headers=headers | {"Location": address.url})


def _check_size(size: int) -> None:
    if size not in SIDES:
        raise refused("size", "out_of_range", f"From {SIDES.start} to {SIDES.stop - 1}.")


@put(
    "/v1/me/photo",
    opt=signed_in("account:write")
    | documented(
        raises=[TooLarge, RateLimited],
        events=["auth.photo.received.v1"],
        request={"size": 482_133, "mime_type": "image/jpeg"},
    ),
    operation_id="send_photo",
)
async def put_photo(
    data: JSONBody[PhotoBody], principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
) -> Response[PhotoUploadAnswer]:
    """Announce a photo of oneself.

    The bytes go straight to the bucket by the signed request in the answer. What is no picture is deleted; `sent_photo` of
    `GET /v1/me` tells what became of it. A photo that was announced later wins, whichever is ready first.
    """
    photo = await photos.start_photo(deps, principal, origin, data.size, data.mime_type)
    signed = photos.sign_put(deps, photo)
    answer = PhotoUploadAnswer(
        photo.id, signed.method, signed.url, dict(signed.headers), PHOTO_BYTES, timestamp(photo.expires_at)
    )
    return Response(answer, headers={"Cache-Control": SECRET})


@get(
    "/v1/me/photo",
    opt=signed_in("account:read") | documented(raises=[NotFound]),
    operation_id="get_own_photo",
    tags=["me"],
)
async def get_own(
    principal: ThePrincipal, request: Req, deps: TheDeps, size: Size = 400
) -> Response[PhotoAddressAnswer] | Response[bytes]:
    """Get one's own photo.

    302 to the picture; with `Accept: application/json` its address. 404 without a photo.
    """
    _check_size(size)
    return address_answer(await photos.photo_address(deps, principal.user_id), request)


@get(
    "/v1/users/{person:str}/photo",
    opt=signed_in("account:read") | documented(raises=[NotFound]),
    operation_id="get_photo",
    tags=["users"],
)
async def get_theirs(
    person: PersonId, request: Req, deps: TheDeps, size: Size = 400
) -> Response[PhotoAddressAnswer] | Response[bytes]:
    """Get somebody's photo.

    302 to the picture; with `Accept: application/json` its address. 404 for nobody and for somebody without a photo.
    """
    _check_size(size)
    return address_answer(await photos.photo_address(deps, UserId(known_id(person))), request)


@delete(
    "/v1/me/photo",
    opt=signed_in("account:write") | documented(events=["auth.user.changed.v1"]),
    operation_id="remove_photo",
    status_code=204,
)
async def delete_photo(principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> None:
    """Take one's photo away.

    Also whatever was sent and is not ready yet. Safe to repeat.
    """
    await photos.remove_photo(deps, principal, origin)


ROUTES = (put_photo, get_own, get_theirs, delete_photo)
