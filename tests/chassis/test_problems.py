"""How every refusal looks on the wire (RFC 9457), and where pointers point (RFC 6901)."""

import io
import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from litestar import get, post
from litestar.exceptions import HTTPException, TooManyRequestsException
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, PathParameter, QueryParameter
from pydantic import BaseModel, Field

from coffer_chassis import logs
from coffer_chassis.access_rules import public
from coffer_chassis.answers import Body
from coffer_chassis.input_errors import pointer
from coffer_chassis.problems import document
from coffer_contracts.problems import (
    Internal,
    MfaRequired,
    NameConflict,
    NotFound,
    Problem,
    RateLimited,
    TokenExpired,
    Unauthenticated,
    Unavailable,
    all_problems,
)
from factories.http import client_of

REQUEST_ID = "0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11"
JSON = {"Content-Type": "application/json"}


class FilePart(BaseModel):
    kind: Literal["file"]
    size: int


class FolderPart(BaseModel):
    kind: Literal["folder"]
    depth: int


class NewThing(Body):
    name: str = Field(max_length=5)
    tags: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)
    part: Annotated[FilePart | FolderPart, Field(discriminator="kind")] | None = None
    about: dict[str, int] = Field(default_factory=dict)


class NewStruct(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    sizes: list[int] = []


@post("/things", opt=public())
async def create_thing(data: JSONBody[NewThing]) -> None: ...


@post("/structs", opt=public())
async def create_struct(data: JSONBody[NewStruct]) -> None: ...


@get("/things", opt=public())
async def list_things(
    limit: Annotated[int, QueryParameter(ge=1)] = 1,
    kind: FromQuery[Literal["file", "folder"] | None] = None,
    depth: Annotated[int, HeaderParameter(name="Depth")] = 0,
) -> None: ...


@get("/things/{thing_id:uuid}", opt=public())
async def get_thing(thing_id: FromPath[UUID]) -> None: ...


@get("/items/{item_id:str}", opt=public())
async def get_item(item_id: Annotated[str, PathParameter(pattern="^(root|[0-9a-f-]{36})$")]) -> None: ...


def raising(error: Exception) -> Any:
    @get("/raise", opt=public())
    async def get_raise() -> None:
        raise error

    return get_raise


def made(kind: type[Problem]) -> Problem:
    example: dict[str, Any] = dict(kind.example)
    return kind("this time", **example)


def asked(path: str, *handlers: Any, method: str = "GET", **options: Any) -> Any:
    with client_of(*handlers) as client:
        return client.request(method, path, **options)


def refused_body(body: Any, handler: Any = create_thing) -> dict[str, Any]:
    with client_of(handler) as client:
        answer = client.post(handler.paths.copy().pop(), content=json.dumps(body), headers=JSON)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    return {error["pointer"]: error["code"] for error in answer.json()["errors"]}


@pytest.mark.slow
@pytest.mark.parametrize("kind", all_problems(), ids=lambda kind: kind.code)
def test_every_problem_answers_with_its_constants(kind: type[Problem]) -> None:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    answer = asked("/raise", raising(made(kind)), headers={"X-Request-Id": REQUEST_ID, "traceparent": parent})
    assert answer.status_code == kind.status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": f"https://coffer.test/docs/problems/{kind.code.replace('_', '-')}",
        "title": kind.title,
        "status": kind.status,
        "code": kind.code,
        "detail": "this time",
        "instance": f"urn:uuid:{REQUEST_ID}",
        "request_id": REQUEST_ID,
        "trace_id": parent[3:35],
        **kind.example,
    }


def test_a_trace_is_named_also_where_the_caller_named_none() -> None:
    assert len(asked("/raise", raising(NotFound())).json()["trace_id"]) == 32


def test_an_unexpected_failure_tells_the_world_nothing_and_the_log_everything() -> None:
    stream = io.StringIO()
    before = structlog.get_config()
    logs.configure(stream=stream, console=False, cached=False)
    try:
        answer = asked("/raise", raising(RuntimeError("table users is gone")), headers={"X-Request-Id": REQUEST_ID})
    finally:
        structlog.configure(**before)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "users" not in answer.text
    assert "RuntimeError" not in answer.text
    [line] = [line for line in map(json.loads, stream.getvalue().splitlines()) if line["event"] == "request_failed"]
    assert line["request_id"] == REQUEST_ID
    assert "table users is gone" in line["exception"]


def test_routing_failures_are_problems() -> None:
    missing = asked("/nowhere", create_thing)
    method = asked("/things", create_thing, method="PUT")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert (method.status_code, method.json()["code"]) == (405, "method_not_allowed")
    assert {name.strip() for name in method.headers["allow"].split(",")} == {"POST", "OPTIONS"}


