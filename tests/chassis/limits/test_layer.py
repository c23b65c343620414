"""What limits look like over HTTP: who is counted, under which policy, and what answers say of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from coffer_chassis.access_rules import internal, public, user
from coffer_chassis.limits import Limiter, limited, unlimited
from coffer_chassis.limits.layer import count_attempt
from coffer_chassis.metrics import registry
from coffer_contracts.problems import Unavailable
from factories.http import CALLERS, app_of, signed
from factories.limits import Told, limiter_of


@get("/v1/things", opt=user())
async def list_things() -> list[str]:
    return []


@post("/v1/uploads", opt=user() | limited("upload"))
async def start_upload() -> str:
    return "started"


@get("/v1/search", opt=user() | limited("search"))
async def search() -> str:
    return "found"


@get("/v1/public", opt=public())
async def get_public() -> str:
    return "open"


@post("/v1/auth/login", opt=public() | limited("auth"))
async def sign_in() -> str:
    return "in"


@post("/v1/public/links/{token:str}/unlock", opt=public() | limited("unlock", path="token"))
async def unlock(token: FromPath[str]) -> str:
    return token


@post("/v1/guess/{token:str}", opt=public() | limited("unlock", path="token", by_handler=True))
async def guess(
    token: FromPath[str], request: Request[Any, Any, Any], limiter: NamedDependency[Limiter], counts: FromQuery[bool] = False
) -> str:
    if counts:
        await count_attempt(limiter, request.scope)
    return token


@get("/keys", opt=public() | unlimited())
async def get_keys() -> str:
    return "keys"


@get("/v1/content", opt=user())
async def get_content() -> Response[None]:
    return Response(None, status_code=302, headers={"Location": "https://bucket.test/x"})


@get("/v1/known", opt=user())
async def get_known() -> Response[None]:
    return Response(None, status_code=304)


@get("/v1/away", opt=public())
async def get_away() -> str:
    raise Unavailable


@get("/v1/same-for-all", opt=public())
async def get_same_for_all() -> Response[str]:
    return Response("known", headers={"Cache-Control": "max-age=300, Public"})


@get("/v1/inside", opt=internal())
async def get_inside() -> str:
    return "in"


ROUTES = (
    list_things,
    start_upload,
    search,
    get_public,
    sign_in,
    unlock,
    guess,
    get_keys,
    get_content,
    get_known,
    get_away,
    get_same_for_all,
)


@asynccontextmanager
async def client(
    time: Told | None = None, *, trusted: tuple[str, ...] = (), internal: bool = False, **limits: int
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of these routes, who stands at 192.0.2.1."""
    limiter = limiter_of(time, trusted_proxies=trusted, per_minute=limits)
    routes = (get_inside,) if internal else ROUTES
    app: Any = app_of(
        *routes, limiter=limiter, internal=internal, allowed_origins=["https://drive.test"], dependencies={"limiter": limiter}
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=("192.0.2.1", 50000))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        yield http


async def test_every_answer_says_what_is_left() -> None:
    async with client(default=600) as http:
        first = await http.get("/v1/things", headers=signed())
        assert first.headers["ratelimit-policy"] == '"default";q=600;w=60'
        assert first.headers["ratelimit"] == '"default";r=599;t=1'
        for _ in range(20):
            last = await http.get("/v1/things", headers=signed())
        assert last.headers["ratelimit"] == '"default";r=579;t=3'


async def test_one_too_many_is_refused_until_the_time_that_is_named() -> None:
    time = Told()
    async with client(time, default=2) as http:
        assert [(await http.get("/v1/things", headers=signed())).status_code for _ in range(3)] == [200, 200, 429]
        refused = await http.get("/v1/things", headers=signed())
        assert refused.headers["content-type"] == "application/problem+json"
        problem = refused.json()
        assert (problem["code"], problem["violated-policies"]) == ("rate_limited", ["default"])
        assert problem["retry_after_seconds"] == int(refused.headers["retry-after"]) == 30
        assert refused.headers["ratelimit"] == '"default";r=0;t=30'
        assert refused.headers["ratelimit-policy"] == '"default";q=2;w=60'
        time.advance(29)
        assert (await http.get("/v1/things", headers=signed())).headers["retry-after"] == "1"
        time.advance(1)
        assert (await http.get("/v1/things", headers=signed())).status_code == 200


