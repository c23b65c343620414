"""`/v1/auth/verify` as proxies use it: whatever they forward, the answer is 200, 401 or 403; and two proxies for real."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from coffer_auth.app import TOPOLOGY, build_http
from coffer_auth.handlers import sessions
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.sessions import Login, TokenPair
from coffer_chassis.cursors import Cursors
from coffer_chassis.identity import Principal
from coffer_chassis.settings import CofferSettings
from factories import proxies
from factories.accounts import HOME, NO_TLS, PASSWORD, auth_deps, origin, registered, serving
from factories.databases import Database
from factories.operators import operations_of

PATH = "/v1/auth/verify"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


@pytest.fixture(scope="module")
async def deps(database: Database) -> AsyncIterator[Deps]:
    async with auth_deps(database("coffer_auth")) as made:
        yield made


@pytest.fixture(scope="module")
async def auth(deps: Deps, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a running auth."""
    coffer = CofferSettings(home=tmp_path_factory.mktemp("home"))
    async with serving(build_http(coffer, deps, Cursors(bytes(32)), operations_of(TOPOLOGY, deps.work))) as address:
        yield address


@pytest.fixture(scope="module")
async def pair(deps: Deps) -> TokenPair:
    user = await registered(deps)
    return await sessions.login(Login(user.username, PASSWORD, None, HOME), origin(), deps)


@pytest.fixture(scope="module")
async def http(auth: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=auth, verify=NO_TLS, timeout=60) as client:
        yield client


def bearer(pair: TokenPair) -> dict[str, str]:
    return {"Authorization": f"Bearer {pair.access_token}"}


@pytest.mark.parametrize("method", METHODS)
async def test_every_method_gets_the_same_answer(http: httpx.AsyncClient, pair: TokenPair, method: str) -> None:
    verified = await http.request(method, PATH, headers=bearer(pair))
    assert verified.status_code == 200
    assert verified.headers["x-user-id"] == pair.user.id
    assert verified.headers["x-session-id"] == pair.session.id
    assert "files:read" in verified.headers["x-scopes"].split()
    assert verified.headers["cache-control"] == "no-store"
    refused = await http.request(method, PATH)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert "x-user-id" not in refused.headers


@pytest.mark.parametrize("method", ["OPTIONS", "GET"])
async def test_a_preflight_that_a_proxy_asks_about_is_not_let_pass(http: httpx.AsyncClient, method: str) -> None:
    held = {"Origin": "https://evil.example", "Access-Control-Request-Method": "DELETE", "X-Forwarded-Method": "OPTIONS"}
    assert (await http.request(method, PATH, headers=held)).status_code == 401


HOSTILE: dict[str, dict[str, Any]] = {
    "traefik": {
        "headers": {
            "X-Forwarded-Method": "PROPFIND",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "app.example.org",
            "X-Forwarded-Uri": "/a/../b?c=%00&d=" + "e" * 4000,
            "X-Forwarded-For": "not an address, 192.0.2.1",
        }
    },
    "conditions": {"headers": {"If-None-Match": "*", "If-Match": '"other"', "Range": "bytes=5-"}},
    "a body of another kind": {"method": "POST", "content": b"\xff" * 100, "headers": {"Content-Type": "application/json"}},
    "a form": {"method": "POST", "content": b"--x", "headers": {"Content-Type": "multipart/form-data"}},
    "an encoding nobody has": {"method": "PUT", "content": b"x", "headers": {"Content-Encoding": "br", "Accept": "image/avif"}},
    "a body that is too large": {"method": "PUT", "content": b"x" * 1_200_000},
    "a cookie": {"headers": {"Cookie": "a=b; c"}},
    "an idempotency key": {"method": "POST", "headers": {"Idempotency-Key": "x" * 500}},
    "an unknown question": {"params": "what=ever&limit=-1&cursor=%ff"},
    "a broken question": {"params": "%ff%00=&&==;%"},
    "its user id": {"headers": {"X-User-Id": "somebody-else"}},
}


