"""What goes into queues of subscribers: judged, numbered without holes, in order by subject, tried again, turned off."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from coffer_contracts.files import ItemTrashedV1
from coffer_contracts.notifier import WebhookDisabledV1
from coffer_notifier.domain.queues import QueueLetter
from coffer_notifier.domain.webhooks import FAILING_FOR, LEASE, SCHEDULE
from coffer_notifier.handlers.cleaning import forget
from coffer_notifier.handlers.deps import Answer
from coffer_notifier.handlers.sending import deliver_due
from factories.notifier import ACCOUNT, CaughtQueues, Notifier
from factories.receivers import Receiver
from factories.telling import Item, Share, drive, registered, told, user_id, webhook_disabled


def attributes(letter: QueueLetter) -> dict[str, str]:
    """Its attributes by name."""
    return {name: value for name, _, value in letter.attributes}


def numbers(letters: list[QueueLetter]) -> list[int]:
    """Their places in what was told."""
    return [int(attributes(letter)["sequence"]) for letter in letters]


def names(letters: list[QueueLetter]) -> list[str]:
    """What they are about."""
    return [json.loads(letter.body)["data"].get("name") for letter in letters]


async def see(notifier: Notifier, person: str, subscription: dict[str, Any], after: int = 0, **query: Any) -> Any:
    """What a subscription was told."""
    async with notifier.client(person) as http:
        return await http.get(f"/v1/subscriptions/{subscription['id']}/events", params={"after": after, **query})


async def replay(notifier: Notifier, person: str, subscription: dict[str, Any], **body: Any) -> Any:
    """Ask for a range to be sent again."""
    async with notifier.client(person) as http:
        return await http.post(f"/v1/subscriptions/{subscription['id']}/replay", json=body)


class Killed(BaseException):
    """The process is gone."""


class Dying(CaughtQueues):
    """Queues that are sent to by a process that dies after that."""

    def __init__(self, within: CaughtQueues) -> None:
        super().__init__()
        self.within = within

    async def send(self, arn: str, letter: QueueLetter) -> Answer:
        """See Queues."""
        await self.within.send(arn, letter)
        raise Killed


async def test_a_fact_is_put_into_the_queue_with_its_type_and_number(notifier: Notifier) -> None:
    ann = user_id()
    queue = await notifier.queue(ann, "files.*")
    file = drive(ann).below("a.txt")
    fact = file.committed()
    await notifier.handle(fact)
    await notifier.deliver_all()
    await notifier.deliver_all()
    (letter,) = notifier.queues.to(queue["address"])
    body = json.loads(letter.body)
    assert (body["type"], body["data"]["name"]) == ("files.item.committed.v1", "a.txt")
    assert (body["data"]["subscription_id"], body["data"]["subscription_sequence"]) == (queue["id"], 1)
    said = attributes(letter)
    assert (said["type"], said["sequence"], said["id"]) == ("files.item.committed.v1", "1", fact.id)
    assert said["traceparent"].startswith("00-")
    assert (letter.line, letter.once) == (f"item/{file.id}", fact.id)
    assert len(letter.attributes) <= 10


async def test_webhooks_are_numbered_as_well(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, hook.url, "*")
    await hooked.handle(*(drive(ann).below(f"{number}").committed() for number in range(3)))
    await hooked.deliver_all()
    assert sorted(call.message["data"]["subscription_sequence"] for call in hook.calls) == [1, 2, 3]
    page = (await see(hooked, ann, webhook)).json()
    assert [one["sequence"] for one in page["items"]] == [1, 2, 3]


async def test_numbers_have_no_holes_where_something_may_not_be_told(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    queue = await notifier.queue(bob, "files.*")
    folder = drive(ann).below("Plans", "folder")
    share = Share(folder, bob)
    await notifier.handle(folder.created(), share.granted(), folder.below("seen.txt").committed())
    await notifier.deliver_all()
    await notifier.handle(folder.below("missed.txt").committed(), share.removed())
    await notifier.deliver_all()
    again = Share(folder, bob)
    await notifier.handle(again.granted(), folder.below("after.txt").committed())
    await notifier.deliver_all()
    letters = notifier.queues.to(queue["address"])
    assert (names(letters), numbers(letters)) == (["seen.txt", "after.txt"], [1, 2])


async def test_several_processes_number_everything_once_and_without_holes(notifier: Notifier) -> None:
    people = [user_id() for _ in range(3)]
    queues = [await notifier.queue(person) for person in people]
    for person in people:
        facts = [drive(person).below(f"{number}").committed() for number in range(12)]
        await notifier.handle(*facts)
        await notifier.forget_inbox()
        await notifier.handle(*facts[:4])
    for _ in range(4):
        await asyncio.gather(*(deliver_due(notifier.deps) for _ in range(5)))
    await notifier.deliver_all()
    for queue in queues:
        letters = notifier.queues.to(queue["address"])
        assert sorted(numbers(letters)) == list(range(1, 13))
        assert len({letter.once for letter in letters}) == 12


async def test_what_is_told_of_one_subject_keeps_its_order_also_while_something_fails(notifier: Notifier) -> None:
    ann = user_id()
    queue = await notifier.queue(ann)
    arn = queue["address"]
    file, other = drive(ann).below("a.txt"), drive(ann).below("b.txt")
    moves = [file.as_(ItemTrashedV1, sequence=number) for number in (2, 3, 4)]
    notifier.queues.failing[arn] = "throttled"
    await notifier.handle(file.committed())
    await notifier.deliver_all()
    notifier.queues.failing.clear()
    # The oldest waits for its next attempt: what comes after it stays behind it, and the rest goes on.
    await notifier.handle_together(moves[2], moves[0], other.committed(), moves[1])
    await notifier.deliver_all()
    assert names(notifier.queues.to(arn)) == ["b.txt"]
    notifier.clock.advance(seconds=7)
    for _ in range(5):
        await notifier.deliver_all()
    letters = [letter for letter in notifier.queues.to(arn) if letter.line == f"item/{file.id}"]
    assert [json.loads(letter.body)["data"]["sequence"] for letter in letters] == [1, 2, 3, 4]
    assert numbers(letters) == sorted(numbers(letters))
    assert sorted(numbers(notifier.queues.to(arn))) == [1, 2, 3, 4, 5]


async def test_a_message_whose_sender_died_comes_again_under_the_same_number_and_id(notifier: Notifier) -> None:
    ann = user_id()
    queue = await notifier.queue(ann)
    await notifier.handle(drive(ann).below("a.txt").committed())
    with pytest.raises(Killed):
        await deliver_due(replace(notifier.deps, queues=Dying(notifier.queues)))
    notifier.clock.advance(seconds=LEASE.total_seconds())
    await notifier.deliver_all()
    first, second = notifier.queues.to(queue["address"])
    assert (first.once, first.line, attributes(first)["sequence"]) == (second.once, second.line, "1")
    assert attributes(second)["sequence"] == "1"


@pytest.mark.slow
@pytest.mark.parametrize("word", ["queue_gone", "access_denied", "key_denied", "timeout", "throttled", "not_connected"])
async def test_a_queue_that_refuses_is_tried_again_and_says_why(notifier: Notifier, word: str) -> None:
    ann = user_id()
    queue = await notifier.queue(ann)
    notifier.queues.failing[queue["address"]] = word
    await notifier.handle(drive(ann).below("a.txt").committed())
    await notifier.deliver_all()
    path = f"/v1/subscriptions/{queue['id']}"
    async with notifier.client(ann) as http:
        (shown,) = (await http.get(f"{path}/deliveries")).json()["items"]
        assert (shown["status"], shown["error"], shown["response_status"]) == ("queued", word, None)
        assert (await http.get(path)).json()["failing_since"] is not None
    notifier.queues.failing.clear()
    notifier.clock.advance(seconds=SCHEDULE[1].total_seconds() * 1.2)
    await notifier.deliver_all()
    assert numbers(notifier.queues.to(queue["address"])) == [1]


async def test_what_is_too_large_for_a_queue_is_given_up_at_once_and_holds_up_nothing(notifier: Notifier) -> None:
    ann = user_id()
    queue = await notifier.queue(ann)
    file = drive(ann).below("a.txt")
    notifier.queues.failing[queue["address"]] = "too_large"
    await notifier.handle(file.committed())
    await notifier.deliver_all()
    notifier.queues.failing.clear()
    await notifier.handle(file.as_(ItemTrashedV1, sequence=2))
    await notifier.deliver_all()
    assert numbers(notifier.queues.to(queue["address"])) == [2]
    page = (await see(notifier, ann, queue)).json()
    assert [one["sequence"] for one in page["items"]] == [1, 2], "the gap can be closed"


async def test_a_queue_that_fails_for_days_is_turned_off_and_its_owner_is_told(notifier: Notifier) -> None:
    ann = user_id()
    await notifier.handle(registered(ann, f"ann{ann[-12:]}"))
    queue = await notifier.queue(ann)
    notifier.queues.failing[queue["address"]] = "queue_gone"
    await notifier.handle(drive(ann).below("a.txt").committed())
    await notifier.deliver_all()
    notifier.clock.advance(seconds=FAILING_FOR.total_seconds())
    await notifier.handle(drive(ann).below("b.txt").committed())
    await notifier.deliver_all()
    rows = await notifier.rows(
        "SELECT body FROM outbox WHERE type = :type ORDER BY id DESC LIMIT 1", type=WebhookDisabledV1.type
    )
    fact = json.loads(rows[0].body)["data"]
    assert (fact["queue_arn"], fact["host"]) == (queue["address"], "sqs.eu-central-1.amazonaws.com")
    assert fact["reason"] == "failing"
    async with notifier.client(ann) as http:
        shown = (await http.get(f"/v1/subscriptions/{queue['id']}")).json()
        assert (shown["state"], shown["disabled_for"]) == ("off", "failing")
        notifier.queues.failing.clear()
        await notifier.handle(drive(ann).below("c.txt").committed())
        await http.patch(f"/v1/subscriptions/{queue['id']}", json={"enabled": True})
        since = (notifier.clock.now() - timedelta(days=6)).isoformat()
        answer = await http.post(f"/v1/subscriptions/{queue['id']}/recover", json={"since": since})
        assert answer.json() == {"queued": 3}
    await notifier.deliver_all()
    letters = notifier.queues.to(queue["address"])
    assert sorted(zip(numbers(letters), names(letters), strict=True)) == [(1, "a.txt"), (2, "b.txt"), (3, "c.txt")]


async def test_the_mail_and_the_notice_speak_of_a_queue(notifier: Notifier) -> None:
    ann = user_id()
    await notifier.handle(registered(ann, f"ann{ann[-12:]}"))
    arn = f"arn:aws:sqs:eu-central-1:{ACCOUNT}:gone"
    off = webhook_disabled(ann)
    await notifier.handle(off.model_copy(update={"data": off.data.model_copy(update={"queue_arn": arn})}))
    (notice,) = (await notifier.feed(ann))["items"]
    assert notice["title"] == "What was sent to your queue “gone” was turned off after days of failure"
    await notifier.post_all()
    mail = message_from_bytes(notifier.post.sent[-1][1], policy=default)
    assert mail["Subject"] == "Your queue is sent nothing any more"
    text = mail.get_body(("plain",))
    assert text is not None
    assert arn in text.get_content()


async def test_what_was_told_is_listed_by_number_and_judged_again(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    queue = await notifier.queue(bob, "files.*")
    folder, other = drive(ann).below("Plans", "folder"), drive(ann).below("Trips", "folder")
    share = Share(folder, bob)
    await notifier.handle(folder.created(), other.created(), share.granted(), Share(other, bob).granted())
    await notifier.handle(*(place.below(f"{number}.txt").committed() for number, place in enumerate((folder, other, folder))))
    await notifier.deliver_all()
    await notifier.handle(share.removed())
    whole = (await see(notifier, bob, queue)).json()
    assert whole["last_sequence"] == 3
    assert [(one["sequence"], one["message"] is None) for one in whole["items"]] == [(1, True), (2, False), (3, True)]
    shown = whole["items"][1]
    assert shown["message"]["data"]["name"] == "1.txt"
    assert shown["message"]["data"]["subscription_sequence"] == 2
    assert (whole["items"][0]["event_type"], shown["event_type"]) == (None, "files.item.committed.v1")
    assert [one["sequence"] for one in (await see(notifier, bob, queue, 1, limit=1)).json()["items"]] == [2]
    assert (await see(notifier, bob, queue, 3)).json()["items"] == []
    assert (await see(notifier, bob, queue, 99)).json()["items"] == []
    assert (await see(notifier, ann, queue)).status_code == 404
    assert (await see(notifier, bob, queue, -1)).status_code == 422


async def test_what_is_too_long_ago_is_gone_and_that_is_said(notifier: Notifier) -> None:
    ann = user_id()
    queue = await notifier.queue(ann)
    await notifier.handle(*(drive(ann).below(f"{number}.txt").committed() for number in range(2)))
    await notifier.deliver_all()
    notifier.clock.advance(days=20)
    await notifier.handle(drive(ann).below("new.txt").committed())
    await notifier.deliver_all()
    notifier.clock.advance(days=11)
    await forget(notifier.deps)
    refused = await see(notifier, ann, queue, 1)
    assert (refused.status_code, refused.json()["code"], refused.json()["oldest_sequence"]) == (410, "events_forgotten", 3)
    assert (await replay(notifier, ann, queue, after=0)).json()["code"] == "events_forgotten"
    assert [one["sequence"] for one in (await see(notifier, ann, queue, 2)).json()["items"]] == [3]
    notifier.clock.advance(days=20)
    await forget(notifier.deps)
    assert (await see(notifier, ann, queue, 0)).json()["oldest_sequence"] == 4
    assert (await see(notifier, ann, queue, 3)).json() == {"items": [], "last_sequence": 3}


async def test_a_hole_in_the_middle_of_a_range_is_said_and_not_passed_over(notifier: Notifier) -> None:
    """Rows go by the age of their facts, numbers come with the first attempt: what waited for long may go before the others."""
    ann = user_id()
    queue = await notifier.queue(ann)
    await notifier.handle(*(drive(ann).below(f"{number}.txt").committed() for number in range(4)))
    await notifier.deliver_all()
    older = "UPDATE webhook_deliveries SET created_at = created_at - interval '60 days' WHERE webhook_id = :id AND number = 3"
    await notifier.rows(f"{older} RETURNING 1", id=queue["id"])
    await forget(notifier.deps)
    for after, until in ((0, 4), (1, 3), (2, None), (0, None)):
        refused = await replay(notifier, ann, queue, after=after, until=until)
        assert (refused.status_code, refused.json()["oldest_sequence"]) == (410, 4), (after, until)
    assert [one["sequence"] for one in (await see(notifier, ann, queue, 0)).json()["items"]] == [1, 2]
    assert (await see(notifier, ann, queue, 2)).json()["oldest_sequence"] == 4
    assert (await replay(notifier, ann, queue, after=0, until=2)).json() == {"queued": 2}
    assert (await replay(notifier, ann, queue, after=3)).json() == {"queued": 1}


async def test_a_range_is_sent_again_with_its_numbers_and_another_deduplication(notifier: Notifier) -> None:
    ann = user_id()
    queue = await notifier.queue(ann)
    arn = queue["address"]
    await notifier.handle(*(drive(ann).below(f"{number}.txt").committed() for number in range(5)))
    await notifier.deliver_all()
    before = {attributes(letter)["sequence"]: letter for letter in notifier.queues.to(arn)}
    notifier.queues.sent.clear()
    answer = await replay(notifier, ann, queue, after=1, until=4)
    assert (answer.status_code, answer.json()) == (202, {"queued": 3})
    assert (await replay(notifier, ann, queue, after=1, until=4)).json() == {"queued": 0}, "it waits already"
    await notifier.deliver_all()
    again = notifier.queues.to(arn)
    assert sorted(numbers(again)) == [2, 3, 4]
    for letter in again:
        old = before[attributes(letter)["sequence"]]
        assert (letter.body, attributes(letter)["id"]) == (old.body, attributes(old)["id"])
        assert letter.once == f"{old.once}.1", "or a FIFO queue would drop it for five minutes"
    assert (await replay(notifier, ann, queue, after=4)).json() == {"queued": 1}
    assert (await replay(notifier, ann, queue, after=5)).json() == {"queued": 0}


@pytest.mark.parametrize("body", [{"after": 3, "until": 3}, {"after": 3, "until": 2}, {"after": -1}, {}, {"after": "all"}])
async def test_a_range_that_is_none_is_refused(notifier: Notifier, body: dict[str, Any]) -> None:
    ann = user_id()
    queue = await notifier.queue(ann)
    assert (await replay(notifier, ann, queue, **body)).status_code == 422


async def test_no_more_than_so_many_are_sent_again_at_once_and_none_while_it_is_off(notifier: Notifier) -> None:
    ann = user_id()
    queue = await notifier.queue(ann)
    await notifier.rows("UPDATE webhooks SET last_number = 20000 WHERE id = :id RETURNING 1", id=queue["id"])
    refused = await replay(notifier, ann, queue, after=0)
    assert refused.json()["errors"][0]["code"] == "too_many"
    async with notifier.client(ann) as http:
        await http.patch(f"/v1/subscriptions/{queue['id']}", json={"enabled": False})
    assert (await replay(notifier, ann, queue, after=0)).json()["state"] == "disabled"
    assert (await replay(notifier, user_id(), queue, after=0)).status_code == 404


async def test_a_queue_on_a_folder_hears_of_what_lies_below_it(notifier: Notifier) -> None:
    ann = user_id()
    plans: Item = drive(ann).below("Plans", "folder")
    queue = await notifier.queue(ann, "files.item.committed.v1", item_id=plans.id)
    await notifier.handle(plans.created(), plans.below("in.txt").committed(), drive(ann).below("out.txt").committed())
    await notifier.deliver_all()
    assert names(notifier.queues.to(queue["address"])) == ["in.txt"]


async def test_a_test_message_has_no_number_and_makes_no_hole(notifier: Notifier) -> None:
    ann = user_id()
    queue = await notifier.queue(ann)
    async with notifier.client(ann) as http:
        assert (await http.post(f"/v1/subscriptions/{queue['id']}/test", json={})).status_code == 202
    await notifier.deliver_all()
    await notifier.handle(drive(ann).below("a.txt").committed())
    await notifier.deliver_all()
    trial, real = notifier.queues.to(queue["address"])
    assert json.loads(trial.body)["data"]["test"] is True
    assert "sequence" not in attributes(trial)
    assert attributes(real)["sequence"] == "1"


async def test_an_account_that_is_off_is_told_nothing(notifier: Notifier) -> None:
    ann = user_id()
    begun = registered(ann, f"ann{ann[-12:]}")
    await notifier.handle(begun)
    queue = await notifier.queue(ann)
    off = begun.data.model_copy(update={"status": "suspended"})
    await notifier.handle(drive(ann).below("a.txt").committed(), told(off, sequence=2, source="/auth"))
    await notifier.deliver_all()
    assert notifier.queues.to(queue["address"]) == []
