"""Counting in Redis or Valkey, for services that answer requests in several processes: one atomic script per request.

The time is Redis' own, so that processes with different clocks count alike. Nothing is kept beyond the moment a quota is
whole again.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.maint_notifications import MaintNotificationsConfig

from coffer_chassis.limits.counts import MOST_SHOWN, Bucket, CountsAway, Refused
from coffer_chassis.limits.policies import Policy

PATIENCE_SECONDS = 0.05
"""The most that asking may add to a request."""
MOST_AT_ONCE = 500
_START = datetime(1970, 1, 1, tzinfo=UTC)

# Lua writes numbers of this size with an exponent unless told how; keys of one service share a slot of a cluster. The answer is
# the debt, negative and one less for a refusal: one number is read three times as fast as two.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, span, member, most = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local known = redis.call('HMGET', KEYS[1], 'due', 'refused')
local debt = (tonumber(known[1]) or 0) - now
local whole = debt <= 0 or debt > span
if whole then
  debt = 0
end
if debt + interval > span then
  if redis.call('HINCRBY', KEYS[1], 'refused', 1) == 1 then
    redis.call('HSET', KEYS[1], 'since', string.format('%.0f', now))
  end
  redis.call('ZADD', KEYS[2], string.format('%.0f', now + debt), member)
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -most - 1)
  redis.call('PEXPIRE', KEYS[2], math.ceil(span / 1000))
  return -1 - debt
end
if whole and known[1] then
  redis.call('DEL', KEYS[1])
end
debt = debt + interval
redis.call('HSET', KEYS[1], 'due', string.format('%.0f', now + debt))
redis.call('PEXPIRE', KEYS[1], math.ceil(debt / 1000))
if whole and known[2] then
  redis.call('ZREM', KEYS[2], member)
elseif known[2] then
  redis.call('ZADD', KEYS[2], 'XX', string.format('%.0f', now + debt), member)
end
return debt
"""

_REFUSED = """
local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', time[1] * 1000000 + time[2]))
local found = {}
for _, member in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, ARGV[2] - 1)) do
  local known = redis.call('HMGET', ARGV[1] .. member, 'due', 'since', 'refused')
  if known[1] and known[2] and known[3] then
    found[#found + 1] = {member, known[1], known[2], known[3]}
  end
end
return found
"""

_LIFT = """
local refused = redis.call('HGET', KEYS[1], 'refused')
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return refused
"""


class Asked:
    """A script, and the questions to it: those that come while others are on their way go together with the next.

    One connection serves all requests of a process. With one for each, a burst would begin by opening dozens, and a question
    cost several times as much.
    """

    def __init__(self, redis: Any, script: str, patience_seconds: float) -> None:
        self._redis = redis
        self._patience_seconds = patience_seconds
        self._script = script
        self._sha = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
        self._waiting: list[tuple[tuple[Any, ...], asyncio.Future[Any]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def ask(self, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """What the script says. Raises CountsAway when it does not in time."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(((self._sha, len(keys), *keys, *arguments), answer))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_on())
        return await answer

    async def _ask_on(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                await self._ask_all(batch)
        finally:
            self._asking = None

    async def _ask_all(self, batch: list[tuple[tuple[Any, ...], asyncio.Future[Any]]]) -> None:
        try:
            async with asyncio.timeout(self._patience_seconds):
                found = await self._sent([question for question, _ in batch])
                if any(isinstance(one, NoScriptError) for one in found):  # Redis was restarted
                    await self._redis.script_load(self._script)
                    found = await self._sent([question for question, _ in batch])
        except Exception as error:  # noqa: BLE001  # whatever it was, nobody may wait for ever
            # Those who came meanwhile have waited as well.
            late, self._waiting = self._waiting, []
            for _, answer in (*batch, *late):
                _settle(answer, error)
        else:
            for (_, answer), one in zip(batch, found, strict=True):
                _settle(answer, one)

    async def _sent(self, questions: list[tuple[Any, ...]]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for question in questions:
                pipeline.evalsha(*question)
            found: list[Any] = await pipeline.execute(raise_on_error=False)
        return found


def _settle(answer: asyncio.Future[Any], found: Any) -> None:
    if answer.done():  # whoever asked has left
        return
    if isinstance(found, Exception):
        away = CountsAway(type(found).__name__)
        away.__cause__ = found
        answer.set_exception(away)
    else:
        answer.set_result(found)


class RedisCounts:
    """The counts of one service. Connects when it is first asked; to be used on one event loop."""

    def __init__(self, url: str, service: str, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Raises ValueError for what is no address of a Redis."""
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=3,
            timeout=patience_seconds,
            socket_connect_timeout=patience_seconds,
            socket_timeout=patience_seconds,
            retry=Retry(NoBackoff(), 1),  # after a restart of Redis idle connections are dead
            client_name=f"coffer-{service}",
            # What else a connection would be opened with needs more round trips, and a newer server.
            protocol=2,
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
            driver_info=None,
        )
        self._redis: Any = Redis.from_pool(pool)
        self._prefix = f"coffer:{{{service}}}:limit:"
        self._limited = f"coffer:{{{service}}}:limited"
        self._take, self._list, self._lift = (
            Asked(self._redis, script, patience_seconds) for script in (_TAKE, _REFUSED, _LIFT)
        )

    async def take(self, policy: Policy, bucket: Bucket) -> tuple[bool, int]:
        """See Counts."""
        member = ":".join(bucket)
        pace = policy.pace
        keys = (self._prefix + member, self._limited)
        debt: int = await self._take.ask(keys, (pace.interval, pace.span, member, MOST_SHOWN))
        return (True, debt) if debt >= 0 else (False, -1 - debt)

    async def refused(self) -> list[Refused]:
        """See Counts."""
        return [_refused(*row) for row in await self._list.ask((self._limited,), (self._prefix, MOST_SHOWN))]

    async def lift(self, bucket: Bucket) -> int | None:
        """See Counts."""
        member = ":".join(bucket)
        refused = await self._lift.ask((self._prefix + member, self._limited), (member,))
        return None if refused is None else int(refused)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _refused(member: bytes, due: bytes, since: bytes, refused: bytes) -> Refused:
    policy, kind, name = member.decode().split(":", 2)
    return Refused(Bucket(policy, kind, name), _moment(since), _moment(due), int(refused))


def _moment(microseconds: bytes) -> datetime:
    return _START + timedelta(microseconds=int(microseconds))
