"""An example for a schema that brings none: deterministic, and plausible by the name of the field."""

import re
from typing import Any

Json = dict[str, Any]

_ID = "0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11"
_TIME = "2026-11-20T10:15:00.000Z"
_BY_FORMAT = {
    "uuid": _ID,
    "date-time": _TIME,
    "date": "2026-11-20",
    "email": "ada@example.org",
    "uri": "https://drive.example.org/x",
    "binary": "",
    "ipv4": "192.0.2.7",
}
_BY_NAME: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(^|_)id$|^If-None-Match$|^id_", re.IGNORECASE), _ID),
    (re.compile(r"_at$|_after$|_before$"), _TIME),
    (re.compile(r"etag|^If-Match$", re.IGNORECASE), '"3f1c9a7be2d04c55"'),
    (re.compile(r"e_?mail", re.IGNORECASE), "ada@example.org"),
    (re.compile(r"url$|uri$|href$", re.IGNORECASE), "https://drive.example.org/x"),
    (re.compile(r"sha256|hash", re.IGNORECASE), "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
    (re.compile(r"mime|media_type", re.IGNORECASE), "application/pdf"),
    (re.compile(r"user_?name", re.IGNORECASE), "ada"),
    (re.compile(r"pass", re.IGNORECASE), "correct horse battery staple"),
    (re.compile(r"cursor", re.IGNORECASE), "8dRpVJZb2W0QlK70_1eyDATN0dou4VmCYw9pFnM"),
    (re.compile(r"name$", re.IGNORECASE), "Report.pdf"),
)
_DEPTH = 8


def example_of(schema: Json, document: Json, *, name: str = "", depth: int = 0) -> Any:
    """A value that fits `schema`; references are looked up in `document`. Patterns are not solved: give an example."""
    if "$ref" in schema:
        return example_of(_resolved(schema["$ref"], document), document, name=name, depth=depth + 1)
    for given in ("example", "const"):
        if given in schema:
            return schema[given]
    for listed in ("examples", "enum"):
        if schema.get(listed):
            return schema[listed][0]
    if schema.get("default") is not None:
        return schema["default"]
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            options = [option for option in schema[choice] if option.get("type") != "null"]
            return example_of(options[0], document, name=name, depth=depth + 1) if options else None
    if "allOf" in schema:
        parts = [example_of(part, document, name=name, depth=depth + 1) for part in schema["allOf"]]
        return {key: value for part in parts if isinstance(part, dict) for key, value in part.items()} or parts[0]
    return _by_type(schema, document, name, depth)


def _by_type(schema: Json, document: Json, name: str, depth: int) -> Any:
    kinds = schema.get("type", "object" if "properties" in schema else "null")
    kind = next((one for one in kinds if one != "null"), "null") if isinstance(kinds, list) else kinds
    if kind == "object":
        return _object(schema, document, depth)
    if kind == "array":
        count = schema.get("minItems", 1) if depth < _DEPTH else 0
        items = schema.get("items", {})
        return [example_of(items, document, name=name.removesuffix("s"), depth=depth + 1) for _ in range(max(count, 0))]
    if kind in {"integer", "number"}:
        return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    return {"boolean": False, "string": _text(schema, name)}.get(kind)


def _object(schema: Json, document: Json, depth: int) -> Json:
    fields = schema.get("properties", {})
    required = schema.get("required", ())
    wanted = fields if depth < _DEPTH else {name: fields[name] for name in required if name in fields}
    return {name: example_of(field, document, name=name, depth=depth + 1) for name, field in wanted.items()}


def _text(schema: Json, name: str) -> str:
    known = _BY_FORMAT.get(schema.get("format", ""))
    if known is None:
        known = next((value for pattern, value in _BY_NAME if pattern.search(name)), "text")
    most: int = schema.get("maxLength", len(known))
    return known[:most].ljust(schema.get("minLength", 0), "x")


def _resolved(reference: str, document: Json) -> Json:
    here: Any = document
    for step in reference.removeprefix("#/").split("/"):
        here = here[step]
    found: Json = here
    return found
