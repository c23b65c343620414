"""Public links in explanations: which lead to an item, what they give at this moment, and who is told."""

from datetime import timedelta
from typing import Any

from coffer_chassis.access import EDITOR, VIEWER, Rights
from coffer_chassis.etags import Conditions
from coffer_sharing.handlers.link_explaining import links_on
from coffer_sharing.handlers.link_showing import ShownLink
from coffer_sharing.handlers.links import NewLink, change_link, delete_link, make_link
from factories.files import origin_of
from factories.sharing import Item, Sharing

ANY = Conditions()


async def linked(sharing: Sharing, item: Item, **wanted: Any) -> ShownLink:
    made, _ = await make_link(sharing.deps, sharing.owner, origin_of(sharing.owner), None, NewLink(item.id, **wanted))
    return made


async def ways(sharing: Sharing, item: Item, by: Any = None) -> list[tuple[str, Rights]]:
    return [(one.link.link.id, one.gives) for one in await links_on(sharing.deps, by or sharing.owner, item.id)]


async def test_the_owner_is_told_of_every_link_that_leads_to_an_item_and_nobody_else_is(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item("Folder")
    file = await sharing.item("file", folder, "file")
    await sharing.share(folder, ann, role="editor")
    above = await linked(sharing, folder, mode="edit")
    sharing.clock.advance(seconds=1)
    direct = await linked(sharing, file, mode="download")
    assert await ways(sharing, file) == [(direct.link.id, VIEWER), (above.link.id, EDITOR)]
    assert await ways(sharing, folder) == [(above.link.id, EDITOR)]
    assert await ways(sharing, file, ann) == []


async def test_what_a_link_gives_goes_with_moves_trash_time_and_its_makers_will(sharing: Sharing) -> None:
    folder, other = await sharing.item("Folder"), await sharing.item("Other")
    file = await sharing.item("file", other, "file")
    ends = sharing.clock.now() + timedelta(hours=1)
    link = (await linked(sharing, folder, mode="view", expires_at=ends)).link.id
    assert await ways(sharing, file) == []
    await sharing.handle(sharing.drive.change(file, parent=folder))
    assert await ways(sharing, file) == [(link, VIEWER)]
    await sharing.handle(sharing.drive.trash(folder))
    assert await ways(sharing, file) == [(link, Rights.NONE)]
    await sharing.handle(sharing.drive.restore(folder))
    who = (sharing.deps, sharing.owner, origin_of(sharing.owner), link)
    for disabled, gives in ((True, Rights.NONE), (False, VIEWER)):
        await change_link(*who, {"disabled": disabled}, ANY)
        assert await ways(sharing, file) == [(link, gives)]
    sharing.clock.advance(hours=1)
    assert await ways(sharing, file) == [(link, Rights.NONE)]
    await delete_link(*who, ANY)
    assert await ways(sharing, file) == []
