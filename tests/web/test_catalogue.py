"""Everybody reads which events Coffer publishes, in an account or without one, from what the server itself serves."""

import json
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from factories.axe import violations
from factories.browsers import PATIENCE_MS, PHONE, WIDE, Visitor
from factories.people import Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow

expect.set_options(timeout=PATIENCE_MS)

TYPE = "files.item.committed.v1"


def test_whoever_has_no_account_finds_every_type_that_is_served(visitor: Visitor, stack: LocalStack) -> None:
    served = [one["type"] for one in httpx.get(f"{stack.url}/v1/events/types").json()["items"]]
    visitor.goes("/app/events")
    expect(visitor.page.get_by_role("heading", name="Catalogue of events", level=1)).to_be_visible()
    expect(visitor.page.locator(".types li")).to_have_count(len(served))
    assert sorted(visitor.page.locator(".types a").all_inner_texts()) == sorted(served)
    expect(visitor.page.get_by_role("link", name="Sign in")).to_be_visible()


def test_a_type_is_found_by_word_and_by_who_may_be_told(visitor: Visitor, stack: LocalStack) -> None:
    served = httpx.get(f"{stack.url}/v1/events/types").json()["items"]
    visitor.goes("/app/events")
    visitor.page.get_by_role("button", name="Only what webhooks are told").click()
    expect(visitor.page.locator(".types li")).to_have_count(sum(one["webhooks"] for one in served))
    visitor.page.get_by_label("Find a type").fill("item.comm")
    expect(visitor.page.locator(".types li")).to_have_count(1)
    visitor.page.get_by_label("Find a type").fill("there is no such type")
    expect(visitor.page.get_by_text("0 types")).to_be_visible()


def test_a_type_is_told_with_fields_schema_and_example_as_they_are_served(visitor: Visitor, stack: LocalStack) -> None:
    served = httpx.get(f"{stack.url}/v1/events/types/{TYPE}").json()
    visitor.goes("/app/events")
    visitor.page.get_by_role("link", name=TYPE).click()
    expect(visitor.page.get_by_role("heading", name=TYPE, level=1)).to_be_visible()
    fields = visitor.page.get_by_role("table", name="Fields of data")
    for name in (*served["schema"]["$defs"]["ItemCommittedV1"]["properties"], "content.size_bytes"):
        expect(fields.get_by_role("rowheader", name=name, exact=True)).to_be_visible()
    for title, told in (("Example", served["example"]), ("JSON Schema", served["schema"])):
        text = visitor.page.get_by_role("group", name=title, exact=True).inner_text()
        assert json.loads(text) == told
    visitor.page.get_by_role("link", name="All types").click()
    expect(visitor.page.get_by_role("heading", name="Catalogue of events", level=1)).to_be_visible()


def test_a_version_that_was_succeeded_leads_to_the_newer_one_and_back(visitor: Visitor) -> None:
    visitor.goes("/app/events/sharing.share.changed.v1")
    visitor.page.get_by_role("link", name="sharing.share.changed.v2").click()
    expect(visitor.page.get_by_role("heading", name="sharing.share.changed.v2", level=1)).to_be_visible()
    visitor.page.get_by_role("link", name="sharing.share.changed.v1").click()
    expect(visitor.page.get_by_role("heading", name="sharing.share.changed.v1", level=1)).to_be_visible()


def test_a_type_that_there_is_not_is_said_to_be_none(visitor: Visitor) -> None:
    visitor.goes("/app/events/files.item.lost.v9")
    expect(visitor.page.get_by_role("alert")).to_contain_text("This does not exist")


def test_in_an_account_it_stands_in_the_drive(visitor: Visitor, ana: Person) -> None:
    visitor.signs_in(ana, "/app/files")
    visitor.goes(f"/app/events/{TYPE}")
    expect(visitor.page.get_by_role("heading", name=TYPE, level=1)).to_be_visible()
    expect(visitor.page.get_by_role("link", name="My files")).to_be_visible()


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (PHONE, "dark")], ids=["wide", "phone"])
def test_the_catalogue_has_no_violation(opens: Any, size: dict[str, int], scheme: str) -> None:
    visitor = opens(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    for path in ("/app/events", f"/app/events/{TYPE}"):
        visitor.goes(path)
        expect(visitor.page.locator(".sheet").first).to_be_visible()
        assert violations(visitor) == [], path
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
