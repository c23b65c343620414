"""What happened can be read again for a week: as webhooks would be told of it, in order, without holes, by rights of now."""

import asyncio
from typing import Any

import pytest

from coffer_chassis.ids import new_id
from coffer_chassis.testing import eventually
from coffer_chassis.unit_of_work import write_down
from coffer_contracts.event import Envelope
from coffer_contracts.files import ItemTrashedV1, UploadRejectedV1
from coffer_notifier.domain.outside import OFFERED
from coffer_notifier.handlers import retelling
from coffer_notifier.handlers.cleaning import forget
from coffer_notifier.handlers.matching import match_webhooks
from coffer_notifier.store.tables import chassis
from factories.notifier import Notifier
from factories.receivers import Receiver
from factories.telling import Share, drive, registered, upload_ended, user_id

EVENTS = "/v1/events"


async def page(notifier: Notifier, user: str, status: int = 200, **query: Any) -> Any:
    async with notifier.client(user) as http:
        answer = await http.get(EVENTS, params=query)
    assert answer.status_code == status, answer.text
    return answer.json()


async def all_of(notifier: Notifier, user: str, **query: Any) -> list[dict[str, Any]]:
    """Every page."""
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        found = await page(notifier, user, **query, **({"cursor": cursor} if cursor else {}))
        items += found["items"]
        cursor = found["next_cursor"]
        if cursor is None:
            return items


async def came(notifier: Notifier, user: str, *facts: Envelope[Any]) -> None:
    """Have the facts come; once they are decided for this reader, whatever else runs in the store."""
    await notifier.handle(*facts)

    async def decided() -> bool:
        return {fact.id for fact in facts} <= {one["data"]["event_id"] for one in await all_of(notifier, user)}

    await eventually(decided, within_seconds=20)


def names(items: list[dict[str, Any]]) -> list[str]:
    return [one["data"]["name"] for one in items]


async def test_it_is_told_as_a_webhook_is_told_and_without_one(hooked: Notifier, hook: Receiver) -> None:
    ann = user_id()
    await hooked.webhook(ann, hook.url, "*")
    root = drive(ann)
    await came(hooked, ann, *(root.below(f"{number}.txt").committed() for number in range(3)))
    await hooked.deliver_all()
    sent = [call.message for call in hook.calls]
    for message in sent:
        del message["data"]["subscription_id"], message["data"]["subscription_sequence"]
    assert sorted(sent, key=str) == sorted(await all_of(hooked, ann), key=str)
    bob = user_id()
    await came(hooked, bob, drive(bob).below("b.txt").committed())
    assert names(await all_of(hooked, bob)) == ["b.txt"]


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
async def test_pages_lead_through_all_of_it_once_and_in_order(hooked: Notifier, limit: int) -> None:
    ann = user_id()
    await came(hooked, ann, *(drive(ann).below(f"{number}.txt").committed() for number in range(5)))
    assert names(await all_of(hooked, ann, limit=limit)) == [f"{number}.txt" for number in range(5)]


async def test_after_an_event_comes_what_came_next(hooked: Notifier) -> None:
    ann = user_id()
    facts = [drive(ann).below(f"{number}.txt").committed() for number in range(4)]
    await came(hooked, ann, *facts)
    assert names(await all_of(hooked, ann, after=facts[1].id)) == ["2.txt", "3.txt"]
    assert await all_of(hooked, ann, after=facts[3].id) == []
    first = await page(hooked, ann, after=facts[0].id, limit=1)
    rest = await page(hooked, ann, after=facts[0].id, cursor=first["next_cursor"])
    assert names(rest["items"]) == ["2.txt", "3.txt"]


async def test_types_and_subjects_narrow_it(hooked: Notifier) -> None:
    ann = user_id()
    root = drive(ann)
    file, other = root.below("a.txt"), root.below("b.txt")
    facts = [file.committed(), other.committed(), file.as_(ItemTrashedV1), Share(other, user_id()).created()]
    await came(hooked, ann, *facts)

    async def ids(**query: Any) -> list[str]:
        return [one["data"]["event_id"] for one in await all_of(hooked, ann, **query)]

    assert await ids(types="files.*") == [fact.id for fact in facts[:3]]
    assert await ids(types="files.item.trashed.v1, sharing.*") == [fact.id for fact in facts[2:]]
    assert await ids(types="*") == [fact.id for fact in facts]
    assert await ids(types="auth.*") == []
    assert await ids(subject=f"item/{file.id}") == [facts[0].id, facts[2].id]
    assert await ids(subject=f"item/{file.id}", types="*", limit=1) == [facts[0].id, facts[2].id]
    assert await ids(subject=f"item/{new_id()}") == []


