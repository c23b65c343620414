"""One request to an ASGI application, without a server or a client: for tests that send hundreds."""

import json
from collections.abc import Iterable
from typing import Any


async def answered(
    app: Any, method: str, path: str, headers: Iterable[tuple[bytes, bytes]] = ()
) -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON of the answer to a request without a body."""
    route, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": route,
        "raw_path": route.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"coffer.test"), *headers],
        "client": ("192.0.2.7", 50000),
        "server": ("coffer.test", 80),
        "state": {},
    }
    status, told, body = 0, {}, b""

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status, told, body
        if message["type"] == "http.response.start":
            status = message["status"]
            told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in message["headers"]}
        else:
            body += message.get("body", b"")

    await app(scope, receive, send)
    return status, told, json.loads(body) if body else None
