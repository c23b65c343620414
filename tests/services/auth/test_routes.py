"""auth over real HTTP and a real store: what people and thieves see."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from coffer_auth.app import DEPENDENCIES
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.operators import grant_operator
from coffer_auth.routes import ROUTES
from coffer_chassis import idempotency
from coffer_chassis.ids import new_id
from coffer_chassis.openapi import describe, lint
from coffer_chassis.testing import FixedClock
from factories.accounts import PASSWORD, Issuer, auth_deps, auth_over_http, by_hand, facts, registered
from factories.http import app_of
from factories.mailed import last_secret, mails_to


def person(name: str = "") -> dict[str, str]:
    name = name or f"user-{new_id()[-12:]}"
    return {"username": name, "email": f"{name}@example.org", "password": PASSWORD}


async def signed_in(http: httpx.AsyncClient, who: dict[str, str]) -> dict[str, Any]:
    answer = await http.post("/v1/auth/login", json={"login": who["username"], "password": who["password"]})
    assert answer.status_code == 200, answer.text
    pair: dict[str, Any] = answer.json()
    return pair


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_registering_signing_in_looking_at_oneself_and_signing_out(http: httpx.AsyncClient, deps: Deps) -> None:
    who = person()
    made = await http.post("/v1/auth/register", json=who)
    assert made.status_code == 201, made.text
    user = made.json()
    assert user["username"] == who["username"]
    assert "password" not in made.text
    pair = await signed_in(http, who)
    assert pair["token_type"] == "Bearer"
    assert pair["expires_in"] == 600
    me = await http.get("/v1/me", headers=bearer(pair["access_token"]))
    assert me.status_code == 200
    assert me.json() | user == me.json()
    verified = await http.get("/v1/auth/verify", headers=bearer(pair["access_token"]))
    assert verified.status_code == 200
    assert verified.headers["x-user-id"] == user["id"]
    assert verified.headers["x-session-id"] == pair["session_id"]
    assert "files:read" in verified.headers["x-scopes"].split()
    assert "admin:read" not in verified.headers["x-scopes"]
    for _ in range(2):
        gone = await http.post("/v1/auth/logout", headers=bearer(pair["access_token"]))
        assert gone.status_code in {204, 401}
    assert (await http.get("/v1/me", headers=bearer(pair["access_token"]))).status_code == 401
    assert (await http.get("/v1/auth/verify", headers=bearer(pair["access_token"]))).status_code == 401
    again = await http.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})
    assert again.status_code == 401
    assert [fact["type"] for fact in await facts(deps, f"user/{user['id']}")] == ["auth.user.registered.v1"]
    session = await facts(deps, f"session/{pair['session_id']}")
    assert [fact["type"] for fact in session] == ["auth.session.created.v1", "auth.session.revoked.v1"]
    assert [fact["sequence"] for fact in session] == ["000000000001", "000000000002"]
    assert session[0]["data"]["address"] == "127.0.0.1"
    assert session[0]["actorid"] == user["id"]
    assert session[0]["actorkind"] == "user"


async def test_signs_in_by_e_mail_and_whatever_the_case(http: httpx.AsyncClient) -> None:
    who = person("Jörg-Æ")
    assert (await http.post("/v1/auth/register", json=who | {"email": "joerg@example.org"})).status_code == 201
    for login in ("JOERG@EXAMPLE.ORG", "jo\u0308rg-æ", "JÖRG-Æ"):
        answer = await http.post("/v1/auth/login", json={"login": login, "password": PASSWORD})
        assert answer.status_code == 200, login


async def test_sign_out_everywhere_ends_every_session(http: httpx.AsyncClient) -> None:
    who = person()
    await http.post("/v1/auth/register", json=who)
    one, two = await signed_in(http, who), await signed_in(http, who)
    answer = await http.post("/v1/auth/logout", json={"all": True}, headers=bearer(one["access_token"]))
    assert answer.status_code == 204
    for pair in (one, two):
        assert (await http.get("/v1/auth/verify", headers=bearer(pair["access_token"]))).status_code == 401
        gone = await http.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})
        assert gone.status_code == 401


async def test_signing_out_one_session_leaves_the_other(http: httpx.AsyncClient) -> None:
    who = person()
    await http.post("/v1/auth/register", json=who)
    one, two = await signed_in(http, who), await signed_in(http, who)
    assert (await http.post("/v1/auth/logout", headers=bearer(one["access_token"]))).status_code == 204
    assert (await http.get("/v1/me", headers=bearer(two["access_token"]))).status_code == 200


async def test_a_name_is_taken_whatever_its_case_or_form(http: httpx.AsyncClient) -> None:
    who = person("Zoë-of-the-Case")
    assert (await http.post("/v1/auth/register", json=who)).status_code == 201
    for twin in ("ZOË-OF-THE-CASE", "zoe\u0308-of-the-case"):
        answer = await http.post("/v1/auth/register", json=person(twin) | {"email": f"{new_id()}@example.org"})
        assert answer.status_code == 409
        assert answer.json()["code"] == "username_taken"


async def test_an_address_that_is_proved_already_gets_the_same_answer_and_the_same_account(
    http: httpx.AsyncClient, deps: Deps
) -> None:
    """Nothing that the person who typed it can see says that the address is somebody's; its owner is told by mail."""
    first, honest, curious = person(), person(), person()
    await http.post("/v1/auth/register", json=first)
    secret = await last_secret(deps, first["email"], "verify_email")
    assert (await http.post("/v1/auth/verify-email", json={"token": secret})).json()["email_verified"] is True
    seen = []
    for who in (honest, curious | {"email": first["email"]}):
        made = await http.post("/v1/auth/register", json=who)
        pair = await signed_in(http, who)
        me = await http.get("/v1/me", headers=bearer(pair["access_token"]))
        again = await http.post("/v1/auth/verify-email/resend", headers=bearer(pair["access_token"]))
        answers = (made, me, again)
        seen.append([(answer.status_code, set(answer.headers), sorted(answer.json() or {})) for answer in answers])
        assert me.json()["email_verified"] is False
        assert len(await facts(deps, f"user/{pair['user']['id']}")) == 1
    assert seen[0] == seen[1]
    assert [mail.kind for mail in await mails_to(deps, first["email"])] == ["verify_email", "email_taken", "email_taken"]


