"""The log of a webhook over HTTP: what was sent and what became of it, sending again, recovering, trying out."""

from typing import Any

import pytest

from coffer_chassis.ids import new_id
from factories.notifier import Notifier
from factories.receivers import Receiver
from factories.telling import Share, drive, user_id


async def ask(notifier: Notifier, person: str, method: str, path: str, **options: Any) -> Any:
    """The answer to a request below `/v1/webhooks`."""
    async with notifier.client(person) as http:
        return await http.request(method, f"/v1/webhooks{path}", **options)


async def log_of(notifier: Notifier, person: str, webhook: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    """A page of a webhook's log."""
    answer = await ask(notifier, person, "GET", f"/{webhook['id']}/deliveries", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_the_log_says_what_became_of_each(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, hook.url, "files.*")
    hook.statuses, hook.answers = [200, 500], {"X-Answer": "yes"}
    first, second, third = (drive(ann).below(f"{name}.txt").committed() for name in "abc")
    for fact in (first, second):
        await hooked.handle(fact)
        await hooked.deliver_all()
        hooked.clock.advance(seconds=1)
    await hooked.handle(third)
    waiting, failed, done = await log_of(hooked, ann, webhook)
    assert [one["event_id"] for one in (waiting, failed, done)] == [third.id, second.id, first.id]
    assert (done["status"], done["response_status"], done["error"], done["attempts"]) == ("delivered", 200, None, 1)
    assert (failed["status"], failed["response_status"], failed["error"]) == ("queued", 500, "status_500")
    assert failed["next_attempt_at"] > failed["created_at"]
    assert (waiting["status"], waiting["attempts"], waiting["response_status"]) == ("queued", 0, None)
    assert [one["id"] for one in await log_of(hooked, ann, webhook, status="delivered")] == [done["id"]]
    assert await log_of(hooked, ann, webhook, status="failed") == []
    looked = (await ask(hooked, ann, "GET", f"/{webhook['id']}/deliveries/{done['id']}")).json()
    assert looked["payload"] == hook.calls[0].message
    (attempt,) = looked["log"]
    assert (attempt["attempt"], attempt["response_status"], attempt["error"]) == (1, 200, None)
    assert attempt["latency_ms"] >= 0
    assert "X-Answer: yes" in attempt["response_head"]
    assert "thanks" in attempt["response_head"]
    assert (await ask(hooked, ann, "GET", f"/{webhook['id']}/deliveries/{waiting['id']}")).json()["payload"] is None
    assert (await ask(hooked, ann, "GET", f"/{webhook['id']}/deliveries?status=withheld")).status_code == 422


async def test_the_log_is_read_page_by_page_with_a_cursor_of_its_own(hooked: Notifier) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, "https://hooks.example.org/", "files.*")
    other = await hooked.webhook(ann, "https://hooks.example.org/", "files.*")
    facts = [drive(ann).below(f"{number}").committed() for number in range(5)]
    for fact in facts:
        await hooked.handle(fact)
        hooked.clock.advance(seconds=1)
    found: list[str] = []
    cursor = None
    while True:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await ask(hooked, ann, "GET", f"/{webhook['id']}/deliveries", params=query)).json()
        found += [one["event_id"] for one in page["items"]]
        cursor = page["next_cursor"] or cursor
        if page["next_cursor"] is None:
            break
    assert found == [fact.id for fact in reversed(facts)]
    elsewhere = await ask(hooked, ann, "GET", f"/{other['id']}/deliveries", params={"cursor": cursor})
    assert elsewhere.json()["code"] == "cursor_invalid"


async def test_what_was_withheld_is_not_in_the_log_and_what_is_not_seen_any_more_is_not_shown(
    hooked: Notifier, hook: Receiver
) -> None:
    ann, bob = user_id(), user_id()
    folder = drive(ann).below("Plans", "folder")
    share = Share(folder, bob)
    webhook = await hooked.webhook(bob, hook.url, "files.*")
    told, withheld = folder.below("Told").committed(), folder.below("Withheld").committed()
    await hooked.handle(share.granted(), told)
    await hooked.deliver_all()
    await hooked.handle(withheld, share.removed())
    await hooked.deliver_all()
    (one,) = await log_of(hooked, bob, webhook)
    assert one["event_id"] == told.id
    looked = (await ask(hooked, bob, "GET", f"/{webhook['id']}/deliveries/{one['id']}")).json()
    assert looked["payload"] is None
    (row,) = await hooked.rows("SELECT id FROM webhook_deliveries WHERE event_id = :id", id=withheld.id)
    for method, path in (("GET", ""), ("POST", "/redeliver")):
        answer = await ask(hooked, bob, method, f"/{webhook['id']}/deliveries/{row.id}{path}")
        assert answer.status_code == 404
    await ask(hooked, bob, "POST", f"/{webhook['id']}/deliveries/{one['id']}/redeliver")
    await hooked.deliver_all()
    assert len(hook.calls) == 1, "rights are judged for what is sent again, too"


