"""Signing in by the word of an OIDC issuer."""

import msgspec
from litestar import Response, get, post
from litestar.params import JSONBody
from pydantic import Field

from coffer_auth.handlers import oidc
from coffer_auth.handlers.oidc import IdToken
from coffer_auth.routes.answers import TokenAnswer, token_answer
from coffer_auth.routes.requests import Req, TheCallers, TheDeps
from coffer_chassis.access_rules import public
from coffer_chassis.answers import Body
from coffer_chassis.limits import limited
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin
from coffer_contracts.problems import (
    AccountNotLinked,
    AccountSuspended,
    EmailUnverified,
    FeatureDisabled,
    MfaRequired,
    TokenExpired,
    Unauthenticated,
    Unavailable,
)


class IdTokenBody(Body):
    """What an issuer says of the person."""

    id_token: str = Field(max_length=16_384, description="An ID token that is at most 10 minutes old.")
    nonce: str | None = Field(None, max_length=512, description="The nonce that the client sent to the issuer.")
    device_name: str | None = Field(None, max_length=128, description="How the device shall be called in lists.")


class IssuerAnswer(msgspec.Struct, frozen=True):
    """An issuer whose word counts here; the client finds the rest in its discovery document."""

    issuer: str
    client_ids: list[str]


class IssuersAnswer(msgspec.Struct, frozen=True):
    """Every issuer whose word counts here."""

    items: list[IssuerAnswer]


@get("/v1/auth/oidc", opt=public())
async def list_oidc_issuers(deps: TheDeps) -> IssuersAnswer:
    """List the OIDC issuers by whose word people may sign in.

    None, unless the operator has configured some.
    """
    return IssuersAnswer([IssuerAnswer(one.issuer, list(one.audience)) for one in deps.issuers.settings])


@post(
    "/v1/auth/oidc",
    opt=public()
    | limited("auth")
    | documented(
        raises=[
            Unauthenticated,
            TokenExpired,
            EmailUnverified,
            AccountNotLinked,
            AccountSuspended,
            FeatureDisabled,
            MfaRequired,
            Unavailable,
        ],
        events=["auth.session.created.v1", "auth.identity.linked.v1", "auth.user.registered.v1"],
        request={"id_token": "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJpc3MiOiJodHRwczovL3Nzby5leGFtcGxlLm9yZyJ9.c2ln"},
    ),
    status_code=200,
)
async def exchange_id_token(
    data: JSONBody[IdTokenBody], request: Req, origin: TheOrigin, deps: TheDeps, callers: TheCallers
) -> Response[TokenAnswer]:
    """Sign in with an ID token of a configured OIDC issuer.

    The first time the person is linked to the account whose verified e-mail address the issuer has verified, too; from then on
    the issuer's `sub` decides, whatever becomes of the address. Where the operator allows it, an account is made for
    whoever has none.
    """
    command = IdToken(data.id_token, data.nonce, data.device_name, callers.of(request.scope))
    return token_answer(await oidc.sign_in(command, origin, deps))


ROUTES = (list_oidc_issuers, exchange_id_token)
