"""A Chromium of the system, and people who sit in front of it."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Response, expect, sync_playwright

from factories.people import PASSWORD, Person

WITH_WINDOWS = ("chromium", "chromium-browser", "google-chrome")
NAMES = ("chromium-headless-shell", *WITH_WINDOWS)
"""The first one is the same engine without windows, at half the processor time."""
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
PATIENCE_MS = 30_000
"""On a machine that is busy with other tests a first visit, a hundred small files, takes its time."""
EXPECTED = ("Failed to load resource", "Service Worker registration blocked by Playwright")
"""What a browser says of every refusal, also of those that belong to a story, and of what most stories do without."""


@contextlib.contextmanager
def chromium(names: Sequence[str] = NAMES) -> Iterator[Browser]:
    """A running one. Where there is none the test says loudly that it did not run."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("THE WEB APP IS NOT TESTED IN A BROWSER HERE: there is no chromium (apt-get install chromium)")
    # Its sandbox refuses root; the pages are our own.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=[*sandbox, "--disable-dev-shm-usage"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visitor:
    """Somebody in front of one page. What the page complained of is kept: nothing is to be heard of it."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen from the beginning."""
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type in {"error", "warning"} else None)
        self.page.on("pageerror", lambda error: self.complaints.append(f"thrown: {error}"))
        # Asked for only when a test waits for one, choosers are caught after the key that opens them on a busy machine.
        self.page.on("filechooser", lambda _: None)

    def unexpected(self) -> list[str]:
        """What was complained of beside refusals."""
        return [text for text in self.complaints if not text.startswith(EXPECTED)]

    def goes(self, path: str) -> None:
        """Load a page."""
        self.page.goto(self.url + path)

    def signs_in(self, person: Person, path: str = "/app/files", *, password: str = PASSWORD) -> None:
        """Fill in the form; returns when the drive is on the screen."""
        self.goes(path)
        self.fills_in(person.name, password)
        self.page.locator(".page").wait_for()

    def fills_in(self, login: str, password: str) -> None:
        """The form of the entrance."""
        self.page.get_by_label("User name or e-mail").fill(login)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.page.get_by_role("button", name="Sign in", exact=True).click()

    @property
    def grid(self) -> Locator:
        """The listing."""
        return self.page.get_by_role("grid")

    def item(self, name: str) -> Locator:
        """The row or tile of an item; in a place beside its name it is chosen by a click."""
        return self.page.locator(".item").filter(has=self.page.locator(".name", has_text=name))

    def chooses(self, name: str, *, with_key: Any = None) -> None:
        """Click it, beside its name."""
        self.item(name).locator(".time-cell").click(modifiers=[with_key] if with_key else [])

    def names(self) -> list[str]:
        """What is listed, from top to bottom."""
        return [text.strip() for text in self.page.locator(".item .name").all_inner_texts()]

    def sees(self, *names: str) -> None:
        """Wait until exactly these are listed, in this order. Raises AssertionError with what is."""
        self.page.wait_for_function(
            "names => JSON.stringify([...document.querySelectorAll('.item .name')].map(name => name.textContent)) === names",
            arg="[" + ",".join(f'"{name}"' for name in names) + "]",
        )

    def picks(self, *paths: Any) -> None:
        """Upload files with the picker."""
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_role("button", name="New", exact=True).click()
            self.page.get_by_role("menuitem", name="Upload files").click()
        chooser.value.set_files([*paths])

    def upload(self, name: str, nth: int = -1) -> Locator:
        """Its line in the tray."""
        lines = self.page.locator(".upload").filter(has_text=name)
        return lines.last if nth < 0 else lines.nth(nth)

    def waits_for(self, text: str) -> Locator:
        """A text on the screen."""
        found = self.page.get_by_text(text).first
        found.wait_for()
        return found


Shows = Callable[[Visitor], Any]
"""Brings something onto the screen."""


def after(*shows: Shows) -> Shows:
    """One after the other."""

    def show(visitor: Visitor) -> None:
        for one in shows:
            one(visitor)

    return show


def at(path: str) -> Shows:
    """A place of the app."""
    return lambda visitor: visitor.goes(path)


def answered(page: Page, path: str) -> Any:
    """Waits, as a context manager, for the answer of a request to that path."""

    def fits(response: Response) -> bool:
        return path in response.url

    return page.expect_response(fits)
