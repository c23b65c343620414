"""What is done after an answer was given: errands that fail, and whom a link of theirs is for."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text
from structlog.testing import capture_logs

from coffer_auth.domain.accounts import User
from coffer_auth.handlers import accounts, emails, errands, operators, passwords
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.errands import clerk, run_errand, wait_after
from coffer_auth.handlers.mail_requests import request_mail
from coffer_auth.handlers.operators import NewAccount
from coffer_chassis.ids import new_id
from coffer_chassis.testing import FixedClock, eventually
from factories.accounts import HOME, PASSWORD, auth_deps, origin, registered, settle
from factories.databases import Database
from factories.mailed import last_secret, mails_to
from factories.signed_in import SignedIn, again


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(database: Database) -> str:
    return database("coffer_auth")


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
    write = request_mail

    def stumble(unit: Any, deps: Deps, user: Any, *arguments: Any, **more: Any) -> None:
        if user.id in ids:
            raise ZeroDivisionError("ada@example.org")
        write(unit, deps, user, *arguments, **more)

    monkeypatch.setattr(errands, "request_mail", stumble)
    return ids


@pytest.mark.slow
async def test_an_errand_that_always_fails_keeps_nobody_waiting(deps: Deps, refused: set[str]) -> None:
    bad = await registered(deps)
    refused.add(bad.id)
    good = [await registered(deps) for _ in range(2)]
    stopping = asyncio.Event()
    with capture_logs() as said:
        running = asyncio.create_task(clerk(deps).run(stopping))

        async def one_left() -> bool:
            async with deps.work.read() as connection:
                left = (await connection.execute(text("SELECT user_id::text, tries FROM errands"))).all()
            return [tuple(row) for row in left] == [(bad.id, 2)]

        await eventually(one_left, within_seconds=10)
        assert not running.done()
        stopping.set()
        await running
    for user in good:
        assert len(await mails_to(deps, user.email)) == 1
    assert {"errand_failed", "clerk_failed"} <= {line["event"] for line in said}
    assert "ada@" not in str(said)


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


async def claiming(deps: Deps, email: str) -> User:
    """An account that says that this is its address."""
    command = await accounts.prepare_registration(f"user-{new_id()[-12:]}", email, PASSWORD, None, deps)
    async with deps.work.unit(origin()) as unit:
        return await accounts.register(command, unit, deps)


async def boss_of(deps: Deps) -> SignedIn:
    user = await registered(deps)
    return await again(deps, await operators.grant_operator(user.username, deps))


async def test_a_reset_that_an_operator_sets_off_is_for_the_account_that_it_was_set_off_for(deps: Deps) -> None:
    """Two accounts claim one address that nobody has proved; the older one is what the address stands for elsewhere."""
    email = "twice-claimed@example.org"
    older, younger = [await claiming(deps, email) for _ in range(2)]
    boss = await boss_of(deps)
    await operators.force_password_reset(deps, boss.principal, boss.origin, younger.id)
    assert [(mail.kind, mail.user_id) for mail in await mails_to(deps, email)][-1] == ("reset_password", younger.id)
    await passwords.forget_password(email, HOME, origin(), deps)
    assert (await mails_to(deps, email))[-1].user_id == older.id


async def test_an_account_made_by_an_operator_is_opened_by_its_link_whoever_claimed_the_address_before(deps: Deps) -> None:
    email = "squatted@example.org"
    await claiming(deps, email)
    boss = await boss_of(deps)
    made = await operators.create_account(deps, boss.principal, boss.origin, NewAccount("squatted", email))
    assert [(mail.kind, mail.user_id) for mail in await mails_to(deps, email)][-1] == ("reset_password", made.user.id)


async def test_no_link_to_an_account_goes_to_a_mailbox_that_is_proved_to_be_anothers(deps: Deps) -> None:
    email = "proved-by-another@example.org"
    claimer = await claiming(deps, email)
    await settle(deps)
    await claiming(deps, email)
    await emails.verify_email(await last_secret(deps, email, "verify_email"), origin(), deps)
    boss = await boss_of(deps)
    await operators.force_password_reset(deps, boss.principal, boss.origin, claimer.id)
    assert [mail.kind for mail in await mails_to(deps, email)] == ["verify_email", "verify_email"]


def test_waits_grow_and_end_at_an_hour() -> None:
    waits = [wait_after(failures).total_seconds() for failures in (1, 2, 3, 4, 9, 10_000)]
    assert waits == [0, 30, 60, 120, 3600, 3600]
