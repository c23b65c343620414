"""Preferences over HTTP."""

from datetime import datetime, time
from functools import cache
from typing import Annotated, Self
from zoneinfo import available_timezones

import msgspec
from litestar import Response, get, put
from litestar.params import JSONBody
from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from coffer_chassis.access_rules import user
from coffer_chassis.answers import Body, Timestamp, timestamp
from coffer_chassis.http import not_modified
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheConditions, TheOrigin, ThePrincipal
from coffer_contracts.notifier import PreferencesChangedV1
from coffer_contracts.problems import FieldError, MalformedRequest, PreconditionFailed, ValidationFailed
from coffer_notifier.domain.languages import LANGUAGES
from coffer_notifier.domain.preferences import DEFAULTS, LOCKED, Channels, Preferences, QuietHours
from coffer_notifier.handlers.preferences import Wish, choose, etag, find_preferences
from coffer_notifier.routes.requests import READ, TheDeps

WRITE = "account:write"

EXAMPLE = {
    "notices": {"files_uploaded": {"in_app": True, "email": True}, "comment_mentioned": {"email": False}},
    "quiet_hours": {"start": "22:00", "end": "07:00", "timezone": "Europe/Berlin"},
    "locale": "de",
}


@cache
def _timezones() -> frozenset[str]:
    # Reads the system's whole folder of them, which takes a while.
    return frozenset(available_timezones())


def _known_timezone(name: str) -> str:
    if name not in _timezones():
        raise PydanticCustomError("unknown_timezone", "This is not the IANA name of a time zone, e.g. Europe/Berlin.")
    return name


Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Locale = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length=35)]
NoticeType = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,60}$")]


class ChannelsBody(Body):
    """By what to be told of one type of notice; what is left out has its default."""

    in_app: bool | None = Field(None, strict=True, description="In the feed and the live streams.")
    email: bool | None = Field(None, strict=True, description="By mail.")


class QuietHoursBody(Body):
    """When mail waits, every day. What is over midnight ends on the next day."""

    start: Clock = Field(description="When they begin, `HH:MM`.")
    end: Clock = Field(description="When they end, `HH:MM`.")
    timezone: Annotated[str, AfterValidator(_known_timezone)] = Field(
        max_length=60, description="By the clock of this time zone: its IANA name."
    )

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.start == self.end:
            raise PydanticCustomError("empty", "They must end at another time than they begin.")
        return self


class PreferencesBody(Body):
    """All that is wanted; what is left out has its default."""

    notices: dict[NoticeType, ChannelsBody] = Field(default_factory=dict, max_length=100, description="By type of notice.")
    quiet_hours: QuietHoursBody | None = Field(None, description="When mail waits; never without them.")
    locale: Locale | None = Field(None, description="BCP 47 tag of the language of mail; without it the account's.")


class ChannelsAnswer(msgspec.Struct, frozen=True):
    """By what somebody is told of one type of notice."""

    in_app: bool
    email: bool


class QuietHoursAnswer(msgspec.Struct, frozen=True):
    """When mail waits, every day, by the clock of the time zone."""

    start: str
    end: str
    timezone: str


class PreferencesAnswer(msgspec.Struct, frozen=True):
    """What somebody wants. `notices` and `defaults` name every type there is; what is in `locked` cannot be turned off.
    `languages` are those that mail is written in; another one reads the first.
    """

    notices: dict[str, ChannelsAnswer]
    defaults: dict[str, ChannelsAnswer]
    locked: list[str]
    quiet_hours: QuietHoursAnswer | None
    locale: str | None
    languages: list[str]
    changed_at: Timestamp | None


@get(
    "/v1/notifications/preferences",
    opt=user(READ) | documented(raises=[MalformedRequest], headers=["ETag"]),
    operation_id="get_notification_preferences",
    tags=["notifications"],
    summary="Read by what one is told of what",
)
async def get_preferences(
    principal: ThePrincipal, deps: TheDeps, conditions: TheConditions
) -> Response[PreferencesAnswer] | Response[None]:
    """Every type of notice, by what the caller is told of it, and what holds for people who chose nothing. 304 if the caller
    has it already.
    """
    found = await find_preferences(deps, principal)
    if conditions.not_modified(etag(found)):
        return not_modified(etag(found))
    return _answered(found)


@put(
    "/v1/notifications/preferences",
    opt=user(WRITE)
    | documented(
        raises=[PreconditionFailed, MalformedRequest], request=EXAMPLE, headers=["ETag"], events=[PreferencesChangedV1.type]
    ),
    operation_id="set_notification_preferences",
    tags=["notifications"],
    summary="Choose by what to be told of what",
)
async def put_preferences(
    data: JSONBody[PreferencesBody], principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, conditions: TheConditions
) -> Response[PreferencesAnswer]:
    """Choose anew: what is left out has its default again. Holds for notices that are made and mail that is sent from now on.

    `errors` points at what cannot be: `unknown_notice`, or `locked` for a warning about the security of the account, which is
    always told in the feed and by mail.
    """
    return _answered(await choose(deps, principal, origin, _wish(data), conditions))


def _wish(data: PreferencesBody) -> Wish:
    choices = {kind: _chosen(kind, by) for kind, by in data.notices.items() if kind in DEFAULTS}
    errors = [
        FieldError(f"/notices/{kind}", "unknown_notice", "There is no such type.") for kind in data.notices.keys() - choices
    ]
    errors += [
        FieldError(f"/notices/{kind}/{channel}", "locked", "Warnings about the security of an account cannot be turned off.")
        for kind, by in choices.items()
        if kind in LOCKED
        for channel in ("in_app", "email")
        if not getattr(by, channel)
    ]
    if errors:
        errors.sort(key=lambda error: error.pointer)
        raise ValidationFailed(errors[0].detail, errors=tuple(errors))
    quiet = data.quiet_hours
    hours = QuietHours(time.fromisoformat(quiet.start), time.fromisoformat(quiet.end), quiet.timezone) if quiet else None
    return Wish(choices, hours, data.locale)


def _chosen(kind: str, by: ChannelsBody) -> Channels:
    default = DEFAULTS[kind]
    return Channels(
        in_app=default.in_app if by.in_app is None else by.in_app, email=default.email if by.email is None else by.email
    )


def _answered(known: Preferences) -> Response[PreferencesAnswer]:
    quiet, changed_at = known.quiet_hours, known.changed_at
    answer = PreferencesAnswer(
        notices={kind: _channels(known.by(kind)) for kind in DEFAULTS},
        defaults={kind: _channels(by) for kind, by in DEFAULTS.items()},
        locked=sorted(LOCKED),
        quiet_hours=QuietHoursAnswer(f"{quiet.start:%H:%M}", f"{quiet.end:%H:%M}", quiet.timezone) if quiet else None,
        locale=known.locale,
        languages=list(LANGUAGES),
        changed_at=_time(changed_at if known.revision else None),
    )
    return Response(answer, headers={"ETag": etag(known)})


def _time(moment: datetime | None) -> Timestamp | None:
    return timestamp(moment) if moment else None


def _channels(by: Channels) -> ChannelsAnswer:
    return ChannelsAnswer(by.in_app, by.email)


ROUTES = (get_preferences, put_preferences)
