"""Serving on bound sockets, and stopping: told by an event, by signals, with clients that hold on."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from typing import Any

import pytest

from coffer_chassis.serving import SILENT_SECONDS, listen, serve, stop_on_signals


async def hello(scope: dict[str, Any], _receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"hi"})


async def never(scope: dict[str, Any], _receive: Any, _send: Any) -> None:
    if scope["type"] == "http":
        await asyncio.Event().wait()


async def request(bound: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(*bound.getsockname()[:2])
    writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
    return reader, writer


async def test_answers_until_told_to_stop_and_does_not_wait_for_idle_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coffer_chassis.serving.FINISH_SECONDS", 60)
    bound, stopping = listen("127.0.0.1", 0), asyncio.Event()
    serving = asyncio.create_task(serve(hello, bound, stopping, lifespan=False))
    reader, writer = await request(bound)
    assert (await reader.readuntil(b"hi")).startswith(b"HTTP/1.1 200")
    stopping.set()
    await asyncio.wait_for(serving, 30)
    writer.close()


@pytest.mark.slow
async def test_a_request_that_never_ends_holds_up_the_stop_for_a_bounded_time() -> None:
    bound, stopping = listen("127.0.0.1", 0), asyncio.Event()
    serving = asyncio.create_task(serve(never, bound, stopping, lifespan=False))
    _, writer = await request(bound)
    await asyncio.sleep(0)
    stopping.set()
    await asyncio.wait_for(serving, 60)
    writer.close()


async def test_an_application_that_does_not_start_ends_its_process_instead_of_lingering() -> None:
    async def broken(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.failed", "message": "no"})

    bound = listen("127.0.0.1", 0)
    with pytest.raises(RuntimeError, match="did not start"):
        await asyncio.wait_for(serve(broken, bound, asyncio.Event()), 60)


def test_a_taken_port_is_an_error_and_leaves_no_socket_open() -> None:
    with listen("127.0.0.1", 0) as first, pytest.raises(OSError, match="in use"):
        listen(*first.getsockname()[:2])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such limit")
def test_a_client_that_vanished_is_not_waited_for_until_the_system_gives_up() -> None:
    with listen("127.0.0.1", 0) as bound, socket.create_connection(bound.getsockname()[:2]):
        bound.setblocking(True)
        accepted, _ = bound.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == SILENT_SECONDS * 1000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_signals_and_a_lost_terminal_ask_for_an_orderly_stop(number: signal.Signals) -> None:
    stopping = asyncio.Event()
    stop_on_signals(stopping)
    try:
        os.kill(os.getpid(), number)
        await asyncio.wait_for(stopping.wait(), 60)
    finally:
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().remove_signal_handler(each)


@pytest.mark.parametrize(("soft", "hard", "room"), [(64, 512, 512), (512, 512, 512), (64, None, None)])
def test_a_process_takes_as_many_open_files_as_it_may_have(soft: int, hard: int | None, room: int | None) -> None:
    program = (
        "import resource, sys; from coffer_chassis.serving import OPEN_FILES, make_room_for_connections as make_room\n"
        "most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        f"hard = {hard} or most\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, hard))\n"
        "first, second = make_room(), make_room()\n"
        f"wanted = {room} or (OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES))\n"
        "assert first == second == wanted == resource.getrlimit(resource.RLIMIT_NOFILE)[0], (first, second, wanted)\n"
        "assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] == hard, 'what it may have stays'\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
