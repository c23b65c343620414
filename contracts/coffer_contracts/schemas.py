"""JSON Schemas of the event types (draft 2020-12): what an integrator validates a message against.

One schema per type, for the whole envelope with that type's data. Schemas are open where the classes are closed: they
describe what a reader may meet, and a newer writer of the same major may add fields. No files are read or written here.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from coffer_contracts.catalog import envelope_of, newest_type, schema_address
from coffer_contracts.event import Event

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

ENVELOPE: Mapping[str, str] = {
    "specversion": "The version of CloudEvents.",
    "id": "UUIDv7 of this message; the same in every repeat of it.",
    "source": "The service that published it, e.g. `/files`. With `id` it tells repeats apart.",
    "type": "What happened: `<service>.<entity>.<past fact>.v<major>`.",
    "subject": "What it happened to: `<entity>/<id>`.",
    "time": "When it happened.",
    "dataschema": "The address of the type's JSON Schema.",
    "datacontenttype": "The form of `data`.",
    "partitionkey": "The tenant, or the subject of facts without one: what fair queues share by.",
    "sequence": "The revision of `subject` that this fact reports, padded with zeros so that it sorts as text.",
    "ownerid": "The tenant: the owner of the drive or account.",
    "actorid": "Who did it; absent when Coffer did it on its own.",
    "actorkind": "What kind of actor that was.",
    "correlationid": "Shared by everything that one request set off.",
    "causationid": "The event that set this one off.",
    "traceparent": "W3C trace context of the work that published it.",
    "newerid": "On a message in an older major: the `id` of the message that tells the same fact in the newest one.",
    "data": "The fact.",
}
"""What the fields of the envelope mean."""


class _OpenForReaders(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 (overrides pydantic's hook)
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        drawn = super().model_schema(schema)
        drawn.pop("additionalProperties", None)
        return drawn


def schema_of(event: type[Event]) -> Schema:
    """The schema of one event type, the caller's own; `$id` is the address that stands in the envelope's `dataschema`."""
    drawn: Schema = json.loads(_drawn(event))
    return drawn


@cache
def _drawn(event: type[Event]) -> str:
    return json.dumps(_draw(event), ensure_ascii=False)


def _draw(event: type[Event]) -> Schema:
    envelope: type[BaseModel] = envelope_of(event)
    drawn = envelope.model_json_schema(schema_generator=_OpenForReaders)
    drawn["properties"]["type"] = {"const": event.type}
    drawn["properties"]["dataschema"] = {"const": schema_address(event)}
    for name, meaning in ENVELOPE.items():
        drawn["properties"][name]["description"] = meaning
    head: Schema = {
        "$schema": DIALECT,
        "$id": schema_address(event),
        "title": event.__name__,
        "description": drawn["$defs"][event.__name__]["description"],
    }
    if newest_type(event.type) != event.type:
        head["deprecated"] = True
    return head | {key: value for key, value in drawn.items() if key not in head}


def schema_text(event: type[Event]) -> str:
    """The schema as it stands in contracts/schemas/: the same text for the same classes, so that it can be compared."""
    return json.dumps(schema_of(event), indent=2, ensure_ascii=False) + "\n"
