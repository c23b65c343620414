"""Children of real processes: start, readiness, death, restart, stop, and the end of the parent."""

import asyncio
import errno
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sized
from functools import partial
from pathlib import Path
from time import monotonic

import psutil
import pytest

from coffer_local import supervisor
from coffer_local.home import StartError
from coffer_local.supervisor import Child, Program
from coffer_local.survivors import end_survivors, survivors
from factories.processes import gone, words_of

pytestmark = pytest.mark.slow


async def eventually(holds: Callable[[], object], seconds: float = 60) -> None:
    deadline = monotonic() + seconds
    while not holds():
        assert monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.01)


def grown(told: Sized, known: int) -> bool:
    return len(told) > known


async def at_once(_pid: int) -> bool:
    return True


async def never(_pid: int) -> bool:
    return False


def shell(folder: Path, script: str, ready: Callable[[int], Awaitable[bool]] = at_once, **changes: object) -> Program:
    values: dict[str, object] = {"stop_seconds": 30, "ready_seconds": 30} | changes
    return Program(name="Child", argv=["/bin/sh", "-c", script], log=folder / "child.log", ready=ready, **values)  # type: ignore[arg-type]  # values of mixed types


@pytest.fixture
async def child_of() -> AsyncIterator[Callable[..., Child]]:
    made: list[Child] = []

    def make(program: Program, **hooks: Callable[[], Awaitable[None]]) -> Child:
        made.append(Child(lambda: program, **hooks))
        return made[-1]

    yield make
    for child in made:
        await child.stop()


