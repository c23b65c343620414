"""The feed never skips a late commit, whatever order transactions end in."""

from typing import Any

from coffer_files.handlers.drives import root_of
from coffer_files.store.changes import live_tree, note_change
from coffer_files.store.entries import Place, Reading, entries_after, present
from coffer_files.store.items import locate
from factories.files import Files


async def test_a_transaction_that_commits_late_is_not_skipped(files: Files) -> None:
    root = await root_of(files.deps, files.owner.user_id, files.origin)
    own = Reading(files.owner.user_id)

    async def note(connection: Any, actor: Any) -> Any:
        await note_change(connection, root.item, "metadata", (), actor_id=actor, now=files.clock.now())

    async with files.deps.work.read() as reader:
        start = await present(reader)
        async with files.engine.connect() as slow:
            await slow.begin()
            await note(slow, "slow")
            async with files.engine.begin() as quick:
                await note(quick, "quick")
            early = await entries_after(reader, own, start, 100)
            assert early.entries == []
            assert not early.more
            assert (await present(reader)).xid <= (
                await slow.exec_driver_sql("SELECT pg_current_xact_id()::text::bigint")
            ).scalar_one()
            await slow.commit()
        told = (await entries_after(reader, own, start, 100)).entries
        assert [change.actor_id for change in told] == ["slow", "quick"]
        assert (await entries_after(reader, own, told[-1].place, 100)).entries == []
        again = await entries_after(reader, own, told[0].place, 100)
        assert [change.actor_id for change in again.entries] == ["quick"]


async def test_pages_of_the_feed_follow_each_other(files: Files) -> None:
    root = await root_of(files.deps, files.owner.user_id, files.origin)
    async with files.engine.begin() as connection:
        for number in range(7):
            await note_change(connection, root.item, "metadata", (), actor_id=str(number), now=files.clock.now())
    told, place = [], Place(0, 0)
    async with files.deps.work.read() as reader:
        while page := (await entries_after(reader, Reading(files.owner.user_id), place, 3)).entries:
            told += page
            place = page[-1].place
    assert [change.reason for change in told] == ["created", *["metadata"] * 7]
    assert [change.actor_id for change in told[1:]] == [str(number) for number in range(7)]


async def test_the_tree_is_told_parents_first(files: Files) -> None:
    async with files.client() as http:
        top = (await http.post("/v1/folders", json={"parent_id": "root", "name": "top"})).json()["id"]
        below = (await http.post("/v1/folders", json={"parent_id": top, "name": "below"})).json()["id"]
        other = (await http.post("/v1/folders", json={"parent_id": "root", "name": "other"})).json()["id"]
        await http.patch(f"/v1/items/{top}", json={"parent_id": other})
    root = await root_of(files.deps, files.owner.user_id, files.origin)
    told, after = [], (-1, root.item.id)
    async with files.deps.work.read() as reader:
        while page := await live_tree(reader, [root.item.id], after, 1):
            told += [item.id for _, item in page]
            after = (page[-1][0], page[-1][1].id)
        assert told == [root.item.id, other, top, below]
        located = await locate(reader, below)
    assert located is not None
    assert located.ancestor_ids == (root.item.id, other, top)
    assert located.ancestor_names == ("", "other", "top")
