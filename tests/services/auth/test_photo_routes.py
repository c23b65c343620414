"""Photos over HTTP, in today's shapes and in the CloudDrive API's."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from coffer_auth.handlers.deps import Deps
from coffer_chassis.ids import new_id
from factories.accounts import auth_deps, auth_over_http
from factories.databases import Database
from factories.signed_in import SignedIn, signed_in


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deps(database: Database) -> AsyncIterator[Deps]:
    async with auth_deps(database("coffer_auth")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(deps: Deps, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with auth_over_http(deps, tmp_path_factory.mktemp("home")) as client:
        yield client


async def with_photo(deps: Deps) -> SignedIn:
    who = await signed_in(deps)
    async with deps.work.engine.begin() as connection:
        await connection.execute(text("UPDATE users SET photo = 'square' WHERE id = :id"), {"id": who.user.id})
    return who


async def test_a_photo_is_announced_with_what_its_bytes_are_bound_to(http: httpx.AsyncClient, deps: Deps) -> None:
    ada = await signed_in(deps)
    before = await ada.asks(http, "GET", "/v1/me")
    answer = await ada.asks(http, "PUT", "/v1/me/photo", json={"size": 1234, "mime_type": "image/png"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["method"], told["max_bytes"]) == ("PUT", 5 * 1024 * 1024)
    assert f"photos/incoming/{ada.user.id}/{told['id']}" in told["url"]
    assert (told["headers"]["content-length"], told["headers"]["content-type"]) == ("1234", "image/png")
    assert told["headers"]["if-none-match"] == "*"
    assert answer.headers["cache-control"] == "no-store"
    me = await ada.asks(http, "GET", "/v1/me", headers={"If-None-Match": before.headers["etag"]})
    assert me.json()["sent_photo"] == {"id": told["id"], "state": "created", "reason": None, "detail": None}
    assert (me.json()["photo"], me.json()["limits"]["photo_bytes"]) == (None, told["max_bytes"])


async def test_six_mebibytes_are_refused_with_the_limit(http: httpx.AsyncClient, deps: Deps) -> None:
    ada = await signed_in(deps)
    size = 6 * 1024 * 1024
    for method, path, body in (
        ("PUT", "/v1/me/photo", {"json": {"size": size, "mime_type": "image/jpeg"}}),
        ("POST", "/profile-photo", {"params": {"photo_size_in_bytes": size}}),
    ):
        answer = await ada.asks(http, method, path, **body)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert answer.json()["limit"] == 5 * 1024 * 1024
        assert isinstance(answer.json()["detail"], str)


async def test_everybody_gets_a_photo_as_redirection_or_address(http: httpx.AsyncClient, deps: Deps) -> None:
    ada, bob = await with_photo(deps), await signed_in(deps)
    for who, path in ((ada, "/v1/me/photo"), (bob, f"/v1/users/{ada.user.id}/photo")):
        moved = await who.asks(http, "GET", path, params={"size": 64}, follow_redirects=False)
        assert (moved.status_code, moved.headers["cache-control"]) == (302, "no-store")
        assert f"photos/{ada.user.id}/square" in moved.headers["location"]
        told = await who.asks(http, "GET", path, headers={"Accept": "application/json"})
        assert told.json()["url"] == moved.headers["location"]
        assert (told.headers["cache-control"], told.headers["vary"]) == ("no-store", "Accept")
    seen = await bob.asks(http, "GET", "/v1/users/lookup", params={"q": ada.user.username})
    assert seen.json()["items"][0]["photo"] == f"/v1/users/{ada.user.id}/photo"


async def test_nobody_and_somebody_without_a_photo_look_the_same(http: httpx.AsyncClient, deps: Deps) -> None:
    ada = await signed_in(deps)
    paths = ("/v1/me/photo", f"/v1/users/{ada.user.id}/photo", f"/v1/users/{new_id()}/photo", "/v1/users/x/photo")
    for path in (*paths, "/profile-photo"):
        answer = await ada.asks(http, "GET", path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    for size in (0, 63, 401):
        assert (await ada.asks(http, "GET", "/v1/me/photo", params={"size": size})).status_code == 422


async def test_taking_it_away_over_http(http: httpx.AsyncClient, deps: Deps) -> None:
    ada = await with_photo(deps)
    for _ in range(2):
        assert (await ada.asks(http, "DELETE", "/v1/me/photo")).status_code == 204
    assert (await ada.asks(http, "GET", "/v1/me/photo")).status_code == 404


async def test_the_old_routes_give_a_form_and_a_bare_address(http: httpx.AsyncClient, deps: Deps) -> None:
    ada = await with_photo(deps)
    form = await ada.asks(http, "POST", "/profile-photo", params={"photo_size_in_bytes": 99})
    assert form.status_code == 200, form.text
    assert set(form.json()) == {"url", "fields"}
    assert form.json()["fields"]["key"].startswith(f"photos/incoming/{ada.user.id}/")
    assert form.headers["link"] == '</v1/me/photo>; rel="successor-version"'
    shown = await ada.asks(http, "GET", "/profile-photo")
    assert isinstance(shown.json(), str)
    assert f"photos/{ada.user.id}/square" in shown.json()
    for size in ("", "x", "1.5"):
        assert (await ada.asks(http, "POST", "/profile-photo", params={"photo_size_in_bytes": size})).status_code == 422
