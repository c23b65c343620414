"""The app on a home screen: it can be installed, opens without a network and says so, and takes what other apps share."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import expect

from factories.browsers import Visitor
from factories.people import PASSWORD, Person
from web.icons import ICONS, SIZES, draw

pytestmark = pytest.mark.slow

LONG_MS = 60_000
READY = "In your drive"
CONTROLLED = "() => navigator.serviceWorker.controller !== null"
KEPT = """async () => {
    const kept = []
    for (const name of await caches.keys())
        for (const request of await (await caches.open(name)).keys()) kept.push(new URL(request.url).pathname)
    return kept
}"""
FORM = """<form method="post" enctype="multipart/form-data" action="{url}/app/share">
    <input name="title"><input name="text"><input name="url"><input type="file" name="files" multiple><button>Share</button>
</form>"""
"""What a system sends when somebody shares with an installed app: a form, from nowhere."""


@pytest.fixture
def guest(opens: Any) -> Visitor:
    """Somebody whose browser has a worker beside the pages."""
    visitor: Visitor = opens(service_workers="allow")
    return visitor


def served(visitor: Visitor) -> None:
    """Wait until the worker stands beside the page."""
    visitor.page.wait_for_function(CONTROLLED, timeout=LONG_MS)


def shares(visitor: Visitor, *files: Path, text: str = "") -> None:
    """Share with the app from outside of it."""
    visitor.goes("/livez")
    visitor.page.goto("about:blank")
    visitor.page.set_content(FORM.format(url=visitor.url))
    visitor.page.locator("input[type=file]").set_input_files([*files])
    visitor.page.locator("input[name=text]").fill(text)
    visitor.page.get_by_role("button", name="Share").click()


@pytest.mark.parametrize("name", SIZES)
def test_icons_are_what_is_drawn(name: str) -> None:
    pixels, whole = SIZES[name]
    with Image.open(ICONS / name) as kept:
        assert kept.size == (pixels, pixels)
        difference = ImageChops.difference(kept.convert("RGBA"), draw(pixels, whole=whole))
    assert max(high for _, high in difference.getextrema()) <= 2  # type: ignore[misc]


def test_browsers_let_it_be_installed(guest: Visitor) -> None:
    guest.goes("/app/files")
    served(guest)
    session = guest.page.context.new_cdp_session(guest.page)
    found = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # Profiles of tests are private windows, in which nothing is ever installed.
    assert [error["errorId"] for error in found if error["errorId"] != "in-incognito"] == []
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"].endswith("/app/manifest.webmanifest")


def test_without_a_network_it_opens_and_says_so_and_goes_on_when_there_is_one(guest: Visitor, ana: Person) -> None:
    ana.folder("Here again")
    guest.signs_in(ana)
    guest.sees("Here again")
    served(guest)
    guest.page.context.set_offline(True)
    guest.page.reload()
    guest.waits_for("Coffer cannot be reached")
    # Whatever a page says of requests that go nowhere is what was asked for.
    guest.complaints.clear()
    guest.page.context.set_offline(False)
    guest.page.get_by_role("button", name="Try again").click()
    guest.sees("Here again")


def test_files_of_the_app_are_kept_and_nothing_of_anybodys_drive(guest: Visitor, ana: Person) -> None:
    ana.upload("letter.txt", b"dear reader")
    guest.goes("/app/sign-in")
    guest.page.evaluate(
        "caches.open('coffer /app/assets/of-an-older-state').then(store => store.put('/app/old', new Response('')))"
    )
    guest.signs_in(ana)
    guest.sees("letter.txt")
    served(guest)
    guest.page.reload()
    guest.item("letter.txt").get_by_role("link").click()
    guest.waits_for("dear reader")
    kept = guest.page.evaluate(KEPT)
    assert len(kept) > 50
    assert [path for path in kept if path != "/app" and not path.startswith("/app/assets/")] == []
    assert len({path.split("/")[3] for path in kept if path != "/app"}) == 1


def test_shared_files_are_uploaded_when_the_person_says_so(guest: Visitor, ana: Person, tmp_path: Path) -> None:
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text(name)
    guest.signs_in(ana)
    served(guest)
    shares(guest, tmp_path / "one.txt", tmp_path / "two.txt")
    question = guest.page.get_by_role("dialog", name="Upload 2 shared files?")
    expect(question.get_by_text("two.txt")).to_be_visible()
    assert ana.children() == []
    question.get_by_role("button", name="Upload").click()
    for name in ("one.txt", "two.txt"):
        guest.upload(name).get_by_text(READY, exact=True).wait_for(timeout=LONG_MS)
    guest.sees("one.txt", "two.txt")
    assert guest.page.url.endswith("/app/files")
    shares(guest, text="a thought")
    guest.page.get_by_role("dialog", name="Upload 1 shared file?").get_by_role("button", name="Discard").click()
    expect(guest.page.get_by_role("dialog")).to_have_count(0)
    guest.goes("/app/files?shared=1")
    guest.waits_for("What was shared did not arrive.")
    assert [item["name"] for item in ana.children()] == ["one.txt", "two.txt"]


def test_who_is_signed_out_signs_in_before_anything_is_taken(guest: Visitor, ana: Person) -> None:
    guest.goes("/app/sign-in")
    served(guest)
    shares(guest, text="a thought")
    guest.fills_in(ana.name, PASSWORD)
    guest.page.get_by_role("dialog", name="Upload 1 shared file?").get_by_role("button", name="Upload").click()
    guest.sees("Shared.txt")
    [thought] = ana.children()
    assert thought["size"] == len("a thought")