async def test_of_ten_racing_for_one_name_one_gets_it(http: httpx.AsyncClient) -> None:
    name = f"race-{new_id()[-12:]}"
    bodies = [person(name) | {"email": f"{new_id()}@example.org"} for _ in range(10)]
    answers = await asyncio.gather(*(http.post("/v1/auth/register", json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 9]


async def test_the_same_registration_sent_twice_makes_one_account(
    http: httpx.AsyncClient, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "WAIT_MILLISECONDS", 60_000)
    who, key = person(), {"Idempotency-Key": new_id()}
    answers = await asyncio.gather(*(http.post("/v1/auth/register", json=who, headers=key) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert len({answer.text for answer in answers}) == 1
    assert sorted(answer.headers.get("idempotent-replayed", "") for answer in answers) == ["", "true", "true"]
    assert len(await facts(deps, f"user/{answers[0].json()['id']}")) == 1
    other = await http.post("/v1/auth/register", json=person(), headers=key)
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_key_reuse"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"username": "ab"}, "/username"),
        ({"username": "a@b.example"}, "/username"),
        ({"username": "zero\u200bwidth"}, "/username"),
        ({"username": "x" * 65}, "/username"),
        ({"email": "nobody"}, "/email"),
        ({"email": "a b@example.org"}, "/email"),
        ({"password": "short"}, "/password"),
        ({"password": "Passw0rd!2026"}, "/password"),
        ({"surprise": 1}, "/surprise"),
        ({"locale": "<script>"}, "/locale"),
        ({"username": "nul\u0000byte"}, "/username"),
        ({"username": 7}, "/username"),
    ],
)
async def test_refuses_a_registration_and_points_at_the_fault(
    http: httpx.AsyncClient, change: dict[str, Any], pointer: str
) -> None:
    answer = await http.post("/v1/auth/register", json=person() | change)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_a_weak_password_is_refused_with_every_reason(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/auth/register", json=person("ann") | {"password": "annannann"})
    assert answer.json()["code"] == "password_weak"
    assert {error["code"] for error in answer.json()["errors"]} == {"too_short", "contains_name", "too_simple"}


async def test_refuses_bodies_that_are_too_large_or_broken(http: httpx.AsyncClient) -> None:
    large = await http.post("/v1/auth/login", json={"login": "x" * 2_000_000, "password": "x"})
    assert large.status_code == 413
    longish = await http.post("/v1/auth/login", json={"login": "someone", "password": "x" * 2000})
    assert longish.status_code == 422
    broken = await http.post("/v1/auth/login", content=b"{", headers={"Content-Type": "application/json"})
    assert broken.status_code == 400
    surrogate = await http.post(
        "/v1/auth/login",
        content=b'{"login": "\\ud800", "password": "\\ud800"}',
        headers={"Content-Type": "application/json"},
    )
    assert surrogate.status_code in {400, 401, 422}


async def test_an_unknown_account_and_a_wrong_password_look_and_cost_the_same(http: httpx.AsyncClient, deps: Deps) -> None:
    who = person()
    user = (await http.post("/v1/auth/register", json=who)).json()
    before = deps.hashing.verifications
    wrong = await http.post("/v1/auth/login", json={"login": who["username"], "password": "wrong wrong wrong"})
    assert deps.hashing.verifications == before + 1
    unknown = await http.post("/v1/auth/login", json={"login": f"no-{who['username']}", "password": "wrong wrong wrong"})
    assert deps.hashing.verifications == before + 2
    assert wrong.status_code == unknown.status_code == 401
    volatile = ("instance", "request_id", "trace_id")
    assert {k: v for k, v in wrong.json().items() if k not in volatile} == {
        k: v for k, v in unknown.json().items() if k not in volatile
    }
    (failure,) = await facts(deps, f"login/{user['id']}")
    assert failure["data"]["failures"] == 1
    assert failure["data"]["reason"] == "invalid_credentials"


async def test_too_many_failures_are_refused_until_the_window_ends(
    http: httpx.AsyncClient, deps: Deps, clock: FixedClock
) -> None:
    who = person()
    user = (await http.post("/v1/auth/register", json=who)).json()
    wrong = {"login": who["username"], "password": "wrong wrong wrong"}
    for _ in range(10):
        assert (await http.post("/v1/auth/login", json=wrong)).status_code == 401
    hashed = deps.hashing.verifications
    right = {"login": who["username"], "password": who["password"]}
    blocked = await http.post("/v1/auth/login", json=right)
    assert blocked.status_code == 429
    assert blocked.json()["code"] == "too_many_attempts"
    assert 0 < int(blocked.headers["retry-after"]) <= 901
    assert deps.hashing.verifications == hashed
    assert len(await facts(deps, f"login/{user['id']}")) == 10
    clock.advance(seconds=int(blocked.headers["retry-after"]))
    assert (await http.post("/v1/auth/login", json=right)).status_code == 200


async def test_names_that_do_not_exist_are_throttled_too(http: httpx.AsyncClient) -> None:
    wrong = {"login": f"ghost-{new_id()}", "password": "wrong wrong wrong"}
    answers = [(await http.post("/v1/auth/login", json=wrong)).status_code for _ in range(11)]
    assert answers == [*[401] * 10, 429]


async def test_signing_in_forgets_earlier_failures(http: httpx.AsyncClient) -> None:
    who = person()
    await http.post("/v1/auth/register", json=who)
    for _ in range(3):
        for _ in range(9):
            answer = await http.post("/v1/auth/login", json={"login": who["username"], "password": "wrong wrong"})
            assert answer.status_code == 401
        await signed_in(http, who)


async def test_refresh_rotates_and_a_late_second_use_ends_the_session(
    http: httpx.AsyncClient, deps: Deps, clock: FixedClock
) -> None:
    who = person()
    await http.post("/v1/auth/register", json=who)
    first = await signed_in(http, who)
    second = (await http.post("/v1/auth/refresh", json={"refresh_token": first["refresh_token"]})).json()
    assert second["session_id"] == first["session_id"]
    assert second["refresh_token"] != first["refresh_token"]
    clock.advance(seconds=11)
    stolen = await http.post("/v1/auth/refresh", json={"refresh_token": first["refresh_token"]})
    assert stolen.status_code == 401
    for token in (first["access_token"], second["access_token"]):
        assert (await http.get("/v1/auth/verify", headers=bearer(token))).status_code == 401
    assert (await http.post("/v1/auth/refresh", json={"refresh_token": second["refresh_token"]})).status_code == 401
    assert (await http.post("/v1/auth/refresh", json={"refresh_token": first["refresh_token"]})).status_code == 401
    told = await facts(deps, f"session/{first['session_id']}")
    assert [(fact["type"], int(fact["sequence"])) for fact in told] == [
        ("auth.session.created.v1", 1),
        ("auth.session.reuse_detected.v1", 2),
        ("auth.session.revoked.v1", 3),
    ]
    assert told[2]["data"]["reason"] == "reuse_detected"


async def test_parallel_tabs_refresh_with_one_token_and_all_go_on(http: httpx.AsyncClient, clock: FixedClock) -> None:
    who = person()
    await http.post("/v1/auth/register", json=who)
    first = await signed_in(http, who)
    again = {"refresh_token": first["refresh_token"]}
    answers = await asyncio.gather(*(http.post("/v1/auth/refresh", json=again) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    tokens = [answer.json()["refresh_token"] for answer in answers]
    assert len(set(tokens)) == 5
    clock.advance(seconds=60)
    for token in tokens:
        assert (await http.post("/v1/auth/refresh", json={"refresh_token": token})).status_code == 200


async def test_a_session_that_is_not_used_for_a_month_ends(http: httpx.AsyncClient, clock: FixedClock) -> None:
    who = person()
    await http.post("/v1/auth/register", json=who)
    pair = await signed_in(http, who)
    clock.advance(days=20)
    pair = (await http.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})).json()
    clock.advance(days=20)
    pair = (await http.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})).json()
    clock.advance(days=31)
    gone = await http.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})
    assert gone.status_code == 401


