"""One's own account over HTTP: looking at it, changing it, and what is told of that."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from coffer_auth.handlers.deps import Deps
from factories.accounts import auth_deps, auth_over_http, facts
from factories.databases import Database
from factories.signed_in import signed_in


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deps(database: Database) -> AsyncIterator[Deps]:
    async with auth_deps(database("coffer_auth")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(deps: Deps, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    home: Path = tmp_path_factory.mktemp("home")
    async with auth_over_http(deps, home) as client:
        yield client


async def test_what_people_say_about_themselves_is_kept_and_told(http: httpx.AsyncClient, deps: Deps) -> None:
    ada = await signed_in(deps)
    before = await ada.asks(http, "GET", "/v1/me")
    wish = {"display_name": "  Ada Lovelace ", "locale": "en-GB", "timezone": "Europe/London"}
    answer = await ada.asks(http, "PATCH", "/v1/me", json=wish)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["display_name"], told["locale"], told["timezone"]) == ("Ada Lovelace", "en-GB", "Europe/London")
    assert (await ada.asks(http, "GET", "/v1/me")).json() == told
    assert answer.headers["etag"] != before.headers["etag"]
    _, fact = await facts(deps, f"user/{ada.user.id}")
    assert (fact["type"], fact["sequence"], fact["actorid"]) == ("auth.user.changed.v1", "000000000002", ada.user.id)
    assert fact["data"]["changes"] == ["display_name", "locale", "timezone"]
    assert (fact["data"]["display_name"], fact["data"]["timezone"]) == ("Ada Lovelace", "Europe/London")
    assert fact["data"]["fields"] == [
        {"field": "display_name", "before": ada.user.display_name, "after": "Ada Lovelace"},
        {"field": "locale", "before": ada.user.locale, "after": "en-GB"},
        {"field": "timezone", "after": "Europe/London"},
    ]
    assert fact["data"]["actor_session_id"] == ada.pair.session.id
    assert not {"address", "agent"} & fact["data"].keys(), "what every service copies has no addresses"


async def test_the_same_wish_twice_is_told_once(http: httpx.AsyncClient, deps: Deps) -> None:
    ada = await signed_in(deps)
    answers = [await ada.asks(http, "PATCH", "/v1/me", json={"timezone": "Asia/Tokyo"}) for _ in range(2)]
    assert [answer.headers["etag"] for answer in answers] == [answers[0].headers["etag"]] * 2
    assert len(await facts(deps, f"user/{ada.user.id}")) == 2
    taken_back = await ada.asks(http, "PATCH", "/v1/me", json={"timezone": None})
    assert taken_back.json()["timezone"] is None


async def test_a_change_of_what_was_not_seen_is_refused_and_changes_nothing(http: httpx.AsyncClient, deps: Deps) -> None:
    ada = await signed_in(deps)
    seen = (await ada.asks(http, "GET", "/v1/me")).headers["etag"]
    await ada.asks(http, "PATCH", "/v1/me", json={"display_name": "Another tab"})
    late = await ada.asks(http, "PATCH", "/v1/me", json={"display_name": "This tab"}, headers={"If-Match": seen})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    now = await ada.asks(http, "GET", "/v1/me")
    assert now.json()["display_name"] == "Another tab"
    assert late.json()["current_etag"] == now.headers["etag"]
    fresh = await ada.asks(http, "PATCH", "/v1/me", json={"display_name": "T"}, headers={"If-Match": now.headers["etag"]})
    assert fresh.status_code == 200


async def test_who_has_the_account_already_is_not_sent_it_again(http: httpx.AsyncClient, deps: Deps) -> None:
    ada = await signed_in(deps)
    tag = (await ada.asks(http, "GET", "/v1/me")).headers["etag"]
    assert (await ada.asks(http, "GET", "/v1/me", headers={"If-None-Match": tag})).status_code == 304


async def test_limits_and_features_are_said(http: httpx.AsyncClient, deps: Deps) -> None:
    me = (await (await signed_in(deps)).asks(http, "GET", "/v1/me")).json()
    assert me["limits"]["display_name_length"] == 128
    assert me["limits"]["access_token_seconds"] == 600
    assert "profile" in me["features"]


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"display_name": ""}, "/display_name"),
        ({"display_name": None}, ""),
        ({"locale": None}, ""),
        ({"display_name": "   "}, "/display_name"),
        ({"display_name": "x" * 129}, "/display_name"),
        ({"display_name": "evil\u202egnp.exe"}, "/display_name"),
        ({"display_name": "two\nlines"}, "/display_name"),
        ({"display_name": "nul\x00"}, "/display_name"),
        ({"locale": "../etc"}, "/locale"),
        ({"timezone": "Mars/Olympus"}, "/timezone"),
        ({"timezone": "../../etc/passwd"}, "/timezone"),
        ({"timezone": ""}, "/timezone"),
        ({"email": "new@example.org", "roles": ["operator"]}, "/email"),
    ],
)
async def test_refuses_what_nobody_is_called(
    http: httpx.AsyncClient, deps: Deps, wish: dict[str, object], pointer: str
) -> None:
    ada = await signed_in(deps)
    answer = await ada.asks(http, "PATCH", "/v1/me", json=wish)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed"), answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert len(await facts(deps, f"user/{ada.user.id}")) == 1
