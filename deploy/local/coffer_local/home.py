"""The data folder of one stack: its layout, its lock, and whether the last stop was clean.

No process is started here and no secret is made here.
"""

import errno
import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

_CLEAN = "clean"


class StartError(Exception):
    """Coffer cannot start; the message is one sentence for the user and says how to fix it."""


class Home:
    """An open, locked data folder; use it as a context manager, or call `close()`.

    Layout: `postgres/` database, `cloud/` objects and broker state, `run/` logs, `mail/` what was mailed,
    `secrets.json`, `lock`, `clean`.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self.postgres = path / "postgres"
        self.cloud = path / "cloud"
        self.run = path / "run"
        self.mail = path / "mail"
        self.secrets = path / "secrets.json"
        self._lock = lock

    @classmethod
    def open(cls, path: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Self:
        """Create the folder if it is absent and lock it for this process.

        Without a path, `COFFER_HOME` decides, else `.coffer` in the current folder. Raises StartError when another
        stack holds the lock or the folder cannot be written.
        """
        wanted = path or Path((os.environ if environ is None else environ).get("COFFER_HOME") or ".coffer")
        folder = wanted.expanduser().absolute()
        try:
            lock = _prepare(folder)
        except OSError as error:
            raise StartError(_unusable(folder, error)) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            message = f"Another Coffer is running on {folder}: stop it, or set COFFER_HOME to another folder."
            raise StartError(message) from error
        except OSError as error:
            os.close(lock)
            message = f"{folder} cannot be locked ({error.strerror}): set COFFER_HOME to a folder on a local disk."
            raise StartError(message) from error
        return cls(folder, lock)

    def was_clean(self) -> bool:
        """Whether everything was stopped in order since the last `mark_running`; a new folder was not."""
        return (self.path / _CLEAN).exists()

    def mark_running(self) -> bool:
        """Withdraw the mark of a clean stop, durably, before anything starts; returns what it said until now."""
        was_clean = self.was_clean()
        (self.path / _CLEAN).unlink(missing_ok=True)
        sync(self.path)
        return was_clean

    def mark_clean(self) -> None:
        """Record, durably, that everything was stopped in order; call it last, after all data is on disk."""
        write_private(self.path / _CLEAN, b"stopped in order\n")

    def close(self) -> None:
        """Give up the lock; may run twice."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def is_in_use(folder: Path) -> bool:
    """Whether a stack runs on the data folder at this moment."""
    try:
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def sync(path: Path) -> None:
    """Flush a file, or the names in a folder, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_private(path: Path, content: bytes) -> None:
    """Replace a file at once and durably, readable by its owner only; a crash leaves the old or the new content."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync(path.parent)


def _prepare(folder: Path) -> int:
    # Root's database runs under an account of its own, which has to pass through; what is inside stays closed to it.
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    for name, mode in (("postgres", 0o711 if os.geteuid() == 0 else 0o700), ("cloud", 0o700), ("run", 0o700)):
        part = folder / name
        if not part.exists():
            part.mkdir(mode=0o700)
            part.chmod(mode)
        if not os.access(part, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(part))
    return os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _unusable(folder: Path, error: OSError) -> str:
    place = error.filename or folder
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"The disk of {folder} is full: free some space, or set COFFER_HOME to a folder on another disk."
        case errno.ENOTDIR | errno.EEXIST:
            return f"{place} is in the way of the data folder {folder}: set COFFER_HOME to a folder."
        case _:
            reason = (error.strerror or "unknown reason").lower()
            return f"The data folder {folder} cannot be used ({place}: {reason}): set COFFER_HOME to a writable folder."
