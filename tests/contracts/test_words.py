"""Words that may grow: strict for writers, and a reader survives every word that a later release may bring."""

import inspect
import json
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from coffer_contracts.catalog import MESSAGES, Unreadable, envelope_of, parse
from coffer_contracts.event import Event, Meta, Shape
from coffer_contracts.schemas import schema_of
from coffer_contracts.words import KNOWN, READ_AS, Open
from factories.golden import GOLDEN, raw_message
from factories.rows import for_every

CLOSED = {
    ("Meta", "specversion"): "another version is another format",
    ("Meta", "datacontenttype"): "another type is another format",
    ("UploadFact", "state"): "every type of fact goes with one state",
}
"""Enumerations that never grow within a major, and why; it stands in the docstring of the class as well."""

READ = {
    "actorkind": "system",
    "kind": "file",
    "item_kind": "file",
    "media_kind": "other",
    "mode": "view",
    "role": "viewer",
    "previous_role": "viewer",
    "status": "suspended",
    "way": "content",
    "wanted": "all",
}
"""What an unknown word is taken for, by field: whatever promises least."""

Place = tuple[str, ...]


def words_in(model: type[BaseModel], prefix: Place = ()) -> Iterator[tuple[Place, str, tuple[str, ...], Open | None]]:
    """Place, class, words, and how open: every enumeration of a model, those of its parts included."""
    hints = get_type_hints(model, include_extras=True)
    for name in model.model_fields:
        yield from _words(hints[name], (*prefix, name), _declared_in(model, name), None)


def _words(
    annotation: Any, place: Place, owner: str, openness: Open | None
) -> Iterator[tuple[Place, str, tuple[str, ...], Any]]:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *marks = get_args(annotation)
        yield from _words(inner, place, owner, next((mark for mark in marks if isinstance(mark, Open)), openness))
    elif origin is Literal:
        yield place, owner, get_args(annotation), openness
    elif origin in (Union, types.UnionType, tuple):
        for part in get_args(annotation):
            yield from _words(part, place, owner, openness)
    elif isinstance(annotation, type) and issubclass(annotation, Shape):
        yield from words_in(annotation, place)


def _declared_in(model: type[BaseModel], name: str) -> str:
    return next(base.__name__ for base in reversed(model.__mro__) if name in inspect.get_annotations(base))


WORDS = [(event, *found) for event in MESSAGES for found in (*words_in(Meta), *words_in(event, ("data",)))]
OPEN = [(event, place, openness) for event, place, _, _, openness in WORDS if openness]


def changed(raw: dict[str, Any], place: Place, value: object) -> bool:
    """Put a value into a message; False where this message has no such field."""
    *above, last = place
    part: Any = raw
    for name in above:
        part = part.get(name)
        if not isinstance(part, dict):
            return False
    part[last] = value
    return True


def at(message: BaseModel, place: Place) -> Any:
    value: Any = message
    for name in place:
        value = getattr(value, name)
    return value


def named(case: tuple[type[Event], Place, Open]) -> str:
    return f"{case[0].type} {'.'.join(case[1])}"


def test_every_enumeration_is_open_or_says_why_it_never_grows() -> None:
    for event, place, owner, words, openness in WORDS:
        if openness is None:
            assert (owner, place[-1]) in CLOSED, f"{event.type} {'.'.join(place)}"
        else:
            assert openness.unknown in words
            assert openness.unknown == READ[place[-1]]
    assert {(owner, place[-1]) for _, place, owner, _, openness in WORDS if openness is None} == set(CLOSED)
    assert {place[-1] for _, place, _ in OPEN} == set(READ)


SHOWN = [case for case in OPEN if changed(raw_message(case[0].type), case[1], "")]
"""Folders have no content, and what is no message of a type cannot be changed."""


def test_every_open_word_is_tried_in_some_message() -> None:
    assert {place[-1] for _, place, _ in SHOWN} == set(READ)


@for_every(("event", "place", "openness"), SHOWN, ids=named)
def test_a_reader_survives_a_word_it_does_not_know(event: type[Event], place: Place, openness: Open) -> None:
    raw = raw_message(event.type)
    changed(raw, place, "from_the_future")
    read = parse(json.dumps(raw))
    if type(read.data) is event:
        assert at(read, place) == openness.unknown
    assert parse(read.to_json()) == read, "what was read may be written again"


@for_every(("event", "place", "openness"), OPEN, ids=named)
def test_what_is_no_word_is_unreadable(event: type[Event], place: Place, openness: Open) -> None:
    others: list[Any] = [7, None, True, ["file"], {}, 1.5]
    for value in others:
        raw = raw_message(event.type)
        if changed(raw, place, value):
            with pytest.raises(Unreadable, match=place[-1]):
                parse(json.dumps(raw))


@for_every(("event", "place", "openness"), OPEN, ids=named)
def test_a_writer_may_not_make_up_words(event: type[Event], place: Place, openness: Open) -> None:
    raw = raw_message(event.type)
    if changed(raw, place, "from_the_future"):
        with pytest.raises(ValidationError, match=place[-1]):
            envelope_of(event).model_validate(raw)


@given(st.sampled_from(OPEN), st.text(st.characters(codec="utf-8"), max_size=2_000))
@settings(database=None, deadline=None, max_examples=100)
def test_any_text_is_a_word_to_a_reader(case: tuple[type[Event], Place, Open], word: str) -> None:
    event, place, _ = case
    raw = raw_message(event.type)
    changed(raw, place, word)
    parse(json.dumps(raw))


def test_a_closed_enumeration_refuses_other_words() -> None:
    for event, place, _, _, openness in WORDS:
        raw = raw_message(event.type)
        if openness is None and changed(raw, place, "from_the_future"):
            with pytest.raises(Unreadable, match=place[-1]):
                parse(json.dumps(raw))


def test_schemas_name_the_words_and_take_others() -> None:
    """Whoever checks against a schema must not refuse what a later release says."""
    for event, place, openness in OPEN:
        raw = raw_message(event.type)
        if changed(raw, place, "from_the_future"):
            jsonschema.Draft202012Validator(schema_of(event)).validate(raw)
        text = json.dumps(schema_of(event))
        assert KNOWN in text
        assert f'"{READ_AS}": "{openness.unknown}"' in text


def test_a_state_goes_with_one_type_of_fact() -> None:
    """Why `state` may be closed."""
    states: dict[str, set[str]] = {}
    for path in GOLDEN:
        raw = json.loads(path.read_text())
        if raw["type"].startswith("files.upload."):
            states.setdefault(raw["type"], set()).add(raw["data"]["state"])
    assert all(len(found) == 1 for found in states.values()), states
