"""Whether a service's store has the newest schema, and bringing it there. Alembic is loaded only when there is something to
do: with what it imports it is 8 MiB that a running service has no use for.
"""

from importlib.resources import files

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool


async def migrate(url: str, package: str) -> None:
    """Bring the store at `url` (`postgresql+asyncpg://...`) to the newest revision in `<package>/migrations/versions`.

    May run twice and in several processes at once; all revisions commit together or not at all. Raises
    `migrations.SchemaMismatch` for a store that is newer than the code.
    """
    if await _revision(url) == newest_revision(package):
        return
    from coffer_chassis.migrations import upgrade  # noqa: PLC0415  # loaded only when there is something to do

    await upgrade(url, package)


def newest_revision(package: str) -> str:
    """The revision that the code was written for: the number that the last file of the history begins with."""
    folder = files(package).joinpath("migrations", "versions")
    return max(file.name.partition("_")[0] for file in folder.iterdir() if file.name.endswith(".py"))


async def _revision(url: str) -> str | None:
    """The one revision the store is at; None for a store without any."""
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            if (await connection.execute(sa.text("SELECT to_regclass('alembic_version')"))).scalar_one() is None:
                return None
            found = (await connection.execute(sa.text("SELECT version_num FROM alembic_version"))).scalars().all()
            return str(found[0]) if len(found) == 1 else None
    finally:
        await engine.dispose()