@pytest.mark.parametrize("token", ["", "x", "cof_ref_" + "A" * 43, "ünïcode"])
async def test_a_refresh_token_nobody_issued_is_refused(http: httpx.AsyncClient, token: str) -> None:
    assert (await http.post("/v1/auth/refresh", json={"refresh_token": token})).status_code == 401


async def test_an_expired_access_token_says_so(http: httpx.AsyncClient, clock: FixedClock) -> None:
    who = person()
    await http.post("/v1/auth/register", json=who)
    pair = await signed_in(http, who)
    clock.advance(seconds=606)
    answer = await http.get("/v1/me", headers=bearer(pair["access_token"]))
    assert answer.status_code == 401
    assert answer.json()["code"] == "token_expired"


def _by_another_key(real: dict[str, Any], issuer: Issuer, clock: FixedClock) -> str:
    return issuer.token(clock.now(), headers={"kid": real["kid"]})


def _unsigned(real: dict[str, Any], issuer: Issuer, clock: FixedClock) -> str:
    return by_hand({"alg": "none", "kid": real["kid"]}, real["claims"])


def _by_hmac_with_the_public_key(real: dict[str, Any], issuer: Issuer, clock: FixedClock) -> str:
    return jwt.encode(real["claims"], real["public"], algorithm="HS256", headers={"kid": real["kid"]})


