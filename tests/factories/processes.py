"""Processes that may end, and be forgotten, while they are looked at."""

import contextlib

import psutil


def gone(pid: int) -> bool:
    """Whether a process has ended, whoever has still to take notice of it."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def words_of(process: psutil.Process) -> str:
    """The command line of a process; of one that has ended, nothing."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""
