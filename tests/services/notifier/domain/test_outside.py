"""What of a fact leaves the installation: named fields only, below the promised size, no folder that is not seen."""

import json
from typing import Any

import pytest

from coffer_chassis.ids import new_id
from coffer_contracts.catalog import newest_type, parse
from coffer_contracts.event import Envelope
from coffer_contracts.files import ItemCreatedV1, ItemPurgedV1, UploadConflictedV1, UploadRejectedV1
from coffer_contracts.ids import UserId
from coffer_notifier.app import TABLES
from coffer_notifier.domain.outside import BODY_BYTES, OFFERED, body_of, concern_of, folders_in
from coffer_notifier.handlers.event_types import list_event_types
from factories.rows import for_every
from factories.telling import Share, drive, of_link, upload_ended, user_id

SECRET = {"blob_key", "blob_id", "etag", "key", "ancestor_ids", "address", "agent", "placeholder", "tokens_expire_at", "notify"}


def names_in(value: Any) -> set[str]:
    match value:
        case dict():
            return set(value).union(*map(names_in, value.values()))
        case list():
            return set().union(*map(names_in, value))
    return set()


def example(wire_type: str) -> Envelope[Any]:
    return parse(json.dumps(list_event_types()[wire_type].example))


def told(event: Envelope[Any], reader: str, *, sees: bool = True) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(body_of(event, UserId(reader), lambda _: sees))
    return message


@for_every("wire_type", OFFERED)
def test_a_body_says_type_time_and_data_and_nothing_of_the_inside(wire_type: str) -> None:
    event = example(wire_type)
    message = told(event, user_id())
    assert list(message) == ["type", "timestamp", "data"]
    assert message["type"] == wire_type
    data = message["data"]
    assert (data["event_id"], data["subject"], data["sequence"]) == (event.id, event.subject, event.revision)
    assert not names_in(message) & SECRET
    assert set(OFFERED[wire_type].fields) <= set(data), "every field is there, so that receivers need no cases"


@for_every("wire_type", OFFERED)
def test_whatever_is_offered_is_heard_and_is_the_newest_of_its_kind(wire_type: str) -> None:
    assert any(wire_type in table for table in TABLES.values())
    assert newest_type(wire_type) == wire_type


@for_every("wire_type", OFFERED)
def test_the_fields_that_are_told_are_there(wire_type: str) -> None:
    fields = type(example(wire_type).data).model_fields
    assert set(OFFERED[wire_type].fields) <= set(fields)


def test_somebody_else_is_not_told_of_folders_that_they_do_not_see() -> None:
    ann, bob = user_id(), user_id()
    fact = drive(ann).below("Plans", "folder").below("a.txt").changed("parent_id", previous_parent_id=new_id())
    assert folders_in(fact.data) == {fact.data.parent_id, fact.data.previous_parent_id}
    hidden = told(fact, bob, sees=False)["data"]
    assert (hidden["parent_id"], hidden["previous_parent_id"]) == (None, None)
    assert told(fact, ann, sees=False)["data"]["parent_id"] == fact.data.parent_id
    assert told(fact, bob, sees=True)["data"]["previous_parent_id"] == fact.data.previous_parent_id


def test_only_who_sent_the_bytes_is_told_which_upload_they_were() -> None:
    ann, bob = user_id(), user_id()
    fact = drive(ann).below("a.txt").committed(actor=bob)
    assert told(fact, bob)["data"]["upload_id"] == fact.data.upload_id
    assert told(fact, ann)["data"]["upload_id"] is None
    of_upload = upload_ended(drive(ann), bob, UploadConflictedV1)
    assert told(of_upload, bob)["data"]["upload_id"] == of_upload.data.upload_id


@pytest.mark.parametrize("kind", [UploadConflictedV1, UploadRejectedV1])
def test_what_came_through_a_link_concerns_the_owner_alone(kind: type[Any]) -> None:
    ann, link = user_id(), user_id()
    fact = upload_ended(drive(ann), link, kind)
    concern = concern_of(of_link(fact))
    assert concern is not None
    assert concern.people == {ann}


def test_the_largest_facts_stay_below_the_promised_size() -> None:
    ann, bob = user_id(), user_id()
    share = Share(drive(ann).below("🗂" * 255), bob).created(message="🗂" * 2000)
    body = body_of(share, bob, lambda _: True)
    assert len(body.encode()) < BODY_BYTES
    assert json.loads(body)["data"]["message"] == "🗂" * 2000
    huge = drive(ann).below("a.txt").changed(*(f"field{number}" for number in range(3000)))
    short = body_of(huge, ann, lambda _: True)
    assert len(short.encode()) < BODY_BYTES
    assert json.loads(short)["data"]["shortened"]
    assert json.loads(short)["data"]["item_id"] == huge.data.item_id


def test_the_root_of_a_drive_and_what_is_told_again_concern_nobody() -> None:
    root = drive(user_id())
    assert concern_of(root.created()) is None
    assert concern_of(root.below("a.txt").changed()) is None
    assert concern_of(root.below("Plans", "folder").as_(ItemCreatedV1)) is not None


def test_what_is_gone_for_good_concerns_its_owner_only() -> None:
    ann = user_id()
    purged = drive(ann).below("a.txt").purged()
    assert isinstance(purged.data, ItemPurgedV1)
    concern = concern_of(purged)
    assert concern is not None
    assert concern.people == {ann}
    assert not concern.given


def test_a_test_says_that_it_is_one() -> None:
    event = example("files.item.committed.v1")
    body = json.loads(body_of(event, user_id(), lambda _: True, is_test=True))
    assert body["data"]["test"] is True
    assert "test" not in told(event, user_id())["data"]
