"""Sessions: signing in, renewing tokens, signing out."""

from litestar import Response, post
from litestar.params import JSONBody
from pydantic import Field

from coffer_auth.handlers import sessions
from coffer_auth.handlers.sessions import Login
from coffer_auth.routes.answers import TokenAnswer, token_answer
from coffer_auth.routes.requests import Req, TheCallers, TheDeps
from coffer_chassis.access_rules import public, session_only
from coffer_chassis.answers import Body
from coffer_chassis.limits import limited
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin, ThePrincipal
from coffer_contracts.problems import (
    AccountSuspended,
    InvalidCredentials,
    MfaRequired,
    TooManyAttempts,
    Unauthenticated,
    Unavailable,
)


class LoginBody(Body):
    """A sign-in."""

    login: str = Field(max_length=512, description="User name or e-mail address.")
    password: str = Field(max_length=1024, description="The password.")
    device_name: str | None = Field(None, max_length=128, description="How the device shall be called in lists.")
    known_device: str | None = Field(
        None,
        max_length=256,
        description="A refresh token this device was given before, spent or not: others' failures then do not keep it out.",
    )


class RefreshBody(Body):
    """A refresh."""

    refresh_token: str = Field(max_length=256, description="The newest refresh token of the session.")


class LogoutBody(Body):
    """How far a sign-out reaches."""

    all: bool = Field(False, strict=True, description="End every session of the account.")


@post(
    "/v1/auth/login",
    opt=public()
    | limited("auth")
    | documented(
        raises=[InvalidCredentials, MfaRequired, AccountSuspended, TooManyAttempts, Unavailable],
        events=["auth.session.created.v1", "auth.login.failed.v1"],
        request={"login": "ada", "password": "four quiet otters", "device_name": "Ada's laptop"},
    ),
    status_code=200,
)
async def sign_in(
    data: JSONBody[LoginBody], request: Req, origin: TheOrigin, deps: TheDeps, callers: TheCallers
) -> Response[TokenAnswer]:
    """Sign in with user name or e-mail address.

    A wrong password and an account that does not exist get the same answer. After 10 failures from one network, and after
    50 from anywhere, the account is refused for up to 15 minutes; but failures elsewhere do not keep out whoever comes from a
    network that it was signed in from before, and no failures of others keep out a `known_device`. Where a second factor is on,
    the right password is answered with 401 `mfa_required` and an `mfa_token` for `POST /v1/auth/login/mfa`.
    """
    command = Login(data.login, data.password, data.device_name, callers.of(request.scope), data.known_device)
    return token_answer(await sessions.login(command, origin, deps))


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
    return token_answer(await sessions.refresh(data.refresh_token, callers.of(request.scope), origin, deps))


@post("/v1/auth/logout", opt=session_only() | documented(events=["auth.session.revoked.v1"]), status_code=204)
async def sign_out(principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, data: JSONBody[LogoutBody | None] = None) -> None:
    """Sign out.

    Ends this session, or with `all` every session of the account. The body may be left out.
    """
    await sessions.logout(principal, origin, deps, everywhere=data is not None and data.all)


ROUTES = (sign_in, refresh_session, sign_out)
