"""Sharing on the screen: with people, by links, and why somebody may; the owner in one browser, the other in another."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Route, expect

from factories.axe import violations
from factories.browsers import PHONE, WIDE, Visitor
from factories.people import Person, all_leave
from factories.stacks import LocalStack
from factories.visitors import linked, visitor

pytestmark = pytest.mark.slow

SOON_MS = 30_000


@pytest.fixture(scope="module")
def two(stack: LocalStack) -> tuple[Person, Person]:
    """An owner and somebody else, for stories that need nothing of their own."""
    return Person.at(stack.url), Person.at(stack.url)


@pytest.fixture(autouse=True, scope="module")
def _doors_closed() -> Iterator[None]:
    """People of this module stay for all of its tests."""
    yield
    all_leave()


@dataclass
class Sharing:
    """The dialog of one item, as its owner has it open."""

    at: Visitor
    name: str

    @property
    def dialog(self) -> Locator:
        """The dialog itself."""
        return self.at.page.get_by_role("dialog", name=f"Share {self.name}")

    def opens(self) -> "Sharing":
        """By the item's menu."""
        self.at.item(self.name).get_by_role("button", name=f"More for {self.name}").click()
        self.at.page.get_by_role("menuitem", name="Share …").click()
        expect(self.dialog.get_by_role("tab", name="People")).to_be_visible()
        return self

    def gives(self, who: str, role: str = "View") -> None:
        """Share with somebody."""
        self.dialog.get_by_label("With whom").fill(who)
        self.dialog.get_by_label("May", exact=True).select_option(role)
        self.dialog.get_by_role("button", name="Share", exact=True).click()

    def holder(self, who: str) -> Locator:
        """The line of somebody who has it."""
        return self.dialog.locator(".holder").filter(has_text=who)

    def goes_to(self, tab: str) -> None:
        """Another view of it."""
        self.dialog.get_by_role("tab", name=tab).click()


def at_item(visitor: Visitor, owner: Person, name: str) -> Sharing:
    """The owner has the dialog of a new folder open."""
    owner.folder(name)
    visitor.signs_in(owner)
    return Sharing(visitor, name).opens()


def test_a_folder_is_shared_changed_taken_back_and_given_again(opens: Any, two: tuple[Person, Person]) -> None:
    ana, ben = two
    reader = opens()
    reader.signs_in(ben, "/app/shared")
    sharing = at_item(opens(), ana, "Trips")
    sharing.gives(ben.name)
    expect(sharing.dialog.get_by_text(f"Shared with {ben.name}.")).to_be_visible()
    expect(reader.item("Trips")).to_be_visible(timeout=SOON_MS)
    role = sharing.dialog.get_by_label(f"What {ben.name} may do")
    expect(role).to_have_value("viewer")
    role.select_option("editor")
    expect(sharing.dialog.get_by_text(f"What {ben.name} may do was changed.")).to_be_visible()
    folder = next(one["id"] for one in ana.children() if one["name"] == "Trips")
    assert ana.get("/v1/shares", item_id=folder)["items"][0]["role"] == "editor"
    sharing.dialog.get_by_role("button", name=f"Take it back from {ben.name}").click()
    expect(sharing.holder(ben.name)).to_have_count(0)
    expect(reader.item("Trips")).to_have_count(0, timeout=SOON_MS)
    sharing.dialog.get_by_role("button", name="Undo").click()
    expect(sharing.holder(ben.name)).to_be_visible()
    expect(reader.item("Trips")).to_be_visible(timeout=SOON_MS)
    assert ana.get("/v1/shares", item_id=folder)["items"][0]["role"] == "editor"


def test_whom_nobody_knows_and_who_has_it_already_is_said_by_name(visitor: Visitor, two: tuple[Person, Person]) -> None:
    ana, ben = two
    sharing = at_item(visitor, ana, "Letters")
    sharing.dialog.get_by_role("button", name="Share", exact=True).click()
    expect(sharing.dialog.get_by_text("Please fill this in.")).to_be_visible()
    sharing.gives(f"{ben.name}, nobody-of-this-name")
    expect(sharing.dialog.get_by_text("nobody-of-this-name: nobody here has this name.")).to_be_visible()
    expect(sharing.holder(ben.name)).to_have_count(0)
    sharing.gives(ben.name)
    expect(sharing.holder(ben.name)).to_be_visible()
    sharing.gives(ben.name.upper())
    expect(sharing.dialog.get_by_text("has it already.")).to_be_visible()
    sharing.gives(ana.name)
    expect(sharing.dialog.get_by_text("that is you.")).to_be_visible()


