"""Alive, ready, and the answer old clients know."""

import asyncio
from typing import Any

from coffer_chassis.health import Check, Readiness, health_routes
from factories.http import client_of


async def fine() -> None: ...


async def hung() -> None:
    await asyncio.Event().wait()


async def broken() -> None:
    raise ConnectionError("postgresql://coffer:hunter2@db/coffer refused")


def ready(**checks: Check) -> tuple[int, dict[str, Any]]:
    with client_of(*health_routes(Readiness(checks))) as client:
        answer = client.get("/readyz")
    return answer.status_code, answer.json()


def test_a_process_is_alive_even_when_everything_it_needs_is_gone() -> None:
    with client_of(*health_routes(Readiness({"store": Check(broken)}))) as client:
        answer = client.get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_ready_means_every_check_passed_and_tells_how_long_each_took() -> None:
    status, body = ready(store=Check(fine), broker=Check(fine))
    assert (status, body["status"]) == (200, "ready")
    assert [(check["name"], check["status"]) for check in body["checks"]] == [("store", "ok"), ("broker", "ok")]
    assert all(check["ms"] >= 0 and check["detail"] is None for check in body["checks"])


def test_one_failed_check_makes_the_process_unready_and_its_cause_stays_inside() -> None:
    status, body = ready(store=Check(broken), broker=Check(fine))
    assert (status, body["status"]) == (503, "unready")
    assert [check["status"] for check in body["checks"]] == ["failed", "ok"]
    assert "hunter2" not in str(body)


def test_a_check_that_hangs_fails_at_its_deadline() -> None:
    status, body = ready(store=Check(hung, deadline_seconds=0.05))
    assert status == 503
    assert body["checks"][0]["detail"] == "no answer within 0.05 s"
    assert body["checks"][0]["ms"] < 30_000


def test_a_draining_process_is_unready_while_its_checks_pass() -> None:
    readiness = Readiness({"store": Check(fine)})
    with client_of(*health_routes(readiness)) as client:
        before = client.get("/readyz").status_code
        readiness.drain()
        readiness.drain()
        after = client.get("/readyz")
    assert (before, after.status_code, after.json()["status"]) == (200, 503, "draining")


def test_the_health_of_the_old_api_keeps_its_shape() -> None:
    with client_of(*health_routes(Readiness({}))) as client:
        answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "healthy"})


async def test_many_askers_at_once_cost_one_round_of_checks() -> None:
    calls = 0

    async def counted() -> None:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)

    readiness = Readiness({"store": Check(counted)}, fresh_seconds=60)
    answers = await asyncio.gather(*(readiness.report() for _ in range(20)))
    assert calls == 1
    assert all(answer.status == "ready" for answer in answers)


async def test_a_dependency_that_comes_back_is_seen_once_the_answer_is_stale() -> None:
    works = False

    async def flapping() -> None:
        if not works:
            raise ConnectionError

    readiness = Readiness({"store": Check(flapping)}, fresh_seconds=0)
    assert (await readiness.report()).status == "unready"
    works = True
    assert (await readiness.report()).status == "ready"
