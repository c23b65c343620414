"""Reading messages: whatever a broker delivers is an event or `Unreadable`, and any file name survives the way."""

import json
from contextlib import suppress
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffer_contracts.catalog import MESSAGES, READABLE, Unreadable, parse
from coffer_contracts.event import Event, described
from coffer_contracts.files import ItemCommittedV1
from coffer_contracts.ids import ItemId
from factories.golden import message, raw_message

quick = settings(database=None, deadline=None, max_examples=100)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=80)
"""Everything that UTF-8 can write, noncharacters included; lone surrogates are not text."""


class ThingMovedV3(Event):
    """The newest major of an event that was in three shapes."""

    type: ClassVar[str] = "files.thing.moved.v3"

    item_id: ItemId = described(description="The thing.")
    path: tuple[str, ...] = described(description="Where it is.")

    @property
    def subject(self) -> str:
        return f"thing/{self.item_id}"


def readable_or_unreadable(body: str | bytes) -> None:
    with suppress(Unreadable):
        parse(body)


@given(st.binary(max_size=400))
@quick
def test_arbitrary_bytes_are_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(body)


@given(JSON)
@quick
def test_arbitrary_json_is_unreadable(value: Any) -> None:
    with pytest.raises(Unreadable):
        parse(json.dumps(value))


@given(st.sampled_from(sorted(READABLE)), JSON)
@quick
def test_arbitrary_data_in_a_known_envelope_raises_nothing_else(wire_type: str, data: Any) -> None:
    readable_or_unreadable(json.dumps(raw_message(wire_type) | {"data": data}))


@given(st.sampled_from(sorted(READABLE)), st.data())
@quick
def test_one_arbitrary_field_raises_nothing_else(wire_type: str, draw: st.DataObject) -> None:
    raw = raw_message(wire_type)
    place = draw.draw(st.sampled_from([raw, raw["data"]]))
    place[draw.draw(st.sampled_from(sorted(place)))] = draw.draw(JSON)
    readable_or_unreadable(json.dumps(raw))


@given(st.sampled_from(sorted(READABLE)), st.data())
@quick
def test_a_damaged_message_raises_nothing_else(wire_type: str, draw: st.DataObject) -> None:
    body = bytearray(json.dumps(raw_message(wire_type)).encode())
    start = draw.draw(st.integers(0, len(body)))
    body[start : start + draw.draw(st.integers(0, 40))] = draw.draw(st.binary(max_size=20))
    readable_or_unreadable(bytes(body))


@pytest.mark.parametrize("depth", [200, 900, 980, 990, 995, 1_000, 5_000, 100_000])
@pytest.mark.parametrize("key", ["type", "data", "other"])
def test_deep_nesting_is_unreadable_or_ignored(key: str, depth: int) -> None:
    text = json.dumps(raw_message("files.item.created.v1"))
    readable_or_unreadable(f'{text[:-1]}, "{key}": {"[" * depth}{"]" * depth}}}')
    readable_or_unreadable(f'{text[:-1]}, "{key}": {"{" + chr(34) + "a" + chr(34) + ":"}' * depth)


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"null", b"[]", b"{}", b'"text"', b"\xff\xfe{}", b"\xef\xbb\xbf{}", b"9" * 10_000, b"NaN", b'{"type": null}'],
)
def test_what_is_no_envelope_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(body)


@pytest.mark.parametrize(
    "wire_type", ["files.item.misplaced.v1", "files.item.created.v2", "", None, 7, ["files.item.created.v1"]]
)
def test_an_unknown_type_is_unreadable_and_named(wire_type: object) -> None:
    raw = raw_message("files.item.created.v1") | {"type": wire_type}
    with pytest.raises(Unreadable, match="unknown type"):
        parse(json.dumps(raw))


def test_what_does_not_fit_is_unreadable_and_the_place_is_named() -> None:
    raw = raw_message("files.item.committed.v1")
    raw["data"]["content"]["size_bytes"] = -1
    with pytest.raises(Unreadable, match=r"data\.content\.size_bytes"):
        parse(json.dumps(raw))


def test_the_reason_does_not_quote_the_message() -> None:
    """Reasons stand in logs and dead letters; file names do not."""
    raw = raw_message("files.item.committed.v1")
    raw["data"]["created_at"] = "a private word"
    with pytest.raises(Unreadable) as refusal:
        parse(json.dumps(raw))
    assert "private word" not in str(refusal.value)


