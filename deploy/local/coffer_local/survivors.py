"""Processes of an earlier stack that outlived it: recognised by the folder they stand in, and ended.

The caller holds the lock of the data folder, so whoever still works in it has lost its owner.
"""

import contextlib
import signal
from pathlib import Path
from time import monotonic, sleep

import psutil
import structlog

from coffer_local.home import StartError

_ALONE_SECONDS = 1.0

log = structlog.get_logger(__name__)


def survivors(folder: Path, program: str) -> list[psutil.Process]:
    """Processes that run a program of this name with this folder as their current one; a reused number never fits."""
    place = str(folder.resolve())
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.cwd() == place and Path(process.exe()).name == program:
                found.append(process)
    return found


def end_survivors(folder: Path, program: str) -> None:
    """End them, gently first; blocks for up to 25 s. Raises StartError if one cannot be ended. May run twice.

    SIGINT, PostgreSQL's fast shutdown, goes to the server alone, which names the folder on its command line: its
    workers, which do not, take the same signal for something else, and end with the server or on finding it gone.
    """
    for signum, seconds in ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        left = survivors(folder, program)
        if not left:
            return
        log.warning("child.survivors", child=program, pids=[process.pid for process in left], signal=signum.name)
        servers = [process for process in left if _names(process, folder)]
        for process in servers if signum == signal.SIGINT else left:
            _signal(process, signum, program)
        # A worker without its server ends by itself, unless it is in the middle of a long computation.
        deadline = monotonic() + (seconds if servers or signum != signal.SIGINT else _ALONE_SECONDS)
        while monotonic() < deadline and survivors(folder, program):
            sleep(0.02)
    if survivors(folder, program):
        raise StartError(f"{program} of an earlier start is still running in {folder}: stop it first.")


def _names(process: psutil.Process, folder: Path) -> bool:
    with contextlib.suppress(psutil.Error):
        return str(folder) in process.cmdline()
    return False


def _signal(process: psutil.Process, signum: signal.Signals, program: str) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        try:
            process.send_signal(signum)
        except psutil.AccessDenied as error:
            message = f"{program} (process {process.pid}) of an earlier start is still running: stop it first."
            raise StartError(message) from error
