"""The internal port of a process, whatever part of a service it runs: `/metrics`, `/livez` and `/readyz`. Never public.

Plain ASGI, because a process that only consumes or relays has no other HTTP application.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from coffer_chassis.health import AliveAnswer, Readiness
from coffer_chassis.metrics import Send, exposition

Receive = Callable[[], Awaitable[dict[str, Any]]]
App = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]


def internal_app(readiness: Readiness) -> App:
    """`/livez` is 200 while the event loop runs; `/readyz` is 503 while a check fails or the process drains."""

    async def answer(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        asked = scope["path"] if scope["type"] == "http" and scope["method"] in {"GET", "HEAD"} else None
        if asked == "/livez":
            await _json(scope, send, 200, AliveAnswer())
        elif asked == "/readyz":
            report = await readiness.report()
            await _json(scope, send, 200 if report.status == "ready" else 503, report)
        else:
            await exposition(scope, receive, send)

    return answer


async def _json(scope: dict[str, Any], send: Send, status: int, body: msgspec.Struct) -> None:
    content = msgspec.json.encode(body)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})
