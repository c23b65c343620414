"""A running Coffer with narrow limits, files in two processes, and a Redis between them: they count as one."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from factories.people import Person
from factories.redis_server import RedisServer, redis_server
from factories.roles import Role
from factories.stacks import LocalStack, local_stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

QUOTA = 6
"""One more grows back every ten seconds."""
ATTEMPTS = 5
WHERE = "/v1/admin/files/limits"
WITHIN_SECONDS = 60
"""Far more than a process does without Redis after it was slow for a moment."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture(scope="module")
def stack(server: RedisServer) -> Iterator[LocalStack]:
    with local_stack(COFFER_REDIS_URL=server.url, COFFER_LIMIT_UPLOAD_PER_MINUTE=str(QUOTA)) as running:
        yield running


@pytest.fixture(scope="module")
def second(stack: LocalStack) -> str:
    """The address of another process of files."""
    return Role.start(stack, "api", "coffer_files").ready().public


@pytest.fixture
def boss(stack: LocalStack) -> Person:
    person = Person.at(stack.url)
    stack.run("coffer_auth", "grant-operator", person.name)
    person.sign_in()
    return person


def look(person: Person) -> int:
    return person.http.get("/v1/uploads").status_code


def counted_together(boss: Person, second: str) -> bool:
    """Whether no process does without Redis, as each does for a second where it is slow for a moment on a busy machine."""
    return all(one.get(WHERE)["counted_in"] == "redis" for one in (boss, boss.through(second)))


def limited(boss: Person, person: Person) -> dict[str, Any] | None:
    listed = boss.wait_for(lambda: boss.get(WHERE), lambda found: found["counted_in"] == "redis", within_seconds=WITHIN_SECONDS)
    who = f"user/{person.tokens['user']['id']}"
    return next((one for one in listed["items"] if one["who"] == who), None)


def test_two_processes_count_together_and_an_operator_lets_somebody_go_on(stack: LocalStack, second: str, boss: Person) -> None:
    for _ in range(ATTEMPTS):
        boss.wait_for(
            lambda: {"together": counted_together(boss, second)}, lambda now: now["together"], within_seconds=WITHIN_SECONDS
        )
        ana = Person.at(stack.url)
        there = ana.through(second)
        began = time.monotonic()
        asked = [look(one) for _ in range(QUOTA) for one in (ana, there)]
        grown_back = (time.monotonic() - began) / 10
        refused = there.http.get("/v1/uploads")
        refusals = asked.count(429) + (refused.status_code == 429)
        seen = limited(boss, ana)
        # A process may have done without Redis in between; two that never count together let twice as many pass each time.
        whole = refused.status_code == 429 and seen is not None and seen["refused"] >= refusals
        if counted_together(boss, second) and whole and asked.count(200) <= QUOTA + 1 + grown_back:
            break
    assert set(asked) == {200, 429}
    assert QUOTA <= asked.count(200) <= QUOTA + 1 + grown_back
    assert refused.json()["violated-policies"] == ["upload"]
    assert 1 <= int(refused.headers["retry-after"]) <= 10
    assert refused.headers["ratelimit"] == f'"upload";r=0;t={refused.headers["retry-after"]}'
    assert there.http.get("/v1/me").status_code == 404, "this process has routes of files only"
    assert ana.get("/v1/items/root/children")["items"] == [], "what else they do goes on"

    assert seen is not None
    assert seen["refused"] >= refusals
    assert limited(boss.through(second), ana) == seen
    who = seen["who"]

    def shown() -> dict[str, Any]:
        look(ana)  # uses up what has grown back
        lines = stack.run("coffer_files", "limits", "list").splitlines()
        return {"who": {json.loads(line)["who"] for line in lines}}

    boss.wait_for(shown, lambda told: who in told["who"], within_seconds=WITHIN_SECONDS)
    lift = {"policy": "upload", "who": who}
    lifted = boss.wait_for(
        lambda: {"answer": boss.http.post(f"{second}{WHERE}/lift", json=lift)},
        lambda told: told["answer"].status_code < 500,
        within_seconds=WITHIN_SECONDS,
    )["answer"]
    assert lifted.status_code == 200
    assert limited(boss, ana) is None
    assert (look(ana), look(there)) == (200, 200)
    told = boss.wait_for(
        lambda: boss.get("/v1/audit", action="limits.lifted"), lambda page: bool(page["items"]), within_seconds=WITHIN_SECONDS
    )
    assert told["items"][0]["service"] == "files"


def test_while_redis_is_away_each_process_counts_for_itself_and_nobody_is_refused_for_it(
    stack: LocalStack, second: str, server: RedisServer
) -> None:
    bea = Person.at(stack.url)
    assert [look(bea) for _ in range(QUOTA)] == [200] * QUOTA
    cem = Person.at(stack.url)
    server.kill()
    try:
        for one in (cem, cem.through(second)):
            asked = [look(one) for _ in range(2 * QUOTA)]
            assert asked[:QUOTA] == [200] * QUOTA
            assert 429 in asked
        assert bea.get("/v1/items/root/children")["items"] == []
    finally:
        server.start()
    # Sooner or later somebody looks, and all count together again.
    with server.client() as seen:
        bea.wait_for(
            lambda: {"status": look(bea), "keys": seen.dbsize()}, lambda one: one["keys"] > 0, within_seconds=WITHIN_SECONDS
        )