def test_an_old_major_is_lifted_step_by_step() -> None:
    def to_second(raw: dict[str, Any]) -> dict[str, Any]:
        return raw | {"type": "files.thing.moved.v2", "data": {"id": raw["data"]["id"], "path": raw["data"]["folder"]}}

    def to_third(raw: dict[str, Any]) -> dict[str, Any]:
        data = raw["data"]
        return raw | {"type": "files.thing.moved.v3", "data": {"item_id": data["id"], "path": data["path"].split("/")}}

    raw = raw_message("files.item.created.v1") | {"type": "files.thing.moved.v1", "data": {"id": "one", "folder": "a/b"}}
    lifted = parse(
        json.dumps(raw),
        catalog={ThingMovedV3.type: ThingMovedV3},
        upcasters={"files.thing.moved.v1": to_second, "files.thing.moved.v2": to_third},
    )
    assert lifted.data == ThingMovedV3(item_id=ItemId("one"), path=("a", "b"))
    assert lifted.id == raw["id"]
    assert lifted.sequence == raw["sequence"]


@pytest.mark.parametrize("steps", [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "b", "b": "c", "c": "b"}])
def test_upcasters_that_form_a_circle_are_refused(steps: dict[str, str]) -> None:
    upcasters = {old: lambda raw, new=new: raw | {"type": new} for old, new in steps.items()}
    with pytest.raises(Unreadable, match="circle"):
        parse(json.dumps({"type": "a"}), upcasters=upcasters)


def test_an_upcaster_that_meets_a_malformed_message_makes_it_unreadable() -> None:
    def lift(raw: dict[str, Any]) -> dict[str, Any]:
        return raw | {"type": "files.thing.moved.v3", "data": {"item_id": raw["data"]["id"]}}

    malformed: list[Any] = [{}, None, "text", [1]]
    for data in malformed:
        with pytest.raises(Unreadable):
            parse(
                json.dumps({"type": "files.thing.moved.v2", "data": data}),
                catalog={ThingMovedV3.type: ThingMovedV3},
                upcasters={"files.thing.moved.v2": lift},
            )


@given(ANY_TEXT)
@quick
def test_any_name_survives_and_the_wire_is_ascii(name: str) -> None:
    known = message("files.item.committed.v1")
    assert isinstance(known.data, ItemCommittedV1)
    sent = known.model_copy(update={"data": known.data.model_copy(update={"name": name})})
    body = sent.to_json()
    assert body.isascii()
    assert parse(body) == parse(body.encode()) == sent


ODD_NAMES = {
    "joined emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "noncharacters": "\ufffe\uffff\U0001ffff",
    "combining": "e\u0301",
    "right to left": "\u202egpj.exe",
    "controls": "\x00\x1f\x7f",
    "last code point": "\U0010ffff",
    "line separators": "a\u2028b\u2029c\x85d",
}


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES.keys())
def test_odd_names_survive_to_the_letter(name: str) -> None:
    known = message("files.upload.conflicted.v1")
    sent = known.model_copy(update={"data": known.data.model_copy(update={"suggested_name": name})})
    assert sent.to_json().isascii()
    assert parse(sent.to_json()).data.model_dump()["suggested_name"] == name


def test_a_lone_surrogate_is_no_name() -> None:
    raw = raw_message("files.item.committed.v1")
    raw["data"]["name"] = "\ud800.jpg"
    with pytest.raises(Unreadable):
        parse(json.dumps(raw))


def test_a_number_is_not_taken_for_a_text() -> None:
    raw = raw_message("files.item.committed.v1")
    raw["data"]["name"] = 7
    with pytest.raises(Unreadable, match=r"data\.name"):
        parse(json.dumps(raw))


@pytest.mark.parametrize("sequence", ["", "x", "-1", "1.5", "000000000001 ", "\u0661"])
def test_a_sequence_that_is_no_number_is_unreadable(sequence: str) -> None:
    """Consumers order by it; one that cannot be compared must not get as far as a handler."""
    with pytest.raises(Unreadable, match="sequence"):
        parse(json.dumps(raw_message("files.item.created.v1") | {"sequence": sequence}))


def test_reading_does_not_depend_on_the_order_of_members() -> None:
    for event in MESSAGES:
        raw = raw_message(event.type)
        assert parse(json.dumps(dict(reversed(raw.items())))) == message(event.type)
