"""Several clients of one drive: each sees what the others do, without a reload, and after whatever cut it off."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from factories.browsers import Visitor
from factories.letters import link_to
from factories.people import Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow

Opens = Callable[..., Visitor]
SOON_MS = 30_000
"""What a machine takes that is busy with other tests. How long it takes on a quiet one is in docs/benchmarks.md."""


@pytest.fixture
def ben(stack: LocalStack) -> Person:
    return Person.at(stack.url)


def hears(visitor: Visitor) -> None:
    """Wait until the page knows where the feed stands, from which on it misses nothing, and has read it to its end."""
    visitor.page.wait_for_function(
        "() => performance.getEntriesByType('resource').some(one => one.name.startsWith(location.origin + '/v1/changes?'))"
    )


@contextmanager
def soon(what: str) -> Iterator[None]:
    """What happens within is seen soon. Raises AssertionError with how long it took."""
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    assert took < SOON_MS / 1000, f"{what} took {took:.2f} s"


def test_what_one_browser_does_the_other_shows(opens: Opens, ana: Person, tmp_path: Any) -> None:
    ana.folder("Alpha")
    ana.upload("letter.txt", b"dear")
    here, there = opens(), opens()
    for visitor in (here, there):
        visitor.signs_in(ana)
        visitor.sees("Alpha", "letter.txt")
        hears(visitor)
    here.chooses("letter.txt")
    here.page.keyboard.press("F2")
    here.page.get_by_label("New name of letter.txt").fill("novel.txt")
    with soon("a new name"):
        here.page.keyboard.press("Enter")
        there.sees("Alpha", "novel.txt")
    (tmp_path / "chapter.txt").write_text("once upon a time")
    here.picks(tmp_path / "chapter.txt")
    here.upload("chapter.txt").get_by_text("In your drive", exact=True).wait_for()
    with soon("an upload"):
        there.sees("Alpha", "chapter.txt", "novel.txt")
    there.chooses("chapter.txt")
    with soon("what is thrown away"):
        there.page.keyboard.press("Delete")
        here.sees("Alpha", "novel.txt")
    # While it has the focus it stays.
    there.page.locator(".toast").get_by_role("button", name="Undo").focus()
    with soon("what is taken back"):
        there.page.locator(".toast").get_by_role("button", name="Undo").click()
        here.sees("Alpha", "chapter.txt", "novel.txt")


def test_what_is_shared_comes_and_goes_while_somebody_looks(opens: Opens, ana: Person, ben: Person) -> None:
    folder = ben.folder("Plans")
    ben.upload("route.txt", b"north", parent=folder["id"])
    visitor = opens()
    visitor.signs_in(ana, "/app/shared")
    visitor.waits_for("Nothing shared")
    hears(visitor)
    with soon("a share"):
        share = ben.share(folder["id"], ana)
        visitor.sees("Plans")
    visitor.item("Plans").get_by_role("link").click()
    visitor.sees("route.txt")
    with soon("a new name of what is looked into"):
        ben.http.patch(f"/v1/items/{folder['id']}", json={"name": "Great plans"})
        expect(visitor.page.get_by_role("heading", name="Great plans")).to_be_visible()
    with soon("the end of a share"):
        assert ben.http.delete(f"/v1/shares/{share['id']}").status_code == 204
        visitor.waits_for("This does not exist, or is not shared with you.")
    visitor.page.get_by_role("link", name="Shared").click()
    visitor.waits_for("Nothing shared")


def test_a_folder_that_another_client_throws_away_is_not_shown_as_if_nothing_were(visitor: Visitor, ana: Person) -> None:
    outer = ana.folder("Outer")
    inner = ana.folder("Inner", outer["id"])
    ana.upload("deep.txt", b"x", parent=inner["id"])
    visitor.signs_in(ana, f"/app/files/{inner['id']}")
    visitor.sees("deep.txt")
    hears(visitor)
    ana.http.delete(f"/v1/items/{outer['id']}")
    visitor.waits_for("This was moved to the trash.")


def test_what_changed_without_a_network_is_there_when_it_is_back(visitor: Visitor, ana: Person) -> None:
    kept, gone = ana.folder("Kept"), ana.folder("Gone")
    visitor.signs_in(ana)
    visitor.sees("Gone", "Kept")
    hears(visitor)
    visitor.page.context.set_offline(True)
    visitor.waits_for("No connection")
    ana.http.patch(f"/v1/items/{kept['id']}", json={"name": "Renamed"})
    ana.http.delete(f"/v1/items/{gone['id']}")
    ana.folder("Newcomer")
    # What somebody does meanwhile is said not to work, and leaves the listing as it was.
    visitor.chooses("Kept")
    visitor.page.keyboard.press("Delete")
    expect(visitor.page.locator(".toast.wrong")).to_contain_text("The server cannot be reached.")
    visitor.sees("Gone", "Kept")
    visitor.page.context.set_offline(False)
    visitor.sees("Newcomer", "Renamed")
    expect(visitor.page.get_by_text("No connection")).to_have_count(0)
    hears(visitor)
    with soon("what comes after it"):
        ana.folder("After")
        visitor.sees("After", "Newcomer", "Renamed")


def test_a_stream_that_is_refused_is_said_and_nothing_is_lost(visitor: Visitor, ana: Person) -> None:
    visitor.page.route("**/v1/stream*", lambda route: route.fulfill(status=503))
    visitor.signs_in(ana)
    visitor.waits_for("No connection")
    visitor.waits_for("Nothing here yet")
    hears(visitor)
    ana.folder("Unheard")
    visitor.page.unroute("**/v1/stream*")
    visitor.sees("Unheard")
    expect(visitor.page.get_by_text("No connection")).to_have_count(0)


def test_whoever_was_away_for_too_long_reads_everything_anew_and_hears_what_comes_then(visitor: Visitor, ana: Person) -> None:
    place: Any = {"status": 200, "content_type": "text/event-stream", "body": "id: 1.1.1\n\n"}
    # A place of long ago: the server answers the next stream with a reset.
    first: list[Route] = []

    def hold(route: Route) -> None:
        first.append(route)

    visitor.page.route("**/v1/stream*", hold, times=1)
    with visitor.page.expect_request("**/v1/stream*"):
        visitor.signs_in(ana)
    hears(visitor)
    first[0].fulfill(**place)
    cursors = "() => performance.getEntriesByName(location.origin + '/v1/changes/cursor').length"
    visitor.page.wait_for_function(f"() => ({cursors})() > 1")
    ana.folder("After the reset")
    visitor.sees("After the reset")


def test_a_feed_that_fails_once_is_read_again(visitor: Visitor, ana: Person) -> None:
    visitor.signs_in(ana)
    hears(visitor)
    visitor.waits_for("Nothing here yet")
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=503, json={"code": "unavailable"})

    visitor.page.route("**/v1/changes?*", refuse, times=1)
    # One that was on its way before is not refused, and may tell of what was made meanwhile.
    names = [f"Told {number}" for number in range(5)]
    for count, name in enumerate(names, start=1):
        ana.folder(name)
        visitor.sees(*names[:count])
        if refused:
            break
    assert refused


def test_a_server_that_was_started_anew_is_found_again(visitor: Visitor, ana: Person, stack: LocalStack) -> None:
    ana.folder("Before")
    visitor.signs_in(ana)
    visitor.sees("Before")
    hears(visitor)
    stack.stop()
    visitor.waits_for("No connection")
    stack.start()
    ana.folder("After")
    # After so long away it asks again every twenty seconds.
    expect(visitor.item("After")).to_be_visible(timeout=90_000)
    visitor.sees("After", "Before")
    expect(visitor.page.get_by_text("No connection")).to_have_count(0)


def test_tabs_share_one_stream_and_the_next_takes_it_over(opens: Opens, ana: Person) -> None:
    first = opens()
    first.signs_in(ana)
    hears(first)
    second = opens(beside=first)
    second.goes("/app/files")
    second.waits_for("Nothing here yet")
    hears(second)
    streams = "() => performance.getEntriesByType('resource').filter(one => one.name.includes('/v1/stream')).length"
    with soon("what the tab without a stream shows"):
        ana.folder("Heard by both")
        second.sees("Heard by both")
    assert second.page.evaluate(streams) == 0
    first.page.close()
    ana.folder("After the first is gone")
    second.sees("After the first is gone", "Heard by both")
    with soon("what the tab shows that took the stream over"):
        ana.folder("And on")
        second.sees("After the first is gone", "And on", "Heard by both")


def test_the_letter_about_a_mention_leads_to_the_item_and_its_comments(
    visitor: Visitor, ana: Person, ben: Person, stack: LocalStack
) -> None:
    folder = ben.folder("Drafts")
    file = ben.upload("speech.txt", b"dear all", parent=folder["id"])["item_id"]
    ben.share(folder["id"], ana)
    ana.sees(file)
    ben.wait_for(
        lambda: ben.http.post(
            "/v1/comments",
            json={"item_id": file, "body": f"What do you say, @{ana.name}?", "mentions": [{"username": ana.name}]},
        ).json(),
        lambda answer: "id" in answer,
        within_seconds=10,
    )
    path = link_to(stack, ana.name, r"/app/\S+", subject="mentioned you")
    assert re.search(r"/app/items/[0-9a-f-]{36}\?comment=[0-9a-f-]{36}$", path)
    visitor.signs_in(ana, path)
    details = visitor.page.get_by_role("complementary", name="Details")
    expect(details).to_contain_text("speech.txt")
    visitor.sees("speech.txt")
    # Whoever closes the details is not led there again by what others do.
    details.get_by_role("button", name="Close").click()
    ben.upload("more.txt", b"x", parent=folder["id"])
    visitor.sees("more.txt", "speech.txt")
    expect(details).to_have_count(0)


def test_the_letter_about_a_share_leads_to_what_is_shared(
    visitor: Visitor, ana: Person, ben: Person, stack: LocalStack
) -> None:
    folder = ben.folder("Recipes")
    ben.upload("soup.txt", b"leek", parent=folder["id"])
    ben.share(folder["id"], ana, notify=True)
    visitor.signs_in(ana, link_to(stack, ana.name, r"/app/\S+", subject="Recipes"))
    visitor.sees("soup.txt")


def test_the_places_that_letters_name_are_there(visitor: Visitor, ana: Person) -> None:
    visitor.signs_in(ana)
    places = {
        "/app/": "My files",
        "/app/shared": "Shared",
        "/app/settings": "Settings",
        "/app/settings/security": "Settings",
        "/app/settings/webhooks": "Settings",
        "/app/register": "My files",
    }
    for path, heading in places.items():
        visitor.goes(path)
        expect(visitor.page.get_by_role("heading", level=1, name=heading)).to_be_visible()


def test_whoever_is_invited_stands_before_the_form_for_an_account(visitor: Visitor) -> None:
    visitor.goes("/app/register")
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Create an account")
