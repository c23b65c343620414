"""Everybody can use it: no violation of WCAG 2.2 AA on any page or dialog, and everything can be done without a mouse."""

from typing import Any

import pytest
from playwright.sync_api import expect

from factories.axe import violations
from factories.browsers import PHONE, WIDE, Shows, Visitor, after, at
from factories.people import PASSWORD, Person

pytestmark = pytest.mark.slow


def pressed(*keys: str) -> Shows:
    """Shows what keys on the listing show."""

    def show(visitor: Visitor) -> None:
        for key in keys:
            visitor.page.keyboard.press(key)

    return show


def pushed(name: str) -> Shows:
    """Shows what a button shows."""
    return lambda visitor: visitor.page.get_by_role("button", name=name, exact=True).click()


OUTSIDE = ["/app/sign-in", "/app/sign-up", "/app/forgot", "/app/reset", "/app/reset#token=x", "/app/verify"]
INSIDE: dict[str, Shows] = {
    "rows, one of them chosen": pressed("Home"),
    "details": pressed("Home", "i"),
    "a menu": pressed("End", "Shift+F10"),
    "a name that is changed": pressed("Home", "F2"),
    "tiles": pushed("Show as tiles"),
    "the dialog for a folder": pressed("Shift+N"),
    "shortcuts": pressed("?"),
    "the dialog for moving": after(pressed("Home"), pushed("Move to …")),
    "a file": pressed("End", "Enter"),
    "the account's menu": pushed("Account"),
    "recent": lambda visitor: visitor.page.get_by_role("link", name="Recent").click(),
    "favourites": lambda visitor: visitor.page.get_by_role("link", name="Favourites").click(),
    "shared": lambda visitor: visitor.page.get_by_role("link", name="Shared").click(),
    "trash": lambda visitor: visitor.page.get_by_role("link", name="Trash").click(),
    "a search": after(
        lambda visitor: visitor.page.get_by_role("searchbox").fill("hello"), lambda visitor: visitor.waits_for("Results for")
    ),
    "settings": at("/app/settings"),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_before_the_drive_have_no_violation(opens: Any, scheme: str) -> None:
    visitor = opens(color_scheme=scheme)
    for path in OUTSIDE:
        visitor.goes(path)
        visitor.page.get_by_role("heading", level=1).wait_for()
        assert violations(visitor) == [], path


@pytest.mark.parametrize(
    ("size", "scheme"),
    [(WIDE, "light"), (WIDE, "dark"), (PHONE, "dark"), ({"width": 320, "height": 640}, "light")],
    ids=["wide", "wide and dark", "phone and dark", "narrow"],
)
def test_the_drive_has_no_violation_wherever_one_goes(opens: Any, ana: Person, scheme: str, size: dict[str, int]) -> None:
    ana.folder("A folder")
    ana.upload("hello.txt", b"hello")
    visitor = opens(color_scheme=scheme, viewport=size, reduced_motion="reduce")
    visitor.signs_in(ana)
    for what, show in INSIDE.items():
        visitor.page.evaluate("localStorage.removeItem('coffer.layout')")
        visitor.goes("/app/files")
        visitor.sees("A folder", "hello.txt")
        show(visitor)
        visitor.page.get_by_role("main").locator(":not([aria-busy=true])").first.wait_for()
        assert violations(visitor) == [], what
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size["width"], what


def test_a_whole_visit_needs_no_mouse(visitor: Visitor, ana: Person) -> None:
    ana.upload("letter.txt", b"dear reader")
    keys = visitor.page.keyboard
    visitor.goes("/app/files")
    expect(visitor.page.get_by_label("User name or e-mail")).to_be_focused()
    keys.type(ana.name)
    keys.press("Tab")
    keys.type(PASSWORD)
    keys.press("Enter")
    visitor.sees("letter.txt")
    keys.press("Tab")
    assert visitor.page.evaluate("document.activeElement.textContent") == "Skip to content"
    keys.press("Enter")
    assert visitor.page.evaluate("document.activeElement.role") == "grid"
    keys.press("Shift+N")
    dialog = visitor.page.get_by_role("dialog")
    expect(dialog.get_by_label("Name")).to_be_focused()
    keys.type("Kept")
    keys.press("Enter")
    visitor.sees("Kept", "letter.txt")
    # The feed may tell of the folder before its maker has an answer, and keys belong to the dialog until then.
    expect(dialog).to_have_count(0)
    keys.press("End")
    keys.press("Shift+F10")
    visitor.page.get_by_role("menuitem", name="Open").wait_for()
    keys.type("mo")
    assert visitor.page.evaluate("document.activeElement.textContent").startswith("Move to")
    keys.press("Enter")
    dialog = visitor.page.get_by_role("dialog", name="Move letter.txt")
    dialog.get_by_role("button", name="Kept").focus()
    keys.press("Enter")
    dialog.get_by_text("No folders in here").wait_for()
    dialog.get_by_role("button", name="Move here").focus()
    keys.press("Enter")
    visitor.sees("Kept")
    keys.press("Home")
    keys.press("Enter")
    visitor.sees("letter.txt")
    keys.press("Home")
    keys.press("Enter")
    visitor.waits_for("dear reader")
    keys.press("Escape")
    keys.press("Delete")
    visitor.waits_for("Nothing here yet")
    visitor.page.locator(".toast").filter(has_text="letter.txt moved to the trash").get_by_role("button", name="Undo").focus()
    keys.press("Enter")
    visitor.sees("letter.txt")
    keys.press("Backspace")
    visitor.sees("Kept")


def test_it_speaks_german_to_those_who_do_and_whoever_chooses_otherwise(opens: Any, ana: Person) -> None:
    visitor = opens(locale="de-DE")
    visitor.goes("/app/files")
    visitor.waits_for("Willkommen zurück")
    assert visitor.page.locator("html").get_attribute("lang") == "de"
    visitor.page.get_by_label("Sprache").select_option("en")
    visitor.waits_for("Welcome back")
    visitor.page.reload()
    visitor.waits_for("Welcome back")


def test_dark_is_kept_and_never_flashes(opens: Any, ana: Person) -> None:
    visitor = opens(color_scheme="light")
    visitor.signs_in(ana, "/app/settings")
    visitor.page.get_by_role("button", name="Dark").click()
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = visitor.page.evaluate(paper)
    visitor.page.reload(wait_until="commit")
    visitor.page.wait_for_function(f"() => document.body && {paper}")
    assert visitor.page.evaluate("document.documentElement.dataset.theme") == "dark"
    visitor.page.wait_for_function(f"() => {paper} === '{dark}'")
