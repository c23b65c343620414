"""Comparisons of bucket and store in tests: files with bytes, strays, and a run from its beginning to its end."""

from sqlalchemy.ext.asyncio import AsyncEngine

from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_files.app import TOPOLOGY
from coffer_files.domain.reconciling import Run, Wish
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.reconciling import find_run, reconcile, request_run
from coffer_files.store.tables import metadata
from factories.bytes import put
from factories.files import Files, cleared, stored
from factories.operators import operations_of

OPERATOR = Origin("shell/ada", "operator", "c")
NOW = Wish(grace_seconds=0)
REPAIR = Wish(repair=True, grace_seconds=0)


async def emptied(engine: AsyncEngine) -> None:
    """A comparison looks at the whole store, so every test needs it to itself."""
    async with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            await connection.execute(table.delete())


async def committed(files: Files, name: str) -> Upload:
    """A file with its bytes."""
    upload = await files.start(name)
    etag = await put(files, upload)
    await files.handle(stored(upload, etag=etag), cleared(upload, etag=etag))
    return await files.now(upload)


async def stray(files: Files, *, key: str | None = None, size: int = 7) -> str:
    """An object that nobody knows."""
    key = key or f"blobs/{files.owner.user_id}/{new_id()}"
    await files.blobs.write(key, b"x" * size, content_type="image/jpeg")
    return key


async def compare(files: Files, wish: Wish = NOW) -> Run:
    files.clock.advance(seconds=1)
    asked = await request_run(files.deps, operations_of(TOPOLOGY, files.deps.work), OPERATOR, wish)
    await reconcile(files.deps)
    return await find_run(files.deps, asked.run.id)
