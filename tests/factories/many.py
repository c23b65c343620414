"""Folders with more in them than anybody would upload in a test: rows in the store of a running stack."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import asyncpg

from factories.people import Person
from factories.stacks import LocalStack

_INSERT = """
INSERT INTO items (id, owner_id, parent_id, kind, name, name_key, revision, created_by, created_at, modified_at, changed_at)
SELECT gen_random_uuid(), owner_id, id, 'folder', made.name, lower(made.name), 1, created_by, created_at, created_at, created_at
FROM items, (SELECT 'Thing ' || lpad(n::text, 6, '0') AS name FROM generate_series(1, CAST($2 AS integer)) AS n) AS made
WHERE items.id = $1
"""


def folder_of(stack: LocalStack, person: Person, name: str, count: int) -> str:
    """A folder with so many folders in it, called `Thing 000001` and so on; its id."""
    folder = str(person.folder(name)["id"])
    url = stack.variables["COFFER_FILES_DATABASE_URL"].replace("postgresql+asyncpg", "postgresql")

    async def add() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(_INSERT, folder, count)
            await connection.execute("ANALYZE items")
        finally:
            await connection.close()

    # In a thread of its own: whoever drives a browser has a loop running in this one.
    with ThreadPoolExecutor(1) as beside:
        beside.submit(asyncio.run, add()).result()
    return folder
