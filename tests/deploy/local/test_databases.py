"""The job that makes roles and databases: on a server of its own, twice, without rights, and against nobody."""

import asyncio

import asyncpg
import pytest

from coffer_local.databases import DatabaseSettings, make_databases, role_of, wanted
from coffer_local.home import StartError
from factories.databases import PostgresServer

SECRET = "0123456789abcdef"


def settings_for(postgres: PostgresServer, user: str = "coffer") -> DatabaseSettings:
    return DatabaseSettings.model_validate({"admin_url": f"postgresql://{user}:{SECRET}@127.0.0.1:{postgres.port}/postgres"})


def addresses(postgres: PostgresServer, *roles: str, password: str = SECRET) -> dict[str, str]:
    host = f"127.0.0.1:{postgres.port}"
    return {f"COFFER_{role.upper()}_DATABASE_URL": f"postgresql+asyncpg://{role}:{password}@{host}/{role}" for role in roles}


async def query(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), ssl=False)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_each_address_gets_its_role_and_its_database_and_keeps_its_rows(postgres: PostgresServer) -> None:
    wanted_by = addresses(postgres, "jobs_auth", "jobs_media_worker")
    assert await make_databases(settings_for(postgres), wanted_by) == ["jobs_auth", "jobs_media_worker"]
    url = wanted_by["COFFER_JOBS_AUTH_DATABASE_URL"]
    await query(url, "CREATE TABLE note AS SELECT 1")
    assert await make_databases(settings_for(postgres), wanted_by) == ["jobs_auth", "jobs_media_worker"]
    assert await query(url, "SELECT count(*) FROM note") == 1
    owner = "SELECT current_user || ' ' || pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    assert await query(url, owner) == "jobs_auth jobs_auth"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await query(f"{url.rpartition('/')[0]}/jobs_media_worker", "SELECT 1")


async def test_a_role_that_may_make_roles_and_databases_is_enough(postgres: PostgresServer) -> None:
    await query(postgres.url("postgres"), "CREATE ROLE managed LOGIN CREATEROLE CREATEDB")
    await query(postgres.url("postgres"), "GRANT CONNECT ON DATABASE postgres TO managed")
    wanted_by = addresses(postgres, "jobs_managed")
    for _ in range(2):
        assert await make_databases(settings_for(postgres, "managed"), wanted_by) == ["jobs_managed"]
    assert await query(wanted_by["COFFER_JOBS_MANAGED_DATABASE_URL"], "SELECT current_user") == "jobs_managed"


async def test_two_at_the_same_time_do_not_break_each_other_for_good(postgres: PostgresServer) -> None:
    wanted_by = addresses(postgres, "jobs_twice")
    both = await asyncio.gather(*(make_databases(settings_for(postgres), wanted_by) for _ in range(2)), return_exceptions=True)
    assert not [one for one in both if isinstance(one, BaseException) and not isinstance(one, StartError)]
    assert await make_databases(settings_for(postgres), wanted_by) == ["jobs_twice"]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+asyncpg://coffer_auth@host/coffer_auth",
        "postgresql+asyncpg://coffer_auth:tulip@host/other",
        "postgresql+asyncpg://host/coffer_auth",
    ],
)
def test_an_address_that_leaves_something_open_is_named_without_its_password(url: str) -> None:
    with pytest.raises(StartError, match="COFFER_AUTH_DATABASE_URL must name") as told:
        wanted({"COFFER_AUTH_DATABASE_URL": url})
    assert "tulip" not in str(told.value)


async def test_a_server_that_is_not_there_is_named_without_any_password(postgres: PostgresServer) -> None:
    nowhere = DatabaseSettings.model_validate({"admin_url": f"postgresql://coffer:{SECRET}@127.0.0.1:1/postgres"})
    with pytest.raises(StartError, match=r"127\.0\.0\.1:1 refused") as told:
        await make_databases(nowhere, addresses(postgres, "jobs_auth"))
    assert SECRET not in str(told.value)


async def test_a_password_that_would_end_its_quotes_never_reaches_sql(postgres: PostgresServer) -> None:
    with pytest.raises(ValueError, match="not a service name"):
        await make_databases(settings_for(postgres), addresses(postgres, "jobs_hostile", password="x'y"))


def test_a_role_is_called_like_its_service() -> None:
    assert role_of("media-worker") == "coffer_media_worker"
