"""Processes that may end, and be forgotten, while they are looked at."""

import psutil


def gone(pid: int) -> bool:
    """Whether a process has ended, whoever has still to take notice of it."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def words_of(pid: int) -> str:
    """The command line of a process; nothing once it has ended."""
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.NoSuchProcess:
        return ""


def folder_of(pid: int) -> str:
    """Where a process runs; nowhere once it has ended."""
    try:
        return str(psutil.Process(pid).cwd())
    except psutil.NoSuchProcess:
        return ""
