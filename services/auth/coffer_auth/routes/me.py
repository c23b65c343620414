"""One's own account: what it says, what it may, and changing it."""

from typing import Any

import msgspec
from litestar import Response, get, patch
from litestar.params import JSONBody
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from coffer_auth.domain.accounts import DISPLAY_NAME_LENGTH
from coffer_auth.domain.photos import PHOTO_BYTES
from coffer_auth.domain.sessions import ACCESS_LIFE, SESSION_LIFE
from coffer_auth.handlers.profiles import FEATURES, Me, change_profile, my_account
from coffer_auth.routes.answers import UserAnswer, user_answer
from coffer_auth.routes.requests import Locale, TheDeps
from coffer_chassis.access_rules import user as signed_in
from coffer_chassis.answers import Body
from coffer_chassis.http import not_modified
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheConditions, TheOrigin, ThePrincipal
from coffer_contracts.problems import PreconditionFailed


class MyLimits(msgspec.Struct, frozen=True):
    """What an account is held to. `quota_bytes` is null where an operator set none: the room that everybody has."""

    display_name_length: int
    photo_bytes: int
    access_token_seconds: int
    session_seconds: int


class SentPhotoAnswer(msgspec.Struct, frozen=True):
    """The photo that was sent last. `reason` and `detail` say why none came of it."""

    id: str
    state: str
    reason: str | None
    detail: str | None


class MeAnswer(UserAnswer, frozen=True):
    """An account as its owner sees it, with what it is held to and what it can do here."""

    sent_photo: SentPhotoAnswer | None
    limits: MyLimits
    features: list[str]


class ProfileBody(Body):
    """What is to change; what is left out stays."""

    display_name: str | None = Field(None, max_length=512, description="What others see: 1 to 128 characters.")
    locale: Locale | None = Field(None, description="BCP 47 language tag for what is sent to the person.")
    timezone: str | None = Field(None, max_length=64, description="IANA name of a time zone; null takes it back.")

    @model_validator(mode="after")
    def _what_must_stand(self) -> "ProfileBody":
        for name in ("display_name", "locale"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise PydanticCustomError("empty", f"{name} cannot be taken away.")
        return self


def me_answer(me: Me) -> Response[MeAnswer]:
    """One's own account with its tag."""
    sent = SentPhotoAnswer(me.sent.id, me.sent.state, me.sent.reason, me.sent.detail) if me.sent else None
    limits = MyLimits(DISPLAY_NAME_LENGTH, PHOTO_BYTES, int(ACCESS_LIFE.total_seconds()), int(SESSION_LIFE.total_seconds()))
    known: dict[str, Any] = msgspec.structs.asdict(user_answer(me.user))
    answer = MeAnswer(**known, sent_photo=sent, limits=limits, features=list(FEATURES))
    return Response(answer, headers={"ETag": me.etag})


@get("/v1/me", opt=signed_in("account:read") | documented(headers=["ETag"]))
async def get_me(principal: ThePrincipal, deps: TheDeps, conditions: TheConditions) -> Response[MeAnswer] | Response[None]:
    """Show one's own account.

    Also what it is held to, and in `features` what can be done with it here. Looks whether the session is alive in the store.
    """
    me = await my_account(principal, deps)
    return not_modified(me.etag) if conditions.not_modified(me.etag) else me_answer(me)


@patch(
    "/v1/me",
    opt=signed_in("account:write")
    | documented(
        raises=[PreconditionFailed],
        headers=["ETag"],
        events=["auth.user.changed.v1"],
        request={"display_name": "Ada Lovelace", "locale": "en-GB", "timezone": "Europe/London"},
    ),
)
async def change_me(
    data: JSONBody[ProfileBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    conditions: TheConditions,
) -> Response[MeAnswer]:
    """Change one's name, language or time zone.

    What is left out stays as it is; `timezone` may be null.
    """
    wish = data.model_dump(include=data.model_fields_set)
    return me_answer(await change_profile(deps, principal, origin, wish, conditions))


ROUTES = (get_me, change_me)