def test_an_item_that_sharing_has_not_heard_of_yet_can_be_shared_a_moment_later(
    visitor: Visitor, two: tuple[Person, Person]
) -> None:
    two[0].folder("Fresh")
    visitor.signs_in(two[0])
    unheard = {"status": 404, "content_type": "application/problem+json", "body": '{"code": "not_found"}'}
    visitor.page.route("**/v1/shares?*", lambda route: route.fulfill(**unheard), times=2)
    sharing = Sharing(visitor, "Fresh").opens()
    expect(sharing.dialog.get_by_role("tab", name="People")).to_be_visible()


def test_what_is_refused_stands_as_it_was(visitor: Visitor, two: tuple[Person, Person]) -> None:
    ana, ben = two
    folder = ana.folder("Steady")
    share = ana.share(folder["id"], ben)
    linked(ana, folder["id"], name="Steady link")
    visitor.signs_in(ana)
    sharing = Sharing(visitor, "Steady").opens()
    role = sharing.dialog.get_by_label(f"What {ben.name} may do")
    expect(role).to_have_value("viewer")
    visitor.page.route("**/v1/shares/*", lambda route: route.abort())
    role.select_option("editor")
    expect(sharing.dialog.get_by_text("The server cannot be reached.")).to_be_visible()
    expect(role).to_have_value("viewer")
    visitor.page.unroute_all()

    def overtaken(route: Route) -> None:
        """Somebody else, or the same person elsewhere, was faster: what is decided is decided about what is there."""
        assert ana.http.patch(f"/v1/shares/{share['id']}", json={"role": "contributor"}).status_code == 200
        route.continue_()

    visitor.page.route("**/v1/shares/*", overtaken, times=1)
    role.select_option("editor")
    expect(role).to_have_value("contributor")
    sharing.goes_to("Links")
    visitor.page.route("**/v1/links/*", lambda route: route.abort())
    shut = sharing.dialog.get_by_label("Open: Steady link")
    shut.click()
    expect(sharing.dialog.get_by_text("The server cannot be reached.")).to_be_visible()
    expect(shut).to_be_checked()


def test_an_address_is_invited_and_the_invitation_is_taken_back(visitor: Visitor, two: tuple[Person, Person]) -> None:
    sharing = at_item(visitor, two[0], "Plans")
    sharing.gives("joan@example.com", "Edit")
    invited = sharing.holder("joan@example.com")
    expect(invited.get_by_text("Invited")).to_be_visible()
    expect(invited.get_by_role("combobox")).to_have_value("editor")
    sharing.gives("not@an@address")
    expect(sharing.dialog.get_by_text("is no e-mail address.")).to_be_visible()
    sharing.dialog.get_by_role("button", name="Take it back from joan@example.com").click()
    expect(invited).to_have_count(0)


def test_a_link_is_made_copied_shut_changed_and_deleted(opens: Any, two: tuple[Person, Person]) -> None:
    visitor = opens(permissions=["clipboard-read", "clipboard-write"])
    sharing = at_item(visitor, two[0], "Papers")
    sharing.goes_to("Links")
    dialog = sharing.dialog
    dialog.get_by_role("button", name="New link").click()
    dialog.get_by_label("What visitors may do").select_option("download")
    dialog.get_by_label("Name", exact=True).fill("For the printer")
    dialog.get_by_label("Password", exact=True).fill("abc")
    dialog.get_by_label("Downloads at most").fill("3")
    dialog.get_by_role("button", name="Make the link").click()
    expect(dialog.get_by_text("This is too short.")).to_be_visible()
    dialog.get_by_label("Password", exact=True).fill("tulips")
    dialog.get_by_role("button", name="Make the link").click()
    link = dialog.locator(".link").filter(has_text="For the printer")
    expect(link).to_contain_text("with a password")
    expect(link).to_contain_text("0 of 3 downloads")
    dialog.get_by_role("button", name="Copy the address of For the printer").click()
    expect(dialog.get_by_text("The address is copied.")).to_be_visible()
    address = dialog.get_by_label("Address of For the printer", exact=True).input_value()
    assert visitor.page.evaluate("navigator.clipboard.readText()") == address
    dialog.get_by_label("Open: For the printer").click()
    expect(link.locator(".badge")).to_have_text("Shut")
    dialog.get_by_label("Open: For the printer").click()
    expect(link.locator(".badge")).to_have_text("Open")
    dialog.get_by_role("button", name="Change For the printer").click()
    link.get_by_label("Without a password from now on").check()
    link.get_by_label("What visitors may do").select_option("upload_only")
    link.get_by_role("button", name="Save").click()
    expect(link).to_contain_text("Only send files")
    expect(link).not_to_contain_text("with a password")
    expect(link).not_to_contain_text("downloads")
    dialog.get_by_role("button", name="Delete For the printer").click()
    link.get_by_role("button", name="Delete the link").click()
    expect(dialog.locator(".link")).to_have_count(0)


