"""Deliveries: signed, tried again on schedule, once in the ordinary case, and never to somebody who may not be told."""

import asyncio
from base64 import b64decode
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from coffer_chassis.ids import new_id
from coffer_contracts.auth import UserChangedV1
from coffer_contracts.files import ItemTrashedV1
from coffer_contracts.notifier import WebhookDisabledV1
from coffer_notifier.domain.signatures import secret_key, signature_of
from coffer_notifier.domain.webhooks import ENTRIES, FAILING_FOR, HELD_FOR, LEASE, SCHEDULE, places_for
from coffer_notifier.handlers import delivering
from coffer_notifier.handlers.claiming import Room, claim_due
from coffer_notifier.handlers.cleaning import forget, measure
from coffer_notifier.handlers.delivering import deliver_all
from coffer_notifier.handlers.deps import Answer
from coffer_notifier.handlers.sending import deliver_due
from coffer_notifier.store import deliveries
from coffer_notifier.vault import Vault
from factories.linked import came, link_fact
from factories.notifier import Notifier
from factories.receivers import Call, Receiver, receiver
from factories.telling import Item, Share, drive, registered, told, user_id, webhook_disabled


def genuine(call: Call, *secrets: str) -> bool:
    """Whether a request carries a signature for each of the secrets, newest first, and no other."""
    head = call.headers
    keys = [secret_key(secret) for secret in secrets]
    return head["webhook-signature"] == signature_of(keys, head["webhook-id"], int(head["webhook-timestamp"]), call.body)


async def delivery(notifier: Notifier, event_id: str) -> Any:
    """The row of the one delivery of a fact."""
    (row,) = await notifier.rows("SELECT * FROM webhook_deliveries WHERE event_id = :id", id=event_id)
    return row


class Killed(BaseException):
    """The process is gone."""


class Dying:
    """Receivers that are called, or not, by a process that dies at that moment."""

    def __init__(self, within: Any, *, after: bool) -> None:
        self.within = within
        self.after = after

    def accept(self, url: str) -> str:
        """See Receivers."""
        return str(self.within.accept(url))

    async def post(self, *arguments: Any) -> Answer:
        """See Receivers."""
        if self.after:
            await self.within.post(*arguments)
        raise Killed


async def test_a_fact_is_told_once_signed_and_thin(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, hook.url, "files.*")
    fact = drive(ann).below("a.txt").committed()
    await hooked.handle(fact)
    await hooked.deliver_all()
    await hooked.deliver_all()
    (call,) = hook.calls
    assert genuine(call, webhook["secret"])
    assert call.headers["webhook-id"] == fact.id
    assert call.headers["content-type"] == "application/json"
    assert int(call.headers["webhook-timestamp"]) == int(hooked.clock.now().timestamp())
    assert call.message["type"] == "files.item.committed.v1"
    assert call.message["data"]["name"] == "a.txt"
    row = await delivery(hooked, fact.id)
    assert (row.state, row.attempts, row.last_status, row.last_error) == ("delivered", 1, 200, None)
    assert row.latency_ms is not None
    assert "thanks" in row.log[0]["response_head"]


async def test_several_processes_deliver_each_once(hooked: Notifier, hook: Receiver) -> None:
    people = [user_id() for _ in range(6)]
    for person in people:
        await hooked.webhook(person, hook.url, "*")
        await hooked.handle(*(drive(person).below(f"{number}").committed() for number in range(3)))
    await asyncio.gather(*(deliver_due(hooked.deps) for _ in range(6)))
    await hooked.deliver_all()
    assert len(hook.calls) == 18
    assert len({call.headers["webhook-id"] for call in hook.calls}) == 18


