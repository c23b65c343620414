"""Requests made up from the OpenAPI document: mostly as it says, with what is there, and now and then not at all."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

import coffer_local

DOCUMENT = Path(coffer_local.__file__).parent / "openapi.json"
METHODS = ("get", "head", "post", "put", "patch", "delete")
NOWHERE = "0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11"
SOMETHING = "{something}"
"""Stands for the id of something that is there."""

_ID = re.compile(r"\[0-9a-f(A-F)?\]\{8\}", re.IGNORECASE)

texts = st.text(st.characters(codec=None, exclude_categories=["Cs"]), max_size=8)
junk: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), texts, st.just([]), st.just({}), st.just([{"": None}])
)
times = st.sampled_from(
    ["2026-11-20T12:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999+00:00", "2026-02-30T00:00:00Z"]
)


@cache
def document() -> dict[str, Any]:
    """The public routes of all services."""
    told: dict[str, Any] = json.loads(DOCUMENT.read_text())
    return told


@cache
def operations(tags: frozenset[str]) -> Sequence[tuple[str, str, Mapping[str, Any]]]:
    """Path, method and operation of every route with one of the tags."""
    found = [
        (path, method, one)
        for path, methods in document()["paths"].items()
        for method, one in methods.items()
        if method in METHODS and tags & set(one["tags"])
    ]
    return sorted(found, key=lambda one: (one[0], one[1]))


def values(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """What fits a schema, as far as it says."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return st.deferred(lambda: values(document()["components"]["schemas"][name]))
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return st.one_of(*map(values, choices))
    kinds = schema.get("type", "object")
    if isinstance(kinds, list):
        return st.one_of(*(values({**schema, "type": kind}) for kind in kinds))
    return _of_kind(kinds, schema)


def _of_kind(kind: str, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    if kind == "integer":
        least, most = schema.get("minimum", -3), schema.get("maximum", 2**40)
        return st.one_of(st.integers(least, most), st.integers(least, min(most, least + 100)))
    if kind == "number":
        return st.floats(allow_nan=False, allow_infinity=False)
    if kind == "boolean":
        return st.booleans()
    if kind == "null":
        return st.none()
    if kind == "array":
        return st.lists(values(schema.get("items", {})), min_size=schema.get("minItems", 0), max_size=3)
    if kind == "string":
        return _strings(schema)
    properties = schema.get("properties", {})
    required = {name: values(properties[name]) for name in schema.get("required", ()) if name in properties}
    optional = {name: values(one) for name, one in properties.items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional)


def _strings(schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
    if schema.get("format") == "date-time":
        return times
    pattern = schema.get("pattern", "")
    if _ID.search(pattern):
        return st.sampled_from([SOMETHING, SOMETHING, NOWHERE, *(["root"] if "root" in pattern else [])])
    if pattern:
        return st.from_regex(pattern, fullmatch=True)
    return st.one_of(texts, st.sampled_from(["a", "b.txt", "..", "n" * 300]))


def perhaps(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """As it should be, or now and then anything."""
    return st.one_of(good, good, good, good, junk)


@st.composite
def requests(draw: st.DrawFn, path: str, method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    """One request, with `SOMETHING` where something's id belongs."""
    query, headers = {}, {}
    for one in operation.get("parameters", ()):
        name = one["name"]
        if one["in"] == "path":
            ids = st.sampled_from([SOMETHING, SOMETHING, SOMETHING, "root", NOWHERE, "x", "%00", "\u00e9"])
            path = path.replace("{" + name + "}", draw(ids))
        elif draw(st.booleans()) and one["in"] == "query":
            query[name] = draw(perhaps(st.one_of(st.just(SOMETHING), values(one["schema"]))))
        elif one["in"] == "header" and draw(st.booleans()):
            headers[name] = draw(st.sampled_from(['"1"', "*", "", '"', "a" * 300, "k1", 'W/"1", "2"']))
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    body = draw(perhaps(values(content["schema"]))) if content else None
    return {"method": method.upper(), "path": path, "query": query, "headers": headers, "body": body, "has_body": bool(content)}


def with_ids(request: Mapping[str, Any], item_id: str) -> tuple[str, bytes | None]:
    """Address and body, about something that is there."""
    words = "&".join(f"{quote(name)}={quote(str(value), safe='')}" for name, value in request["query"].items())
    address = (request["path"] + (f"?{words}" if words else "")).replace(quote(SOMETHING, safe=""), item_id)
    body = json.dumps(request["body"]).replace(SOMETHING, item_id).encode() if request["has_body"] else None
    return address.replace(SOMETHING, item_id), body
