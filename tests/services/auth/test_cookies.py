"""Browsers: the refresh token in a cookie that scripts do not see, and requests that only Coffer's own pages can make."""

from collections.abc import AsyncIterator
from http.cookies import Morsel, SimpleCookie
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from coffer_auth.cookies import RefreshCookies
from coffer_auth.handlers.deps import Deps
from factories.accounts import PASSWORD, auth_deps, auth_over_http, facts, registered
from factories.databases import Database

HERE = "https://drive.example.org"
NAME = "__Secure-coffer_refresh"
OWN = {"Origin": HERE, "X-Coffer-Csrf": "1"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deps(database: Database) -> AsyncIterator[Deps]:
    async with auth_deps(database("coffer_auth")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(deps: Deps, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    home: Path = tmp_path_factory.mktemp("home")
    async with auth_over_http(deps, home, public_url=HERE) as client:
        yield client


@pytest.fixture(autouse=True)
def _nobody_remembers(http: httpx.AsyncClient) -> None:
    http.cookies.clear()


def kept(answer: httpx.Response) -> Morsel[str]:
    """The one cookie that an answer sets."""
    (line,) = answer.headers.get_list("set-cookie")
    (morsel,) = SimpleCookie(line).values()
    return morsel


def bearing(token: str) -> dict[str, str]:
    return {"Cookie": f"{NAME}={token}"}


async def browser(http: httpx.AsyncClient, deps: Deps) -> tuple[dict[str, Any], str]:
    """Somebody signs in with a browser: what the page sees, and what the browser keeps."""
    user = await registered(deps)
    body = {"login": user.username, "password": PASSWORD, "cookie": True}
    answer = await http.post("/v1/auth/login", json=body, headers=OWN)
    assert answer.status_code == 200, answer.text
    http.cookies.clear()
    return answer.json(), kept(answer).value


async def refresh(http: httpx.AsyncClient, token: str, headers: dict[str, str] = OWN) -> httpx.Response:
    answer = await http.post("/v1/auth/refresh", headers=headers | bearing(token))
    http.cookies.clear()
    return answer


async def test_a_browser_keeps_the_refresh_token_where_no_script_sees_it(http: httpx.AsyncClient, deps: Deps) -> None:
    user = await registered(deps)
    body = {"login": user.username, "password": PASSWORD, "cookie": True}
    answer = await http.post("/v1/auth/login", json=body, headers=OWN)
    cookie = kept(answer)
    assert (cookie.key, cookie["path"], cookie["samesite"]) == (NAME, "/v1/auth", "strict")
    assert cookie["httponly"]
    assert cookie["secure"]
    assert cookie["domain"] == ""
    assert int(cookie["max-age"]) == 30 * 24 * 3600
    assert "refresh_token" not in answer.json()
    assert cookie.value not in answer.text
    assert answer.json()["access_token"]
    assert answer.headers["cache-control"] == "no-store"


async def test_the_cookie_is_renewed_and_spent_as_a_token_is(http: httpx.AsyncClient, deps: Deps) -> None:
    page, token = await browser(http, deps)
    answer = await refresh(http, token)
    assert answer.status_code == 200
    newer = kept(answer).value
    assert newer != token
    assert "refresh_token" not in answer.json()
    assert answer.json()["session_id"] == page["session_id"]
    assert (await refresh(http, newer)).status_code == 200
    assert (await refresh(http, "cof_ref_unknown")).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": HERE},
        {"X-Coffer-Csrf": "1"},
        {"X-Coffer-Csrf": "0", "Origin": HERE},
        {"X-Coffer-Csrf": "1", "Origin": "https://evil.example"},
        {"X-Coffer-Csrf": "1", "Origin": "https://drive.example.org.evil.example"},
        {"X-Coffer-Csrf": "1", "Origin": "http://drive.example.org"},
        {"X-Coffer-Csrf": "1", "Origin": "https://drive.example.org:8443"},
        {"X-Coffer-Csrf": "1", "Origin": "null"},
    ],
)
async def test_a_request_that_is_not_of_coffers_pages_is_refused_and_changes_nothing(
    http: httpx.AsyncClient, deps: Deps, headers: dict[str, str]
) -> None:
    page, token = await browser(http, deps)
    user = {"login": page["user"]["username"], "password": PASSWORD, "cookie": True}
    answers = [
        await http.post("/v1/auth/login", json=user, headers=headers),
        await refresh(http, token, headers),
        await http.post("/v1/auth/cookie/logout", headers=headers | bearing(token)),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
        assert "set-cookie" not in answer.headers
    assert len(await facts(deps, f"session/{page['session_id']}")) == 1
    assert (await refresh(http, token)).status_code == 200


async def test_a_browser_signs_out_by_its_cookie_and_forgets_it(http: httpx.AsyncClient, deps: Deps) -> None:
    page, token = await browser(http, deps)
    for _ in range(2):
        answer = await http.post("/v1/auth/cookie/logout", headers=OWN | bearing(token))
        assert answer.status_code == 204
        gone = kept(answer)
        assert (gone.value, gone["max-age"], gone["path"]) == ("", "0", "/v1/auth")
    assert (await refresh(http, token)).status_code == 401
    me = await http.get("/v1/me", headers={"Authorization": f"Bearer {page['access_token']}"})
    assert me.status_code == 401
    _, ended = await facts(deps, f"session/{page['session_id']}")
    assert (ended["data"]["reason"], ended["actorid"]) == ("logout", page["user"]["id"])
    assert (await http.post("/v1/auth/cookie/logout", headers=OWN)).status_code == 204


async def test_signing_out_with_the_access_token_makes_the_browser_forget_too(http: httpx.AsyncClient, deps: Deps) -> None:
    page, token = await browser(http, deps)
    headers = {"Authorization": f"Bearer {page['access_token']}"}
    answer = await http.post("/v1/auth/logout", headers=headers | bearing(token))
    assert (answer.status_code, kept(answer).value) == (204, "")
    http.cookies.clear()


async def test_bearers_get_no_cookie_and_need_no_header(http: httpx.AsyncClient, deps: Deps) -> None:
    user = await registered(deps)
    pair = await http.post("/v1/auth/login", json={"login": user.username, "password": PASSWORD})
    token = pair.json()["refresh_token"]
    renewed = await http.post("/v1/auth/refresh", json={"refresh_token": token}, headers=bearing("something else"))
    assert renewed.status_code == 200
    assert renewed.json()["refresh_token"]
    headers = {"Authorization": f"Bearer {pair.json()['access_token']}"}
    gone = await http.post("/v1/auth/logout", headers=headers)
    assert gone.status_code == 204
    for answer in (pair, renewed, gone):
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("body", [None, {}])
async def test_a_refresh_with_no_token_at_all_is_refused(http: httpx.AsyncClient, body: Any) -> None:
    answer = await http.post("/v1/auth/refresh", **({} if body is None else {"json": body}))
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize(
    ("public_url", "name", "origin", "accepted"),
    [
        ("http://localhost:8080", "coffer_refresh", "http://127.0.0.1:8080", True),
        ("http://localhost:8080", "coffer_refresh", "http://[::1]:8080", True),
        ("http://127.0.0.1:8080/", "coffer_refresh", "http://localhost:8080", True),
        ("http://localhost:8080", "coffer_refresh", "http://localhost:9090", False),
        ("http://localhost:8080", "coffer_refresh", "https://localhost:8080", False),
        ("http://drive.lan", NAME, "http://drive.lan", True),
        ("https://localhost", NAME, "https://127.0.0.1", False),
        ("https://drive.example.org:443/coffer", NAME, "https://drive.example.org", True),
        ("https://Drive.Example.org", NAME, "https://drive.example.org", True),
        ("https://drive.example.org:8443", NAME, "https://drive.example.org:8443", True),
        ("https://drive.example.org:8443", NAME, "https://drive.example.org", False),
    ],
)
def test_only_plain_http_on_the_machine_itself_goes_without_secure(
    public_url: str, name: str, origin: str, accepted: bool
) -> None:
    cookies = RefreshCookies.at(public_url)
    assert (cookies.name, cookies.secure) == (name, name == NAME)
    assert (origin in cookies.origins) is accepted