async def test_a_child_runs_in_its_own_session_and_sees_little_of_our_environment(
    tmp_path: Path, child_of: Callable[..., Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the user")
    child = child_of(shell(tmp_path, "env; exec sleep 60", env={"GIVEN": "yes"}))
    await child.start()
    assert child.pid
    assert os.getsid(child.pid) == child.pid
    await eventually(lambda: "GIVEN=yes" in (tmp_path / "child.log").read_text())
    assert "of the user" not in (tmp_path / "child.log").read_text()


async def test_a_stop_in_order_says_so_and_may_be_asked_twice(tmp_path: Path, child_of: Callable[..., Child]) -> None:
    child = child_of(shell(tmp_path, "trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done"))
    await child.start()
    await eventually(lambda: "up" in (tmp_path / "child.log").read_text())
    assert await child.stop()
    assert not await child.stop()
    assert child.pid is None


async def test_a_child_that_does_not_end_is_killed_with_its_children(tmp_path: Path, child_of: Callable[..., Child]) -> None:
    script = "trap '' TERM; sleep 60 & echo $!; while :; do sleep 0.05; done"
    child = child_of(shell(tmp_path, script, stop_seconds=0.2))
    await child.start()
    await eventually(lambda: (tmp_path / "child.log").read_text().strip())
    grandchild = int((tmp_path / "child.log").read_text())
    assert not await child.stop()
    await eventually(lambda: gone(grandchild))


async def test_a_child_that_ends_while_starting_gives_its_last_words_as_reason(
    tmp_path: Path, child_of: Callable[..., Child]
) -> None:
    with pytest.raises(StartError, match=r"^Child ended while starting: no room \(see .*child\.log\)\.$"):
        await child_of(shell(tmp_path, "echo no room >&2; exit 1", never)).start()


async def test_among_the_last_words_the_fatal_ones_are_the_reason(tmp_path: Path, child_of: Callable[..., Child]) -> None:
    script = "echo 'FATAL:  no room'; echo goodbye; exit 1"
    with pytest.raises(StartError, match=r"^Child ended while starting: FATAL:  no room \(see"):
        await child_of(shell(tmp_path, script, never)).start()


async def test_a_child_that_is_never_ready_is_ended(tmp_path: Path, child_of: Callable[..., Child]) -> None:
    asked: list[int] = []

    async def still_not(pid: int) -> bool:
        asked.append(pid)
        return False

    child = child_of(shell(tmp_path, "exec sleep 60", still_not, ready_seconds=0.3))
    with pytest.raises(StartError, match=r"^Child was not ready after 0\.3 s"):
        await child.start()
    assert gone(asked[0])
    assert child.pid is None


async def test_a_program_that_is_absent_is_named(tmp_path: Path, child_of: Callable[..., Child]) -> None:
    program = Program(name="Child", argv=["/no/such/program"], log=tmp_path / "child.log", ready=at_once)
    with pytest.raises(StartError, match=r"^Child cannot be run \(/no/such/program: No such file or directory\)"):
        await child_of(program).start()


async def test_a_child_that_dies_is_brought_back_and_its_owner_told(tmp_path: Path, child_of: Callable[..., Child]) -> None:
    told: list[str] = []

    async def prepare() -> None:
        told.append("prepare")

    async def restarted() -> None:
        told.append("restarted")

    child = child_of(shell(tmp_path, "exec sleep 60"), prepare=prepare, on_restart=restarted)
    await child.start()
    for _ in range(2):
        before, known = child.pid, len(told)
        assert before
        os.kill(before, signal.SIGKILL)
        await eventually(partial(grown, told, known + 1))
        assert child.pid not in {None, before}
    assert told == ["prepare", "prepare", "restarted", "prepare", "restarted"]


async def test_an_owner_that_fails_to_repair_is_asked_again_and_does_not_end_the_watch(
    tmp_path: Path, child_of: Callable[..., Child]
) -> None:
    told: list[int | None] = []

    async def restarted() -> None:
        told.append(child.pid)
        if len(told) % 3:
            raise ValueError("repair failed")

    child = child_of(shell(tmp_path, "exec sleep 60"), on_restart=restarted)
    await child.start()
    for death in (1, 2):
        before = child.pid
        assert before
        os.kill(before, signal.SIGKILL)
        await eventually(partial(grown, told, 3 * death - 1))
        assert told[-3:] == [child.pid] * 3 != [before] * 3


async def test_a_restart_that_fails_is_tried_again(tmp_path: Path, child_of: Callable[..., Child]) -> None:
    attempts = tmp_path / "attempts"
    script = f"echo x >> {attempts}; [ $(wc -l < {attempts}) -eq 2 ] && exit 1; exec sleep 60"

    async def past_the_test(pid: int) -> bool:
        return words_of(pid) == "sleep 60"

    back = asyncio.Event()

    async def restarted() -> None:
        back.set()

    child = child_of(shell(tmp_path, script, past_the_test), on_restart=restarted)
    await child.start()
    assert child.pid
    os.kill(child.pid, signal.SIGKILL)
    await asyncio.wait_for(back.wait(), 60)
    assert attempts.read_text().count("x") == 3


async def test_what_nobody_foresaw_at_a_restart_does_not_end_the_watch(tmp_path: Path, child_of: Callable[..., Child]) -> None:
    told: list[str] = []

    async def prepare() -> None:
        told.append("prepare")
        if len(told) == 2:
            raise ValueError("nobody foresaw this")

    child = child_of(shell(tmp_path, "exec sleep 60"), prepare=prepare)
    await child.start()
    before = child.pid
    assert before
    os.kill(before, signal.SIGKILL)
    await eventually(lambda: child.pid not in {None, before})
    assert told == ["prepare"] * 3


async def test_a_full_disk_does_not_end_the_watch(
    tmp_path: Path, child_of: Callable[..., Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[Path] = []

    def copy(source: Path, _target: Path) -> None:
        refused.append(source)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copy", copy)
    monkeypatch.setattr(supervisor, "LOG_BYTES", 1)
    monkeypatch.setattr(supervisor, "_LOG_EVERY_SECONDS", 0.01)
    child = child_of(shell(tmp_path, "echo a line; exec sleep 60"))
    await child.start()
    before = child.pid
    assert before
    await eventually(lambda: len(refused) > 1)
    os.kill(before, signal.SIGKILL)
    await eventually(lambda: child.pid not in {None, before})


async def test_a_stop_during_a_restart_leaves_nothing_behind(tmp_path: Path, child_of: Callable[..., Child]) -> None:
    pids = tmp_path / "pids"

    async def first_time_only(_pid: int) -> bool:
        return pids.exists() and len(pids.read_text().split()) == 1

    child = child_of(shell(tmp_path, f"echo $$ >> {pids}; exec sleep 60", first_time_only))
    await child.start()
    assert child.pid
    os.kill(child.pid, signal.SIGKILL)
    await eventually(lambda: len(pids.read_text().split()) == 2)
    assert not await child.stop()
    assert all(gone(int(pid)) for pid in pids.read_text().split())


async def test_a_long_log_is_moved_aside_while_the_child_writes(
    tmp_path: Path, child_of: Callable[..., Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    child = child_of(shell(tmp_path, "while :; do echo a line; sleep 0.01; done"))
    await child.start()
    log = tmp_path / "child.log"
    await eventually(lambda: log.stat().st_size > 100)
    supervisor._bound(log, 100)
    assert log.with_name("child.log.1").stat().st_size > 100
    await eventually(lambda: log.stat().st_size > 0)
    assert log.read_text().startswith("a line")


DRIVER = """
import asyncio, sys
from pathlib import Path
from coffer_local.supervisor import Child, Program

async def ready(pid):
    return True

async def main():
    folder = Path(sys.argv[1])
    child = Child(lambda: Program(name="Child", argv=["/bin/sleep", "60"], log=folder / "log", ready=ready, cwd=folder))
    await child.start()
    print(child.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent was killed")
async def test_children_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", DRIVER, str(tmp_path), stdout=asyncio.subprocess.PIPE)
    assert parent.stdout
    pid = int(await parent.stdout.readline())
    assert not gone(pid)
    parent.kill()
    await parent.communicate()
    await eventually(lambda: gone(pid))


async def test_survivors_are_known_by_program_and_folder_and_nobody_else_is_touched(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    mine.mkdir()
    other.mkdir()
    script = "import signal, sys; signal.signal(signal.SIGINT, lambda *_: sys.exit(7)); print('up', flush=True); signal.pause()"
    survivor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(mine), cwd=mine, stdout=asyncio.subprocess.PIPE
    )
    assert survivor.stdout
    await survivor.stdout.readline()
    elsewhere = await asyncio.create_subprocess_exec("/bin/sleep", "60", cwd=other)
    try:
        name = Path(psutil.Process(survivor.pid).exe()).name
        assert [process.pid for process in survivors(mine, name)] == [survivor.pid]
        assert not survivors(mine, "postgres")
        ending = asyncio.create_task(asyncio.to_thread(end_survivors, mine, name))
        assert await asyncio.wait_for(survivor.wait(), 60) == 7
        await ending
        assert elsewhere.returncode is None
    finally:
        elsewhere.kill()
        await elsewhere.wait()