def test_the_log_of_a_link_says_what_visitors_did(visitor: Visitor, two: tuple[Person, Person]) -> None:
    ana, _ = two
    folder = ana.folder("Seen")
    link = linked(ana, folder["id"], name="Seen by some")
    came_in(ana, link)
    visitor.signs_in(ana)
    sharing = Sharing(visitor, "Seen").opens()
    sharing.goes_to("Links")
    sharing.dialog.get_by_role("button", name="Who was there: Seen by some").click()
    expect(sharing.dialog.get_by_role("row").filter(has_text="Came in")).to_contain_text("a program")


def test_whoever_was_given_something_sees_why_and_leaves(opens: Any, two: tuple[Person, Person]) -> None:
    ana, ben = two
    folder = ana.folder("Recipes")
    inner = ana.folder("Cakes", folder["id"])
    ana.share(folder["id"], ben, "editor", message="Help yourself")
    ben.sees(inner["id"])
    reader = opens()
    reader.signs_in(ben, f"/app/files/{folder['id']}")
    reader.item("Cakes").get_by_role("button", name="More for Cakes").click()
    reader.page.get_by_role("menuitem", name="Sharing").click()
    dialog = reader.page.get_by_role("dialog", name="Share Cakes")
    expect(dialog.get_by_text("from the folder Recipes")).to_be_visible()
    expect(dialog.get_by_text("Help yourself")).to_be_visible()
    expect(dialog.get_by_label("With whom")).to_have_count(0)
    expect(dialog.get_by_role("tab", name="Links")).to_have_count(0)
    dialog.get_by_role("tab", name="Why").click()
    expect(dialog.get_by_text(f"{ana.name} shared the folder Recipes")).to_be_visible()
    expect(dialog.get_by_text("Without this: nothing.")).to_be_visible()
    dialog.get_by_role("tab", name="People").click()
    dialog.get_by_role("button", name="Leave").click()
    reader.waits_for("You left Cakes.")
    ben.loses(folder["id"])


def test_something_is_left_from_the_list_of_what_others_share_after_a_question(
    visitor: Visitor, two: tuple[Person, Person]
) -> None:
    ana, ben = two
    folder = ana.folder("Left behind")
    ana.share(folder["id"], ben, "editor")
    ben.sees(folder["id"])
    visitor.signs_in(ben, "/app/shared")
    visitor.item("Left behind").get_by_role("button", name="More for Left behind").click()
    visitor.page.get_by_role("menuitem", name="Leave").click()
    visitor.page.get_by_role("dialog", name="Leave Left behind?").get_by_role("button", name="Leave").click()
    expect(visitor.item("Left behind")).to_have_count(0)
    ben.loses(folder["id"])


def test_the_owner_asks_why_somebody_may_and_is_told_of_links_too(visitor: Visitor, two: tuple[Person, Person]) -> None:
    ana, ben = two
    folder = ana.folder("Accounts")
    ana.share(folder["id"], ben)
    linked(ana, folder["id"], name="For the auditor")
    visitor.signs_in(ana)
    sharing = Sharing(visitor, "Accounts").opens()
    sharing.goes_to("Why")
    expect(sharing.dialog.get_by_text("It is yours.")).to_be_visible()
    sharing.dialog.get_by_label("Whose rights").select_option(label=ben.name)
    expect(sharing.dialog.get_by_role("status").filter(has_text="look and download")).to_be_visible()
    expect(sharing.dialog.get_by_text(f"{ana.name} shared it on")).to_be_visible()
    expect(sharing.dialog.get_by_text("For the auditor")).to_be_visible()


