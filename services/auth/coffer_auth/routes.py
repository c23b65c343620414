"""auth over HTTP: parse, call one handler, shape the answer."""

import hashlib
import hmac
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, JSONBody, QueryParameter
from pydantic import Field

from coffer_auth.callers import Callers
from coffer_auth.domain import ACCESS_LIFE, User
from coffer_auth.handlers import accounts, sessions
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.sessions import Login, TokenPair
from coffer_chassis.access_rules import public
from coffer_chassis.access_rules import user as signed_in
from coffer_chassis.admin.routes import admin_routes
from coffer_chassis.answers import Body, Timestamp, timestamp
from coffer_chassis.idempotency import claim, once
from coffer_chassis.identity import Principal
from coffer_chassis.openapi import documented
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.problems import (
    AccountSuspended,
    IdempotencyInProgress,
    IdempotencyKeyReuse,
    InsufficientScope,
    InvalidCredentials,
    PasswordWeak,
    TooManyAttempts,
    Unauthenticated,
    Unavailable,
    UsernameTaken,
)

KEY_SET_CACHE = "public, max-age=300"
SECRET = "no-store"  # noqa: S105  # a Cache-Control value: RFC 6749 section 5.1 wants it on answers with tokens

KEY_SET_EXAMPLE = {
    "keys": [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "use": "sig",
            "alg": "EdDSA",
            "kid": "5f0c1d2e3a4b5c6d",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        }
    ]
}

Req = Request[Any, Any, Any]
TheOrigin = NamedDependency[Origin]
TheDeps = NamedDependency[Deps]
TheCallers = NamedDependency[Callers]
ThePrincipal = NamedDependency[Principal]
Locale = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", max_length=35)]


class RegisterBody(Body):
    """A new account."""

    username: str = Field(max_length=256, description="3 to 64 letters, digits, `.`, `_`, `-`; unique whatever the case.")
    email: str = Field(max_length=512, description="Where Coffer writes to.")
    password: str = Field(max_length=1024, description="10 to 256 characters.")
    locale: Locale | None = Field(None, description="BCP 47 language tag; default `en`.")


class LoginBody(Body):
    """A sign-in."""

    login: str = Field(max_length=512, description="User name or e-mail address.")
    password: str = Field(max_length=1024, description="The password.")
    device_name: str | None = Field(None, max_length=128, description="How the device shall be called in lists.")


class RefreshBody(Body):
    """A refresh."""

    refresh_token: str = Field(max_length=256, description="The newest refresh token of the session.")


class LogoutBody(Body):
    """How far a sign-out reaches."""

    all: bool = Field(False, strict=True, description="End every session of the account.")


class UserAnswer(msgspec.Struct, frozen=True):
    """An account as its owner sees it."""

    id: str
    username: str
    email: str
    email_verified: bool
    display_name: str
    locale: str
    roles: list[str]
    created_at: Timestamp


class TokenAnswer(msgspec.Struct, frozen=True):
    """What a signed-in device keeps; `expires_in` in seconds."""

    access_token: str
    token_type: str
    expires_in: int
    expires_at: Timestamp
    refresh_token: str
    refresh_expires_at: Timestamp
    session_id: str
    user: UserAnswer


@post(
    "/v1/auth/register",
    opt=public()
    | documented(
        raises=[UsernameTaken, PasswordWeak, IdempotencyKeyReuse, IdempotencyInProgress, Unavailable],
        headers=["Idempotent-Replayed"],
        events=["auth.user.registered.v1"],
        request={"username": "ada", "email": "ada@example.org", "password": "four quiet otters"},
    ),
)
async def register_account(
    data: JSONBody[RegisterBody],
    request: Req,
    origin: TheOrigin,
    deps: TheDeps,
    callers: TheCallers,
    idempotency_key: Annotated[
        str | None, HeaderParameter(name="Idempotency-Key", description="Makes repeating safe for 24 hours.")
    ] = None,
) -> Response[UserAnswer]:
    """Make an account.

    If the e-mail address is in use already, the answer looks the same but nothing is made.
    """
    address = callers.of(request.scope).address
    used = claim(
        idempotency_key,
        principal=f"anonymous@{address}",
        route="POST /v1/auth/register",
        body=data.model_dump() | {"password": _fingerprint(data.password, deps.fingerprint_key)},
    )
    command = await accounts.prepare_registration(data.username, data.email, data.password, data.locale, deps)
    by_user = Origin(command.user_id, "user", origin.correlation_id, origin.causation_id, origin.traceparent)

    async def run(unit: Unit) -> dict[str, Any]:
        made: dict[str, Any] = msgspec.to_builtins(_user_answer(await accounts.register(command, unit, deps)))
        return made

    answer, replayed = await once(deps.work, by_user, used, run)
    headers = {"Cache-Control": SECRET, **({"Idempotent-Replayed": "true"} if replayed else {})}
    return Response(msgspec.convert(answer, UserAnswer), status_code=201, headers=headers)


