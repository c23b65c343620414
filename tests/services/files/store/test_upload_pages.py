"""Pages of somebody's uploads cost what they show, however many others there are."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from coffer_files.store.uploads import page_of
from coffer_files.store.visitors import open_through, still_open
from factories.files import Files, person, stored

MANY = 4000
BUFFERS = 60
"""Pages that a query may touch; the uploads that are not asked for lie on hundreds."""

COMMITTED = """
INSERT INTO uploads (id, owner_id, uploader_id, parent_id, name, conflict, size_bytes, blob_id, blob_key, state, revision,
                     created_at, changed_at, actor_kind, correlation_id)
SELECT gen_random_uuid(), CAST(:owner AS uuid), CAST(:sender AS uuid), gen_random_uuid(), 'a.jpg', 'rename', 1,
       gen_random_uuid(), '', 'committed', 4, now(), now(), 'user', 'many'
FROM generate_series(1, :count)
"""


@pytest.mark.parametrize("states", [["created", "received", "cleared", "conflict", "failed"], ["conflict"]])
async def test_open_uploads_are_found_among_thousands_that_are_committed(files: Files, states: list[str]) -> None:
    upload = await files.start()
    await files.handle(stored(upload))
    owner, sender = files.owner.user_id, person().user_id
    async with files.engine.begin() as connection:
        for uploader in (owner, sender):
            await connection.execute(text(COMMITTED), {"owner": owner, "sender": uploader, "count": MANY})
        await connection.execute(text("ANALYZE uploads"))
        found = (await connection.execute(page_of(owner, states, 101, None))).all()
        assert [str(row.id) for row in found] == ([upload.id] if "received" in states else [])
        assert await _touched(connection, page_of(owner, states, 101, None)) < BUFFERS
        everything = await connection.execute(page_of(owner, [], 101, None))
        assert len(everything.all()) == 101


async def test_what_a_visitor_sent_is_found_among_thousands_that_others_sent_through_the_link(files: Files) -> None:
    owner, link = files.owner.user_id, person().user_id
    by_visitors = COMMITTED.replace("actor_kind,", "actor_kind, session_id,").replace("'user',", "'link', gen_random_uuid(),")
    async with files.engine.begin() as connection:
        await connection.execute(text(by_visitors), {"owner": owner, "sender": link, "count": MANY})
        one = text("SELECT id, session_id FROM uploads WHERE uploader_id = :link LIMIT 1")
        row = (await connection.execute(one, {"link": link})).one()
        await connection.execute(text("UPDATE uploads SET deadline_at = now() WHERE id = :id"), {"id": row.id})
        await connection.execute(text("ANALYZE uploads"))
        page = page_of(link, [], 101, None, row.session_id)
        assert [str(found.id) for found in await connection.execute(page)] == [str(row.id)]
        assert await _touched(connection, page) < BUFFERS
        assert await open_through(connection, link) == 1
        assert await _touched(connection, still_open(link)) < BUFFERS


async def _touched(connection: Any, statement: Any) -> int:
    compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    values = tuple(compiled.params[name] for name in compiled.positiontup)
    explained = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {compiled}", values)
    plan = explained.scalar_one()
    top = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    return int(top["Shared Hit Blocks"]) + int(top["Shared Read Blocks"])
