"""The rule of what may change within a major, shown on one kind of change at a time."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from coffer_contracts.catalog import MESSAGES
from coffer_contracts.compatibility import bare, breaking_changes
from coffer_contracts.schemas import schema_of

Schema = dict[str, Any]

BEFORE: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "ThingMadeV1",
    "$defs": {
        "Part": {
            "type": "object",
            "title": "Part",
            "properties": {
                "size_bytes": {"type": "integer", "minimum": 0},
                "title": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            },
            "required": ["size_bytes"],
        },
        "Data": {
            "type": "object",
            "properties": {
                "thing_id": {"type": "string", "description": "The thing."},
                "kind": {"enum": ["file", "folder"], "type": "string"},
                "media_kind": {"x-extensible-enum": ["image", "other"], "x-unknown-as": "other", "type": "string"},
                "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
                "best": {"anyOf": [{"$ref": "#/$defs/Part"}, {"type": "null"}], "default": None},
                "made_at": {"type": "string", "format": "date-time"},
                "tags": {"type": "array", "items": {"type": "string"}, "default": []},
            },
            "required": ["thing_id", "kind", "media_kind", "parts", "made_at"],
        },
    },
    "type": "object",
    "properties": {"type": {"const": "files.thing.made.v1"}, "data": {"$ref": "#/$defs/Data", "description": "The fact."}},
    "required": ["type", "data"],
}


def data(schema: Schema) -> Schema:
    part: Schema = schema["$defs"]["Data"]
    return part


def fields(schema: Schema) -> Schema:
    part: Schema = data(schema)["properties"]
    return part


def part(schema: Schema) -> Schema:
    inner: Schema = schema["$defs"]["Part"]
    return inner


def after(change: Callable[[Schema], object]) -> list[str]:
    new = copy.deepcopy(BEFORE)
    change(new)
    return breaking_changes(BEFORE, new)


def rename(schema: Schema) -> None:
    fields(schema)["item_id"] = fields(schema).pop("thing_id")
    data(schema)["required"] = ["item_id", "kind", "media_kind", "parts", "made_at"]


def move_to_another_shape(schema: Schema) -> None:
    schema["$defs"]["Piece"] = schema["$defs"].pop("Part")
    fields(schema)["parts"]["items"] = {"$ref": "#/$defs/Piece"}
    fields(schema)["best"]["anyOf"][0] = {"$ref": "#/$defs/Piece"}


def opened(schema: Schema, *words: str) -> None:
    fields(schema)["kind"] = {"x-extensible-enum": list(words), "x-unknown-as": "file", "type": "string"}


OPTIONAL_TEXT = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}

ALLOWED: dict[str, Callable[[Schema], object]] = {
    "nothing": lambda _: None,
    "an optional field with a default": lambda schema: fields(schema).update(note=dict(OPTIONAL_TEXT)),
    "an optional field with a default in a part": lambda schema: part(schema)["properties"].update(note=dict(OPTIONAL_TEXT)),
    "an optional list": lambda schema: fields(schema).update(
        notes={"type": "array", "items": {"type": "string"}, "default": []}
    ),
    "other words in a description": lambda schema: fields(schema)["thing_id"].update(description="Which thing."),
    "another title": lambda schema: schema.update(title="Thing made"),
    "another order of fields": lambda schema: data(schema).update(properties=dict(reversed(fields(schema).items()))),
    "another order of required fields": lambda schema: data(schema)["required"].reverse(),
    "another order of values": lambda schema: fields(schema)["kind"]["enum"].reverse(),
    "another name of a shape": move_to_another_shape,
    "readers that take other words": lambda schema: opened(schema, "file", "folder"),
    "a word where more may come": lambda schema: fields(schema)["media_kind"]["x-extensible-enum"].append("video"),
    "another order of words": lambda schema: fields(schema)["media_kind"]["x-extensible-enum"].reverse(),
}

REFUSED: dict[str, tuple[Callable[[Schema], object], str]] = {
    "a field is removed": (lambda schema: fields(schema).pop("tags"), "data.tags was removed"),
    "a required field is removed": (lambda schema: fields(schema).pop("kind"), "data.kind was removed"),
    "a field of a part is removed": (lambda schema: part(schema)["properties"].pop("title"), "data.parts[].title was removed"),
    "a field is renamed": (rename, "data.thing_id was removed"),
    "a required field is added": (
        lambda schema: (fields(schema).update(note={"type": "string"}), data(schema)["required"].append("note")),
        "data.note was added without a default",
    ),
    "a field without a default is added": (
        lambda schema: fields(schema).update(note={"type": "string"}),
        "data.note was added",
    ),
    "an optional field becomes required": (lambda schema: data(schema)["required"].append("tags"), "data.tags became required"),
    "a required field becomes optional": (
        lambda schema: data(schema)["required"].remove("kind"),
        "data.kind may now be absent",
    ),
    "a type is changed": (lambda schema: fields(schema)["thing_id"].update(type="integer"), "data.thing_id: `type` changed"),
    "the type of list entries is changed": (
        lambda schema: fields(schema)["tags"]["items"].update(type="integer"),
        "data.tags[]: `type` changed",
    ),
    "null becomes possible": (
        lambda schema: fields(schema).update(made_at={"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}),
        "data.made_at: `anyOf` was added",
    ),
    "null becomes impossible": (
        lambda schema: fields(schema).update(best={"$ref": "#/$defs/Part", "default": None}),
        "data.best: `anyOf` was removed",
    ),
    "a format is dropped": (lambda schema: fields(schema)["made_at"].pop("format"), "data.made_at: `format` was removed"),
    "a number is narrowed": (
        lambda schema: part(schema)["properties"]["size_bytes"].update(minimum=1),
        "data.parts[].size_bytes: `minimum` changed from 0 to 1",
    ),
    "a number is widened": (
        lambda schema: part(schema)["properties"]["size_bytes"].pop("minimum"),
        "data.parts[].size_bytes: `minimum` was removed",
    ),
    "a text is limited": (
        lambda schema: fields(schema)["thing_id"].update(maxLength=36),
        "data.thing_id: `maxLength` was added",
    ),
    "a value is removed": (lambda schema: fields(schema)["kind"]["enum"].remove("folder"), "the value 'folder' was removed"),
    "a value is added": (lambda schema: fields(schema)["kind"]["enum"].append("link"), "the value 'link' was added"),
    "a value is added while readers learn to take it": (
        lambda schema: opened(schema, "file", "folder", "link"),
        "the value 'link' was added",
    ),
    "a value is removed where more may come": (
        lambda schema: fields(schema)["media_kind"]["x-extensible-enum"].remove("image"),
        "data.media_kind: the value 'image' was removed",
    ),
    "a value is removed while more may come": (lambda schema: opened(schema, "file"), "the value 'folder' was removed"),
    "an unknown word is read as another": (
        lambda schema: fields(schema)["media_kind"].update({"x-unknown-as": "image"}),
        "data.media_kind: `x-unknown-as` changed",
    ),
    "no more words may come": (
        lambda schema: fields(schema).update(media_kind={"enum": ["image", "other"], "type": "string"}),
        "data.media_kind: `enum` was added",
    ),
    "a free text is made to words": (
        lambda schema: fields(schema)["thing_id"].update({"x-extensible-enum": ["a"], "x-unknown-as": "a"}),
        "data.thing_id: `x-extensible-enum` was added",
    ),
    "a default is changed": (lambda schema: fields(schema)["tags"].update(default=["new"]), "data.tags: `default` changed"),
    "a default is dropped": (lambda schema: fields(schema)["tags"].pop("default"), "data.tags: `default` was removed"),
    "the wire type is changed": (
        lambda schema: schema["properties"]["type"].update(const="files.thing.made.v2"),
        "type: `const` changed",
    ),
    "the object is closed": (
        lambda schema: data(schema).update(additionalProperties=False),
        "`additionalProperties` was added",
    ),
    "an unknown keyword appears": (lambda schema: data(schema).update(minProperties=1), "`minProperties` was added"),
}


@pytest.mark.parametrize("change", ALLOWED.values(), ids=ALLOWED.keys())
def test_a_release_may_bring(change: Callable[[Schema], object]) -> None:
    assert after(change) == []


@pytest.mark.parametrize(("change", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_a_release_is_refused_when(change: Callable[[Schema], object], why: str) -> None:
    assert any(why in reason for reason in after(change)), after(change)


def test_a_rename_is_refused_for_both_its_halves() -> None:
    assert len(after(rename)) == 2


def test_every_reason_is_told_not_only_the_first() -> None:
    def change(schema: Schema) -> None:
        fields(schema).pop("tags")
        fields(schema)["kind"]["enum"].append("link")

    assert len(after(change)) == 2


def test_an_added_field_may_not_be_removed_again_later() -> None:
    grown = copy.deepcopy(BEFORE)
    fields(grown)["note"] = dict(OPTIONAL_TEXT)
    assert breaking_changes(BEFORE, grown) == []
    assert breaking_changes(grown, BEFORE) == ["data.note was removed"]


def test_a_shape_that_contains_itself_is_refused_instead_of_looping() -> None:
    endless = copy.deepcopy(BEFORE)
    part(endless)["properties"]["inner"] = {"$ref": "#/$defs/Part", "default": None}
    with pytest.raises(ValueError, match="Part contains itself"):
        breaking_changes(BEFORE, endless)


def test_an_opened_enumeration_may_grow_from_then_on_and_never_shrink() -> None:
    open_, grown = copy.deepcopy(BEFORE), copy.deepcopy(BEFORE)
    opened(open_, "file", "folder")
    opened(grown, "file", "folder", "link")
    assert breaking_changes(BEFORE, open_) == breaking_changes(open_, grown) == []
    assert breaking_changes(grown, open_) == ["data.kind: the value 'link' was removed; old messages carry it"]


def test_the_bare_form_compares_as_the_schema_does() -> None:
    for event in MESSAGES:
        schema = schema_of(event)
        assert bare(bare(schema)) == bare(schema)
        assert breaking_changes(bare(schema), schema) == breaking_changes(schema, bare(schema)) == []
    described = copy.deepcopy(BEFORE)
    fields(described)["thing_id"]["description"] = "Other words."
    assert bare(described) == bare(BEFORE)


def test_every_schema_of_this_release_is_compatible_with_itself() -> None:
    for event in MESSAGES:
        assert breaking_changes(schema_of(event), schema_of(event)) == []
