"""A stranger walks every route of the running system: without a token, with a false one, and with somebody else's."""

from typing import Any

import pytest

from factories import images, patient
from factories.people import Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow

ABSENT = "0193439e-8a5c-7000-8000-00000000dead"
FORGED = (
    "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJpc3MiOiJjb2ZmZXItYXV0aCIsInN1YiI6ImEiLCJhdWQiOiJjb2ZmZXIiLCJleHAiOjQxMDI0NDQ4MDB9."
)

PUBLIC = {
    "get_information",
    "get_key_set",
    "register_account",
    "sign_in",
    "sign_in_with_code",
    "refresh_session",
    "create_user",
    "login_with_form",
    "list_oidc_issuers",
    "exchange_id_token",
    "list_event_types",
    "get_event_type",
    "get_event_schema",
    "verify_email",  # whoever reads the mailbox
    "forgot_password",
    "reset_password",  # whoever reads the mailbox
    "show_unsubscribe_page",  # whoever reads the mailbox: mail programs send no token
    "stop_mail",
    "get_archive",  # by the ticket in its address, which opens one archive once: browsers fetch it without a header
    "get_link_key_set",
    "view_link",  # whoever has its address
    "unlock_link",  # the same, and who knows its password
    "sign_out_browser",  # by its cookie, which is all that a page has that was just opened
}
"""Who may come without a token. A route that joins this list needs a reason."""


def operations(stack: LocalStack) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path template and description of every operation of the one document."""
    document = patient.get(f"{stack.url}/schema/openapi.json").json()
    return [
        (method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in {"get", "post", "put", "patch", "delete", "head"}
    ]


def filled(path: str, value: str) -> str:
    """The path template with every parameter replaced."""
    while "{" in path:
        path = path[: path.index("{")] + value + path[path.index("}") + 1 :]
    return path


def test_only_the_listed_routes_are_public(stack: LocalStack) -> None:
    public = {operation["operationId"] for _, _, operation in operations(stack) if not operation["security"]}
    assert public == PUBLIC


@pytest.mark.parametrize("authorization", [None, "Bearer junk", f"Bearer {FORGED}", "Basic YW5hOnBhc3M="])
def test_no_other_route_answers_a_stranger(stack: LocalStack, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    asked = 0
    with patient.Client(base_url=stack.url, headers=headers) as stranger:
        for method, path, operation in operations(stack):
            if operation["operationId"] in PUBLIC:
                continue
            asked += 1
            answer = stranger.request(method, filled(path, ABSENT))
            assert answer.status_code == 401, f"{method} {path}: {answer.status_code}"
            assert answer.headers["www-authenticate"].startswith("Bearer")
            if method != "HEAD":
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["code"] in {"unauthenticated", "token_expired"}
    assert asked > 20


def test_somebody_elses_things_and_absent_things_look_the_same_on_every_route(stack: LocalStack) -> None:
    ana, mallory = Person.at(stack.url), Person.at(stack.url)
    folder = ana.folder("secret")
    upload = ana.upload("secret.jpg", images.jpeg(320, 240), parent=folder["id"], mime_type="image/jpeg")
    hers = {"item": upload["item_id"], "upload": upload["id"]}
    walked = 0
    for method, path, operation in operations(stack):
        names = [part.strip("{}") for part in path.split("/") if part.startswith("{")]
        if len(names) != 1 or names[0] not in hers or operation["operationId"] in PUBLIC:
            continue
        walked += 1
        body = {"json": _least(operation)} if method in {"POST", "PATCH", "PUT"} else {}
        answers = [
            mallory.http.request(method, filled(path, value), follow_redirects=False, **body)
            for value in (hers[names[0]], ABSENT)
        ]
        refused = 403 if path.startswith("/v1/admin/") else 404
        assert [answer.status_code for answer in answers] == [refused, refused], f"{method} {path}: {answers[0].text}"
        if method != "HEAD":
            told = [{key: value for key, value in answer.json().items() if key not in CHANGING} for answer in answers]
            assert told[0] == told[1], f"{method} {path}"
    assert walked > 8
    assert [item["id"] for item in ana.children(folder["id"])] == [upload["item_id"]]


CHANGING = {"instance", "request_id", "trace_id"}


def _least(operation: dict[str, Any]) -> Any:
    """A body that the route takes: its own example."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if "example" in content:
        return content["example"]
    return next(iter(content.get("examples", {"none": {"value": {}}}).values()))["value"]


def test_paths_that_nobody_owns_are_not_found_as_problems(stack: LocalStack) -> None:
    for path in ("/v1", "/v1/nothing", "/v2/items", "/v1/itemsx", "/metrics", "/v1/linksx", "/_ministack/health", "/.env"):
        answer = patient.get(stack.url + path)
        assert answer.status_code == 404, path
        assert answer.json()["code"] == "not_found"


def test_every_answer_carries_a_request_id_and_takes_the_clients_own(stack: LocalStack) -> None:
    answer = patient.get(f"{stack.url}/v1/me", headers={"X-Request-Id": "trace-me-12345"})
    assert answer.headers["x-request-id"] == "trace-me-12345"
    assert answer.json()["request_id"] == "trace-me-12345"
    assert len(patient.get(f"{stack.url}/livez").headers["x-request-id"]) == 36
