"""The published document says what the routes of files refuse, so that nobody learns of a 409 by getting one."""

from typing import Any

import pytest

from coffer_local.openapi_document import document
from coffer_notifier.domain.outside import OFFERED


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    return document()


@pytest.mark.parametrize(
    ("method", "path", "codes"),
    [
        ("post", "/v1/folders", {"not_found", "name_conflict", "name_invalid", "idempotency_key_reuse"}),
        ("get", "/v1/items/{item}/children", {"cursor_invalid", "kind_conflict"}),
        ("patch", "/v1/items/{item}", {"cycle", "name_conflict", "precondition_failed", "state_conflict"}),
        ("delete", "/v1/items/{item}", {"precondition_failed", "state_conflict"}),
        ("get", "/v1/items/{item}/content", {"kind_conflict"}),
        ("get", "/v1/items/{item}/preview", {"preview_unavailable"}),
        ("post", "/v1/uploads", {"quota_exceeded", "too_large", "name_conflict", "not_found"}),
        ("post", "/v1/uploads/{upload}/complete", {"upload_incomplete", "upload_expired", "malware_detected"}),
        ("post", "/v1/uploads/{upload}/retry", {"size_mismatch", "state_conflict"}),
        ("patch", "/v1/uploads/{upload}", {"name_conflict", "state_conflict", "quota_exceeded"}),
        ("post", "/v1/trash/{item}/restore", {"name_conflict"}),
        ("get", "/v1/changes", {"cursor_invalid", "cursor_expired"}),
        ("get", "/v1/me", {"unavailable"}),
    ],
)
def test_a_route_tells_its_refusals(published: dict[str, Any], method: str, path: str, codes: set[str]) -> None:
    told: set[str] = set()
    for answer in published["paths"][path][method]["responses"].values():
        name = answer.get("$ref", "").rpartition("/")[2]
        content = published["components"]["responses"].get(name, {}).get("content", {})
        told |= set(content.get("application/problem+json", {}).get("examples", {}))
    assert codes <= told


@pytest.mark.slow
def test_no_parameter_of_an_address_is_said_to_be_null() -> None:
    operations = [operation for item in document()["paths"].values() for operation in item.values()]
    schemas = [parameter["schema"] for operation in operations for parameter in operation.get("parameters", ())]
    assert len(schemas) > 40
    assert not [schema for schema in schemas if {"type": "null"} in schema.get("oneOf", schema.get("anyOf", ()))]


def test_what_webhooks_are_sent_stands_in_it_with_headers_body_and_what_answers_do(published: dict[str, Any]) -> None:
    assert list(published["webhooks"]) == sorted(OFFERED)
    operation = published["webhooks"]["files.item.committed.v1"]["post"]
    headers = [published["components"]["parameters"][given["$ref"].rpartition("/")[2]] for given in operation["parameters"]]
    named = {header["name"] for header in headers if header["required"] and header["in"] == "header"}
    assert named == {"webhook-id", "webhook-timestamp", "webhook-signature", "traceparent"}
    assert {"2XX", "410", "default"} == set(operation["responses"])
    assert operation["security"] == []
    answered = {one["operationId"] for item in published["paths"].values() for one in item.values()}
    assert not answered & {item["post"]["operationId"] for item in published["webhooks"].values()}
