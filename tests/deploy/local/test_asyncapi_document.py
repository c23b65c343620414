"""The document of all events: valid AsyncAPI, true to contracts and topology, and served as it was generated."""

import copy
import json
from collections.abc import Callable
from typing import Any

import httpx
import jsonschema
import pytest

from coffer_contracts.catalog import CATALOG, COMMANDS, EVENTS, newest_type
from coffer_contracts.events_page import emitter_of
from coffer_contracts.schemas import schema_of
from coffer_local.asyncapi_document import document, document_text
from coffer_local.docs import hearers
from coffer_local.registry import SERVICES
from coffer_local.served import EVENTS as SERVED
from coffer_local.served import document_routes
from factories.asyncapi_rules import faults, resolved
from factories.golden import FOLDER, GOLDEN, wire_type
from factories.rows import for_every

Json = dict[str, Any]

EXAMPLES = {event.type: (FOLDER / f"{event.type}.json").read_text() for event in EVENTS}
DOCUMENT = document(EXAMPLES)
LANES = [(service, lane) for service in SERVICES for lane in service.topology.lanes if not lane.private]


def names(operation: Json) -> list[str]:
    return [resolved(DOCUMENT, resolved(DOCUMENT, message["$ref"])["$ref"])["name"] for message in operation["messages"]]


def test_it_keeps_every_rule_of_the_specification() -> None:
    assert faults(DOCUMENT) == []


