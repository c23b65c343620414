"""What outside subscribers are told, as JSON Schemas (draft 2020-12): one body for each type that they may ask for. Pure.

Made from the schema of the whole fact by what `outside.py` lets out of it, so that both say the same.
"""

from collections.abc import Mapping
from typing import Any

from coffer_notifier.domain.outside import FOLDERS, OF_THE_ACTOR, PARTS, Outside

Schema = dict[str, Any]

_TIME = "2026-11-20T12:35:03.250000Z"
_TEXT_OR_NULL = [{"type": "string"}, {"type": "null"}]
_HEAD: Mapping[str, Schema] = {
    "event_id": {"type": "string", "description": "The fact's id: the header `webhook-id` of every attempt to tell it."},
    "subject": {"type": "string", "description": "What it happened to: `<entity>/<id>`."},
    "sequence": {
        "type": "integer",
        "minimum": 0,
        "description": "The revision of `subject`: keep the highest you saw and leave aside what is lower.",
    },
    "actor_id": {"anyOf": _TEXT_OR_NULL, "description": "Who did it; null when Coffer did it on its own."},
    "actor_kind": {"type": "string", "description": "`user`, `token`, `link`, `operator` or `system`; more may come."},
}
_MARKS: Mapping[str, Schema] = {
    "subscription_id": {"type": "string", "description": "The webhook's id; not in what was sent to try it out."},
    "subscription_sequence": {
        "type": "integer",
        "minimum": 1,
        "description": "Which of all that this webhook was told: without holes. Not in what was sent to try it out.",
    },
    "test": {"const": True, "description": "There only in what was sent to try the webhook out."},
    "shortened": {"const": True, "description": "There only if the fact was too large: then it is told with its ids alone."},
}


def body_schema(wire_type: str, outside: Outside, fact: Mapping[str, Any]) -> Schema:
    """The schema of a body of this type; `fact` is that of the whole message, as contracts publish it. Open: fields may be
    added.
    """
    definitions: Mapping[str, Schema] = fact["$defs"]
    told = _inlined(fact["properties"]["data"], definitions)["properties"]
    fields = {name: _field(name, told[name], outside) for name in outside.fields}
    data: Schema = {
        "type": "object",
        "description": fact["description"],
        "properties": {**_HEAD, **_MARKS, **fields},
        "required": [*_HEAD],
        "anyOf": [{"required": [*fields]}, {"required": ["shortened"]}],
    }
    properties: Schema = {
        "type": {"const": wire_type},
        "timestamp": {"type": "string", "format": "date-time", "description": "When it happened.", "examples": [_TIME]},
        "data": data,
    }
    return {"type": "object", "properties": properties, "required": [*properties]}


def _field(name: str, schema: Schema, outside: Outside) -> Schema:
    found = _narrowed(schema, PARTS[name]) if name in PARTS else schema
    hidden = name in FOLDERS or (outside.judged == "item" and name in OF_THE_ACTOR)
    if not hidden:
        return found
    whose = "who may not see it" if name in FOLDERS else "everybody but who sent it"
    choices = found.get("anyOf") or [{key: value for key, value in found.items() if key != "description"}]
    null = {"type": "null"}
    choices = choices if null in choices else [*choices, null]
    return {"anyOf": choices, "description": f"{found.get('description', '')} Null for {whose}.".strip()}


def _inlined(schema: Any, definitions: Mapping[str, Schema]) -> Any:
    """Without references, names of classes and defaults: what is told is there in full."""
    if isinstance(schema, list):
        return [_inlined(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if reference := schema.get("$ref"):
        there = definitions[reference.rpartition("/")[2]]
        return _inlined({**there, **{key: value for key, value in schema.items() if key != "$ref"}}, definitions)
    kept = {
        key: {name: _inlined(one, definitions) for name, one in value.items()}
        if key == "properties"
        else _inlined(value, definitions)
        for key, value in schema.items()
        if key == "properties" or key not in {"title", "default"}
    }
    return kept | ({"examples": [_TIME]} if kept.get("format") == "date-time" else {})


def _narrowed(schema: Schema, parts: tuple[str, ...]) -> Schema:
    """The same with these parts only, wherever it holds an object."""
    found = dict(schema)
    if "properties" in found:
        found["properties"] = {name: found["properties"][name] for name in parts}
        found["required"] = [*parts]
    if "items" in found:
        found["items"] = _narrowed(found["items"], parts)
    if "anyOf" in found:
        found["anyOf"] = [_narrowed(one, parts) for one in found["anyOf"]]
    return found