async def test_head_counts_and_says_the_same() -> None:
    async with client(default=2) as http:
        assert (await http.head("/v1/things", headers=signed())).headers["ratelimit"] == '"default";r=1;t=30'


async def test_an_address_to_go_on_to_says_nothing_of_limits_but_counts() -> None:
    async with client(default=2) as http:
        answer = await http.get("/v1/content", headers=signed(), follow_redirects=False)
        assert answer.status_code == 302
        assert not {"ratelimit", "ratelimit-policy", "retry-after"} & set(answer.headers)
        assert (await http.get("/v1/things", headers=signed())).headers["ratelimit"] == '"default";r=0;t=60'


async def test_not_modified_is_no_redirection() -> None:
    async with client() as http:
        assert "ratelimit" in (await http.get("/v1/known", headers=signed())).headers


async def test_policies_are_counted_apart() -> None:
    async with client(default=1, upload=1, search=1) as http:
        paths = [("GET", "/v1/things"), ("POST", "/v1/uploads"), ("GET", "/v1/search")]
        first = [(await http.request(method, path, headers=signed())).status_code for method, path in paths]
        second = [await http.request(method, path, headers=signed()) for method, path in paths]
        assert first == [200, 201, 200]
        assert [answer.json()["violated-policies"] for answer in second] == [["default"], ["upload"], ["search"]]


async def test_signed_in_callers_are_counted_wherever_they_come_from_and_tokens_apart() -> None:
    async with client(default=1, trusted=("192.0.2.1",)) as http:
        here, there = {"X-Forwarded-For": "198.51.100.1"}, {"X-Forwarded-For": "198.51.100.2"}
        assert (await http.get("/v1/things", headers=signed("alice") | here)).status_code == 200
        assert (await http.get("/v1/things", headers=signed("alice") | there)).status_code == 429
        assert (await http.get("/v1/public", headers=here)).status_code == 200
        # A person and their tokens: a script that runs wild leaves its owner the browser.
        assert "token-read" in CALLERS
        assert (await http.get("/v1/things", headers=signed("token-read") | here)).status_code == 200


async def test_strangers_are_counted_by_address() -> None:
    async with client(default=2, auth=1, trusted=("192.0.2.1",)) as http:

        async def ask(path: str, address: str, method: str = "GET") -> int:
            status: int = (await http.request(method, path, headers={"X-Forwarded-For": address})).status_code
            return status

        assert [await ask("/v1/public", "198.51.100.1") for _ in range(3)] == [200, 200, 429]
        assert await ask("/v1/public", "198.51.100.2") == 200
        assert [await ask("/v1/auth/login", "198.51.100.1", "POST") for _ in range(2)] == [201, 429]


async def test_addresses_of_one_ipv6_network_are_one_and_of_two_are_two() -> None:
    async with client(default=1, trusted=("192.0.2.1",)) as http:

        async def ask(address: str) -> int:
            status: int = (await http.get("/v1/public", headers={"X-Forwarded-For": address})).status_code
            return status

        assert await ask("2001:db8:1:2::1") == 200
        assert await ask("2001:db8:1:2:ffff::99") == 429
        assert await ask("[2001:db8:1:2::7]:443") == 429
        assert await ask("2001:db8:1:3::1") == 200
        assert await ask("::ffff:198.51.100.9") == 200
        assert await ask("198.51.100.9") == 429


