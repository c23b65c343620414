"""Codes and proofs: the second step of a sign-in, and proving again who one is."""

import msgspec
from litestar import Response, post
from litestar.params import JSONBody
from pydantic import Field

from coffer_auth.handlers import mfa_login, step_up
from coffer_auth.handlers.challenges import Answer
from coffer_auth.handlers.codes import Shown
from coffer_auth.handlers.step_up import Asker
from coffer_auth.routes.answers import TokenAnswer, token_answer
from coffer_auth.routes.mfa import PROOF, Code, OneCodeBody, Password, RecoveryCode
from coffer_auth.routes.requests import Req, TheCallers, TheCookies, TheDeps
from coffer_chassis.access_rules import public, session_only
from coffer_chassis.answers import Body, Timestamp, timestamp
from coffer_chassis.limits import limited
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin, ThePrincipal
from coffer_contracts.auth import LoginFailedV1, SessionCreatedV1
from coffer_contracts.auth_factors import MfaRecoveryUsedV1
from coffer_contracts.problems import AccountSuspended, CsrfFailed, InvalidCredentials, MfaInvalid, TooManyAttempts


class LoginCodeBody(OneCodeBody):
    """The second step of a sign-in."""

    mfa_token: str = Field(max_length=256, description="As the answer `mfa_required` gave it.")
    cookie: bool = Field(False, strict=True, description="As at `POST /v1/auth/login`.")


class StepUpBody(Body):
    """What proves that it is still the same person."""

    password: Password
    code: Code | None = None
    recovery_code: RecoveryCode | None = None


class ProofAnswer(msgspec.Struct, frozen=True):
    """Until when security settings may change."""

    proved_until: Timestamp
    methods: list[str]


@post(
    "/v1/auth/step-up",
    opt=session_only()
    | documented(
        raises=[*PROOF, MfaInvalid],
        events=[MfaRecoveryUsedV1.type],
        request={"password": "four quiet otters", "code": "287082"},
    ),
    status_code=200,
    tags=["auth"],
)
async def step_up_session(
    data: JSONBody[StepUpBody], request: Req, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, callers: TheCallers
) -> Response[ProofAnswer]:
    """Prove again that it is you.

    Takes the password and, where a second factor is on, a code of either kind. For 15 minutes this session may then change
    security settings; requests that are refused with `step_up_required` can be repeated.
    """
    shown = Shown(data.password, data.code, data.recovery_code)
    until, methods = await step_up.step_up(shown, Asker(principal, callers.of(request.scope), origin), deps)
    return Response(ProofAnswer(timestamp(until), methods))


@post(
    "/v1/auth/login/mfa",
    opt=public()
    | limited("auth")
    | documented(
        raises=[MfaInvalid, AccountSuspended, InvalidCredentials, CsrfFailed, TooManyAttempts],
        events=[SessionCreatedV1.type, LoginFailedV1.type, MfaRecoveryUsedV1.type],
        request={"mfa_token": "cof_mfa_Wc5TAx1nJb8yKpD0uq3hVg7sLrM2eFiZ4tNoXaQkB6E", "code": "287082"},
    ),
    status_code=200,
    tags=["auth"],
)
async def sign_in_with_code(
    data: JSONBody[LoginCodeBody],
    request: Req,
    origin: TheOrigin,
    deps: TheDeps,
    callers: TheCallers,
    refresh_cookies: TheCookies,
) -> Response[TokenAnswer]:
    """Finish a sign-in with a code.

    A sign-in waits five minutes and takes five wrong codes, from the network it was begun in; then it begins with the password
    again. Every code is taken once. After five wrong codes in a row the account waits before the next, up to an hour; a
    recovery code is taken at any time.
    """
    if data.cookie:
        refresh_cookies.check(request.headers)
    answer = Answer(data.mfa_token, Shown(None, data.code, data.recovery_code), callers.of(request.scope))
    return token_answer(await mfa_login.login_with_code(answer, origin, deps), refresh_cookies if data.cookie else None)


ROUTES = (step_up_session, sign_in_with_code)
