"""Nobody reaches a route that does not say who may, and nobody else reaches it."""

from typing import Any

import pytest
from litestar import Controller, Router, get, post, websocket
from litestar.connection import WebSocket
from litestar.di import NamedDependency
from litestar.params import JSONBody

from coffer_chassis.access_rules import (
    AccessRule,
    Caller,
    any_token,
    internal,
    operator,
    public,
    session_only,
    user,
)
from coffer_chassis.answers import Body
from coffer_chassis.bearer import bearer_token
from coffer_contracts.problems import Unauthenticated
from factories.http import CALLERS, app_of, client_of, signed


@get("/public", opt=public())
async def get_public() -> str:
    return "public"


@get("/files", opt=user("files:read"))
async def get_files(principal: NamedDependency[Any]) -> str:
    return str(principal.kind)


@get("/items", opt=user("files:read", links=True))
async def get_items() -> str:
    return "items"


@get("/admin", opt=operator())
async def get_admin() -> str:
    return "admin"


@post("/act", opt=operator())
async def post_admin() -> str:
    return "done"


@get("/mine", opt=session_only())
async def get_mine() -> str:
    return "mine"


@get("/self", opt=any_token())
async def get_self() -> str:
    return "self"


@get("/undeclared")
async def get_undeclared() -> str:
    return "never"


@get("/hidden", opt=internal())
async def get_hidden() -> str:
    return "internal"


def test_an_app_with_an_undeclared_route_is_not_built() -> None:
    with pytest.raises(TypeError, match=r"/undeclared"):
        app_of(get_public, get_undeclared)


def test_an_app_with_a_route_that_cannot_be_gated_is_not_built() -> None:
    @websocket("/socket", opt=public())
    async def open_socket(socket: WebSocket[Any, Any, Any]) -> None: ...

    with pytest.raises(TypeError, match=r"/socket"):
        app_of(open_socket)


def test_something_else_under_the_same_key_is_no_declaration() -> None:
    @get("/fake", opt={"access": "public"})
    async def get_fake() -> str:
        return "never"

    with pytest.raises(TypeError, match=r"/fake"):
        app_of(get_fake)


def test_an_internal_route_lives_only_in_an_internal_app() -> None:
    with pytest.raises(TypeError, match=r"/hidden.*internal route in a public app"):
        app_of(get_hidden)
    with client_of(get_hidden, internal=True) as client:
        assert client.get("/hidden").text == "internal"


def test_a_controller_and_a_router_declare_for_their_handlers() -> None:
    class Things(Controller):
        path = "/things"
        opt = user("files:read")

        @get()
        async def list_things(self) -> str:
            return "things"

    router = Router("/v9", route_handlers=[get("/x")(_plain)], opt=operator())
    with client_of(Things, router) as client:
        assert client.get("/things").status_code == 401
        assert client.get("/things", headers=signed()).status_code == 200
        assert client.get("/v9/x", headers=signed()).status_code == 403


async def _plain() -> str:
    return "x"


@pytest.mark.parametrize(
    ("path", "admitted"),
    [
        ("/files", {"alice", "token-read", "operator", "alice-operator"}),
        ("/items", {"alice", "token-read", "link", "operator", "alice-operator"}),
        ("/admin", {"operator", "alice-operator", "token-admin-read", "token-admin-write"}),
        ("/act", {"operator", "alice-operator", "token-admin-write"}),
        ("/mine", {"alice", "alice-operator"}),
        ("/self", set(CALLERS) - {"link"}),
        ("/public", set(CALLERS)),
    ],
)
def test_each_rule_admits_exactly_those_it_names(path: str, admitted: set[str]) -> None:
    with client_of(get_public, get_files, get_items, get_admin, post_admin, get_mine, get_self) as client:
        ask = client.post if path == "/act" else client.get
        found = {name for name in CALLERS if ask(path, headers=signed(name)).is_success}
    assert found == admitted


def test_the_lacking_scope_is_named_in_body_and_challenge() -> None:
    with client_of(get_files) as client:
        answer = client.get("/files", headers=signed("token-bare"))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert answer.json()["required_scopes"] == ["files:read"]
    assert 'scope="files:read"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        (None, 401, "unauthenticated"),
        ("", 401, "unauthenticated"),
        ("Bearer", 401, "unauthenticated"),
        ("Bearer ", 401, "unauthenticated"),
        ("Basic YWxpY2U6cHc=", 401, "unauthenticated"),
        ("alice", 401, "unauthenticated"),
        ("Bearer mallory", 401, "unauthenticated"),
        ("Bearer expired", 401, "token_expired"),
        ("Bearer no-keys", 503, "unavailable"),
        ("bearer alice", 200, None),
        ("BEARER alice", 200, None),
    ],
)
def test_only_a_genuine_bearer_token_opens_the_gate(header: str | None, status: int, code: str | None) -> None:
    with client_of(get_items) as client:
        answer = client.get("/items", headers={"Authorization": header} if header is not None else {})
    assert answer.status_code == status
    if code:
        assert answer.json()["code"] == code
        assert ("www-authenticate" in answer.headers) == (status == 401)


def test_two_authorization_headers_are_refused() -> None:
    with pytest.raises(Unauthenticated):
        bearer_token([(b"authorization", b"Bearer alice"), (b"authorization", b"Bearer mallory")])


def test_a_token_in_the_address_is_no_token() -> None:
    with client_of(get_items) as client:
        assert client.get("/items?access_token=alice&token=alice").status_code == 401


def test_without_a_verifier_nobody_is_signed_in() -> None:
    with client_of(get_items, get_public, verifier=None) as client:
        assert client.get("/items", headers=signed()).status_code == 401
        assert client.get("/public").status_code == 200


def test_the_gate_stands_before_the_body_is_read() -> None:
    class Note(Body):
        text: str

    @post("/notes", opt=user("files:write"))
    async def create_note(data: JSONBody[Note]) -> str:
        return data.text

    with client_of(create_note, max_body_bytes=100) as client:
        for body in (b"{broken", b"x" * 1000):
            answer = client.post("/notes", content=body, headers={"Content-Type": "application/json"})
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_a_handler_cannot_switch_the_gate_off() -> None:
    async def before(_request: object) -> str:
        return "sneaked in"

    @get("/hooked", opt=user(), before_request=before)
    async def get_hooked() -> str:
        return "x"

    with client_of(get_hooked) as client:
        assert client.get("/hooked").status_code == 401


def test_asking_for_the_options_of_a_closed_route_needs_no_token_and_shows_only_methods() -> None:
    with client_of(get_admin) as client:
        answer = client.options("/admin")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == "GET, OPTIONS"


def test_a_public_route_cannot_ask_for_a_principal_nobody_verified() -> None:
    @get("/curious", opt=public())
    async def get_curious(principal: NamedDependency[Any]) -> str:
        return str(principal)

    with client_of(get_curious) as client:
        assert client.get("/curious", headers=signed()).status_code == 401


def test_a_rule_is_a_plain_value() -> None:
    caller: Caller = CALLERS["alice"]
    AccessRule("user", ("files:write",)).admit(caller)
    assert user("a") == {"access": AccessRule("user", ("a",))}
