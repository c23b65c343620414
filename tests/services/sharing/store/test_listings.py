"""What a page costs: by time it reads about as many rows as it shows, however much is shared."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import registry

from coffer_chassis.testing import NOON
from coffer_sharing.domain import Beginning, Order
from coffer_sharing.store import listings
from coffer_sharing.store.listings import Asked
from factories.sharing import Sharing

pytestmark = pytest.mark.slow

FILL = text("""
    WITH made AS (
        INSERT INTO tree (item_id, owner_id, parent_id, kind, name, above, sequence)
        SELECT gen_random_uuid(), :owner, :parent, 'folder', 'n' || n, '{}', 1 FROM generate_series(1, :count) AS n
        RETURNING item_id, name
    )
    INSERT INTO shares (id, item_id, owner_id, granted_by, recipient_id, role, created_at, changed_at, revision)
    SELECT gen_random_uuid(), item_id, :owner, :owner, :recipient, 'viewer', moment, moment, 1
    FROM (SELECT item_id, CAST(:moment AS timestamptz) + make_interval(mins => substr(name, 2)::int / 3) AS moment
          FROM made) AS rows
""")
MANY = 5000
DIALECT: Any = registry.load("postgresql")()


async def fill(sharing: Sharing, count: int = MANY) -> Any:
    recipient = await sharing.person()
    parent = sharing.root
    for number in range(5):
        parent = await sharing.item(f"level {number}", parent)
    owner = sharing.owner.user_id
    values = {"owner": owner, "parent": parent.id, "recipient": recipient.user_id, "count": count, "moment": NOON}
    async with sharing.engine.begin() as connection:
        await connection.execute(FILL, values)
        await connection.execute(text("ANALYZE shares"))
        await connection.execute(text("ANALYZE tree"))
    return recipient


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("view", ["with_recipient", "by_sharer"])
async def test_a_page_by_time_reads_no_more_rows_when_much_is_shared(sharing: Sharing, view: Any, descending: bool) -> None:
    recipient = await fill(sharing)
    order = Order("created_at", descending)
    reader = listings.shares_with if view == "with_recipient" else listings.shares_by
    somebody = recipient.user_id if view == "with_recipient" else sharing.owner.user_id
    async with sharing.deps.work.read() as connection:
        middle = (await reader(connection, somebody, NOON, Asked(order, MANY // 2)))[-1]
        for after in (None, Beginning(middle.place, middle.share.id)):
            statement = listings._statement(view, order, of_kind=False, goes_on=after is not None)
            values = {"now": NOON, "limit": 50, "user": somebody}
            values |= {"value": after.value, "id": after.id} if after else {}
            bound = statement.params(values).compile(dialect=DIALECT, compile_kwargs={"literal_binds": True})
            plan = (await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {bound}")).scalar_one()
            scanned = [node for node in nodes(plan[0]["Plan"]) if node.get("Relation Name") == "shares"]
            assert sum(rows_read(node) for node in scanned) <= 51


def nodes(node: Any) -> Any:
    yield node
    for below in node.get("Plans", ()):
        yield from nodes(below)


def rows_read(node: Any) -> float:
    """Rows that a node of a plan brought up or threw away."""
    return float((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])


async def test_a_page_is_full_although_much_of_what_is_shared_lies_in_the_trash(sharing: Sharing) -> None:
    recipient = await fill(sharing, 300)
    async with sharing.engine.begin() as connection:
        await connection.execute(
            text(
                "UPDATE tree SET trashed_at = :now WHERE owner_id = :owner AND name LIKE 'n%' AND substr(name, 2)::int % 3 > 0"
            ),
            {"now": NOON, "owner": sharing.owner.user_id},
        )
    async with sharing.deps.work.read() as connection:
        page = await listings.shares_with(connection, recipient.user_id, NOON, Asked(Order(), 100))
        assert len(page) == 100
        after = Beginning(page[-2].place, page[-2].share.id)
        assert len(await listings.shares_with(connection, recipient.user_id, NOON, Asked(Order(), 100, after))) == 1


@pytest.mark.parametrize("key", ["created_at", "name"])
async def test_a_page_is_full_although_most_of_what_is_shared_lies_below_a_folder_in_the_trash(
    sharing: Sharing, key: Any
) -> None:
    recipient = await fill(sharing, 3000)
    shut = await sharing.item("shut")
    below = await sharing.item("below", shut)
    moved = {"now": NOON, "owner": sharing.owner.user_id, "shut": shut.id, "below": below.id}
    async with sharing.engine.begin() as connection:
        # All but the twenty-five that come last in both orders.
        await connection.execute(
            text(
                "UPDATE tree SET parent_id = :below WHERE owner_id = :owner AND name LIKE 'n%'"
                " AND NOT (name LIKE 'n10__' AND substr(name, 2)::int % 4 = 0)"
            ),
            moved,
        )
        await connection.execute(text("UPDATE tree SET trashed_at = :now WHERE item_id = :shut"), moved)
    order = Order(key, descending=True)
    async with sharing.deps.work.read() as connection:
        open_to_them = await listings.shares_with(connection, recipient.user_id, NOON, Asked(order, 100))
        assert len(open_to_them) == 25
        first = await listings.shares_with(connection, recipient.user_id, NOON, Asked(order, 10))
        after = Beginning(first[-1].place, first[-1].share.id)
        rest = await listings.shares_with(connection, recipient.user_id, NOON, Asked(order, 100, after))
    assert [*first, *rest] == open_to_them
