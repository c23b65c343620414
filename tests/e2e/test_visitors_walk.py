"""A visitor of a public link walks every route of the running system, and finds nothing that does not lie below the link."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from factories.people import all_leave
from factories.stacks import LocalStack
from factories.visitors import linked, visitor
from factories.walk import CALLS, Call
from factories.world import World

pytestmark = pytest.mark.slow

OWN_ROUTES = {"create_tickets"}
"""What a visitor has a session for, besides items: see `test_public_links`."""
LISTS_OF_THEIR_OWN = {"list_uploads"}
"""A visitor may list what they have sent themselves."""
EACH_FOR_ITSELF = {"start_uploads", "complete_uploads"}
"""Answers with what became of each."""


@pytest.fixture(autouse=True)
def _doors_closed() -> None:
    """The world's people stay until the module ends."""


@pytest.fixture
def nobody(stack: LocalStack) -> Iterator[httpx.Client]:
    """A client without an account."""
    with httpx.Client(base_url=stack.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def world(stack: LocalStack) -> Iterator[World]:
    yield World.at(stack.url)
    all_leave()


@pytest.mark.parametrize("mode", ["view", "download", "edit", "upload_only"])
def test_a_visitor_of_another_folder_reads_and_changes_nothing_on_any_route(
    stack: LocalStack, world: World, nobody: httpx.Client, mode: str
) -> None:
    beside = world.owner.folder(f"beside {mode}")["id"]
    link = linked(world.owner, beside, mode=mode)
    headers = visitor(nobody, link)
    before = sorted((child["id"], child["name"]) for child in world.owner.children(world.folder))
    paths: dict[str, dict[str, Any]] = nobody.get("/schema/openapi.json").json()["paths"]
    asked = 0
    for path, item in paths.items():
        for method, operation in item.items():
            name = operation["operationId"]
            if not operation["security"] or name in OWN_ROUTES:
                continue
            made = sorted((child["id"], child["name"]) for child in world.owner.children(world.folder))
            call: Call = CALLS[name](world, None)
            added = [one for one in world.owner.children(world.folder) if (one["id"], one["name"]) not in made]
            filled = path
            for key, value in call.path.items():
                filled = filled.replace(f"{{{key}}}", value)
            body: dict[str, Any] = {"json": call.json, "data": call.form}
            answer = nobody.request(method, filled, params=call.query, headers=headers, follow_redirects=False, **body)
            where = f"{method.upper()} {path}: {answer.status_code} {answer.text[:300]}"
            if name in LISTS_OF_THEIR_OWN and answer.status_code == 200:
                assert answer.json()["items"] == [], where
            elif name in EACH_FOR_ITSELF and answer.status_code == 200:
                assert {one["status"] for one in answer.json()["results"]} <= {403, 404}, where
            else:
                assert answer.status_code in {401, 403, 404}, where
            assert "photo.jpg" not in answer.text, where
            before += [(one["id"], one["name"]) for one in added]
            asked += 1
    assert asked > 100
    assert sorted((child["id"], child["name"]) for child in world.owner.children(world.folder)) == sorted(before)
