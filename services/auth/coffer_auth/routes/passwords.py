"""Passwords: forgotten, reset, changed."""

from litestar import post
from litestar.params import JSONBody
from pydantic import Field

from coffer_auth.handlers import passwords
from coffer_auth.routes.requests import Req, TheCallers, TheDeps
from coffer_chassis.access_rules import public, session_only
from coffer_chassis.answers import Body
from coffer_chassis.limits import limited
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin, ThePrincipal
from coffer_contracts.problems import (
    InvalidCredentials,
    LinkExpired,
    PasswordWeak,
    StepUpRequired,
    TooManyAttempts,
    Unavailable,
)

NEW_PASSWORD = "10 to 256 characters."  # noqa: S105  # a description


class ForgotBody(Body):
    """Somebody forgot their password."""

    email: str = Field(max_length=512, description="The account's address.")


class ResetBody(Body):
    """The link of a mail, and what shall be the password."""

    token: str = Field(max_length=256, description="What stands behind `#token=` in the link.")
    new_password: str = Field(max_length=1024, description=NEW_PASSWORD)


class ChangeBody(Body):
    """Another password."""

    current: str = Field(max_length=1024, description="The password so far.")
    new: str = Field(max_length=1024, description=NEW_PASSWORD)


@post(
    "/v1/auth/password/forgot",
    opt=public()
    | limited("auth")
    | documented(raises=[TooManyAttempts], events=["auth.password.reset_requested.v1"], request={"email": "ada@example.org"}),
    status_code=202,
)
async def forgot_password(
    data: JSONBody[ForgotBody], request: Req, origin: TheOrigin, deps: TheDeps, callers: TheCallers
) -> None:
    """Ask for a link to reset a password.

    Always the same answer after the same work, whether or not the address belongs to an account. The link works once, for 30
    minutes, and until a newer one was mailed. Five mails to one mailbox in 15 minutes are enough: more are not sent.
    """
    await passwords.forget_password(data.email, callers.of(request.scope), origin, deps)


@post(
    "/v1/auth/password/reset",
    opt=public()
    | limited("auth")
    | documented(
        raises=[LinkExpired, PasswordWeak, Unavailable],
        events=["auth.password.changed.v1", "auth.session.revoked.v1", "auth.user.verified.v1"],
        request={"token": "cof_mail_6rQ2vJx0b7yW9cT4mK1nP8sD3fG5hL0aZ2xV7uE9iOw", "new_password": "five loud badgers"},
    ),
    status_code=204,
)
async def reset_password(
    data: JSONBody[ResetBody], request: Req, origin: TheOrigin, deps: TheDeps, callers: TheCallers
) -> None:
    """Reset a password with the link of a mail.

    Every session of the account ends. A password that is refused leaves the link as it is. The address is proved by it, too.
    """
    await passwords.reset_password(data.token, data.new_password, callers.of(request.scope), origin, deps)


@post(
    "/v1/me/password",
    opt=session_only()
    | documented(
        raises=[InvalidCredentials, StepUpRequired, PasswordWeak, TooManyAttempts, Unavailable],
        events=["auth.password.changed.v1", "auth.session.revoked.v1"],
        request={"current": "four quiet otters", "new": "five loud badgers"},
    ),
    status_code=204,
)
async def change_password(
    data: JSONBody[ChangeBody], principal: ThePrincipal, request: Req, origin: TheOrigin, deps: TheDeps, callers: TheCallers
) -> None:
    """Change the password.

    Every other session of the account ends; this one goes on.
    """
    await passwords.change_password(data.current, data.new, principal, callers.of(request.scope), origin, deps)


ROUTES = (forgot_password, reset_password, change_password)