@pytest.mark.parametrize("path", ["/v1/public", "/v1/public/links/secret/unlock"])
async def test_a_stranger_cannot_choose_whom_they_are_counted_as(path: str) -> None:
    method = "POST" if path.endswith("unlock") else "GET"
    async with client(default=1, unlock=1) as http:
        answers = [
            await http.request(
                method, path, headers={"X-Forwarded-For": f"198.51.100.{number}", "X-Real-IP": f"10.0.0.{number}"}
            )
            for number in range(2)
        ]
        assert [answer.status_code for answer in answers][1] == 429


async def test_unlocking_is_counted_by_link() -> None:
    async with client(unlock=1) as http:
        assert [(await http.post(f"/v1/public/links/{token}/unlock")).status_code for token in ("a", "a", "b")] == [
            201,
            429,
            201,
        ]


async def test_what_a_handler_counts_itself_counts_as_default_beside_it() -> None:
    async with client(default=6, unlock=1) as http:

        async def ask(token: str, counts: bool) -> httpx.Response:
            return await http.post(f"/v1/guess/{token}", params={"counts": counts})

        first = await ask("a", False)
        assert (first.status_code, '"default"' in first.headers["ratelimit"]) == (201, True)
        counted = await ask("a", True)
        assert (counted.status_code, '"unlock"' in counted.headers["ratelimit"]) == (201, True)
        late = await ask("a", True)
        assert (late.status_code, late.json()["code"]) == (429, "too_many_attempts")
        assert int(late.headers["retry-after"]) >= 1
        assert [(await ask(token, counts)).status_code for token, counts in (("a", False), ("b", True))] == [201, 201]
        crowded = await ask("c", False)
        assert (await ask("c", False)).status_code == 429, crowded.headers["ratelimit"]


async def test_a_policy_that_is_switched_off_counts_nothing_and_says_nothing() -> None:
    async with client(default=0, upload=1) as http:
        answers = [await http.get("/v1/things", headers=signed()) for _ in range(5)]
        assert {answer.status_code for answer in answers} == {200}
        assert "ratelimit" not in answers[0].headers


async def test_what_services_ask_of_one_another_is_not_counted() -> None:
    async with client(default=1) as http:
        answers = [await http.get("/keys") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200] * 3
        assert "ratelimit" not in answers[0].headers


async def test_the_internal_port_is_not_counted() -> None:
    async with client(internal=True, default=1) as http:
        assert [(await http.get("/v1/inside")).status_code for _ in range(3)] == [200] * 3


async def test_who_is_not_let_in_uses_up_nobodys_requests() -> None:
    async with client(default=1) as http:
        assert [(await http.get("/v1/things", headers=signed("nobody"))).status_code for _ in range(3)] == [401] * 3
        assert (await http.get("/v1/public")).status_code == 200


async def test_refusals_are_counted_by_policy() -> None:
    def counted() -> float:
        return registry.get_sample_value("coffer_requests_limited_total", {"policy": "search"}) or 0

    before = counted()
    async with client(search=1) as http:
        for _ in range(4):
            await http.get("/v1/search", headers=signed())
    assert counted() - before == 3


async def test_pages_of_other_origins_may_read_the_headers() -> None:
    async with client(default=1) as http:
        for _ in range(2):
            answer = await http.get("/v1/public", headers={"Origin": "https://drive.test"})
        assert answer.status_code == 429
        exposed = {name.strip().lower() for name in answer.headers["access-control-expose-headers"].split(",")}
        assert {"ratelimit", "ratelimit-policy", "retry-after"} <= exposed


async def test_a_service_that_is_away_says_when_to_come_back() -> None:
    async with client() as http:
        answer = await http.get("/v1/away")
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1


async def test_a_policy_that_nobody_knows_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="no policy"):
        limited("uploads")


async def test_what_caches_share_says_nothing_of_whoever_asked_first() -> None:
    async with client(default=2) as http:
        answers = [await http.get("/v1/same-for-all") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [sorted(name for name in answer.headers if name.startswith("ratelimit")) for answer in answers] == [
        [],
        [],
        ["ratelimit", "ratelimit-policy"],
    ]
