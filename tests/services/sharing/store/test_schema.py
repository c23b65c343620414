"""The migrations and today's tables agree."""

from coffer_chassis.migrations import schema_differences
from coffer_sharing.store.tables import metadata
from factories.databases import Database


async def test_migrations_build_exactly_the_tables_that_the_code_uses(database: Database) -> None:
    assert await schema_differences(database("coffer_sharing"), metadata) == []
