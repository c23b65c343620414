"""Activity over HTTP: values before and after, and nothing about what the reader may not see."""

from datetime import timedelta
from typing import Any

import pytest

from coffer_contracts.files import ItemRestoredV1, ItemTrashedV1
from coffer_notifier.handlers import activity
from factories.events import NOON
from factories.notifier import Notifier
from factories.telling import Share, drive, registered, user_id


def minute(number: int) -> Any:
    return NOON + timedelta(minutes=number)


def actions(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["action"] for entry in entries]


async def test_an_entry_says_who_did_what_with_values_before_and_after(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    root = drive(ann)
    old, new = root.below("Old", "folder"), root.below("New", "folder")
    file = old.below("a.txt")
    await notifier.handle(
        registered(bob, "bob", display_name="Bob Ray"),
        root.created(),
        old.created(),
        new.created(),
        file.committed(size=5, actor=bob, at=minute(1)),
        file.replaced(size=9, before=5, actor=bob, at=minute(2)),
        file.moved_to(new).changed("parent_id", previous_parent_id=old.id, actor=ann, at=minute(3), sequence=3),
        file.moved_to(new).changed("name", previous_name="b.txt", actor=None, kind="system", at=minute(4), sequence=4),
    )
    entries = await notifier.activity(ann, item_id=file.id)
    assert actions(entries) == ["renamed", "moved", "replaced", "uploaded"]
    renamed, moved, replaced, uploaded = entries
    assert uploaded["actor"] == {"id": bob, "username": "bob", "display_name": "Bob Ray"}
    assert uploaded["item"] == {"id": file.id, "kind": "file", "name": "a.txt"}
    assert uploaded["changes"] == {"size": [None, 5]}
    assert uploaded["at"] == "2026-11-20T12:01:00.000Z"
    assert replaced["changes"]["size"] == [5, 9]
    assert moved["changes"] == {"parent": [{"id": old.id, "name": "Old"}, {"id": new.id, "name": "New"}]}
    assert moved["actor"] == {"id": ann, "username": None, "display_name": None}
    assert renamed["changes"] == {"name": ["b.txt", "a.txt"]}
    assert renamed["actor_kind"] == "system"


async def test_a_folder_tells_of_everything_below_it_unless_that_is_not_wanted(notifier: Notifier) -> None:
    ann = user_id()
    root = drive(ann)
    folder = root.below("Plans", "folder")
    inner = folder.below("inner", "folder")
    await notifier.handle(root.created(), folder.created(at=minute(1)), inner.created(at=minute(2)))
    await notifier.handle(inner.below("deep").committed(at=minute(3)), root.below("beside").committed(at=minute(4)))
    names = [entry["item"]["name"] for entry in await notifier.activity(ann, item_id=folder.id)]
    assert names == ["deep", "inner", "Plans"]
    assert [entry["item"]["name"] for entry in await notifier.activity(ann, item_id=folder.id, subtree="false")] == ["Plans"]
    assert [entry["item"]["name"] for entry in await notifier.activity(ann)] == ["beside", "deep", "inner", "Plans"]


async def test_a_reader_sees_what_lies_in_what_they_were_given_and_nothing_else(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    root = drive(ann)
    given, private = root.below("given", "folder"), root.below("Divorce", "folder")
    file, secret = given.below("a.txt"), private.below("secret.txt")
    share = Share(given, bob)
    await notifier.handle(root.created(), given.created(), private.created(), file.committed(at=minute(1)))
    await notifier.handle(secret.committed(at=minute(2)), share.granted(), share.created(at=minute(3)))
    assert actions(await notifier.activity(bob)) == ["shared", "uploaded", "created"]
    came = secret.moved_to(given).changed("parent_id", previous_parent_id=private.id, sequence=2, at=minute(4))
    await notifier.handle(came)
    (moved, *_) = await notifier.activity(bob, item_id=given.id)
    assert moved["changes"] == {"parent": [None, {"id": given.id, "name": "given"}]}, "where it was is not Bob's to know"
    assert actions(await notifier.activity(bob, item_id=secret.id)) == ["moved", "uploaded"]
    assert (await notifier.activity(ann, item_id=secret.id))[0]["changes"]["parent"][0]["name"] == "Divorce"
    left = file.moved_to(private).changed("parent_id", previous_parent_id=given.id, sequence=2, at=minute(5))
    await notifier.handle(left)
    assert file.id not in {entry["item"]["id"] for entry in await notifier.activity(bob)}
    async with notifier.client(bob) as http:
        for hidden in (file.id, private.id, root.id, user_id()):
            answer = await http.get("/v1/activity", params={"item_id": hidden})
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_shares_are_told_to_owner_and_recipient_only(notifier: Notifier) -> None:
    ann, bob, cid = user_id(), user_id(), user_id()
    folder = drive(ann).below("Plans", "folder")
    share, other = Share(folder, bob), Share(folder, cid)
    await notifier.handle(registered(bob, "bob"), folder.created(), share.granted(), other.granted())
    await notifier.handle(share.created(at=minute(1)), other.created(at=minute(2)), share.changed("role", at=minute(3)))
    seen = await notifier.activity(ann, item_id=folder.id)
    assert [(entry["action"], entry["recipient"] and entry["recipient"]["username"]) for entry in seen] == [
        ("share_changed", "bob"),
        ("shared", None),
        ("shared", "bob"),
        ("created", None),
    ]
    assert actions(await notifier.activity(bob)) == ["share_changed", "shared", "created"]
    assert actions(await notifier.activity(cid)) == ["shared", "created"]
    await notifier.handle(share.removed(), share.revoked(at=minute(4)))
    assert actions(await notifier.activity(bob)) == ["share_revoked"], "the loss is told, the rest is no longer Bob's"
    assert actions(await notifier.activity(ann))[0] == "share_revoked"


async def test_the_trash_and_what_is_gone_are_the_owners(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    folder = drive(ann).below("Plans", "folder")
    file = folder.below("a.txt")
    await notifier.handle(folder.created(), file.committed(), Share(folder, bob).granted())
    await notifier.handle(file.as_(ItemTrashedV1, sequence=3, at=minute(1)))
    assert actions(await notifier.activity(bob, item_id=file.id)) == ["trashed", "uploaded"], "Bob can put it back"
    await notifier.handle(file.as_(ItemRestoredV1, sequence=4, at=minute(2)), folder.as_(ItemTrashedV1, at=minute(3)))
    assert await notifier.activity(bob) == []
    await notifier.handle(file.purged(at=minute(4)), folder.purged(at=minute(5)))
    assert actions(await notifier.activity(ann, item_id=file.id)) == ["purged", "restored", "trashed", "uploaded"]
    assert await notifier.activity(bob) == []
    async with notifier.client(bob) as http:
        assert (await http.get("/v1/activity", params={"item_id": file.id})).status_code == 404


async def test_filters_and_pages(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    root = drive(ann)
    for number in range(6):
        await notifier.handle(root.below(f"{number}").committed(actor=bob if number % 2 else ann, at=minute(number)))
    assert [entry["item"]["name"] for entry in await notifier.activity(ann, actor=bob)] == ["5", "3", "1"]
    assert [entry["item"]["name"] for entry in await notifier.activity(ann, after="2026-11-20T12:04:00Z")] == ["5", "4"]
    assert await notifier.activity(ann, action="trashed") == []
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 4}
    async with notifier.client(ann) as http:
        while True:
            page = (await http.get("/v1/activity", params=query)).json()
            seen += [entry["item"]["name"] for entry in page["items"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        other = await http.get("/v1/activity", params=query | {"actor": bob})
        assert other.json()["code"] == "cursor_invalid"
    assert seen == ["5", "4", "3", "2", "1", "0"]


async def test_many_entries_that_are_hidden_make_short_pages_that_lead_on(
    notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "MOST_LOOKED_AT", 4)
    ann, bob = user_id(), user_id()
    folder, elsewhere = drive(ann).below("Plans", "folder"), drive(ann).below("x", "folder")
    await notifier.handle(folder.created(), elsewhere.created(), Share(folder, bob).granted())
    for number in range(1, 9):
        file = folder.below(f"{number}")
        await notifier.handle(file.committed(at=minute(number)))
        await notifier.handle(file.moved_to(elsewhere).changed("parent_id", previous_parent_id=folder.id, at=minute(number)))
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 1}
    async with notifier.client(bob) as http:
        for _ in range(30):
            page = (await http.get("/v1/activity", params=query)).json()
            seen += actions(page["items"])
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
    assert seen == ["created"]


@pytest.mark.parametrize(
    "query",
    [
        {"item_id": "x"},
        {"actor": "somebody"},
        {"action": "exploded"},
        {"after": "yesterday"},
        {"after": "0001-01-01T00:00:00+14:00"},
        {"after": "9999-12-31T23:59:59-14:00"},
        {"limit": "many"},
    ],
    ids=str,
)
async def test_refuses_what_it_cannot_read(notifier: Notifier, query: dict[str, str]) -> None:
    async with notifier.client(user_id()) as http:
        answer = await http.get("/v1/activity", params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_an_actor_that_is_no_account_is_nobody_in_particular(notifier: Notifier) -> None:
    ann = user_id()
    await notifier.handle(drive(ann).below("a").committed(actor="link/abc", kind="link"))
    (entry,) = await notifier.activity(ann)
    assert entry["actor"] == {"id": "link/abc", "username": None, "display_name": None}
