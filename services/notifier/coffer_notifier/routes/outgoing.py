"""What webhooks are sent, as the OpenAPI document tells it: one request for each type that they may ask for."""

import json
from typing import Any

from coffer_chassis.openapi import Outgoing
from coffer_contracts.catalog import parse
from coffer_contracts.event import Envelope, Event
from coffer_contracts.ids import UserId, WebhookId
from coffer_notifier.domain.event_types import KnownType
from coffer_notifier.domain.outside import OFFERED, TOLD_TO, body_of, placed
from coffer_notifier.domain.outside_schemas import body_schema
from coffer_notifier.handlers.event_types import list_event_types

Json = dict[str, Any]

_SIGNATURE = "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="
_TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
_HEADERS: dict[str, tuple[str, str, str]] = {
    "WebhookId": (
        "webhook-id",
        "The fact's id, the same in every attempt: remember it, for a request may come twice.",
        "01a1fa51-3c1b-7d4e-9b7e-0d6a53c1f2aa",
    ),
    "WebhookTimestamp": (
        "webhook-timestamp",
        "When this attempt was made, in seconds since 1970. Refuse what is more than five minutes from your clock.",
        "1795178103",
    ),
    "WebhookSignature": (
        "webhook-signature",
        "`v1,` and base64 of HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`; two while the secret is replaced.",
        _SIGNATURE,
    ),
    "WebhookTraceparent": ("traceparent", "The trace of the request that set the fact off (W3C trace context).", _TRACE),
}
_ANSWERS: Json = {
    "2XX": {"description": "Taken. The beginning of the answer is kept for the log of the webhook."},
    "410": {"description": "No more, ever: the webhook is turned off, and its owner is told."},
    "default": {
        "description": "Not taken: it is tried again on the schedule of docs/webhooks.md, as is what is not answered within 15"
        " seconds. `Retry-After` in seconds is honoured. Redirects are not followed."
    },
}
_NOBODY = UserId("00000000-0000-0000-0000-000000000000")
_WEBHOOK = WebhookId("01a1fa51-3c1b-7d4e-9b7e-0d6a53c1f2bb")


def outgoing() -> Outgoing:
    """The requests by wire type, with what they share."""
    known = list_event_types()
    parameters = {
        component: {
            "name": name,
            "in": "header",
            "required": True,
            "description": meaning,
            "schema": {"type": "string"},
            "example": example,
        }
        for component, (name, meaning, example) in _HEADERS.items()
    }
    schemas = {
        body_name(wire_type): body_schema(wire_type, outside, known[wire_type].schema) for wire_type, outside in OFFERED.items()
    }
    requests = {wire_type: {"post": _request(known[wire_type])} for wire_type in OFFERED}
    return Outgoing(requests, {"parameters": parameters, "schemas": schemas})


def body_name(wire_type: str) -> str:
    """How the schema of a body is called: `ToldFilesItemCommittedV1`."""
    return "Told" + "".join(part.title() for part in wire_type.replace("_", ".").split("."))


def _request(known: KnownType) -> Json:
    wire_type = known.type
    event: Envelope[Event] = parse(json.dumps(known.example))
    example = json.loads(placed(body_of(event, event.ownerid or _NOBODY, lambda _: True), _WEBHOOK, 17))
    return {
        "operationId": f"hear_{wire_type.replace('.', '_')}",
        "tags": ["webhooks"],
        "summary": f"Hear of {wire_type}",
        "description": f"{known.meaning}\n\nTold to {TOLD_TO[OFFERED[wire_type].judged]}, at webhooks that ask for the type or"
        " a pattern that fits it. The receiver proves the request by its signature.",
        "security": [],
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in _HEADERS],
        "requestBody": {
            "required": True,
            "description": "UTF-8, below 20,000 bytes.",
            "content": {
                "application/json": {
                    "schema": {"$ref": f"#/components/schemas/{body_name(wire_type)}"},
                    "example": example,
                }
            },
        },
        "responses": _ANSWERS,
    }
