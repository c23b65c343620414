"""What a page of comments costs, however many there are."""

from typing import Any

import pytest
from sqlalchemy import text

from coffer_chassis.testing import NOON
from coffer_sharing.domain.comments import MOST_ON_ITEM, Reading, ThreadPlace
from coffer_sharing.store import comments
from factories.sharing import Sharing, id_made

pytestmark = pytest.mark.slow

FILL = text("""
    INSERT INTO comments
        (id, item_id, thread_id, is_reply, author_id, text, mentioned, replies, created_at, changed_at, revision)
    SELECT one, item, coalesce(thread, one), thread IS NOT NULL, :author, 'Nice', '{}', 4, :now, :now, 1
    FROM (SELECT CAST(lpad(to_hex(n), 32, '0') AS uuid) AS one,
                 CASE WHEN n % 5 > 0 THEN CAST(lpad(to_hex(n - n % 5), 32, '0') AS uuid) END AS thread,
                 CASE WHEN n <= :count THEN CAST(:item AS uuid) ELSE gen_random_uuid() END AS item
          FROM generate_series(5, :count * 4) AS n) AS made
""")


@pytest.mark.parametrize("newest_first", [True, False])
async def test_a_page_reads_about_as_many_rows_as_it_shows(sharing: Sharing, *, newest_first: bool) -> None:
    item = await sharing.item()
    async with sharing.engine.connect() as connection:
        values = {"item": item.id, "author": id_made(), "now": NOON, "count": MOST_ON_ITEM}
        await connection.execute(FILL, values)
        await connection.execute(text("ANALYZE comments"))
        first = await comments.page(connection, item.id, Reading(100, newest_first))
        last = ThreadPlace(first[-1].thread_id, first[-1].is_reply, first[-1].id)
        for after in (None, last):
            before = await rows_read(connection)
            page = await comments.page(connection, item.id, Reading(100, newest_first, after=after))
            assert len(page) == 100
            assert await rows_read(connection) - before <= 120
        await connection.rollback()


async def rows_read(connection: Any) -> int:
    """Rows of comments that this transaction has brought up so far."""
    counted = "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = 'comments'"
    return int((await connection.execute(text(counted))).scalar_one())
