"""The rules of AsyncAPI 3.0.0 that our document is held against, as the specification and its JSON Schema have them.

No package on the index carries that schema; the rules here are narrower: what the document does not use, it may not use.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]

KEY = re.compile(r"[A-Za-z0-9._-]+")
EXPRESSION = re.compile(r"\$message\.(header|payload)#(/[^/]+)+")
VARIABLE = re.compile(r"\{([^}]+)\}")

SHAPES: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    name: (frozenset(required.split()), frozenset(f"{required} {optional}".split()))
    for name, required, optional in (
        ("document", "asyncapi info channels operations components", "id servers defaultContentType"),
        ("info", "title version", "description license tags termsOfService contact externalDocs"),
        ("server", "host protocol", "description variables title summary tags"),
        ("variable", "", "default description enum examples"),
        ("channel", "address messages", "title summary description servers bindings tags"),
        ("operation", "action channel", "title summary description messages bindings tags"),
        ("message", "name payload", "title summary description contentType correlationId headers examples tags bindings"),
        ("example", "payload", "name summary headers"),
        ("correlation", "location", "description"),
        ("tag", "name", "description"),
        ("reference", "$ref", ""),
        ("components", "", "messages schemas"),
        ("sns channel", "name bindingVersion", "ordering"),
        ("sns operation", "topic consumers bindingVersion", ""),
        ("consumer", "protocol endpoint rawMessageDelivery", "filterPolicy filterPolicyScope redrivePolicy"),
        ("sqs operation", "queues bindingVersion", ""),
        ("queue", "name", "fifoQueue visibilityTimeout messageRetentionPeriod redrivePolicy"),
        ("redrive", "deadLetterQueue", "maxReceiveCount"),
    )
}
"""Object -> the fields it must have, and those it may have."""

VERSIONS = {"sns": "0.1.0", "sqs": "0.2.0"}
"""Of bindings, as the JSON Schema of 3.0.0 knows them."""


def resolved(document: Json, reference: str) -> Any:
    """What a JSON pointer in the document refers to (RFC 6901). Raises LookupError."""
    if not reference.startswith("#/"):
        raise LookupError(reference)
    part: Any = document
    for step in reference[2:].split("/"):
        part = part[step.replace("~1", "/").replace("~0", "~")]
    return part


def faults(document: Json) -> list[str]:
    """What breaks a rule, each with its place; empty for a good document."""
    return [*_references(document, document, "#"), *_root(document)]


def _shape(name: str, part: Any, place: str) -> Iterator[str]:
    required, allowed = SHAPES[name]
    if not isinstance(part, dict):
        yield f"{place} is no object"
        return
    yield from (f"{place} lacks {field}" for field in sorted(required - part.keys()))
    yield from (f"{place} has {field}" for field in sorted(part.keys() - allowed) if not field.startswith("x-"))


def _references(document: Json, part: Any, place: str) -> Iterator[str]:
    if isinstance(part, list):
        for number, each in enumerate(part):
            yield from _references(document, each, f"{place}/{number}")
    elif isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            try:
                resolved(document, part["$ref"])
            except (LookupError, TypeError):
                yield f"{place} refers to nothing: {part['$ref']}"
        for key, each in part.items():
            if not (place.endswith("/examples") or key == "example"):
                yield from _references(document, each, f"{place}/{key}")


def _root(document: Json) -> Iterator[str]:
    yield from _shape("document", document, "#")
    if document.get("asyncapi") != "3.0.0":
        yield "# is of another version"
    yield from _shape("info", document.get("info"), "#/info")
    for kind in ("servers", "channels", "operations"):
        for key, part in document.get(kind, {}).items():
            place = f"#/{kind}/{key}"
            if not KEY.fullmatch(key):
                yield f"{place} is no key"
            yield from _PARTS[kind](document, part, place)
    yield from _shape("components", document.get("components"), "#/components")
    for kind, parts in document.get("components", {}).items():
        for key, part in parts.items():
            place = f"#/components/{kind}/{key}"
            if not KEY.fullmatch(key):
                yield f"{place} is no key"
            yield from _PARTS[kind](document, part, place)
    addresses = [channel.get("address") for channel in document.get("channels", {}).values()]
    if len(set(addresses)) != len(addresses):
        yield "#/channels have an address twice"


def _server(_document: Json, part: Json, place: str) -> Iterator[str]:
    yield from _shape("server", part, place)
    for name in VARIABLE.findall(part.get("host", "")):
        if name not in part.get("variables", {}):
            yield f"{place} has no variable {name}"
    for name, variable in part.get("variables", {}).items():
        yield from _shape("variable", variable, f"{place}/variables/{name}")


def _channel(document: Json, part: Json, place: str) -> Iterator[str]:
    yield from _shape("channel", part, place)
    for server in part.get("servers", ()):
        yield from _reference(document, server, f"{place}/servers", "#/servers/")
    for key, message in part.get("messages", {}).items():
        yield from _reference(document, message, f"{place}/messages/{key}", "#/components/messages/")
    for protocol, binding in part.get("bindings", {}).items():
        yield from _binding(protocol, "channel", binding, f"{place}/bindings/{protocol}")
        if binding.get("ordering", {}).get("type", "standard") not in {"standard", "FIFO"}:
            yield f"{place} has an order that SNS has not"


def _operation(document: Json, part: Json, place: str) -> Iterator[str]:
    yield from _shape("operation", part, place)
    if part.get("action") not in {"send", "receive"}:
        yield f"{place} does neither send nor receive"
    yield from _reference(document, part.get("channel"), f"{place}/channel", "#/channels/")
    channel = (part.get("channel") or {}).get("$ref", "")
    if not part.get("messages"):
        yield f"{place} is about no message"
    for message in part.get("messages", ()):
        # Not into the components: "MUST be a subset of the messages defined in the channel referenced in this operation".
        yield from _reference(document, message, f"{place}/messages", f"{channel}/messages/")
    for protocol, binding in part.get("bindings", {}).items():
        yield from _binding(protocol, "operation", binding, f"{place}/bindings/{protocol}")


def _binding(protocol: str, kind: str, part: Json, place: str) -> Iterator[str]:
    yield from _shape(f"{protocol} {kind}", part, place)
    if part.get("bindingVersion") != VERSIONS[protocol]:
        yield f"{place} is of another version"
    for consumer in part.get("consumers", ()):
        yield from _shape("consumer", consumer, f"{place}/consumers")
        if consumer.get("filterPolicyScope", "MessageAttributes") not in {"MessageAttributes", "MessageBody"}:
            yield f"{place} filters by something else"
        if "redrivePolicy" in consumer:
            yield from _shape("redrive", consumer["redrivePolicy"], f"{place}/consumers/redrivePolicy")
    if kind == "operation" and protocol == "sns" and not part.get("consumers"):
        yield f"{place} has no consumers"
    for queue in part.get("queues", ()):
        yield from _shape("queue", queue, f"{place}/queues")
        if (
            not 0 <= queue.get("visibilityTimeout", 0) <= 43_200
            or not 60 <= queue.get("messageRetentionPeriod", 60) <= 1_209_600
        ):
            yield f"{place}/queues has a time that SQS refuses"
        if "redrivePolicy" in queue:
            yield from _shape("redrive", queue["redrivePolicy"], f"{place}/queues/redrivePolicy")


def _message(document: Json, part: Json, place: str) -> Iterator[str]:
    yield from _shape("message", part, place)
    for name in ("payload", "headers"):
        if name in part:
            yield from _reference(document, part[name], f"{place}/{name}", "#/components/schemas/")
    if "correlationId" in part:
        yield from _shape("correlation", part["correlationId"], f"{place}/correlationId")
        if not EXPRESSION.fullmatch(part["correlationId"].get("location", "")):
            yield f"{place} has its correlation id nowhere"
    for example in part.get("examples", ()):
        yield from _shape("example", example, f"{place}/examples")
    for tag in part.get("tags", ()):
        yield from _shape("tag", tag, f"{place}/tags")


def _schema(_document: Json, part: Any, place: str) -> Iterator[str]:
    """A schema object is a superset of JSON Schema draft 7; an `$id` would move the base of its references."""
    if isinstance(part, list):
        for each in part:
            yield from _schema(_document, each, place)
    elif isinstance(part, dict):
        yield from (f"{place} has {key}" for key in ("$id", "$schema", "$defs", "definitions") if key in part)
        for key, each in part.items():
            yield from _schema(_document, each, f"{place}/{key}")


def _reference(document: Json, part: Any, place: str, begins: str) -> Iterator[str]:
    yield from _shape("reference", part, place)
    if isinstance(part, dict) and not str(part.get("$ref")).startswith(begins):
        yield f"{place} does not refer into {begins}"


_PARTS = {"servers": _server, "channels": _channel, "operations": _operation, "messages": _message, "schemas": _schema}
