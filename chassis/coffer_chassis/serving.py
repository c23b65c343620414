"""Serves an ASGI application on sockets that are bound first, and stops when told to instead of by signals of its own."""

import asyncio
import contextlib
import ctypes
import gc
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Any

import uvicorn

from coffer_chassis.request_heads import BoundedHeads

SILENT_SECONDS = 60
"""How long a client may leave what it was sent without a sign. One that lost its network says no good-bye, and the system
would hold its connections for a quarter of an hour: live streams are counted.
"""
FINISH_SECONDS = 3
"""How long requests under way may take once the server was told to stop."""


COLLECTOR_THRESHOLDS = (10_000, 20, 20)
"""Requests make many short-lived objects; the default looks for circles after every 700."""


OPEN_FILES = 65_536
"""More than one process serves; beyond it some systems grow tables by the number."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the process, not to one of its listeners."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises OSError when the address is taken or not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle off only where the protocol is named.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sys.platform == "linux":  # handed down to every connection
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT_SECONDS * 1000)
        bound.bind((host, port))
        bound.listen(1024)
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound


async def serve(app: Any, bound: socket.socket, stopping: asyncio.Event, *, lifespan: bool = True) -> None:
    """Answer requests on `bound` until `stopping` is set, then finish those under way for up to FINISH_SECONDS.

    Raises RuntimeError when the application does not start: a process without its routes must end, not linger.
    """
    config = uvicorn.Config(
        app,
        http=BoundedHeads,
        loop="none",
        lifespan="on" if lifespan else "off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_graceful_shutdown=FINISH_SECONDS,
        timeout_keep_alive=75,
    )
    server = _Server(config)

    async def end() -> None:
        await stopping.wait()
        server.should_exit = True

    ending = asyncio.create_task(end())
    try:
        await server.serve(sockets=[bound])
    except SystemExit as error:
        raise RuntimeError("the application did not start; the log says why") from error
    finally:
        ending.cancel()
        bound.close()


def freeze_start_up() -> None:
    """Take everything made so far out of the garbage collector's sight: it lives as long as the process, and looking
    through it again and again held up requests for a fifth of a second. Call once, when everything is built.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    # What starting freed: the C library would keep it, some 10 MiB. Not every system's has the call.
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def make_room_for_connections() -> int:
    """Let this process have as many open files as it may, up to OPEN_FILES, not just the 1,024 that systems give it at first:
    every connection is one, and live streams are held by the thousand. How many it may have now. May run twice.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def stop_on_signals(stopping: asyncio.Event) -> None:
    """SIGTERM, SIGINT and the loss of the terminal set `stopping`; a second one ends the process as the system would."""
    loop = asyncio.get_running_loop()

    def told(number: signal.Signals) -> None:
        if stopping.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, told, number)
