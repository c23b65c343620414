"""A store that holds nothing but copies of what others own."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from coffer_chassis.copies.grants import grants_table
from coffer_chassis.copies.people import people_table
from coffer_chassis.copies.tree import tree_table
from factories.databases import PostgresServer

METADATA = MetaData()
GRANTS = grants_table(METADATA)
PEOPLE = people_table(METADATA)
TREE = tree_table(METADATA)


@pytest.fixture(scope="module")
def copies_url(postgres: PostgresServer) -> str:
    """URL of the module's store of copies."""
    url = postgres.empty()

    async def create() -> None:
        engine = create_async_engine(url, poolclass=NullPool)
        async with engine.begin() as connection:
            await connection.run_sync(METADATA.create_all)
        await engine.dispose()

    with ThreadPoolExecutor(1) as aside:
        aside.submit(asyncio.run, create()).result()
    return url


@pytest.fixture
async def copies(copies_url: str) -> AsyncIterator[AsyncConnection]:
    """A connection to empty copies; what is written is taken back at the end."""
    engine = create_async_engine(copies_url, poolclass=NullPool)
    async with engine.connect() as connection:
        transaction = await connection.begin()
        yield connection
        await transaction.rollback()
    await engine.dispose()
