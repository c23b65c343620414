"""Subscriptions over HTTP: a queue is subscribed, proved by whoever reads it, and shown, changed, removed by nobody else."""

import asyncio
import json
from typing import Any

import pytest

from coffer_chassis.ids import new_id
from coffer_notifier.domain.queues import CODE_EVERY, CODE_FOR, CODE_TYPE
from factories.notifier import ACCOUNT, Notifier, notifier_on
from factories.telling import drive, user_id

URL = "https://hooks.example.org/coffer"


def arn_made(name: str = "") -> str:
    """A queue of its own."""
    return f"arn:aws:sqs:eu-central-1:{ACCOUNT}:{name or f'q-{new_id()}'}"


async def ask(notifier: Notifier, person: str, method: str, path: str = "", **options: Any) -> Any:
    """The answer to a request below `/v1/subscriptions`."""
    async with notifier.client(person) as http:
        return await http.request(method, f"/v1/subscriptions{path}", **options)


async def subscribed(notifier: Notifier, person: str, arn: str) -> str:
    """The path of a queue that is not proved yet."""
    answer = await ask(notifier, person, "POST", json={"queue_arn": arn, "event_types": ["*"]})
    assert answer.status_code == 201, answer.text
    return f"/{answer.json()['id']}"


def code_in(notifier: Notifier, arn: str) -> str:
    """The newest code in a queue."""
    message = json.loads(notifier.queues.to(arn)[-1].body)
    assert message["type"] == CODE_TYPE
    code: str = message["data"]["code"]
    return code


async def test_a_queue_is_subscribed_with_the_policy_it_needs_and_told_nothing_yet(notifier: Notifier) -> None:
    ann, arn = user_id(), arn_made()
    wanted = {"kind": "queue", "queue_arn": arn, "event_types": ["files.*"], "description": "Archive"}
    answer = await ask(notifier, ann, "POST", json=wanted)
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/subscriptions/{made['id']}"
    assert (made["kind"], made["address"], made["state"], made["enabled"]) == ("queue", arn, "unconfirmed", False)
    (statement,) = made["policy"]["Statement"]
    assert (statement["Resource"], statement["Principal"]) == (arn, {"AWS": notifier.queues.sender.principal})  # type: ignore[union-attr]  # it has one
    assert "secret" not in answer.text
    await notifier.handle(drive(ann).below("a.txt").committed())
    await notifier.deliver_all()
    assert notifier.queues.to(arn) == []


async def test_whoever_reads_the_code_turns_it_on(notifier: Notifier) -> None:
    ann, arn = user_id(), arn_made()
    path = await subscribed(notifier, ann, arn)
    assert (await ask(notifier, ann, "PATCH", path, json={"enabled": True})).json()["state"] == "unconfirmed"
    sent = await ask(notifier, ann, "POST", f"{path}/code")
    assert sent.status_code == 202
    code = code_in(notifier, arn)
    assert code not in sent.text
    for wrong in ("", "x" * 100, code[:-1], code.swapcase()):
        refused = await ask(notifier, ann, "POST", f"{path}/confirm", json={"code": wrong})
        assert refused.json()["errors"][0]["code"] == "wrong_code"
    stranger = await ask(notifier, user_id(), "POST", f"{path}/confirm", json={"code": code})
    assert stranger.status_code == 404
    proved = (await ask(notifier, ann, "POST", f"{path}/confirm", json={"code": code})).json()
    assert (proved["state"], proved["enabled"]) == ("on", True)
    assert (await ask(notifier, ann, "POST", f"{path}/confirm", json={"code": code})).status_code == 200, "once more is fine"
    assert (await ask(notifier, ann, "POST", f"{path}/code")).json()["state"] == "confirmed"
    await notifier.handle(drive(ann).below("a.txt").committed())
    await notifier.deliver_all()
    assert len(notifier.queues.to(arn)) == 2
    rows = await notifier.rows("SELECT * FROM webhooks WHERE id = :id", id=path[1:])
    assert code not in str(rows)


