"""Live streams in tests: a process that serves them, readers that remember everything, and rows to tell."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import text

from coffer_chassis.service import supervised
from coffer_chassis.serving import listen, serve
from coffer_chassis.testing import eventually
from coffer_notifier.handlers.telling import STREAM
from coffer_notifier.stream.hub import Hub
from factories.notifier import Notifier, bearer

PATIENCE_SECONDS = 60.0


@asynccontextmanager
async def api_process(notifier: Notifier) -> AsyncIterator[str]:
    """What a process runs that answers requests: hub, wake-ups, a server on a real socket; its address."""
    stopping = asyncio.Event()
    notifier.wakeups.on(STREAM, notifier.hub.poke)
    bound = listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{bound.getsockname()[1]}"
    tasks = [
        asyncio.create_task(supervised("hub", notifier.hub.run, stopping)),
        asyncio.create_task(supervised("wakeups", notifier.wakeups.run, stopping)),
        asyncio.create_task(serve(notifier.own_app(), bound, stopping)),
    ]
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await notifier.hub._ready.wait()
            await notifier.hub._seats.known.wait()
        yield address
    finally:
        stopping.set()
        await asyncio.gather(*tasks)


@dataclass
class Told:
    """One block of a stream."""

    event: str | None
    data: Any
    id: str | None


@dataclass
class Listener:
    """A reader of a stream that remembers everything."""

    response: httpx.Response
    told: list[Told] = field(default_factory=list)
    comments: int = 0
    last_id: str | None = None
    ended: bool = False

    async def listen(self) -> None:
        """Read until the stream ends."""
        block: dict[str, str] = {}
        with contextlib.suppress(httpx.RemoteProtocolError, httpx.ReadError):
            async for line in self.response.aiter_lines():
                if not line:
                    if block.get("id"):
                        self.last_id = block["id"]
                    if "data" in block:
                        self.told.append(Told(block.get("event"), json.loads(block["data"]), block.get("id")))
                    block = {}
                elif line.startswith(":"):
                    self.comments += 1
                else:
                    name, _, value = line.partition(":")
                    block[name] = value.removeprefix(" ")
        self.ended = True

    def events(self, *names: str) -> list[Told]:
        """What was told under these names so far."""
        return [one for one in self.told if not names or one.event in names]

    async def hears(self, count: int, *names: str, within_seconds: float = PATIENCE_SECONDS) -> list[Told]:
        """Wait until so much was told; that."""

        async def enough() -> list[Told] | None:
            found = self.events(*names)
            return found if len(found) >= count else None

        found = await eventually(enough, within_seconds=within_seconds)
        assert found is not None
        return found

    async def ends(self, *, within_seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until the stream has ended."""

        async def over() -> bool:
            return self.ended

        await eventually(over, within_seconds=within_seconds)


@asynccontextmanager
async def listening(
    address: str, token: str, *, last_id: str | None = None, topics: str | None = None, path: str = "/v1/stream"
) -> AsyncIterator[Listener]:
    """An open stream; returns once the server has said where it begins."""
    headers = bearer(token) | ({"Last-Event-ID": last_id} if last_id else {})
    query = {"topics": topics} if topics else {}
    async with (
        httpx.AsyncClient(base_url=address, timeout=30) as http,
        http.stream("GET", path, headers=headers, params=query) as response,
    ):
        assert response.status_code == 200, (await response.aread()).decode()
        listener = Listener(response)
        running = asyncio.create_task(listener.listen())
        try:

            async def begun() -> bool:
                return listener.last_id is not None or listener.ended

            await eventually(begun, within_seconds=PATIENCE_SECONDS)
            yield listener
        finally:
            running.cancel()
            await asyncio.wait({running})


INSERT = text(
    """
    INSERT INTO stream (user_id, topic, event, data, at)
    VALUES (:user, 'uploads', 'upload', jsonb_build_object('n', CAST(:number AS int)), :at)
    """
)


async def tell(notifier: Notifier, user: str, number: int) -> None:
    """A small event of its own for somebody, in a transaction of its own."""
    async with notifier.engine.begin() as connection:
        await connection.execute(INSERT, {"user": user, "number": number, "at": notifier.clock.now()})
    notifier.hub.poke()


def numbers(listener: Listener) -> list[int]:
    """What `tell` told and the listener heard so far."""
    return [one.data["n"] for one in listener.events("upload")]


class Rounds:
    """The reader's rounds of a hub: counted, and held up while the gate is closed."""

    def __init__(self, hub: Hub) -> None:
        self.count = 0
        self.poke = hub.poke
        self.gate = asyncio.Event()
        self.gate.set()
        self._stands_there = False
        round_of_hub = hub._round

        async def watched() -> Any:
            self._stands_there = True
            await self.gate.wait()
            self._stands_there = False
            left = await round_of_hub()
            self.count += 1
            return left

        hub._round = watched  # type: ignore[method-assign]  # to look inside

    async def hold(self) -> None:
        """Close the gate, and wait until the reader stands before it."""
        self.gate.clear()

        async def stands_there() -> bool:
            self.poke()
            return self._stands_there

        await eventually(stands_there, within_seconds=PATIENCE_SECONDS)

    async def some_more(self) -> None:
        """Wait until whatever stands in the table by now has been looked at."""
        before = self.count

        async def looked() -> bool:
            self.poke()
            return self.count >= before + 2

        await eventually(looked, within_seconds=PATIENCE_SECONDS)


@asynccontextmanager
async def deaf_reader(address: str, token: str) -> AsyncIterator[None]:
    """Somebody who opens a stream and never reads it."""
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(deaf, (host, int(port)))
        await loop.sock_sendall(deaf, f"GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        yield
