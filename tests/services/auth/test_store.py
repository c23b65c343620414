"""The named queries against PostgreSQL: uniqueness, locks, counters, and the schema itself."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from coffer_auth.domain.attempts import AttemptCount
from coffer_auth.handlers.deps import Deps
from coffer_auth.store import attempts, sessions, users
from coffer_auth.store.tables import METADATA
from coffer_auth.tokens import digest_of
from coffer_chassis.ids import new_id
from coffer_chassis.migrations import schema_differences
from coffer_chassis.testing import FixedClock
from factories.accounts import PASSWORD, auth_deps, registered


@pytest.fixture
async def deps(url: str) -> AsyncIterator[Deps]:
    async with auth_deps(url, clock=FixedClock()) as made:
        yield made


async def test_migrations_build_exactly_the_tables_that_the_code_uses(url: str) -> None:
    assert await schema_differences(url, METADATA) == []


async def test_finds_an_account_by_name_and_by_address_only(deps: Deps) -> None:
    user = await registered(deps)
    async with deps.work.read() as connection:
        for login in (user.username.upper(), user.email.upper()):
            found = await users.credentials_of(connection, login)
            assert found is not None
            assert found.user == user
            assert PASSWORD not in found.password_hash
        for login in ("", "@", user.id, f"{user.username}@", "%"):
            assert await users.credentials_of(connection, login) is None


async def test_a_hash_is_replaced_only_if_it_is_still_the_one_that_was_checked(deps: Deps) -> None:
    user = await registered(deps)
    async with deps.work.engine.begin() as connection:
        found = await users.credentials_of(connection, user.username)
        assert found is not None
        assert not await users.replace_hash(connection, user.id, "another", "new")
        assert await users.replace_hash(connection, user.id, found.password_hash, "new")


async def test_failures_on_one_account_are_numbered_without_gaps(deps: Deps) -> None:
    user = await registered(deps)

    async def fail() -> int | None:
        async with deps.work.engine.begin() as connection:
            return await users.count_login_failure(connection, user.id)

    counted = await asyncio.gather(*(fail() for _ in range(8)))
    assert sorted(number or 0 for number in counted) == list(range(1, 9))


async def test_counters_add_up_under_parallel_failures_and_start_anew_after_their_window(deps: Deps) -> None:
    keys = attempts.counters(f"ghost-{new_id()}", "192.0.2.1")
    now = deps.work.clock.now()

    async def fail() -> None:
        async with deps.work.engine.begin() as connection:
            await attempts.count_failure(connection, keys, now)

    await asyncio.gather(*(fail() for _ in range(8)))
    ends = now + timedelta(minutes=15)
    async with deps.work.engine.begin() as connection:
        assert (await attempts.counts(connection, keys, now))["pair"] == AttemptCount(8, ends)
        assert await attempts.counts(connection, keys, ends) == {}
        after = await attempts.count_failure(connection, keys, ends)
        assert after["pair"].failures == 1
        await attempts.clear(connection, keys)
        assert set(await attempts.counts(connection, keys, ends)) == {"account", "address"}


async def test_counting_and_clearing_the_same_counters_at_once_never_deadlocks(deps: Deps) -> None:
    keys = attempts.counters(f"ghost-{new_id()}", "192.0.2.2")
    now = deps.work.clock.now()

    async def work(number: int) -> None:
        async with deps.work.engine.begin() as connection:
            if number % 3:
                await attempts.count_failure(connection, keys, now)
            else:
                await attempts.clear(connection, keys)

    await asyncio.gather(*(work(number) for number in range(60)))


async def test_sweeping_removes_only_counters_whose_window_is_over(deps: Deps) -> None:
    old, new = attempts.counters(new_id(), None), attempts.counters(new_id(), "192.0.2.3")
    now = deps.work.clock.now()
    async with deps.work.engine.begin() as connection:
        await attempts.count_failure(connection, old, now - timedelta(hours=1))
        await attempts.count_failure(connection, new, now)
        assert await attempts.sweep(connection, now) >= 1
        assert len(await attempts.counts(connection, new, now)) == 3
        assert await attempts.counts(connection, old, now - timedelta(hours=1)) == {}


async def test_counters_hold_no_name(deps: Deps) -> None:
    keys = attempts.counters("maria", "192.0.2.4")
    assert all(len(key) == 32 and b"maria" not in key for key in keys.values())
    assert keys == attempts.counters("MARIA", "192.0.2.4")


async def test_an_unknown_refresh_token_locks_nothing(deps: Deps) -> None:
    async with deps.work.engine.begin() as connection:
        assert await sessions.lock_shown_token(connection, digest_of("nobody's")) is None
