"""What requests for the audit ask for, and how its records look on the wire."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter

from coffer_chassis.answers import Timestamp
from coffer_chassis.requests import id_in_query, refused
from coffer_notifier.store.audit import Wanted

OfAction = Annotated[str | None, QueryParameter(description="Only this action, e.g. `dead_letters.dropped`.")]
OfFamily = Annotated[
    str | None, QueryParameter(description="Only actions whose first word this is, e.g. `session`, `share`, `user`.")
]
OfActor = Annotated[str | None, QueryParameter(description="Only what this account or `shell/<user>` did.")]
OfActorType = Annotated[
    str | None,
    QueryParameter(description="Only what these did: `user`, `token`, `link`, `operator`, `system`, `anonymous`."),
]
OfUser = Annotated[
    str | None, QueryParameter(name="user_id", description="Only what was done to this account, or in its drive.")
]
OfService = Annotated[str | None, QueryParameter(description="Only what this service told, e.g. `media-worker`.")]
OfResourceType = Annotated[str | None, QueryParameter(description="Only about such things, e.g. `share`, `session`, `user`.")]
OfResource = Annotated[str | None, QueryParameter(description="Only about the thing with this id.")]
OfOutcome = Annotated[str | None, QueryParameter(description="Only what ended so: `success`, `denied`, `error`.")]
OfRequest = Annotated[str | None, QueryParameter(description="Only what came of the request with this id.")]
Since = Annotated[str | None, QueryParameter(description="From this time on, e.g. `2026-11-20T10:15:00Z`.")]
Until = Annotated[str | None, QueryParameter(description="Before this time.")]

OUTCOMES = ("success", "denied", "error")


class AuditActor(msgspec.Struct, frozen=True):
    """Who did it. `id` is an account, `shell/<user>` for a command, `address/<address>` of somebody who was not signed in, or
    `network/<network>` of a visitor, of whom nothing else is kept; `session_id` the session or the access token.
    """

    type: str
    id: str | None
    ip: str | None
    user_agent: str | None
    session_id: str | None


class AuditResource(msgspec.Struct, frozen=True):
    """What it was done to, whose that is, and what it was called then."""

    type: str
    id: str | None
    owner_id: str | None
    name_at_time: str | None


class AuditRecord(msgspec.Struct, frozen=True):
    """One act. `changes` holds `[before, after]` by field. The last four say where it stands in the chain, and are null for the
    seconds until it does.
    """

    id: str
    event_id: str
    time: Timestamp
    service: str
    actor: AuditActor
    action: str
    resource: AuditResource
    outcome: str
    reason_code: str | None
    changes: dict[str, list[Any]]
    count: int | None
    detail: dict[str, str]
    request_id: str
    trace_id: str | None
    position: int | None
    prev_hash: str | None
    digest: str | None
    hash: str | None


def _wanted(
    action: OfAction = None,
    family: OfFamily = None,
    actor: OfActor = None,
    actor_type: OfActorType = None,
    service: OfService = None,
    user_id: OfUser = None,
    resource_type: OfResourceType = None,
    resource_id: OfResource = None,
    outcome: OfOutcome = None,
    request_id: OfRequest = None,
    since: Since = None,
    until: Until = None,
) -> Wanted:
    if outcome is not None and outcome not in OUTCOMES:
        raise refused("outcome", "unknown_outcome", f"The outcomes are {', '.join(OUTCOMES)}.")
    begin, end = _moment("since", since), _moment("until", until)
    return Wanted(
        action=action,
        family=family,
        actor_id=actor,
        actor_kind=actor_type,
        service=service,
        owner_id=id_in_query("user_id", user_id) if user_id is not None else None,
        resource_type=resource_type,
        resource_id=resource_id,
        outcome=outcome,
        request_id=request_id,
        since=begin,
        until=end,
    )


TheWanted = NamedDependency[Wanted]

WANTED = {"wanted": Provide(_wanted, sync_to_thread=False)}
"""For routes that take the filters: which records are asked for. Raises ValidationFailed."""


def _moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise refused(name, "invalid_time", "This is no time as in RFC 3339.") from error
    if not 1 < moment.year < 9999:
        raise refused(name, "out_of_range", "The time is not between the years 2 and 9998.")
    return moment