@post(
    "/v1/auth/login",
    opt=public()
    | documented(
        raises=[InvalidCredentials, AccountSuspended, TooManyAttempts, Unavailable],
        events=["auth.session.created.v1", "auth.login.failed.v1"],
        request={"login": "ada", "password": "four quiet otters", "device_name": "Ada's laptop"},
    ),
    status_code=200,
)
async def sign_in(
    data: JSONBody[LoginBody], request: Req, origin: TheOrigin, deps: TheDeps, callers: TheCallers
) -> Response[TokenAnswer]:
    """Sign in with user name or e-mail address.

    A wrong password and an account that does not exist get the same answer. After 10 failures from one address, and after
    50 from anywhere, the account is refused for up to 15 minutes.
    """
    command = Login(data.login, data.password, data.device_name, callers.of(request.scope))
    return _token_answer(await sessions.login(command, origin, deps))


@post(
    "/v1/auth/refresh",
    opt=public()
    | documented(
        raises=[Unauthenticated, AccountSuspended],
        events=["auth.session.reuse_detected.v1", "auth.session.revoked.v1"],
    ),
    status_code=200,
)
async def refresh_session(
    data: JSONBody[RefreshBody], request: Req, origin: TheOrigin, deps: TheDeps, callers: TheCallers
) -> Response[TokenAnswer]:
    """Renew a pair of tokens.

    The refresh token is spent. Shown again within 10 seconds it still brings a pair, for tabs that refresh at the same
    moment; later it is taken for stolen and the session ends.
    """
    return _token_answer(await sessions.refresh(data.refresh_token, callers.of(request.scope), origin, deps))


@post("/v1/auth/logout", opt=signed_in() | documented(events=["auth.session.revoked.v1"]), status_code=204)
async def sign_out(principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, data: JSONBody[LogoutBody | None] = None) -> None:
    """Sign out.

    Ends this session, or with `all` every session of the account. The body may be left out.
    """
    await sessions.logout(principal, origin, deps, everywhere=data is not None and data.all)


@get("/v1/auth/verify", opt=signed_in() | documented(raises=[InsufficientScope]))
async def verify_token(
    principal: ThePrincipal,
    scope_needed: Annotated[
        str | None, QueryParameter(name="scope", description="A scope the token must have, e.g. `files:read`.")
    ] = None,
) -> Response[None]:
    """Check a token, for proxies that ask before they forward.

    200 with the caller in `X-User-Id`, `X-Session-Id` and `X-Scopes` (separated by spaces); else 401, or 403 without the
    scope.
    """
    if scope_needed is not None and scope_needed not in principal.scopes:
        raise InsufficientScope(required_scopes=[scope_needed])
    headers = {
        "X-User-Id": principal.user_id,
        "X-Session-Id": principal.session_id,
        "X-Scopes": " ".join(sorted(principal.scopes)),
        "Cache-Control": SECRET,
    }
    return Response(None, status_code=200, headers=headers)


@get("/v1/me", opt=signed_in("account:read"))
async def get_me(principal: ThePrincipal, deps: TheDeps) -> UserAnswer:
    """Show one's own account."""
    return _user_answer(await accounts.account(principal.user_id, principal.session_id, deps))


@get("/.well-known/jwks.json", opt=public() | documented(response=KEY_SET_EXAMPLE), tags=["auth"])
async def get_key_set(deps: TheDeps) -> Response[dict[str, Any]]:
    """Show the public keys of access tokens.

    A JSON Web Key Set (RFC 7517); may be cached for five minutes.
    """
    return Response(await deps.keys.published(), headers={"Cache-Control": KEY_SET_CACHE})


ROUTES = (register_account, sign_in, refresh_session, sign_out, verify_token, get_me, get_key_set, *admin_routes("auth"))


def _fingerprint(password: str, key: bytes) -> str:
    """Tells a repeated request from another without leaving a fast hash of the password in the store."""
    return hmac.new(key, password.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()


def _user_answer(user: User) -> UserAnswer:
    return UserAnswer(
        id=user.id,
        username=user.username,
        email=user.email,
        email_verified=user.email_verified,
        display_name=user.display_name,
        locale=user.locale,
        roles=list(user.roles),
        created_at=timestamp(user.created_at),
    )


def _token_answer(pair: TokenPair) -> Response[TokenAnswer]:
    answer = TokenAnswer(
        access_token=pair.access_token,
        token_type="Bearer",  # noqa: S106  # the kind of token, RFC 6750
        expires_in=int(ACCESS_LIFE.total_seconds()),
        expires_at=timestamp(pair.expires_at),
        refresh_token=pair.refresh_token,
        refresh_expires_at=timestamp(pair.session.expires_at),
        session_id=pair.session.id,
        user=_user_answer(pair.user),
    )
    return Response(answer, headers={"Cache-Control": SECRET})
