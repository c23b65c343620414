"""Accounts: registering."""

import hashlib
import hmac
from typing import Annotated, Any

import msgspec
from litestar import Response, post
from litestar.params import HeaderParameter, JSONBody
from pydantic import Field

from coffer_auth.handlers import accounts
from coffer_auth.handlers.sessions import as_user
from coffer_auth.routes.answers import UserAnswer, user_answer
from coffer_auth.routes.requests import SECRET, Locale, Req, TheCallers, TheDeps
from coffer_chassis.access_rules import public
from coffer_chassis.answers import Body
from coffer_chassis.idempotency import claim, once
from coffer_chassis.limits import limited
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.problems import IdempotencyInProgress, IdempotencyKeyReuse, PasswordWeak, Unavailable, UsernameTaken


class RegisterBody(Body):
    """A new account."""

    username: str = Field(max_length=256, description="3 to 64 letters, digits, `.`, `_`, `-`; unique whatever the case.")
    email: str = Field(max_length=512, description="Where Coffer writes to.")
    password: str = Field(max_length=1024, description="10 to 256 characters.")
    locale: Locale | None = Field(None, description="BCP 47 language tag; default `en`.")


@post(
    "/v1/auth/register",
    opt=public()
    | limited("auth")
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

    Whether the e-mail address is in use already shows nowhere: the account is made and claims it as any other does, and only
    the mail that goes there differs. The address is the account's once the link in the mail was followed.
    """
    address = callers.of(request.scope).address
    used = claim(
        idempotency_key,
        principal=f"anonymous@{address}",
        route="POST /v1/auth/register",
        body=data.model_dump() | {"password": _fingerprint(data.password, deps.fingerprint_key)},
    )
    command = await accounts.prepare_registration(data.username, data.email, data.password, data.locale, deps)
    by_user = as_user(origin, command.user_id)

    async def run(unit: Unit) -> dict[str, Any]:
        made: dict[str, Any] = msgspec.to_builtins(user_answer(await accounts.register(command, unit, deps)))
        return made

    answer, replayed = await once(deps.work, by_user, used, run)
    headers = {"Cache-Control": SECRET, **({"Idempotent-Replayed": "true"} if replayed else {})}
    return Response(msgspec.convert(answer, UserAnswer), status_code=201, headers=headers)


ROUTES = (register_account,)


def _fingerprint(password: str, key: bytes) -> str:
    """Tells a repeated request from another without leaving a fast hash of the password in the store."""
    return hmac.new(key, password.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()
