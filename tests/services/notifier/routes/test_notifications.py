"""The feed over HTTP: what is shown and counted, marked and removed, and to whom."""

from datetime import timedelta
from typing import Any

import pytest

from coffer_chassis.ids import new_id
from coffer_contracts.files import ItemTrashedV1, UploadRejectedV1
from coffer_notifier.handlers import feed
from factories.events import NOON
from factories.notifier import Notifier
from factories.telling import Share, drive, registered, upload_ended, user_id


async def shared(notifier: Notifier, count: int) -> tuple[str, list[Share]]:
    """Somebody who was given so many things, one a minute."""
    ann, bob = user_id(), user_id()
    root = drive(ann)
    shares = [Share(root.below(f"{number}"), bob) for number in range(count)]
    for number, share in enumerate(shares):
        await notifier.handle(share.item.committed(), share.granted(), share.created(at=NOON + timedelta(minutes=number)))
    return bob, shares


def names(page: dict[str, Any]) -> list[str]:
    return [notice["item"]["name"] for notice in page["items"]]


async def test_a_notice_says_who_what_which_and_when(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    share = Share(drive(ann).below("Plans", "folder"), bob, "editor", NOON + timedelta(days=1))
    await notifier.handle(registered(ann, "ann", display_name="Ann Lee"), share.granted(), share.created(message="Hi"))
    (notice,) = (await notifier.feed(bob))["items"]
    assert notice | {"id": ""} == {
        "id": "",
        "type": "share_received",
        "title": "Ann Lee shared “Plans” with you",
        "actor": {"id": ann, "username": "ann", "display_name": "Ann Lee"},
        "item": {"id": share.item.id, "kind": "folder", "name": "Plans"},
        "data": {"share_id": share.id, "role": "editor", "message": "Hi", "expires_at": "2026-11-21T12:00:00.000000Z"},
        "created_at": "2026-11-20T12:00:00.000Z",
        "read_at": None,
    }
    assert (await notifier.feed(ann))["items"] == []


async def test_pages_follow_each_other_newest_first(notifier: Notifier) -> None:
    bob, _ = await shared(notifier, 7)
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = await notifier.feed(bob, limit=3, **cursor)
        assert page["unread_count"] == 7
        seen += names(page)
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


async def test_a_cursor_is_for_its_reader_and_its_filter_only(notifier: Notifier) -> None:
    bob, _ = await shared(notifier, 2)
    cursor = (await notifier.feed(bob, limit=1))["next_cursor"]
    for user, query in ((user_id(), {}), (bob, {"unread": "true"})):
        async with notifier.client(user) as http:
            answer = await http.get("/v1/notifications", params={"cursor": cursor, **query})
        assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")


async def test_reading_is_marked_once_and_for_the_reader_only(notifier: Notifier) -> None:
    bob, _ = await shared(notifier, 3)
    ids = [notice["id"] for notice in (await notifier.feed(bob))["items"]]
    async with notifier.client(user_id()) as eve:
        assert (await eve.post("/v1/notifications/read", json={"ids": ids})).status_code == 204
        assert (await eve.post("/v1/notifications/read", json={"up_to": ids[0]})).status_code == 404
        assert (await eve.delete(f"/v1/notifications/{ids[0]}")).status_code == 204
    assert (await notifier.feed(bob))["unread_count"] == 3
    async with notifier.client(bob) as http:
        for _ in range(2):
            answer = await http.post("/v1/notifications/read", json={"ids": [ids[1], new_id()]})
            assert answer.status_code == 204
            page = await notifier.feed(bob)
            assert page["unread_count"] == 2
        first_read = page["items"][1]["read_at"]
        notifier.clock.advance(minutes=1)
        assert (await http.post("/v1/notifications/read", json={"up_to": ids[1].upper()})).status_code == 204
        page = await notifier.feed(bob)
        assert [notice["read_at"] is None for notice in page["items"]] == [True, False, False]
        assert page["items"][1]["read_at"] == first_read, "the first time counts"
        assert (await notifier.feed(bob, unread="true"))["items"] == page["items"][:1]
        assert (await http.post("/v1/notifications/read-all")).status_code == 204
        assert (await http.post("/v1/notifications/read-all")).status_code == 204
    assert (await notifier.feed(bob))["unread_count"] == 0


async def test_a_notice_that_was_removed_does_not_come_back(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    share = Share(drive(ann).below("a"), bob)
    fact = share.created(message="private words")
    await notifier.handle(share.granted(), fact)
    notice_id = (await notifier.feed(bob))["items"][0]["id"]
    async with notifier.client(bob) as http:
        for _ in range(2):
            assert (await http.delete(f"/v1/notifications/{notice_id}")).status_code == 204
        assert (await http.delete("/v1/notifications/nonsense")).status_code == 404
        assert (await http.post("/v1/notifications/read", json={"up_to": notice_id})).status_code == 204
    await notifier.forget_inbox()
    await notifier.handle(fact)
    page = await notifier.feed(bob)
    assert (page["items"], page["unread_count"]) == ([], 0)
    rows = await notifier.rows("SELECT data, item_name FROM notices WHERE id = :id", id=notice_id)
    assert rows == [({}, None)]


ABSENT = "0193439e-8a5c-7000-8000-00000000dead"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": ["x"]},
        {"ids": None},
        {"ids": [], "up_to": ABSENT},
        {"up_to": "1"},
        {"ids": [ABSENT] * 1001},
        {"all": True},
    ],
    ids=lambda body: str(body)[:40],
)
async def test_refuses_to_mark_what_it_cannot_read(notifier: Notifier, body: dict[str, Any]) -> None:
    async with notifier.client(user_id()) as http:
        answer = await http.post("/v1/notifications/read", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_a_thousand_ids_at_once_and_none(notifier: Notifier) -> None:
    async with notifier.client(user_id()) as http:
        for ids in ([], [new_id() for _ in range(1000)]):
            assert (await http.post("/v1/notifications/read", json={"ids": ids})).status_code == 204


async def test_what_one_may_no_longer_see_is_neither_shown_nor_counted_but_its_loss_is(notifier: Notifier) -> None:
    bob, shares = await shared(notifier, 3)
    gone, kept, trashed = shares
    await notifier.handle(gone.removed(), gone.revoked(at=NOON + timedelta(hours=1)))
    await notifier.handle(trashed.item.as_(ItemTrashedV1))
    page = await notifier.feed(bob)
    assert [(notice["type"], notice["item"]["name"]) for notice in page["items"]] == [
        ("share_revoked", gone.item.name),
        ("share_received", kept.item.name),
    ]
    assert page["unread_count"] == 2


async def test_a_share_that_expires_takes_its_notice_along_by_itself(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    share = Share(drive(ann).below("a"), bob, expires_at=NOON + timedelta(hours=2))
    await notifier.handle(share.granted(), share.created())
    assert len((await notifier.feed(bob))["items"]) == 1
    notifier.clock.advance(hours=2)
    assert (await notifier.feed(bob))["items"] == []


async def test_a_notice_that_came_before_its_grant_is_believed_for_a_while(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    share = Share(drive(ann).below("a"), bob)
    await notifier.handle(share.created())
    assert len((await notifier.feed(bob))["items"]) == 1
    notifier.clock.advance(hours=2)
    assert (await notifier.feed(bob))["items"] == []
    await notifier.handle(share.granted())
    assert len((await notifier.feed(bob))["items"]) == 1
    await notifier.handle(share.removed())
    assert (await notifier.feed(bob))["items"] == []


async def test_what_is_purged_is_forgotten_and_uploads_have_no_item(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    folder = drive(ann).below("inbox", "folder")
    share = Share(folder, bob)
    await notifier.handle(share.granted(), share.created(), upload_ended(folder, bob, UploadRejectedV1), share.left())
    assert [notice["type"] for notice in (await notifier.feed(ann))["items"]] == ["share_left", "upload_rejected"]
    await notifier.handle(folder.purged())
    (left,) = (await notifier.feed(bob))["items"]
    assert left["type"] == "upload_rejected"
    assert left["item"] is None
    assert left["data"]["reason"] == "test"
    assert [notice["type"] for notice in (await notifier.feed(ann))["items"]] == ["upload_rejected"]


async def test_many_hidden_notices_make_short_pages_that_lead_on(notifier: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MOST_LOOKED_AT", 4)
    bob, shares = await shared(notifier, 9)
    for share in shares[1:]:
        await notifier.handle(share.removed())
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    for _ in range(20):
        page = await notifier.feed(bob, limit=2, **cursor)
        seen += names(page)
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == ["0"]


async def test_nobody_reads_without_a_token_and_tokens_need_the_scope(notifier: Notifier) -> None:
    async with notifier.client("bad") as http:
        for path in ("/v1/notifications", "/v1/activity", "/v1/stream", "/v1/notifications/stream"):
            assert (await http.get(path)).status_code == 401
