"""A second factor and personal access tokens, as a person and a script meet them, in a running Coffer."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pyotp
import pytest

from coffer_auth.domain.mfa import step_of
from coffer_contracts.scopes import ADMIN_SCOPES, SCOPES
from factories import patient
from factories.people import PASSWORD, Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow

ABSENT = "0193439e-8a5c-7000-8000-00000000dead"
WITHIN_SECONDS = 30
METHODS = {"get", "post", "put", "patch", "delete", "head"}


def token_of(person: Person, *scopes: str) -> dict[str, Any]:
    """A fresh personal access token."""
    ends = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    answer = person.http.post("/v1/me/tokens", json={"name": "a script", "scopes": list(scopes), "expires_at": ends})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def code(secret: str, steps: int) -> str:
    """The code of the present step or of one beside it. Each is good once, and the one before soon too old: the story takes the
    present one and the one after.
    """
    return pyotp.TOTP(secret).generate_otp(step_of(datetime.now(UTC)) + steps)


def login(person: Person) -> httpx.Response:
    return person.http.post("/v1/auth/login", json={"login": person.name, "password": PASSWORD})


def test_signing_in_with_a_code_and_a_recovery_code_that_opens_once(ana: Person) -> None:
    secret = ana.http.post("/v1/me/mfa/totp", json={"password": PASSWORD}).json()["secret"]
    answer = ana.http.post("/v1/me/mfa/totp/confirm", json={"code": code(secret, 0)})
    assert answer.status_code == 200, answer.text
    recovery = answer.json()["recovery_codes"]

    def finish(**shown: str) -> httpx.Response:
        asked = login(ana)
        assert (asked.status_code, asked.json()["code"]) == (401, "mfa_required")
        waiting = asked.json()["mfa_token"]
        for path in ("/v1/me", "/v1/items/root/children", "/v1/shares/with-me", "/v1/notifications"):
            assert ana.http.get(path, headers=bearer(waiting)).status_code == 401, path
        return ana.http.post("/v1/auth/login/mfa", json={"mfa_token": waiting, **shown})

    done = finish(code=code(secret, 1))
    assert done.status_code == 200, done.text
    assert ana.http.get("/v1/items/root/children", headers=bearer(done.json()["access_token"])).status_code == 200
    assert finish(recovery_code=recovery[0]).status_code == 200
    again = finish(recovery_code=recovery[0])
    assert (again.status_code, again.json()["code"]) == (401, "mfa_invalid")


def test_a_token_lists_but_uploads_nothing_and_is_refused_everywhere_once_revoked(ana: Person) -> None:
    made = token_of(ana, "files:read")
    script = bearer(made["token"])
    assert ana.http.get("/v1/items/root/children", headers=script).status_code == 200
    upload = {"parent_id": "root", "name": "x.txt", "size": 3}
    refused = ana.http.post("/v1/uploads", json=upload, headers=script)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert ana.http.get("/v1/notifications", headers=script).status_code == 403
    assert ana.http.delete(f"/v1/me/tokens/{made['id']}", headers=script).status_code == 403
    assert ana.http.delete(f"/v1/me/tokens/{made['id']}").status_code == 204
    for path in ("/v1/items/root/children", "/v1/shares/with-me", "/v1/notifications", "/v1/me"):
        ana.wait_for(
            lambda path=path: {"status": ana.http.get(path, headers=script).status_code},  # type: ignore[misc]  # bound now
            lambda answer: answer["status"] == 401,
            within_seconds=WITHIN_SECONDS,
        )


@pytest.fixture(scope="module")
def operations(stack: LocalStack) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of every operation that is not public."""
    document = patient.get(f"{stack.url}/schema/openapi.json").json()
    return [
        (method.upper(), path, what)
        for path, item in document["paths"].items()
        for method, what in item.items()
        if method in METHODS and what["security"]
    ]


@pytest.fixture(scope="module")
def scripts(stack: LocalStack) -> dict[str, dict[str, str]]:
    """Scope -> what a token of that scope alone is shown as. Of an operator, who may have every scope."""
    boss = Person.at(stack.url)
    stack.run("coffer_auth", "grant-operator", boss.name)
    boss.sign_in()
    return {scope: bearer(token_of(boss, scope)["token"]) for scope in SCOPES}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_of_one_scope_reaches_what_the_document_says_and_no_more(
    stack: LocalStack,
    scripts: dict[str, dict[str, str]],
    operations: list[tuple[str, str, dict[str, Any]]],
    scope: str,
) -> None:
    """Requests are empty and about nothing, so none has an effect."""
    wrong, reached = [], 0
    with httpx.Client(base_url=stack.url, headers=scripts[scope], timeout=30) as http:
        for method, template, what in operations:
            path = re.sub(r"\{[^}]+\}", ABSENT, template)
            (demand,) = what["security"]
            admitted = "bearer" in demand and set(demand["bearer"]) <= {scope}
            with http.stream(method, path) as answer:
                refused = answer.status_code == 403
                code = (answer.read() and answer.json()["code"]) if refused and method != "HEAD" else None
            if admitted == (code in {"insufficient_scope", "forbidden"} or (refused and method == "HEAD")):
                wrong.append((method, path, answer.status_code, code))
            reached += admitted
    assert wrong == []
    assert reached > (0 if scope in {"webhooks:write", "shares:write", "account:write"} else 2)


def test_scopes_for_operators_are_worth_nothing_without_the_role(stack: LocalStack) -> None:
    person = Person.at(stack.url)
    ends = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for scope in ADMIN_SCOPES:
        answer = person.http.post("/v1/me/tokens", json={"name": "x", "scopes": [scope], "expires_at": ends})
        assert answer.status_code == 422, answer.text
