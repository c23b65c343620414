"""A delivery per webhook and fact, exactly when the fact was handled: by type, item and rights, and once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from coffer_contracts.auth import UserDeletedV1
from coffer_contracts.files import ItemTrashedV1, UploadConflictedV1, UploadRejectedV1
from factories.events import NOON
from factories.notifier import Notifier
from factories.telling import Share, drive, registered, session_revoked, told, upload_ended, user_id, webhook_disabled

URL = "https://hooks.example.org/"


async def queued(notifier: Notifier, webhook: dict[str, Any]) -> list[str]:
    """The types of what waits for a webhook, in order."""
    rows = await notifier.rows(
        "SELECT event_type FROM webhook_deliveries WHERE webhook_id = :id ORDER BY created_at, id", id=webhook["id"]
    )
    return [row.event_type for row in rows]


async def test_a_fact_is_for_the_webhooks_that_ask_for_its_type(hooked: Notifier) -> None:
    ann = user_id()
    of_files = await hooked.webhook(ann, URL, "files.*")
    of_trash = await hooked.webhook(ann, URL, "files.item.trashed.v1", "sharing.*")
    of_all = await hooked.webhook(ann, URL, "*")
    off = await hooked.webhook(ann, URL, "*", enabled=False)
    file = drive(ann).below("a.txt")
    await hooked.handle(file.committed(), file.preview_ready(), file.as_(ItemTrashedV1))
    assert await queued(hooked, of_files) == ["files.item.committed.v1", "files.item.trashed.v1"]
    assert await queued(hooked, of_trash) == ["files.item.trashed.v1"]
    assert len(await queued(hooked, of_all)) == 3
    assert await queued(hooked, off) == []


async def test_a_fact_handled_again_is_matched_once(hooked: Notifier) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, URL, "*")
    fact = drive(ann).below("a.txt").committed()
    await hooked.handle(fact, fact)
    await hooked.forget_inbox()
    await hooked.handle(fact)
    await asyncio.gather(*(hooked.handle(fact) for _ in range(3)))
    assert await queued(hooked, webhook) == ["files.item.committed.v1"]


async def test_a_fact_whose_handling_was_undone_was_not_matched(hooked: Notifier) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, URL, "*")
    good, bad = drive(ann).below("a.txt").committed(), drive(ann).below("b\x00").committed()
    with pytest.raises(Exception, match="0x00"):
        await hooked.handle_together(good, bad)
    assert await queued(hooked, webhook) == []
    await hooked.handle(good)
    assert await queued(hooked, webhook) == ["files.item.committed.v1"]


async def test_facts_that_tell_nobody_anything_are_not_matched(hooked: Notifier) -> None:
    ann = user_id()
    webhook = await hooked.webhook(ann, URL, "*")
    root = drive(ann)
    await hooked.handle(root.created(), root.below("a.txt").changed())
    assert await queued(hooked, webhook) == []


async def test_a_fact_is_for_those_who_were_given_the_item_or_a_folder_above_it(hooked: Notifier) -> None:
    ann, bob, eve = user_id(), user_id(), user_id()
    of_bob, of_eve = await hooked.webhook(bob, URL, "files.*"), await hooked.webhook(eve, URL, "*")
    folder = drive(ann).below("Plans", "folder")
    before = folder.below("before.txt").committed()
    ended = Share(folder, eve, expires_at=NOON - timedelta(seconds=1))
    await hooked.handle(before, Share(folder, bob).granted(), ended.granted())
    await hooked.handle(folder.below("a.txt").committed(), drive(ann).below("other.txt").committed())
    assert await queued(hooked, of_bob) == ["files.item.committed.v1"]
    assert await queued(hooked, of_eve) == []


async def test_a_webhook_on_an_item_hears_of_what_lies_below_it_and_of_what_leaves(hooked: Notifier) -> None:
    ann, bob = user_id(), user_id()
    plans, trips = drive(ann).below("Plans", "folder"), drive(ann).below("Trips", "folder")
    inner = plans.below("Inner", "folder")
    file = inner.below("a.txt")
    on_plans = await hooked.webhook(ann, URL, "*", item_id=plans.id)
    on_file = await hooked.webhook(ann, URL, "*", item_id=file.id)
    await hooked.handle(plans.created(), trips.created(), inner.created(), file.committed())
    share = Share(inner, bob)
    moved = file.moved_to(trips)
    await hooked.handle(
        share.created(),
        upload_ended(inner, bob, UploadRejectedV1),
        trips.below("b.txt").committed(),
        session_revoked(user_id(), ann, NOON + timedelta(hours=1)),
        file.preview_ready(),
        moved.changed("parent_id", previous_parent_id=inner.id),
        moved.as_(ItemTrashedV1, sequence=3),
    )
    assert await queued(hooked, on_plans) == [
        "files.item.created.v1",
        "files.item.created.v1",
        "files.item.committed.v1",
        "sharing.share.created.v1",
        "files.upload.rejected.v1",
        "media.preview.ready.v1",
        "files.item.changed.v1",
    ]
    assert await queued(hooked, on_file) == [
        "files.item.committed.v1",
        "media.preview.ready.v1",
        "files.item.changed.v1",
        "files.item.trashed.v1",
    ]


async def test_uploads_concern_who_sent_them_and_the_owner_where_it_is_theirs_to_act(hooked: Notifier) -> None:
    ann, bob = user_id(), user_id()
    of_ann, of_bob = await hooked.webhook(ann, URL, "*"), await hooked.webhook(bob, URL, "*")
    folder = drive(ann)
    await hooked.handle(upload_ended(folder, bob, UploadConflictedV1), upload_ended(folder, bob, UploadRejectedV1))
    assert await queued(hooked, of_bob) == ["files.upload.conflicted.v1", "files.upload.rejected.v1"]
    assert await queued(hooked, of_ann) == ["files.upload.rejected.v1"]


async def test_that_one_was_turned_off_is_told_to_the_other_webhooks_of_its_owner(hooked: Notifier) -> None:
    ann = user_id()
    one, other = await hooked.webhook(ann, URL, "*"), await hooked.webhook(ann, URL, "notifier.*")
    fact = webhook_disabled(ann)
    await hooked.handle(fact.model_copy(update={"data": fact.data.model_copy(update={"webhook_id": one["id"]})}))
    assert await queued(hooked, one) == []
    assert await queued(hooked, other) == ["notifier.webhook.disabled.v1"]


async def test_sessions_concern_their_account_only(hooked: Notifier) -> None:
    ann, bob = user_id(), user_id()
    of_ann, of_bob = await hooked.webhook(ann, URL, "auth.*"), await hooked.webhook(bob, URL, "auth.*")
    await hooked.handle(session_revoked(user_id(), ann, NOON + timedelta(hours=1)))
    assert await queued(hooked, of_ann) == ["auth.session.revoked.v1"]
    assert await queued(hooked, of_bob) == []


@pytest.mark.slow
async def test_a_webhook_removed_at_the_same_moment_is_in_nobodys_way(hooked: Notifier) -> None:
    ann = user_id()
    webhooks = [await hooked.webhook(ann, URL, "*") for _ in range(8)]

    async def remove(webhook: dict[str, Any]) -> None:
        async with hooked.client(ann) as http:
            assert (await http.delete(f"/v1/webhooks/{webhook['id']}")).status_code == 204

    facts = [drive(ann).below(f"{number}.txt").committed() for number in range(8)]
    await asyncio.gather(*map(remove, webhooks), *(hooked.handle(fact) for fact in facts))
    left = await hooked.rows("SELECT 1 FROM webhook_deliveries JOIN webhooks w ON w.id = webhook_id WHERE user_id = :a", a=ann)
    assert left == []
    assert len(await hooked.activity(ann)) == 8


async def test_an_account_that_was_closed_for_good_has_no_webhooks_any_more(hooked: Notifier) -> None:
    ann, bob = user_id(), user_id()
    for person in (ann, bob):
        await hooked.webhook(person, URL, "*")
        await hooked.handle(drive(person).below("a.txt").committed())
    begun = registered(ann, f"ann{ann[-12:]}")
    gone = UserDeletedV1(**begun.data.model_dump() | {"status": "deleted"})
    await hooked.handle(begun, told(gone, sequence=2, source="/auth"), told(gone, sequence=2, source="/auth"))
    rows = "SELECT user_id FROM webhooks WHERE user_id IN (:ann, :bob)"
    assert [str(row.user_id) for row in await hooked.rows(rows, ann=ann, bob=bob)] == [bob]


async def test_a_batch_of_facts_is_matched_by_as_many_statements_as_one(hooked: Notifier) -> None:
    ann, bob = user_id(), user_id()
    notes: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        if "webhook" in statement:
            notes.append(statement)

    event.listen(hooked.engine.sync_engine, "before_cursor_execute", note)
    await hooked.handle_together(*(drive(ann).below(f"{number}.txt").committed() for number in range(10)))
    assert len(notes) == 1
    event.remove(hooked.engine.sync_engine, "before_cursor_execute", note)
    both = [await hooked.webhook(ann, URL, "files.*"), await hooked.webhook(ann, URL, "*")]
    of_bob = await hooked.webhook(bob, URL, "*")
    notes.clear()
    event.listen(hooked.engine.sync_engine, "before_cursor_execute", note)
    mine = [drive(ann).below(f"{number}.txt").committed() for number in range(10)]
    await hooked.handle_together(*mine, drive(bob).below("b.txt").committed())
    assert len(notes) == 2
    for webhook in both:
        assert len(await queued(hooked, webhook)) == 10
    assert len(await queued(hooked, of_bob)) == 1
