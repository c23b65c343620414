"""The one AsyncAPI document of all services (asyncapi.com/docs/reference/specification/v3.0.0): who publishes what to which
topic, and which queue hears it, made from the contracts and the topology without starting anything.

Bindings (github.com/asyncapi/bindings) stand in the versions that the JSON Schema of AsyncAPI 3.0 knows. Names are those of
one installation.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from coffer_chassis.topology import DEAD_RETENTION_SECONDS, RETENTION_SECONDS, Lane
from coffer_contracts.catalog import EVENTS, newest_type
from coffer_contracts.event import Event
from coffer_contracts.events_page import emitter_of
from coffer_contracts.schemas import schema_of
from coffer_local.registry import SERVICES, Entry

Json = dict[str, Any]

SNS_BINDING = "0.1.0"
SQS_BINDING = "0.2.0"

DESCRIPTION = """\
Everything that the parts of Coffer tell each other, as CloudEvents 1.0 in JSON over one SNS topic per publishing service and
one SQS queue per kind of work. Messages come at least once and in any order: `id` and `source` tell repeats apart, `sequence`
orders the facts about one `subject` of one `source`. Readers ignore fields they do not know, and take words they do not know
where more may come (`x-extensible-enum`) for what `x-unknown-as` says.
"""

_ATTRIBUTES: Json = {
    "type": "object",
    "description": "Message attributes; raw delivery hands them on.",
    "properties": {
        "type": {"type": "string", "description": "The type of the event: what subscriptions filter by."},
        "id": {"type": "string", "description": "The id of the event."},
        "tenant": {"type": "string", "description": "The owner of the drive or account."},
        "traceparent": {"type": "string", "description": "W3C trace context of the work that published it."},
        "urgent": {"type": "string", "const": "true", "description": "Urgent when it was told; absent otherwise."},
        "replay": {"type": "string", "const": "true", "description": "Told again; absent otherwise."},
        "replayfor": {"type": "string", "description": "The only queue that it is told again for."},
    },
    "required": ["type", "id"],
}

_REGION = {"region": {"default": "eu-central-1", "description": "The AWS region of the installation."}}
_SERVERS: Json = {
    "topics": {
        "host": "sns.{region}.amazonaws.com",
        "protocol": "sns",
        "description": "Where facts are published. On one machine it is the local cloud that comes with Coffer.",
        "variables": _REGION,
    },
    "queues": {
        "host": "sqs.{region}.amazonaws.com",
        "protocol": "sqs",
        "description": "Where facts are received. On one machine it is the local cloud that comes with Coffer.",
        "variables": _REGION,
    },
}


def document(examples: Mapping[str, str]) -> Json:
    """The document; the same contracts and topology give the same. `examples` are messages as JSON text, by wire type.

    Raises KeyError for a type without an example, and ValueError for two different shapes of one name.
    """
    published = {
        entry.name: tuple(event.type for event in EVENTS if emitter_of(event.type) == entry.name) for entry in SERVICES
    }
    schemas: Json = {"Attributes": _ATTRIBUTES}
    messages = {event.type: _message(event, examples[event.type], schemas) for event in EVENTS}
    return {
        "asyncapi": "3.0.0",
        "id": "urn:coffer:events",
        "info": {
            "title": "Coffer events",
            "version": version("coffer"),
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": entry.name} for entry in SERVICES],
        },
        "defaultContentType": "application/json",
        "servers": _SERVERS,
        "channels": {
            entry.topology.topic: _channel(entry, published[entry.name]) for entry in SERVICES if published[entry.name]
        },
        "operations": _operations(published),
        "components": {"messages": messages, "schemas": dict(sorted(schemas.items()))},
    }


def document_text(examples: Mapping[str, str]) -> str:
    """The document as it is committed and served."""
    return json.dumps(document(examples), indent=1, ensure_ascii=True) + "\n"


def _channel(entry: Entry, types: Iterable[str]) -> Json:
    topic = entry.topology.topic
    return {
        "address": topic,
        "title": f"Facts of {entry.name}",
        "description": f"The SNS topic that only {entry.name} may publish to.",
        "servers": [_ref("servers", "topics"), _ref("servers", "queues")],
        "messages": {wire_type: _ref("components", "messages", wire_type) for wire_type in types},
        "bindings": {"sns": {"name": topic, "ordering": {"type": "standard"}, "bindingVersion": SNS_BINDING}},
    }


def _operations(published: Mapping[str, Sequence[str]]) -> Json:
    # No subscriber is told of private commands.
    lanes = [(entry, lane) for entry in SERVICES for lane in entry.topology.lanes if not lane.private]
    operations: Json = {}
    for entry in SERVICES:
        topic, types = entry.topology.topic, published[entry.name]
        if types:
            hearing = [lane for _, lane in lanes if topic in lane.reads]
            operations[f"{entry.name}.send"] = {
                "action": "send",
                "title": f"{entry.name} tells its facts",
                **_about(entry, topic, types),
                **({"bindings": {"sns": _subscriptions(topic, hearing)}} if hearing else {}),
            }
    for entry, lane in lanes:
        for topic, types in lane.reads.items():
            operations[f"{lane.queue}.receive.{topic}"] = {
                "action": "receive",
                "title": f"{entry.name} hears of {topic} on {lane.queue}",
                **_about(entry, topic, [event.type for event in EVENTS if event.type in types]),
                "bindings": {"sns": _subscriptions(topic, [lane]), "sqs": _queues(lane)},
            }
    return operations


def _about(entry: Entry, topic: str, types: Iterable[str]) -> Json:
    return {
        "channel": _ref("channels", topic),
        "messages": [_ref("channels", topic, "messages", wire_type) for wire_type in types],
        "tags": [{"name": entry.name}],
    }


def _subscriptions(topic: str, lanes: Iterable[Lane]) -> Json:
    consumers = [
        {
            "protocol": "sqs",
            "endpoint": {"name": lane.queue},
            "filterPolicy": {name: sorted(values) for name, values in lane.filters(topic).items()},
            "filterPolicyScope": "MessageAttributes",
            "rawMessageDelivery": True,
            "redrivePolicy": {"deadLetterQueue": {"name": lane.dead_queue}},
        }
        for lane in lanes
    ]
    return {"topic": {"name": topic}, "consumers": consumers, "bindingVersion": SNS_BINDING}


def _queues(lane: Lane) -> Json:
    queue = {
        "name": lane.queue,
        "fifoQueue": False,
        "visibilityTimeout": lane.visibility_seconds,
        "messageRetentionPeriod": RETENTION_SECONDS,
        "redrivePolicy": {"deadLetterQueue": {"name": lane.dead_queue}, "maxReceiveCount": lane.max_receives},
    }
    dead = {"name": lane.dead_queue, "fifoQueue": False, "messageRetentionPeriod": DEAD_RETENTION_SECONDS}
    return {"queues": [queue, dead], "bindingVersion": SQS_BINDING}


def _message(event: type[Event], example: str, schemas: Json) -> Json:
    schema = _moved(schema_of(event), event, schemas)
    schemas[event.type] = {key: value for key, value in schema.items() if key not in {"$schema", "$id", "$defs"}}
    newest = newest_type(event.type)
    told = {"tags": [{"name": "superseded", "description": f"Told as {newest} as well."}]} if newest != event.type else {}
    return {
        "name": event.type,
        "title": event.__name__,
        "summary": " ".join(schema["description"].split()),
        "contentType": "application/json",
        "correlationId": {
            "description": "Shared by everything that one request set off.",
            "location": "$message.payload#/correlationid",
        },
        "headers": _ref("components", "schemas", "Attributes"),
        "payload": _ref("components", "schemas", event.type),
        "examples": [{"name": "published", "payload": json.loads(example)}],
        **told,
    }


def _moved(schema: Json, event: type[Event], schemas: Json) -> Json:
    """The schema with references into the document's components, where its parts are put."""
    names = {name: f"{event.type}.data" if name == event.__name__ else name for name in schema["$defs"]}

    def rewritten(part: Any) -> Any:
        if isinstance(part, list):
            return [rewritten(each) for each in part]
        if not isinstance(part, dict):
            return part
        reference = part.get("$ref")
        moved = {key: rewritten(value) for key, value in part.items()}
        if isinstance(reference, str):
            moved["$ref"] = _ref("components", "schemas", names[reference.removeprefix("#/$defs/")])["$ref"]
        return moved

    for name, part in schema["$defs"].items():
        if schemas.setdefault(names[name], rewritten(part)) != rewritten(part):
            raise ValueError(f"there are two shapes called {name}")
    moved: Json = rewritten(schema)
    return moved


def _ref(*path: str) -> Json:
    return {"$ref": "#/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in path)}
