"""Majors side by side: what is in dead letters and outboxes under an old one is read as the newest, and nothing is lost."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffer_contracts.catalog import (
    CATALOG,
    UPCASTERS,
    Unreadable,
    envelope_of,
    newest_type,
    older_twins,
    older_types,
    parse,
    schema_address,
)
from coffer_contracts.event import Event, rfc3339
from coffer_contracts.ids import ShareId
from coffer_contracts.majors import SUCCESSIONS, Succession, lift_share_changed, lower_share_changed
from coffer_contracts.schemas import schema_of
from coffer_contracts.sharing import FieldChange, ShareChangedV1, ShareChangedV2
from factories.golden import FOLDER, GOLDEN, message, raw_message, wire_type

quick = settings(database=None, deadline=None, max_examples=100)

OLD = [path for path in GOLDEN if wire_type(path) in UPCASTERS]
V1, V2 = ShareChangedV1.type, ShareChangedV2.type
FIRST = jsonschema.Draft202012Validator(schema_of(ShareChangedV1)["$defs"]["ShareChangedV1"])

MOMENTS = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (hypothesis adds the zone)
ROLES = st.sampled_from(["viewer", "editor"])
STANDING: dict[str, Any] = {
    "share_id": st.uuids().map(str),
    "item_id": st.uuids().map(str),
    "item_kind": st.sampled_from(["file", "folder"]),
    "item_name": st.text(st.characters(codec="utf-8")),
    "owner_id": st.uuids().map(str),
    "granted_by": st.uuids().map(str),
    "recipient_id": st.uuids().map(str),
    "created_at": MOMENTS,
    "changed_at": MOMENTS,
}


@st.composite
def changes_as_told_first(draw: st.DrawFn) -> ShareChangedV1:
    """A fact as the first major tells it: what did not change was the same before."""
    changes = tuple(draw(st.lists(st.sampled_from(["role", "expires_at"]), min_size=1, unique=True)))
    now = {"role": draw(ROLES), "expires_at": draw(st.none() | MOMENTS)}
    before = {
        "previous_role": draw(ROLES) if "role" in changes else now["role"],
        "previous_expires_at": draw(st.none() | MOMENTS) if "expires_at" in changes else now["expires_at"],
    }
    return ShareChangedV1(**draw(st.fixed_dictionaries(STANDING)), **now, changes=changes, **before)


@pytest.fixture(params=OLD, ids=lambda path: path.stem)
def old(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture(params=SUCCESSIONS, ids=lambda step: step.new.type)
def step(request: pytest.FixtureRequest) -> Succession:
    found: Succession = request.param
    return found


def family(wire_type: str) -> tuple[str, int]:
    name, _, major = wire_type.rpartition(".v")
    return name, int(major)


def test_a_major_succeeds_the_one_before_it_and_both_are_known(step: Succession) -> None:
    (name, major), (new_name, new_major) = family(step.old.type), family(step.new.type)
    assert (name, major + 1) == (new_name, new_major)
    assert CATALOG[step.old.type] is step.old
    assert CATALOG[step.new.type] is step.new


def test_of_every_fact_all_majors_lead_to_one_newest() -> None:
    """No circle, no fork, and no major without a way up."""
    for known in CATALOG:
        newest = newest_type(known)
        same = [other for other in CATALOG if family(other)[0] == family(known)[0]]
        assert {newest_type(other) for other in same} == {newest}
        assert family(newest)[1] == max(family(other)[1] for other in same) == len(same)
        assert set(older_types(newest)) == set(same) - {newest}
    assert len({step.old.type for step in SUCCESSIONS}) == len({step.new.type for step in SUCCESSIONS}) == len(SUCCESSIONS)


def test_there_is_a_frozen_message_of_every_old_major() -> None:
    assert {wire_type(path) for path in OLD} == {step.old.type for step in SUCCESSIONS}


def test_an_old_golden_file_lifts_to_a_valid_message_of_the_newest(old: Path) -> None:
    lifted = parse(old.read_bytes())
    newest = CATALOG[newest_type(wire_type(old))]
    assert (lifted.type, type(lifted.data), lifted.dataschema) == (newest.type, newest, schema_address(newest))
    jsonschema.Draft202012Validator(schema_of(newest)).validate(json.loads(lifted.to_json()))


def test_lifting_changes_type_schema_and_data_and_nothing_else(old: Path) -> None:
    raw = json.loads(old.read_text())
    lifted = json.loads(parse(json.dumps(raw)).to_json())
    kept = set(raw) - {"type", "dataschema", "data", "id", "newerid"}
    assert {name: lifted[name] for name in kept} == {name: raw[name] for name in kept}
    assert lifted["id"] == raw.get("newerid", raw["id"])
    assert "newerid" not in lifted


def test_an_upcaster_is_pure(old: Path) -> None:
    raw = json.loads(old.read_text())
    before = copy.deepcopy(raw)
    lift = UPCASTERS[raw["type"]]
    assert lift(raw) == lift(raw)
    assert raw == before


def test_fields_that_a_later_writer_of_the_old_major_adds_are_left_aside() -> None:
    raw = raw_message(V1)
    raw["data"]["from_the_future"] = {"deep": [1]}
    assert parse(json.dumps(raw)) == message(V1)


def test_the_first_major_says_the_same_as_the_second() -> None:
    assert message(V1).data == message(V2).data
    assert message(f"{V1}.twin") == message(V2)


def test_an_old_message_that_broke_its_own_contract_is_unreadable_and_the_place_is_named() -> None:
    """The newer shape would take it; what was never valid does not become so by age."""
    bad: dict[str, Any] = {"previous_role": 7, "previous_expires_at": "soon", "changes": "role", "role": None, "share_id": None}
    for name, value in bad.items():
        raw = raw_message(V1)
        raw["data"][name] = value
        with pytest.raises(Unreadable, match=rf"{V1}.*{name}") as refusal:
            parse(json.dumps(raw))
        assert "soon" not in str(refusal.value)
    others: list[Any] = [None, [], "text", {}, 7]
    for data in others:
        with pytest.raises(Unreadable):
            parse(json.dumps(raw_message(V1) | {"data": data}))


def test_a_field_that_neither_major_knows_is_still_named() -> None:
    raw = raw_message(V1)
    raw["data"]["changes"] = ["message", "role"]
    assert parse(json.dumps(raw)).data.model_dump(include={"changes"}) == {
        "changes": (
            {"field": "message", "before": None, "after": None},
            {"field": "role", "before": "viewer", "after": "editor"},
        )
    }


@given(changes_as_told_first())
@quick
def test_up_and_down_again_is_the_same_fact(fact: ShareChangedV1) -> None:
    assert lower_share_changed(lift_share_changed(fact)) == fact


@given(changes_as_told_first())
@quick
def test_down_and_up_again_is_the_same_fact(fact: ShareChangedV1) -> None:
    newer = lift_share_changed(fact)
    assert lift_share_changed(lower_share_changed(newer)) == newer


@given(changes_as_told_first())
@quick
def test_every_fact_keeps_what_it_is_about(fact: ShareChangedV1) -> None:
    newer = lift_share_changed(fact)
    assert (newer.subject, newer.owner) == (fact.subject, fact.owner)
    assert [change.field for change in newer.changes] == list(fact.changes)
    twins = older_twins(newer)
    assert twins == (fact,)
    FIRST.validate(json.loads(twins[0].model_dump_json(exclude_none=True)))


def test_a_change_that_the_first_major_has_no_word_for_still_has_a_twin() -> None:
    newer = message(V2).data
    assert isinstance(newer, ShareChangedV2)
    (twin,) = older_twins(newer.model_copy(update={"changes": (FieldChange(field="message", before="a", after="b"),)}))
    assert isinstance(twin, ShareChangedV1)
    assert (twin.changes, twin.previous_role, twin.previous_expires_at) == (("message",), newer.role, newer.expires_at)


def test_most_facts_have_one_major_and_no_twin() -> None:
    for path in GOLDEN:
        fact = parse(path.read_bytes()).data
        assert bool(older_twins(fact)) == (fact.type == V2)
    assert older_twins(message(V2).data.model_copy(), ()) == ()


def test_a_chain_of_majors_gives_every_twin_that_is_still_published() -> None:
    third = ThirdMajor(share_id=ShareId("s"))
    steps = (Succession(Second, ThirdMajor, lift=_second_to_third, lower=_third_to_second), FIRST_TO_SECOND)
    assert older_twins(third, steps) == (Second(share_id=ShareId("s")), First(share_id=ShareId("s")))
    ended = (steps[0], Succession(First, Second, lift=_first_to_second, lower=None))
    assert older_twins(third, ended) == (Second(share_id=ShareId("s")),)
    assert older_types(ThirdMajor.type, ended) == (Second.type, First.type)
    assert newest_type(First.type, steps) == ThirdMajor.type


class First(Event):
    type = "sharing.thing.told.v1"
    share_id: ShareId

    @property
    def subject(self) -> str:
        return f"thing/{self.share_id}"


class Second(First):
    type = "sharing.thing.told.v2"


class ThirdMajor(First):
    type = "sharing.thing.told.v3"


def _first_to_second(fact: First) -> Second:
    return Second(share_id=fact.share_id)


def _second_to_third(fact: Second) -> ThirdMajor:
    return ThirdMajor(share_id=fact.share_id)


def _third_to_second(fact: ThirdMajor) -> Second:
    return Second(share_id=fact.share_id)


def _second_to_first(fact: Second) -> First:
    return First(share_id=fact.share_id)


FIRST_TO_SECOND = Succession(First, Second, lift=_first_to_second, lower=_second_to_first)


@pytest.mark.parametrize(
    "forged",
    [
        *("", "garbage", 7, True, [], {}, "x" * 100_000),
        *("01a1f8a0-1f3c-4b52-93c4-5d6e7f809112", "01A1F8A0-1F3C-7B52-93C4-5D6E7F809112", "01a1f8a01f3c7b5293c45d6e7f809112"),
        *("01a1f8a0-1f3c-7b52-93c4-5d6e7f809112 ", "01a1f8a0-1f3c-7b52-93c4-5d6e7f809112\n"),
        *("{01a1f8a0-1f3c-7b52-93c4-5d6e7f809112}", "00000000-0000-0000-0000-000000000000"),
    ],
    ids=lambda forged: repr(forged)[:40],
)
def test_a_twin_that_names_no_message_is_unreadable(forged: object) -> None:
    for name in (V1, "files.item.created.v1"):
        with pytest.raises(Unreadable, match="newerid"):
            parse(json.dumps(raw_message(name) | {"newerid": forged}))


def test_a_twin_that_names_itself_is_unreadable() -> None:
    raw = raw_message(f"{V1}.twin")
    with pytest.raises(Unreadable, match="newerid"):
        parse(json.dumps(raw | {"newerid": raw["id"]}))


def test_null_is_no_twin() -> None:
    assert parse(json.dumps(raw_message(V1) | {"newerid": None})) == message(V1)


def test_a_reader_without_the_newest_major_knows_twins_as_one_fact_too() -> None:
    """It may be the one that is just being replaced: whoever comes after it must find its inbox row."""
    known = {wire_type: event for wire_type, event in CATALOG.items() if wire_type != V2}
    read = parse((FOLDER / f"{V1}.twin.json").read_bytes(), catalog=known, upcasters={})
    assert isinstance(read.data, ShareChangedV1)
    assert (read.id, read.data.previous_role) == (message(V2).id, "viewer")
    with pytest.raises(Unreadable, match="unknown type"):
        parse((FOLDER / f"{V2}.json").read_bytes(), catalog=known, upcasters={})


def test_a_message_of_a_newer_major_than_this_release_knows_is_named_in_the_reason() -> None:
    with pytest.raises(Unreadable, match=r"sharing\.share\.changed\.v3"):
        parse(json.dumps(raw_message(V2) | {"type": "sharing.share.changed.v3"}))


def test_a_written_twin_reads_as_the_newest() -> None:
    newer = message(V2)
    (twin,) = older_twins(newer.data)
    head = newer.model_dump(exclude={"data", "id", "type", "dataschema", "newerid"})
    written = envelope_of(type(twin))(
        **head,
        id="01a1f8a0-1f3c-7b52-93c4-000000000000",
        type=twin.type,
        dataschema=schema_address(type(twin)),
        newerid=newer.id,
        data=twin,
    )
    assert json.loads(written.to_json())["newerid"] == newer.id
    assert parse(written.to_json()) == newer


def test_times_in_changes_have_the_form_of_all_times() -> None:
    fact = ShareChangedV1(
        **dict.fromkeys(("item_name", "share_id", "item_id", "owner_id", "granted_by", "recipient_id"), "x"),
        item_kind="file",
        role="editor",
        expires_at=datetime(2026, 1, 1, tzinfo=UTC),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        changed_at=datetime(2026, 1, 1, tzinfo=UTC),
        changes=("expires_at",),
        previous_role="editor",
    )
    assert lift_share_changed(fact).changes[0].after == rfc3339(datetime(2026, 1, 1, tzinfo=UTC))
