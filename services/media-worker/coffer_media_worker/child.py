"""The warm parent and its forked jobs: `python -m coffer_media_worker.child FD`, started by `children`.

The parent imports the decoders of pictures, and others when they are first needed. It holds no secrets, runs one thread
and never decodes: what it allocates would count against each job's memory limit. For every message on its control socket
it forks a child that talks to the worker over a socket of its own; the parent enforces the wall clock and reports how each
child ended. No asyncio, no Coffer services, no environment here.
"""

import gc
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NoReturn

from coffer_media_worker import frames, jail
from coffer_media_worker.domain import JobLimits, PreviewFailed, PreviewFailure, PreviewOutcome, Rendered
from coffer_media_worker.forking import WarmParent
from coffer_media_worker.ranged import Fetch, OverBudgetError, Ranged

Work = Callable[[dict[str, Any], Ranged], PreviewOutcome | Iterator[PreviewOutcome]]
"""What a job does: the request, and the file as far as it asks for it. What comes in parts is sent as it comes; a failure, or
one that says that no more follow, is the last.
"""

CHANNEL_FD = 3
NICENESS = 5
"""Nobody waits for a preview as for a verdict or an answer: those have three times as much of a processor that is short. More
would be a risk: jobs have a wall clock.
"""
PARENT_FILES = 256
EXIT_BROKEN = 72


LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1


def _drop_inherited_files(_limits: JobLimits) -> None:
    os.closerange(CHANNEL_FD + 1, PARENT_FILES)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    os.close(null)


def _die_with_the_parent(_limits: JobLimits) -> None:
    jail.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _gain_no_privileges(_limits: JobLimits) -> None:
    jail.prctl(jail.PR_SET_NO_NEW_PRIVS, 1)


def _forbid_paths(_limits: JobLimits) -> None:
    jail.forbid_paths()


def _forbid_system_calls(_limits: JobLimits) -> None:
    jail.forbid_system_calls()


def _limit_resources(limits: JobLimits) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits.open_files, limits.open_files))
    # The soft limit is told as SIGXCPU, the hard one kills whoever caught that.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    # The libraries that are loaded count as well, and how many there are depends on what is installed.
    most = _mapped_bytes() + limits.memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _mapped_bytes() -> int:
    """Of this process's address space, proc(5); nothing where the kernel does not tell."""
    if not LINUX:
        return 0
    told = os.open("/proc/self/statm", os.O_RDONLY)  # a file object would touch, and so copy, a hundred pages of the parent's
    try:
        return int(os.read(told, 256).split()[0]) * resource.getpagesize()
    finally:
        os.close(told)


BARRIERS: Mapping[str, Callable[[JobLimits], None]] = {
    "death_with_parent": _die_with_the_parent,
    "inherited_files": _drop_inherited_files,
    "no_new_privileges": _gain_no_privileges,
    "limits": _limit_resources,
    "paths": _forbid_paths,
    "system_calls": _forbid_system_calls,
}
"""What stands between a job and the machine, in this order, all before the first byte of the file is read: the later ones
forbid what the earlier ones need.
"""


def _stands(barrier: Callable[[JobLimits], None]) -> bool:
    """Whether a barrier can be put up here, tried by a child that then ends."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if LINUX:
                _gain_no_privileges(JobLimits())
            barrier(JobLimits())
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def _read_exactly(channel: socket.socket, length: int) -> bytes:
    content = channel.recv(length, socket.MSG_WAITALL) if length else b""
    if len(content) < length:
        raise EOFError("the worker went away")
    return content


def _read_frame(channel: socket.socket, limits: JobLimits) -> tuple[dict[str, Any], bytes]:
    prefix = _read_exactly(channel, frames.PREFIX.size)
    header_bytes, body_bytes = frames.lengths(prefix, header_bytes=limits.header_bytes, body_bytes=limits.source_bytes)
    return json.loads(_read_exactly(channel, header_bytes)), _read_exactly(channel, body_bytes)


def _asking(channel: socket.socket, limits: JobLimits) -> Fetch:
    """Has the worker fetch bytes. Raises OverBudgetError when the job has had as many as it may."""

    def fetch(first: int, last: int) -> bytes:
        content = bytearray()
        while first <= last:
            end = min(last, first + frames.PIECE_BYTES - 1)
            channel.sendall(frames.pack({"read": [first, end]}))
            told, piece = _read_frame(channel, limits)
            if len(piece) != end - first + 1:
                raise OverBudgetError(str(told.get("refused", "bytes are missing")))
            content += piece
            first = end + 1
        return bytes(content)

    return fetch


def _last(channel: socket.socket, outcome: PreviewOutcome | Iterator[PreviewOutcome]) -> PreviewOutcome:
    """Send all parts but the last, which is returned."""
    if isinstance(outcome, Rendered | PreviewFailed):
        return outcome
    for part in outcome:
        if isinstance(part, PreviewFailed):
            return part
        if not part.more:
            return part
        frame, body = frames.reply_frame(part)
        channel.sendall(frame + body)
    return Rendered()


def _one_job(channel: socket.socket, limits: JobLimits, work: Work) -> None:
    """Read one request, answer it; an outcome is always sent unless the child dies."""
    request, known = _read_frame(channel, limits)
    source = Ranged(int(request["size"]), _asking(channel, limits), [(0, known)])
    try:
        outcome = _last(channel, work(request, source))
    except MemoryError as error:
        outcome = PreviewFailed(PreviewFailure.MEMORY, str(error))
    except OverBudgetError as error:
        outcome = PreviewFailed(PreviewFailure.TOO_LARGE, str(error))
    except Exception as error:  # noqa: BLE001 whatever it was, the reply names it; a silent exit would not
        outcome = PreviewFailed(PreviewFailure.CRASHED, f"{type(error).__name__}: {error}")
    frame, body = frames.reply_frame(outcome)
    channel.sendall(frame + body)


def _child(work: Work, barriers: Iterable[str], channel_fd: int, parent: int, limits: JobLimits) -> NoReturn:
    """Everything a forked job does, from confinement to exit. A barrier that stood when the parent tried it and does not now
    ends the job before it has read anything.
    """
    code = EXIT_BROKEN
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(channel_fd, CHANNEL_FD)
        channel = socket.socket(fileno=CHANNEL_FD)  # asks for its own kind, which is forbidden later
        for barrier in barriers:
            BARRIERS[barrier](limits)
        if os.getppid() == parent:
            _one_job(channel, limits, work)
            code = 0
    except MemoryError:
        code = frames.EXIT_MEMORY
    finally:
        os._exit(code)


def main(work: Work | None = None) -> None:
    """Become the warm parent of the worker that holds the other end of descriptor `argv[1]`; jobs do what `tasks` has."""
    from coffer_media_worker import tasks  # noqa: PLC0415 this module itself is light: the worker imports it

    tasks.warm_up()
    os.nice(NICENESS)
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # a terminal's or supervisor's signal goes to the worker, which ends us
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (PARENT_FILES, PARENT_FILES))
    if LINUX:
        jail.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    gc.collect()
    gc.freeze()  # the collector must not touch, and so copy, what children share with us
    gc.disable()
    standing = [name for name, barrier in BARRIERS.items() if _stands(barrier)]
    missing = [name for name in BARRIERS if name not in standing]
    control = socket.socket(fileno=int(sys.argv[1]))
    WarmParent(control, partial(_child, work or tasks.do, standing), missing, tasks.prepare).serve()


if __name__ == "__main__":
    main()