@pytest.mark.parametrize("body", [b"{", b'{"name": }', b"\xff\xfe", b'{"name": "\\ud800"}', b"[" * 100_000])
def test_json_that_cannot_be_read_is_a_malformed_request(body: bytes) -> None:
    answer = asked("/things", create_thing, method="POST", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_body_of_another_media_type_is_refused(media_type: str) -> None:
    answer = asked("/things", create_thing, method="POST", content=b'{"name":"a"}', headers={"Content-Type": media_type})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert answer.json()["supported"] == ["application/json"]


@pytest.mark.parametrize("media_type", ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"])
def test_json_by_any_of_its_names_is_read(media_type: str) -> None:
    answer = asked("/things", create_thing, method="POST", content=b'{"name":"a"}', headers={"Content-Type": media_type})
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, {"/name": "required"}),
        ({"name": "toolong"}, {"/name": "too_long"}),
        ({"name": "a", "unknown": 1}, {"/unknown": "unknown_field"}),
        ({"name": "a", "tags": ["ok", ""]}, {"/tags/1": "too_short"}),
        ({"name": "a", "a/b~c": 1}, {"/a~1b~0c": "unknown_field"}),
        ({"name": "a", "about": {"x/y": "no"}}, {"/about/x~1y": "int_parsing"}),
        ({"name": "a", "part": {"kind": "file"}}, {"/part/size": "required"}),
        ({"name": "a", "part": {"kind": "ghost"}}, {"/part": "union_tag_invalid"}),
        ({"name": 5, "tags": "x"}, {"/name": "string_type", "/tags": "list_type"}),
        ([], {"": "model_type"}),
        (None, {"": "model_type"}),
        ({"name": "a\x00"}, {"/name": "nul_character"}),
        ({"name": "a", "about": {"\x00": 1}}, {"/about": "nul_character"}),
    ],
)
def test_a_pydantic_body_is_refused_field_by_field(body: Any, found: dict[str, str]) -> None:
    assert refused_body(body) == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, {"/name": "required"}),
        ({"name": "a", "unknown": 1}, {"/unknown": "unknown_field"}),
        ({"name": 5}, {"/name": "wrong_type"}),
        ({"name": "a", "sizes": [1, "x"]}, {"/sizes/1": "wrong_type"}),
        ([], {"": "wrong_type"}),
    ],
)
def test_a_struct_body_is_refused_field_by_field(body: Any, found: dict[str, str]) -> None:
    assert refused_body(body, create_struct) == found


def test_an_absent_body_is_told_as_such() -> None:
    answer = asked("/things", create_thing, method="POST", headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "", "code": "required", "detail": "a body is required", "in": "body"}]


def test_the_input_itself_is_never_quoted_back() -> None:
    answer = asked("/things", create_thing, method="POST", content=b'{"name":"hunter2secret"}', headers=JSON)
    assert "hunter2secret" not in answer.text


def test_a_thousand_errors_are_cut_to_a_readable_number() -> None:
    answer = asked("/things", create_thing, method="POST", json={"name": "a", "tags": [""] * 1000})
    assert len(answer.json()["errors"]) == 50


@pytest.mark.parametrize(
    ("query", "headers", "error"),
    [
        ("limit=0", {}, ("/limit", "query")),
        ("limit=x", {}, ("/limit", "query")),
        ("kind=ghost", {}, ("/kind", "query")),
        ("", {"Depth": "deep"}, ("/depth", "header")),
    ],
)
def test_parameters_are_refused_with_the_place_they_stand_in(query: str, headers: dict[str, str], error: Any) -> None:
    answer = asked(f"/things?{query}", list_things, headers=headers)
    assert answer.status_code == 422
    [found] = answer.json()["errors"]
    assert (found["pointer"], found["in"]) == error


@pytest.mark.parametrize("path", ["/things/nonsense", "/things/0198c2f4", "/items/nonsense", "/items/%00", "/items/..%2f"])
def test_an_id_that_cannot_exist_is_not_found(path: str) -> None:
    answer = asked(path, get_thing, get_item)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "errors" not in answer.json()


def test_who_is_not_signed_in_is_challenged() -> None:
    assert asked("/raise", raising(Unauthenticated())).headers["www-authenticate"] == 'Bearer realm="coffer"'
    assert 'error="invalid_token"' in asked("/raise", raising(TokenExpired())).headers["www-authenticate"]
    assert asked("/raise", raising(MfaRequired(mfa_token="t"))).json()["mfa_token"] == "t"


@pytest.mark.parametrize("kind", [RateLimited, Unavailable])
def test_a_wait_stands_in_header_and_body(kind: type[Problem]) -> None:
    answer = asked("/raise", raising(kind("slow down", retry_after_seconds=7)))
    assert answer.headers["retry-after"] == "7"
    assert answer.json()["retry_after_seconds"] == 7


def test_what_litestar_raises_by_itself_keeps_its_headers() -> None:
    answer = asked("/raise", raising(TooManyRequestsException(headers={"Retry-After": "3"})))
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (429, "rate_limited", "3")


def test_a_status_nobody_promised_is_an_internal_failure() -> None:
    answer = asked("/raise", raising(HTTPException("odd", status_code=418)))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")


def test_inside_a_batch_a_problem_names_no_request() -> None:
    members = document(NameConflict(suggested_name="b"), base="https://coffer.test/docs/")
    assert "instance" not in members
    assert members["type"] == "https://coffer.test/docs/problems/name-conflict"
    assert members["suggested_name"] == "b"


def test_a_problem_without_a_detail_speaks_its_title() -> None:
    assert asked("/raise", raising(Internal())).json()["detail"] == Internal.title


def resolve(whole: Any, path: str) -> Any:
    """RFC 6901 section 4, written down once more to check the writer against."""
    here = whole
    for token in path.split("/")[1:]:
        step = token.replace("~1", "/").replace("~0", "~")
        here = here[int(step)] if isinstance(here, list) else here[step]
    return here


@st.composite
def places(draw: st.DrawFn) -> tuple[Any, list[str | int]]:
    """A nested document and a path that leads to its marker."""
    value: Any = "marker"
    steps: list[str | int] = []
    for step in draw(st.lists(st.one_of(st.text(max_size=4), st.integers(0, 3)), max_size=5)):
        value = {step: value} if isinstance(step, str) else [None] * step + [value]
        steps.insert(0, step)
    return value, steps


@given(places())
def test_pointers_lead_to_what_they_were_made_for(place: tuple[Any, list[str | int]]) -> None:
    whole, steps = place
    assert resolve(whole, pointer(steps)) == "marker"


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = structlog.get_config()
    logs.configure(stream=io.StringIO(), console=False, cached=False)
    yield
    structlog.configure(**before)
