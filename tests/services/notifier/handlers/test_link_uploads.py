"""Whoever wants to hear of files that come through a link hears it once in a while, however many come."""

from coffer_contracts.ids import UserId
from factories.linked import came
from factories.notifier import Notifier
from factories.telling import Item, drive, registered, user_id


async def inbox(notifier: Notifier) -> tuple[UserId, Item]:
    """Somebody with a folder."""
    ann = user_id()
    root = drive(ann)
    folder = root.below("Inbox", "folder")
    await notifier.handle(registered(ann), root.created(), folder.created())
    return ann, folder


async def file_in(notifier: Notifier, folder: Item, name: str) -> Item:
    file = folder.below(name)
    await notifier.handle(file.committed(actor=user_id(), kind="link"))
    return file


async def test_files_that_come_together_are_one_notice_about_what_the_link_leads_to(notifier: Notifier) -> None:
    ann, folder = await inbox(notifier)
    first, second = await file_in(notifier, folder, "a.pdf"), await file_in(notifier, folder, "b.pdf")
    link, other = user_id(), user_id()
    one = came(folder, first, link)
    await notifier.handle(one, one)
    [notice] = (await notifier.feed(ann))["items"]
    assert (notice["type"], notice["title"]) == ("link_uploaded", "A file came through your public link to “Inbox”")
    await notifier.handle(came(folder, second, link, minutes=3, uploader_name="Jo"))
    [notice] = (await notifier.feed(ann))["items"]
    assert notice["title"] == "2 files came through your public link to “Inbox”"
    assert (notice["data"]["count"], notice["data"]["uploader_name"], notice["item"]["id"]) == (2, "Jo", folder.id)
    await notifier.handle(came(folder, second, other), came(folder, second, link, minutes=30))
    feed = await notifier.feed(ann)
    assert (len(feed["items"]), feed["unread_count"]) == (3, 3)


async def test_what_comes_after_it_was_read_is_another_notice(notifier: Notifier) -> None:
    ann, folder = await inbox(notifier)
    file, link = await file_in(notifier, folder, "a.pdf"), user_id()
    facts = [came(folder, file, link) for _ in range(4)]
    await notifier.handle(*facts[:2])
    async with notifier.client(ann) as http:
        await http.post("/v1/notifications/read-all")
    await notifier.handle(facts[2])
    await notifier.forget_inbox()
    await notifier.handle_together(*facts)
    feed = await notifier.feed(ann)
    assert sorted((one["data"]["count"], one["read_at"] is None) for one in feed["items"]) == [(2, False), (2, True)]
    assert feed["unread_count"] == 1


async def test_whoever_may_no_longer_see_the_file_is_not_told_of_it(notifier: Notifier) -> None:
    ann, folder = await inbox(notifier)
    bob = user_id()
    await notifier.handle(registered(bob, f"bob{bob[-6:]}"))
    file = await file_in(notifier, folder, "a.pdf")
    await notifier.handle(came(folder, file, user_id(), created_by=bob))
    assert (await notifier.feed(bob))["items"] == []
    assert (await notifier.feed(ann))["items"] == []
