"""The documentation pages: whole, offline, and closed to every other origin."""

import gzip
import re
from hashlib import sha256

import pytest

from coffer_chassis.docs_ui import PAGE_POLICY, RAPIDOC_PATH, RAPIDOC_SHA256, VIEWER_POLICY, docs_page, docs_routes, rapidoc
from coffer_contracts.problems import Problem, all_problems
from factories.http import client_of
from factories.rows import for_every


def test_the_vendored_viewer_is_the_one_that_was_reviewed() -> None:
    assert sha256(rapidoc(compressed=False)).hexdigest() == RAPIDOC_SHA256
    assert len(rapidoc(compressed=False)) < 1_048_576


def test_the_page_loads_nothing_from_elsewhere() -> None:
    assert set(re.findall(r'(?:src|href|spec-url)="([^"]*)"', docs_page())) == {
        RAPIDOC_PATH,
        "/schema/openapi.json",
        "data:,",
    }
    assert "http" not in re.sub(r"<!doctype.*?>", "", docs_page())


@pytest.mark.parametrize("policy", [VIEWER_POLICY, PAGE_POLICY])
def test_the_policy_names_no_other_origin_and_allows_no_foreign_script(policy: str) -> None:
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert "'unsafe-inline'" not in directives.get("script-src", "")
    assert "'unsafe-eval'" not in policy
    assert "http" not in policy


def test_page_and_viewer_are_served_with_their_policies_and_lifetimes() -> None:
    with client_of(*docs_routes()) as client:
        page = client.get("/docs")
        viewer = client.get(RAPIDOC_PATH)
        plain = client.get(RAPIDOC_PATH, headers={"Accept-Encoding": "identity"})
    assert page.headers["content-security-policy"] == VIEWER_POLICY
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert viewer.headers["content-encoding"] == "gzip"
    assert viewer.content == plain.content == gzip.decompress(rapidoc(compressed=True))
    assert "immutable" in viewer.headers["cache-control"]
    assert viewer.headers["content-type"].startswith("text/javascript")


@pytest.mark.slow
@for_every("kind", all_problems(), ids=lambda kind: kind.code)
def test_the_type_address_of_every_problem_leads_to_a_page_about_it(kind: type[Problem]) -> None:
    with client_of(*docs_routes()) as client:
        answer = client.get(f"/docs/problems/{kind.code.replace('_', '-')}")
    assert answer.status_code == 200
    assert kind.code in answer.text
    assert str(kind.status) in answer.text


def test_the_list_of_problems_names_each_and_an_unknown_one_is_not_found() -> None:
    with client_of(*docs_routes()) as client:
        listed = client.get("/docs/problems").text
        unknown = client.get("/docs/problems/%3Cscript%3E")
    assert all(kind.code in listed for kind in all_problems())
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert "<script>" not in unknown.text


def test_a_title_cannot_break_out_of_the_page() -> None:
    assert "<b>" not in docs_page(title="<b>", schema_path='"><b>')
