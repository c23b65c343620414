"""The schemas of what webhooks are sent: whatever is sent fits them, and they let no more out than is sent."""

import json
from typing import Any

import jsonschema

from coffer_chassis.ids import new_id
from coffer_contracts.catalog import parse
from coffer_contracts.event import Envelope
from coffer_contracts.ids import UserId, WebhookId
from coffer_notifier.domain.outside import OFFERED, TOLD_TO, body_of, placed
from coffer_notifier.domain.outside_schemas import body_schema
from coffer_notifier.handlers.event_types import list_event_types
from coffer_notifier.routes.outgoing import body_name, outgoing
from factories.golden import GOLDEN, wire_type
from factories.rows import for_every
from factories.telling import drive, user_id

MESSAGES = [path for path in GOLDEN if wire_type(path) in OFFERED]


def schema_for(named: str) -> dict[str, Any]:
    return body_schema(named, OFFERED[named], list_event_types()[named].schema)


def check(event: Envelope[Any], reader: str, *, sees: bool, is_test: bool = False) -> dict[str, Any]:
    """What a reader is sent, held against the schema of its type."""
    body: dict[str, Any] = json.loads(body_of(event, UserId(reader), lambda _: sees, is_test=is_test))
    checker = jsonschema.Draft202012Validator(schema_for(event.type), format_checker=jsonschema.FormatChecker())
    checker.validate(body)
    return body


@for_every("path", MESSAGES, ids=lambda path: path.name)
def test_whatever_is_sent_fits_the_schema_whoever_reads_it(path: Any) -> None:
    event = parse(path.read_bytes())
    check(event, event.ownerid or user_id(), sees=True)
    check(event, event.ownerid or user_id(), sees=True, is_test=True)
    check(event, user_id(), sees=False)


@for_every("named", OFFERED)
def test_a_schema_is_valid_and_names_what_is_sent_and_no_more(named: str) -> None:
    schema = schema_for(named)
    jsonschema.Draft202012Validator.check_schema(schema)
    event = parse(json.dumps(list_event_types()[named].example))
    sent = json.loads(placed(body_of(event, UserId(user_id()), lambda _: True), WebhookId(new_id()), 1))
    jsonschema.Draft202012Validator(schema).validate(sent)
    assert set(schema["properties"]["data"]["properties"]) == {*sent["data"], "test", "shortened"}
    assert "$ref" not in json.dumps(schema), "it stands on its own"


def test_a_field_that_is_missing_or_of_another_kind_does_not_fit() -> None:
    event = drive(user_id()).below("a.txt").committed()
    body = check(event, event.ownerid or "", sees=True)
    checker = jsonschema.Draft202012Validator(schema_for(event.type))
    for wrong in (
        {**body, "type": "files.item.trashed.v1"},
        {name: value for name, value in body.items() if name != "timestamp"},
        {**body, "data": {**body["data"], "sequence": "3"}},
        {**body, "data": {name: value for name, value in body["data"].items() if name != "name"}},
        {**body, "data": {**body["data"], "content": {"size_bytes": 1}}},
        {**body, "data": {**body["data"], "test": False}},
    ):
        assert not checker.is_valid(wrong), wrong
    assert checker.is_valid({**body, "data": {**body["data"], "new_field": 1}}), "fields may be added"


def test_what_is_shortened_fits_too() -> None:
    huge = drive(user_id()).below("a.txt").changed(*(f"field{number}" for number in range(3000)))
    body = check(huge, user_id(), sees=True)
    assert body["data"]["shortened"] is True
    assert "changes" not in body["data"]


def test_every_type_that_may_be_asked_for_has_a_request_with_a_name_of_its_own() -> None:
    sent = outgoing()
    assert set(sent.requests) == set(OFFERED)
    assert len(sent.components["schemas"]) == len({body_name(named) for named in OFFERED}) == len(OFFERED)
    assert {outside.judged for outside in OFFERED.values()} == set(TOLD_TO)
    for named, request in sent.requests.items():
        body = request["post"]["requestBody"]["content"]["application/json"]
        jsonschema.Draft202012Validator(sent.components["schemas"][body_name(named)]).validate(body["example"])
    assert new_id() not in json.dumps(sent.requests), "nothing in it is made up at each start"
    assert json.dumps(outgoing().requests) == json.dumps(sent.requests)
