"""Reading what the bucket tells: shapes of AWS and of emulators, duplicates, and junk."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffer_chassis.storage import read_notification
from coffer_contracts.catalog import Unreadable
from factories.notifications import notification


def read(message: Any) -> Any:
    return read_notification(json.dumps(message))


def changed(**fields: Any) -> dict[str, Any]:
    """A notification of one object, with other fields of `object`; None takes one away."""
    message = notification("blobs/a")
    stored = message["Records"][0]["s3"]["object"]
    stored.update(fields)
    for name in [name for name, value in fields.items() if value is None]:
        del stored[name]
    return message


def test_tells_what_was_stored() -> None:
    (event,) = read(notification("blobs/owner/blob"))
    fact = event.data
    assert (fact.bucket, fact.key, fact.size_bytes, fact.etag) == ("bucket", "blobs/owner/blob", 3, "0a" * 16)
    assert (event.type, event.source, event.subject) == ("storage.object.stored.v1", "/s3", "object/blobs/owner/blob")
    assert event.time.isoformat() == "2026-11-20T12:00:00+00:00"
    assert event.correlationid == event.id


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("blobs/a+b", "blobs/a b"),
        ("blobs/a%2Bb", "blobs/a+b"),
        ("blobs%2Fa", "blobs/a"),
        ("Gr%C3%BC%C3%9Fe", "Grüße"),
        ("a%252Fb", "a%2Fb"),
    ],
)
def test_keys_are_form_encoded(written: str, key: str) -> None:
    assert read(notification(written))[0].data.key == key


def test_one_message_may_tell_of_many_objects() -> None:
    events = read(notification("a", "b", "c"))
    assert [event.data.key for event in events] == ["a", "b", "c"]
    assert len({event.id for event in events}) == 3


def test_the_same_write_told_twice_is_the_same_event() -> None:
    first, second = notification("a"), notification("a")
    second["Records"][0]["responseElements"] = {"x-amz-request-id": "another"}
    second["Records"][0]["eventTime"] = "2026-11-20T12:00:01.000Z"
    assert read(first)[0].id == read(second)[0].id


@pytest.mark.parametrize("other", [{"etag": "0b" * 16}, {}], ids=["other bytes", "other key"])
def test_another_write_is_another_event(other: dict[str, str]) -> None:
    assert read(notification("a"))[0].id != read(notification("a" if other else "b", **other))[0].id


def test_the_same_bytes_written_again_are_another_event() -> None:
    assert read(changed(sequencer="01"))[0].id != read(changed(sequencer="02"))[0].id


def test_a_quoted_etag_is_the_same_etag() -> None:
    plain, quoted = read(changed(eTag="ab"))[0], read(changed(eTag='"ab"'))[0]
    assert (plain.id, plain.data) == (quoted.id, quoted.data)


@pytest.mark.parametrize("absent", ["sequencer", "size"])
def test_does_without_what_some_stores_leave_out(absent: str) -> None:
    (event,) = read(changed(**{absent: None}))
    assert event.data.key == "blobs/a"


def test_the_test_message_of_a_new_configuration_is_nothing() -> None:
    assert read({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "bucket", "Time": "2026-11-20T12:00:00Z"}) == []


@pytest.mark.parametrize("name", ["ObjectRemoved:Delete", "s3:ObjectRemoved:Delete", "ObjectTagging:Put"])
def test_other_kinds_of_events_are_nothing(name: str) -> None:
    assert read(notification("a", name=name)) == []


@pytest.mark.parametrize("name", ["ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload", "ObjectCreated:Copy"])
def test_every_way_to_create_an_object_counts(name: str) -> None:
    assert len(read(notification("a", name=name))) == 1


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no json",
        "[]",
        "null",
        "7",
        "{}",
        '{"Records": null}',
        '{"Records": [null]}',
        '{"Records": [{}]}',
        '{"Records": [{"eventName": null}]}',
        '{"Records": [{"eventName": "ObjectCreated:Put"}]}',
        '{"Records": [{"eventName": "ObjectCreated:Put", "s3": []}]}',
        json.dumps(changed(eTag=None)),
        json.dumps(changed(key=None)),
        json.dumps(changed(key=7)),
        json.dumps(changed(size=-1)),
        json.dumps(changed(size="many")),
        "[" * 100_000,
    ],
)
def test_junk_is_unreadable(body: str) -> None:
    with pytest.raises(Unreadable):
        read_notification(body)


@pytest.mark.parametrize("moment", ["yesterday", "2026-11-20T12:00:00", 7])
def test_a_time_that_is_none_is_unreadable(moment: object) -> None:
    message = notification("a")
    message["Records"][0]["eventTime"] = moment
    with pytest.raises(Unreadable):
        read(message)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Records", "eventName", "s3", "object", "bucket", "key", "Event"]), inner, max_size=4
        )
    ),
)


@given(JSON)
def test_whatever_comes_is_read_or_unreadable(message: object) -> None:
    try:
        read(message)
    except Unreadable:
        return