async def test_a_delivery_is_sent_again_under_its_id(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, hook.url, "files.*")
    fact = drive(ann).below("a.txt").committed()
    await hooked.handle(fact)
    await hooked.deliver_all()
    (one,) = await log_of(hooked, ann, webhook)
    for _ in range(2):
        again = await ask(hooked, ann, "POST", f"/{webhook['id']}/deliveries/{one['id']}/redeliver")
        assert (again.status_code, again.json()["status"], again.json()["attempts"]) == (202, "queued", 0)
    await hooked.deliver_all()
    assert [call.headers["webhook-id"] for call in hook.calls] == [fact.id, fact.id]
    assert hook.calls[0].body == hook.calls[1].body


async def test_what_was_missed_is_sent_again_from_a_time_on(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, hook.url, "files.*")
    facts = [drive(ann).below(f"{number}").committed() for number in range(4)]
    hook.status = 500
    for fact in facts:
        await hooked.handle(fact)
        hooked.clock.advance(minutes=1)
    given_up = "UPDATE webhook_deliveries SET state = :state, ended_at = now() WHERE event_id = :id RETURNING 1"
    for fact, state in zip(facts, ("failed", "failed", "delivered", "failed"), strict=True):
        await hooked.rows(given_up, id=fact.id, state=state)
    hook.status = 200
    since = {"since": "2026-11-20T12:00:30Z"}
    for queued in (2, 0):
        assert (await ask(hooked, ann, "POST", f"/{webhook['id']}/recover", json=since)).json() == {"queued": queued}
    await hooked.deliver_all()
    assert {call.headers["webhook-id"] for call in hook.calls} == {facts[1].id, facts[3].id}


@pytest.mark.parametrize("body", [{}, {"since": "yesterday"}, {"since": "2026-11-20T12:00:00"}, {"since": None}])
async def test_recovering_needs_a_time(hooked: Notifier, body: Any) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, "https://hooks.example.org/", "files.*")
    assert (await ask(hooked, ann, "POST", f"/{webhook['id']}/recover", json=body)).status_code == 422


async def test_while_it_is_off_nothing_is_sent_and_what_waits_is_held_until_it_is_recovered(
    hooked: Notifier, hook: Receiver
) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, hook.url, "files.*")
    fact = drive(ann).below("a.txt").committed()
    await hooked.handle(fact)
    await ask(hooked, ann, "PATCH", f"/{webhook['id']}", json={"enabled": False})
    await hooked.deliver_all()
    (one,) = await log_of(hooked, ann, webhook, status="held")
    for path, body in (
        (f"deliveries/{one['id']}/redeliver", None),
        ("recover", {"since": "2026-01-01T00:00:00Z"}),
        ("test", {}),
    ):
        answer = await ask(hooked, ann, "POST", f"/{webhook['id']}/{path}", **({"json": body} if body is not None else {}))
        assert (answer.status_code, answer.json()["code"]) == (409, "state_conflict"), path
    assert hook.calls == []
    await ask(hooked, ann, "PATCH", f"/{webhook['id']}", json={"enabled": True})
    await ask(hooked, ann, "POST", f"/{webhook['id']}/recover", json={"since": "2026-01-01T00:00:00Z"})
    await hooked.deliver_all()
    assert len(hook.calls) == 1


@pytest.mark.parametrize("event_type", [None, "files.item.committed.v1", "auth.session.created.v1"])
async def test_a_webhook_is_tried_out_with_a_made_up_fact(hooked: Notifier, hook: Receiver, event_type: str | None) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, hook.url, "sharing.*", "files.item.trashed.v1")
    body = {} if event_type is None else {"event_type": event_type}
    answer = await ask(hooked, ann, "POST", f"/{webhook['id']}/test", json=body)
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/webhooks/{webhook['id']}/deliveries/{answer.json()['id']}"
    await hooked.deliver_all()
    (call,) = hook.calls
    assert call.message["type"] == (event_type or "files.item.trashed.v1")
    assert call.message["data"]["test"] is True
    assert call.headers["webhook-id"] == call.message["data"]["event_id"] == answer.json()["event_id"]
    looked = (await ask(hooked, ann, "GET", answer.headers["location"].removeprefix("/v1/webhooks"))).json()
    assert (looked["status"], looked["payload"]) == ("delivered", call.message)


@pytest.mark.parametrize("event_type", ["auth.user.registered.v1", "files.*", "", 7])
async def test_a_test_of_what_webhooks_are_not_told_is_refused(hooked: Notifier, event_type: Any) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, "https://hooks.example.org/", "files.*")
    answer = await ask(hooked, ann, "POST", f"/{webhook['id']}/test", json={"event_type": event_type})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/event_type")


async def test_a_delivery_of_another_webhook_of_the_same_person_is_not_found_here(hooked: Notifier) -> None:
    ann = user_id()
    one, other = [await hooked.webhook(ann, "https://hooks.example.org/", "files.*") for _ in range(2)]
    made = (await ask(hooked, ann, "POST", f"/{one['id']}/test", json={})).json()
    for path in (f"/{other['id']}/deliveries/{made['id']}", f"/{one['id']}/deliveries/{new_id()}"):
        assert (await ask(hooked, ann, "GET", path)).status_code == 404
