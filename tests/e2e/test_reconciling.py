"""An operator has the bucket of a running system held against its store."""

from typing import Any

import pytest

from factories import images
from factories.people import Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow


def test_a_running_system_agrees_with_its_bucket(stack: LocalStack) -> None:
    ana, operator = Person.at(stack.url), Person.at(stack.url)
    ana.upload("kept.jpg", images.jpeg(64, 48), mime_type="image/jpeg")
    stack.run("coffer_auth", "grant-operator", operator.name)
    operator.sign_in()
    # There is one at a time, and others ask for theirs.
    asked = operator.wait_for(
        lambda: {"answer": operator.http.post("/v1/admin/files/reconcile", json={"grace_hours": 0})},
        lambda told: told["answer"].status_code != 409,
        within_seconds=60,
    )["answer"]
    assert asked.status_code == 202, asked.text
    at = asked.headers["location"]
    report: dict[str, Any] = operator.wait_for(
        lambda: operator.get(at), lambda run: bool(run["finished_at"]), within_seconds=60
    )
    assert (report["state"], report["missing"], report["mismatched"]) == ("finished", [], [])
    assert report["counts"]["sound"] > 0
    assert ana.http.get(at).status_code == 403
