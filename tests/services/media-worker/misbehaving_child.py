"""A warm parent whose jobs do what the file's first word says, as a file that took over its decoder would."""

import ctypes
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from coffer_media_worker import child, frames
from coffer_media_worker.domain import PreviewFailed, PreviewFailure, PreviewOutcome, Rendered


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
    frame, body = frames.reply_frame(child.render_work({"box": 400, "format": "WEBP"}, source))
    _say(frame + body)
    time.sleep(60)


def _half() -> None:
    _say(frames.pack({"failed": "corrupt"})[:-4])


def _lie() -> Rendered:
    return Rendered(b"<script>", "image/webp", 1, 1, 1, 1, b"")


def _surroundings() -> str:
    """What a job sees of its machine."""
    forbidden = []
    try:
        with tempfile.TemporaryFile(buffering=0) as planted:
            planted.write(b"x")
    except OSError as error:
        forbidden.append(type(error).__name__)
    status = Path("/proc/self/status").read_text("ascii")
    return json.dumps(
        {
            "environment": sorted(os.environ),
            "files": sorted(file.name for file in Path("/proc/self/fd").iterdir() if int(file.name) > child.CHANNEL_FD),
            "no_new_privileges": "NoNewPrivs:\t1" in status,
            "threads": "Threads:\t1\n" in status,
            "memory": resource.getrlimit(resource.RLIMIT_AS)[0],
            "cpu": resource.getrlimit(resource.RLIMIT_CPU)[0],
            "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
            "written": forbidden == [],
            "arguments": sys.argv[1:],
        }
    )


def _late_imports(source: bytes) -> str:
    before = set(sys.modules)
    child.render_work({"box": 400, "format": "WEBP"}, source)
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


def work(_request: dict[str, Any], source: bytes) -> PreviewOutcome:
    """Do the deed; what comes back is told as the detail of a failure."""
    word, _, rest = source.partition(b" ")
    if word == b"surroundings":
        return PreviewFailed(PreviewFailure.UNSUPPORTED, _surroundings())
    if word == b"imports":
        return PreviewFailed(PreviewFailure.UNSUPPORTED, _late_imports(rest))
    if word == b"linger":
        _linger(rest)
    done = DEEDS[word]()
    return done if isinstance(done, Rendered) else PreviewFailed(PreviewFailure.UNSUPPORTED, repr(done))


if __name__ == "__main__":
    child.main(work)
