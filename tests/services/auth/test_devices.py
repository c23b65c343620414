"""Signed-in devices over HTTP: the list, when they were last seen, and signing one of them out."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from coffer_auth.handlers import sessions
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.sessions import Login
from coffer_chassis.callers import Caller
from coffer_chassis.ids import new_id
from coffer_chassis.testing import FixedClock
from factories.accounts import HOME, PASSWORD, auth_deps, auth_over_http, facts, origin
from factories.databases import Database
from factories.signed_in import again, signed_in


@pytest.fixture(scope="module")
def clock() -> FixedClock:
    return FixedClock()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deps(database: Database, clock: FixedClock) -> AsyncIterator[Deps]:
    async with auth_deps(database("coffer_auth"), clock=clock) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(deps: Deps, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    home: Path = tmp_path_factory.mktemp("home")
    async with auth_over_http(deps, home) as client:
        yield client


async def test_lists_where_one_is_signed_in_and_nobody_else(http: httpx.AsyncClient, deps: Deps) -> None:
    ada, _ = await signed_in(deps), await signed_in(deps)
    pair = await sessions.login(Login(ada.user.username, PASSWORD, "Ada's phone", HOME), origin(), deps)
    page = (await ada.asks(http, "GET", "/v1/sessions")).json()
    phone, here = page["items"]
    assert (phone["id"], phone["device_name"], phone["current"]) == (pair.session.id, "Ada's phone", False)
    assert (here["id"], here["device_name"], here["current"]) == (ada.pair.session.id, None, True)
    assert (here["address"], here["agent"]) == (HOME.address, HOME.agent)
    assert page["next_cursor"] is None
    assert "token" not in str(page)


async def test_a_device_was_last_seen_where_and_when_it_was_refreshed(
    http: httpx.AsyncClient, deps: Deps, clock: FixedClock
) -> None:
    ada = await signed_in(deps)
    phone = await again(deps, ada.user)
    begun = (await ada.asks(http, "GET", "/v1/sessions")).json()["items"][0]
    assert begun["last_seen_at"] == begun["created_at"]
    clock.advance(minutes=9)
    await sessions.refresh(phone.pair.refresh_token, Caller("203.0.113.9", "elsewhere/1"), origin(), deps)
    seen, here = (await ada.asks(http, "GET", "/v1/sessions")).json()["items"]
    assert (seen["address"], seen["agent"]) == ("203.0.113.9", "elsewhere/1")
    assert seen["last_seen_at"] > seen["created_at"] == begun["created_at"]
    assert here["last_seen_at"] == here["created_at"]


async def test_pages_show_each_device_once(http: httpx.AsyncClient, deps: Deps) -> None:
    ada = await signed_in(deps)
    expected = {ada.pair.session.id} | {(await again(deps, ada.user)).pair.session.id for _ in range(4)}
    found: list[str] = []
    cursor = None
    for _ in range(5):
        page = (
            await ada.asks(http, "GET", "/v1/sessions", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        ).json()
        found += [item["id"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert (len(found), set(found), cursor) == (5, expected, None)


async def test_a_cursor_of_somebody_else_fits_nobody(http: httpx.AsyncClient, deps: Deps) -> None:
    ada, ben = await signed_in(deps), await signed_in(deps)
    await again(deps, ada.user)
    cursor = (await ada.asks(http, "GET", "/v1/sessions?limit=1")).json()["next_cursor"]
    for wrong in (cursor, "junk"):
        answer = await ben.asks(http, "GET", "/v1/sessions", params={"cursor": wrong})
        assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")


async def test_a_device_is_signed_out_once_and_its_tokens_are_refused_at_once(http: httpx.AsyncClient, deps: Deps) -> None:
    ada = await signed_in(deps)
    phone = await again(deps, ada.user)
    answers = [await ada.asks(http, "DELETE", f"/v1/sessions/{phone.pair.session.id}") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 404]
    assert (await phone.asks(http, "GET", "/v1/me")).status_code == 401
    assert [item["current"] for item in (await ada.asks(http, "GET", "/v1/sessions")).json()["items"]] == [True]
    _, ended = await facts(deps, f"session/{phone.pair.session.id}")
    assert (ended["actorid"], ended["data"]["reason"], ended["data"]["address"]) == (ada.user.id, "logout", "127.0.0.1")
    assert (await ada.asks(http, "DELETE", f"/v1/sessions/{ada.pair.session.id}")).status_code == 204
    assert (await ada.asks(http, "GET", "/v1/sessions")).status_code == 401


async def test_somebody_elses_device_is_not_found_and_goes_on(http: httpx.AsyncClient, deps: Deps) -> None:
    ada, ben = await signed_in(deps), await signed_in(deps)
    for wanted in (ada.pair.session.id, new_id(), "no-id"):
        answer = await ben.asks(http, "DELETE", f"/v1/sessions/{wanted}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await ada.asks(http, "GET", "/v1/me")).status_code == 200


async def test_a_device_that_was_not_refreshed_for_too_long_is_gone_from_the_list(
    http: httpx.AsyncClient, deps: Deps, clock: FixedClock
) -> None:
    ada = await signed_in(deps)
    clock.advance(days=30)
    back = await again(deps, ada.user)
    assert [item["id"] for item in (await back.asks(http, "GET", "/v1/sessions")).json()["items"]] == [back.pair.session.id]
