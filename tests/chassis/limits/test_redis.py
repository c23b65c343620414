"""Limits that processes share in Redis or Valkey: exact together, and in nobody's way when it is not there."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import redis
from structlog.testing import capture_logs

from coffer_chassis.ids import new_id
from coffer_chassis.limits.counts import MOST_SHOWN, Bucket, CountsAway
from coffer_chassis.limits.limiter import AWAY_SECONDS
from coffer_chassis.limits.policies import Policy
from coffer_chassis.limits.redis import RedisCounts
from factories.limits import Told, limiter_of
from factories.redis_server import RedisServer, redis_server

FIVE = Policy.of("default", 5)
PATIENT = 10.0
"""Tests that are not about waiting must not fail on a busy machine."""
A_LITTLE = 1.0

MANY = """
import asyncio, sys
from coffer_chassis.limits.counts import Bucket
from coffer_chassis.limits.policies import Policy
from coffer_chassis.limits.redis import RedisCounts

async def run(url, service, quota, times):
    counts = RedisCounts(url, service, patience_seconds=10)
    policy, bucket = Policy.of("default", quota), Bucket("default", "user", "ada")
    await counts.refused()
    print("ready", flush=True)
    sys.stdin.readline()
    taken = await asyncio.gather(*(counts.take(policy, bucket) for _ in range(times)))
    print(sum(allowed for allowed, _ in taken))
    await counts.close()

asyncio.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture
async def counts(server: RedisServer) -> AsyncIterator[RedisCounts]:
    made = RedisCounts(server.url, new_id(), patience_seconds=PATIENT)
    yield made
    await made.close()


def bucket(name: str = "ada", kind: str = "user") -> Bucket:
    return Bucket("default", kind, name)


async def test_the_quota_is_allowed_and_not_one_more(counts: RedisCounts) -> None:
    began = time.monotonic()
    taken = [await counts.take(FIVE, bucket()) for _ in range(7)]
    passed = time.monotonic() - began
    assert [allowed for allowed, _ in taken] == [True] * 5 + [False] * 2
    assert [FIVE.pace.remaining(debt) for _, debt in taken[:5]] == [4, 3, 2, 1, 0]
    assert 12 - passed <= FIVE.pace.wait_seconds(taken[-1][1]) <= 12
    assert (await counts.take(FIVE, bucket("bob")))[0]


async def test_many_at_once_are_each_counted_once(counts: RedisCounts) -> None:
    taken = await asyncio.gather(*(counts.take(FIVE, bucket(str(number % 20))) for number in range(2000)))
    assert sum(allowed for allowed, _ in taken) == 20 * 5


