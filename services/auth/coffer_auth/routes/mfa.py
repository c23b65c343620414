"""The second factor of one's own account: setting it up, turning it off, recovery codes."""

from typing import Annotated

import msgspec
from litestar import Response, delete, get, post
from litestar.params import JSONBody
from pydantic import Field, model_validator

from coffer_auth.handlers import mfa
from coffer_auth.handlers.codes import Shown
from coffer_auth.handlers.step_up import Asker
from coffer_auth.routes.requests import SECRET, Req, TheCallers, TheDeps
from coffer_chassis.access_rules import session_only
from coffer_chassis.answers import Body, Timestamp, timestamp
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin, ThePrincipal
from coffer_contracts.auth_factors import MfaCodesRotatedV1, MfaDisabledV1, MfaEnabledV1, MfaRecoveryUsedV1
from coffer_contracts.problems import (
    InvalidCredentials,
    MfaInvalid,
    NotFound,
    StateConflict,
    StepUpRequired,
    TooManyAttempts,
    Unavailable,
)

Password = Annotated[str, Field(max_length=1024, description="The account's password.")]
Code = Annotated[str, Field(max_length=16, description="Six digits of the authenticator app.", examples=["287082"])]
RecoveryCode = Annotated[
    str, Field(max_length=64, description="One of the recovery codes, used up by it.", examples=["7hk2-m0qa-9x4d-c1vz"])
]


class PasswordBody(Body):
    """A proof by password."""

    password: Password


class CodeBody(Body):
    """A proof by a code of the app."""

    code: Code


class OneCodeBody(Body):
    """A code of either kind, and not both."""

    code: Code | None = None
    recovery_code: RecoveryCode | None = None

    @model_validator(mode="after")
    def _one(self) -> "OneCodeBody":
        if (self.code is None) == (self.recovery_code is None):
            raise ValueError("Give either code or recovery_code.")
        return self


class TurnOffBody(OneCodeBody):
    """What turning the second factor off takes."""

    password: Password


class TotpAnswer(msgspec.Struct, frozen=True):
    """What an authenticator app is told; `qr_svg` shows the same as a picture."""

    secret: str
    otpauth_uri: str
    qr_svg: str


class RecoveryCodesAnswer(msgspec.Struct, frozen=True):
    """Ten codes, never shown again."""

    recovery_codes: list[str]


class MfaAnswer(msgspec.Struct, frozen=True):
    """How the second factor stands, and until when security settings may change without a step-up."""

    totp_enabled: bool
    totp_since: Timestamp | None
    recovery_codes_left: int
    methods: list[str]
    proved_until: Timestamp | None


_SETUP = {
    "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "otpauth_uri": "otpauth://totp/Coffer:ada?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Coffer",
    "qr_svg": '<svg xmlns="http://www.w3.org/2000/svg" width="180" height="180" class="segno"></svg>',
}
_CODES = {"recovery_codes": ["7hk2-m0qa-9x4d-c1vz", "d3fw-81gt-zx0n-55kp"]}
PROOF = [InvalidCredentials, TooManyAttempts, StepUpRequired, Unavailable]


@get("/v1/me/mfa", opt=session_only(), tags=["mfa"])
async def get_mfa(principal: ThePrincipal, deps: TheDeps) -> MfaAnswer:
    """Show the state of the second factor."""
    found = await mfa.standing(principal, deps)
    return MfaAnswer(
        totp_enabled=found.on,
        totp_since=timestamp(found.since) if found.since else None,
        recovery_codes_left=found.codes_left,
        methods=found.methods,
        proved_until=timestamp(found.proved_until) if found.proved_until else None,
    )


@post(
    "/v1/me/mfa/totp",
    opt=session_only() | documented(raises=[*PROOF, StateConflict], response=_SETUP),
    tags=["mfa"],
)
async def begin_totp(
    data: JSONBody[PasswordBody], request: Req, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, callers: TheCallers
) -> Response[TotpAnswer]:
    """Begin to set up an authenticator app.

    Nothing is demanded yet: the secret counts once `POST /v1/me/mfa/totp/confirm` was given its first code, within an hour.
    Begun again, the secret before is forgotten. 409 if a second factor is on.
    """
    asker = Asker(principal, callers.of(request.scope), origin)
    made = await mfa.begin_totp(Shown(password=data.password), principal.username or principal.user_id, asker, deps)
    return Response(TotpAnswer(made.secret, made.otpauth_uri, made.qr_svg), headers={"Cache-Control": SECRET})


@post(
    "/v1/me/mfa/totp/confirm",
    opt=session_only()
    | documented(
        raises=[MfaInvalid, StateConflict, TooManyAttempts, StepUpRequired],
        events=[MfaEnabledV1.type],
        request={"code": "287082"},
        response=_CODES,
    ),
    status_code=200,
    tags=["mfa"],
)
async def confirm_totp(
    data: JSONBody[CodeBody], request: Req, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, callers: TheCallers
) -> Response[RecoveryCodesAnswer]:
    """Turn the second factor on with a first code.

    Answers with ten recovery codes, which are never shown again. 409 unless a setup waits for its first code.
    """
    asker = Asker(principal, callers.of(request.scope), origin)
    return _codes(await mfa.confirm_totp(data.code, asker, deps))


@delete(
    "/v1/me/mfa/totp",
    opt=session_only()
    | documented(
        raises=[*PROOF, MfaInvalid, NotFound],
        events=[MfaDisabledV1.type, MfaRecoveryUsedV1.type],
        request={"password": "four quiet otters", "code": "287082"},
    ),
    status_code=204,
    tags=["mfa"],
)
async def turn_totp_off(
    data: JSONBody[TurnOffBody], request: Req, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, callers: TheCallers
) -> None:
    """Turn the second factor off.

    Takes the password and a code of either kind. Recovery codes go with it. 404 if it is off.
    """
    shown = Shown(data.password, data.code, data.recovery_code)
    await mfa.disable_totp(shown, Asker(principal, callers.of(request.scope), origin), deps)


@post(
    "/v1/me/mfa/recovery-codes",
    opt=session_only()
    | documented(
        raises=[MfaInvalid, StateConflict, TooManyAttempts, StepUpRequired],
        events=[MfaCodesRotatedV1.type],
        request={"code": "287082"},
        response=_CODES,
    ),
    status_code=200,
    tags=["mfa"],
)
async def rotate_recovery_codes(
    data: JSONBody[CodeBody], request: Req, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, callers: TheCallers
) -> Response[RecoveryCodesAnswer]:
    """Make new recovery codes.

    The old ones are worth nothing any more. 409 if no second factor is on.
    """
    asker = Asker(principal, callers.of(request.scope), origin)
    return _codes(await mfa.rotate_codes(Shown(code=data.code), asker, deps))


def _codes(made: list[str]) -> Response[RecoveryCodesAnswer]:
    return Response(RecoveryCodesAnswer(made), headers={"Cache-Control": SECRET})


ROUTES = (
    get_mfa,
    begin_totp,
    confirm_totp,
    turn_totp_off,
    rotate_recovery_codes,
)
