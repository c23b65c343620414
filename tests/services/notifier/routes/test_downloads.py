"""Downloads in the activity: for the owner, and for whoever it was."""

from coffer_chassis.ids import new_id
from factories.notifier import Notifier
from factories.telling import Share, downloaded, drive, registered, user_id


async def test_the_owner_sees_who_fetched_what_and_a_reader_only_what_they_fetched_themselves(notifier: Notifier) -> None:
    ann, bob, eve = user_id(), user_id(), user_id()
    file = drive(ann).below("a.txt")
    by_bob = downloaded(file, bob)
    await notifier.handle(
        registered(bob, "bob", display_name="Bob Ray"),
        file.committed(),
        Share(file, bob).granted(),
        Share(file, eve).granted(),
        by_bob,
        by_bob,
        downloaded(file, new_id(), kind="link"),
    )
    seen = await notifier.activity(ann, item_id=file.id, action="downloaded")
    assert {entry["actor_kind"] for entry in seen} == {"user", "link"}
    [one] = [entry for entry in seen if entry["actor_kind"] == "user"]
    assert one["actor"] == {"id": bob, "username": "bob", "display_name": "Bob Ray"}
    assert (one["item"]["name"], one["reason"]) == ("a.txt", "url")
    assert one["changes"]["version_id"][1] == by_bob.data.version_id
    assert [entry["actor"]["id"] for entry in await notifier.activity(bob, action="downloaded")] == [bob]
    assert await notifier.activity(eve, action="downloaded") == []
