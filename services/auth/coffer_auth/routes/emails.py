"""E-mail addresses: proving and changing them."""

import msgspec
from litestar import Response, post
from litestar.params import JSONBody
from pydantic import Field

from coffer_auth.handlers import emails
from coffer_auth.routes.answers import UserAnswer, user_answer
from coffer_auth.routes.requests import SECRET, Req, TheCallers, TheDeps
from coffer_chassis.access_rules import public, session_only
from coffer_chassis.answers import Body
from coffer_chassis.limits import limited
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin, ThePrincipal
from coffer_contracts.problems import InvalidCredentials, LinkExpired, StepUpRequired, TooManyAttempts, Unavailable


class VerifyBody(Body):
    """The link of a mail."""

    token: str = Field(max_length=256, description="What stands behind `#token=` in the link.")


class EmailBody(Body):
    """Another address."""

    email: str = Field(max_length=512, description="The new address.")
    password: str = Field(max_length=1024, description="The account's password.")


class PendingEmailAnswer(msgspec.Struct, frozen=True):
    """An address that waits to be proved."""

    pending_email: str


@post(
    "/v1/auth/verify-email",
    opt=public()
    | limited("auth")
    | documented(
        raises=[LinkExpired],
        events=["auth.user.verified.v1", "auth.user.changed.v1"],
        request={"token": "cof_mail_6rQ2vJx0b7yW9cT4mK1nP8sD3fG5hL0aZ2xV7uE9iOw"},
    ),
    status_code=200,
)
async def verify_email(data: JSONBody[VerifyBody], origin: TheOrigin, deps: TheDeps) -> Response[UserAnswer]:
    """Prove an e-mail address with the link of a mail.

    A link works once, for 24 hours, and until a newer one was mailed. Where an address is changed, it becomes the account's by
    this.
    """
    return Response(user_answer(await emails.verify_email(data.token, origin, deps)), headers={"Cache-Control": SECRET})


@post(
    "/v1/auth/verify-email/resend",
    opt=session_only() | documented(raises=[TooManyAttempts]),
    status_code=202,
)
async def resend_verification(
    principal: ThePrincipal, request: Req, origin: TheOrigin, deps: TheDeps, callers: TheCallers
) -> None:
    """Mail a new link to the address that waits to be proved.

    Links of earlier mails end. Nothing is sent if no address waits. Five mails to one mailbox in 15 minutes are enough.
    """
    await emails.resend_verification(principal, callers.of(request.scope), origin, deps)


@post(
    "/v1/me/email",
    opt=session_only()
    | documented(
        raises=[InvalidCredentials, StepUpRequired, TooManyAttempts, Unavailable],
        request={"email": "ada@example.com", "password": "four quiet otters"},
    ),
    status_code=202,
)
async def change_email(
    data: JSONBody[EmailBody], principal: ThePrincipal, request: Req, origin: TheOrigin, deps: TheDeps, callers: TheCallers
) -> PendingEmailAnswer:
    """Change the e-mail address.

    A link is mailed to the new address, which is the account's once the link is followed; the old address is told then. An
    address that belongs to another account is not refused here: its owner is told, and no link leads to it. Changing or
    resetting the password ends a change that waits.
    """
    caller = callers.of(request.scope)
    return PendingEmailAnswer(await emails.change_email(data.email, data.password, principal, caller, origin, deps))


ROUTES = (verify_email, resend_verification, change_email)