@pytest.mark.parametrize("forge", [_by_another_key, _unsigned, _by_hmac_with_the_public_key])
async def test_forged_tokens_are_refused(
    http: httpx.AsyncClient, clock: FixedClock, forge: Callable[[dict[str, Any], Issuer, FixedClock], str]
) -> None:
    who = person()
    await http.post("/v1/auth/register", json=who)
    pair = await signed_in(http, who)
    keys = await http.get("/.well-known/jwks.json")
    assert keys.headers["cache-control"] == "public, max-age=300"
    real = {
        "claims": jwt.decode(pair["access_token"], options={"verify_signature": False}),
        "kid": keys.json()["keys"][0]["kid"],
        "public": keys.json()["keys"][0]["x"],
    }
    answer = await http.get("/v1/me", headers=bearer(forge(real, Issuer(), clock)))
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"


async def test_the_access_token_carries_what_every_service_needs(http: httpx.AsyncClient, deps: Deps) -> None:
    who = person()
    user = (await http.post("/v1/auth/register", json=who)).json()
    pair = await signed_in(http, who)
    header = jwt.get_unverified_header(pair["access_token"])
    claims = jwt.decode(pair["access_token"], options={"verify_signature": False})
    assert header["alg"] == "EdDSA"
    assert header["kid"]
    assert claims["iss"] == deps.issuer
    assert claims["sub"] == user["id"]
    assert claims["aud"] == "coffer"
    assert claims["kind"] == "access"
    assert claims["sid"] == pair["session_id"]
    assert claims["exp"] - claims["iat"] == 600
    assert claims["username"] == who["username"]
    assert who["email"] not in str(claims)


