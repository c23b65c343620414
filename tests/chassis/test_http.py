"""What every app built by `build_app` does around its routes."""

import io
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any

import httpx
import msgspec
import pytest
import structlog
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import LitestarException
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Stream
from litestar.testing import TestClient
from pydantic import BaseModel, Field

from coffer_chassis import logs
from coffer_chassis.access_rules import public, user
from coffer_chassis.answers import Body, Timestamp, timestamp
from coffer_chassis.etags import Conditions, etag_of
from coffer_chassis.http import NO_STORE, not_modified
from coffer_chassis.metrics import registry
from coffer_chassis.origin import Origin
from coffer_chassis.trace_headers import parent_in
from factories.http import ALICE, Person, app_of, client_of, served, signed

REQUEST_ID = "0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11"


class Thing(msgspec.Struct):
    id: str
    made_at: Timestamp = "2026-11-20T10:15:00.000Z"


class NewThing(Body):
    name: str = Field(max_length=5)
    size: int = 0


@get("/v1/things/{thing_id:str}", opt=public())
async def get_thing(thing_id: FromPath[str]) -> Thing:
    return Thing(thing_id)


@get("/v1/things", opt=public())
async def list_things(limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100) -> list[Thing]:
    return [Thing(str(limit))]


@post("/v1/things", opt=public())
async def create_thing(data: JSONBody[NewThing]) -> Thing:
    return Thing(data.name)


