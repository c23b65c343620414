"""One share: who may look at it, change it, end it, and what is told of that."""

from datetime import timedelta
from typing import Any

import pytest

from coffer_chassis.etags import Conditions, parse_tags
from coffer_contracts.event import rfc3339
from coffer_contracts.ids import ShareId
from coffer_contracts.problems import Forbidden, NotFound, PreconditionFailed, ValidationFailed
from coffer_sharing.domain import Wish
from coffer_sharing.handlers.changing import change_share, find_share, leave_share, revoke_share
from factories.files import origin_of
from factories.sharing import Sharing, id_made, told_of

ANY = Conditions()


def only_if(etag: str) -> Conditions:
    return Conditions(if_match=parse_tags(etag))


async def find(sharing: Sharing, shown: Any, by: Any) -> Any:
    return await find_share(sharing.deps, by, shown.share.id)


async def change(sharing: Sharing, shown: Any, by: Any = None, conditions: Conditions = ANY, **wish: Any) -> Any:
    by = by or sharing.owner
    return await change_share(sharing.deps, by, origin_of(by), shown.share.id, Wish(**wish), conditions)


async def revoke(sharing: Sharing, shown: Any, by: Any = None, conditions: Conditions = ANY) -> None:
    by = by or sharing.owner
    await revoke_share(sharing.deps, by, origin_of(by), shown.share.id, conditions)


async def leave(sharing: Sharing, shown: Any, by: Any) -> None:
    await leave_share(sharing.deps, by, origin_of(by), shown.share.id)


async def test_owner_and_recipient_see_a_share_and_nobody_else(sharing: Sharing) -> None:
    ann, stranger = await sharing.person(), await sharing.person()
    [shown] = await sharing.share(await sharing.item(), ann)
    assert await find(sharing, shown, sharing.owner) == await find(sharing, shown, ann) == shown
    for by, share_id in ((stranger, shown.share.id), (ann, ShareId(id_made()))):
        with pytest.raises(NotFound):
            await find_share(sharing.deps, by, share_id)


