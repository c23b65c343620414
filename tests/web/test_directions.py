"""Read from right to left, in longer words, without motion, with a thumb, by keys alone: it serves all of them."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect

from factories.browsers import WIDE, Shows, Visitor, after, at
from factories.people import Person

pytestmark = pytest.mark.slow

LONG_MS = 60_000
READY = "In your drive"
SMALL = {"width": 360, "height": 740}
TURNED = "addEventListener('DOMContentLoaded', () => document.documentElement.setAttribute('dir', 'rtl'))"
BEYOND = """() => [...document.querySelectorAll('body *')].filter(element => {
    const {left, right, width} = element.getBoundingClientRect()
    const clipped = element.closest('.unseen, .skip, [hidden], svg, .lines, .crumbs, .tabs')
    return width > 1 && !clipped && (left < -1 || right > innerWidth + 1)
}).map(element => element.outerHTML.slice(0, 120))"""
"""What sticks out of the window at either side. Rows of tabs are pushed along on telephones."""

TARGETS = """() => [...document.querySelectorAll('button, a[href], input, select')].filter(element => {
    const {width, height} = element.getBoundingClientRect()
    const seen = element.checkVisibility({opacityProperty: true, visibilityProperty: true})
    return seen && width && !element.closest('.unseen, .skip') && (width < 24 || height < 24)
        && getComputedStyle(element).display !== 'inline'
}).map(element => element.outerHTML.slice(0, 120))"""
"""What is too small to be hit (WCAG 2.5.8); links within text are not meant."""


def pressed(*keys: str) -> Shows:
    """Shows what keys on the listing show."""

    def show(visitor: Visitor) -> None:
        for key in keys:
            visitor.page.keyboard.press(key)

    return show


def pushed(name: str) -> Shows:
    """Shows what a button shows."""
    return lambda visitor: visitor.page.get_by_role("button", name=name, exact=True).click()


def waited(selector: str) -> Shows:
    """Waits for something on the screen."""
    return lambda visitor: visitor.page.locator(selector).first.wait_for()


PLACES: dict[str, Shows] = {
    "rows": waited(".row.item"),
    "details": after(pressed("Home", "i"), waited(".details")),
    "a menu": after(pressed("End", "Shift+F10"), waited(".menu")),
    "tiles": after(pushed("Show as tiles"), waited(".tile")),
    "a dialog": after(pressed("Shift+N"), waited("dialog[open]")),
    "a file": after(pressed("End", "Enter"), waited(".reading")),
    "trash": after(at("/app/trash"), waited(".empty")),
    "settings": after(at("/app/settings"), waited(".settings section")),
}


def furnished(person: Person) -> None:
    """A folder and a file."""
    person.folder("A folder")
    person.upload("hello.txt", b"hello")


def walks(visitor: Visitor) -> None:
    """Everywhere, and nothing sticks out."""
    for what, show in PLACES.items():
        visitor.page.evaluate("localStorage.removeItem('coffer.layout')")
        visitor.goes("/app/files")
        visitor.sees("A folder", "hello.txt")
        show(visitor)
        assert visitor.page.evaluate(BEYOND) == [], what
        assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), what


def box(found: Locator) -> dict[str, float]:
    """Where it stands."""
    place = found.bounding_box()
    assert place is not None
    return {"start": place["x"], "end": place["x"] + place["width"], "top": place["y"]}


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["wide", "narrow"])
def test_from_right_to_left_everything_is_mirrored_and_nothing_sticks_out(
    opens: Any, ana: Person, size: dict[str, int]
) -> None:
    furnished(ana)
    visitor = opens(viewport=size, reduced_motion="reduce")
    visitor.page.add_init_script(TURNED)
    visitor.signs_in(ana)
    walks(visitor)
    visitor.goes("/app/files")
    visitor.sees("A folder", "hello.txt")
    name, more = box(visitor.item("hello.txt").locator(".name")), box(visitor.item("hello.txt").locator(".icon-button").last)
    assert more["end"] < name["start"]
    if size == WIDE:
        assert box(visitor.page.locator(".sidebar"))["start"] > box(visitor.page.locator("main"))["end"] - 1
        button = visitor.page.get_by_role("button", name="New", exact=True)
        button.click()
        assert box(visitor.page.locator(".menu"))["end"] == pytest.approx(box(button)["end"], abs=2)


def test_from_right_to_left_the_key_to_the_left_goes_on(opens: Any, ana: Person) -> None:
    furnished(ana)
    visitor = opens()
    visitor.page.add_init_script(TURNED)
    visitor.signs_in(ana)
    visitor.sees("A folder", "hello.txt")
    visitor.page.get_by_role("button", name="Show as tiles").click()
    visitor.page.locator(".tile").first.wait_for()
    chosen = visitor.page.locator(".tile[aria-selected=true] .name")
    pressed("Home")(visitor)
    expect(chosen).to_have_text("A folder")
    pressed("ArrowLeft")(visitor)
    expect(chosen).to_have_text("hello.txt")
    pressed("ArrowRight")(visitor)
    expect(chosen).to_have_text("A folder")


def test_words_that_are_half_as_long_again_fit(opens: Any, ana: Person) -> None:
    furnished(ana)

    def longer(text: Any) -> Any:
        if isinstance(text, dict):
            return {kind: longer(one) for kind, one in text.items()}
        return f"{text}{'' if len(text) < 3 else ' ' + 'ö' * (len(text) // 2)}"

    def stretched(route: Route) -> None:
        texts = json.loads(route.fetch().body())
        # What tests find things by keeps its name.
        kept = ("sign_in.", "layout.")
        route.fulfill(json={key: text if key.startswith(kept) else longer(text) for key, text in texts.items()})

    for size in (WIDE, SMALL):
        visitor = opens(viewport=size, reduced_motion="reduce")
        visitor.page.route("**/texts/en.json", stretched)
        visitor.signs_in(ana)
        walks(visitor)


def test_who_wants_no_motion_sees_none(opens: Any, ana: Person) -> None:
    furnished(ana)
    visitor = opens(reduced_motion="reduce")
    visitor.signs_in(ana)
    visitor.sees("A folder", "hello.txt")
    after(PLACES["details"], PLACES["a dialog"])(visitor)
    longest = visitor.page.evaluate(
        "() => Math.max(0, ...document.getAnimations().map(one => Number(one.effect.getComputedTiming().endTime)))"
    )
    assert longest < 1


def test_a_thumb_reaches_what_is_needed_most_and_hits_everything(opens: Any, ana: Person) -> None:
    furnished(ana)
    phone = opens(viewport=SMALL, has_touch=True, is_mobile=True)
    phone.signs_in(ana)
    phone.sees("A folder", "hello.txt")
    for found in (
        phone.page.get_by_role("link", name="My files").first,
        phone.page.get_by_role("button", name="New", exact=True),
    ):
        assert box(found)["top"] > SMALL["height"] / 2
    for what, show in PLACES.items():
        if what in {"rows", "tiles", "settings", "trash"}:
            phone.goes("/app/files")
            phone.sees("A folder", "hello.txt")
            show(phone)
            assert phone.page.evaluate(TARGETS) == [], what


def tabs_to(visitor: Visitor, name: str) -> None:
    """Press Tab until the keyboard stands on what is called so."""
    for _ in range(60):
        visitor.page.keyboard.press("Tab")
        here = "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent).trim()"
        if visitor.page.evaluate(here) == name:
            return
    raise AssertionError(f"Tab does not lead to {name}")


def test_files_come_go_and_come_back_by_keys_alone(visitor: Visitor, ana: Person, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("a note")
    keys = visitor.page.keyboard
    visitor.signs_in(ana)
    visitor.waits_for("Nothing here yet")
    with visitor.page.expect_file_chooser() as chooser:
        keys.press("Shift+U")
    chooser.value.set_files(tmp_path / "note.txt")
    visitor.upload("note.txt").get_by_text(READY, exact=True).wait_for(timeout=LONG_MS)
    tabs_to(visitor, "What happened to note.txt")
    keys.press("Enter")
    visitor.page.get_by_role("heading", name="note.txt").wait_for()
    tabs_to(visitor, "My files")
    keys.press("Enter")
    visitor.sees("note.txt")
    tabs_to(visitor, "Files and folders")
    keys.press("Home")
    keys.press("Delete")
    visitor.waits_for("Nothing here yet")
    tabs_to(visitor, "Trash")
    keys.press("Enter")
    visitor.sees("note.txt")
    tabs_to(visitor, "Items in the trash")
    keys.press("Home")
    keys.press("Shift+F10")
    visitor.page.get_by_role("menuitem", name="Restore").wait_for()
    keys.press("Enter")
    visitor.waits_for("The trash is empty")
    tabs_to(visitor, "My files")
    keys.press("Enter")
    visitor.sees("note.txt")
