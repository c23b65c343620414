"""Runs one PostgreSQL for as long as its parent lives, then stops it and removes its data. Standard library only.

Called as a program: `postgres_guard.py <postgres> <data folder> <port>`. Ends when standard input is closed, which the
system does even for a parent that was killed.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path

UNPRIVILEGED = "nobody"


def unprivileged() -> dict[str, object]:
    """Arguments for subprocess: PostgreSQL refuses to run as root, so root starts it under another user."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(UNPRIVILEGED)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def main() -> None:
    """Start, wait for the end of the parent, stop, clean up."""
    program, folder, port = sys.argv[1:]
    with Path(folder, "log").open("wb") as log:
        server = subprocess.Popen(
            [program, "-D", f"{folder}/data", "-p", port, "-k", folder],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            **unprivileged(),  # type: ignore[call-overload]  # keyword arguments made at run time
        )
        sys.stdin.buffer.read()
        server.send_signal(signal.SIGINT)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
