"""Pages of a folder: every order, without gaps or repeats, at a cost that does not grow."""

import itertools
import random
from typing import Any

import pytest
from sqlalchemy import text

from coffer_chassis.testing import NOON
from coffer_files.domain.items import SORT_COLUMNS, Beginning, Listed, Order
from coffer_files.domain.names import name_key
from coffer_files.handlers.drives import root_of
from coffer_files.store import listings
from factories.files import Files

pytestmark = pytest.mark.slow  # every order, with folders of hundreds

ORDERS = [
    Order(key, descending, folders_first)
    for key, descending, folders_first in itertools.product(SORT_COLUMNS, (False, True), (False, True))
]

FILL = text("""
    INSERT INTO items (id, owner_id, parent_id, kind, name, name_key, revision, version_id, size_bytes, created_by,
                       created_at, modified_at, changed_at)
    SELECT gen_random_uuid(), :owner, :parent, kind, name, name, 1,
           CASE WHEN kind = 'file' THEN gen_random_uuid() END, n % 5, :owner, moment, moment, moment
    FROM (SELECT n, 'n' || lpad(n::text, 7, '0') AS name, CASE WHEN n % 4 = 0 THEN 'folder' ELSE 'file' END AS kind,
                 CAST(:moment AS timestamptz) + make_interval(mins => n % 3) AS moment
          FROM generate_series(1, :count) AS n) AS rows
""")


async def fill(files: Files, count: Any) -> Any:
    root = (await root_of(files.deps, files.owner.user_id, files.origin)).item.id
    async with files.engine.begin() as connection:
        values = {"owner": files.owner.user_id, "parent": root, "count": count, "moment": NOON}
        await connection.execute(FILL, values)
        await connection.execute(text("ANALYZE items"))
    return root


def sort_value(item: Listed, order: Order) -> object:
    return name_key(item.name) if order.key == "name" else getattr(item, SORT_COLUMNS[order.key])


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: f"{order.text}-{'folders' if order.folders_first else 'mixed'}")
async def test_pages_follow_each_other_without_gap_or_repeat(files: Files, order: Any) -> None:
    root = await fill(files, 60)
    seen, after = [], None
    async with files.deps.work.read() as connection:
        while page := await listings.children(connection, root, order, limit=random.randint(1, 9), after=after):
            seen += page
            after = Beginning(page[-1].kind, page[-1].place, page[-1].id)
    assert len({item.id for item in seen}) == len(seen) == 60
    ranked = sorted(seen, key=lambda item: (sort_value(item, order), item.id), reverse=order.descending)
    if order.folders_first:
        ranked.sort(key=lambda item: item.kind == "file")
    assert [item.id for item in seen] == [item.id for item in ranked]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: f"{order.text}-{'folders' if order.folders_first else 'mixed'}")
async def test_a_page_reads_no_more_rows_in_a_large_folder(files: Files, order: Any) -> None:
    root = await fill(files, 5000)
    async with files.deps.work.read() as connection:
        middle = (await listings.children(connection, root, order, limit=1000))[-1]
        for after in (None, Beginning(middle.kind, middle.place, middle.id)):
            statement = listings._page(order, after.kind if after else None, frozenset(listings._KINDS), frozenset())
            place = {"value": after.value, "id": after.id} if after else {}
            raw: Any = (await connection.get_raw_connection()).driver_connection
            explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.sql}"
            plan = await raw.fetchval(explain, *statement.arguments(parent=root, limit=50, **place))
            assert max(rows_read(plan[0]["Plan"])) <= 101


def rows_read(node: Any) -> Any:
    """Rows that each node of a plan brought up or threw away."""
    yield (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    for below in node.get("Plans", ()):
        yield from rows_read(below)


async def test_the_trash_is_not_listed(files: Files) -> None:
    root = await fill(files, 8)
    async with files.engine.begin() as connection:
        await connection.execute(
            text(
                "UPDATE items SET trashed_at = now(), trash_key = name_key, name_key = NULL "
                "WHERE parent_id = :root AND kind = 'folder'"
            ),
            {"root": root},
        )
    async with files.deps.work.read() as connection:
        assert len(await listings.children(connection, root, Order("name"), limit=100)) == 6
        assert await listings.count_children(connection, root) == 6
