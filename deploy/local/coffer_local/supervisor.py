"""Child processes: started, watched, brought back when they die, stopped in order, and never outliving this process.

What the children are is not known here. Only processes started here are ever signalled.
"""

import asyncio
import contextlib
import ctypes
import os
import re
import shutil
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic

import structlog

from coffer_local.account import Account
from coffer_local.home import StartError

LOG_BYTES = 4 * 1024 * 1024
_PROBE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 10.0
_STEADY_SECONDS = 60.0
_LOG_EVERY_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1  # prctl(2)
_REASON = re.compile(r"\b(FATAL|PANIC|ERROR)\b")
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_INHERITED = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Program:
    """How to run one child."""

    name: str
    """What the user reads in an error, such as `PostgreSQL`."""
    argv: Sequence[str]
    log: Path
    ready: Callable[[int], Awaitable[bool]]
    """Asked again and again, with the child's process id, until it says yes."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to the few variables that children inherit; the rest of our environment stays here."""
    cwd: Path = Path("/")
    account: Account | None = None
    stdin: bytes | None = field(default=None, repr=False)
    """Sent at the start; the pipe then stays open, and its end tells the child that this process is gone."""
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    """Sent by the kernel (Linux) when the thread that started the child ends, so start children from a lasting one."""
    ready_seconds: float = 30.0
    stop_seconds: float = 10.0


class Child:
    """One supervised process; `start` and `stop` belong to one owner, between them it is kept alive."""

    def __init__(
        self,
        program: Callable[[], Program],
        *,
        prepare: Callable[[], Awaitable[None]] | None = None,
        on_restart: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`prepare` runs before every start; `on_restart` after the child died unasked and is ready again, and again
        until it succeeds.
        """
        self._program = program
        self._prepare = prepare
        self._on_restart = on_restart
        self._process: Process | None = None
        self._watcher: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    async def start(self) -> None:
        """Start and wait until ready; raises StartError, with the last line of the log, if it dies or takes too long."""
        await self._launch()
        self._watcher = asyncio.create_task(self._watch(), name=f"watch {self._program().name}")

    async def stop(self) -> bool:
        """Ask it to end, wait, then kill; true when it ended by itself with code 0. May run twice."""
        if self._watcher is not None:
            self._watcher.cancel()
            # A restart that was under way ends here, and with it the process that it had begun.
            await asyncio.wait({self._watcher})
            self._watcher = None
        if self._process is None:
            return False
        process, self._process = self._process, None
        code = process.returncode
        if code is None:
            code = await self._end(process, self._program())
        return code == 0

    async def _end(self, process: Process, program: Program) -> int:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(program.stop_signal)
        try:
            return await asyncio.wait_for(process.wait(), program.stop_seconds)
        except TimeoutError:
            log.warning("child.killed", child=program.name, waited_seconds=program.stop_seconds)
            return await _kill(process)

    async def _launch(self) -> None:
        if self._prepare is not None:
            await self._prepare()
        program = self._program()
        process = self._process = await _spawn(program)
        try:
            if program.stdin is not None and process.stdin is not None:
                process.stdin.write(program.stdin)
                with contextlib.suppress(ConnectionError):
                    await process.stdin.drain()
            await _until_ready(process, program)
        except BaseException:
            await asyncio.shield(_kill(process))
            self._process = None
            raise

    async def _watch(self) -> None:
        pause = 0.1
        while self._process is not None:
            started = monotonic()
            program = self._program()
            await _outlast(self._process, program)
            if monotonic() - started > _STEADY_SECONDS:
                pause = 0.1
            log.warning("child.died", child=program.name, code=self._process.returncode, log=str(program.log))
            pause = await self._bring_back(program, pause)
            log.warning("child.restarted", child=program.name)
            await self._repair(program)

    async def _repair(self, program: Program) -> None:
        """Have the owner mend what the death broke until that succeeds, or the child dies again, which begins anew."""
        pause = 0.1
        while self._on_restart is not None and self.pid is not None:
            try:
                await self._on_restart()
            except Exception:
                log.exception("child.restart_not_handled", child=program.name, pause_seconds=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            else:
                return

    async def _bring_back(self, program: Program, pause: float) -> float:
        while True:
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            try:
                await self._launch()
            except (StartError, OSError) as error:
                log.error("child.restart_failed", child=program.name, reason=str(error), pause_seconds=pause)  # noqa: TRY400  # one line per attempt
            except Exception:
                log.exception("child.restart_failed", child=program.name, pause_seconds=pause)
            else:
                return pause


async def _spawn(program: Program) -> Process:
    account = program.account
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    _bound(program.log, 0)
    handle = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            *program.argv,
            stdin=asyncio.subprocess.DEVNULL if program.stdin is None else asyncio.subprocess.PIPE,
            stdout=handle,
            stderr=handle,
            env=inherited | {"LC_ALL": "C.UTF-8"} | dict(program.env),
            cwd=program.cwd,
            # Ctrl-C in the terminal reaches the whole foreground group; the order of stopping is ours to choose.
            start_new_session=True,
            # uvloop knows no `user` and `group`, so the child changes its account itself.
            preexec_fn=partial(_become, account, os.getpid(), int(program.orphan_signal)),
        )
    except OSError as error:
        raise StartError(f"{program.name} cannot be run ({error.filename or program.argv[0]}: {error.strerror}).") from error
    finally:
        os.close(handle)


def _become(account: Account | None, parent: int, signum: int) -> None:
    if account is not None:
        os.setgroups([])
        os.setgid(account.gid)
        os.setuid(account.uid)
    # After the change of account, which would clear what prctl sets.
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0)
        if os.getppid() != parent:  # gone between fork and prctl, so that no signal would ever come
            os._exit(1)


async def _until_ready(process: Process, program: Program) -> None:
    deadline = monotonic() + program.ready_seconds
    while process.returncode is None:
        if await program.ready(process.pid):
            return
        if monotonic() > deadline:
            raise StartError(f"{program.name} was not ready after {program.ready_seconds:g} s{_hint(program)}.")
        await asyncio.sleep(_PROBE_SECONDS)
    raise StartError(f"{program.name} ended while starting{_hint(program)}.")


async def _outlast(process: Process, program: Program) -> None:
    waiting = asyncio.ensure_future(process.wait())
    try:
        while not waiting.done():
            await asyncio.wait({waiting}, timeout=_LOG_EVERY_SECONDS)
            _bound(program.log, LOG_BYTES)
    finally:
        waiting.cancel()


async def _kill(process: Process) -> int:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            # The child leads a session of its own, made by start_new_session: nothing else is in this group.
            os.killpg(process.pid, signal.SIGKILL)
    return await process.wait()


def _bound(path: Path, limit: int) -> None:
    """Move a log beyond the limit (bytes) aside; safe while the child appends, since it opened for appending. A disk that is
    full ends neither the watch over the child nor its start.
    """
    try:
        if path.exists() and path.stat().st_size > limit:
            shutil.copy(path, path.with_name(path.name + ".1"))
            os.truncate(path, 0)
    except OSError as error:
        log.warning("child.log_not_moved", log=str(path), reason=str(error))


def _hint(program: Program) -> str:
    """What the child itself gives as its reason: its last line that looks like one, else its last line."""
    with contextlib.suppress(OSError):
        lines = program.log.read_text(errors="replace").strip().splitlines()
        reasons = [line for line in lines if _REASON.search(line)] or lines
        if reasons:
            return f": {reasons[-1].strip()[:300].rstrip('.')} (see {program.log})"
    return f" (see {program.log})"
