"""An outage is told from a fault of ours."""

import asyncio
from datetime import datetime, timedelta, timezone

import asyncpg
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import create_async_engine

from coffer_chassis.outages import outage_of
from factories.databases import PostgresServer


def refused(status: int, code: str = "X") -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "HeadObject")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EndpointConnectionError(endpoint_url="http://nowhere"), "dependency_failed"),
        (refused(503), "dependency_failed"),
        (refused(403), None),
        (refused(400, "Throttling"), "dependency_failed"),
        (refused(400, "ThrottlingException"), "dependency_failed"),
        (refused(400, "ExpiredToken"), "dependency_failed"),
        (refused(400, "RequestTimeout"), "dependency_failed"),
        (refused(429), "dependency_failed"),
        (refused(400, "InvalidParameterValue"), None),
        (ParamValidationError(report="Invalid length for parameter Key"), None),
        (PoolTimeoutError("no connection"), "unavailable"),
        (ConnectionRefusedError(), "unavailable"),
        (asyncpg.CannotConnectNowError("starting up"), "unavailable"),
        (asyncpg.InterfaceError("connection is closed"), "unavailable"),
        (asyncpg.InterfaceError("cannot perform operation: another operation is in progress"), None),
        (TimeoutError(), "unavailable"),
        (ValueError("ours"), None),
        (KeyError("ours"), None),
    ],
)
def test_what_is_an_outage(error: Exception, code: str | None) -> None:
    outage = outage_of(error)
    assert (outage.code if outage else None) == code
    if outage is not None:
        assert outage.retry_after_seconds == 1


async def test_a_session_that_the_server_ended_is_an_outage(postgres: PostgresServer) -> None:
    engine = create_async_engine(postgres.empty())
    async with engine.connect() as victim, engine.connect() as operator:
        number = (await victim.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        await operator.execute(text("SELECT pg_terminate_backend(:number)"), {"number": number})
        with pytest.raises(DBAPIError) as ended:
            await victim.execute(text("SELECT 1"))
    await engine.dispose()
    outage = outage_of(ended.value)
    assert outage is not None
    assert outage.code == "unavailable"


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("SELECT nothing FROM nowhere", {}),
        ("SELECT CAST(:id AS UUID)", {"id": "nope"}),
        ("SELECT CAST(:moment AS TIMESTAMPTZ)", {"moment": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))}),
        ("SELECT CAST(:number AS BIGINT)", {"number": 2**70}),
    ],
)
async def test_a_wrong_statement_or_argument_is_our_fault(
    postgres: PostgresServer, statement: str, values: dict[str, object]
) -> None:
    engine = create_async_engine(postgres.empty())
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError) as wrong:
            await connection.execute(text(statement), values)
    await engine.dispose()
    assert outage_of(wrong.value) is None


async def test_two_changes_in_each_others_way_are_to_be_tried_again(postgres: PostgresServer) -> None:
    engine = create_async_engine(postgres.empty())
    async with engine.begin() as connection:
        await connection.execute(text("SET deadlock_timeout = '10ms'"))
        await connection.execute(text("CREATE TABLE pair AS SELECT generate_series(1, 2) AS number"))

    async def change(first: int, second: int, both_hold: asyncio.Barrier) -> None:
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE pair SET number = number WHERE number = :n"), {"n": first})
            await both_hold.wait()
            await connection.execute(text("UPDATE pair SET number = number WHERE number = :n"), {"n": second})

    barrier = asyncio.Barrier(2)
    ends = await asyncio.gather(change(1, 2, barrier), change(2, 1, barrier), return_exceptions=True)
    await engine.dispose()
    (failed,) = [end for end in ends if isinstance(end, BaseException)]
    outage = outage_of(failed)
    assert outage is not None
    assert (outage.code, outage.retry_after_seconds) == ("unavailable", 1)
