"""What is done after an answer was given: errands that fail, and whom a link of theirs is for."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from coffer_auth.handlers import errands
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.errands import Clerk, run_errand, wait_after
from coffer_chassis.testing import FixedClock, eventually
from factories.accounts import auth_deps, registered, settle
from factories.databases import Database
from factories.mailed import mails_to


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(database: Database) -> str:
    return database("coffer_auth")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def deps(url: str, clock: FixedClock) -> AsyncIterator[Deps]:
    async with auth_deps(url, clock=clock) as made:
        async with made.work.engine.begin() as connection:
            await connection.execute(text("DELETE FROM errands"))
        yield made


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Ids of accounts for which no mail can be written."""
    ids: set[str] = set()
    write = errands.request_mail

    def stumble(unit: Any, deps: Deps, user: Any, *arguments: Any, **more: Any) -> None:
        if user.id in ids:
            raise ZeroDivisionError("ada@example.org")
        write(unit, deps, user, *arguments, **more)

    monkeypatch.setattr(errands, "request_mail", stumble)
    return ids


async def test_an_errand_that_always_fails_keeps_nobody_waiting(deps: Deps, refused: set[str]) -> None:
    bad = await registered(deps)
    refused.add(bad.id)
    good = [await registered(deps) for _ in range(2)]
    stopping = asyncio.Event()
    clerk = asyncio.create_task(Clerk(deps).run(stopping))

    async def one_left() -> bool:
        async with deps.work.read() as connection:
            left = (await connection.execute(text("SELECT user_id::text, tries FROM errands"))).all()
        return [tuple(row) for row in left] == [(bad.id, 2)]

    await eventually(one_left, within_seconds=10)
    assert not clerk.done()
    stopping.set()
    await clerk
    for user in good:
        assert len(await mails_to(deps, user.email)) == 1


async def test_an_errand_that_failed_is_done_when_it_can_be(deps: Deps, clock: FixedClock, refused: set[str]) -> None:
    ada = await registered(deps)
    refused.add(ada.id)
    for failures in (1, 2, 3):
        with pytest.raises(ZeroDivisionError):
            await run_errand(deps)
        clock.advance(seconds=wait_after(failures).total_seconds() - 1)
        if failures > 1:
            assert await settle(deps) == 0, "it waits"
        clock.advance(seconds=1)
    refused.clear()
    assert await settle(deps) == 1
    assert [mail.kind for mail in await mails_to(deps, ada.email)] == ["verify_email"]


async def test_a_failure_is_logged_without_what_it_was_about(
    deps: Deps, refused: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    refused.add((await registered(deps)).id)
    with pytest.raises(ZeroDivisionError):
        await run_errand(deps)
    told = "".join(capsys.readouterr())
    assert "errand_failed" in told
    assert "example.org" not in told


def test_waits_grow_and_end_at_an_hour() -> None:
    waits = [wait_after(failures).total_seconds() for failures in (1, 2, 3, 4, 9, 10_000)]
    assert waits == [0, 30, 60, 120, 3600, 3600]
