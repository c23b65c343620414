"""Statements that bypass SQLAlchemy's execution still live by its pool's rules."""

import asyncpg
import pytest
from sqlalchemy import literal, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from coffer_chassis.outages import outage_of
from coffer_chassis.tables import chassis_tables
from coffer_chassis.testing import FixedClock
from coffer_chassis.unit_of_work import Work
from coffer_files.store.direct import Direct
from coffer_files.store.tables import metadata
from factories.databases import PostgresServer

ONE = Direct(select(literal(1).label("one")))


async def test_a_connection_that_died_is_not_handed_out_again(postgres: PostgresServer) -> None:
    engine = create_async_engine(postgres.empty(), pool_size=1, max_overflow=0)
    work = Work(engine, chassis_tables(type(metadata)()), source="/test", clock=FixedClock())
    async with work.read() as connection:
        number = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    operator = await asyncpg.connect(postgres.empty().replace("postgresql+asyncpg", "postgresql"))
    await operator.execute("SELECT pg_terminate_backend($1)", number)
    await operator.close()
    with pytest.raises(Exception, match=r".") as ended:
        async with work.read() as connection:
            await ONE.rows(connection)
    assert outage_of(ended.value) is not None
    async with work.read() as connection:
        assert [tuple(row) for row in await ONE.rows(connection)] == [(1,)]
    await engine.dispose()
