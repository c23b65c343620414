"""Telling again how every item stands, so that a copy can be rebuilt from nothing."""

from typing import Any

import pytest
from sqlalchemy import select

from coffer_chassis.etags import Conditions
from coffer_chassis.snapshots import restate_all
from coffer_files.handlers import snapshots
from coffer_files.handlers.items import Wish, change_item, make_folder
from coffer_files.handlers.snapshots import ITEMS
from coffer_files.handlers.trash import purge_item, trash_item
from coffer_files.store.tables import chassis, items
from factories.databases import Database
from factories.files import Files, files_on

pytestmark = pytest.mark.slow


async def folder(files: Files, name: str, parent: str = "root") -> Any:
    made, _ = await make_folder(files.deps, files.owner, files.origin, None, parent=parent, name=name, conflict="fail")
    return made.at.item.id


async def restated(files: Files) -> list[Any]:
    """What a snapshot tells, and nothing that was told before."""
    async with files.engine.begin() as connection:
        await connection.execute(chassis.outbox.delete())
    counted = await restate_all(files.deps.work, [ITEMS])
    told = await files.facts()
    assert counted == {"items": len(told)}
    return told


@pytest.mark.parametrize("page", [1, 2, 500])
async def test_every_item_is_told_as_it_stands_at_its_revision(
    database: Database, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(snapshots, "PAGE", page)
    async with files_on(database("coffer_files")) as files:
        one, other = await folder(files, "one"), await folder(files, "other")
        inner = await folder(files, "inner", one)
        upload = await files.upload("photo.jpg", parent=inner)
        trashed, gone = await folder(files, "trashed", inner), await folder(files, "gone")
        await change_item(files.deps, files.owner, files.origin, one, Wish(name="One", parent=other), Conditions())
        for item in (trashed, gone):
            await trash_item(files.deps, files.owner, files.origin, item, Conditions())
        await purge_item(files.deps, files.owner, files.origin, gone)
        last = {fact.data.item_id: fact for fact in await files.facts() if fact.subject.startswith("item/")}

        told = {fact.data.item_id: fact for fact in await restated(files)}
        kept = {row.id: row for row in await files.rows(select(items))}
        assert set(told) == set(kept)
        assert {one, other, inner, trashed, upload.item_id} < set(told)
        root = next(item_id for item_id, fact in told.items() if fact.data.parent_id is None)
        above = {root: (), other: (root,), one: (root, other), inner: (root, other, one)}
        above |= {trashed: (root, other, one, inner), upload.item_id: (root, other, one, inner)}
        for item_id, fact in told.items():
            assert (fact.type, fact.data.changes, fact.revision) == ("files.item.changed.v1", (), kept[item_id].revision)
            assert fact.data.ancestor_ids == above[item_id]
            same = {name: getattr(last[item_id].data, name) for name in ("kind", "name", "parent_id", "content", "trashed_at")}
            assert {name: getattr(fact.data, name) for name in same} == same


async def test_a_change_meanwhile_neither_repeats_nor_skips_an_item(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "PAGE", 2)
    async with files_on(database("coffer_files")) as files:
        made = [await folder(files, str(number)) for number in range(5)]
        pages = ITEMS.page
        async with files.deps.work.read() as connection:
            first, after = await pages(connection, None)
        await change_item(files.deps, files.owner, files.origin, made[0], Wish(name="renamed"), Conditions())
        seen = list(first)
        while after is not None:
            async with files.deps.work.read() as connection:
                more, after = await pages(connection, after)
            seen += more
        assert len({fact.subject for fact, _ in seen}) == len(seen) == 6


async def test_a_page_costs_one_statement(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async with files_on(database("coffer_files")) as files:
        parent = "root"
        for level in range(6):
            parent = await folder(files, str(level), parent)
            await files.upload(f"{level}.jpg", parent=parent)
        async with files.deps.work.read() as connection:
            files.statements.clear()
            found, after = await ITEMS.page(connection, None)
            assert (len(found), after, len(files.statements)) == (13, None, 1)
