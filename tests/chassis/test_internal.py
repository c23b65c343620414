"""The internal port: alive, ready and measured, also in a process that answers no requests of people."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from coffer_chassis.health import Check, Readiness
from coffer_chassis.internal import internal_app
from coffer_chassis.service import Service
from coffer_chassis.topology import Lane, ServiceTopology
from factories.consuming import LANE, QUICK, WatchedBus
from factories.eventing import Store


async def fine() -> None: ...


def readiness(service: Service) -> Readiness:
    """What the service checks, however long it takes."""
    return Readiness({name: replace(check, deadline_seconds=30) for name, check in service.checks().items()})


async def broken() -> None:
    raise ConnectionError("postgresql://coffer:hunter2@db/coffer refused")


async def ask(path: str, method: str = "GET", *, readiness: Readiness | None = None) -> httpx.Response:
    app: Any = internal_app(readiness or Readiness({"store": Check(fine)}))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://internal") as client:
        return await client.request(method, path)


async def test_metrics_are_there() -> None:
    answer = await ask("/metrics")
    assert answer.status_code == 200
    assert "# TYPE coffer_outbox_unsent gauge" in answer.text


async def test_a_process_is_alive_even_when_everything_it_needs_is_gone() -> None:
    answer = await ask("/livez", readiness=Readiness({"store": Check(broken)}))
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert answer.headers["cache-control"] == "no-store"


async def test_ready_says_what_was_found_but_not_why() -> None:
    answer = await ask("/readyz", readiness=Readiness({"store": Check(broken), "queues": Check(fine)}))
    found = {check["name"]: check["status"] for check in answer.json()["checks"]}
    assert (answer.status_code, answer.json()["status"]) == (503, "unready")
    assert found == {"store": "failed", "queues": "ok"}
    assert "hunter2" not in answer.text


async def test_a_draining_process_is_alive_and_unready() -> None:
    readiness = Readiness({"store": Check(fine)})
    assert (await ask("/readyz", readiness=readiness)).json()["status"] == "ready"
    readiness.drain()
    assert (await ask("/readyz", readiness=readiness)).status_code == 503
    assert (await ask("/livez", readiness=readiness)).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
async def test_head_is_get_without_a_body(path: str) -> None:
    answer = await ask(path, "HEAD")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/livez/"), ("GET", "/health"), ("GET", "/v1/me"), ("POST", "/livez"), ("PUT", "/metrics")],
)
async def test_nothing_else_is_there(method: str, path: str) -> None:
    assert (await ask(path, method)).status_code == 404


async def test_a_service_is_ready_when_its_store_and_its_queues_are(store: Store) -> None:
    bus = WatchedBus()
    tables = {LANE.queue: {QUICK.event.type: QUICK}}
    service = Service(ServiceTopology("second", (LANE,)), store.work, bus, deps=None, app=None, tables=tables)
    report = await readiness(service).report()
    assert [(check.name, check.status) for check in report.checks] == [("store", "ok"), ("queues", "ok")]
    nowhere = Lane("nobody-fast", {})
    lost = Service(ServiceTopology("second", (nowhere,)), store.work, bus, deps=None, app=None, tables={nowhere.queue: {}})
    report = await readiness(lost).report()
    assert [(check.name, check.status) for check in report.checks] == [("store", "ok"), ("queues", "failed")]


async def test_a_service_without_queues_is_ready_when_its_store_is(store: Store) -> None:
    service = Service(ServiceTopology("first"), store.work, WatchedBus(), deps=None, app=None)
    report = await readiness(service).report()
    assert [(check.name, check.status) for check in report.checks] == [("store", "ok")]


async def test_other_than_http_is_left_alone() -> None:
    sent: list[Any] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {}

    app: Callable[..., Awaitable[None]] = internal_app(Readiness({}))
    await app({"type": "lifespan"}, receive, send)
    assert json.dumps(sent) == "[]"