async def test_a_failure_is_tried_again_on_schedule_under_the_same_id_and_given_up_in_the_end(
    hooked: Notifier, hook: Receiver
) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, hook.url, "*")
    hook.status = 503
    fact = drive(ann).below("a.txt").committed()
    await hooked.handle(fact)
    for number, wait in enumerate(SCHEDULE):
        hooked.clock.advance(seconds=wait.total_seconds() - 1)
        assert number == 0 or await deliver_due(hooked.deps) == 0, "not before its time"
        hooked.clock.advance(seconds=1 + wait.total_seconds() * 0.2)
        await hooked.deliver_all()
        assert len(hook.calls) == number + 1
    row = await delivery(hooked, fact.id)
    assert (row.state, row.attempts, row.last_status, row.last_error) == ("failed", 10, 503, "status_503")
    assert [entry["attempt"] for entry in row.log] == list(range(1, 11))
    assert {call.headers["webhook-id"] for call in hook.calls} == {fact.id}
    assert len({call.body for call in hook.calls}) == 1
    assert len({call.headers["webhook-timestamp"] for call in hook.calls}) == 10, "the time of the attempt"
    assert all(genuine(call, webhook["secret"]) for call in hook.calls)


async def test_a_receiver_is_left_alone_as_long_as_it_asks_for(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    await hooked.webhook(ann, hook.url, "*")
    hook.status, hook.answers = 429, {"Retry-After": "600"}
    fact = drive(ann).below("a.txt").committed()
    await hooked.handle(fact)
    await hooked.deliver_all()
    row = await delivery(hooked, fact.id)
    assert row.not_before == hooked.clock.now() + timedelta(seconds=600)


@pytest.mark.parametrize("status", [199 + 1, 201, 204, 299])
async def test_any_2xx_is_a_yes(hooked: Notifier, hook: Receiver, status: int) -> None:
    ann = user_id()
    await hooked.webhook(ann, hook.url, "*")
    hook.status, hook.body = status, b""
    fact = drive(ann).below("a.txt").committed()
    await hooked.handle(fact)
    await hooked.deliver_all()
    assert (await delivery(hooked, fact.id)).state == "delivered"


@pytest.mark.parametrize("status", [300, 302, 307, 400, 404, 500])
async def test_anything_else_is_a_no(hooked: Notifier, hook: Receiver, status: int) -> None:
    ann = user_id()
    await hooked.webhook(ann, hook.url, "*")
    hook.status, hook.answers = status, {"Location": hook.url}
    fact = drive(ann).below("a.txt").committed()
    await hooked.handle(fact)
    await hooked.deliver_all()
    row = await delivery(hooked, fact.id)
    assert (row.state, row.last_error, len(hook.calls)) == ("queued", f"status_{status}", 1)


async def test_while_a_secret_is_replaced_both_sign_and_then_the_new_one_alone(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, hook.url, "*")
    async with hooked.client(ann) as http:
        new = (await http.post(f"/v1/webhooks/{webhook['id']}/rotate-secret")).json()["secret"]
    folder = drive(ann)
    await hooked.handle(folder.below("a").committed())
    await hooked.deliver_all()
    hooked.clock.advance(hours=24)
    await hooked.handle(folder.below("b").committed())
    await hooked.deliver_all()
    first, second = hook.calls
    assert genuine(first, new, webhook["secret"])
    assert genuine(second, new)


async def test_a_claim_whose_process_died_is_taken_over_when_it_lapses(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    await hooked.webhook(ann, hook.url, "*")
    fact = drive(ann).below("a.txt").committed()
    await hooked.handle(fact)
    dying = replace(hooked.deps, receivers=Dying(hooked.deps.receivers, after=False))
    with pytest.raises(Killed):
        await deliver_due(dying)
    assert (await delivery(hooked, fact.id)).state == "sending"
    assert await deliver_due(hooked.deps) == 0, "it may still be on its way"
    hooked.clock.advance(seconds=LEASE.total_seconds())
    await hooked.deliver_all()
    assert len(hook.calls) == 1
    assert (await delivery(hooked, fact.id)).state == "delivered"


async def test_a_delivery_whose_processes_always_die_is_given_up(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    await hooked.webhook(ann, hook.url, "*")
    fact = drive(ann).below("a.txt").committed()
    await hooked.handle(fact)
    await hooked.rows(
        "UPDATE webhook_deliveries SET attempts = 10, state = 'sending' WHERE event_id = :id RETURNING 1", id=fact.id
    )
    hooked.clock.advance(seconds=LEASE.total_seconds())
    await hooked.deliver_all()
    row = await delivery(hooked, fact.id)
    assert (row.state, row.last_error, hook.calls) == ("failed", "too_many_attempts", [])


async def test_the_one_window_in_which_a_fact_is_told_twice_keeps_its_id(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    await hooked.webhook(ann, hook.url, "*")
    fact = drive(ann).below("a.txt").committed()
    await hooked.handle(fact)
    with pytest.raises(Killed):
        await deliver_due(replace(hooked.deps, receivers=Dying(hooked.deps.receivers, after=True)))
    hooked.clock.advance(seconds=LEASE.total_seconds())
    await hooked.deliver_all()
    assert [call.headers["webhook-id"] for call in hook.calls] == [fact.id, fact.id]


async def test_a_receiver_that_wants_no_more_is_left_alone_and_its_owner_is_told(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, hook.url, "*")
    hook.status = 410
    fact, later = drive(ann).below("a.txt").committed(), drive(ann).below("b.txt").committed()
    await hooked.handle(fact)
    await hooked.deliver_all()
    await hooked.handle(later)
    assert (await delivery(hooked, fact.id)).state == "failed"
    assert await hooked.rows("SELECT 1 FROM webhook_deliveries WHERE event_id = :id", id=later.id) == []
    async with hooked.client(ann) as http:
        shown = (await http.get(f"/v1/webhooks/{webhook['id']}")).json()
    assert (shown["enabled"], shown["disabled_for"]) == (False, "gone")
    await tell(hooked, webhook["id"])
    (notice,) = (await hooked.feed(ann))["items"]
    assert notice["type"] == "webhook_disabled"
    assert notice["title"] == "Your webhook to “127.0.0.1” was turned off, because its receiver wants no more"
    assert hook.url not in str(notice)


@pytest.mark.parametrize(
    ("reason", "locale", "says"),
    [
        ("failing", "en", "no request to it had succeeded for five days"),
        ("gone", "de-AT", "dass er keine Anfragen mehr will"),
        ("a word of the future", "en", "no request to it had succeeded for five days"),
    ],
)
async def test_the_owner_of_a_webhook_that_was_turned_off_gets_one_mail(
    hooked: Notifier, reason: str, locale: str, says: str
) -> None:
    ann = user_id()
    name = f"ann{ann[-12:]}"
    fact = webhook_disabled(ann, reason)
    await hooked.handle(registered(ann, name, locale=locale), fact, fact)
    await hooked.post_all()
    (raw,) = [mail for to, mail in hooked.post.sent if to == f"{name}@example.org"]
    text: Any = message_from_bytes(raw, policy=default)
    body = text.get_body(("plain",)).get_content()
    assert says in " ".join(body.split())
    assert "hooks.example.org" in body
    assert "https://coffer.example.org/app/settings/webhooks" in body


async def tell(notifier: Notifier, webhook_id: str) -> None:
    """Hear the fact that lies in the outbox about a webhook, twice."""
    (row,) = await notifier.rows("SELECT body FROM outbox WHERE subject = :subject", subject=f"webhook/{webhook_id}")
    fact = WebhookDisabledV1.model_validate_json(row.body.partition('"data":')[2][:-1])
    heard = told(fact, source="/notifier", kind="system")
    await notifier.handle(heard, heard)


async def test_a_webhook_that_fails_for_days_is_turned_off_and_misses_nothing_for_a_while(
    hooked: Notifier, hook: Receiver
) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, hook.url, "*")
    hook.status = 500
    folder = drive(ann)
    facts = [folder.below(f"{number}.txt").committed() for number in range(4)]
    await hooked.handle(facts[0])
    await hooked.deliver_all()
    hooked.clock.advance(seconds=FAILING_FOR.total_seconds())
    await hooked.handle(facts[1])
    await hooked.deliver_all()
    await hooked.handle(facts[2])
    async with hooked.client(ann) as http:
        shown = (await http.get(f"/v1/webhooks/{webhook['id']}")).json()
        assert (shown["enabled"], shown["disabled_for"]) == (False, "failing")
        made = len(hook.calls)
        hooked.clock.advance(seconds=60)
        await hooked.deliver_all()
        assert len(hook.calls) == made, "nothing is sent any more"
        assert {(await delivery(hooked, fact.id)).state for fact in facts[1:3]} == {"held"}
        await tell(hooked, webhook["id"])
        assert (await hooked.feed(ann))["items"][0]["title"].endswith("was turned off after days of failure")
        hook.status = 200
        turned_on = (await http.patch(f"/v1/webhooks/{webhook['id']}", json={"enabled": True})).json()
        assert (turned_on["enabled"], turned_on["disabled_for"], turned_on["failing_since"]) == (True, None, None)
        await hooked.deliver_all()
        assert len(hook.calls) == made, "not before somebody asks for it"
        since = {"since": "2020-01-01T00:00:00Z"}
        assert (await http.post(f"/v1/webhooks/{webhook['id']}/recover", json=since)).json() == {"queued": 3}
    await hooked.deliver_all()
    assert {call.headers["webhook-id"] for call in hook.calls[made:]} == {fact.id for fact in facts[:3]}


async def test_what_comes_long_after_it_was_turned_off_is_not_kept(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, hook.url, "*")
    await hooked.rows(
        "UPDATE webhooks SET enabled = false, disabled_for = 'failing', disabled_at = :at WHERE id = :id RETURNING id",
        at=hooked.clock.now(),
        id=webhook["id"],
    )
    kept, late = drive(ann).below("a").committed(), drive(ann).below("b").committed()
    await hooked.handle(kept)
    hooked.clock.advance(seconds=HELD_FOR.total_seconds() + 1)
    await hooked.handle(late)
    assert (await delivery(hooked, kept.id)).state == "held"
    assert await hooked.rows("SELECT 1 FROM webhook_deliveries WHERE event_id = :id", id=late.id) == []


async def test_one_success_ends_the_count_of_days(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, hook.url, "*")
    hook.statuses = [500, 200, 500]
    for number in range(3):
        await hooked.handle(drive(ann).below(f"{number}").committed())
        await hooked.deliver_all()
        hooked.clock.advance(seconds=1)
    (row,) = await hooked.rows("SELECT enabled, failing_since FROM webhooks WHERE id = :id", id=webhook["id"])
    assert row.enabled
    assert row.failing_since == hooked.clock.now() - timedelta(seconds=1)


class Sharing:
    """Ann shared a folder with Bob, who has a webhook."""

    def __init__(self) -> None:
        self.ann, self.bob = user_id(), user_id()
        self.root = drive(self.ann)
        self.folder = self.root.below("Plans", "folder")
        self.share = Share(self.folder, self.bob)

    async def begin(self, notifier: Notifier, hook: Receiver) -> None:
        await notifier.webhook(self.bob, hook.url, "*")
        await notifier.handle(self.root.created(), self.folder.created(), self.share.granted())

    def file(self) -> Item:
        return self.folder.below("a.txt")


async def test_who_lost_the_right_before_it_was_sent_is_not_told(hooked: Notifier, hook: Receiver) -> None:
    story = Sharing()
    await story.begin(hooked, hook)
    fact = story.file().committed()
    await hooked.handle(fact, story.share.removed())
    await hooked.deliver_all()
    assert hook.calls == []
    row = await delivery(hooked, fact.id)
    assert (row.state, row.last_error, row.body) == ("withheld", "not_visible", None)


async def test_who_loses_the_right_between_two_attempts_is_not_told_either(hooked: Notifier, hook: Receiver) -> None:
    story = Sharing()
    await story.begin(hooked, hook)
    hook.status = 500
    fact = story.file().committed()
    await hooked.handle(fact)
    await hooked.deliver_all()
    hook.status = 200
    await hooked.handle(story.share.removed())
    hooked.clock.advance(minutes=1)
    await hooked.deliver_all()
    assert len(hook.calls) == 1
    assert (await delivery(hooked, fact.id)).state == "withheld"


async def test_who_made_a_link_is_told_of_it_only_while_they_see_what_it_leads_to(hooked: Notifier, hook: Receiver) -> None:
    story = Sharing()
    await story.begin(hooked, hook)
    ann, bob, folder = story.ann, story.bob, story.folder
    with receiver() as owner:
        await hooked.webhook(ann, owner.url, "sharing.link.*")
        kinds = ("changed", "downloaded", "unlock_failed", "disabled")
        await hooked.handle(*(link_fact(kind, folder, bob) for kind in ("created", "downloaded")))
        await hooked.deliver_all()
        assert sorted(hook.types) == sorted(owner.types) == ["sharing.link.created.v1", "sharing.link.downloaded.v1"]
        await hooked.handle(story.share.removed(), *(link_fact(kind, folder, bob) for kind in kinds))
        await hooked.deliver_all()
        assert len(hook.types) == 2, "what the folder is called by now is not for them"
        assert sorted(owner.types[2:]) == sorted(f"sharing.link.{kind}.v1" for kind in kinds)


async def test_who_sees_a_file_but_not_the_folder_is_not_told_what_came_through_a_link_to_it(
    hooked: Notifier, hook: Receiver
) -> None:
    ann, bob = user_id(), user_id()
    root = drive(ann)
    folder = root.below("Inbox", "folder")
    file, other = folder.below("a.pdf"), folder.below("b.pdf")
    whole = Share(folder, bob)
    await hooked.webhook(bob, hook.url, "sharing.link.*")
    await hooked.handle(root.created(), folder.created(), file.committed(), other.committed(), Share(file, bob).granted())
    hidden = came(folder, file, user_id(), created_by=bob)
    await hooked.handle(hidden)
    await hooked.deliver_all()
    assert hook.calls == []
    assert (await delivery(hooked, hidden.id)).last_error == "not_visible"
    await hooked.handle(whole.granted(), came(folder, other, user_id(), created_by=bob))
    await hooked.deliver_all()
    assert hook.types == ["sharing.link.uploaded.v1"]


async def test_a_share_that_expired_meanwhile_tells_nothing(hooked: Notifier, hook: Receiver) -> None:
    ann, bob = user_id(), user_id()
    folder = drive(ann).below("Plans", "folder")
    share = Share(folder, bob, expires_at=hooked.clock.now() + timedelta(seconds=10))
    await hooked.webhook(bob, hook.url, "files.*")
    fact = folder.below("a.txt").committed()
    await hooked.handle(share.granted(), fact)
    hooked.clock.advance(seconds=10)
    await hooked.deliver_all()
    assert (await delivery(hooked, fact.id)).state == "withheld"


async def test_folders_above_what_was_shared_stay_unnamed(hooked: Notifier, hook: Receiver) -> None:
    story = Sharing()
    await story.begin(hooked, hook)
    await hooked.handle(story.folder.changed("name", previous_name="Old"), story.file().committed())
    await hooked.deliver_all()
    told_of = {call.message["type"]: call.message["data"] for call in hook.calls}
    assert told_of["files.item.changed.v1"]["parent_id"] is None
    assert told_of["files.item.committed.v1"]["parent_id"] == story.folder.id
    assert story.root.id not in str(told_of)


async def test_what_was_purged_is_told_to_its_owner_with_its_id_and_to_nobody_else(hooked: Notifier, hook: Receiver) -> None:
    story = Sharing()
    await story.begin(hooked, hook)
    file = story.file()
    with receiver() as of_ann:
        await hooked.webhook(story.ann, of_ann.url, "files.item.purged.v1")
        await hooked.handle(file.committed(), file.as_(ItemTrashedV1, sequence=2), file.purged())
        await hooked.deliver_all()
        (call,) = of_ann.calls
    assert call.message["data"]["item_id"] == file.id
    assert "files.item.purged.v1" not in hook.types


async def test_a_recipient_hears_of_a_share_also_before_its_grant_and_of_its_end(hooked: Notifier, hook: Receiver) -> None:
    ann, bob = user_id(), user_id()
    share = Share(drive(ann).below("Plans", "folder"), bob)
    await hooked.webhook(bob, hook.url, "sharing.*")
    await hooked.handle(share.created(at=hooked.clock.now()))
    await hooked.deliver_all()
    await hooked.handle(share.granted(), share.changed("role"), share.removed(), share.revoked())
    await hooked.deliver_all()
    assert hook.types == ["sharing.share.created.v1", "sharing.share.revoked.v1"], "the change came when nothing was seen"


async def test_nobody_else_hears_of_a_share(hooked: Notifier, hook: Receiver) -> None:
    story = Sharing()
    await story.begin(hooked, hook)
    await hooked.handle(Share(story.folder, user_id()).created())
    await hooked.deliver_all()
    assert hook.calls == []


async def test_a_closed_account_is_told_nothing(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    begun = registered(ann, f"ann{ann[-12:]}")
    await hooked.webhook(ann, hook.url, "*")
    closed = begun.data.model_dump() | {"status": "suspended", "changes": ("status",)}
    fact = drive(ann).below("a.txt").committed()
    await hooked.handle(begun, fact, told(UserChangedV1(**closed), sequence=2, source="/auth"))
    await hooked.deliver_all()
    assert (hook.calls, (await delivery(hooked, fact.id)).last_error) == ([], "account_inactive")


async def test_secrets_sealed_with_another_setting_are_a_failure_and_no_wrong_signature(
    hooked: Notifier, hook: Receiver
) -> None:
    ann = user_id()
    await hooked.webhook(ann, hook.url, "*")
    fact = drive(ann).below("a.txt").committed()
    await hooked.handle(fact)
    await deliver_due(replace(hooked.deps, vault=Vault(b"x" * 32)))
    row = await delivery(hooked, fact.id)
    assert (hook.calls, row.state, row.last_error) == ([], "failed", "no_secret")


async def test_secrets_are_sealed_in_the_store_and_bound_to_their_webhook(hooked: Notifier) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, "https://hooks.example.org/", "*")
    (row,) = await hooked.rows("SELECT * FROM webhooks WHERE id = :id", id=webhook["id"])
    key = b64decode(webhook["secret"].removeprefix("whsec_"))
    assert key not in row.sealed_secret
    assert hooked.deps.vault.open(webhook["id"], row.sealed_secret) == key
    other: Any = new_id()
    with pytest.raises(Exception, match="WEBHOOK_KEY_SECRET"):
        hooked.deps.vault.open(other, row.sealed_secret)


@pytest.mark.slow
async def test_the_log_of_a_delivery_stays_bounded(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, hook.url, "*")
    fact = drive(ann).below("a.txt").committed()
    await hooked.handle(fact)
    row = await delivery(hooked, fact.id)
    async with hooked.client(ann) as http:
        for _ in range(ENTRIES + 3):
            await hooked.deliver_all()
            path = f"/v1/webhooks/{webhook['id']}/deliveries/{row.id}/redeliver"
            assert (await http.post(path)).status_code == 202
    row = await delivery(hooked, fact.id)
    assert len(row.log) == ENTRIES
    assert len(hook.calls) == ENTRIES + 3
    assert {call.headers["webhook-id"] for call in hook.calls} == {fact.id}


async def test_deliveries_are_forgotten_in_time(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    await hooked.webhook(ann, hook.url, "*")
    fact = drive(ann).below("a.txt").committed()
    await hooked.handle(fact)
    await measure(hooked.deps)
    hooked.clock.advance(days=29)
    await forget(hooked.deps)
    assert (await delivery(hooked, fact.id)).state == "queued"
    hooked.clock.advance(days=1, seconds=1)
    await forget(hooked.deps)
    assert await hooked.rows("SELECT 1 FROM webhook_deliveries WHERE event_id = :id", id=fact.id) == []


async def test_a_notice_of_a_webhook_that_was_turned_off_stays_whatever_is_shared(hooked: Notifier) -> None:
    bob = user_id()
    await hooked.handle(webhook_disabled(bob, "a word of the future"))
    (notice,) = (await hooked.feed(bob))["items"]
    assert notice["title"] == "Your webhook to “hooks.example.org” was turned off after days of failure"


async def test_a_fact_that_cannot_be_judged_holds_up_no_other(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, hook.url, "*")
    good, odd = drive(ann).below("a.txt").committed(), drive(ann).below("odd.txt").committed()
    await hooked.rows(
        """
        INSERT INTO webhook_deliveries (id, webhook_id, event_id, event_type, fact, state, not_before, created_at, log)
        VALUES (gen_random_uuid(), :webhook, :event, :type, :fact, 'queued', :past, :past, '[]') RETURNING 1
        """,
        webhook=webhook["id"],
        event=odd.id,
        type=odd.type,
        fact=odd.to_json().replace(odd.data.item_id, "no id"),
        past=hooked.clock.now() - timedelta(minutes=1),
    )
    await hooked.handle(good)
    await hooked.deliver_all()
    assert [call.headers["webhook-id"] for call in hook.calls] == [good.id]
    row = await delivery(hooked, odd.id)
    assert (row.state, row.attempts, row.last_error) == ("queued", 1, "internal")
    assert row.not_before > hooked.clock.now()
    for _ in range(len(SCHEDULE)):
        hooked.clock.advance(hours=29)
        await hooked.deliver_all()
    row = await delivery(hooked, odd.id)
    assert (row.state, row.last_error) == ("failed", "too_many_attempts")
    assert len(hook.calls) == 1


@pytest.mark.parametrize("status", [410, 500])
async def test_a_new_address_does_not_inherit_how_long_the_old_one_failed(
    hooked: Notifier, hook: Receiver, status: int
) -> None:
    ann = user_id()
    with receiver() as old:
        old.status = 500
        webhook = await hooked.webhook(ann, old.url, "*")
        await hooked.handle(drive(ann).below("a.txt").committed())
        await hooked.deliver_all()
        hooked.clock.advance(seconds=FAILING_FOR.total_seconds())
        old.status = status
        claim = await claim_due(hooked.deps, Room(places_for(8)))
        async with hooked.client(ann) as http:
            changed = await http.patch(f"/v1/webhooks/{webhook['id']}", json={"url": hook.url})
        assert changed.status_code == 200
        assert changed.json()["failing_since"] is None
        await deliver_all(hooked.deps, claim.claimed)  # the old address answers only now
        assert len(old.calls) == 2
    (row,) = await hooked.rows("SELECT enabled, failing_since, proven FROM webhooks WHERE id = :id", id=webhook["id"])
    assert (row.enabled, row.failing_since, row.proven) == (True, None, False)
    hook.status = 500
    await hooked.handle(drive(ann).below("b.txt").committed())
    await hooked.deliver_all()
    (row,) = await hooked.rows("SELECT enabled, failing_since FROM webhooks WHERE id = :id", id=webhook["id"])
    assert (row.enabled, row.failing_since) == (True, hooked.clock.now())


async def test_a_yes_of_the_old_address_proves_nothing_of_the_new_one(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, hook.url, "*")
    fact = drive(ann).below("a.txt").committed()
    await hooked.handle(fact)
    claim = await claim_due(hooked.deps, Room(places_for(8)))
    async with hooked.client(ann) as http:
        await http.patch(f"/v1/webhooks/{webhook['id']}", json={"url": f"{hook.url}/new"})
    await deliver_all(hooked.deps, claim.claimed)
    assert (await delivery(hooked, fact.id)).state == "delivered"
    (row,) = await hooked.rows("SELECT proven FROM webhooks WHERE id = :id", id=webhook["id"])
    assert not row.proven


@pytest.mark.parametrize("status", [200, 500])
async def test_a_store_that_is_away_for_a_moment_makes_nothing_come_twice(
    hooked: Notifier, hook: Receiver, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    hook.status = status
    await hooked.webhook(ann := user_id(), hook.url, "*")
    fact = drive(ann).below("a.txt").committed()
    await hooked.handle(fact)
    settle, failures = deliveries.settle, [OSError("the store is away"), OSError("still")]

    async def away(*arguments: Any, **values: Any) -> bool:
        if failures:
            raise failures.pop()
        return await settle(*arguments, **values)

    monkeypatch.setattr(deliveries, "settle", away)
    monkeypatch.setattr(delivering, "SETTLE_PAUSES", (0, 0))
    await hooked.deliver_all()
    row = await delivery(hooked, fact.id)
    assert (row.state, row.attempts, len(row.log)) == ("delivered" if status == 200 else "queued", 1, 1)
    hooked.clock.advance(seconds=LEASE.total_seconds() if status == 200 else 0)
    await hooked.deliver_all()
    assert len(hook.calls) == 1


async def test_after_the_setting_was_lost_a_rotated_secret_signs_at_once(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, hook.url, "*")
    hooked.deps = replace(hooked.deps, vault=Vault(b"\x01" * 32))
    hooked.__dict__.pop("app", None)
    async with hooked.client(ann) as http:
        rotated = (await http.post(f"/v1/webhooks/{webhook['id']}/rotate-secret")).json()["secret"]
    fact = drive(ann).below("a.txt").committed()
    await hooked.handle(fact)
    await hooked.deliver_all()
    assert (await delivery(hooked, fact.id)).state == "delivered"
    assert genuine(hook.calls[0], rotated)
