"""The quality bar of a document, as rules a test can run. Validity as OpenAPI is another tool's judgement."""

import re
from collections.abc import Iterator
from typing import Any

from coffer_contracts.scopes import SCOPES

Json = dict[str, Any]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_OPERATION_ID = re.compile(r"[a-z]+(_[a-z0-9]+)+")
_SUMMARY_LENGTH = 60
_SENT = "webhook"


def lint(document: Json) -> list[str]:
    """Every broken rule as `METHOD /path: what is wrong`; empty when the document is good."""
    found: list[str] = []
    seen: dict[str, str] = {}
    for where, operation in _operations(document):
        # What answers our own requests is not ours to document.
        answers = () if where.startswith(_SENT) else _answers(operation)
        found += [f"{where}: {wrong}" for wrong in (*_introduction(operation), *_bodies(operation, document), *answers)]
        operation_id = operation.get("operationId", "")
        if operation_id in seen:
            found.append(f"{where}: operationId {operation_id} is also that of {seen[operation_id]}")
        seen[operation_id] = where
    found += [f"{reference}: leads nowhere" for reference in _broken_references(document, document)]
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        for field, inner in schema.get("properties", {}).items():
            if inner.get("format") == "date-time" and not inner.get("examples"):
                found.append(f"schema {name}.{field}: a time needs an example; in answers use Timestamp")
    for name, response in document.get("components", {}).get("responses", {}).items():
        for media_type, body in response.get("content", {}).items():
            if media_type != "application/problem+json" or not body.get("examples"):
                found.append(f"response {name}: must be application/problem+json with an example per code")
    return found


def _operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, item in document.get("paths", {}).items():
        for method in _METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]
    for name, item in document.get("webhooks", {}).items():
        for operation in item.values():
            yield f"{_SENT} {name}", operation


def _introduction(operation: Json) -> Iterator[str]:
    if not _OPERATION_ID.fullmatch(operation.get("operationId", "")):
        yield f"operationId {operation.get('operationId')!r} must be verb_noun"
    summary = operation.get("summary", "")
    if not summary or len(summary) > _SUMMARY_LENGTH or summary.endswith("."):
        yield f"summary must have 1 to {_SUMMARY_LENGTH} characters and no full stop: {summary!r}"
    if not operation.get("description"):
        yield "description is missing"
    if len(operation.get("tags", ())) != 1:
        yield "exactly one tag is needed"
    if "security" not in operation:
        yield "security must be stated, an empty list for public routes"
    for demand in operation.get("security", ()):
        scopes = demand.get("bearer")
        if scopes == [] and not operation.get("x-any-scope"):
            yield "a token needs a scope: name it, or declare session_only() or any_token()"
        for unknown in sorted(set(scopes or ()) - set(SCOPES)):
            yield f"scope {unknown} is none of coffer_contracts.scopes"


def _bodies(operation: Json, document: Json) -> Iterator[str]:
    for media_type, body in operation.get("requestBody", {}).get("content", {}).items():
        if not _has_example(body):
            yield f"request {media_type} has no example"
    for given in operation.get("parameters", ()):
        shared = str(given.get("$ref", "")).removeprefix("#/components/parameters/")
        parameter = document.get("components", {}).get("parameters", {}).get(shared, given)
        schema = parameter.get("schema", {})
        if not parameter.get("description") and not schema.get("description"):
            yield f"parameter {parameter.get('name')} has no description"


def _answers(operation: Json) -> Iterator[str]:
    answers = operation.get("responses", {})
    if not any(code < "400" for code in answers):
        yield "no successful answer"
    for code, answer in answers.items():
        if code >= "400":
            if not str(answer.get("$ref", "")).startswith("#/components/responses/"):
                yield f"answer {code} must be a $ref to a shared response"
            continue
        for media_type, body in (answer.get("content") or {}).items():
            if not _has_example(body):
                yield f"answer {code} {media_type} has no example"
    if operation.get("security") and "401" not in answers:
        yield "a route for signed-in callers answers 401"
    if "500" not in answers:
        yield "every route answers 500"


def _has_example(body: Json) -> bool:
    return "example" in body or bool(body.get("examples"))


def _broken_references(value: Any, document: Json) -> Iterator[str]:
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str) and not _leads_somewhere(reference, document):
            yield reference
        for inner in value.values():
            yield from _broken_references(inner, document)
    elif isinstance(value, list):
        for inner in value:
            yield from _broken_references(inner, document)


def _leads_somewhere(reference: str, document: Json) -> bool:
    here: Any = document
    for step in reference.removeprefix("#/").split("/"):
        if not isinstance(here, dict) or step.replace("~1", "/").replace("~0", "~") not in here:
            return False
        here = here[step.replace("~1", "/").replace("~0", "~")]
    return reference.startswith("#/")