@pytest.mark.slow
def test_two_processes_together_allow_what_one_would(server: RedisServer) -> None:
    quota, times, service = 300, 400, new_id()
    command = [sys.executable, "-c", MANY, server.url, service, str(quota), str(times)]
    processes = [subprocess.Popen(command, stdin=-1, stdout=-1, text=True) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    began = time.monotonic()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    allowed = sum(int(process.communicate()[0]) for process in processes)
    grown_back = (time.monotonic() - began) * quota / 60
    assert quota <= allowed <= quota + grown_back + 1


async def test_who_is_limited_is_told_by_every_process(server: RedisServer) -> None:
    service = new_id()
    one, other = (RedisCounts(server.url, service, patience_seconds=PATIENT) for _ in range(2))
    network = bucket("2001:db8::/64", "address")
    for _ in range(8):
        await one.take(FIVE, network)
    (found,) = await other.refused()
    assert (found.bucket, found.refused) == (network, 3)
    assert 50 < (found.until - found.since).total_seconds() <= 61
    assert await other.lift(network) == 3
    assert await one.refused() == []
    assert await other.lift(network) is None
    assert (await one.take(FIVE, network))[0]
    for counts in (one, other):
        await counts.close()


async def test_nothing_is_kept_longer_than_it_counts(server: RedisServer, counts: RedisCounts) -> None:
    await counts.take(FIVE, bucket())
    for _ in range(7):
        await counts.take(FIVE, bucket("bob"))
    with redis.Redis.from_url(server.url) as seen:
        left = [seen.pttl(key) for key in seen.scan_iter(match=f"{counts._prefix}*")]
        assert len(left) == 2
        assert all(0 < one <= 61_000 for one in left)
        assert 0 < seen.pttl(counts._limited) <= 61_000


async def test_the_list_of_those_who_are_limited_is_bounded(server: RedisServer, counts: RedisCounts) -> None:
    one = Policy.of("default", 1)
    names = [str(number) for number in range(MOST_SHOWN + 50)]
    await asyncio.gather(*(counts.take(one, bucket(name)) for name in (*names, *names)))
    assert len(await counts.refused()) == MOST_SHOWN
    with redis.Redis.from_url(server.url) as seen:
        assert seen.zcard(counts._limited) == MOST_SHOWN


async def test_a_clock_of_redis_that_went_back_locks_nobody_out(server: RedisServer, counts: RedisCounts) -> None:
    await counts.take(FIVE, bucket())
    with redis.Redis.from_url(server.url) as seen:
        (key,) = seen.scan_iter(match=f"{counts._prefix}*")
        seen.hset(key, "due", str(4_000_000_000_000_000))
    assert (await counts.take(FIVE, bucket()))[0]


async def test_a_restart_in_the_middle_forgets_what_was_counted_and_refuses_nobody(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with redis_server(tmp_path_factory.mktemp("restarted")) as server:
        told = Told()
        shared = RedisCounts(server.url, "files", patience_seconds=PATIENT)
        limiter = limiter_of(told, shared=shared, per_minute={"default": 5})
        policy = limiter.policies["default"]
        assert [(await limiter.take(policy, bucket())).allowed for _ in range(6)] == [True] * 5 + [False]
        server.kill()
        # For the time being each process counts for itself.
        assert [(await limiter.take(policy, bucket())).allowed for _ in range(6)] == [True] * 5 + [False]
        place, limited = await limiter.limited()
        assert (place, [(one.who, one.refused) for one in limited]) == ("process", [("user/ada", 1)])
        server.start()
        told.advance(AWAY_SECONDS)
        assert [(await limiter.take(policy, bucket())).allowed for _ in range(6)] == [True] * 5 + [False]
        assert (await limiter.limited())[0] == "redis"
        await shared.close()


async def test_one_that_is_frozen_delays_one_request_a_little_and_no_other(tmp_path_factory: pytest.TempPathFactory) -> None:
    with redis_server(tmp_path_factory.mktemp("frozen")) as server:
        told = Told()
        shared = RedisCounts(server.url, "files", patience_seconds=A_LITTLE)
        limiter = limiter_of(told, shared=shared, per_minute={"default": 5})
        policy = limiter.policies["default"]
        await shared_answers(shared)
        server.freeze()
        began = time.monotonic()
        verdicts = await asyncio.gather(*(limiter.take(policy, bucket()) for _ in range(100)))
        assert time.monotonic() - began < 10 * A_LITTLE, "a hundred did not wait one after the other"
        assert sum(verdict.allowed for verdict in verdicts) == 5
        with capture_logs() as said:
            for _ in range(100):
                told.advance(0.001)
                await limiter.take(policy, bucket("bob"))
        assert said == [], "somebody asked again at once"
        server.thaw()
        told.advance(AWAY_SECONDS)
        # No answer of before is taken for one of now.
        await shared_answers(shared)
        first, *_, last = [(await limiter.take(policy, bucket("eve"))) for _ in range(6)]
        assert (first.headers()[1][1], last.allowed) == (b'"default";r=4;t=12', False)
        await shared.close()


async def shared_answers(shared: RedisCounts) -> None:
    """Wait until it does: a machine that is busy may take its time."""
    async with asyncio.timeout(PATIENT):
        while True:
            try:
                await shared.take(FIVE, bucket(new_id()))
            except CountsAway:
                await asyncio.sleep(0)
            else:
                return


async def test_one_that_is_not_there_is_told_once_a_minute() -> None:
    told, url = Told(), "redis://:sesame@127.0.0.1:1/0"
    shared = RedisCounts(url, "files", patience_seconds=0.5)
    limiter = limiter_of(told, shared=shared, per_minute={"default": 1000})
    with capture_logs() as said:
        for _ in range(130):
            assert (await limiter.take(limiter.policies["default"], bucket())).allowed
            told.advance(1)
    assert [line["event"] for line in said] == ["shared_limits_away"] * 3
    assert "sesame" not in str(said)
    with pytest.raises(CountsAway):
        await limiter.lift("default", "user/ada")
    await shared.close()


def test_an_address_of_something_else_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="scheme"):
        RedisCounts("http://cache:6379", "files")