@pytest.mark.parametrize("held", HOSTILE)
async def test_whatever_is_forwarded_the_answer_is_about_the_token(http: httpx.AsyncClient, pair: TokenPair, held: str) -> None:
    asked = dict(HOSTILE[held])
    method, headers = asked.pop("method", "GET"), asked.pop("headers", {})
    allowed = await http.request(method, PATH, headers=headers | bearer(pair), **asked)
    assert (allowed.status_code, allowed.headers["x-user-id"]) == (200, pair.user.id)
    assert (await http.request(method, PATH, headers=headers, **asked)).status_code == 401


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("scope=files:read", 200),
        ("scope=files:read&scope=files:write", 200),
        ("scope=admin:read", 403),
        ("scope=files:read&scope=admin:read", 403),
        ("scope=files:read%20files:write", 403),
        ("scope=", 403),
        ("scope", 403),
        ("scope=%0d%0aX-User-Id:%20me", 403),
        ("scope=%E2%98%83", 403),
        ("scope=%ff", 403),
        ("scope=" + "a" * 3000, 403),
    ],
)
async def test_a_scope_is_there_or_the_answer_is_403(http: httpx.AsyncClient, pair: TokenPair, query: str, status: int) -> None:
    answer = await http.get(f"{PATH}?{query}", headers=bearer(pair))
    assert answer.status_code == status
    assert ("x-user-id" in answer.headers) == (status == 200)
    assert (await http.get(f"{PATH}?{query}")).status_code == 401


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "bearer junk",
        "Basic YTpi",
        "Bearer a b",
        "Bearer \xff\xfe",
        "Bearer cof_pat_",
        "Bearer " + "x" * 20_000,
    ],
)
async def test_what_is_no_token_is_401(http: httpx.AsyncClient, authorization: str) -> None:
    answer = await http.get(PATH, headers={b"Authorization": authorization.encode("latin-1")})
    assert answer.status_code == 401


async def test_two_tokens_are_none(http: httpx.AsyncClient, pair: TokenPair) -> None:
    one = bearer(pair)["Authorization"]
    assert (await http.get(PATH, headers=[("Authorization", one), ("Authorization", one)])).status_code == 401


async def application(scope: Any, receive: Any, send: Any) -> None:
    """What stands behind the proxy: it tells what it was told."""
    if scope["type"] == "lifespan":
        for step in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{step}.complete"})
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
    told = json.dumps({"method": scope["method"], "path": scope["path"], "headers": headers, "bytes": len(body)})
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": told.encode()})


Proxy = Callable[..., AbstractContextManager[str]]


@pytest.mark.parametrize("proxy", [proxies.nginx, proxies.caddy], ids=["nginx", "caddy"])
async def test_a_real_proxy_lets_pass_whom_auth_knows_and_nobody_else(
    proxy: Proxy, auth: str, deps: Deps, tmp_path: Path
) -> None:
    if proxies.program(proxy.__name__) is None:
        pytest.skip(f"{proxy.__name__} IS NOT INSTALLED: its snippet in docs/forward-auth.md was not tried (apt-get install)")
    user = await registered(deps)
    pair = await sessions.login(Login(user.username, PASSWORD, None, HOME), origin(), deps)
    async with serving(application) as behind:
        with proxy(tmp_path, auth=auth, application=behind) as address:
            async with httpx.AsyncClient(base_url=address, verify=NO_TLS, timeout=60) as client:
                for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
                    body = b"x" * 300_000 if method in {"POST", "PUT", "PATCH"} else b""
                    forged = {"X-User-Id": "somebody-else", "X-Scopes": "admin:write", "X-Session-Id": "theirs"}
                    passed = await client.request(method, "/a/b?c=d", content=body, headers=forged | bearer(pair))
                    assert passed.status_code == 200, f"{method}: {passed.text}"
                    told = passed.json()
                    assert (told["method"], told["path"], told["bytes"]) == (method, "/a/b", len(body))
                    assert told["headers"]["x-user-id"] == user.id
                    assert told["headers"]["x-session-id"] == pair.session.id
                    assert "files:read" in told["headers"]["x-scopes"].split()
                    assert "admin:write" not in told["headers"]["x-scopes"]
                    refused = await client.request(method, "/a", content=body, headers=forged)
                    assert refused.status_code == 401, method
                    assert refused.headers["www-authenticate"].startswith("Bearer")
                    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "DELETE"}
                    assert (await client.request(method, "/a", headers=preflight)).status_code == 401
                who = Principal("user", user.id, pair.session.id, user.scopes, pair.expires_at)
                await sessions.logout(who, origin(), deps)
                assert (await client.get("/a", headers=bearer(pair))).status_code == 401


def test_the_page_says_what_traefik_asks(auth: str) -> None:
    text = proxies.snippet("traefik", auth=auth, application="http://127.0.0.1:1")
    assert f'address: "{auth}{PATH}"' in text
    for header in ("X-User-Id", "X-Session-Id", "X-Scopes"):
        assert f"- {header}" in text
