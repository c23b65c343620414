"""Activity over HTTP: values before and after, and nothing about what the reader may not see."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from coffer_contracts.auth import UserChangedV1, UserSuspendedV1
from coffer_contracts.files import ItemRestoredV1, ItemTrashedV1
from coffer_contracts.ids import ItemId
from coffer_contracts.sharing import FieldChange
from coffer_notifier.handlers import activity
from factories.events import NOON, arrived
from factories.notifier import Notifier
from factories.telling import Share, drive, registered, sample, user_id


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


async def test_what_came_back_elsewhere_says_from_where_to_those_who_may_know(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    root = drive(ann)
    secret, given = root.below("Divorce", "folder"), root.below("given", "folder")
    file = secret.below("old.txt")
    await notifier.handle(root.created(), secret.created(), given.created(), file.committed(), Share(given, bob).granted())
    await notifier.handle(file.as_(ItemTrashedV1, sequence=3, at=minute(1)))
    back = replace(file.moved_to(given), name="new.txt")
    fact = back.as_(ItemRestoredV1, previous_parent_id=secret.id, previous_name="old.txt", sequence=4, at=minute(2))
    await notifier.handle(fact)
    hers, his = [await notifier.activity(reader, item_id=file.id) for reader in (ann, bob)]
    assert (actions(hers)[0], actions(his)[0]) == ("restored", "restored")
    here = {"id": given.id, "name": "given"}
    assert hers[0]["changes"] == {"parent": [{"id": secret.id, "name": "Divorce"}, here], "name": ["old.txt", "new.txt"]}
    assert his[0]["changes"]["parent"] == [None, here], "where it was is not Bob's to know"
    assert "Divorce" not in str(his)


async def test_labels_times_and_versions_are_told_with_what_they_were(notifier: Notifier) -> None:
    ann = user_id()
    file = drive(ann).below("a.txt")
    gone = file.version_deleted(size=7, reason="retention", at=minute(4))
    await notifier.handle(
        file.committed(at=minute(1)),
        file.changed("tags", previous_tags=("draft",), tags=("final",), sequence=2, at=minute(2)),
        file.changed("modified_at", previous_modified_at=NOON - timedelta(days=1), sequence=3, at=minute(3)),
        gone,
        gone,
    )
    deleted, dated, labelled, _ = await notifier.activity(ann, item_id=file.id)
    assert labelled["changes"] == {"tags": [["draft"], ["final"]]}
    assert dated["changes"]["modified_at"][0] == "2026-11-19T12:00:00.000000Z"
    assert (deleted["action"], deleted["reason"], deleted["item"]["name"]) == ("version_deleted", "retention", "a.txt")
    assert deleted["changes"] == {"size": [7, None], "version_id": [gone.data.version_id, None]}


async def test_what_an_older_release_did_not_say_is_null_and_not_guessed(notifier: Notifier) -> None:
    ann = user_id()
    file = drive(ann).below("a.txt")
    await notifier.handle(file.committed(), file.changed("tags", "modified_at", "name", at=minute(1)))
    (changed, _) = await notifier.activity(ann, item_id=file.id)
    assert [before for before, _ in changed["changes"].values()] == [None, None, None]


async def test_entries_are_narrowed_by_time_on_both_sides(notifier: Notifier) -> None:
    ann = user_id()
    file = drive(ann).below("a.txt")
    await notifier.handle(
        file.committed(at=minute(1)),
        file.changed("name", previous_name="b", sequence=2, at=minute(2)),
        file.changed("name", previous_name="c", sequence=3, at=minute(3)),
    )
    between = {"after": minute(2).isoformat(), "before": minute(3).isoformat()}
    assert [entry["changes"]["name"][0] for entry in await notifier.activity(ann, **between)] == ["b"]
    async with notifier.client(ann) as http:
        assert (await http.get("/v1/activity", params={"before": "soon"})).status_code == 422
        page = (await http.get("/v1/activity", params={"limit": 1})).json()
        other = await http.get("/v1/activity", params={"limit": 1, "cursor": page["next_cursor"], **between})
    assert other.json()["code"] == "cursor_invalid", "a cursor belongs to its filters"


async def test_what_was_changed_about_an_account_is_told_to_it_alone_with_both_values(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    fields = (FieldChange(field="display_name", before="Ann", after="Ann Ray"), FieldChange(field="email"))
    plain = registered(ann, f"ann{ann[-6:]}")
    known = plain.data.model_dump()
    changed = arrived(UserChangedV1(**known, changes=("display_name", "email"), fields=fields), sequence=2)
    again = arrived(UserChangedV1(**known, changes=()), sequence=2)
    await notifier.handle(plain, changed, again, changed)
    entries = await notifier.activity(ann, account="true")
    assert sorted(actions(entries)) == ["user.changed", "user.registered"], "what is only told again is no entry"
    (entry,) = await notifier.activity(ann, account="true", action="user.changed")
    assert entry["changes"] == {"display_name": ["Ann", "Ann Ray"], "email": [None, None]}
    assert await notifier.activity(bob, account="true") == []


async def test_an_operators_act_is_told_to_the_account_without_who_it_was(notifier: Notifier) -> None:
    ann, boss = user_id(), user_id()
    shut = UserSuspendedV1(**registered(ann, f"ann{ann[-6:]}").data.model_dump() | {"status": "suspended"})
    await notifier.handle(arrived(shut).model_copy(update={"actorid": boss, "actorkind": "operator"}))
    (entry,) = await notifier.activity(ann, account="true")
    assert (entry["action"], entry["actor"], entry["actor_kind"]) == ("user.suspended", None, "operator")
    (kept,) = await notifier.rows("SELECT actor_id FROM audit_entries WHERE owner_id = :ann", ann=ann)
    assert kept.actor_id == boss


async def test_invitations_are_told_to_the_owner_and_who_invited_only(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    facts = [sample(f"sharing.invitation.{kind}.v1", ann) for kind in ("created", "changed", "ended")]
    folder = ItemId(facts[0].data.item_id)
    await notifier.handle(
        *facts, replace(Share(drive(ann).below("x", "folder"), bob), item=replace(drive(ann), id=folder)).granted()
    )
    mine = await notifier.activity(ann)
    assert sorted(actions(mine)) == ["invitation_changed", "invitation_ended", "invited"]
    assert await notifier.activity(bob) == []
    assert all("@" not in str(entry) for entry in mine)