@get("/v1/broken", opt=public())
async def get_broken() -> Thing:
    raise RuntimeError("the secret cause")


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the edge logs, as it would stand on standard error."""
    stream = io.StringIO()
    before = structlog.get_config()
    logs.configure(stream=stream, console=False, cached=False)
    yield stream
    structlog.configure(**before)


def logged(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


@pytest.mark.parametrize("given", [REQUEST_ID, "abcdefgh", "A.b_c-9" * 9])
def test_a_well_formed_request_id_is_kept_and_echoed(given: str) -> None:
    with client_of(get_thing) as client:
        assert client.get("/v1/things/1", headers={"X-Request-Id": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["short", "x" * 65, "has space in it", "semi;colon", "ümlaut-ümlaut", ""])
def test_any_other_request_id_is_replaced_by_a_fresh_one(given: str) -> None:
    with client_of(get_thing) as client:
        echoed = client.get("/v1/things/1", headers={b"X-Request-Id": given.encode()}).headers["x-request-id"]
    assert echoed != given
    assert len(echoed) == 36


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/nowhere", 404), ("PUT", "/v1/things", 405), ("GET", "/v1/broken", 500)]
)
def test_answers_from_outside_any_handler_carry_id_and_security_headers_too(method: str, path: str, status: int) -> None:
    with client_of(list_things, get_broken) as client:
        answer = client.request(method, path, headers={"X-Request-Id": REQUEST_ID})
    assert answer.status_code == status
    assert answer.headers["x-request-id"] == REQUEST_ID
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-type"] == "application/problem+json"


def test_metadata_is_private_and_revalidated_unless_the_app_or_the_handler_says_otherwise() -> None:
    @get("/own", opt=public())
    async def get_own() -> Response[Thing]:
        return Response(Thing("1"), headers={"Cache-Control": "public, max-age=60"})

    with client_of(get_thing, get_own) as client:
        assert client.get("/v1/things/1").headers["cache-control"] == "private, no-cache"
        assert client.get("/own").headers["cache-control"] == "public, max-age=60"
    with client_of(get_thing, cache_control=NO_STORE) as client:
        assert client.get("/v1/things/1").headers["cache-control"] == "no-store"


def test_one_line_is_logged_per_request_with_the_route_template_and_never_the_path(lines: io.StringIO) -> None:
    with client_of(get_thing) as client:
        client.get("/v1/things/my-diary.pdf?token=abc", headers={"X-Request-Id": REQUEST_ID})
    [line] = logged(lines)
    assert line["event"] == "request"
    assert (line["method"], line["route"], line["status"]) == ("GET", "/v1/things/{thing_id}", 200)
    assert line["request_id"] == REQUEST_ID
    assert line["ms"] >= 0
    assert "diary" not in lines.getvalue()


def test_an_unmatched_path_is_logged_without_its_text(lines: io.StringIO) -> None:
    with client_of(get_thing) as client:
        client.get("/secret-folder/diary.pdf")
    [line] = logged(lines)
    assert line["route"] == "unmatched"
    assert "diary" not in lines.getvalue()


def test_the_log_context_of_one_request_does_not_leak_into_the_next(lines: io.StringIO) -> None:
    @get("/inside", opt=public())
    async def get_inside() -> None:
        logs.get_logger().info("inside")

    with client_of(get_inside) as client:
        first = client.get("/inside").headers["x-request-id"]
        second = client.get("/inside").headers["x-request-id"]
    assert [line["request_id"] for line in logged(lines)] == [first, first, second, second]


def counted(**labels: str) -> float:
    return registry.get_sample_value("coffer_http_requests_total", labels) or 0


def test_requests_are_counted_and_timed_by_template_method_and_status() -> None:
    with client_of(get_thing, service="counting") as client:
        client.get("/v1/things/1")
        client.get("/v1/things/2")
    route = {"service": "counting", "route": "/v1/things/{thing_id}"}
    assert counted(**route, method="GET", status="200") == 2
    assert registry.get_sample_value("coffer_http_request_seconds_count", route) == 2
    assert registry.get_sample_value("coffer_http_request_seconds_bucket", {**route, "le": "+Inf"}) == 2
    assert 0 < (registry.get_sample_value("coffer_http_request_seconds_sum", route) or 0) < 10


def test_pages_of_other_origins_may_read_answers_only_if_allowed() -> None:
    with client_of(get_thing, allowed_origins=["https://drive.example"]) as client:
        allowed = client.get("/v1/things/1", headers={"Origin": "https://drive.example"})
        refused = client.get("/v1/things/1", headers={"Origin": "https://evil.example"})
        missing = client.get("/v1/nowhere", headers={"Origin": "https://drive.example"})
        plain = client.get("/v1/things/1")
    assert allowed.headers["access-control-allow-origin"] == "https://drive.example"
    assert allowed.headers["access-control-expose-headers"] == (
        "ETag, Location, Link, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Idempotent-Replayed"
    )
    assert missing.headers["access-control-allow-origin"] == "https://drive.example"
    assert "access-control-allow-origin" not in refused.headers
    assert refused.headers["vary"] == "Origin"
    assert "access-control-allow-origin" not in plain.headers


def test_a_preflight_is_answered_without_a_token_and_only_for_allowed_origins() -> None:
    @post("/v1/closed", opt=user("files:write"))
    async def create_closed() -> None: ...

    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    with client_of(create_closed, allowed_origins=["https://drive.example"]) as client:
        allowed = client.options("/v1/closed", headers={"Origin": "https://drive.example", **asked})
        refused = client.options("/v1/closed", headers={"Origin": "https://evil.example", **asked})
    assert allowed.status_code == refused.status_code == 204
    assert "Authorization" in allowed.headers["access-control-allow-headers"]
    assert "POST" in allowed.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in allowed.headers
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_refused_whether_or_not_its_length_is_announced(announced: bool) -> None:
    body = json.dumps({"name": "x" * 3000}).encode()
    content: Any = body if announced else iter([body[:1000], body[1000:]])
    with client_of(create_thing, max_body_bytes=2000) as client:
        answer = client.post("/v1/things", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"
    assert answer.json()["limit"] == 2000


def test_unmodified_answers_are_304_and_failed_preconditions_412() -> None:
    current = etag_of("thing", 7)

    @get("/v1/tagged", opt=public())
    async def get_tagged(conditions: NamedDependency[Conditions]) -> Response[Thing] | Response[None]:
        if conditions.not_modified(current):
            return not_modified(current)
        return Response(Thing("1"), headers={"ETag": current})

    @post("/v1/tagged", opt=public())
    async def update_tagged(conditions: NamedDependency[Conditions]) -> Thing:
        conditions.require(current)
        return Thing("1")

    with client_of(get_tagged, update_tagged) as client:
        fresh = client.get("/v1/tagged")
        again = client.get("/v1/tagged", headers={"If-None-Match": f'"other", W/{fresh.headers["etag"]}'})
        held = client.post("/v1/tagged", headers={"If-Match": current})
        lost = client.post("/v1/tagged", headers={"If-Match": '"old"'})
        odd = client.post("/v1/tagged", headers={"If-Match": "unquoted"})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", current)
    assert held.status_code == 201
    assert (lost.status_code, lost.json()["current_etag"]) == (412, current)
    assert (odd.status_code, odd.json()["code"]) == (400, "malformed_request")


def test_handlers_get_principal_origin_and_their_own_values_by_name() -> None:
    class Deps:
        limit = 3

    @get("/v1/who", opt=user())
    async def get_who(
        principal: NamedDependency[Person], origin: NamedDependency[Origin], deps: NamedDependency[Deps]
    ) -> dict[str, Any]:
        assert principal is ALICE
        return {
            "actor": origin.actor_id,
            "kind": origin.actor_kind,
            "correlation": origin.correlation_id,
            "trace": origin.traceparent,
            "limit": deps.limit,
        }

    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with client_of(get_who, dependencies={"deps": Deps()}) as client:
        told = client.get("/v1/who", headers={**signed(), "X-Request-Id": REQUEST_ID, "traceparent": parent}).json()
    assert told.pop("trace").startswith(parent[:36])
    assert told == {"actor": ALICE.user_id, "kind": "user", "correlation": REQUEST_ID, "limit": 3}


@pytest.mark.parametrize(
    "parent",
    [
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "nonsense",
    ],
)
def test_with_an_invalid_traceparent_a_trace_begins(parent: str) -> None:
    @get("/trace", opt=public())
    async def get_trace(origin: NamedDependency[Origin]) -> dict[str, str | None]:
        return {"trace": origin.traceparent}

    with client_of(get_trace) as client:
        told = client.get("/trace", headers={"traceparent": parent}).json()["trace"]
    assert parent_in(told)
    assert told[3:35] not in parent


def test_a_request_id_that_is_no_uuid_still_gives_the_same_correlation_every_time() -> None:
    @get("/correlation", opt=public())
    async def get_correlation(origin: NamedDependency[Origin]) -> dict[str, str]:
        return {"id": origin.correlation_id}

    with client_of(get_correlation) as client:
        first, second = (client.get("/correlation", headers={"X-Request-Id": "build-4711"}).json() for _ in range(2))
    assert first == second
    assert len(first["id"]) == 36


def test_an_answer_that_breaks_off_is_logged_and_not_finished(lines: io.StringIO) -> None:
    async def half() -> Any:
        yield b"the first half"
        raise RuntimeError("lost the store")

    @get("/half", opt=public())
    async def get_half() -> Stream:
        return Stream(half())

    with TestClient(app_of(get_half)) as client, pytest.raises(LitestarException, match="after response started"):
        client.get("/half")
    assert {line["event"] for line in logged(lines)} >= {"answer_broken_off", "request"}


def test_head_is_answered_as_get_without_the_body(lines: io.StringIO) -> None:
    with client_of(get_thing) as client:
        whole, head = client.get("/v1/things/1"), client.head("/v1/things/1")
        missing = client.head("/v1/nowhere")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]
    assert (missing.status_code, missing.content) == (404, b"")
    assert [line["method"] for line in logged(lines)] == ["GET", "HEAD", "HEAD"]


def test_methods_nobody_knows_share_one_label() -> None:
    with client_of(get_thing, service="odd") as client:
        assert client.request("BREW", "/v1/things/1").status_code == 405
    assert counted(service="odd", route="unmatched", method="other", status="405") == 1


class Model(BaseModel):
    made_at: Timestamp
    parts: list[int] = [1]


def test_structs_models_and_mixtures_of_both_are_written_as_json() -> None:
    moment = timestamp(datetime(2026, 11, 20, 10, 15, 0, 123_999, tzinfo=UTC))

    @get("/struct", opt=public())
    async def get_struct() -> Thing:
        return Thing("1", moment)

    @get("/model", opt=public())
    async def get_model() -> Model:
        return Model(made_at=moment)

    @get("/mixture", opt=public())
    async def get_mixture() -> dict[str, Any]:
        return {"structs": [Thing("1", moment)], "models": [Model(made_at=moment)]}

    with client_of(get_struct, get_model, get_mixture) as client:
        struct, model, mixture = (client.get(path).json() for path in ("/struct", "/model", "/mixture"))
    assert struct == {"id": "1", "made_at": "2026-11-20T10:15:00.123Z"}
    assert model == {"made_at": "2026-11-20T10:15:00.123Z", "parts": [1]}
    assert mixture == {"structs": [struct], "models": [model]}


def test_a_time_is_written_in_utc_and_one_without_a_zone_not_at_all() -> None:
    far_east = datetime(2026, 1, 1, 1, 0, tzinfo=timezone(timedelta(hours=9)))
    assert timestamp(far_east) == "2025-12-31T16:00:00.000Z"
    with pytest.raises(ValueError, match="zone"):
        timestamp(far_east.replace(tzinfo=None))


async def test_on_a_real_socket_limits_heads_and_broken_answers_behave_the_same() -> None:
    async def half() -> AsyncIterator[bytes]:
        yield b"the first half"
        raise RuntimeError("lost the store")

    @get("/half", opt=public())
    async def get_half() -> Stream:
        return Stream(half())

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1000

    json_body = {"Content-Type": "application/json"}
    app = app_of(get_thing, create_thing, get_half, max_body_bytes=2000)
    async with served(app) as address, httpx.AsyncClient(base_url=address, timeout=60) as client:
        head = await client.head("/v1/things/1")
        refused = await client.post("/v1/things", content=endless(), headers=json_body)
        created = await client.post("/v1/things", content=b'{"name":"a"}', headers=json_body)
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/half")
        after = await client.get("/v1/things/1")
    assert (head.status_code, head.content) == (200, b"")
    assert (refused.status_code, refused.json()["code"]) == (413, "too_large")
    assert (created.status_code, after.status_code) == (201, 200)
