"""A warm parent whose jobs do what the file's first word says, as a file that took over its decoder would."""

import ctypes
import errno
import importlib
import json
import os
import platform
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from coffer_media_worker import child, frames, tasks
from coffer_media_worker.domain import Picture, PreviewFailed, PreviewFailure, PreviewOutcome, Rendered
from coffer_media_worker.ranged import Ranged


def _loop() -> NoReturn:
    while True:
        pass


def _grow() -> None:
    held = []
    while True:
        held.append(b"\1" * (8 << 20))


def _say(content: bytes) -> None:
    os.write(child.CHANNEL_FD, content)


def _flood() -> NoReturn:
    _say(frames.PREFIX.pack(2, 1 << 30))
    while True:
        _say(bytes(65_536))


def _linger(source: bytes) -> None:
    frame, body = frames.reply_frame(_drawn(source))
    _say(frame + body)
    time.sleep(60)


def _half() -> None:
    _say(frames.pack({"failed": "corrupt"})[:-4])


def _lie() -> Rendered:
    return Rendered((Picture(b"<script>", "image/webp", 1, 1, 400),), 1, 1)


def _surroundings() -> str:
    """What a job sees of its machine, where it may open nothing to find out."""
    return json.dumps(
        {
            "environment": sorted(os.environ),
            "files": [number for number in range(child.CHANNEL_FD + 1, 300) if _is_open(number)],
            "memory": resource.getrlimit(resource.RLIMIT_AS)[0],
            "cpu": resource.getrlimit(resource.RLIMIT_CPU)[0],
            "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
            "arguments": sys.argv[1:],
        }
    )


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _attempt(try_it: Callable[[], object]) -> str:
    """The error that an attempt meets, by name; empty if it meets none."""
    try:
        try_it()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "OSError")
    except Exception as error:  # noqa: BLE001 whatever stops it
        return type(error).__name__
    return ""


def _ask_the_kernel(number: int, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")


def _in_a_thread() -> None:
    done: list[int] = []
    thread = threading.Thread(target=done.append, args=(1,))
    thread.start()
    thread.join()
    if not done:
        raise RuntimeError("did not run")


ATTEMPTS: dict[bytes, Callable[[], object]] = {
    b"open": lambda: Path("/etc/passwd").read_bytes(),
    b"open own memory": lambda: Path("/proc/self/mem").open("rb").close(),
    b"open library": lambda: ctypes.CDLL("libBrokenLocale.so.1"),
    b"write": lambda: Path("/tmp/planted").write_bytes(b"x"),
    b"list": lambda: os.listdir("/"),  # noqa: PTH208 the system call itself
    b"look": lambda: os.stat("/etc/passwd"),  # noqa: PTH116 as above
    b"import": lambda: importlib.import_module("sqlite3"),
    b"remove": lambda: Path("/tmp/planted").unlink(),
    b"change directory": lambda: os.chdir("/"),
    b"fork": os.fork,
    b"kill": lambda: os.kill(os.getppid(), signal.SIGTERM),
    b"kill everybody": lambda: os.kill(-1, signal.SIGKILL),
    b"more memory": lambda: resource.setrlimit(resource.RLIMIT_AS, (100 << 20, 256 << 20)),
    b"become root": lambda: os.setuid(0),
    b"memory file": lambda: os.memfd_create("x"),
    b"pair of sockets": socket.socketpair,
    b"pipe": os.pipe,
    b"socket": socket.socket,
    b"program": lambda: os.execv("/bin/true", ["true"]),
    b"trace": lambda: _ask_the_kernel({"x86_64": 101, "aarch64": 117}[platform.machine()], 0, 0, 0, 0),
    b"namespace": lambda: _ask_the_kernel({"x86_64": 272, "aarch64": 97}[platform.machine()], 0x10000000),
    b"ring": lambda: _ask_the_kernel(425, 8, None),
    b"thread": _in_a_thread,
    b"too much": lambda: bytearray(2 << 30),
}


def _there(content: bytes) -> Ranged:
    return Ranged(len(content), lambda _first, _last: b"", [(0, content)])


def _drawn(content: bytes) -> PreviewOutcome:
    parts = list(tasks._pictures({"boxes": [400, 1024, 2048], "format": "WEBP"}, _there(content)))
    return Rendered.joined([part for part in parts if isinstance(part, Rendered)])


def _two_parts(source: bytes) -> Iterator[PreviewOutcome]:
    made = _drawn(source)
    assert isinstance(made, Rendered)
    yield replace(made, more=True)
    os.abort()


def _late_imports(source: bytes) -> str:
    before = set(sys.modules)
    _drawn(source)
    return json.dumps(sorted(set(sys.modules) - before))


DEEDS: dict[bytes, Callable[[], object]] = {
    b"loop": _loop,
    b"grow": _grow,
    b"sleep": lambda: time.sleep(60),
    b"abort": os.abort,
    b"segfault": lambda: ctypes.string_at(0),
    b"exit": lambda: os._exit(0),
    b"raise": lambda: DEEDS[b"nothing"],
    b"flood": _flood,
    b"half": _half,
    b"garbage": lambda: _say(b"\0\0\0\x05\0\0\0\0[[[[["),
    b"lie": _lie,
}


def _read_on(source: Ranged) -> None:
    while source.read(1 << 20):
        pass


def work(_request: dict[str, Any], source: Ranged) -> PreviewOutcome | Iterator[PreviewOutcome]:
    """Do the deed; what comes back is told as the detail of a failure."""
    source.seek(0)
    word, _, rest = (source.read(32) if source.size > 1 << 20 else source.whole()).partition(b" ")
    if word == b"greedy":
        _read_on(source)
    if word == b"attempt":
        return PreviewFailed(PreviewFailure.UNSUPPORTED, _attempt(ATTEMPTS[rest]))
    if word == b"surroundings":
        return PreviewFailed(PreviewFailure.UNSUPPORTED, _surroundings())
    if word == b"imports":
        return PreviewFailed(PreviewFailure.UNSUPPORTED, _late_imports(rest))
    if word == b"parts":
        return _two_parts(rest)
    if word == b"linger":
        _linger(rest)
    done = DEEDS[word]()
    return done if isinstance(done, Rendered) else PreviewFailed(PreviewFailure.UNSUPPORTED, repr(done))


if __name__ == "__main__":
    child.main(work)
