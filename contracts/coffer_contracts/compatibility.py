"""What may change about an event type within one major version: FULL_TRANSITIVE, as our writers and readers work.

Writers are closed; readers ignore unknown fields but check those they know, and take unknown words of an open enumeration
for known ones. So a release may add a field that has a default, open an enumeration, add words to one that was open
before, and reword descriptions. Everything else breaks somebody: the new reader of an old message (dead letters,
outboxes), or the old reader of a new one (a service that is not updated yet). What looks like relaxing is the second kind.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from coffer_contracts.words import KNOWN, READ_AS

ANNOTATIONS = frozenset({"$schema", "$id", "$defs", "$comment", "title", "description", "examples", "deprecated"})
"""Keywords that say nothing about which messages are valid."""

LITERALS = frozenset({"default", "const", "enum", "required", KNOWN, READ_AS})
"""Keywords whose values are data, not schemas."""

_ABSENT = object()


def breaking_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Why `new` may not replace `old` under the same type, one sentence each; empty if it may.

    Both are schemas as `schemas.schema_of` makes them, or what `bare` left of one. A keyword that is not known here counts
    as breaking when it differs: better a refused release than an unreadable message. Raises ValueError for a schema
    that contains itself.
    """
    return list(_object(bare(old), bare(new), "the message"))


def bare(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What a schema says about which messages are valid, and nothing else; two with the same bare form are one revision.

    Raises ValueError for a schema that contains itself.
    """
    plain: dict[str, Any] = _inlined(schema, schema.get("$defs", {}))
    return plain


def _inlined(schema: Any, definitions: Mapping[str, Any], within: tuple[str, ...] = ()) -> Any:
    """The schema without annotations, references replaced by what they refer to."""
    if isinstance(schema, list):
        return [_inlined(part, definitions, within) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        name = str(schema["$ref"]).removeprefix("#/$defs/")
        if name in within:
            raise ValueError(f"{name} contains itself")
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return _inlined({**definitions[name], **beside}, definitions, (*within, name))
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if key in LITERALS:
            plain[key] = value
        elif key == "properties":
            plain[key] = {name: _inlined(part, definitions, within) for name, part in value.items()}
        elif key not in ANNOTATIONS:
            plain[key] = _inlined(value, definitions, within)
    return plain


def _object(old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[str]:
    """Compare two schemas keyword by keyword."""
    opening = "enum" in old and READ_AS in new
    for keyword in sorted({*old, *new}):
        if old.get(keyword, _ABSENT) == new.get(keyword, _ABSENT):
            continue
        if keyword == "properties":
            yield from _properties(old, new, place)
        elif keyword == "required":
            yield from _required(old, new, place)
        elif not (opening and keyword in {KNOWN, READ_AS}):
            yield from _keyword(keyword, old, new, place)


def _keyword(keyword: str, old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[str]:
    was, now = old.get(keyword, _ABSENT), new.get(keyword, _ABSENT)
    if keyword == "enum" and isinstance(was, list):
        # Nobody writes other words before readers take them, so an enumeration is opened as it is.
        yield from _enum(was, now if isinstance(now, list) else new.get(KNOWN, []), place)
    elif keyword == KNOWN and isinstance(was, list) and isinstance(now, list):
        yield from (f"{place}: the value {word!r} was removed; old messages carry it" for word in was if word not in now)
    elif keyword == "items" and isinstance(was, Mapping) and isinstance(now, Mapping):
        yield from _object(was, now, f"{place}[]")
    elif keyword == "anyOf" and isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for one, other in zip(was, now, strict=True):
            yield from _object(one, other, place)
    else:
        yield f"{place}: `{keyword}` {_change(was, now)}"


def _properties(old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[str]:
    before: Mapping[str, Any] = old.get("properties", {})
    after: Mapping[str, Any] = new.get("properties", {})
    for name, schema in before.items():
        if name not in after:
            yield f"{_path(place, name)} was removed"
        else:
            yield from _object(schema, after[name], _path(place, name))
    for name, schema in after.items():
        if name not in before and (name in new.get("required", ()) or "default" not in schema):
            yield f"{_path(place, name)} was added without a default; old messages do not carry it"


def _required(old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[str]:
    both = set(old.get("properties", {})) & set(new.get("properties", {}))
    before, after = set(old.get("required", ())) & both, set(new.get("required", ())) & both
    for name in sorted(after - before):
        yield f"{_path(place, name)} became required; old messages may lack it"
    for name in sorted(before - after):
        yield f"{_path(place, name)} may now be absent; old readers require it"


def _enum(was: list[Any], now: list[Any], place: str) -> Iterator[str]:
    for value in was:
        if value not in now:
            yield f"{place}: the value {value!r} was removed; old messages carry it"
    for value in now:
        if value not in was:
            yield f"{place}: the value {value!r} was added; old readers refuse it"


def _path(place: str, name: str) -> str:
    return name if place == "the message" else f"{place}.{name}"


def _change(was: Any, now: Any) -> str:
    if was is _ABSENT:
        return f"was added: {now!r}"
    if now is _ABSENT:
        return f"was removed: {was!r}"
    return f"changed from {was!r} to {now!r}"
