"""Queues on topics: for operators only, told by the audit, put in place again, never at the cost of others'."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from coffer_chassis.ids import new_id
from coffer_contracts.notifier import OperatorActedV1
from coffer_notifier.domain.topics import MOST_SUBSCRIPTIONS, TOPICS
from factories.notifier import ACCOUNT, Notifier

PATH = "/v1/admin/notifier/subscriptions"
TYPE = "files.item.committed.v1"
OURS = "111122223333"


def arn_made() -> str:
    """A queue of its own."""
    return f"arn:aws:sqs:eu-central-1:{ACCOUNT}:q-{new_id()}"


@pytest.fixture
async def http(notifier: Notifier) -> AsyncIterator[httpx.AsyncClient]:
    await notifier.rows("DELETE FROM topic_subscriptions RETURNING 1")
    async with notifier.operators() as client:
        yield client


async def subscribed(http: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    """One more."""
    answer = await http.post(PATH, json={"topic": "files-events", "queue_arn": arn_made(), **changes})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def acts(notifier: Notifier, made: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """What operators were said to do with it."""
    rows = await notifier.rows("SELECT body FROM outbox WHERE type = :type ORDER BY id", type=OperatorActedV1.type)
    told = [json.loads(row.body) for row in rows]
    return [
        (fact["data"]["action"], {one["name"]: one["value"] for one in fact["data"]["detail"]})
        for fact in told
        if fact["data"]["target"] == f"topic-subscription/{made['id']}" and fact["actorkind"] == "operator"
    ]


async def test_a_queue_is_subscribed_raw_and_filtered_with_the_policy_it_needs(notifier: Notifier, http: Any) -> None:
    owner = new_id()
    made = await subscribed(http, event_types=[TYPE, TYPE], owner_id=owner, dead_queue_arn=arn_made())
    arn = notifier.topics.known["files-events"][made["queue_arn"]]
    values = notifier.topics.values[arn]
    assert values["RawMessageDelivery"] == "true"
    assert json.loads(values["FilterPolicy"]) == {"type": [TYPE], "tenant": [owner]}
    assert json.loads(values["RedrivePolicy"]) == {"deadLetterTargetArn": made["dead_queue_arn"]}
    assert (made["state"], made["event_types"], made["created_by"]) == ("confirmed", [TYPE], made["created_by"])
    assert set(made["policies"]) == {made["queue_arn"], made["dead_queue_arn"]}
    (statement,) = made["policies"][made["queue_arn"]]["Statement"]
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": made["topic_arn"]}}
    shown = await http.get(f"{PATH}/{made['id']}")
    assert shown.json() == made
    assert [one["id"] for one in (await http.get(PATH)).json()["items"]] == [made["id"]]
    ((action, detail),) = await acts(notifier, made)
    assert (action, detail["topic"], detail["queue"]) == ("topics.subscribed", "files-events", made["queue_arn"])


async def test_it_is_changed_and_taken_off_and_each_act_is_told(notifier: Notifier, http: Any) -> None:
    made = await subscribed(http, event_types=[TYPE])
    path, arn = f"{PATH}/{made['id']}", notifier.topics.known["files-events"][made["queue_arn"]]
    etag = (await http.get(path)).headers["etag"]
    changed = await http.patch(path, json={"event_types": [], "description": "All"}, headers={"If-Match": etag})
    assert (changed.json()["event_types"], changed.json()["description"]) == ([], "All")
    assert notifier.topics.values[arn]["FilterPolicy"] == "{}"
    late = await http.patch(path, json={"description": "Late"}, headers={"If-Match": etag})
    assert late.json()["code"] == "precondition_failed"
    assert (await http.delete(path)).status_code == 204
    assert notifier.topics.known["files-events"].get(made["queue_arn"]) is None
    assert (await http.get(path)).status_code == 404
    assert (await http.delete(path)).status_code == 404
    assert [action for action, _ in await acts(notifier, made)] == [
        "topics.subscribed",
        "topics.changed",
        "topics.unsubscribed",
    ]


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"topic": "auth-private"}, "/topic", None),
        ({"topic": "elsewhere"}, "/topic", None),
        ({"queue_arn": f"arn:aws:sqs:eu-central-1:{OURS}:files-grants"}, "/queue_arn", "address_not_allowed"),
        ({"queue_arn": f"arn:aws:sqs:eu-central-1:{ACCOUNT}:q.fifo"}, "/queue_arn", "fifo_not_allowed"),
        ({"queue_arn": "https://hooks.example.org/"}, "/queue_arn", "not_a_queue"),
        ({"dead_queue_arn": f"arn:aws:sqs:eu-central-1:{OURS}:auth-storage-dead"}, "/dead_queue_arn", "address_not_allowed"),
        ({"event_types": ["auth.user.registered.v1"]}, "/event_types/0", "unknown_type"),
        ({"event_types": ["files.*"]}, "/event_types/0", "unknown_type"),
        ({"event_types": [TYPE] * 101}, "/event_types", None),
        ({"owner_id": "me"}, "/owner_id", None),
        ({"raw": False}, "/raw", None),
    ],
)
async def test_refuses_what_may_not_be_subscribed(
    notifier: Notifier, http: Any, changes: Any, pointer: str, code: str | None
) -> None:
    answer = await http.post(PATH, json={"topic": "files-events", "queue_arn": arn_made(), **changes})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert code in {None, error["code"]}
    assert (await http.get(PATH)).json()["items"] == []


async def test_what_others_subscribed_is_neither_listed_nor_taken_over(notifier: Notifier, http: Any) -> None:
    theirs = arn_made()
    notifier.topics.known["files-events"] = {theirs: "arn:aws:sns:eu-central-1:111122223333:files-events:theirs"}
    refused = await http.post(PATH, json={"topic": "files-events", "queue_arn": theirs})
    assert (refused.status_code, refused.json()["state"]) == (409, "subscribed_elsewhere")
    assert (await http.get(PATH)).json()["items"] == []
    made = await subscribed(http)
    # Ours ended, and somebody made another one of the same queue.
    notifier.topics.known["files-events"][made["queue_arn"]] = "arn:aws:sns:eu-central-1:111122223333:files-events:other"
    notifier.topics.values.clear()
    assert (await http.get(f"{PATH}/{made['id']}")).json()["state"] == "missing"
    refused = await http.patch(f"{PATH}/{made['id']}", json={"event_types": [TYPE]})
    assert refused.json()["state"] == "subscribed_elsewhere"
    assert (await http.delete(f"{PATH}/{made['id']}")).status_code == 204
    assert notifier.topics.known["files-events"][made["queue_arn"]].endswith(":other")
    assert notifier.topics.known["files-events"][theirs].endswith(":theirs")
    assert notifier.topics.values == {}


async def test_a_queue_is_on_a_topic_once(http: Any) -> None:
    made = await subscribed(http)
    refused = await http.post(PATH, json={"topic": "files-events", "queue_arn": made["queue_arn"]})
    assert (refused.status_code, refused.json()["state"]) == (409, "subscribed")
    await subscribed(http, topic="auth-events", queue_arn=made["queue_arn"])


async def test_what_sns_did_not_do_stands_there_and_is_put_in_place_by_a_change(notifier: Notifier, http: Any) -> None:
    made = await subscribed(http)
    path = f"{PATH}/{made['id']}"
    notifier.topics.away = True
    for method, where, body in (
        ("GET", PATH, None),
        ("GET", path, None),
        ("DELETE", path, None),
        ("PATCH", path, {"owner_id": None}),
    ):
        answer = await http.request(method, where, **({"json": body} if body is not None else {}))
        assert (answer.status_code, answer.json()["code"]) == (502, "dependency_failed"), method
    notifier.topics.away = False
    notifier.topics.known.clear()  # a broker that lost its memory
    assert (await http.get(path)).json()["state"] == "missing"
    mended = (await http.patch(path, json={"event_types": [TYPE]})).json()
    assert mended["state"] == "confirmed"
    arn = notifier.topics.known["files-events"][made["queue_arn"]]
    assert json.loads(notifier.topics.values[arn]["FilterPolicy"]) == {"type": [TYPE]}


async def test_a_queue_elsewhere_is_pending_until_its_owner_confirms(notifier: Notifier, http: Any) -> None:
    made = await subscribed(http)
    await notifier.rows("UPDATE topic_subscriptions SET arn = 'pending confirmation' WHERE id = :id RETURNING 1", id=made["id"])
    arn = notifier.topics.known["files-events"][made["queue_arn"]]
    notifier.topics.known["files-events"][made["queue_arn"]] = "PendingConfirmation"
    assert (await http.get(f"{PATH}/{made['id']}")).json()["state"] == "pending"
    notifier.topics.known["files-events"][made["queue_arn"]] = arn
    assert (await http.get(f"{PATH}/{made['id']}")).json()["state"] == "confirmed"


async def test_there_are_so_many_and_no_more(notifier: Notifier, http: Any) -> None:
    await notifier.rows(
        "INSERT INTO topic_subscriptions SELECT gen_random_uuid(), 'files-events', 'q' || n, '{}', NULL, NULL, '', NULL, '',"
        " now(), now(), 1 FROM generate_series(1, :n) AS n RETURNING 1",
        n=MOST_SUBSCRIPTIONS,
    )
    refused = await http.post(PATH, json={"topic": "files-events", "queue_arn": arn_made()})
    assert refused.json()["code"] == "limit_reached"


@pytest.mark.parametrize("token", ["person", "token", "link"])
async def test_nobody_else_may(notifier: Notifier, token: str) -> None:
    async with notifier.operators(token) as http:
        for method, path in (("GET", PATH), ("POST", PATH), ("GET", f"{PATH}/{new_id()}"), ("DELETE", f"{PATH}/{new_id()}")):
            assert (await http.request(method, path, json={} if method == "POST" else None)).status_code == 403


def test_every_topic_of_facts_is_known_and_none_of_private_commands() -> None:
    assert set(TOPICS) == {"auth-events", "files-events", "media-worker-events", "notifier-events", "sharing-events"}
    assert all(TOPICS.values())
    assert not any("mail" in one for types in TOPICS.values() for one in types)
