"""The JSON Schemas on disk: what the code says, true of every golden message, and never broken by a later release."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from coffer_contracts.catalog import MESSAGES, READABLE, UPCASTERS, schema_address
from coffer_contracts.compatibility import breaking_changes
from coffer_contracts.event import Event
from coffer_contracts.schemas import DIALECT, schema_of, schema_text
from factories.golden import GOLDEN, ROOT, raw_message, wire_type
from factories.released import commits, committed
from factories.rows import for_every

SCHEMAS = ROOT / "contracts" / "schemas"


of_every_event = for_every("event", MESSAGES, ids=lambda event: event.type)


def valid(schema: dict[str, Any], message: object) -> bool:
    checker = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    return bool(checker.is_valid(message))


@of_every_event
def test_the_schema_on_disk_is_the_generated_one(event: type[Event]) -> None:
    assert (SCHEMAS / f"{event.type}.json").read_text(encoding="utf-8") == schema_text(event), "run `make docs`"


def test_every_schema_on_disk_belongs_to_a_type() -> None:
    for path in SCHEMAS.iterdir():
        assert path.stem in {*READABLE, *UPCASTERS}


@of_every_event
def test_the_schema_is_valid_and_says_where_it_lives(event: type[Event]) -> None:
    schema = schema_of(event)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == DIALECT
    assert schema["$id"] == schema_address(event) == raw_message(event.type)["dataschema"]


@for_every("golden", GOLDEN, ids=lambda path: path.stem)
def test_every_golden_message_fits_its_schema(golden: Path) -> None:
    schema = json.loads((SCHEMAS / f"{wire_type(golden)}.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(golden.read_text()))


@of_every_event
def test_the_schema_is_open_for_fields_to_come(event: type[Event]) -> None:
    assert "additionalProperties" not in json.dumps(schema_of(event))
    raw = raw_message(event.type)
    raw["from_the_future"] = 1
    raw["data"]["from_the_future"] = 1
    assert valid(schema_of(event), raw)


@of_every_event
def test_the_schema_refuses_what_a_reader_refuses(event: type[Event]) -> None:
    schema = schema_of(event)
    raw = raw_message(event.type)
    for name in schema["required"]:
        assert not valid(schema, {key: value for key, value in raw.items() if key != name}), name
    for name in schema["$defs"][event.__name__]["required"]:
        data = {key: value for key, value in raw["data"].items() if key != name}
        assert not valid(schema, raw | {"data": data}), name
    assert not valid(schema, raw | {"type": "files.item.misplaced.v1"})
    assert not valid(schema, raw | {"data": None})


@of_every_event
def test_every_field_of_a_schema_is_described(event: type[Event]) -> None:
    schema = schema_of(event)
    for part in [schema, *schema["$defs"].values()]:
        assert part["description"]
        for name, field in part["properties"].items():
            assert field.get("description"), name


def test_a_release_breaks_no_schema_of_an_earlier_one() -> None:
    if not commits():
        pytest.skip("no commit to compare with: not a git checkout, or nothing committed yet")
    broken = []
    for commit in commits():
        for path, content in committed(commit, "contracts/schemas"):
            if (event := READABLE.get(path.stem)) is not None:
                broken += [f"{commit} {path.stem}: {why}" for why in breaking_changes(json.loads(content), schema_of(event))]
    assert not broken, "\n".join(broken)


def test_a_release_keeps_every_golden_file_of_an_earlier_one_as_it_was() -> None:
    if not commits():
        pytest.skip("no commit to compare with: not a git checkout; test_released holds without one")
    for commit in commits():
        for path, content in committed(commit, "contracts/golden"):
            assert (ROOT / path).is_file(), f"{path} of {commit} is gone"
            assert (ROOT / path).read_bytes() == content, f"{path} of {commit} was changed"
