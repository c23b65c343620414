"""Who is limited, for operators: over HTTP and from a shell, in one process and in Redis."""

import argparse
import json
from typing import Any

import httpx
import pytest

from coffer_chassis.admin import commands
from coffer_chassis.ids import new_id
from coffer_chassis.limits import Limiter
from coffer_chassis.limits.counts import Bucket
from coffer_chassis.limits.policies import NAMES
from coffer_chassis.limits.redis import RedisCounts
from factories.consuming import WatchedBus
from factories.eventing import TABLES, Store
from factories.limits import Told, limiter_of
from factories.operators import BOSS, acts, operations_on, operators_client
from factories.redis_server import redis_server

ADA, NETWORK = Bucket("upload", "user", "ada"), Bucket("upload", "address", "2001:db8::/64")


@pytest.fixture
def time() -> Told:
    return Told()


@pytest.fixture
def limiter(time: Told) -> Limiter:
    return limiter_of(time, per_minute={"upload": 2, "search": 0})


async def exhaust(limiter: Limiter, bucket: Bucket, *, refusals: int = 1) -> None:
    verdicts = [await limiter.take(limiter.policies[bucket.policy], bucket) for _ in range(2 + refusals)]
    assert [one.allowed for one in verdicts] == [True, True, *[False] * refusals]


async def listed(http: httpx.AsyncClient) -> Any:
    answer = await http.get("/limits")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def run(store: Store, limiter: Limiter, *words: str) -> int:
    parser = argparse.ArgumentParser()
    commands.add_arguments(parser.add_subparsers(dest="command"))
    return await commands.limits(operations_on(store, WatchedBus(), limiter=limiter), parser.parse_args(["limits", *words]))


async def test_policies_and_those_who_are_limited_are_listed(store: Store, limiter: Limiter, time: Told) -> None:
    async with operators_client(operations_on(store, WatchedBus(), limiter=limiter)) as http:
        assert (await listed(http))["items"] == []
        await exhaust(limiter, ADA, refusals=3)
        time.advance(10)
        found = await listed(http)
    assert [policy["name"] for policy in found["policies"]] == list(NAMES)
    assert {policy["name"]: policy["quota"] for policy in found["policies"]}["search"] == 0
    assert (found["counted_in"], found["policies"][3]) == ("process", {"name": "upload", "quota": 2, "window_seconds": 60})
    assert found["items"] == [
        {
            "policy": "upload",
            "who": "user/ada",
            "since": "2026-11-20T12:00:00.000Z",
            "until": "2026-11-20T12:01:00.000Z",
            "refused": 3,
        }
    ]


async def test_lifting_lets_them_go_on_and_is_told(store: Store, limiter: Limiter) -> None:
    async with operators_client(operations_on(store, WatchedBus(), limiter=limiter)) as http:
        for bucket in (ADA, NETWORK):
            await exhaust(limiter, bucket, refusals=2)
            body = {"policy": "upload", "who": bucket.who}
            answer = await http.post("/limits/lift", json=body)
            assert answer.json() == body | {"refused": 2}
            await exhaust(limiter, bucket)
            assert (await http.post("/limits/lift", json=body)).status_code == 200
            again = await http.post("/limits/lift", json=body)
            assert (again.status_code, again.json()["code"]) == (404, "not_found")
    assert await acts(store) == [("limits.lifted", "limit", count) for count in (2, 1, 2, 1)]
    told = json.loads((await store.rows(TABLES.outbox))[0].body)
    assert (told["actorid"], told["data"]["target"]) == (BOSS, "limit/upload")
    detail = {part["name"]: part["value"] for part in told["data"]["detail"]}
    assert detail.pop("agent").startswith("python-httpx/")
    assert detail == {"who": "user/ada", "address": "127.0.0.1"}


@pytest.mark.parametrize(
    "body",
    [
        {"policy": "upload", "who": "user/bob"},
        {"policy": "upload", "who": "ada"},
        {"policy": "upload", "who": ""},
        {"policy": "nonsense", "who": "user/ada"},
        {"policy": "upload", "who": "../*:{}"},
    ],
)
async def test_lifting_what_is_not_there_is_refused_and_not_told(store: Store, limiter: Limiter, body: dict[str, str]) -> None:
    await exhaust(limiter, ADA)
    async with operators_client(operations_on(store, WatchedBus(), limiter=limiter)) as http:
        assert (await http.post("/limits/lift", json=body)).status_code == 404
    assert await acts(store) == []


async def test_a_shell_knows_nothing_of_what_another_process_counts(
    store: Store, limiter: Limiter, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(store, limiter, "list") == 1
    assert "COFFER_REDIS_URL" in capsys.readouterr().err


async def test_a_shell_lists_and_lifts_what_processes_share(
    store: Store, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        service = new_id()
        serving, shell = (RedisCounts(server.url, service, patience_seconds=10) for _ in range(2))
        one, other = (limiter_of(shared=shared, per_minute={"upload": 2}) for shared in (serving, shell))
        await exhaust(one, NETWORK, refusals=4)
        assert await run(store, other, "list") == 0
        (line,) = capsys.readouterr().out.splitlines()
        assert (json.loads(line)["who"], json.loads(line)["refused"]) == ("address/2001:db8::/64", 4)
        assert await run(store, other, "lift") == 2
        assert await run(store, other, "lift", "upload", "address/2001:db8::/64") == 0
        assert await run(store, other, "lift", "upload", "address/2001:db8::/64") == 1
        await exhaust(one, NETWORK)
        assert await acts(store) == [("limits.lifted", "limit", 4)]
        server.kill()
        assert await run(store, other, "list") == 1
        assert await run(store, other, "lift", "upload", "address/2001:db8::/64") == 1
        async with operators_client(operations_on(store, WatchedBus(), limiter=other)) as http:
            assert (await listed(http))["counted_in"] == "process"
            answer = await http.post("/limits/lift", json={"policy": "upload", "who": "user/ada"})
            assert (answer.status_code, answer.json()["code"]) == (502, "dependency_failed")
        for counts in (serving, shell):
            await counts.close()
