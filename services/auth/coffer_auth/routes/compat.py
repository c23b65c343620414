"""The routes of the CloudDrive API that are about people: its shapes, our handlers (INTERFACES 1.7).

They stay: answers name the route to prefer as `successor-version` (RFC 5829) and announce no end.
"""

from typing import Annotated, Any

import msgspec
from litestar import MediaType, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body as Form
from litestar.params import JSONBody, QueryParameter
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from coffer_auth.handlers import accounts, photos, sessions
from coffer_auth.handlers.sessions import Login, as_user
from coffer_auth.routes.answers import TokenAnswer, token_answer
from coffer_auth.routes.requests import SECRET, Req, TheCallers, TheDeps
from coffer_chassis.access_rules import any_token, public
from coffer_chassis.access_rules import user as signed_in
from coffer_chassis.answers import Body, successor
from coffer_chassis.limits import limited
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin, ThePrincipal
from coffer_contracts.problems import (
    AccountSuspended,
    EmailUnverified,
    InvalidCredentials,
    MfaRequired,
    NotFound,
    PasswordWeak,
    RateLimited,
    TooLarge,
    TooManyAttempts,
    Unavailable,
    UsernameTaken,
)


def _storable(text: str) -> str:
    if "\x00" in text:
        raise PydanticCustomError("nul_character", "text cannot hold U+0000")
    return text


FormText = Annotated[str, AfterValidator(_storable)]
"""Text of a form: JSON bodies are looked through before they get here, forms are not."""


class CreateUserBody(Body):
    """A new account, as the CloudDrive API takes it."""

    username: str = Field(max_length=256, description="3 to 64 letters, digits, `.`, `_`, `-`.")
    email: str = Field(max_length=512, description="Where Coffer writes to.")
    password: str = Field(max_length=1024, description="10 to 256 characters.")


class LoginForm(Body):
    """A sign-in as OAuth2's password form (RFC 6749 section 4.3.2). Only name and password count."""

    username: FormText = Field(max_length=512, description="User name or e-mail address.")
    password: FormText = Field(max_length=1024, description="The password.")
    grant_type: str | None = Field(None, max_length=64, description="`password`, if it is given.", pattern="^(password)?$")
    scope: str | None = Field(None, max_length=1024, description="Left aside: a sign-in may do all that the person may.")
    client_id: str | None = Field(None, max_length=256, description="Left aside.")
    client_secret: str | None = Field(None, max_length=1024, description="Left aside.")


class MessageAnswer(msgspec.Struct, frozen=True):
    """What happened, in a sentence."""

    message: str


class ValidTokenAnswer(msgspec.Struct, frozen=True):
    """The token holds, and whose it is."""

    status: str
    user_id: str


class PhotoFormAnswer(msgspec.Struct, frozen=True):
    """A form: where it is sent, and its fields before the file."""

    url: str
    fields: dict[str, str]


@post(
    "/user",
    opt=public()
    | limited("auth")
    | documented(
        raises=[UsernameTaken, PasswordWeak, Unavailable],
        headers=["Link"],
        events=["auth.user.registered.v1"],
        request={"username": "ada", "email": "ada@example.org", "password": "four quiet otters"},
        compat=True,
    ),
)
async def create_user(data: JSONBody[CreateUserBody], origin: TheOrigin, deps: TheDeps) -> Response[MessageAnswer]:
    """Make an account, the CloudDrive way.

    As `POST /v1/auth/register`, with a sentence for an answer.
    """
    command = await accounts.prepare_registration(data.username, data.email, data.password, None, deps)
    by_user = as_user(origin, command.user_id)
    async with deps.work.unit(by_user) as unit:
        await accounts.register(command, unit, deps)
    headers = {"Cache-Control": SECRET, **successor("/v1/auth/register")}
    return Response(MessageAnswer("User created."), status_code=201, headers=headers)


@post(
    "/login",
    opt=public()
    | limited("auth")
    | documented(
        raises=[InvalidCredentials, MfaRequired, AccountSuspended, EmailUnverified, TooManyAttempts, Unavailable],
        headers=["Link"],
        events=["auth.session.created.v1", "auth.login.failed.v1"],
        request={"grant_type": "password", "username": "ada", "password": "four quiet otters"},
        compat=True,
    ),
    status_code=200,
)
async def login_with_form(
    data: Annotated[LoginForm, Form(media_type=RequestEncodingType.URL_ENCODED)],
    request: Req,
    origin: TheOrigin,
    deps: TheDeps,
    callers: TheCallers,
) -> Response[TokenAnswer]:
    """Sign in with OAuth2's password form.

    As `POST /v1/auth/login`; `access_token` and `token_type` are what the CloudDrive API answered, the rest comes on top. An
    account with a second factor is answered with 401 `mfa_required` and goes on at `POST /v1/auth/login/mfa`.
    """
    command = Login(data.username, data.password, None, callers.of(request.scope))
    answer = token_answer(await sessions.login(command, origin, deps))
    answer.headers.update(successor("/v1/auth/login"))
    return answer


@get("/verify-token", opt=any_token() | documented(headers=["Link"], compat=True))
async def check_token(principal: ThePrincipal) -> Response[ValidTokenAnswer]:
    """Check a token, the CloudDrive way.

    As `GET /v1/auth/verify`, with the account in the answer.
    """
    headers = {"Cache-Control": SECRET, **successor("/v1/auth/verify")}
    return Response(ValidTokenAnswer("valid", principal.user_id), headers=headers)


@post(
    "/profile-photo",
    opt=signed_in("account:write")
    | documented(raises=[TooLarge, RateLimited], headers=["Link"], events=["auth.photo.received.v1"], compat=True),
    status_code=200,
)
async def request_photo_form(
    photo_size_in_bytes: Annotated[int, QueryParameter(description="Length in bytes, exactly; at most 5 MiB.")],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
) -> Response[PhotoFormAnswer]:
    """Get a form that sends a photo of oneself, the CloudDrive way.

    As `PUT /v1/me/photo`, for a multipart POST: all `fields` as they are, then the bytes as `file`.
    """
    photo = await photos.start_photo(deps, principal, origin, photo_size_in_bytes, None)
    form = photos.sign_form(deps, photo)
    headers = {"Cache-Control": SECRET, **successor("/v1/me/photo")}
    return Response(PhotoFormAnswer(form.url, dict(form.fields)), headers=headers)


@get(
    "/profile-photo",
    opt=signed_in("account:read")
    | documented(raises=[NotFound], headers=["Link"], response="https://bucket.example/photos/a/b?signed", compat=True),
)
async def get_photo_url(principal: ThePrincipal, deps: TheDeps) -> Response[str]:
    """Get the address of one's own photo, the CloudDrive way.

    The answer is a JSON string. 404 without a photo.
    """
    address = await photos.photo_address(deps, principal.user_id)
    headers = {"Cache-Control": SECRET, **successor("/v1/me/photo")}
    text: Any = msgspec.json.encode(address.url)  # a bare string would be sent without its quotes
    return Response(text, media_type=MediaType.JSON, headers=headers)


ROUTES = (create_user, login_with_form, check_token, request_photo_form, get_photo_url)
