"""The media worker's schema."""

from coffer_chassis.migrations import schema_differences
from coffer_media_worker.store import tables
from factories.databases import Database


async def test_migrations_make_exactly_the_tables_that_the_queries_use(database: Database) -> None:
    assert await schema_differences(database("coffer_media_worker"), tables.metadata) == []
