"""The rules that every event class keeps: names, owners, subjects, units, identifiers, and no secrets."""

import json
import re
import types
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, NewType, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, ValidationError

from coffer_contracts.audited import AuditedFact
from coffer_contracts.catalog import MESSAGES, READABLE, envelope_of, parse, schema_address
from coffer_contracts.event import Envelope, Event, Meta, PrivateCommand, Shape, rfc3339, sequence_text
from coffer_contracts.events_page import subject_form
from coffer_contracts.files_downloads import ItemDownloadedV1
from coffer_contracts.operators import OperatorFact
from coffer_contracts.schemas import ENVELOPE
from coffer_contracts.sharing_links import AccessFact, LinkSessionsEndedV1, LinkUploadedV1
from factories.golden import message, raw_message
from factories.rows import for_every

TYPE = re.compile(r"(?P<service>[a-z]+)\.(?P<entity>[a-z]+)\.(?P<fact>[a-z]+(_[a-z]+)*)\.v(?P<major>[1-9][0-9]*)")
PAST_WITHOUT_ED = frozenset({"left", "ready", "set"})
UNITS = ("_bytes", "_seconds", "_milliseconds", "_pixels", "_count")
COUNTED = {
    "percent": "hundredths of the quota",
    "attempt": "tries",
    "count": "messages",
    "failures": "tries",
    "width": "pixels",
    "height": "pixels",
    "page": "pages, from 1",
}
"""Numbers whose name says what is counted without a unit at its end."""
SECRET = re.compile(
    r"passw|secret|token|credential|signature|cookie|otp|private|authorization|url|href|link_code", re.IGNORECASE
)
ABOUT_SECRETS = {"tokens_expire_at": "a time, not a token", "token_id": "a name, not a token"}
PERSONAL_PLACES = {"address", "agent"}
SECURITY_TYPES = re.compile(r"auth\.(session|token|login|password|mfa|identity)\.")


of_every_event = for_every("event", MESSAGES, ids=lambda event: event.type)


def fields_of(model: type[BaseModel]) -> Iterator[tuple[str, Any, Any]]:
    """Name, annotation and description of every field, those of parts included."""
    hints = get_type_hints(model, include_extras=True)
    for name, field in model.model_fields.items():
        yield name, hints[name], field.description
        for part in leaves(hints[name]):
            if isinstance(part, type) and issubclass(part, Shape):
                yield from fields_of(part)


