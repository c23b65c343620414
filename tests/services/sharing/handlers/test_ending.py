"""What time ends."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from coffer_chassis import forgetting
from coffer_chassis.copies.tree import KEEP_DAYS
from coffer_chassis.etags import Conditions
from coffer_sharing.app import jobs
from coffer_sharing.handlers import ending
from coffer_sharing.handlers.changing import revoke_share
from coffer_sharing.handlers.ending import expire, forget, forget_invitations
from coffer_sharing.handlers.link_ending import forget_links
from coffer_sharing.handlers.links import NewLink, make_link
from coffer_sharing.store.tables import shares, tree
from factories.files import origin_of
from factories.sharing import Sharing


async def test_shares_end_when_their_time_is_up_and_not_before(sharing: Sharing) -> None:
    ann, bob, folder = await sharing.person(), await sharing.person(), await sharing.item("Brief")
    [brief] = await sharing.share(folder, ann, expires_at=sharing.clock.now() + timedelta(minutes=1))
    [lasting] = await sharing.share(folder, bob)
    sharing.clock.advance(seconds=59)
    await expire(sharing.deps)
    assert (await sharing.now(brief)).ended_at is None
    sharing.clock.advance(seconds=1)
    await expire(sharing.deps)
    share = await sharing.now(brief)
    assert (share.end_reason, share.ended_at) == ("expired", sharing.clock.now())
    removed, told = (await sharing.told(brief))[2:]
    assert (removed.data.reason, removed.revision, removed.actorkind) == ("expired", 2, "system")
    assert (told.type, told.data.reason) == ("sharing.share.revoked.v1", "expired")
    assert (await sharing.now(lasting)).ended_at is None
    before = await sharing.everything()
    assert await expire(sharing.deps) == 0
    assert await sharing.everything() == before


async def test_many_are_ended_page_by_page(sharing: Sharing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "EXPIRE_PAGE", 3)
    people, folder = [await sharing.person() for _ in range(8)], await sharing.item()
    made = await sharing.share(folder, *people, expires_at=sharing.clock.now() + timedelta(seconds=1))
    sharing.clock.advance(seconds=1)
    assert await expire(sharing.deps) >= len(made)
    assert {(await sharing.now(shown)).end_reason for shown in made} == {"expired"}


async def test_what_is_in_the_trash_expires_as_well(sharing: Sharing) -> None:
    folder = await sharing.item()
    [shown] = await sharing.share(folder, await sharing.person(), expires_at=sharing.clock.now() + timedelta(seconds=1))
    await sharing.handle(sharing.drive.trash(folder))
    sharing.clock.advance(seconds=1)
    await expire(sharing.deps)
    assert (await sharing.now(shown)).end_reason == "expired"


async def test_rights_end_also_while_the_copy_of_the_tree_is_lost(sharing: Sharing) -> None:
    ann, bob, folder = await sharing.person(), await sharing.person(), await sharing.item("Brief")
    [brief] = await sharing.share(folder, ann, expires_at=sharing.clock.now() + timedelta(minutes=1))
    [lasting] = await sharing.share(folder, bob)
    async with sharing.engine.begin() as connection:
        await connection.execute(delete(tree))
    sharing.clock.advance(minutes=1)
    await expire(sharing.deps)
    by = sharing.owner
    await revoke_share(sharing.deps, by, origin_of(by), lasting.share.id, Conditions())
    for shown, reason in ((brief, "expired"), (lasting, "revoked")):
        removed, told = (await sharing.told(shown))[2:]
        assert (removed.data.reason, told.data.item_name) == (reason, "")


async def test_records_go_when_nobody_needs_them_any_more(sharing: Sharing) -> None:
    ann, folder, gone = await sharing.person(), await sharing.item(), await sharing.item()
    [ended] = await sharing.share(gone, ann)
    [standing] = await sharing.share(folder, ann)
    await sharing.handle(*sharing.drive.purge(gone))

    async def left() -> tuple[Any, Any]:
        tombstones = await sharing.rows(select(tree.c.item_id).where(tree.c.item_id == gone.id))
        kept = await sharing.rows(select(shares.c.id).where(shares.c.id.in_([ended.share.id, standing.share.id])))
        return len(tombstones), {row.id for row in kept}

    sharing.clock.advance(days=KEEP_DAYS - 1)
    await forget(sharing.deps)
    assert await left() == (1, {ended.share.id, standing.share.id})
    sharing.clock.advance(days=2)
    await forget(sharing.deps)
    assert await left() == (0, {ended.share.id, standing.share.id})
    sharing.clock.advance(days=sharing.deps.settings.ended_keep_days)
    await forget(sharing.deps)
    await forget(sharing.deps)
    assert await left() == (0, {standing.share.id})


async def test_what_is_forgotten_goes_slice_by_slice_each_in_a_transaction_of_its_own(
    sharing: Sharing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "SLICE", 2)
    ann, by = await sharing.person(), origin_of(sharing.owner)
    for number in range(3):
        gone = await sharing.item(f"g{number}")
        await sharing.share(gone, ann)
        await make_link(sharing.deps, sharing.owner, by, None, NewLink(gone.id, "view"))
        await sharing.invite(gone, f"x{number}.{ann.username}@example.org")
        await sharing.handle(*sharing.drive.purge(gone))
    sharing.clock.advance(days=sharing.deps.settings.ended_keep_days + KEEP_DAYS + 1)
    for forgotten in (forget, forget_links, forget_invitations):
        sharing.statements.clear()
        counts = await forgotten(sharing.deps)
        deleted = [one for one in sharing.statements if one.startswith("DELETE")]
        assert sum(counts) >= 3
        assert len(deleted) == sum(count // 2 + 1 for count in counts)
        assert await forgotten(sharing.deps) == (0, 0)


async def test_every_job_runs_on_an_empty_and_on_a_full_store(sharing: Sharing) -> None:
    await sharing.share(await sharing.item(), await sharing.person())
    for job in jobs(sharing.deps):
        await job.run()
        assert job.every_seconds > 0
