"""One document from many: paths side by side, components shared where they say the same and renamed where not."""

import json
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

_PREFIX = "#/components/"


def merge(documents: Mapping[str, Json], *, title: str = "Coffer", version: str = "1", description: str = "") -> Json:
    """The whole of `documents`, given by service name; the same input gives the same bytes.

    A component that means different things in two services is called `<Service><Name>` in each. Raises ValueError if
    two services claim the same operation or the same operationId.
    """
    renamed = _renames(documents)
    merged: Json = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": description or title},
        "servers": [{"url": "/"}],
        "tags": [],
        "paths": {},
        "components": {},
    }
    owners: dict[str, str] = {}
    for service in sorted(documents):
        document = _with_names(documents[service], renamed[service])
        for section in ("paths", "webhooks"):
            for path, item in document.get(section, {}).items():
                _add_operations(merged.setdefault(section, {}), path, item, service, owners)
        for section, entries in document.get("components", {}).items():
            names = renamed[service]
            for name, entry in entries.items():
                merged["components"].setdefault(section, {})[names.get((section, name), name)] = entry
    merged["tags"] = [{"name": name} for name in sorted(_tags(merged))]
    merged["paths"] = dict(sorted(merged["paths"].items()))
    if "webhooks" in merged:
        merged["webhooks"] = dict(sorted(merged["webhooks"].items()))
    merged["components"] = {section: dict(sorted(entries.items())) for section, entries in sorted(merged["components"].items())}
    return merged


def _add_operations(target: Json, path: str, item: Json, service: str, owners: dict[str, str]) -> None:
    there = target.setdefault(path, {})
    for method, operation in item.items():
        if method in there:
            raise ValueError(f"{service} claims {method.upper()} {path}, which another service has")
        operation_id = operation.get("operationId", "") if isinstance(operation, dict) else ""
        if operation_id and (owner := owners.setdefault(operation_id, service)) != service:
            raise ValueError(f"{service} and {owner} both call an operation {operation_id}")
        there[method] = operation


def _tags(document: Json) -> set[str]:
    return {
        tag
        for item in document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
        for tag in operation.get("tags", ())
    }


def _renames(documents: Mapping[str, Json]) -> dict[str, dict[tuple[str, str], str]]:
    meanings: dict[tuple[str, str], dict[str, str]] = {}
    for service, document in documents.items():
        for section, entries in document.get("components", {}).items():
            for name in entries:
                meanings.setdefault((section, name), {})[service] = _meaning(document, section, name)
    renames: dict[str, dict[tuple[str, str], str]] = {service: {} for service in documents}
    for (section, name), by_service in meanings.items():
        if len(set(by_service.values())) > 1:
            for service in by_service:
                prefix = "".join(part.title() for part in service.replace("_", "-").split("-"))
                renames[service][section, name] = f"{prefix}{name}"
    return renames


def _meaning(document: Json, section: str, name: str) -> str:
    # Two components are the same only if everything they refer to is the same too.
    seen: dict[str, Any] = {}
    todo = [f"{_PREFIX}{section}/{name}"]
    while todo:
        reference = todo.pop()
        if reference not in seen:
            kind, _, key = reference.removeprefix(_PREFIX).partition("/")
            seen[reference] = document["components"][kind][key]
            todo.extend(_references(seen[reference]))
    return json.dumps(seen, sort_keys=True)


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) and value["$ref"].startswith(_PREFIX) else []
        return own + [found for inner in value.values() for found in _references(inner)]
    return [found for inner in value for found in _references(inner)] if isinstance(value, list) else []


def _with_names(value: Any, names: dict[tuple[str, str], str]) -> Any:
    if isinstance(value, list):
        return [_with_names(inner, names) for inner in value]
    if not isinstance(value, dict):
        return value
    copied = {key: _with_names(inner, names) for key, inner in value.items()}
    reference = copied.get("$ref")
    if isinstance(reference, str) and reference.startswith(_PREFIX):
        section, _, name = reference.removeprefix(_PREFIX).partition("/")
        copied["$ref"] = f"{_PREFIX}{section}/{names.get((section, name), name)}"
    return copied