async def test_what_is_over_or_in_the_trash_is_hidden_from_its_recipient(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    inner = await sharing.item("inner", folder)
    [shown] = await sharing.share(inner, ann, expires_at=sharing.clock.now() + timedelta(hours=1))
    await sharing.handle(sharing.drive.trash(folder))
    assert await find(sharing, shown, sharing.owner)
    for command in (find, change, revoke):
        with pytest.raises(NotFound):
            await command(sharing, shown, ann)
    await sharing.handle(sharing.drive.restore(folder))
    assert await find(sharing, shown, ann)
    sharing.clock.advance(hours=1)
    for by in (ann, sharing.owner):
        with pytest.raises(NotFound):
            await find(sharing, shown, by)
        with pytest.raises(NotFound):
            await change(sharing, shown, by, role="editor")


async def test_a_change_is_written_and_told_with_what_it_was_before(sharing: Sharing) -> None:
    ann, ends = await sharing.person(), sharing.clock.now() + timedelta(days=1)
    [shown] = await sharing.share(await sharing.item("Plan"), ann)
    sharing.clock.advance(minutes=5)
    after = await change(sharing, shown, role="editor", expires_at=ends)
    assert (after.share.role, after.share.expires_at, after.share.revision) == ("editor", ends, 2)
    assert after.share.changed_at == sharing.clock.now()
    assert after.share == await sharing.now(shown)
    assert after.etag != shown.etag
    granted, told = (await sharing.told(shown))[2:]
    assert (granted.type, told.type, granted.revision, told.revision) == (
        "sharing.grant.set.v1",
        "sharing.share.changed.v2",
        2,
        2,
    )
    twins = await sharing.rows(f"SELECT type, sequence FROM outbox WHERE subject = '{told.subject}' AND sequence = 2")
    assert sorted(twins) == [("sharing.share.changed.v1", 2), ("sharing.share.changed.v2", 2)]
    assert (granted.data.rights, granted.data.expires_at) == (("read", "write", "delete"), ends)
    assert [(change.field, change.before, change.after) for change in told.data.changes] == [
        ("role", "viewer", "editor"),
        ("expires_at", None, rfc3339(ends)),
    ]
    back = await change(sharing, shown, expires_at=None)
    assert (back.share.expires_at, back.share.role) == (None, "editor")


async def test_a_wish_that_is_fulfilled_changes_and_tells_nothing(sharing: Sharing) -> None:
    [shown] = await sharing.share(await sharing.item(), await sharing.person())
    before = await sharing.everything()
    for wish in ({}, {"role": "viewer"}, {"expires_at": None}):
        assert await change(sharing, shown, **wish) == shown
    assert await sharing.everything() == before


async def test_only_the_owner_changes_and_revokes(sharing: Sharing) -> None:
    ann, stranger = await sharing.person(), await sharing.person()
    [shown] = await sharing.share(await sharing.item(), ann, role="editor")
    before = await sharing.everything()
    for command in (change, revoke):
        with pytest.raises(Forbidden):
            await command(sharing, shown, ann)
        with pytest.raises(NotFound):
            await command(sharing, shown, stranger)
    assert await sharing.everything() == before


async def test_an_end_in_the_past_is_refused(sharing: Sharing) -> None:
    [shown] = await sharing.share(await sharing.item(), await sharing.person())
    with pytest.raises(ValidationFailed):
        await change(sharing, shown, expires_at=sharing.clock.now())


async def test_a_tag_that_is_no_longer_current_changes_nothing(sharing: Sharing) -> None:
    [shown] = await sharing.share(await sharing.item(), await sharing.person())
    newer = await change(sharing, shown, role="editor", conditions=only_if(shown.etag))
    for command in (
        lambda **more: change(sharing, shown, role="viewer", **more),
        lambda **more: revoke(sharing, shown, **more),
    ):
        with pytest.raises(PreconditionFailed) as refused:
            await command(conditions=only_if(shown.etag))
        assert refused.value.extensions == {"current_etag": newer.etag}
    await revoke(sharing, shown, conditions=only_if(newer.etag))


async def test_a_tag_changes_with_the_names_that_are_shown(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item("before")
    [shown] = await sharing.share(folder, ann)
    await sharing.handle(sharing.drive.change(folder, name="after"))
    renamed = await find(sharing, shown, ann)
    await sharing.handle(told_of(ann, sequence=2, display_name="Ann the Second"))
    assert len({one.etag for one in (shown, renamed, await find(sharing, shown, ann))}) == 3
    assert renamed.name == "after"


async def test_a_revoked_share_is_told_and_gone_and_may_be_revoked_again(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item("Old", kind="file")
    [shown] = await sharing.share(folder, ann)
    sharing.clock.advance(minutes=1)
    await revoke(sharing, shown)
    share = await sharing.now(shown)
    assert (share.end_reason, share.ended_at, share.revision) == ("revoked", sharing.clock.now(), 2)
    removed, told = (await sharing.told(shown))[2:]
    assert (removed.type, told.type) == ("sharing.grant.removed.v1", "sharing.share.revoked.v1")
    assert (removed.revision, removed.data.reason, removed.data.removed_at) == (2, "revoked", share.ended_at)
    assert (told.revision, told.data.reason, told.data.revoked_at) == (2, "revoked", share.ended_at)
    assert (told.data.item_kind, told.data.item_name) == ("file", "Old")
    before = await sharing.everything()
    await revoke(sharing, shown)
    await revoke(sharing, shown, conditions=only_if('"old"'))
    assert await sharing.everything() == before
    for command in (find, revoke, change, leave):
        with pytest.raises(NotFound):
            await command(sharing, shown, ann)
    [again] = await sharing.share(folder, ann)
    assert again.share.id != shown.share.id


async def test_only_the_recipient_leaves_and_may_do_so_again(sharing: Sharing) -> None:
    ann, stranger = await sharing.person(), await sharing.person()
    folder = await sharing.item("Left")
    [shown] = await sharing.share(folder, ann)
    with pytest.raises(Forbidden):
        await leave(sharing, shown, sharing.owner)
    with pytest.raises(NotFound):
        await leave(sharing, shown, stranger)
    await leave(sharing, shown, ann)
    removed, told = (await sharing.told(shown))[2:]
    assert (removed.type, told.type) == ("sharing.grant.removed.v1", "sharing.share.left.v1")
    assert (removed.data.reason, told.data.left_at, told.actorid) == ("left", sharing.clock.now(), ann.user_id)
    before = await sharing.everything()
    await leave(sharing, shown, ann)
    await revoke(sharing, shown)
    assert await sharing.everything() == before
    assert len(await sharing.share(folder, ann)) == 1


async def test_one_can_leave_what_is_in_the_trash(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    [shown] = await sharing.share(folder, ann)
    await sharing.handle(sharing.drive.trash(folder))
    await leave(sharing, shown, ann)
    assert (await sharing.now(shown)).end_reason == "left"


async def test_what_has_expired_but_was_not_swept_is_over_for_everybody(sharing: Sharing) -> None:
    ann = await sharing.person()
    [shown] = await sharing.share(await sharing.item(), ann, expires_at=sharing.clock.now() + timedelta(seconds=1))
    sharing.clock.advance(seconds=1)
    with pytest.raises(NotFound):
        await leave(sharing, shown, ann)
    await revoke(sharing, shown)
    assert (await sharing.now(shown)).end_reason is None
