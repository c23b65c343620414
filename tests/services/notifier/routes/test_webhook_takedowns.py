"""Operators turn off what harms, whatever its owner wants; its owner is told why, and not by whom."""

from typing import Any

import pytest

from coffer_chassis.ids import new_id
from coffer_contracts.catalog import parse
from coffer_notifier.domain.webhooks import FAILING_FOR
from factories.notifier import ACCOUNT, Notifier
from factories.receivers import Receiver
from factories.telling import drive, registered, user_id

REASON = "Sends requests to somebody who never asked."


async def asked(notifier: Notifier, method: str, webhook_id: str, reason: str = REASON, *, token: str = "operator") -> Any:
    async with notifier.operators(token) as http:
        path = f"/v1/admin/notifier/webhooks/{webhook_id}"
        if method == "GET":
            return await http.get(path)
        if method == "DELETE":
            return await http.delete(f"{path}/takedown")
        return await http.post(f"{path}/takedown", json={"reason": reason})


async def told_of(notifier: Notifier, webhook_id: str, wire_type: str) -> list[Any]:
    """What lies in the outbox about a webhook, of one type."""
    query = "SELECT body FROM outbox WHERE type = :type AND body LIKE :id ORDER BY id"
    return [parse(row.body) for row in await notifier.rows(query, type=wire_type, id=f"%{webhook_id}%")]


async def hooked_up(notifier: Notifier, hook: Receiver) -> tuple[Any, str]:
    """Somebody whose webhook works."""
    ann = user_id()
    webhook = await notifier.webhook(ann, hook.url, "*")
    await notifier.handle(drive(ann).below("a.txt").committed())
    await notifier.deliver_all()
    return ann, webhook["id"]


async def test_nothing_is_sent_until_it_is_put_back_and_what_waited_can_be_recovered(hooked: Notifier, hook: Receiver) -> None:
    ann, webhook = await hooked_up(hooked, hook)
    await hooked.handle(drive(ann).below("waits.txt").committed())
    down = await asked(hooked, "POST", webhook)
    assert down.status_code == 200
    assert down.json()["trouble"] == "taken_down"
    assert down.json()["taken_down"] == {"at": "2026-11-20T12:00:00.000Z", "reason": REASON}
    await hooked.handle(drive(ann).below("meanwhile.txt").committed())
    await hooked.deliver_all()
    assert len(hook.calls) == 1
    back = (await asked(hooked, "DELETE", webhook)).json()
    assert (back["enabled"], back["trouble"], back["taken_down"]) == (True, None, None)
    async with hooked.client(ann) as http:
        answer = await http.post(f"/v1/webhooks/{webhook}/recover", json={"since": "2026-11-20T00:00:00Z"})
    assert answer.json() == {"queued": 1}
    await hooked.deliver_all()
    assert [call.message["data"]["name"] for call in hook.calls] == ["a.txt", "waits.txt"]


async def test_its_owner_cannot_turn_it_on_by_any_door_and_sees_why(hooked: Notifier, hook: Receiver) -> None:
    ann, webhook = await hooked_up(hooked, hook)
    await asked(hooked, "POST", webhook)
    async with hooked.client(ann) as http:
        shown = (await http.get(f"/v1/webhooks/{webhook}")).json()
        assert (shown["enabled"], shown["taken_down"]["reason"]) == (False, REASON)
        tries = [
            await http.patch(f"/v1/webhooks/{webhook}", json={"enabled": True}),
            await http.patch(f"/v1/webhooks/{webhook}", json={"enabled": True, "url": f"{hook.url}/elsewhere"}),
            await http.post(f"/v1/webhooks/{webhook}/test", json={}),
            await http.post(f"/v1/webhooks/{webhook}/recover", json={"since": "2026-11-20T00:00:00Z"}),
        ]
        assert [answer.status_code for answer in tries] == [409] * len(tries)
        assert {answer.json()["state"] for answer in tries} == {"taken_down"}
        assert (await http.patch(f"/v1/webhooks/{webhook}", json={"url": f"{hook.url}/other"})).status_code == 200
        assert (await http.delete(f"/v1/webhooks/{webhook}")).status_code == 204
    assert (await asked(hooked, "DELETE", webhook)).status_code == 404


async def test_a_queue_that_is_not_proved_stays_off_too(hooked: Notifier) -> None:
    ann = user_id()
    async with hooked.client(ann) as http:
        arn = f"arn:aws:sqs:eu-central-1:{ACCOUNT}:q-{new_id()}"
        queue = (await http.post("/v1/subscriptions", json={"queue_arn": arn, "event_types": ["*"]})).json()
        await asked(hooked, "POST", queue["id"])
        path = f"/v1/subscriptions/{queue['id']}"
        for answer in (await http.post(f"{path}/code"), await http.post(f"{path}/confirm", json={"code": "x"})):
            assert (answer.status_code, answer.json()["state"]) == (409, "taken_down")
        assert (await http.get(path)).json()["taken_down"]["reason"] == REASON
    assert (await asked(hooked, "DELETE", queue["id"])).json()["enabled"] is False


