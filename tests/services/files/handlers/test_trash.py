"""To the trash, back, and away for good."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select, text

from coffer_chassis.etags import Conditions
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.problems import NameConflict, NotFound, StateConflict
from coffer_files.handlers import trash
from coffer_files.handlers.drives import root_of
from coffer_files.handlers.items import KeepBoth, Wish, change_item, find_item, make_folder
from coffer_files.store.tables import blobs, doomed_blobs, items, versions
from factories.databases import Database
from factories.files import Files, files_on, origin_of, person

NOW = Conditions()


async def folder(files: Files, name: str, parent: str = "root") -> Any:
    made, _ = await make_folder(files.deps, files.owner, files.origin, None, parent=parent, name=name, conflict="fail")
    return made.at.item.id


async def throw_away(files: Files, item_id: Any) -> Any:
    await trash.trash_item(files.deps, files.owner, files.origin, item_id, NOW)


async def restore(files: Files, item_id: Any, parent: Any = None, conflict: KeepBoth = "rename") -> Any:
    return await trash.restore_item(files.deps, files.owner, files.origin, item_id, parent=parent, conflict=conflict)


async def purge(files: Files, item_id: Any) -> Any:
    await trash.purge_item(files.deps, files.owner, files.origin, item_id)


async def used(files: Files) -> Any:
    return (await files.drive()).used_bytes


async def test_what_is_in_the_trash_frees_its_name_and_hides_what_is_below(files: Files) -> None:
    top = await folder(files, "top")
    below = await folder(files, "below", top)
    await throw_away(files, top)
    await throw_away(files, top)
    for hidden in (top, below):
        with pytest.raises(NotFound):
            await find_item(files.deps, files.owner, files.origin, hidden)
    assert await folder(files, "top") != top
    with pytest.raises(NotFound):
        await throw_away(files, below)
    told = [fact for fact in await files.facts("files.item.trashed.v1") if fact.data.item_id == top]
    assert [(fact.revision, fact.data.trashed_at) for fact in told] == [(2, files.clock.now())]


async def test_what_comes_back_takes_its_place_or_a_free_name(files: Files) -> None:
    top = await folder(files, "top")
    below = await folder(files, "below", top)
    await throw_away(files, top)
    await folder(files, "top")
    with pytest.raises(NameConflict):
        await restore(files, top, conflict="fail")
    back = await restore(files, top)
    assert (back.at.item.name, back.path) == ("top (1)", "/top (1)")
    (told,) = await files.facts("files.item.restored.v1")
    assert (told.data.name, told.data.previous_name, told.data.previous_parent_id) == ("top (1)", "top", None)
    assert (await restore(files, top)).at.item == back.at.item
    assert (await find_item(files.deps, files.owner, files.origin, below)).path == "/top (1)/below"


async def test_what_comes_back_goes_to_the_root_when_its_folder_is_gone(files: Files) -> None:
    top = await folder(files, "top")
    below = await folder(files, "below", top)
    await throw_away(files, below)
    await throw_away(files, top)
    back = await restore(files, below)
    root = await root_of(files.deps, files.owner.user_id, files.origin)
    assert back.at.item.parent_id == root.item.id
    [fact] = [fact for fact in await files.facts("files.item.restored.v1") if fact.data.item_id == below]
    assert fact.data.ancestor_ids == (root.item.id,)
    assert (fact.data.previous_parent_id, fact.data.previous_name) == (top, None)


async def test_what_comes_back_can_go_elsewhere_but_not_below_itself(files: Files) -> None:
    top, other = await folder(files, "top"), await folder(files, "other")
    below = await folder(files, "below", top)
    await throw_away(files, top)
    with pytest.raises(NotFound):
        await restore(files, top, parent=below)
    assert (await restore(files, top, parent=other)).path == "/other/top"


async def test_purging_removes_everything_below_with_its_bytes_and_frees_the_room(store: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(trash, "PURGE_PAGE", 2)
    async with files_on(store) as files:
        top = await folder(files, "top")
        below = await folder(files, "below", top)
        kept = await files.upload("kept.jpg", 7)
        gone = [await files.upload(f"{number}.jpg", 10, parent=below) for number in range(3)]
        newer = await files.upload("0.jpg", 5, parent=below, conflict="replace")
        early = await files.upload("early.jpg", 1, parent=below)
        await throw_away(files, early.item_id)
        await throw_away(files, top)
        assert await used(files) == 43
        await purge(files, top)
        assert await used(files) == 7
        assert len(await files.rows(select(items).where(items.c.owner_id == files.owner.user_id))) == 2
        left = {row.id for row in await files.rows(select(blobs.c.id).where(blobs.c.owner_id == files.owner.user_id))}
        assert left == {kept.blob_id}
        doomed = {row.key for row in await files.rows(select(doomed_blobs.c.key))}
        assert {upload.blob_key for upload in (*gone, newer, early)} <= doomed
        assert kept.blob_key not in doomed
        told = [fact for fact in await files.facts("files.item.purged.v1") if fact.data.owner_id == files.owner.user_id]
        assert len(told) == 6
        replaced = next(fact.data for fact in told if fact.data.item_id == gone[0].item_id)
        root = await root_of(files.deps, files.owner.user_id, files.origin)
        assert replaced.ancestor_ids == (root.item.id, top, below)
        assert set(replaced.blob_ids) == {gone[0].blob_id, newer.blob_id}
        with pytest.raises(NotFound):
            await purge(files, top)


async def test_only_what_is_in_the_trash_can_be_purged(files: Files) -> None:
    top = await folder(files, "top")
    below = await folder(files, "below", top)
    with pytest.raises(NotFound):
        await purge(files, top)
    await throw_away(files, top)
    with pytest.raises(NotFound):
        await purge(files, below)


async def test_the_root_stays_where_it_is(files: Files) -> None:
    root = (await root_of(files.deps, files.owner.user_id, files.origin)).item.id
    for ref in (root, "root"):
        with pytest.raises(StateConflict):
            await throw_away(files, ref)
        with pytest.raises(StateConflict):
            await change_item(files.deps, files.owner, files.origin, ref, Wish(name="x"), NOW)


async def test_a_stranger_can_neither_throw_away_nor_bring_back_nor_purge(files: Files) -> None:
    top = await folder(files, "top")
    stranger = person()
    with pytest.raises(NotFound):
        await trash.trash_item(files.deps, stranger, origin_of(stranger), top, NOW)
    await throw_away(files, top)
    with pytest.raises(NotFound):
        await trash.restore_item(files.deps, stranger, origin_of(stranger), top, parent=None, conflict="rename")
    with pytest.raises(NotFound):
        await trash.purge_item(files.deps, stranger, origin_of(stranger), top)


async def test_the_trash_empties_itself_in_time(database: Database) -> None:
    async with files_on(database("coffer_files"), trash_keep_days=3) as files:
        upload = await files.upload(size=9)
        await throw_away(files, upload.item_id)
        files.clock.advance(days=3)
        assert await trash.purge_old(files.deps) == 0
        files.clock.advance(seconds=1)
        assert await trash.purge_old(files.deps) == 1
        assert await used(files) == 0
        assert await files.rows(select(versions)) == []


async def test_what_is_just_being_restored_is_not_purged_with_the_folder_it_was_in(files: Files) -> None:
    top = await folder(files, "top")
    inner = await folder(files, "inner", await folder(files, "between", top))
    await throw_away(files, inner)
    await throw_away(files, top)
    async with files.deps.work.unit(files.origin) as unit:
        await trash.restore_in(unit, files.deps, files.owner, inner, None, "rename", look=False)
        purging = asyncio.create_task(purge(files, top))
        await files.somebody_waits()
    await purging
    assert (await find_item(files.deps, files.owner, files.origin, inner)).path == "/inner"


@pytest.mark.parametrize("below", [0, 3000])
async def test_what_lies_below_costs_nothing_to_throw_away_or_to_bring_back(files: Files, below: int) -> None:
    top = await folder(files, "top")
    middle = await folder(files, "middle", top)
    many = """INSERT INTO items (id, owner_id, parent_id, kind, name, name_key, revision, created_by, created_at, modified_at,
        changed_at) SELECT gen_random_uuid(), owner_id, id, 'folder', n::text, n::text, 1, created_by, created_at, created_at,
        created_at FROM items, generate_series(1, {below}) AS n WHERE items.id = '{item}' RETURNING 1"""
    assert len(await files.rows(many.format(below=below, item=middle))) == below
    # Once before, because a new connection asks about types.
    await throw_away(files, middle)
    await restore(files, middle)
    changed = "SELECT count(*) FROM items WHERE owner_id = '{owner}' AND xmin::text::bigint > {before}"
    [(before,)] = await files.rows("SELECT pg_current_xact_id()::text::bigint")
    files.statements.clear()
    await throw_away(files, top)
    thrown = len(files.statements)
    files.statements.clear()
    await restore(files, top)
    assert (thrown, len(files.statements)) == (4, 10)
    assert await files.rows(changed.format(owner=files.owner.user_id, before=before)) == [(1,)]


@pytest.mark.slow
async def test_a_file_with_more_versions_than_a_message_holds_can_be_purged(files: Files) -> None:
    item_id = (await files.upload("often.txt", 1)).item_id
    assert item_id is not None
    # As if it had been replaced every day for five years.
    many = """WITH made AS (SELECT gen_random_uuid() AS id FROM generate_series(1, 1800)), stored AS (INSERT INTO blobs
        (id, owner_id, key, etag, size_bytes, refcount, created_at)
        SELECT made.id, b.owner_id, 'blobs/' || b.owner_id || '/' || made.id, 'e', 0, 1, b.created_at FROM made, blobs b
        JOIN versions v ON v.blob_id = b.id WHERE v.item_id = '{item}' RETURNING id)
        INSERT INTO versions (id, item_id, blob_id, upload_id, size_bytes, mime_type, media_kind, flags, created_by, created_at,
        modified_at, preview_status, replaced_at) SELECT gen_random_uuid(), v.item_id, stored.id, v.upload_id, 0, v.mime_type,
        v.media_kind, v.flags, v.created_by, v.created_at, v.modified_at, 'none', v.created_at
        FROM stored, versions v WHERE v.item_id = '{item}' RETURNING 1"""
    assert len(await files.rows(many.format(item=item_id))) == 1800
    counted = f"UPDATE drives SET older_versions = 1800 WHERE owner_id = '{files.owner.user_id}' RETURNING 1"
    assert len(await files.rows(counted)) == 1
    await throw_away(files, item_id)
    await purge(files, item_id)
    (told,) = [fact for fact in await files.facts("files.item.purged.v1") if fact.data.item_id == item_id]
    assert len(told.data.blob_ids) == trash.NAMED_BLOBS
    assert len(await files.rows(select(doomed_blobs).where(doomed_blobs.c.reason == "purged"))) >= 1801


MANY = """WITH folders AS (INSERT INTO items (id, owner_id, parent_id, kind, name, name_key, revision, created_by, created_at,
    modified_at, changed_at) SELECT gen_random_uuid(), owner_id, id, 'folder', n::text, n::text, 1, created_by, created_at,
    created_at, created_at FROM items, generate_series(1, {wide}) AS n WHERE items.id = '{item}' RETURNING *)
    , inner_ones AS (INSERT INTO items (id, owner_id, parent_id, kind, name, name_key, revision, created_by, created_at,
    modified_at, changed_at) SELECT gen_random_uuid(), owner_id, id, 'folder', 'in', 'in', 1, created_by, created_at,
    created_at, created_at FROM folders WHERE {filled} RETURNING 1) SELECT count(*) FROM inner_ones"""


async def _read_by(unit: Unit) -> int:
    query = text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'items'")
    return int((await unit.connection.execute(query)).scalar_one())


@pytest.mark.slow
@pytest.mark.parametrize("filled", [False, True])
async def test_a_page_of_a_removal_costs_no_more_in_a_larger_folder(files: Files, monkeypatch: Any, filled: bool) -> None:
    monkeypatch.setattr(trash, "PURGE_PAGE", 50)
    top = await folder(files, "top")
    await files.rows(MANY.format(wide=6000, item=top, filled=filled))
    async with files.engine.begin() as connection:
        await connection.execute(text("ANALYZE items"))  # as it is where so many have been for a while
    await throw_away(files, top)
    whole = 6001 + 6000 * filled
    for _ in range(3):
        async with files.deps.work.unit(files.origin) as unit:
            before = await _read_by(unit)
            assert not await trash.purge_some(unit, files.owner.user_id, top)
            read = await _read_by(unit) - before
        assert read < 3000, read
        [(left,)] = await files.rows(f"SELECT count(*) FROM items WHERE owner_id = '{files.owner.user_id}'")
        assert left == (whole := whole - 50) + 1


async def test_all_of_a_tree_goes_however_little_of_it_is_looked_at(files: Files, monkeypatch: Any) -> None:
    monkeypatch.setattr(trash, "PURGE_PAGE", 3)
    top = await folder(files, "top")
    await folder(files, "leaf", top)
    chain = await folder(files, "chain", top)
    for number in range(12):
        chain = await folder(files, str(number), chain)
    wide = await folder(files, "wide", chain)
    await files.rows(MANY.format(wide=30, item=wide, filled="name::int % 2 = 0"))
    early = await folder(files, "early", wide)
    await throw_away(files, early)
    await throw_away(files, top)
    await purge(files, top)
    assert len(await files.rows(select(items.c.id).where(items.c.owner_id == files.owner.user_id))) == 1
    gone = [fact.data for fact in await files.facts("files.item.purged.v1") if fact.data.owner_id == files.owner.user_id]
    order = [fact.item_id for fact in gone]
    assert len(order) == len(set(order)) == 1 + 1 + 13 + 1 + 30 + 15 + 1
    assert all(order.index(above) > place for place, fact in enumerate(gone) for above in fact.ancestor_ids[1:])
    assert {fact.ancestor_ids[-1] for fact in gone} == {fact.parent_id for fact in gone}
