"""The real PostgreSQL of the wheel: first start, later starts, crashes, one database per service, and root."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from time import monotonic

import asyncpg
import psutil
import pytest
import pytest_asyncio

from coffer_local import account, postgres
from coffer_local.account import Account, own_account
from coffer_local.credentials import Credentials
from coffer_local.home import Home, StartError
from coffer_local.postgres import Postgres
from factories.memory import in_memory
from factories.ports import free_port
from factories.processes import gone

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 60
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL under another account")


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    # Not tmp_path: pytest closes its folders to the account that runs PostgreSQL for root.
    made = Path(tempfile.mkdtemp(prefix="coffer-", dir=in_memory()))
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made)


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as made:
        yield made


@pytest.fixture
def home(folder: Path) -> Iterator[Home]:
    with Home.open(folder / "home") as opened:
        yield opened


@pytest.fixture
async def server(home: Home) -> AsyncIterator[Postgres]:
    made = Postgres(home, Credentials.open(home, []).superuser_password)
    yield made
    await made.stop()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running() -> AsyncIterator[Postgres]:
    with open_folder() as folder, Home.open(folder / "home") as home:
        made = Postgres(home, Credentials.open(home, []).superuser_password)
        await made.start()
        yield made
        assert await made.stop()


async def query(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def eventually(holds: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    deadline = monotonic() + seconds
    while not holds():
        assert monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.01)


async def reachable(url: str, seconds: float = PATIENCE_SECONDS) -> object:
    deadline = monotonic() + seconds
    while True:
        try:
            return await query(url, "SELECT count(*) FROM note")
        except (OSError, asyncpg.PostgresError):
            assert monotonic() < deadline, "it never came back"
            await asyncio.sleep(0.02)


@pytest.mark.asyncio(loop_scope="module")
async def test_every_service_gets_a_database_that_only_it_may_enter(running: Postgres) -> None:
    urls = await running.ensure_databases({"auth": "word-a", "media-worker": "word-m"})
    assert urls["media-worker"] == (
        f"postgresql+asyncpg://coffer_media_worker:word-m@127.0.0.1:{running.port}/coffer_media_worker"
    )
    await query(urls["auth"], "CREATE TABLE note (text text)")
    owner = "SELECT current_user || ' ' || pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    assert await query(urls["auth"], owner) == "coffer_auth coffer_auth"
    for stranger in ("coffer_media_worker", "postgres", "template1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await query(running.url("coffer_auth", "word-a", stranger), "SELECT 1")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await query(running.url("coffer_auth", "wrong", "coffer_auth"), "SELECT 1")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await query(urls["auth"], "SELECT pg_read_file('/etc/passwd')")


@pytest.mark.asyncio(loop_scope="module")
async def test_databases_are_ensured_again_with_new_passwords_and_their_rows(running: Postgres) -> None:
    first = await running.ensure_databases({"sharing": "first"})
    await query(first["sharing"], "CREATE TABLE note AS SELECT 1")
    second = await running.ensure_databases({"sharing": "second", "files": "third"})
    assert await query(second["sharing"], "SELECT count(*) FROM note") == 1
    with pytest.raises(asyncpg.InvalidPasswordError):
        await query(first["sharing"], "SELECT 1")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_name_that_is_no_service_never_reaches_sql(running: Postgres) -> None:
    for hostile in ("x; DROP DATABASE postgres", "Auth", "a" * 70):
        with pytest.raises(ValueError, match="not a service name"):
            await running.ensure_databases({hostile: "word"})
    with pytest.raises(ValueError, match="not a service name"):
        await running.ensure_databases({"auth": "it's"})


@pytest.mark.asyncio(loop_scope="module")
async def test_it_is_durable_and_knows_unicode_without_the_system(running: Postgres) -> None:
    url = (await running.ensure_databases({"auth": "word"}))["auth"]
    for name, value in (("fsync", "on"), ("data_checksums", "on"), ("jit", "off"), ("password_encryption", "scram-sha-256")):
        assert await query(url, f"SELECT current_setting('{name}')") == value
    assert await query(url, "SELECT lower('ÄÖÜ') || ' ' || getdatabaseencoding()") == "äöü UTF8"


async def test_rows_outlive_a_stop_and_the_port_may_change(home: Home) -> None:
    password = Credentials.open(home, []).superuser_password
    ports = set()
    for times in range(2):
        server = Postgres(home, password)
        await server.start()
        url = (await server.ensure_databases({"auth": "word"}))["auth"]
        if times == 0:
            await query(url, "CREATE TABLE note AS SELECT 1")
        assert await query(url, "SELECT count(*) FROM note") == 1
        ports.add(server.port)
        assert await server.stop()
    assert not (home.postgres / "data" / "postmaster.pid").exists()
    assert len(ports) == 2


async def test_a_killed_server_comes_back_on_its_port_with_its_rows(home: Home) -> None:
    told = asyncio.Event()

    async def restarted() -> None:
        told.set()

    server = Postgres(home, Credentials.open(home, []).superuser_password, on_restart=restarted)
    await server.start()
    try:
        url = (await server.ensure_databases({"auth": "word"}))["auth"]
        await query(url, "CREATE TABLE note AS SELECT 1")
        assert server.pid
        os.kill(server.pid, signal.SIGKILL)
        assert await reachable(url) == 1
        await asyncio.wait_for(told.wait(), PATIENCE_SECONDS)
    finally:
        assert await server.stop()


async def test_a_worker_that_computes_on_after_its_server_was_killed_does_not_block_the_next(server: Postgres) -> None:
    await server.start()
    url = (await server.ensure_databases({"auth": "word"}))["auth"]
    await query(url, "CREATE TABLE note AS SELECT 1")
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    # Never waits for anything, so that it does not notice that the server is gone.
    busy = asyncio.create_task(connection.execute("SELECT count(*) FROM generate_series(1, 1e9::bigint)"))
    worker = connection.get_server_pid()
    await eventually(lambda: psutil.Process(worker).cpu_times().user > 0.05)
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    assert await reachable(url) == 1
    assert gone(worker)
    await asyncio.wait({busy})
    assert busy.exception() is not None
    connection.terminate()


DRIVER = """
import asyncio, sys
from pathlib import Path
from coffer_local.credentials import Credentials
from coffer_local.home import Home
from coffer_local.postgres import Postgres
from coffer_local import supervisor

