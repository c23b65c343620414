"""Sessions: signing in, renewing tokens, signing out."""

from litestar import Response, post
from litestar.params import JSONBody
from pydantic import Field

from coffer_auth.cookies import RefreshCookies
from coffer_auth.handlers import sessions
from coffer_auth.handlers.sessions import Login
from coffer_auth.routes.answers import TokenAnswer, token_answer
from coffer_auth.routes.requests import Req, TheCallers, TheCookies, TheDeps
from coffer_chassis.access_rules import public, session_only
from coffer_chassis.answers import Body
from coffer_chassis.limits import limited
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin, ThePrincipal
from coffer_contracts.problems import (
    AccountSuspended,
    CsrfFailed,
    EmailUnverified,
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
    cookie: bool = Field(
        False, strict=True, description="Keep the refresh token in a cookie instead of showing it; for Coffer's own pages."
    )
    known_device: str | None = Field(
        None,
        max_length=256,
        description="A refresh token this device was given before, spent or not: others' failures then do not keep it out.",
    )


class RefreshBody(Body):
    """A refresh."""

    refresh_token: str | None = Field(
        None,
        max_length=256,
        description="The newest refresh token of the session; left out by browsers that keep it in a cookie.",
    )


class LogoutBody(Body):
    """How far a sign-out reaches."""

    all: bool = Field(False, strict=True, description="End every session of the account.")


@post(
    "/v1/auth/login",
    opt=public()
    | limited("auth")
    | documented(
        raises=[InvalidCredentials, MfaRequired, AccountSuspended, EmailUnverified, CsrfFailed, TooManyAttempts, Unavailable],
        events=["auth.session.created.v1", "auth.login.failed.v1"],
        request={"login": "ada", "password": "four quiet otters", "device_name": "Ada's laptop"},
    ),
    status_code=200,
)
async def sign_in(
    data: JSONBody[LoginBody], request: Req, origin: TheOrigin, deps: TheDeps, callers: TheCallers, refresh_cookies: TheCookies
) -> Response[TokenAnswer]:
    """Sign in with user name or e-mail address.

    An address names the account that has proved it, and until one has, the first that claimed it.

    A wrong password and an account that does not exist get the same answer. After 10 failures from one network, and after
    50 from anywhere, the account is refused for up to 15 minutes; but failures elsewhere do not keep out whoever comes from a
    network that it was signed in from before, and no failures of others keep out a `known_device`. Where a second factor is on,
    the right password is answered with 401 `mfa_required` and an `mfa_token` for `POST /v1/auth/login/mfa`.

    With `cookie` the refresh token is set as a cookie that scripts cannot read and is not shown. Requests for and with that
    cookie need the header `X-Coffer-Csrf: 1` and the Origin of Coffer's own pages. The cookie of before is a `known_device`.
    """
    if data.cookie:
        refresh_cookies.check(request.headers)
    known = data.known_device or (refresh_cookies.token_in(request.cookies) if data.cookie else None)
    command = Login(data.login, data.password, data.device_name, callers.of(request.scope), known)
    return token_answer(await sessions.login(command, origin, deps), refresh_cookies if data.cookie else None)


@post(
    "/v1/auth/refresh",
    opt=public()
    | documented(
        raises=[Unauthenticated, AccountSuspended, CsrfFailed],
        events=["auth.session.reuse_detected.v1", "auth.session.revoked.v1"],
    ),
    status_code=200,
)
async def refresh_session(
    request: Req,
    origin: TheOrigin,
    deps: TheDeps,
    callers: TheCallers,
    refresh_cookies: TheCookies,
    data: JSONBody[RefreshBody | None] = None,
) -> Response[TokenAnswer]:
    """Renew a pair of tokens.

    The refresh token is spent. Shown again within 10 seconds it still brings a pair, for tabs that refresh at the same
    moment; later it is taken for stolen and the session ends.

    Without a token in the body the cookie counts, and the new token is kept in it as well.
    """
    shown = data.refresh_token if data is not None else None
    kept = refresh_cookies.token_in(request.cookies) if shown is None else None
    if kept is not None:
        refresh_cookies.check(request.headers)
    token = shown if shown is not None else kept
    if token is None:
        raise Unauthenticated("There is no refresh token, neither in the body nor in a cookie.")
    pair = await sessions.refresh(token, callers.of(request.scope), origin, deps)
    return token_answer(pair, refresh_cookies if kept is not None else None)


@post("/v1/auth/logout", opt=session_only() | documented(events=["auth.session.revoked.v1"]), status_code=204)
async def sign_out(
    principal: ThePrincipal,
    request: Req,
    origin: TheOrigin,
    deps: TheDeps,
    callers: TheCallers,
    refresh_cookies: TheCookies,
    data: JSONBody[LogoutBody | None] = None,
) -> Response[None]:
    """Sign out.

    Ends this session, or with `all` every session of the account. The body may be left out. A browser forgets its cookie.
    """
    everywhere = data is not None and data.all
    await sessions.logout(principal, origin, deps, everywhere=everywhere, caller=callers.of(request.scope))
    return _signed_out(request, refresh_cookies)


@post(
    "/v1/auth/cookie/logout",
    opt=public() | documented(raises=[CsrfFailed], events=["auth.session.revoked.v1"]),
    status_code=204,
)
async def sign_out_browser(
    request: Req, origin: TheOrigin, deps: TheDeps, callers: TheCallers, refresh_cookies: TheCookies
) -> Response[None]:
    """Sign a browser out by its cookie.

    For pages without an access token at hand: ends the session that the cookie belongs to, and the browser forgets it. The
    same answer where there is no session any more.
    """
    refresh_cookies.check(request.headers)
    token = refresh_cookies.token_in(request.cookies)
    if token is not None:
        await sessions.logout_by_token(token, callers.of(request.scope), origin, deps)
    return _signed_out(request, refresh_cookies)


ROUTES = (sign_in, refresh_session, sign_out, sign_out_browser)


def _signed_out(request: Req, cookies: RefreshCookies) -> Response[None]:
    return Response(None, status_code=204, cookies=[cookies.gone()] if cookies.name in request.cookies else None)
