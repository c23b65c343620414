"""The live stream over HTTP."""

from typing import Annotated

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, QueryParameter

from coffer_chassis.access_rules import user
from coffer_chassis.openapi import documented
from coffer_chassis.requests import ThePrincipal, refused
from coffer_contracts.problems import RateLimited, Unavailable
from coffer_notifier.handlers.telling import NOTIFICATIONS, TOPICS
from coffer_notifier.routes.requests import READ
from coffer_notifier.stream.hub import Hub
from coffer_notifier.stream.response import MEDIA_TYPE, EventStream

TheHub = NamedDependency[Hub]

Topics = Annotated[str | None, QueryParameter(description=f"Separated by commas: {', '.join(TOPICS)}. All of them if absent.")]
LastId = Annotated[
    str | None, HeaderParameter(name="Last-Event-ID", description="The last id that was seen: the stream goes on from there.")
]
LastIdInQuery = Annotated[str | None, QueryParameter(description="As `Last-Event-ID`, for clients that cannot set headers.")]

_EXAMPLE = """\
id: 7421.0.1763633700000

id: 7429.118.1763633712345
event: change
data: {}

: beat
id: 7429.118.1763633732345

"""
_NOTICES_EXAMPLE = """\
id: 7421.0.1763633700000

id: 7429.118.1763633712345
event: notifications_read
data: {"read":[],"removed":[],"reload":true}

"""


@get(
    "/v1/stream",
    opt=user(READ) | documented(raises=[RateLimited, Unavailable], response=_EXAMPLE),
    operation_id="open_stream",
    tags=["stream"],
    summary="Hear at once what happens",
    media_type=MEDIA_TYPE,
)
async def get_stream(
    principal: ThePrincipal,
    hub: TheHub,
    topics: Topics = None,
    last_seen: LastId = None,
    last_event_id: LastIdInQuery = None,
) -> Response[str]:
    """Server-sent events, without an end: `change` (read `/v1/changes`), `notification` (a notice as in the feed),
    `notifications_read` (on another device), `upload` (where one came to), `job` (one that you asked for has ended), `reset`
    (too long away: read everything anew).

    The first block holds only an id. With the last id seen nothing is lost and nothing told twice. A stream ends with its
    token, when its session ends, when it is not read, and when the server stops: connect again with the last id.
    """
    asked = TOPICS if topics is None else tuple(word.strip() for word in topics.split(",") if word.strip())
    if unknown := [word for word in asked if word not in TOPICS]:
        raise refused("topics", "unknown_topic", f"There is no topic {unknown[0][:40]!r}; there are {', '.join(TOPICS)}.")
    if not asked:
        raise refused("topics", "no_topic", f"Name at least one of {', '.join(TOPICS)}.")
    return EventStream(hub, principal, frozenset(asked), last_seen or last_event_id or None)


@get(
    "/v1/notifications/stream",
    opt=user(READ) | documented(raises=[RateLimited, Unavailable], response=_NOTICES_EXAMPLE),
    operation_id="open_notifications_stream",
    tags=["stream"],
    summary="Hear at once of new notices",
    media_type=MEDIA_TYPE,
)
async def get_notifications_stream(
    principal: ThePrincipal, hub: TheHub, last_seen: LastId = None, last_event_id: LastIdInQuery = None
) -> Response[str]:
    """As `/v1/stream?topics=notifications`, which it counts as: `notification`, `notifications_read` and `reset`."""
    return EventStream(hub, principal, frozenset({NOTIFICATIONS}), last_seen or last_event_id or None)


ROUTES = (get_stream, get_notifications_stream)