HARM: dict[str, tuple[Callable[[Json], object], str]] = {
    "another version": (lambda d: d.update(asyncapi="2.6.0"), "# is of another version"),
    "no title": (lambda d: d["info"].pop("title"), "#/info lacks title"),
    "an unknown field": (lambda d: d["channels"]["files-events"].update(publish={}), "#/channels/files-events has publish"),
    "a dangling message": (lambda d: d["components"]["messages"].pop("files.item.created.v1"), "refers to nothing"),
    "a dangling schema": (lambda d: d["components"]["schemas"].pop("ContentFact"), "refers to nothing"),
    "a reference out of the document": (
        lambda d: d["operations"]["files.send"].update(channel={"$ref": "https://elsewhere.test/#/channels/x"}),
        "refers to nothing",
    ),
    "a message that is not of the channel": (
        lambda d: d["operations"]["files.send"]["messages"].append({"$ref": "#/components/messages/files.item.created.v1"}),
        "does not refer into #/channels/files-events/messages/",
    ),
    "an action of version 2": (lambda d: d["operations"]["files.send"].update(action="publish"), "neither send nor receive"),
    "a binding of another version": (
        lambda d: d["operations"]["notifier-fast.receive.auth-events"]["bindings"]["sqs"].update(bindingVersion="9.0.0"),
        "is of another version",
    ),
    "a queue without a name": (
        lambda d: d["operations"]["notifier-fast.receive.auth-events"]["bindings"]["sqs"]["queues"][0].pop("name"),
        "lacks name",
    ),
    "a time SQS refuses": (
        lambda d: d["operations"]["notifier-fast.receive.auth-events"]["bindings"]["sqs"]["queues"][0].update(
            visibilityTimeout=1e6
        ),
        "SQS refuses",
    ),
    "a server without a variable": (lambda d: d["servers"]["topics"].pop("variables"), "has no variable region"),
    "an address twice": (lambda d: d["channels"]["files-events"].update(address="auth-events"), "an address twice"),
    "a schema with a base of its own": (
        lambda d: d["components"]["schemas"]["ContentFact"].update({"$id": "https://x.test/"}),
        "#/components/schemas/ContentFact has $id",
    ),
    "a correlation id nowhere": (
        lambda d: d["components"]["messages"]["files.item.created.v1"]["correlationId"].update(location="payload.id"),
        "has its correlation id nowhere",
    ),
    "a key with a slash": (lambda d: d["operations"].update({"a/b": d["operations"]["files.send"]}), "is no key"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("harm", "why"), HARM.values(), ids=HARM.keys())
def test_the_rules_find(harm: Callable[[Json], object], why: str) -> None:
    harmed = copy.deepcopy(DOCUMENT)
    harm(harmed)
    assert any(why in fault for fault in faults(harmed)), faults(harmed)


@for_every("golden", [path for path in GOLDEN if wire_type(path) in CATALOG], ids=lambda path: path.stem)
def test_every_golden_message_fits_the_payload_of_its_message(golden: Any) -> None:
    name = wire_type(golden)
    payload = DOCUMENT["components"]["messages"][name]["payload"]
    whole = {**payload, "components": DOCUMENT["components"]}
    raw = json.loads(golden.read_text())
    for dialect in (jsonschema.Draft7Validator, jsonschema.Draft202012Validator):
        dialect(whole).validate(raw)
        assert not dialect(whole).is_valid(raw | {"type": "another"})
        assert not dialect(whole).is_valid({key: value for key, value in raw.items() if key != "data"})


def test_a_payload_says_what_the_schema_of_the_type_says() -> None:
    for event in EVENTS:
        payload, schema = DOCUMENT["components"]["schemas"][event.type], schema_of(event)
        assert list(payload["properties"]) == list(schema["properties"])
        assert payload["required"] == schema["required"]
        data = DOCUMENT["components"]["schemas"][f"{event.type}.data"]
        assert set(data["properties"]) == set(event.model_fields)
        assert payload.get("deprecated", False) == (newest_type(event.type) != event.type)


def test_every_type_is_sent_by_its_owner_and_by_nobody_else() -> None:
    sent = {key.removesuffix(".send"): names(one) for key, one in DOCUMENT["operations"].items() if one["action"] == "send"}
    assert sent == {
        service.name: owned
        for service in SERVICES
        if (owned := [event.type for event in EVENTS if emitter_of(event.type) == service.name])
    }
    for name in sent:
        assert DOCUMENT["operations"][f"{name}.send"]["channel"] == {"$ref": f"#/channels/{name}-events"}


def test_every_queue_hears_what_it_is_subscribed_to() -> None:
    heard = {key: one for key, one in DOCUMENT["operations"].items() if one["action"] == "receive"}
    assert set(heard) == {f"{lane.queue}.receive.{topic}" for _, lane in LANES for topic in lane.reads}
    for service, lane in LANES:
        for topic, types in lane.reads.items():
            one = heard[f"{lane.queue}.receive.{topic}"]
            assert one["tags"] == [{"name": service.name}]
            assert set(names(one)) == set(types)
            (consumer,) = one["bindings"]["sns"]["consumers"]
            assert consumer["filterPolicy"] == {"type": sorted(types)} | ({"urgent": ["true"]} if lane.urgent else {})
            assert consumer["rawMessageDelivery"] is True
            assert consumer["endpoint"] == {"name": lane.queue}
            queue, dead = one["bindings"]["sqs"]["queues"]
            assert (queue["name"], queue["visibilityTimeout"]) == (lane.queue, lane.visibility_seconds)
            assert queue["redrivePolicy"] == {"deadLetterQueue": {"name": dead["name"]}, "maxReceiveCount": lane.max_receives}
            assert dead["name"] == consumer["redrivePolicy"]["deadLetterQueue"]["name"] == lane.dead_queue
            assert dead["messageRetentionPeriod"] > queue["messageRetentionPeriod"]


def test_nobody_is_told_of_private_commands() -> None:
    assert COMMANDS
    text = json.dumps(DOCUMENT)
    assert not [command for command in COMMANDS if command.type in text]
    assert "private" not in text


def test_who_sends_names_everybody_who_listens() -> None:
    for service in SERVICES:
        consumers = (
            DOCUMENT["operations"].get(f"{service.name}.send", {}).get("bindings", {}).get("sns", {}).get("consumers", ())
        )
        told = {(wire_type, one["endpoint"]["name"]) for one in consumers for wire_type in one["filterPolicy"]["type"]}
        assert told == {
            (wire_type, hearer.queue)
            for wire_type, queues in hearers().items()
            if emitter_of(wire_type) == service.name and wire_type in CATALOG
            for hearer in queues
        }


def test_an_older_major_is_marked_and_heard_by_whoever_hears_the_newer() -> None:
    message = DOCUMENT["components"]["messages"]["sharing.share.changed.v1"]
    assert message["tags"] == [{"name": "superseded", "description": "Told as sharing.share.changed.v2 as well."}]
    both = {f"sharing.share.changed.v{major}" for major in (1, 2)}
    for operation in DOCUMENT["operations"].values():
        assert both <= set(names(operation)) or not both & set(names(operation))


def test_two_shapes_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = copy.deepcopy(schema_of(EVENTS[0]))
    schema["$defs"]["ContentFact"] = {"type": "object", "description": "Another."}
    monkeypatch.setattr(
        "coffer_local.asyncapi_document.schema_of", lambda event: schema if event is EVENTS[0] else schema_of(event)
    )
    with pytest.raises(ValueError, match="ContentFact"):
        document(EXAMPLES)


@pytest.mark.slow
def test_the_same_code_gives_the_same_text() -> None:
    assert document_text(EXAMPLES) == document_text(dict(reversed(EXAMPLES.items())))
    assert json.loads(document_text(EXAMPLES)) == DOCUMENT


async def test_it_is_served_to_everybody_as_it_was_generated() -> None:
    from coffer_chassis.http import build_app  # noqa: PLC0415  # only here is an application needed

    app: Any = build_app(service="gateway", route_handlers=document_routes())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://gateway.test") as client:
        answer = await client.get(f"/schema/{SERVED}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert "max-age" in answer.headers["cache-control"]
    assert answer.json() == DOCUMENT
