"""Migrating real databases: from nothing, twice, at once, and when the store is newer than the code."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import create_async_engine

from coffer_auth.store.tables import METADATA
from coffer_chassis.migrations import SchemaMismatch, schema_differences
from coffer_chassis.schema import migrate, newest_revision
from factories.databases import PostgresServer


async def versions(url: str) -> list[str]:
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            return list((await connection.execute(text("SELECT version_num FROM alembic_version"))).scalars())
    finally:
        await engine.dispose()


@pytest.mark.slow
async def test_four_processes_worth_of_migrations_at_once_make_one_schema(postgres: PostgresServer) -> None:
    url = postgres.empty()
    other = postgres.empty()
    await asyncio.gather(*(migrate(address, "coffer_auth") for address in (url, other, url, url, other)))
    assert await schema_differences(url, METADATA) == []
    assert await schema_differences(other, METADATA) == []


async def test_a_second_migration_changes_nothing(postgres: PostgresServer) -> None:
    url = postgres.database("coffer_auth")
    before = await versions(url)
    await migrate(url, "coffer_auth")
    assert await versions(url) == before
    assert before != []


@pytest.mark.slow  # two processes of their own
async def test_a_store_that_is_up_to_date_costs_no_alembic(postgres: PostgresServer) -> None:
    looks = (
        "import asyncio, sys\n"
        "import coffer_local.stack\n"
        "from coffer_chassis.schema import migrate\n"
        "asyncio.run(migrate(sys.stdin.read(), 'coffer_auth'))\n"
        "print('alembic' in sys.modules)\n"
    )
    seen = []
    for url in (postgres.database("coffer_auth"), postgres.empty()):
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", looks], input=url, capture_output=True, text=True, check=True
        )
        seen.append(done.stdout.strip())
    assert seen == ["False", "True"]


@pytest.mark.parametrize(
    "package", [f"coffer_{service}" for service in ("auth", "files", "media_worker", "notifier", "sharing")]
)
async def test_the_newest_revision_is_the_one_that_a_store_ends_at(postgres: PostgresServer, package: str) -> None:
    assert await versions(postgres.database(package)) == [newest_revision(package)]


async def test_a_difference_between_schema_and_tables_is_seen(postgres: PostgresServer) -> None:
    assert await schema_differences(postgres.empty(), METADATA) != []
    assert await schema_differences(postgres.database("coffer_auth"), MetaData()) != []


async def test_refuses_a_store_that_is_newer_than_the_code(postgres: PostgresServer) -> None:
    url = postgres.database("coffer_auth")
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await engine.dispose()
    with pytest.raises(SchemaMismatch, match="9999"):
        await migrate(url, "coffer_auth")


async def test_a_failing_revision_leaves_no_trace(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revisions = tmp_path / "coffer_broken" / "migrations" / "versions"
    revisions.mkdir(parents=True)
    (tmp_path / "coffer_broken" / "__init__.py").touch()
    head = "from alembic import op\nimport sqlalchemy as sa\n"
    (revisions / "0001_good.py").write_text(
        f"{head}revision = '0001'\ndown_revision = None\n"
        "def upgrade():\n    op.create_table('first', sa.Column('id', sa.Integer, primary_key=True))\n"
    )
    (revisions / "0002_bad.py").write_text(
        f"{head}revision = '0002'\ndown_revision = '0001'\ndef upgrade():\n    op.execute('SELECT * FROM nowhere')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    url = postgres.empty()
    with pytest.raises(Exception, match="nowhere"):
        await migrate(url, "coffer_broken")
    assert await schema_differences(url, MetaData()) == []