if sys.argv[2] == "survive":
    supervisor._LIBC = None  # as on systems whose children outlive a killed parent

async def main():
    home = Home.open(Path(sys.argv[1]))
    server = Postgres(home, Credentials.open(home, []).superuser_password)
    await server.start()
    urls = await server.ensure_databases({"auth": "word"})
    print(server.pid, urls["auth"], flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("orphan", ["survive", "end"])
async def test_after_a_killed_stack_the_next_one_starts_with_all_rows(folder: Path, orphan: str) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DRIVER, str(folder / "home"), orphan, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout
    pid, url = (await parent.stdout.readline()).decode().split()
    await query(url, "CREATE TABLE note AS SELECT 1")
    parent.kill()
    await parent.communicate()
    if orphan == "end" and sys.platform == "linux":
        await eventually(lambda: gone(int(pid)))
    with Home.open(folder / "home") as home:
        server = Postgres(home, Credentials.open(home, []).superuser_password)
        try:
            await server.start()
            assert server.pid != int(pid)
            url = (await server.ensure_databases({"auth": "word"}))["auth"]
            assert await query(url, "SELECT count(*) FROM note") == 1
            assert gone(int(pid))
        finally:
            await server.stop()


async def test_a_left_over_pid_file_that_names_somebody_else_does_not_block(server: Postgres, home: Home) -> None:
    await server.start()
    await server.stop()
    left = home.postgres / "data" / "postmaster.pid"
    left.write_text(f"{os.getpid()}\n{home.postgres / 'data'}\n1\n5432\n\n127.0.0.1\n\nready\n")
    await server.start()
    assert server.pid


async def test_a_first_start_that_was_interrupted_begins_anew(server: Postgres, home: Home) -> None:
    (home.postgres / "data.new" / "base").mkdir(parents=True)
    (home.postgres / "password.new").write_text("old")
    await server.start()
    assert sorted(path.name for path in home.postgres.iterdir()) == ["data"]


async def test_a_port_asked_for_that_is_taken_is_named(home: Home) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        server = Postgres(home, Credentials.open(home, []).superuser_password, port=port)
        with pytest.raises(StartError, match=rf"^Port {port} is taken"):
            await server.start()
    assert await server.stop() is False


async def test_a_port_lost_to_another_program_at_the_last_moment_is_chosen_again(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        offers = iter([other.getsockname()[1], free_port()])
        monkeypatch.setattr(postgres, "free_port", lambda _host: next(offers))
        await server.start()
    assert server.pid


@pytest.mark.asyncio(loop_scope="module")
async def test_secrets_that_do_not_fit_the_database_are_named(running: Postgres, home: Home) -> None:
    stranger = Postgres(home, "another password")
    stranger.port = running.port
    with pytest.raises(StartError, match=r"made with other secrets: restore the secrets\.json"):
        await stranger.ensure_databases({"auth": "word"})


async def test_a_database_of_another_version_is_left_alone(server: Postgres, home: Home) -> None:
    (home.postgres / "data").mkdir()
    (home.postgres / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(StartError, match=r"made by PostgreSQL 17 and this is 18"):
        await server.start()


async def test_two_stacks_run_side_by_side(folder: Path) -> None:
    with Home.open(folder / "one") as one, Home.open(folder / "two") as two:
        servers = [Postgres(home, Credentials.open(home, []).superuser_password) for home in (one, two)]
        try:
            await asyncio.gather(*(server.start() for server in servers))
            assert servers[0].port != servers[1].port
        finally:
            assert await asyncio.gather(*(server.stop() for server in servers)) == [True, True]


@as_root
@pytest.mark.asyncio(loop_scope="module")
async def test_for_root_it_runs_under_an_account_without_rights(running: Postgres) -> None:
    assert running.pid
    process = psutil.Process(running.pid)
    assert process.uids().real == process.uids().saved != 0
    assert process.gids().real == process.gids().saved != 0
    with pytest.raises(PermissionError):
        os.close(_open_as(process.uids().real, running._log))


def _open_as(uid: int, path: Path) -> int:
    os.seteuid(uid)
    try:
        return os.open(path, os.O_RDONLY)
    finally:
        os.seteuid(0)


@as_root
async def test_for_root_the_account_of_an_existing_database_is_kept(server: Postgres, home: Home) -> None:
    await server.start()
    await server.stop()
    data = home.postgres / "data"
    for path in (data, *data.rglob("*")):
        os.chown(path, 65534, 65534)
    await server.start()
    assert server.pid
    assert psutil.Process(server.pid).uids().real == 65534


@as_root
async def test_for_root_a_closed_folder_on_the_way_to_the_data_is_named(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with Home.open(closed / "home") as home:
        server = Postgres(home, Credentials.open(home, []).superuser_password)
        with pytest.raises(StartError) as refusal:
            await server.start()
    message = str(refusal.value)
    assert f'cannot enter {closed}: allow it with "chmod o+x {closed}", or move COFFER_HOME out of it.' in message


@as_root
async def test_for_root_a_closed_folder_on_the_way_to_the_programs_is_named(
    server: Postgres, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = folder / "closed" / "bin"
    programs.mkdir(parents=True)
    (folder / "closed").chmod(0o700)
    (programs / "postgres").touch(mode=0o755)
    monkeypatch.setattr(postgres, "_programs", lambda: programs)
    with pytest.raises(StartError, match=r"cannot enter .*closed: allow it .* move the virtual environment out of it"):
        await server.start()


@as_root
def test_a_process_of_the_account_has_the_last_word_about_a_folder(folder: Path) -> None:
    assert Account(60800, 60800).closed_part(folder) is None
    folder.chmod(0o700)
    assert Account(60800, 60800).closed_part(folder) == folder.resolve()
    os.chown(folder, 60800, 60800)
    assert Account(60800, 60800).closed_part(folder) is None


@as_root
def test_two_data_folders_get_two_accounts_that_nobody_else_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = own_account(tmp_path / "one")
    assert chosen
    assert own_account(tmp_path / "one") == chosen
    assert own_account(tmp_path / "two") != chosen
    monkeypatch.setattr(account, "_known", lambda uid: uid == chosen.uid)
    assert own_account(tmp_path / "one") != chosen
    monkeypatch.setattr(account, "_known", lambda _uid: True)
    with pytest.raises(StartError, match="start Coffer as a user other than root"):
        own_account(tmp_path / "one")


@pytest.mark.skipif(os.geteuid() == 0, reason="root chooses an account that has a name")
async def test_an_account_without_a_name_is_told_to_get_one(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "_known", lambda _uid: False)
    server = Postgres(home, Credentials.open(home, []).superuser_password)
    with pytest.raises(StartError, match=r"add number \d+ to /etc/passwd"):
        await server.start()