async def test_others_are_told_what_they_may_see_now_and_nothing_else(hooked: Notifier) -> None:
    ann, bob, eve = user_id(), user_id(), user_id()
    root = drive(ann)
    folder, private = root.below("Plans", "folder"), root.below("private.txt")
    share = Share(folder, bob)
    await hooked.handle(root.created(), folder.created(), private.committed(), share.granted())
    shared, inner = folder.below("shared.txt"), folder.below("Inner", "folder")
    await came(hooked, ann, shared.committed(), inner.created(), inner.below("deep.txt").committed())
    items = await all_of(hooked, bob)
    assert names(items) == ["shared.txt", "Inner", "deep.txt"]
    assert await all_of(hooked, eve) == []
    await hooked.handle(share.removed())
    await came(hooked, bob, share.revoked())
    assert [one["type"] for one in await all_of(hooked, bob)] == ["sharing.share.revoked.v1"]
    assert names(await all_of(hooked, ann, types="files.item.committed.v1")) == ["private.txt", "shared.txt", "deep.txt"]


async def test_what_lies_between_for_others_makes_pages_shorter_and_leads_on(
    hooked: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retelling, "CHUNK", 2)
    monkeypatch.setattr(retelling, "MOST_LOOKED_AT", 4)
    ann, bob = user_id(), user_id()
    root = drive(ann)
    folder = root.below("Plans", "folder")
    share = Share(folder, bob)
    await hooked.handle(root.created(), folder.created(), share.granted())
    await came(hooked, ann, *(folder.below(f"{number}.txt").committed() for number in range(9)))
    await hooked.handle(share.removed())
    again = Share(folder.below("kept.txt"), bob)
    await hooked.handle(again.granted())
    kept = again.item.committed()
    await came(hooked, bob, kept)
    pages, cursor = [], None
    while True:
        found = await page(hooked, bob, limit=1, **({"cursor": cursor} if cursor else {}))
        pages.append(names(found["items"]))
        cursor = found["next_cursor"]
        if cursor is None:
            break
    assert [name for found in pages for name in found] == ["kept.txt"]
    narrowed = await page(hooked, ann, limit=1, subject=f"item/{kept.data.item_id}")
    assert narrowed["items"] == []
    assert narrowed["next_cursor"] is not None, "more lies behind what was looked at"
    assert len(await all_of(hooked, ann, limit=1, subject=f"item/{kept.data.item_id}")) == 1


async def test_a_purge_and_a_rejected_upload_are_told_to_whom_webhooks_tell_them(hooked: Notifier) -> None:
    ann, bob = user_id(), user_id()
    root = drive(ann)
    folder = root.below("Plans", "folder")
    await hooked.handle(root.created(), folder.created(), Share(folder, bob).granted())
    file = folder.below("a.txt")
    purged = file.purged()
    rejected = upload_ended(folder, bob, UploadRejectedV1)
    await came(hooked, ann, purged, rejected)
    assert [one["data"]["event_id"] for one in await all_of(hooked, bob)] == [rejected.id]


async def test_a_fact_that_comes_again_is_told_once(hooked: Notifier) -> None:
    ann = user_id()
    fact = drive(ann).below("a.txt").committed()
    await hooked.handle(fact, fact)
    await hooked.forget_inbox()
    await asyncio.gather(*(hooked.handle(fact) for _ in range(3)))
    await came(hooked, ann, fact)
    assert len(await all_of(hooked, ann)) == 1


async def test_what_was_undone_was_not_kept(hooked: Notifier) -> None:
    ann = user_id()
    good, bad = drive(ann).below("a.txt").committed(), drive(ann).below("b\x00").committed()
    with pytest.raises(Exception, match="0x00"):
        await hooked.handle_together(good, bad)
    assert await all_of(hooked, ann) == []
    await came(hooked, ann, good)