def test_something_shared_with_several_is_one_line_and_its_details_say_with_whom(
    visitor: Visitor, two: tuple[Person, Person], stack: LocalStack
) -> None:
    ana, ben = two
    cleo = Person.at(stack.url)
    folder = ana.folder("Shared twice")
    for person in (ben, cleo):
        ana.share(folder["id"], person)
    visitor.signs_in(ana, "/app/shared?by=me")
    expect(visitor.item("Shared twice")).to_have_count(1)
    visitor.item("Shared twice").get_by_role("button", name="More for Shared twice").click()
    visitor.page.get_by_role("menuitem", name="Details").click()
    details = visitor.page.get_by_role("complementary")
    expect(details.get_by_text(f"Shared with {cleo.name}, {ben.name}")).to_be_visible()
    ana.http.delete(f"/v1/shares/{ana.get('/v1/shares', item_id=folder['id'])['items'][0]['id']}")
    expect(details.get_by_text(f"Shared with {ben.name}")).to_be_visible(timeout=SOON_MS)


def test_sharing_needs_no_mouse(visitor: Visitor, two: tuple[Person, Person]) -> None:
    ana, ben = two
    ana.folder("AAA by keys")
    visitor.signs_in(ana)
    expect(visitor.item("AAA by keys")).to_be_visible()
    keys = visitor.page.keyboard
    visitor.grid.focus()
    keys.press("Home")
    keys.press("Shift+S")
    sharing = Sharing(visitor, "AAA by keys")
    expect(sharing.dialog.get_by_label("With whom")).to_be_focused()
    keys.type(ben.name)
    keys.press("Enter")
    expect(sharing.holder(ben.name)).to_be_visible()
    sharing.dialog.get_by_role("tab", name="People").focus()
    keys.press("ArrowRight")
    expect(sharing.dialog.get_by_role("tab", name="Links")).to_be_focused()
    keys.press("Tab")
    keys.press("Enter")
    expect(sharing.dialog.get_by_label("What visitors may do")).to_be_focused()
    keys.press("Enter")
    sharing.dialog.get_by_role("button", name="Make the link").focus()
    keys.press("Enter")
    expect(sharing.dialog.locator(".link")).to_have_count(1)
    keys.press("Escape")
    expect(sharing.dialog).to_have_count(0)
    expect(visitor.grid).to_be_focused()


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (PHONE, "dark")], ids=["wide", "phone and dark"])
def test_the_dialog_has_no_violation_anywhere(
    opens: Any, two: tuple[Person, Person], size: dict[str, int], scheme: str
) -> None:
    ana, ben = two
    name = f"Open to {scheme}"
    folder = ana.folder(name)
    ana.share(folder["id"], ben)
    came_in(ana, linked(ana, folder["id"], name="One", max_downloads=2, mode="download"))
    visitor = opens(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    visitor.signs_in(ana)
    sharing = Sharing(visitor, name).opens()
    sharing.dialog.get_by_label("With whom").fill("somebody")
    assert violations(visitor) == []
    sharing.goes_to("Links")
    sharing.dialog.get_by_role("button", name="Who was there: One").click()
    expect(sharing.dialog.get_by_role("row").filter(has_text="Came in")).to_be_visible()
    assert violations(visitor) == []
    sharing.dialog.get_by_role("button", name="Delete One").click()
    assert violations(visitor) == []
    sharing.dialog.get_by_role("button", name="New link").click()
    assert violations(visitor) == []
    sharing.goes_to("Why")
    expect(sharing.dialog.get_by_text("It is yours.")).to_be_visible()
    assert violations(visitor) == []
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def came_in(owner: Person, link: dict[str, Any]) -> None:
    """Somebody without an account comes in through a link."""
    with httpx.Client(base_url=owner.http.base_url, timeout=30) as nobody:
        visitor(nobody, link)
