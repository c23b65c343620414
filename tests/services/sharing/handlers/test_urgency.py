"""What takes something from somebody goes out before everything else; nothing else does."""

from datetime import timedelta
from typing import Any

import pytest

from coffer_chassis.etags import Conditions
from coffer_chassis.snapshots import restate_all
from coffer_contracts.ids import ItemId
from coffer_contracts.sharing_links import LinkMode
from coffer_sharing.domain import Wish
from coffer_sharing.domain.links import Link
from coffer_sharing.handlers.changing import change_share, leave_share, revoke_share
from coffer_sharing.handlers.ending import expire
from coffer_sharing.handlers.link_ending import expire_links
from coffer_sharing.handlers.links import NewLink, change_link, delete_link, make_link
from coffer_sharing.handlers.snapshots import grants
from factories.files import origin_of
from factories.sharing import Sharing

SET, REMOVED = "sharing.grant.set.v1", "sharing.grant.removed.v1"
ENDED = "sharing.link.sessions_ended.v1"


async def urgent(sharing: Sharing, shown: Any) -> list[str]:
    """Types of the facts about a share and its grant that were told as urgent."""
    told = await sharing.rows("SELECT type, subject FROM outbox WHERE urgent ORDER BY position")
    return [row.type for row in told if row.subject.endswith(shown.share.id)]


async def test_a_share_that_is_revoked_or_left_takes_its_right_first_and_its_story_later(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    [revoked] = await sharing.share(folder, ann)
    await revoke_share(sharing.deps, sharing.owner, origin_of(sharing.owner), revoked.share.id, Conditions())
    [left] = await sharing.share(folder, ann)
    await leave_share(sharing.deps, ann, origin_of(ann), left.share.id)
    assert [await urgent(sharing, shown) for shown in (revoked, left)] == [[REMOVED], [REMOVED]]


@pytest.mark.parametrize(
    ("role", "hours", "wish", "takes"),
    [
        pytest.param("editor", None, {"role": "viewer"}, True, id="less"),
        pytest.param("viewer", None, {"role": "editor"}, False, id="more"),
        pytest.param("viewer", None, {"hours": 1}, True, id="not for ever"),
        pytest.param("viewer", 2, {"hours": 1}, True, id="not as long"),
        pytest.param("viewer", 1, {"hours": 2}, False, id="longer"),
        pytest.param("viewer", 1, {"hours": None}, False, id="for ever"),
        pytest.param("editor", 1, {"role": "viewer", "hours": 2}, True, id="less for longer"),
        pytest.param("viewer", 2, {"role": "editor", "hours": 1}, True, id="more but not as long"),
    ],
)
async def test_a_change_is_urgent_if_it_takes_something_away(
    sharing: Sharing, role: Any, hours: int | None, wish: dict[str, Any], takes: bool
) -> None:
    def at(count: int | None) -> Any:
        return None if count is None else sharing.clock.now() + timedelta(hours=count)

    [shown] = await sharing.share(await sharing.item(), await sharing.person(), role=role, expires_at=at(hours))
    wanted = {name: value for name, value in wish.items() if name == "role"}
    if "hours" in wish:
        wanted["expires_at"] = at(wish["hours"])
    owner = sharing.owner
    await change_share(sharing.deps, owner, origin_of(owner), shown.share.id, Wish(**wanted), Conditions())
    assert await urgent(sharing, shown) == ([SET] if takes else [])


async def test_nothing_that_comes_in_crowds_is_urgent(sharing: Sharing) -> None:
    ann, purged, folder = await sharing.person(), await sharing.item(), await sharing.item()
    [gone] = await sharing.share(purged, ann)
    await sharing.handle(*sharing.drive.purge(purged))
    [brief] = await sharing.share(folder, ann, expires_at=sharing.clock.now() + timedelta(seconds=1))
    sharing.clock.advance(seconds=1)
    await expire(sharing.deps)
    assert [(await sharing.now(shown)).end_reason for shown in (gone, brief)] == ["item_purged", "expired"]
    await restate_all(sharing.deps.work, [grants(sharing.clock)])
    assert [await urgent(sharing, shown) for shown in (gone, brief)] == [[], []]


async def urgent_of(sharing: Sharing, link: Link) -> list[str]:
    """Types of the facts about a link, its grant and its sessions that were told as urgent."""
    subjects = {f"grant/{link.id}", f"link/{link.id}", f"family/{link.family_id}"}
    told = await sharing.rows("SELECT type, subject FROM outbox WHERE urgent ORDER BY position")
    return [row.type for row in told if row.subject in subjects]


@pytest.mark.parametrize(
    ("mode", "wish", "told"),
    [
        pytest.param("download", {"disabled": True}, [REMOVED, ENDED], id="shut"),
        pytest.param("view", {"password": "crocus"}, [ENDED], id="another password"),
        pytest.param("edit", {"mode": "view"}, [SET], id="less"),
        pytest.param("edit", {"mode": "upload_only"}, [SET], id="only putting in"),
        pytest.param("view", {"mode": "upload_only"}, [SET], id="nothing to see"),
        pytest.param("upload_only", {"mode": "edit"}, [], id="more"),
        pytest.param("view", {"mode": "download"}, [], id="the same"),
        pytest.param("view", {"hours": 1}, [SET], id="not for ever"),
        pytest.param("view", {"name": "Ours"}, [], id="another name"),
    ],
)
async def test_what_a_link_gives_no_longer_is_told_first(
    sharing: Sharing, mode: Any, wish: dict[str, Any], told: list[str]
) -> None:
    link = await linked(sharing, mode)
    fields = {name: value for name, value in wish.items() if name != "hours"}
    if "hours" in wish:
        fields["expires_at"] = sharing.clock.now() + timedelta(hours=wish["hours"])
    owner = sharing.owner
    await change_link(sharing.deps, owner, origin_of(owner), link.id, fields, Conditions())
    assert await urgent_of(sharing, link) == told
    if wish == {"disabled": True}:
        await change_link(sharing.deps, owner, origin_of(owner), link.id, {"disabled": False}, Conditions())
        await change_link(sharing.deps, owner, origin_of(owner), link.id, {"name": "Ours"}, Conditions())
        assert await urgent_of(sharing, link) == told


async def test_a_link_that_is_deleted_goes_first_and_one_whose_item_or_time_is_gone_does_not(sharing: Sharing) -> None:
    owner, purged = sharing.owner, await sharing.item()
    deleted, gone = await linked(sharing, "view"), await linked(sharing, "view", purged.id)
    brief = await linked(sharing, "view", expires_at=sharing.clock.now() + timedelta(seconds=1))
    await delete_link(sharing.deps, owner, origin_of(owner), deleted.id, Conditions())
    await sharing.handle(*sharing.drive.purge(purged))
    sharing.clock.advance(seconds=1)
    await expire_links(sharing.deps)
    assert [await urgent_of(sharing, link) for link in (deleted, gone, brief)] == [[REMOVED], [], []]


async def linked(sharing: Sharing, mode: LinkMode, item_id: ItemId | None = None, **more: Any) -> Link:
    """A link of the owner, to a new item if none is named."""
    wanted = NewLink(item_id or (await sharing.item()).id, mode, **more)
    shown, _ = await make_link(sharing.deps, sharing.owner, origin_of(sharing.owner), None, wanted)
    return shown.link
