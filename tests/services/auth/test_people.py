"""Finding people: by a whole name or a proved address, and by nothing less."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from coffer_auth.handlers.deps import Deps
from factories.accounts import auth_deps, auth_over_http, registered
from factories.databases import Database
from factories.signed_in import signed_in


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deps(database: Database) -> AsyncIterator[Deps]:
    async with auth_deps(database("coffer_auth")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(deps: Deps, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with auth_over_http(deps, tmp_path_factory.mktemp("home")) as client:
        yield client


async def test_a_person_is_found_by_whole_name_and_by_proved_address_only(http: httpx.AsyncClient, deps: Deps) -> None:
    asker, sought = await signed_in(deps), await registered(deps, "Sought-After")

    async def found(query: str) -> list[str]:
        answer = await asker.asks(http, "GET", "/v1/users/lookup", params={"q": query})
        assert answer.status_code == 200, answer.text
        assert "@" not in answer.text
        return [person["id"] for person in answer.json()["items"]]

    assert await found("sought-after") == await found(" SOUGHT-AFTER ") == [sought.id]
    for nobody in ("sought", "sought-afte_", "%", sought.id, sought.email, "@example.org"):
        assert await found(nobody) == [], nobody
    async with deps.work.engine.begin() as connection:
        await connection.execute(text("UPDATE users SET email_verified = true WHERE id = :id"), {"id": sought.id})
    assert await found(sought.email.upper()) == [sought.id]
    for status in ("suspended", "deleted"):
        async with deps.work.engine.begin() as connection:
            change = text("UPDATE users SET status = :status WHERE id = :id")
            await connection.execute(change, {"id": sought.id, "status": status})
        assert await found("sought-after") == await found(sought.email) == []


@pytest.mark.parametrize("query", ["", "x" * 321, "a\x00b"])
async def test_a_question_that_is_none_is_refused(http: httpx.AsyncClient, deps: Deps, query: str) -> None:
    answer = await (await signed_in(deps)).asks(http, "GET", "/v1/users/lookup", params={"q": query})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
