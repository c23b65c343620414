"""No answer says whether an account exists: the same work is done for an address or name that does and for one that does not.

Times are measured by `make bench`; here the statements and the hashes are counted.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest
import pytest_asyncio
from sqlalchemy import text

from coffer_auth.domain.accounts import User
from coffer_auth.handlers import accounts, emails, passwords, sessions
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.sessions import Login
from coffer_chassis.ids import new_id
from coffer_contracts.problems import AccountSuspended, InvalidCredentials, UsernameTaken
from factories.accounts import HOME, PASSWORD, auth_deps, origin, registered, settle
from factories.databases import Database
from factories.engines import engine_on
from factories.mailed import last_secret
from factories.signed_in import signed_in

Work = tuple[list[str], int]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(database: Database) -> str:
    return database("coffer_auth")


@pytest.fixture
async def deps(url: str) -> AsyncIterator[Deps]:
    async with auth_deps(url) as made:
        await made.hashing.warm_up()
        yield made


@pytest.fixture
def work_of(deps: Deps, url: str) -> Callable[[Callable[[], Awaitable[object]]], Awaitable[Work]]:
    """The statements that something runs, and how many passwords it hashes or compares."""

    async def measured(run: Callable[[], Awaitable[object]]) -> Work:
        statements: list[str] = []
        hashed = deps.hashing.hashes
        async with engine_on(url, statements):
            await run()
        return statements, deps.hashing.hashes - hashed

    return measured


async def proved(deps: Deps) -> User:
    user = await registered(deps)
    return await emails.verify_email(await last_secret(deps, user.email, "verify_email"), origin(), deps)


async def stands(deps: Deps, status: str) -> User:
    user = await proved(deps)
    async with deps.work.engine.begin() as connection:
        await connection.execute(text("UPDATE users SET status = :status WHERE id = :id"), {"status": status, "id": user.id})
    return user


async def test_a_forgotten_password_is_the_same_work_for_any_address(
    deps: Deps, work_of: Callable[..., Awaitable[Work]]
) -> None:
    everybody = [await proved(deps), await registered(deps), await stands(deps, "suspended"), await stands(deps, "deleted")]
    addresses = [f"{new_id()}@example.org", *(user.email for user in everybody)]
    works = [
        await work_of(lambda email=email: passwords.forget_password(email, HOME, origin(), deps))  # bound at once
        for email in addresses
    ]
    statements, hashes = works[0]
    assert works == [works[0]] * len(works)
    assert hashes == 0
    assert any("errands" in statement for statement in statements)
    assert not any("users" in statement for statement in statements), "nobody is looked for"
    await settle(deps)


async def test_a_registration_is_the_same_work_whosever_address_it_names(
    deps: Deps, work_of: Callable[..., Awaitable[Work]]
) -> None:
    async def register(email: str) -> None:
        command = await accounts.prepare_registration(f"user-{new_id()[-12:]}", email, PASSWORD, None, deps)
        async with deps.work.unit(origin()) as unit:
            await accounts.register(command, unit, deps)

    known, claimed = await proved(deps), await registered(deps)
    await settle(deps)
    works = [
        await work_of(lambda email=email: register(email)) for email in (f"{new_id()}@example.org", known.email, claimed.email)
    ]
    assert works == [works[0]] * 3
    assert works[0][1] == 1


async def test_asking_for_another_address_is_the_same_work_whosever_it_is(
    deps: Deps, work_of: Callable[..., Awaitable[Work]]
) -> None:
    known = await proved(deps)
    works = []
    for email in (f"{new_id()}@example.org", known.email):
        ada = await signed_in(deps)
        works.append(
            await work_of(
                lambda ada=ada, email=email: emails.change_email(email, PASSWORD, ada.principal, HOME, ada.origin, deps)
            )
        )
    assert works[0] == works[1]
    assert works[0][1] == 1


async def test_a_failed_sign_in_is_the_same_work_for_any_name(deps: Deps, work_of: Callable[..., Awaitable[Work]]) -> None:
    async def fail(login: str) -> None:
        with suppress(InvalidCredentials, AccountSuspended):
            await sessions.login(Login(login, "wrong wrong wrong", None, HOME), origin(), deps)

    known, gone = await proved(deps), await stands(deps, "suspended")
    for unknown, existing in ((f"nobody-{new_id()}", "username"), (f"{new_id()}@example.org", "email")):
        names = [unknown, *(getattr(user, existing) for user in (known, gone))]
        works = [await work_of(lambda name=name: fail(name)) for name in names]
        assert works == [works[0]] * 3
        assert works[0][1] == 1


async def test_a_name_that_is_taken_is_hashed_for_like_a_free_one(deps: Deps) -> None:
    """Whether a user name is taken may be known; it costs as much all the same, so that nobody tries them for nothing."""
    user = await registered(deps)
    before = deps.hashing.hashes
    command = await accounts.prepare_registration(user.username, f"{new_id()}@example.org", PASSWORD, None, deps)
    with pytest.raises(UsernameTaken):
        async with deps.work.unit(origin()) as unit:
            await accounts.register(command, unit, deps)
    assert deps.hashing.hashes == before + 1
