"""The one document of all routes: valid, up to our rules, true to what is served."""

import pytest
from openapi_spec_validator import validate

from coffer_chassis.openapi import lint
from coffer_local.openapi_document import document
from factories import patient
from factories.people import Person
from factories.stacks import LocalStack


@pytest.mark.slow
def test_the_merged_document_is_valid_openapi_and_passes_its_lint() -> None:
    merged = document()
    validate(merged)
    assert merged["openapi"].startswith("3.1")
    assert lint(merged) == []


@pytest.mark.slow
def test_the_running_gateway_serves_the_document_of_its_routes(stack: LocalStack) -> None:
    answer = patient.get(f"{stack.url}/schema/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == document()


@pytest.mark.slow
def test_the_running_gateway_serves_the_document_of_the_events_and_says_where(stack: LocalStack) -> None:
    address = patient.get(stack.url).json()["asyncapi"]
    answer = patient.get(f"{stack.url}{address}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    told = answer.json()
    listed = patient.get(f"{stack.url}/v1/events/types").json()["items"]
    assert list(told["components"]["messages"]) == [one["type"] for one in listed]
    assert patient.get(f"{stack.url}{listed[0]['schema_url']}").json()["$id"].endswith(f"/{listed[0]['type']}.json")


@pytest.mark.slow
def test_the_reference_page_needs_nothing_from_elsewhere(stack: LocalStack) -> None:
    page = patient.get(f"{stack.url}/docs")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http:" not in policy
    assert "https:" not in policy
    script = page.text.partition('src="')[2].partition('"')[0]
    assert patient.get(stack.url + script).headers["content-type"].startswith("text/javascript")


@pytest.mark.slow
def test_every_problem_links_to_a_page_that_explains_it(stack: LocalStack) -> None:
    problem = patient.get(f"{stack.url}/v1/me").json()
    page = patient.get(problem["type"].replace("localhost", "127.0.0.1"))
    assert page.status_code == 200
    assert problem["title"] in page.text


@pytest.mark.slow
def test_metrics_are_not_public(stack: LocalStack) -> None:
    assert patient.get(f"{stack.url}/metrics").status_code == 404
    internal = stack.said().partition("Metrics: ")[2].partition(" ")[0].rstrip(".")
    told = patient.get(internal).text
    assert "coffer_http_requests_total" in told
    assert "coffer_outbox_unsent" in told


@pytest.mark.slow
def test_the_parts_report_their_health(stack: LocalStack) -> None:
    ready = Person.wait_for(
        lambda: patient.get(f"{stack.url}/readyz").json(), lambda told: told["status"] == "ready", within_seconds=60
    )
    assert {check["name"] for check in ready["checks"]} == {
        "auth.store",
        "auth.queues",
        "files.store",
        "files.queues",
        "media-worker.store",
        "media-worker.queues",
        "sharing.store",
        "sharing.queues",
        "notifier.store",
        "notifier.queues",
    }
    Person.wait_for(
        lambda: patient.get(f"{stack.url}/health").json(), lambda told: told == {"status": "healthy"}, within_seconds=60
    )
    assert patient.get(f"{stack.url}/livez").json() == {"status": "alive"}


@pytest.mark.slow
def test_the_document_says_where_a_change_can_be_guarded() -> None:
    paths = document()["paths"]
    guarded = {
        (method, path): parameter["name"]
        for path, item in paths.items()
        for method, operation in item.items()
        for parameter in operation.get("parameters", ())
        if parameter["name"].startswith("If-")
    }
    assert guarded[("get", "/v1/items/{item}")] == "If-None-Match"
    assert guarded[("patch", "/v1/items/{item}")] == "If-Match"
    assert guarded[("delete", "/v1/items/{item}")] == "If-Match"
