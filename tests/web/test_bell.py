"""The bell: what others did is told at once, read where it is read, and kept through times without a network."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from factories.axe import violations
from factories.browsers import PHONE, WIDE, Visitor
from factories.people import Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow

Opens = Callable[..., Visitor]
PAGE = 30
SOON_MS = 30_000
"""A second, and what a machine takes that is busy with other tests; nothing here asks by itself, so what comes was told."""


@pytest.fixture
def ben(stack: LocalStack) -> Person:
    return Person.at(stack.url)


def enters(visitor: Visitor, person: Person, path: str = "/app/files") -> None:
    """Sign in; the warning about that, which stands in every feed, is taken out of it."""
    visitor.signs_in(person, path)
    feed = person.wait_for(
        lambda: person.get("/v1/notifications"),
        lambda page: any(notice["type"] == "new_sign_in" for notice in page["items"]),
        within_seconds=60,
    )
    for notice in feed["items"]:
        assert person.http.delete(f"/v1/notifications/{notice['id']}").status_code == 204
    expect(bell(visitor)).to_have_accessible_name("Notifications")


def bell(visitor: Visitor) -> Locator:
    return visitor.page.locator("button[popovertarget=notices]")


def rings(visitor: Visitor, unread: int, *, within_ms: float = 30_000) -> None:
    """Wait until the bell says so."""
    name = f"Notifications, {unread} unread" if unread else "Notifications"
    expect(bell(visitor)).to_have_accessible_name(name, timeout=within_ms)


def panel(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("dialog", name="Notifications")


def told(visitor: Visitor) -> Locator:
    return panel(visitor).locator(".notice")


def test_what_is_shared_rings_at_once_and_a_click_leads_there(visitor: Visitor, ana: Person, ben: Person) -> None:
    enters(visitor, ana)
    folder = ben.folder("Trip")
    ben.upload("plan.txt", b"by train", parent=folder["id"])
    ben.share(folder["id"], ana, message="Have a look")
    rings(visitor, 1, within_ms=SOON_MS)
    bell(visitor).click()
    expect(told(visitor)).to_have_count(1)
    expect(told(visitor)).to_contain_text(f"{ben.name} shared “Trip” with you")
    expect(told(visitor)).to_contain_text("Have a look")
    told(visitor).get_by_role("link").click()
    expect(panel(visitor)).to_be_hidden()
    visitor.sees("plan.txt")
    assert visitor.page.url.endswith(f"/app/files/{folder['id']}")
    rings(visitor, 0)
    ana.wait_for(lambda: ana.get("/v1/notifications"), lambda page: page["unread_count"] == 0, within_seconds=30)


def test_many_uploads_of_one_person_are_told_as_one_and_it_grows_while_it_is_looked_at(
    visitor: Visitor, ana: Person, ben: Person
) -> None:
    folder = ana.folder("Photos")
    ana.share(folder["id"], ben, "editor")
    ben.sees(folder["id"])
    enters(visitor, ana)
    bell(visitor).click()
    expect(panel(visitor)).to_contain_text("All quiet")
    for number in range(3):
        ben.upload(f"{number}.txt", b"x", parent=folder["id"])

    def counted() -> int:
        texts = told(visitor).all_inner_texts()
        found = [re.search(rf"{ben.name} uploaded (a file|\d+ files) to “Photos”", text) for text in texts]
        return sum(1 if one[1] == "a file" else int(one[1].split()[0]) for one in found if one)

    ana.wait_for(lambda: {"count": counted()}, lambda seen: seen["count"] == 3, within_seconds=60)
    # Two if the time that they are gathered for ended in between.
    assert told(visitor).count() <= 2
    told(visitor).first.get_by_role("link").click()
    visitor.sees("0.txt", "1.txt", "2.txt")


def test_what_is_read_or_removed_is_so_on_all_devices(opens: Opens, ana: Person, ben: Person) -> None:
    desk = opens()
    enters(desk, ana)
    other = opens()
    other.signs_in(ana)
    folders = [ben.folder(name) for name in ("One", "Two", "Three")]
    for folder in folders:
        ben.share(folder["id"], ana)
    for visitor in (desk, other):
        bell(visitor).click()
        told(visitor).filter(has_text="Three").wait_for()
    # The same kind of device warns only once.
    rings(desk, 3)
    rings(other, 3)
    told(desk).filter(has_text="Two").get_by_role("button", name="Mark as read").click()
    rings(desk, 2)
    rings(other, 2)
    expect(told(other).filter(has_text="Two").get_by_text("Unread:")).to_have_count(0)
    told(desk).filter(has_text="One").get_by_role("button", name="Remove").click()
    expect(told(other)).to_have_count(2)
    rings(other, 1)
    panel(other).get_by_role("button", name="Mark all as read").click()
    rings(desk, 0)
    expect(panel(desk).get_by_text("Unread:")).to_have_count(0)
    assert [notice["read_at"] is not None for notice in ana.get("/v1/notifications")["items"]] == [True, True]


def test_a_long_feed_goes_on_as_somebody_scrolls(visitor: Visitor, ana: Person, ben: Person) -> None:
    enters(visitor, ana)
    names = [f"Folder {number:02}" for number in range(PAGE + 7)]
    for name in names:
        ben.share(ben.folder(name)["id"], ana)
    rings(visitor, len(names))
    bell(visitor).click()
    expect(told(visitor).first).to_contain_text(names[-1])
    for _ in range(3):
        told(visitor).last.scroll_into_view_if_needed()
    expect(told(visitor)).to_have_count(len(names))
    texts = told(visitor).all_inner_texts()
    assert [name for text in texts for name in names if name in text] == names[::-1]


def test_what_came_while_there_was_no_network_is_there_afterwards(visitor: Visitor, ana: Person, ben: Person) -> None:
    enters(visitor, ana)
    before = ben.folder("Before")
    ben.share(before["id"], ana)
    rings(visitor, 1)
    bell(visitor).click()
    expect(told(visitor)).to_have_count(1)
    visitor.page.context.set_offline(True)
    visitor.waits_for("No connection")
    for name in ("While away", "And more"):
        ben.share(ben.folder(name)["id"], ana)
    told(visitor).get_by_role("button", name="Mark as read").click()
    expect(visitor.page.locator(".toast.wrong")).to_contain_text("The server cannot be reached.")
    ana.wait_for(lambda: ana.get("/v1/notifications"), lambda page: page["unread_count"] == 3, within_seconds=60)
    visitor.page.context.set_offline(False)
    rings(visitor, 3)
    expect(told(visitor)).to_have_count(3)
    expect(visitor.page.get_by_text("No connection")).to_have_count(0)


def test_a_comment_leads_to_the_file_with_its_details_open(visitor: Visitor, ana: Person, ben: Person) -> None:
    folder = ana.folder("Letters")
    file = ana.upload("draft.txt", b"dear", parent=folder["id"])["item_id"]
    ana.share(folder["id"], ben, "editor")
    ben.sees(file)
    enters(visitor, ana)
    # Sharing hears of a new file by itself, a moment after its folder's readers see it.
    comment = ben.wait_for(
        lambda: ben.http.post("/v1/comments", json={"item_id": file, "body": "Shorter, please"}).json(),
        lambda answer: "id" in answer,
        within_seconds=10,
    )
    rings(visitor, 1)
    bell(visitor).click()
    told(visitor).get_by_role("link", name=f"{ben.name} commented on “draft.txt”").click()
    details = visitor.page.get_by_role("complementary", name="Details")
    expect(details).to_contain_text("draft.txt")
    visitor.sees("draft.txt")
    assert f"comment={comment['id']}" in visitor.page.url


def test_it_is_said_in_german_and_works_by_keys_alone(opens: Opens, ana: Person, ben: Person) -> None:
    visitor = opens()
    enters(visitor, ana)
    ben.share(ben.folder("Reise")["id"], ana)
    rings(visitor, 1)
    visitor.page.evaluate("localStorage.setItem('coffer.language', 'de')")
    visitor.page.reload()
    expect(bell(visitor)).to_have_accessible_name("Mitteilungen, 1 ungelesen")
    keys = visitor.page.keyboard
    bell(visitor).focus()
    keys.press("Enter")
    shown = visitor.page.get_by_role("dialog", name="Mitteilungen")
    expect(shown).to_contain_text(f"{ben.name} hat „Reise“ mit Ihnen geteilt")
    keys.press("Escape")
    expect(shown).to_be_hidden()
    expect(bell(visitor)).to_be_focused()
    keys.press("Enter")
    expect(shown).to_be_visible()
    shown.get_by_role("button", name="Alles gelesen").focus()
    keys.press("Space")
    expect(bell(visitor)).to_have_accessible_name("Mitteilungen")
    shown.get_by_role("link", name="Reise").focus()
    keys.press("Enter")
    expect(visitor.page.get_by_role("heading", name="Reise")).to_be_visible()


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (PHONE, "dark")], ids=["wide and light", "telephone and dark"])
def test_the_bell_has_no_violation(opens: Opens, ana: Person, ben: Person, size: dict[str, int], scheme: Any) -> None:
    visitor = opens(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    enters(visitor, ana)
    bell(visitor).click()
    expect(panel(visitor)).to_contain_text("All quiet")
    assert violations(visitor) == []
    visitor.page.keyboard.press("Escape")
    ben.share(ben.folder("Holiday")["id"], ana, message="Look")
    rings(visitor, 1)
    bell(visitor).click()
    expect(told(visitor)).to_have_count(1)
    assert violations(visitor) == []
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