async def test_twice_is_the_same_and_tells_once(hooked: Notifier, hook: Receiver) -> None:
    ann, webhook = await hooked_up(hooked, hook)
    first = await asked(hooked, "POST", webhook)
    second = await asked(hooked, "POST", webhook, "another reason")
    assert first.json() == second.json()
    facts = await told_of(hooked, webhook, "notifier.webhook.disabled.v1")
    assert [(fact.data.reason, fact.data.detail, fact.data.owner_id) for fact in facts] == [("taken_down", REASON, ann)]
    for _ in range(2):
        assert (await asked(hooked, "DELETE", webhook)).json()["enabled"] is True
    acts = await told_of(hooked, webhook, "notifier.operator.acted.v1")
    assert [(act.data.action, act.data.target) for act in acts] == [
        ("webhook.taken_down", f"webhook/{webhook}"),
        ("webhook.put_back", f"webhook/{webhook}"),
    ]


async def test_its_owner_is_told_in_feed_and_mail_and_at_other_webhooks_but_not_by_whom(
    hooked: Notifier, hook: Receiver
) -> None:
    ann, webhook = await hooked_up(hooked, hook)
    await hooked.handle(registered(ann, "ann@example.org", display_name="Ann"))
    await hooked.webhook(ann, hook.url, "notifier.*")
    await asked(hooked, "POST", webhook)
    (fact,) = await told_of(hooked, webhook, "notifier.webhook.disabled.v1")
    await hooked.handle(fact)
    await hooked.handle(fact)
    await hooked.deliver_all()
    told = hook.calls[-1].message
    assert (told["type"], told["data"]["reason"], told["data"]["detail"]) == (fact.type, "taken_down", REASON)
    assert told["data"]["actor_id"] is None
    async with hooked.client(ann) as http:
        (notice,) = (await http.get("/v1/notifications")).json()["items"]
    assert (notice["title"], notice["actor"]) == ("What was sent to “127.0.0.1” was turned off by an operator", None)
    assert notice["data"]["detail"] == REASON
    rows = await hooked.rows("SELECT data FROM mails WHERE user_id = :ann", ann=ann)
    assert [row.data["detail"] for row in rows] == [REASON]


@pytest.mark.parametrize("how", ["off before", "off meanwhile", "failed before"])
async def test_put_back_it_is_as_its_owner_had_it(hooked: Notifier, hook: Receiver, how: str) -> None:
    ann, webhook = await hooked_up(hooked, hook)
    if how == "failed before":
        hook.status = 410
        await hooked.handle(drive(ann).below("b.txt").committed())
        await hooked.deliver_all()
    async with hooked.client(ann) as http:
        if how == "off before":
            await http.patch(f"/v1/webhooks/{webhook}", json={"enabled": False})
        hooked.clock.advance(minutes=1)
        await asked(hooked, "POST", webhook)
        hooked.clock.advance(minutes=1)
        if how == "off meanwhile":
            await http.patch(f"/v1/webhooks/{webhook}", json={"enabled": False})
    back = (await asked(hooked, "DELETE", webhook)).json()
    assert back["enabled"] is False
    assert back["disabled_for"] == ("gone" if how == "failed before" else None)
    async with hooked.client(ann) as http:
        assert (await http.patch(f"/v1/webhooks/{webhook}", json={"enabled": True})).json()["enabled"] is True


async def test_what_is_under_way_when_it_is_taken_down_is_not_tried_again(hooked: Notifier, hook: Receiver) -> None:
    ann, webhook = await hooked_up(hooked, hook)
    hook.status = 503
    await hooked.handle(drive(ann).below("b.txt").committed())
    await hooked.deliver_all()
    await hooked.rows("UPDATE webhook_deliveries SET state = 'sending' WHERE state = 'queued' RETURNING id")
    await asked(hooked, "POST", webhook)
    hooked.clock.advance(seconds=FAILING_FOR.total_seconds())
    await hooked.deliver_all()
    assert len(hook.calls) == 2


async def test_it_is_listed_with_those_in_trouble_whether_it_fails_or_not(hooked: Notifier, hook: Receiver) -> None:
    _, webhook = await hooked_up(hooked, hook)
    await asked(hooked, "POST", webhook)
    async with hooked.operators() as http:
        for trouble, listed in (
            (dict[str, str](), True),
            ({"trouble": "taken_down"}, True),
            ({"trouble": "turned_off"}, False),
        ):
            items = (await http.get("/v1/admin/notifier/webhooks", params={"limit": "100", **trouble})).json()["items"]
            assert (webhook in [item["id"] for item in items]) == listed


@pytest.mark.parametrize(("token", "status"), [("person", 403), ("operator", 200)])
async def test_only_operators_may(hooked: Notifier, hook: Receiver, token: str, status: int) -> None:
    _, webhook = await hooked_up(hooked, hook)
    for method in ("GET", "POST", "DELETE"):
        assert (await asked(hooked, method, webhook, token=token)).status_code == status


@pytest.mark.parametrize("reason", ["", "x" * 2001])
async def test_a_reason_is_given_and_no_book(hooked: Notifier, hook: Receiver, reason: str) -> None:
    _, webhook = await hooked_up(hooked, hook)
    assert (await asked(hooked, "POST", webhook, reason)).status_code == 422
    assert (await asked(hooked, "POST", user_id())).status_code == 404
    assert (await asked(hooked, "POST", "no-id")).status_code == 404
