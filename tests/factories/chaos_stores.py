"""What the stores of a running stack must say when everything is over: nothing waits, nothing is dead, nothing is double."""

import asyncio
from collections.abc import Mapping

import asyncpg

from coffer_chassis.testing import eventually
from coffer_local.registry import SERVICES
from factories.chaos_rules import EVERYWHERE, IN_ONE, UNSENT
from factories.stacks import LocalStack


def look_into_stores(stack: LocalStack, *, within_seconds: float) -> None:
    """Wait until every outbox is empty, then look. Raises AssertionError with what is wrong."""
    for entry in SERVICES:
        url = stack.variables[f"{entry.prefix}DATABASE_URL"].replace("+asyncpg", "")
        wrong = asyncio.run(_look(url, EVERYWHERE | IN_ONE.get(entry.name, {}), within_seconds))
        assert not any(wrong.values()), f"{entry.name}: {wrong}"


async def _look(url: str, rules: Mapping[str, str], within_seconds: float) -> dict[str, int]:
    connection = await asyncpg.connect(url)
    try:

        async def all_sent() -> bool:
            return bool(await connection.fetchval(UNSENT) == 0)

        await eventually(all_sent, within_seconds=within_seconds)
        return {rule: await connection.fetchval(query) for rule, query in rules.items()}
    finally:
        await connection.close()
