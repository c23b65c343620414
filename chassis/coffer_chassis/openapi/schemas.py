"""JSON schemas of request and answer types, as pydantic and msgspec themselves write them.

Litestar's own lose formats, defaults, closed objects and docstrings; only its wiring of names is kept.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, get_args, get_origin

import msgspec
from litestar.handlers import HTTPRouteHandler
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

Json = dict[str, Any]

_TEMPLATE = "#/components/schemas/{model}"


def precise_schemas(handlers: Iterable[HTTPRouteHandler]) -> Json:
    """Component schemas for every model and struct the handlers read or return, by class name.

    Raises ValueError if two different classes share a name: rename one, the name is public.
    """
    read: list[type] = []
    written: list[type] = []
    for handler in handlers:
        signature = handler.parsed_fn_signature
        if "data" in signature.parameters:
            read += _classes(signature.parameters["data"].annotation)
        written += _classes(signature.return_type.annotation)
    found = list(dict.fromkeys([*read, *written]))
    _refuse_twins(found)
    models = [kind for kind in found if issubclass(kind, BaseModel)]
    structs = [kind for kind in found if issubclass(kind, msgspec.Struct)]
    _, definitions = models_json_schema(
        [(model, "validation" if model in read else "serialization") for model in models], ref_template=_TEMPLATE
    )
    _, components = msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")
    schemas: Json = tidy({**definitions.get("$defs", {}), **components})
    for struct in structs:
        _mark_times(struct, schemas[struct.__name__])
    for schema in schemas.values():
        for inner in schema.get("properties", {}).values():
            inner.pop("title", None)  # pydantic repeats every field's name as its title
    return schemas


def _refuse_twins(kinds: Iterable[type]) -> None:
    by_name: dict[str, type] = {}
    for kind in kinds:
        if by_name.setdefault(kind.__name__, kind) is not kind:
            raise ValueError(f"two types of this app are called {kind.__name__}")


def _mark_times(struct: type, schema: Json) -> None:
    # msgspec calls a time without a demand on its zone a mere string; marked, the lint can point at it
    for field in msgspec.structs.fields(struct):
        if field.type is datetime or datetime in get_args(field.type):
            schema["properties"][field.encode_name].setdefault("format", "date-time")


def _classes(annotation: Any) -> Iterator[type]:
    origin = get_origin(annotation)
    if origin is not None:
        for inner in get_args(annotation):
            yield from _classes(inner)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel | msgspec.Struct):
        yield annotation


def tidy(value: Any) -> Any:
    """The same document without what says nothing: false flags, empty headers, whole numbers written as floats."""
    if isinstance(value, dict):
        return {name: tidy(inner) for name, inner in value.items() if not _says_nothing(name, inner)}
    if isinstance(value, list):
        return [tidy(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _says_nothing(name: str, value: Any) -> bool:
    return (name in {"deprecated", "allowEmptyValue", "allowReserved"} and value is False) or (
        name == "headers" and value == {}
    )
