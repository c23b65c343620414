"""One database and one role of its own for each service, on any PostgreSQL: `python -m coffer_local databases`.

Tables are the services' own, made by their migrations.
"""

import contextlib
import os
import re
from collections.abc import Mapping
from typing import Any

import asyncpg
from pydantic import Field, PostgresDsn
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url

from coffer_local.home import StartError

_ROLE = re.compile(r"[a-z][a-z0-9_]{0,62}")


class DatabaseSettings(BaseSettings):
    """What `python -m coffer_local databases` needs, beside `COFFER_<SERVICE>_DATABASE_URL` of every service it shall
    make a role and a database for. Services do not see it.
    """

    model_config = SettingsConfigDict(env_prefix="COFFER_DATABASE_", frozen=True, extra="ignore")

    admin_url: PostgresDsn = Field(
        description="A role that may make roles and databases: `postgresql://user:password@host/postgres`."
    )


def role_of(service: str) -> str:
    """The role of a service, which is also the name of its database."""
    return f"coffer_{service.replace('-', '_')}"


async def ensure_databases(connection: asyncpg.Connection, passwords: Mapping[str, str]) -> None:
    """Make, for each role, the role with this password and a database of the same name that nobody else may enter.

    May run twice: a password that changed is set, rows stay. Raises ValueError for what must not stand in SQL.
    """
    for statement in (
        # A statement that fails would be logged, and with it the password in it.
        "SET log_min_error_statement = panic",
        "REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC",
    ):
        # Managed servers keep both to themselves.
        with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    for role, password in passwords.items():
        await _ensure(connection, role, password)


async def _ensure(connection: asyncpg.Connection, name: str, password: str) -> None:
    if not _ROLE.fullmatch(name) or "'" in password or "\\" in password:
        raise ValueError(f"not a service name and password for SQL: {name}")
    verb = "ALTER" if await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name) else "CREATE"
    await connection.execute(f"{verb} ROLE {name} LOGIN PASSWORD '{password}'")
    if not await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        # Whoever is no superuser, as on managed servers, gives databases only to roles that it belongs to.
        await connection.execute(f"GRANT {name} TO CURRENT_USER")
    if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
        await connection.execute(f"CREATE DATABASE {name} OWNER {name}")
    await connection.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")


def wanted(urls: Mapping[str, str]) -> dict[str, str]:
    """Password by role, as the addresses of services (by variable) ask for them.

    Raises StartError for an address that names no password, or another database than its role's.
    """
    found: dict[str, str] = {}
    for variable, text in urls.items():
        url: URL = make_url(text)
        if not url.username or not url.password or url.database != url.username:
            raise StartError(f"{variable} must name a role, its password, and a database called like the role.")
        found[url.username] = url.password
    return found


async def make_databases(settings: DatabaseSettings, environ: Mapping[str, str] = os.environ) -> list[str]:
    """Make what the services' addresses name; the roles. May run twice.

    Raises StartError when the server cannot be reached or refuses, without telling any password.
    """
    variable = re.compile(r"COFFER_[A-Z_]+_DATABASE_URL")
    roles = wanted({name: value for name, value in environ.items() if variable.fullmatch(name)})
    address = make_url(str(settings.admin_url)).set(drivername="postgresql")
    target: dict[str, Any] = {"dsn": address.render_as_string(hide_password=False), "timeout": 10}
    try:
        connection = await asyncpg.connect(**target)
        try:
            await ensure_databases(connection, roles)
        finally:
            await connection.close()
    except (OSError, asyncpg.PostgresError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise StartError(f"The database server at {address.host}:{address.port or 5432} refused: {reason}.") from error
    return sorted(roles)
