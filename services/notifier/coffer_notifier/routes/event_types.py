"""The catalog of events over HTTP: for everybody, without an account, so that subscribers can be built against it."""

import json
from functools import cache
from typing import Annotated, Any

import msgspec
from litestar import Response, get
from litestar.params import PathParameter

from coffer_chassis.access_rules import public
from coffer_chassis.etags import etag_of
from coffer_chassis.http import not_modified
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheConditions
from coffer_contracts.problems import NotFound
from coffer_notifier.domain.event_types import KnownType
from coffer_notifier.domain.outside import OFFERED
from coffer_notifier.handlers.event_types import find_event_type, list_event_types

CACHED = "public, max-age=300"

TypeInPath = Annotated[
    str, PathParameter(description="A type as it stands in the envelope.", schema_extra={"example": "files.item.created.v1"})
]


class HearerAnswer(msgspec.Struct, frozen=True):
    """A service of this installation that hears the type, and on which queue."""

    service: str
    queue: str


class EventTypeAnswer(msgspec.Struct, frozen=True):
    """A type in the list. `newer` is the type that tells the same fact in a newer major, `older` those it succeeds.

    `public`: no service of this release reads it; it is there for subscribers. `webhooks`: webhooks may ask for it.
    """

    type: str
    meaning: str
    producer: str
    subject: str
    major: int
    newer: str | None
    older: list[str]
    consumers: list[HearerAnswer]
    public: bool
    webhooks: bool
    url: str
    schema_url: str


class EventTypeDetail(EventTypeAnswer, frozen=True):
    """A type with its JSON Schema (draft 2020-12, of the whole envelope) and a message as it is published."""

    schema: dict[str, Any]
    example: dict[str, Any]


class EventTypesAnswer(msgspec.Struct, frozen=True):
    """All types, by who publishes them."""

    items: list[EventTypeAnswer]


@get(
    "/v1/events/types",
    opt=public() | documented(headers=["ETag"]),
    operation_id="list_event_types",
    tags=["events"],
    summary="List the types of events",
    sync_to_thread=False,
)
def get_event_types(conditions: TheConditions) -> Response[EventTypesAnswer] | Response[None]:
    """Every type of event that is published, with who publishes and who hears it. 304 if the caller has it already."""
    etag = _etag("")
    if conditions.not_modified(etag):
        return not_modified(etag)
    items = [EventTypeAnswer(**_about(known)) for known in list_event_types().values()]
    return Response(EventTypesAnswer(items), headers={"ETag": etag, "Cache-Control": CACHED})


@get(
    "/v1/events/types/{event_type:str}",
    opt=public() | documented(raises=[NotFound], headers=["ETag"]),
    operation_id="get_event_type",
    tags=["events"],
    summary="Look at a type of event",
    sync_to_thread=False,
)
def get_event_type(event_type: TypeInPath, conditions: TheConditions) -> Response[EventTypeDetail] | Response[None]:
    """One type with its schema and a message. 304 if the caller has it already."""
    known = find_event_type(event_type)
    etag = _etag(known.type)
    if conditions.not_modified(etag):
        return not_modified(etag)
    detail = EventTypeDetail(**_about(known), schema=dict(known.schema), example=dict(known.example))
    return Response(detail, headers={"ETag": etag, "Cache-Control": CACHED})


@get(
    "/v1/events/types/{event_type:str}/schema",
    opt=public() | documented(raises=[NotFound], headers=["ETag"]),
    operation_id="get_event_schema",
    tags=["events"],
    summary="Get the JSON Schema of a type of event",
    media_type="application/schema+json",
    sync_to_thread=False,
)
def get_event_schema(event_type: TypeInPath, conditions: TheConditions) -> Response[dict[str, Any]] | Response[None]:
    """The schema that messages of the type fit, and nothing else. 304 if the caller has it already."""
    known = find_event_type(event_type)
    etag = _etag(f"{known.type}/schema")
    if conditions.not_modified(etag):
        return not_modified(etag)
    headers = {"ETag": etag, "Cache-Control": CACHED}
    return Response(dict(known.schema), media_type="application/schema+json", headers=headers)


def _about(known: KnownType) -> dict[str, Any]:
    url = f"/v1/events/types/{known.type}"
    return {
        "type": known.type,
        "meaning": known.meaning,
        "producer": known.producer,
        "subject": known.subject,
        "major": known.major,
        "newer": known.newer,
        "older": list(known.older),
        "consumers": [HearerAnswer(hearer.service, hearer.queue) for hearer in known.hearers],
        "public": known.public,
        "webhooks": known.type in OFFERED,
        "url": url,
        "schema_url": f"{url}/schema",
    }


@cache
def _etag(what: str) -> str:
    # Of all there is to say, so that a new release changes every tag that it may have to.
    types = list_event_types().values()
    told = [
        [_about(known) | {"consumers": [str(one) for one in known.hearers]}, known.schema, known.example] for known in types
    ]
    return etag_of(what, json.dumps(told))


ROUTES = (get_event_types, get_event_type, get_event_schema)
