"""Refusals in a document: shared responses, one per set of codes that meet under a status, with an example for each."""

from collections.abc import Iterable
from typing import Any

from coffer_chassis.access_rules import AccessRule
from coffer_chassis.problems import MEDIA_TYPE, type_address
from coffer_contracts.problems import (
    Forbidden,
    InsufficientScope,
    Internal,
    MalformedRequest,
    NotFound,
    Problem,
    RateLimited,
    Temporary,
    TokenExpired,
    TooLarge,
    Unauthenticated,
    UnsupportedMediaType,
    ValidationFailed,
)

Json = dict[str, Any]

_REQUEST_ID = "0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11"

LIMIT_HEADERS = ("RateLimit", "RateLimit-Policy")
"""Of every answer of a route that is counted, but for addresses to go on to."""

PROBLEM_SCHEMA: Json = {
    "type": "object",
    "title": "Problem",
    "description": "A refusal (RFC 9457). `code` is the promise, texts are for people. Some codes add members.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Address of a page about the code."},
        "title": {"type": "string", "description": "The same for every problem of this code."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string", "pattern": "^[a-z]+(_[a-z0-9]+)*$"},
        "detail": {"type": "string", "description": "What happened this time."},
        "instance": {"type": "string", "format": "uri", "description": "The request, as `urn:uuid:`."},
        "request_id": {"type": "string", "description": "As in X-Request-Id."},
        "trace_id": {"type": "string", "description": "The trace this request belongs to."},
        "retry_after_seconds": {"type": "integer", "minimum": 0},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail", "in"],
                "properties": {
                    "pointer": {"type": "string", "description": "RFC 6901 pointer."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                    "in": {"enum": ["body", "query", "path", "header"]},
                },
            },
        },
    },
}


def implied_problems(operation: Json, rule: AccessRule | None) -> set[type[Problem]]:
    """What an operation can refuse by its shape alone: its rule, its parameters, its body."""
    found: set[type[Problem]] = {Internal}
    if rule is not None and rule.audience in {"user", "operator"}:
        found |= {Unauthenticated, TokenExpired}
        found |= {Forbidden} if rule.audience == "operator" or not rule.links else set()
        found |= {InsufficientScope} if rule.scopes or rule.audience == "operator" else set()
    places = {parameter["in"] for parameter in operation.get("parameters", ())}
    found |= {NotFound} if "path" in places else set()
    found |= {ValidationFailed} if places & {"query", "header"} else set()
    if "requestBody" in operation:
        found |= {ValidationFailed, MalformedRequest, TooLarge, UnsupportedMediaType}
    return found


def refusal_components(problems: Iterable[type[Problem]]) -> tuple[list[tuple[str, str]], Json]:
    """Status and component name for each status among `problems`, and the components themselves by name."""
    by_status: dict[int, list[type[Problem]]] = {}
    for kind in sorted(set(problems), key=lambda kind: (kind.status, kind.code)):
        by_status.setdefault(kind.status, []).append(kind)
    named = [(str(status), "Or".join(kind.__name__ for kind in kinds)) for status, kinds in by_status.items()]
    return named, {name: _response(by_status[int(status)]) for status, name in named}


def _response(kinds: list[type[Problem]]) -> Json:
    headers = ["X-Request-Id"] + (["Retry-After"] if any(issubclass(kind, Temporary) for kind in kinds) else [])
    headers += LIMIT_HEADERS if RateLimited in kinds else ()
    return {
        "description": "; ".join(f"{kind.title} (`{kind.code}`)" for kind in kinds),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {kind.code: {"summary": kind.title, "value": _example(kind)} for kind in kinds},
            }
        },
    }


def _example(kind: type[Problem]) -> Json:
    members: Json = {
        "type": type_address("/docs", kind.code),
        "title": kind.title,
        "status": kind.status,
        "code": kind.code,
        "detail": kind.title,
        "instance": f"urn:uuid:{_REQUEST_ID}",
        "request_id": _REQUEST_ID,
    }
    if kind is ValidationFailed:
        members["errors"] = [{"pointer": "/name", "code": "too_long", "detail": "at most 255 bytes", "in": "body"}]
    return members | dict(kind.example)
