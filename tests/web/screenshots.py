"""Pictures of ten views, wide and on a telephone, light and dark: `make screenshots` writes them, people look at them.

Not a test: what looks good is nothing that a machine can say.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

sys.path.insert(0, str(Path(__file__).parents[1]))

from factories.browsers import PHONE, WIDE, Shows, Visitor, after, at, chromium  # the path above leads to it
from factories.images import eicar
from factories.people import Person
from factories.scenery import furnish
from factories.stacks import local_stack

INTO = Path(tempfile.gettempdir()) / "coffer-screenshots"
LOOKS: list[tuple[str, dict[str, Any]]] = [
    ("wide-light", {"viewport": WIDE, "color_scheme": "light"}),
    ("wide-dark", {"viewport": WIDE, "color_scheme": "dark"}),
    ("phone-light", {"viewport": PHONE, "color_scheme": "light", "has_touch": True, "device_scale_factor": 2}),
    ("phone-dark", {"viewport": PHONE, "color_scheme": "dark", "has_touch": True, "device_scale_factor": 2}),
]


def at_rest(visitor: Visitor) -> None:
    """Wait until nothing is on its way any more."""
    visitor.page.wait_for_function(
        """() => !document.querySelector('[aria-busy=true], .spinner') && [...document.images].every(image => image.complete)
            && document.getAnimations().every(one => one.playState === 'finished')"""
    )


def listed(visitor: Visitor) -> None:
    """The folder with everything in it."""
    visitor.goes("/app/files")
    visitor.item("Walks around the lake.pdf").locator("img").wait_for()


def detailed(visitor: Visitor) -> None:
    """A photograph and what is known of it."""
    listed(visitor)
    visitor.item("Lake.jpg").get_by_role("button", name="More for Lake.jpg").click()
    visitor.page.get_by_role("menuitem", name="Details").click()
    visitor.waits_for("Activity")


def with_menu(visitor: Visitor) -> None:
    """Tiles, and a menu on one of them."""
    listed(visitor)
    visitor.page.get_by_role("button", name="Show as tiles").click()
    visitor.item("Evening.jpg").locator("img").wait_for()
    visitor.item("Holiday").get_by_role("button", name="More for Holiday").click()


def opened(name: str, sign: str) -> Shows:
    """A file in full."""

    def show(visitor: Visitor) -> None:
        listed(visitor)
        visitor.item(name).get_by_role("link").click()
        visitor.page.locator(sign).first.wait_for()

    return show


def uploading(visitor: Visitor) -> None:
    """The tray: one that arrived, one whose name is taken, one that was refused."""
    listed(visitor)
    with tempfile.TemporaryDirectory() as folder:
        letter = f"Letter {len(visitor.names())}.txt"
        for name, content in ((letter, b"dear"), ("Notes.md", b"again"), ("Odd.txt", eicar())):
            (Path(folder) / name).write_bytes(content)
        visitor.picks(*sorted(Path(folder).iterdir()))
        visitor.upload(letter).get_by_text("In your drive", exact=True).wait_for()
        visitor.upload("Odd.txt").get_by_text("Refused").wait_for()


def sharing(visitor: Visitor) -> None:
    """Who has a folder, and giving it to one more."""
    listed(visitor)
    visitor.item("Holiday").get_by_role("button", name="More for Holiday").click()
    visitor.page.get_by_role("menuitem", name="Share …").click()
    visitor.page.get_by_role("dialog").get_by_label("With whom").fill("joan@example.org")


VIEWS: dict[str, Shows] = {
    "02-files": listed,
    "03-details": detailed,
    "04-tiles-and-menu": with_menu,
    "05-photograph": opened("Ridge.jpg", "img.whole:not(.soft)"),
    "06-pages": opened("Walks around the lake.pdf", ".pager"),
    "07-text": opened("Notes.md", ".reading"),
    "08-uploads": uploading,
    "09-search": after(at("/app/search?q=lake"), lambda visitor: visitor.item("Lake.jpg").locator("img").wait_for()),
    "10-trash": after(at("/app/trash"), lambda visitor: visitor.waits_for("Trash")),
    "11-settings": after(at("/app/settings/security"), lambda visitor: visitor.waits_for("This device")),
    "12-sharing": sharing,
}


def look(browser: Browser, url: str, person: Person, name: str, how: dict[str, Any]) -> None:
    """All views in one look."""
    with browser.new_context(locale="en-US", **how) as context:
        visitor = Visitor(context.new_page(), url)
        visitor.goes("/app/sign-in")
        visitor.page.get_by_role("heading").wait_for()
        visitor.page.screenshot(path=INTO / f"01-sign-in-{name}.png")
        visitor.signs_in(person)
        for view, show in VIEWS.items():
            visitor.page.evaluate("localStorage.removeItem('coffer.layout')")
            show(visitor)
            at_rest(visitor)
            visitor.page.screenshot(path=INTO / f"{view}-{name}.png")


def main() -> None:
    """Start a Coffer, furnish a drive, and take the pictures."""
    INTO.mkdir(exist_ok=True)
    with local_stack() as stack, chromium() as browser:
        person = Person.at(stack.url, "mara")
        furnish(person)
        for name, how in LOOKS:
            look(browser, stack.url, person, name, how)
    sys.stdout.write(f"Pictures are in {INTO}\n")


if __name__ == "__main__":
    main()
