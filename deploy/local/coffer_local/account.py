"""The account under which root runs what must not be root, and whether that account reaches a folder."""

import os
import pwd
import stat
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path

from coffer_local.home import StartError

# Numbers that no distribution hands out: marked unused in systemd's table (systemd.io/UIDS-GIDS), and below 65536, so
# that they exist in containers too. One per data folder: two stacks can neither read nor signal each other.
_FIRST_UID = 60706
_UIDS = 478


@dataclass(frozen=True)
class Account:
    """A user and a group by number."""

    uid: int
    gid: int

    def closed_part(self, path: Path) -> Path | None:
        """The outermost part of an existing path that this account may not enter or run, or None."""
        real = path.resolve()
        for part in (*reversed(real.parents), real):
            if not self._allowed(part) and not self._really_allowed(part):
                return part
        return None

    def _allowed(self, part: Path) -> bool:
        found = part.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        return bool(found.st_mode & (stat.S_IXGRP if found.st_gid == self.gid else stat.S_IXOTH))

    def _really_allowed(self, part: Path) -> bool:
        """Mode bits do not show access control lists, so a process of this account has the last word."""
        command = ["/bin/sh", "-c", 'test -x "$0"', str(part)]
        try:
            done = subprocess.run(  # noqa: S603  # fixed program, the path is an argument of its own
                command, user=self.uid, group=self.gid, extra_groups=[], cwd="/", check=False, timeout=10
            )
        except (OSError, subprocess.SubprocessError):
            return False
        return done.returncode == 0


def own_account(folder: Path) -> Account | None:
    """The account that owns, or shall own, this data folder; None unless this process is root."""
    if os.geteuid() != 0:
        return None
    if folder.exists() and (owner := folder.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    start = zlib.crc32(bytes(folder.absolute()))
    for step in range(_UIDS):
        number = _FIRST_UID + (start + step) % _UIDS
        if not _known(number):
            return Account(number, number)
    raise StartError("No unprivileged account is left for PostgreSQL: start Coffer as a user other than root.")


def listed_account() -> Account | None:
    """An unprivileged account with a name, for programs that insist on one; None if this process has such a one itself.

    Raises StartError when there is none.
    """
    if os.geteuid() != 0:
        if _known(os.geteuid()):
            return None
        raise StartError(f"PostgreSQL needs an account with a name: add number {os.geteuid()} to /etc/passwd.")
    for name in ("nobody", "daemon"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise StartError("PostgreSQL needs an account called nobody: add one, or start Coffer as a user other than root.")


def _known(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
