"""Signing out ends a session everywhere: the services that verify tokens by themselves hear of it."""

from typing import Any

import httpx
import pytest

from factories.people import Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow

WITHIN_SECONDS = 30
"""Far more than an event takes, far less than the ten minutes that a token lives."""


def asked(person: Person, token: str) -> httpx.Response:
    """What files answers to the token."""
    return person.http.get("/v1/items/root/children", headers={"Authorization": f"Bearer {token}"})


def refused(person: Person, token: str) -> dict[str, Any]:
    """The problem that files answers with, as soon as it refuses the token."""
    return person.wait_for(
        lambda: asked(person, token).json(), lambda answer: answer.get("status") == 401, within_seconds=WITHIN_SECONDS
    )


def test_a_token_is_refused_by_files_after_its_session_was_signed_out(ana: Person) -> None:
    laptop = ana.tokens["access_token"]
    ana.sign_in()
    phone = ana.tokens["access_token"]
    assert [asked(ana, token).status_code for token in (laptop, phone)] == [200, 200]
    answer = ana.http.post("/v1/auth/logout", json={}, headers={"Authorization": f"Bearer {laptop}"})
    assert answer.status_code in {200, 204}, answer.text
    assert refused(ana, laptop)["code"] == "unauthenticated"
    assert asked(ana, phone).status_code == 200


def test_signing_out_everywhere_ends_every_session_of_the_person_and_of_nobody_else(stack: LocalStack, ana: Person) -> None:
    ben = Person.at(stack.url)
    tokens = [ana.tokens["access_token"]]
    ana.sign_in()
    tokens.append(ana.tokens["access_token"])
    assert [asked(ana, token).status_code for token in tokens] == [200, 200]
    assert ana.http.post("/v1/auth/logout", json={"all": True}).status_code in {200, 204}
    for token in tokens:
        assert refused(ana, token)["code"] == "unauthenticated"
    assert ben.children() == []


def test_a_token_stays_refused_after_a_restart(stack: LocalStack, ana: Person) -> None:
    token = ana.tokens["access_token"]
    assert asked(ana, token).status_code == 200
    assert ana.http.post("/v1/auth/logout", json={}).status_code in {200, 204}
    refused(ana, token)
    stack.stop()
    stack.start()
    answer = asked(ana, token)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    ana.sign_in()
    assert ana.children() == []
