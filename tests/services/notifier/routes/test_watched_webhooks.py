"""Operators see whose webhooks fail, with what and how much waits; nobody else does, and nobody sees where they go in full."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from coffer_notifier.domain.webhooks import FAILING_FOR
from coffer_notifier.store import watched_webhooks
from factories.notifier import Notifier
from factories.receivers import Receiver
from factories.sending import flood
from factories.telling import drive, user_id


@pytest.fixture
async def alone(hooked: Notifier) -> AsyncIterator[Notifier]:
    """The notifier without the webhooks of other tests."""
    await hooked.rows("DELETE FROM webhooks RETURNING 1")
    yield hooked
    await hooked.rows("DELETE FROM webhooks RETURNING 1")


async def listed(notifier: Notifier, **query: Any) -> Any:
    async with notifier.operators() as http:
        answer = await http.get("/v1/admin/notifier/webhooks", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def failed(notifier: Notifier, hook: Receiver, status: int = 503, more: int = 0) -> tuple[str, dict[str, Any]]:
    """Somebody whose receiver answered like that, with more that waits."""
    person = user_id()
    webhook = await notifier.webhook(person, f"{hook.url}?token=hidden", "*")
    hook.status = status
    await notifier.handle(drive(person).below("a.txt").committed())
    await notifier.deliver_all()
    hook.status = 200
    if more:
        await flood(notifier, hook.url, more, person=person)
    return person, webhook


async def test_a_webhook_that_fails_is_listed_until_it_works_again(alone: Notifier, hook: Receiver) -> None:
    healthy = user_id()
    await alone.webhook(healthy, hook.url, "*")
    await alone.handle(drive(healthy).below("b.txt").committed())
    await alone.deliver_all()
    assert (await listed(alone))["items"] == []
    ann, webhook = await failed(alone, hook, more=3)
    (item,) = (await listed(alone))["items"]
    assert item == {
        "id": webhook["id"],
        "owner_id": ann,
        "kind": "webhook",
        "host": "127.0.0.1",
        "queue_arn": None,
        "enabled": True,
        "trouble": "failing",
        "disabled_for": None,
        "disabled_at": None,
        "failing_since": "2026-11-20T12:00:00.000Z",
        "last_failed_at": "2026-11-20T12:00:00.000Z",
        "last_error": "status_503",
        "waiting": 4,
        "oldest_waiting_at": "2026-11-20T12:00:00.000Z",
        "taken_down": None,
    }
    alone.clock.advance(minutes=10)
    await alone.deliver_all()
    assert (await listed(alone))["items"] == []
    rows = await alone.rows("SELECT last_error, last_failed_at FROM webhooks WHERE id = :id", id=webhook["id"])
    assert tuple(rows[0]) == (None, None)


async def test_a_queue_that_fails_is_listed_by_its_host(alone: Notifier) -> None:
    ann = user_id()
    queue = await alone.queue(ann)
    alone.queues.failing[queue["address"]] = "access_denied"
    await alone.handle(drive(ann).below("a.txt").committed())
    await alone.deliver_all()
    (item,) = (await listed(alone))["items"]
    assert (item["kind"], item["host"]) == ("queue", "sqs.eu-central-1.amazonaws.com")
    assert (item["id"], item["last_error"], item["queue_arn"]) == (queue["id"], "access_denied", queue["address"])


@pytest.mark.slow
async def test_what_coffer_turned_off_is_listed_apart_and_what_its_owner_turned_off_is_not(
    alone: Notifier, hook: Receiver
) -> None:
    gone, _ = await failed(alone, hook, 410)
    failing, _ = await failed(alone, hook, 500)
    owner, webhook = await failed(alone, hook, 500)
    async with alone.client(owner) as http:
        assert (await http.patch(f"/v1/webhooks/{webhook['id']}", json={"enabled": False})).status_code == 200
    apart = {trouble: (await listed(alone, trouble=trouble))["items"] for trouble in ("failing", "turned_off")}
    assert [item["owner_id"] for item in apart["failing"]] == [failing]
    assert [(item["owner_id"], item["disabled_for"], item["last_error"]) for item in apart["turned_off"]] == [
        (gone, "gone", "status_410")
    ]
    assert {item["owner_id"] for item in (await listed(alone))["items"]} == {gone, failing}
    assert [item["owner_id"] for item in (await listed(alone, user_id=gone))["items"]] == [gone]


@pytest.mark.slow
async def test_those_without_a_success_for_longest_come_first_page_by_page(alone: Notifier, hook: Receiver) -> None:
    people = []
    for _ in range(5):
        people.append((await failed(alone, hook, 500))[0])
        alone.clock.advance(hours=1)
    seen, cursor = [], None
    for expected in (2, 2, 1):
        page = await listed(alone, limit=2, trouble="failing", **({"cursor": cursor} if cursor else {}))
        assert len(page["items"]) == expected
        seen += [item["owner_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == people
    assert cursor is None


async def test_a_queue_that_fails_is_listed_too(alone: Notifier) -> None:
    ann = user_id()
    queue = await alone.queue(ann)
    alone.queues.failing[queue["address"]] = "queue_gone"
    await alone.handle(drive(ann).below("a.txt").committed())
    await alone.deliver_all()
    alone.queues.failing.clear()
    (item,) = (await listed(alone))["items"]
    assert (item["kind"], item["queue_arn"], item["host"]) == ("queue", queue["address"], "sqs.eu-central-1.amazonaws.com")
    assert (item["owner_id"], item["last_error"], item["waiting"]) == (ann, "queue_gone", 1)


async def test_a_new_address_is_no_longer_in_trouble(alone: Notifier, hook: Receiver) -> None:
    ann, webhook = await failed(alone, hook, 500)
    async with alone.client(ann) as http:
        await http.patch(f"/v1/webhooks/{webhook['id']}", json={"url": f"{hook.url}/new"})
    assert (await listed(alone))["items"] == []


async def test_so_much_that_waits_is_counted_and_no_more(
    alone: Notifier, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched_webhooks, "MOST_COUNTED", 3)
    await failed(alone, hook, 500, more=10)
    assert (await listed(alone))["items"][0]["waiting"] == 3


async def test_one_that_failed_for_days_is_off_and_says_since_when(alone: Notifier, hook: Receiver) -> None:
    ann, _ = await failed(alone, hook, 500)
    alone.clock.advance(seconds=(FAILING_FOR + timedelta(hours=1)).total_seconds())
    hook.status = 502
    await alone.deliver_all()
    (item,) = (await listed(alone))["items"]
    assert (item["owner_id"], item["trouble"], item["disabled_for"], item["last_error"], item["waiting"]) == (
        ann,
        "turned_off",
        "failing",
        "status_502",
        0,
    )
    assert item["failing_since"] < item["disabled_at"]


async def test_nothing_of_an_address_but_its_host_is_shown(alone: Notifier, hook: Receiver) -> None:
    await failed(alone, hook, 500)
    assert "hidden" not in str(await listed(alone))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("token", "query", "status"),
    [
        ("person", {}, 403),
        ("operator", {"trouble": "other"}, 422),
        ("operator", {"user_id": "x"}, 422),
        ("operator", {"cursor": "x"}, 400),
    ],
)
async def test_refuses_others_and_what_it_does_not_know(
    hooked: Notifier, token: str, query: dict[str, str], status: int
) -> None:
    async with hooked.operators(token) as http:
        assert (await http.get("/v1/admin/notifier/webhooks", params=query)).status_code == status
