"""Whoever made a link hears of files that came through it, if they want to."""

from datetime import timedelta
from typing import Any

import pytest

from coffer_chassis.etags import Conditions
from coffer_chassis.ids import new_id
from coffer_chassis.testing import NOON
from coffer_chassis.unit_of_work import write_down
from coffer_contracts.ids import LinkId
from coffer_contracts.sharing_links import LinkUploadedV1
from coffer_sharing.handlers.link_uploads import tell_of_upload
from coffer_sharing.handlers.links import NewLink, change_link, list_accesses, make_link
from coffer_sharing.store.tables import chassis
from factories.files import origin_of
from factories.sharing import Sharing
from factories.telling import drive


async def link_of(sharing: Sharing, **wish: Any) -> LinkId:
    """A new link to a folder of the owner that collects files."""
    folder = await sharing.item("Inbox")
    wanted = NewLink(folder.id, "upload_only", **{"notify_on_upload": True, **wish})
    made, _ = await make_link(sharing.deps, sharing.owner, origin_of(sharing.owner), None, wanted)
    return made.link.id


def sent(sharing: Sharing, link: str, **more: Any) -> Any:
    """A file that came through a link is there."""
    return drive(sharing.owner.user_id).below("cv.pdf").committed(**{"actor": link, "kind": "link", **more})


async def log_of(sharing: Sharing, link: Any) -> list[Any]:
    """What stands in the log of the link, newest first."""
    return (await list_accesses(sharing.deps, sharing.owner, link, None, 100))[0]


async def told(sharing: Sharing, link: str) -> list[Any]:
    """What was said of files that came through it."""
    said = [one for one in await sharing.facts() if isinstance(one.data, LinkUploadedV1)]
    return [one for one in said if one.data.link_id == link]


async def test_a_file_that_came_is_told_of_with_the_link_and_the_visitors_word(sharing: Sharing) -> None:
    link = await link_of(sharing, name="Applications")
    came = sent(sharing, link, uploader_name="Maria", size=7)
    await sharing.handle(came, came)
    [fact] = await told(sharing, link)
    assert (fact.actorkind, fact.actorid, fact.ownerid) == ("link", link, sharing.owner.user_id)
    said = fact.data
    assert (said.file_id, said.file_name, said.size_bytes, said.is_new) == (came.data.item_id, "cv.pdf", 7, True)
    assert (said.item_name, said.name, said.mode, said.created_by) == (
        "Inbox",
        "Applications",
        "upload_only",
        sharing.owner.user_id,
    )
    assert (said.uploader_name, said.upload_id) == ("Maria", came.data.upload_id)


async def test_nobody_is_told_who_did_not_ask(sharing: Sharing) -> None:
    link = await link_of(sharing, notify_on_upload=False)
    await sharing.handle(sent(sharing, link))
    assert await told(sharing, link) == []
    assert [one.times for one in await log_of(sharing, link)] == [1]
    await change_link(sharing.deps, sharing.owner, origin_of(sharing.owner), link, {"notify_on_upload": True}, Conditions())
    await sharing.handle(sent(sharing, link))
    assert len(await told(sharing, link)) == 1


@pytest.mark.parametrize("kind", ["user", "token", "system"])
async def test_what_people_send_into_the_folder_is_not_told_as_a_visitors(sharing: Sharing, kind: str) -> None:
    link = await link_of(sharing)
    await sharing.handle(sent(sharing, link, kind=kind), sent(sharing, new_id()))
    assert await told(sharing, link) == []


async def test_what_came_just_before_the_link_was_shut_is_told_of_all_the_same(sharing: Sharing) -> None:
    link = await link_of(sharing)
    await change_link(sharing.deps, sharing.owner, origin_of(sharing.owner), link, {"disabled": True}, Conditions())
    await sharing.handle(sent(sharing, link))
    assert len(await told(sharing, link)) == 1


async def test_files_that_came_stand_in_the_log_by_the_minute_whatever_order_they_are_told_in(sharing: Sharing) -> None:
    link = await link_of(sharing, notify_on_upload=False)
    later = NOON + timedelta(seconds=59)
    first = sent(sharing, link)
    came = [first, sent(sharing, link, at=later), sent(sharing, link, at=NOON + timedelta(seconds=61)), first]
    for fact in reversed(came):
        await sharing.handle(fact)
    await sharing.handle(sent(sharing, new_id()), sent(sharing, link, kind="user"))
    log = await log_of(sharing, link)
    assert [(one.action, one.times, one.last_at, one.network) for one in log] == [
        ("uploaded", 1, NOON + timedelta(seconds=61), ""),
        ("uploaded", 2, later, ""),
    ]


async def test_files_of_several_links_that_come_in_one_batch_are_counted_by_one_statement(sharing: Sharing) -> None:
    links = [await link_of(sharing, notify_on_upload=False) for _ in range(3)]
    async with sharing.deps.work.engine.begin() as connection:
        units = []
        for link in [*links, *reversed(links)]:
            fact = sent(sharing, link)
            units.append(sharing.deps.work.unit_on(connection, cause=fact))
            await tell_of_upload(fact, units[-1])
        sharing.statements.clear()
        await write_down(connection, chassis, units)
    assert sum("INSERT INTO link_accesses" in one for one in sharing.statements) == 1
    assert [[one.times for one in await log_of(sharing, link)] for link in links] == [[2], [2], [2]]