async def test_an_operator_has_admin_scopes_from_the_next_token_on(http: httpx.AsyncClient, deps: Deps) -> None:
    who = person()
    await http.post("/v1/auth/register", json=who)
    pair = await signed_in(http, who)
    for _ in range(2):
        await grant_operator(who["username"].upper(), deps)
    before = await http.get("/v1/auth/verify", params={"scope": "admin:read"}, headers=bearer(pair["access_token"]))
    assert before.status_code == 403
    assert before.json()["required_scopes"] == ["admin:read"]
    pair = (await http.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})).json()
    after = await http.get("/v1/auth/verify", params={"scope": "admin:read"}, headers=bearer(pair["access_token"]))
    assert after.status_code == 200
    assert {"admin:read", "admin:write"} <= set(after.headers["x-scopes"].split())


async def test_a_wave_of_sign_ins_is_bounded_and_the_rest_is_told_to_come_back(url: str, tmp_path: Path) -> None:
    refused: list[httpx.Response] = []
    enough = threading.Event()
    async with auth_deps(url, password_threads=1, password_queue=2) as deps:
        user = await registered(deps)
        async with auth_over_http(deps, tmp_path) as http:
            deps.hashing._threads.submit(enough.wait, 60)

            async def sign_in() -> int:
                answer = await http.post("/v1/auth/login", json={"login": user.username, "password": PASSWORD})
                if answer.status_code == 503:
                    refused.append(answer)
                if len(refused) == 9:
                    enough.set()
                return answer.status_code

            codes = await asyncio.gather(*(sign_in() for _ in range(12)))
    assert sorted(codes) == [200] * 3 + [503] * 9
    assert all(answer.headers["retry-after"] for answer in refused)


@pytest.mark.parametrize(("trusted", "expected"), [((), "127.0.0.1"), (("127.0.0.0/8",), "203.0.113.9")])
async def test_only_a_trusted_proxy_may_speak_for_others(
    deps: Deps, tmp_path: Path, trusted: tuple[str, ...], expected: str
) -> None:
    user = await registered(deps)
    async with auth_over_http(deps, tmp_path, trusted_proxies=trusted) as http:
        answer = await http.post(
            "/v1/auth/login",
            json={"login": user.username, "password": PASSWORD},
            headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.9"},
        )
    created, *_ = await facts(deps, f"session/{answer.json()['session_id']}")
    assert created["data"]["address"] == expected


async def test_without_a_token_there_is_no_account(http: httpx.AsyncClient) -> None:
    for path in ("/v1/me", "/v1/auth/verify"):
        answer = await http.get(path)
        assert answer.status_code == 401
        assert answer.json()["code"] == "unauthenticated"
    with contextlib.suppress(httpx.HTTPError):
        assert (await http.post("/v1/auth/logout")).status_code == 401


@pytest.mark.slow
def test_the_document_of_the_routes_keeps_every_rule() -> None:
    document = describe(app_of(*ROUTES, dependencies=dict.fromkeys(DEPENDENCIES)), title="auth", version="1")
    OpenAPIV31SpecValidator(document).validate()
    assert lint(document) == []