async def test_a_code_is_good_for_a_while_and_until_the_next_one(notifier: Notifier) -> None:
    ann, arn = user_id(), arn_made()
    path = await subscribed(notifier, ann, arn)
    await ask(notifier, ann, "POST", f"{path}/code")
    first = code_in(notifier, arn)
    notifier.clock.advance(seconds=CODE_EVERY.total_seconds())
    await ask(notifier, ann, "POST", f"{path}/code")
    second = code_in(notifier, arn)
    notifier.clock.advance(seconds=CODE_FOR.total_seconds())
    for code in (first, second):
        assert (await ask(notifier, ann, "POST", f"{path}/confirm", json={"code": code})).status_code == 422
    await ask(notifier, ann, "POST", f"{path}/code")
    assert (await ask(notifier, ann, "POST", f"{path}/confirm", json={"code": second})).status_code == 422
    assert (await ask(notifier, ann, "POST", f"{path}/confirm", json={"code": code_in(notifier, arn)})).status_code == 200


async def test_nobody_floods_a_queue_with_codes_however_many_ask(notifier: Notifier) -> None:
    arn, people = arn_made(), [user_id() for _ in range(4)]
    paths = [await subscribed(notifier, person, arn) for person in people]
    asked = (ask(notifier, person, "POST", f"{path}/code") for person, path in zip(people, paths, strict=True))
    answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [202, 429, 429, 429]
    assert len(notifier.queues.to(arn)) == 1
    await ask(notifier, people[0], "DELETE", paths[0])
    again = await subscribed(notifier, people[0], arn)
    refused = await ask(notifier, people[0], "POST", f"{again}/code")
    assert (refused.json()["code"], refused.headers["retry-after"]) == ("too_many_attempts", "10")


async def test_the_code_of_one_is_of_no_use_to_another(notifier: Notifier) -> None:
    ann, eve, arn = user_id(), user_id(), arn_made()
    hers = await subscribed(notifier, ann, arn)
    other = await subscribed(notifier, eve, arn)
    await ask(notifier, ann, "POST", f"{hers}/code")
    code = code_in(notifier, arn)
    assert (await ask(notifier, eve, "POST", f"{other}/confirm", json={"code": code})).status_code == 422


@pytest.mark.parametrize(
    ("word", "status", "code"),
    [("access_denied", 409, "state_conflict"), ("queue_gone", 409, "state_conflict"), ("timeout", 502, "dependency_failed")],
)
async def test_a_queue_that_does_not_take_the_code_says_why(notifier: Notifier, word: str, status: int, code: str) -> None:
    ann, arn = user_id(), arn_made()
    path = await subscribed(notifier, ann, arn)
    notifier.queues.failing[arn] = word
    answer = await ask(notifier, ann, "POST", f"{path}/code")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert word in answer.json()["detail"]


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"queue_arn": "https://sqs.eu-central-1.amazonaws.com/444455556666/q"}, "/queue_arn", "not_a_queue"),
        ({"queue_arn": "arn:aws:sqs:eu-central-1:111122223333:files-grants"}, "/queue_arn", "address_not_allowed"),
        ({"queue_arn": "x" * 300}, "/queue_arn", None),
        ({"kind": "webhook"}, "/kind", None),
        ({"event_types": []}, "/event_types", None),
        ({"event_types": ["auth.user.registered.v1"]}, "/event_types/0", "unknown_type"),
        ({"item_id": "root"}, "/item_id", None),
        ({"enabled": True}, "/enabled", None),
    ],
)
async def test_refuses_what_no_subscription_may_be(notifier: Notifier, changes: Any, pointer: str, code: str | None) -> None:
    ann = user_id()
    answer = await ask(notifier, ann, "POST", json={"queue_arn": arn_made(), "event_types": ["*"], **changes})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert code in {None, error["code"]}