async def test_a_late_commit_is_not_skipped(hooked: Notifier) -> None:
    ann = user_id()
    late, quick = drive(ann).below("late.txt").committed(), drive(ann).below("quick.txt").committed()
    async with hooked.engine.begin() as connection:
        unit = hooked.deps.work.unit_on(connection, cause=late)
        await match_webhooks(late, unit)
        await write_down(connection, chassis, [unit])
        await hooked.handle(quick)
        assert await all_of(hooked, ann) == [], "what stands before it is not decided yet"
        assert await all_of(hooked, ann, after=quick.id) == []
    await came(hooked, ann)

    async def both() -> bool:
        return names(await all_of(hooked, ann, after=quick.id)) == ["late.txt", "quick.txt"] or (
            names(await all_of(hooked, ann)) == ["late.txt", "quick.txt"]
        )

    await eventually(both, within_seconds=20)


async def test_after_a_week_it_is_forgotten_and_cursors_say_so(hooked: Notifier) -> None:
    ann = user_id()
    facts = [drive(ann).below(f"{number}.txt").committed() for number in range(3)]
    await came(hooked, ann, *facts)
    cursor = (await page(hooked, ann, limit=1))["next_cursor"]
    hooked.clock.advance(days=7, minutes=20)
    assert (await page(hooked, ann))["items"] == []
    await page(hooked, ann, limit=1, cursor=cursor)
    hooked.clock.advance(minutes=15)
    assert (await page(hooked, ann, 410, limit=1, cursor=cursor))["code"] == "cursor_expired"
    hooked.clock.advance(hours=2)
    await forget(hooked.deps)
    await forget(hooked.deps)
    assert (await page(hooked, ann, 410, after=facts[0].id))["code"] == "cursor_expired"
    ids = [fact.id for fact in facts]
    assert await hooked.rows("SELECT 1 FROM facts WHERE event_id = ANY(:ids)", ids=ids) == []
    assert await hooked.rows("SELECT 1 FROM fact_keys WHERE key = :ann", ann=ann) == []
    await hooked.forget_inbox()
    await hooked.handle(facts[0])
    assert await hooked.rows("SELECT 1 FROM facts WHERE event_id = ANY(:ids)", ids=ids) == [], "nothing old becomes new"


async def test_a_cursor_of_another_store_is_no_cursor_of_this_one(hooked: Notifier) -> None:
    ann = user_id()
    await came(hooked, ann, *(drive(ann).below(f"{number}.txt").committed() for number in range(2)))
    cursor = (await page(hooked, ann, limit=1))["next_cursor"]
    assert (await page(hooked, user_id(), 400, limit=1, cursor=cursor))["code"] == "cursor_invalid"
    assert (await page(hooked, ann, 400, limit=1, cursor=cursor, types="*"))["code"] == "cursor_invalid"


async def test_an_account_that_was_closed_is_told_nothing(hooked: Notifier) -> None:
    ann = user_id()
    await hooked.handle(registered(ann))
    await came(hooked, ann, drive(ann).below("a.txt").committed())
    await hooked.handle(registered(ann, status="suspended").model_copy(update={"sequence": "000000000002"}))
    assert await all_of(hooked, ann) == []


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"types": "files.item.exploded.v1"}, 422, "validation_failed"),
        ({"types": "files.item.downloaded.v1"}, 422, "validation_failed"),
        ({"types": ""}, 422, "validation_failed"),
        ({"types": ",".join(["*"] * 51)}, 422, "validation_failed"),
        ({"subject": ""}, 422, "validation_failed"),
        ({"subject": "item/\x00"}, 422, "validation_failed"),
        ({"subject": "x" * 300}, 422, "validation_failed"),
        ({"after": "x"}, 422, "validation_failed"),
        ({"after": "01a1f8b4-7c00-7b12-9a3e-4d5c6b7a8999"}, 410, "cursor_expired"),
        ({"cursor": "x"}, 400, "cursor_invalid"),
    ],
)
async def test_refuses_what_it_does_not_know(hooked: Notifier, query: dict[str, str], status: int, code: str) -> None:
    assert (await page(hooked, user_id(), status, **query))["code"] == code


async def test_as_many_types_may_be_named_as_a_webhook_may_have(hooked: Notifier) -> None:
    ann = user_id()
    assert (await page(hooked, ann, types=",".join(list(OFFERED)[:50])))["items"] == []