def leaves(annotation: Any) -> Iterator[Any]:
    """The types an annotation is made of, without containers, None and metadata."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from leaves(get_args(annotation)[0])
    elif origin in (Union, types.UnionType, tuple):
        for part in get_args(annotation):
            yield from leaves(part)
    elif annotation not in (type(None), ...):
        yield annotation


def test_no_two_types_share_a_name() -> None:
    assert len(READABLE) == len(MESSAGES)


@of_every_event
def test_a_type_is_service_entity_past_fact_and_major(event: type[Event]) -> None:
    match = TYPE.fullmatch(event.type)
    assert match
    word = match["fact"].rsplit("_", 1)[-1]
    assert word.endswith("ed") or word in PAST_WITHOUT_ED


@of_every_event
def test_the_class_is_named_after_the_type(event: type[Event]) -> None:
    _, entity, fact, major = event.type.split(".")
    words = [*entity.split("_"), *fact.split("_")]
    assert event.__name__ == "".join(word.capitalize() for word in words) + major.upper()


@of_every_event
def test_the_module_is_that_of_the_service_that_publishes_it(event: type[Event]) -> None:
    service = event.type.split(".", 1)[0]
    assert re.fullmatch(rf"coffer_contracts\.{service}(_[a-z]+)?", event.__module__)


@of_every_event
def test_the_subject_is_the_entity_and_one_identifier(event: type[Event]) -> None:
    # An operator is who did it; what it is about is the act. A download changes nothing about an item, nor a visit about a
    # link, nor a file that comes through one, so each counts for itself; and what ends is a family of sessions, not their link.
    of_their_own = {ItemDownloadedV1.type: "download", LinkSessionsEndedV1.type: "family", LinkUploadedV1.type: "upload"}
    of_their_own |= {visit.type: "access" for visit in AccessFact.__subclasses__()}
    entity = "act" if issubclass(event, OperatorFact) else of_their_own.get(event.type, event.type.split(".")[1])
    assert re.fullmatch(rf"{entity}/\{{[a-z_]+_id\}}", subject_form(event))


@of_every_event
def test_a_fact_about_an_item_names_its_ancestors(event: type[Event]) -> None:
    """What sharing tells is about who may do what with an item, wherever that stands by then: files tells where."""
    if "item_id" in event.model_fields and not event.type.startswith("sharing."):
        assert "ancestor_ids" in event.model_fields


@of_every_event
def test_every_fact_belongs_to_a_tenant_but_what_operators_do_to_the_installation(event: type[Event]) -> None:
    assert (message(event.type).data.owner is None) == issubclass(event, OperatorFact)


@of_every_event
def test_numbers_say_their_unit(event: type[Event]) -> None:
    for name, annotation, _ in fields_of(event):
        if {int, float} & set(leaves(annotation)):
            assert name.endswith(UNITS) or name in COUNTED, name


@of_every_event
def test_times_are_aware_and_end_in_at(event: type[Event]) -> None:
    for name, annotation, _ in fields_of(event):
        assert datetime not in set(leaves(annotation)), f"{name} may lack its zone"
        if name.endswith("_at") or AwareDatetime in set(leaves(annotation)):
            assert name.endswith("_at"), name
            assert AwareDatetime in set(leaves(annotation)), name


@of_every_event
def test_identifiers_are_of_their_own_type(event: type[Event]) -> None:
    for name, annotation, _ in fields_of(event):
        if name.endswith(("_id", "_ids", "_by")):
            assert all(isinstance(leaf, NewType) for leaf in leaves(annotation)), name


@of_every_event
def test_no_field_carries_what_grants_access(event: type[Event]) -> None:
    for name, _, _ in fields_of(event):
        assert not SECRET.search(name) or name in ABOUT_SECRETS, name


@of_every_event
def test_network_addresses_stand_in_security_and_audit_facts_only(event: type[Event]) -> None:
    """An audit fact has them from one place, where it is decided of whom they are noted."""
    for name, _, _ in fields_of(event):
        # The address of a private command is that of a mail.
        may = issubclass(event, (PrivateCommand, AuditedFact)) or SECURITY_TYPES.match(event.type)
        assert name not in PERSONAL_PLACES or may, name


@of_every_event
def test_every_event_and_field_is_described(event: type[Event]) -> None:
    assert (event.__dict__.get("__doc__") or "").strip()
    for name, _, description in fields_of(event):
        assert description, name
        assert description.endswith("."), name


def test_the_meaning_of_every_envelope_field_is_written_down() -> None:
    assert set(ENVELOPE) == set(Envelope.model_fields)


@of_every_event
def test_an_event_cannot_be_changed(event: type[Event]) -> None:
    envelope = message(event.type)
    name = next(iter(event.model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(envelope.data, name, "other")
    with pytest.raises(ValidationError, match="frozen"):
        envelope.sequence = sequence_text(9)  # type: ignore[misc]  # what is refused here


@of_every_event
def test_nothing_is_mutable_inside_an_event(event: type[Event]) -> None:
    for name, annotation, _ in fields_of(event):
        assert not {list, dict, set} & {get_origin(annotation), annotation}, name


@of_every_event
def test_a_field_that_may_be_null_may_also_be_absent(event: type[Event]) -> None:
    """Writers leave null out, so a reader that requires the field would refuse the message."""
    for model in (envelope_of(event), event):
        for name, field in model.model_fields.items():
            if type(None) in get_args(field.annotation):
                assert not field.is_required(), name


@of_every_event
def test_an_optional_field_is_null_or_empty_by_default(event: type[Event]) -> None:
    for name, field in event.model_fields.items():
        if not field.is_required():
            assert field.default in (None, ()), name


@given(st.lists(st.integers(0, 10**12 - 1), min_size=2))
@settings(database=None, deadline=None)
def test_sequences_sort_as_text(revisions: list[int]) -> None:
    assert sorted(map(sequence_text, revisions)) == list(map(sequence_text, sorted(revisions)))


@given(st.lists(st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)), min_size=2))  # noqa: DTZ001 (hypothesis adds the zone)
@settings(database=None, deadline=None)
def test_times_sort_as_text(moments: list[datetime]) -> None:
    assert sorted(map(rfc3339, moments)) == list(map(rfc3339, sorted(moments)))


def test_a_time_of_another_zone_is_written_in_utc() -> None:
    raw = raw_message("files.item.created.v1")
    raw["data"]["created_at"] = "2026-11-20T12:00:00+02:00"
    assert parse(json.dumps(raw)).data.model_dump(mode="json")["created_at"] == "2026-11-20T10:00:00.000000Z"


def test_a_whole_second_is_written_like_any_other_time_also_where_it_may_be_missing() -> None:
    raw = raw_message("files.item.trashed.v1")
    raw["data"]["trashed_at"] = raw["data"]["created_at"] = raw["time"] = "2026-11-20T12:00:00Z"
    written = json.loads(parse(json.dumps(raw)).to_json())
    assert {written["time"], written["data"]["trashed_at"], written["data"]["created_at"]} == {"2026-11-20T12:00:00.000000Z"}


@of_every_event
def test_a_time_without_a_zone_is_refused(event: type[Event]) -> None:
    raw = raw_message(event.type)
    times = [name for name in raw["data"] if name.endswith("_at")]
    for name in times:
        with pytest.raises(ValidationError, match="timezone"):
            event.model_validate({**raw["data"], name: "2026-11-20T12:00:00"})


@of_every_event
def test_an_envelope_typed_with_the_base_event_keeps_its_data(event: type[Event]) -> None:
    """Pydantic serializes by the declared type; without care the payload of such an envelope is `{}`."""
    known = message(event.type)
    fields = {name: getattr(known, name) for name in Meta.model_fields}
    loose: Envelope[Event] = Envelope[Event](**fields, data=known.data)
    assert loose.to_json() == known.to_json()
    assert parse(loose.to_json()).data == known.data


@of_every_event
def test_the_address_of_a_schema_holds_the_type(event: type[Event]) -> None:
    assert schema_address(event) == f"https://schemas.coffer.dev/events/{event.type}.json"


@of_every_event
def test_the_sequence_says_the_revision(event: type[Event]) -> None:
    raw = raw_message(event.type)
    assert sequence_text(message(event.type).revision) == raw["sequence"]
