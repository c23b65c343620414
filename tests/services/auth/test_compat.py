"""The CloudDrive API's routes about people: its shapes, and refusals whose `detail` is a text as it was there."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from coffer_auth.handlers.deps import Deps
from coffer_chassis.ids import new_id
from factories.accounts import PASSWORD, auth_deps, auth_over_http
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


async def test_registering_signing_in_by_form_and_checking_the_token(http: httpx.AsyncClient) -> None:
    name = f"user-{new_id()[-12:]}"
    made = await http.post("/user", json={"username": name, "email": f"{name}@example.org", "password": PASSWORD})
    assert made.status_code == 201, made.text
    assert list(made.json()) == ["message"]
    assert made.headers["link"] == '</v1/auth/register>; rel="successor-version"'
    pair = await http.post("/login", data={"grant_type": "password", "username": name, "password": PASSWORD, "scope": ""})
    assert pair.status_code == 200, pair.text
    assert pair.json()["token_type"].lower() == "bearer"
    assert {"access_token", "refresh_token", "expires_in"} <= pair.json().keys()
    assert pair.headers["cache-control"] == "no-store"
    bearer = {"Authorization": f"Bearer {pair.json()['access_token']}"}
    valid = await http.get("/verify-token", headers=bearer)
    assert valid.json() == {"status": "valid", "user_id": pair.json()["user"]["id"]}
    assert valid.headers["link"] == '</v1/auth/verify>; rel="successor-version"'
    assert "deprecation" not in valid.headers


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"username": "nobody-here", "password": "wrong wrong"}, 401),
        ({"username": "a\x00b", "password": PASSWORD}, 422),
        ({"username": "a", "password": "b\x00"}, 422),
        ({"password": PASSWORD}, 422),
        ({"username": "ada", "password": PASSWORD, "grant_type": "client_credentials"}, 422),
        ({"username": "ada", "password": "x" * 1025}, 422),
        ({"username": ["ada", "bob"], "password": PASSWORD}, 422),
        ({}, 422),
    ],
)
async def test_refused_forms_have_a_detail_in_words(http: httpx.AsyncClient, form: dict[str, str], status: int) -> None:
    answer = await http.post("/login", data=form)
    assert answer.status_code == status, answer.text
    assert isinstance(answer.json()["detail"], str)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_sign_in_as_json_is_not_a_form(http: httpx.AsyncClient, deps: Deps) -> None:
    ada = await signed_in(deps)
    answer = await http.post("/login", json={"username": ada.user.username, "password": PASSWORD})
    assert answer.status_code in {415, 422}
    assert isinstance(answer.json()["detail"], str)


async def test_a_name_that_is_taken_and_a_weak_password_are_told_in_words(http: httpx.AsyncClient, deps: Deps) -> None:
    ada = await signed_in(deps)
    for body, code in (
        ({"username": ada.user.username, "email": "new@example.org", "password": PASSWORD}, "username_taken"),
        ({"username": "somebody-new", "email": "new@example.org", "password": "password"}, "password_weak"),
    ):
        answer = await http.post("/user", json=body)
        assert answer.json()["code"] == code
        assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("token", ["junk", "a.b.c"])
async def test_a_token_that_does_not_hold_is_refused(http: httpx.AsyncClient, token: str) -> None:
    answer = await http.get("/verify-token", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert isinstance(answer.json()["detail"], str)
