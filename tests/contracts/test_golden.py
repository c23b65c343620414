"""Frozen messages of every type that was ever released: they lie in dead letters and outboxes, and must stay readable."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from coffer_contracts.catalog import MESSAGES, READABLE, envelope_of, newest_type, parse
from coffer_contracts.event import Envelope, Event
from coffer_contracts.operators import OperatorFact
from coffer_contracts.sightings import SightingFact
from factories.golden import FOLDER, GOLDEN, raw_message, wire_type
from factories.rows import for_every

PORTABLE_BYTES = 20_000
"""What Standard Webhooks asks of a payload."""


of_every_golden_file = for_every("golden", GOLDEN, ids=lambda path: path.stem)


of_every_event = for_every("event", MESSAGES, ids=lambda event: event.type)


@of_every_golden_file
def test_every_golden_file_is_named_after_a_type(golden: Path) -> None:
    assert wire_type(golden)


@of_every_golden_file
def test_every_golden_file_parses_for_ever(golden: Path) -> None:
    assert parse(golden.read_bytes()).type in READABLE


@of_every_golden_file
def test_a_golden_file_says_the_type_it_is_named_after(golden: Path) -> None:
    raw = json.loads(golden.read_text())
    assert raw["type"] == wire_type(golden)
    assert raw["dataschema"].endswith(f"/{raw['type']}.json")


@of_every_golden_file
def test_reading_and_writing_a_golden_file_again_gives_the_same_message(golden: Path) -> None:
    raw = json.loads(golden.read_text())
    # Read as its writer means it: an old major is not lifted, and a twin keeps its own id.
    envelope = envelope_of(READABLE[raw["type"]]).model_validate_json(golden.read_bytes())
    written = json.loads(envelope.to_json())
    if ".minimal." not in golden.name:
        assert written == raw
    assert {key: written[key] for key in raw if key != "data"} == {key: raw[key] for key in raw if key != "data"}
    assert {key: written["data"][key] for key in raw["data"]} == raw["data"]
    assert parse(json.dumps(written)) == parse(golden.read_bytes())


@of_every_golden_file
def test_the_subject_of_a_golden_file_is_what_its_data_says(golden: Path) -> None:
    envelope = parse(golden.read_bytes())
    assert envelope.subject == envelope.data.subject
    assert envelope.ownerid in {None, envelope.data.owner}


@of_every_golden_file
def test_a_golden_file_is_small_enough_for_every_carrier(golden: Path) -> None:
    assert len(parse(golden.read_bytes()).to_json()) < PORTABLE_BYTES


@of_every_event
def test_every_type_has_a_full_and_a_minimal_golden_file(event: type[Event]) -> None:
    assert (FOLDER / f"{event.type}.json").is_file()
    assert (FOLDER / f"{event.type}.minimal.json").is_file()


@of_every_event
def test_the_minimal_golden_file_holds_the_required_fields_only(event: type[Event]) -> None:
    raw = raw_message(f"{event.type}.minimal")
    assert _optional(envelope_of(event), raw) == set()


@of_every_event
def test_the_golden_files_of_a_type_together_show_every_field(event: type[Event]) -> None:
    """A field added later is shown by a new file beside the frozen ones."""
    shown: set[str] = set()
    for path in GOLDEN:
        if wire_type(path) == event.type:
            shown |= _present(json.loads(path.read_text()))
    never = {"newerid"} if newest_type(event.type) == event.type else set()
    if issubclass(event, OperatorFact):
        never |= {"ownerid", "causationid"}  # it is about the installation, and no fact sets it off
    if issubclass(event, SightingFact):
        never |= {"actorid"}  # a service tells it by itself
    assert _declared(envelope_of(event)) - shown <= never


@of_every_golden_file
def test_a_reader_ignores_unknown_fields_everywhere(golden: Path) -> None:
    raw = json.loads(golden.read_text())
    assert parse(json.dumps(_with_unknown(raw))) == parse(golden.read_bytes())


@of_every_event
def test_a_writer_refuses_unknown_fields(event: type[Event]) -> None:
    raw = raw_message(event.type)
    with pytest.raises(ValidationError, match="extra_forbidden"):
        event.model_validate(raw["data"] | {"from_the_future": 1})
    with pytest.raises(ValidationError, match="extra_forbidden"):
        envelope_of(event).model_validate(raw | {"fromthefuture": 1})


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The model classes inside an annotation such as `tuple[PreviewImage, ...]` or `ContentFact | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models(part)]


def _declared(model: type[BaseModel], prefix: str = "") -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        found.add(prefix + name)
        for part in _models(field.annotation):
            found |= _declared(part, f"{prefix}{name}.")
    return found


def _present(raw: dict[str, Any], prefix: str = "") -> set[str]:
    found = set()
    for name, value in raw.items():
        found.add(prefix + name)
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict):
                found |= _present(part, f"{prefix}{name}.")
    return found


def _optional(model: type[BaseModel], raw: dict[str, Any]) -> set[str]:
    found = {name for name in raw if not model.model_fields[name].is_required()}
    if issubclass(model, Envelope):
        (data,) = _models(model.model_fields["data"].annotation)
        found |= _optional(data, raw["data"])
    return found


def _with_unknown(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_unknown(inner) for key, inner in value.items()} | {"from_the_future": {"deep": [1]}}
    if isinstance(value, list):
        return [_with_unknown(inner) for inner in value]
    return value
