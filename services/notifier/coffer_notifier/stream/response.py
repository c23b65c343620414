"""The stream as an HTTP answer. Plain ASGI below Litestar's `Response`: two small tasks per connection and no queue more.

A connection ends when its reader leaves, when it is closed by the hub, or when the reader does not read: then what lies
in the sockets is theirs, and they come back with the last id they saw.
"""

import asyncio
from typing import Any

from litestar import Response
from litestar.types import Receive, Scope, Send

from coffer_chassis.identity import Principal
from coffer_notifier.stream.connection import Connection
from coffer_notifier.stream.hub import Hub

MEDIA_TYPE = "text/event-stream"

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class EventStream(Response[str]):
    """Answers with a stream of the hub."""

    def __init__(self, hub: Hub, principal: Principal, topics: frozenset[str], last_id: str | None) -> None:
        super().__init__("", media_type=MEDIA_TYPE)
        self._hub = hub
        self._opening = (principal, topics, last_id)

    def to_asgi_response(self, *_args: Any, **_options: Any) -> Any:
        """What Litestar awaits with the connection."""
        return self._answer

    async def _answer(self, _scope: Scope, receive: Receive, send: Send) -> None:
        connection = await self._hub.open(*self._opening)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            if await _stream(connection, receive, send):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._hub.leave(connection)


async def _stream(connection: Connection, receive: Receive, send: Send) -> bool:
    """Write until one side ends it; whether it came to an orderly end."""

    async def write(chunk: bytes) -> None:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})

    writing = asyncio.create_task(connection.write(write))
    leaving = asyncio.create_task(_left(receive))
    connection.abort = writing.cancel
    try:
        await asyncio.wait({writing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return writing.done() and not leaving.done() and not writing.cancelled() and writing.exception() is None
    finally:
        connection.abort = None
        writing.cancel()
        leaving.cancel()


async def _left(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
