"""Facts with words of a later release: told as far as they are understood, and nobody is taken for somebody."""

from typing import Any

from factories.later import from_a_later_release
from factories.notifier import Notifier
from factories.telling import Share, drive, registered, user_id


async def world(notifier: Notifier) -> tuple[Any, Any, Any]:
    ann, bob = user_id(), user_id()
    folder = drive(ann).below("Plans", "folder")
    await notifier.handle(registered(ann, f"ann{ann[-6:]}"), registered(bob, f"bob{bob[-6:]}"), folder.created())
    return ann, bob, folder


async def test_a_kind_of_item_that_nobody_knows_is_a_file(notifier: Notifier) -> None:
    ann, _, folder = await world(notifier)
    shortcut = folder.below("Away", "folder")
    await notifier.handle(from_a_later_release(shortcut.created(), kind="shortcut"))
    (entry, _) = await notifier.activity(ann)
    assert (entry["action"], entry["item"]["kind"]) == ("created", "file")
    await notifier.handle(from_a_later_release(shortcut.purged(), kind="shortcut"))
    assert (await notifier.activity(ann))[0]["action"] == "purged"


async def test_a_share_with_a_role_that_nobody_knows_is_told_as_the_least(notifier: Notifier) -> None:
    _, bob, folder = await world(notifier)
    share = Share(folder, bob, "editor")
    told = share.created(notify=True)
    await notifier.handle(share.granted(), from_a_later_release(told, role="commenter"))
    (notice,) = (await notifier.feed(bob))["items"]
    assert notice["data"]["role"] == "viewer"
    await notifier.post_all()
    assert len(notifier.post.sent) == 1


async def test_a_change_of_a_field_that_nobody_knows_is_written_down_as_it_was_told(notifier: Notifier) -> None:
    _, bob, folder = await world(notifier)
    share = Share(folder, bob)
    changes = [{"field": "note", "before": "a", "after": "b"}, {"field": "role", "before": "viewer", "after": "commenter"}]
    await notifier.handle(share.granted(), share.created(), from_a_later_release(share.changed("role"), changes=changes))
    entry = (await notifier.activity(bob))[0]
    assert entry["changes"] == {"note": ["a", "b"], "role": ["viewer", "commenter"]}
    assert (await notifier.feed(bob))["items"][0]["data"]["changes"] == ["note", "role"]


async def test_an_actor_of_a_kind_that_nobody_knows_is_taken_for_no_person(notifier: Notifier) -> None:
    ann, bob, folder = await world(notifier)
    file = folder.below("a.txt")
    await notifier.handle(Share(folder, bob).granted())
    await notifier.handle(
        from_a_later_release(file.committed(actor=bob), actorkind="robot"),
        from_a_later_release(file.preview_ready(actor="not even an id"), actorkind="robot"),
    )
    entry = (await notifier.activity(ann))[0]
    assert entry["action"] == "uploaded"
    kinds = await notifier.rows("SELECT actor_kind FROM activity WHERE event_id IS NOT NULL AND owner_id = :ann", ann=ann)
    assert "system" in {row.actor_kind for row in kinds}


async def test_nothing_is_sent_to_somebody_with_a_status_that_nobody_knows(notifier: Notifier) -> None:
    _, bob, folder = await world(notifier)
    locked = registered(bob, f"bob{bob[-6:]}").model_copy(update={"sequence": "000000000002", "id": user_id()})
    await notifier.handle(from_a_later_release(locked, status="locked"))
    await notifier.handle(Share(folder, bob).created(notify=True))
    await notifier.post_all()
    assert notifier.post.sent == []
