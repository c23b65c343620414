"""Answers without an end: HEAD asks for none of it, and a loop that answers is told to stop with the server."""

import asyncio
from typing import Any

import httpx
from litestar import Response, get
from litestar.types import Receive, Scope, Send

from coffer_chassis.access_rules import public
from coffer_chassis.service import Loop, Service
from coffer_chassis.topology import ServiceTopology
from factories.consuming import STOP_SECONDS, WatchedBus
from factories.eventing import Store
from factories.http import app_of, served


class Endless(Response[str]):
    """Goes on until the client has gone."""

    def to_asgi_response(self, *_args: Any, **_options: Any) -> Any:
        return self._answer

    async def _answer(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass


@get("/v1/endless", opt=public())
async def endless() -> Response[str]:
    """Without an end."""
    return Endless("")


async def test_head_gets_the_headers_and_the_connection_can_be_used_again() -> None:
    async with served(app_of(endless)) as address, httpx.AsyncClient(base_url=address, timeout=60) as http:
        for _ in range(2):
            answer = await http.head("/v1/endless")
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "text/event-stream"
            assert answer.content == b""


async def test_loops_run_where_their_work_is_and_end_with_the_service(store: Store) -> None:
    ran: list[str] = []

    def loop(name: str) -> Loop:
        async def run(stopping: asyncio.Event) -> None:
            ran.append(name)
            await stopping.wait()
            ran.append(f"{name} ended")

        return Loop(name, run)

    service = Service(
        ServiceTopology("first"),
        store.work,
        WatchedBus(),
        deps=None,
        app=None,
        loops=(loop("posting"),),
        answering=(loop("telling"),),
    )
    for roles, expected in (
        ({"consume": False, "relay": False}, ["telling"]),
        ({"answer": False, "relay": False}, ["posting"]),
        ({"answer": False, "consume": False}, []),
    ):
        ran.clear()
        stopping = asyncio.Event()
        running = asyncio.create_task(service.run_background(stopping, **roles))
        async with asyncio.timeout(STOP_SECONDS):
            while ran != expected:  # noqa: ASYNC110  # nothing tells when a loop has begun
                await asyncio.sleep(0.01)
        stopping.set()
        await asyncio.wait_for(running, STOP_SECONDS)
        assert ran == [*expected, *(f"{name} ended" for name in expected)]