async def test_without_somebody_to_name_in_a_policy_there_are_no_queues(notifier: Notifier) -> None:
    notifier.queues.sender = None
    answer = await ask(notifier, user_id(), "POST", json={"queue_arn": arn_made(), "event_types": ["*"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "feature_disabled")


async def test_subscriptions_of_every_kind_are_one_list_and_webhooks_are_their_own(notifier: Notifier) -> None:
    ann = user_id()
    webhook = await notifier.webhook(ann, URL, "*")
    queue = await notifier.queue(ann)
    both = (await ask(notifier, ann, "GET")).json()["items"]
    assert [(one["id"], one["kind"]) for one in both] == [(webhook["id"], "webhook"), (queue["id"], "queue")]
    assert (both[0]["policy"], both[0]["state"], both[0]["address"]) == (None, "on", URL)
    first = (await ask(notifier, ann, "GET", params={"limit": 1})).json()
    rest = (await ask(notifier, ann, "GET", params={"limit": 1, "cursor": first["next_cursor"]})).json()
    assert [one["id"] for one in first["items"] + rest["items"]] == [webhook["id"], queue["id"]]
    async with notifier.client(ann) as http:
        assert [one["id"] for one in (await http.get("/v1/webhooks")).json()["items"]] == [webhook["id"]]
        for method, path in [("GET", ""), ("DELETE", ""), ("POST", "/rotate-secret"), ("GET", "/deliveries")]:
            assert (await http.request(method, f"/v1/webhooks/{queue['id']}{path}")).status_code == 404
        assert (await http.patch(f"/v1/webhooks/{queue['id']}", json={"url": URL})).status_code == 404


async def test_a_subscription_is_changed_by_its_owner_unless_it_changed_meanwhile(notifier: Notifier) -> None:
    ann = user_id()
    path = f"/{(await notifier.queue(ann))['id']}"
    shown = await ask(notifier, ann, "GET", path)
    etag = shown.headers["etag"]
    assert (await ask(notifier, ann, "GET", path, headers={"If-None-Match": etag})).status_code == 304
    changed = await ask(notifier, ann, "PATCH", path, json={"event_types": ["sharing.*"], "enabled": False})
    assert (changed.json()["event_types"], changed.json()["state"]) == (["sharing.*"], "off")
    late = await ask(notifier, ann, "PATCH", path, json={"description": "x"}, headers={"If-Match": etag})
    assert late.json()["code"] == "precondition_failed"
    for body in ({}, {"event_types": None}, {"queue_arn": arn_made()}, {"url": URL}):
        assert (await ask(notifier, ann, "PATCH", path, json=body)).status_code == 422
    assert (await ask(notifier, ann, "PATCH", path, json={"enabled": True})).json()["state"] == "on", "it was proved before"


async def test_what_belongs_to_others_is_not_there(notifier: Notifier) -> None:
    ann, eve = user_id(), user_id()
    path = f"/{(await notifier.queue(ann))['id']}"
    asked = [
        ("GET", path, None),
        ("PATCH", path, {"enabled": False}),
        ("DELETE", path, None),
        ("POST", f"{path}/code", None),
        ("GET", f"{path}/events", None),
        ("GET", f"{path}/deliveries", None),
        ("POST", f"{path}/test", {}),
        ("POST", f"{path}/recover", {"since": "2026-11-20T10:15:00Z"}),
        ("POST", f"{path}/replay", {"after": 0}),
    ]
    for method, where, body in asked:
        answer = await ask(notifier, eve, method, where, **({"json": body} if body is not None else {}))
        assert answer.status_code == 404, (method, where)
    assert (await ask(notifier, eve, "GET")).json()["items"] == []
    assert (await ask(notifier, ann, "DELETE", path)).status_code == 204
    assert (await ask(notifier, ann, "GET", path)).status_code == 404


async def test_webhooks_and_queues_of_one_person_are_counted_together(store_url_of_notifier: str) -> None:
    ann = user_id()
    async with notifier_on(store_url_of_notifier, webhooks_per_user=2) as notifier:
        await notifier.webhook(ann, URL, "*")
        await notifier.queue(ann)
        refused = await ask(notifier, ann, "POST", json={"queue_arn": arn_made(), "event_types": ["*"]})
        assert (refused.json()["code"], refused.json()["limit"]) == ("limit_reached", 2)


async def test_a_repeated_request_makes_one(notifier: Notifier) -> None:
    ann = user_id()
    options: dict[str, Any] = {"json": {"queue_arn": arn_made(), "event_types": ["*"]}, "headers": {"Idempotency-Key": "k"}}
    first, second = [await ask(notifier, ann, "POST", **options) for _ in range(2)]
    assert second.headers["idempotent-replayed"] == "true"
    assert second.json() == first.json()
