"""Files on their way from a browser to the bucket, and what the tray says of them: always what is true."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route

from factories.browsers import Visitor
from factories.images import eicar, jpeg
from factories.people import PASSWORD, Person

pytestmark = pytest.mark.slow

READY = "In your drive"
MIB = 1024 * 1024
LONG_MS = 60_000


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder on the person's own machine."""
    (tmp_path / "note.txt").write_text("a note")
    (tmp_path / "photo.jpg").write_bytes(jpeg())
    (tmp_path / "film.bin").write_bytes(bytes(range(256)) * (4 * 20 * 1024))
    return tmp_path


def comes_to(visitor: Visitor, name: str, state: str) -> None:
    """Wait until the tray says so."""
    visitor.upload(name).get_by_text(state, exact=True).wait_for(timeout=LONG_MS)


def test_files_are_sent_checked_and_shown_with_their_picture(visitor: Visitor, ana: Person, desk: Path) -> None:
    visitor.signs_in(ana)
    visitor.waits_for("Nothing here yet")
    visitor.picks(desk / "note.txt", desk / "photo.jpg")
    for name in ("note.txt", "photo.jpg"):
        comes_to(visitor, name, READY)
    visitor.sees("note.txt", "photo.jpg")
    visitor.item("photo.jpg").locator("img").wait_for(timeout=LONG_MS)
    picture = "document.querySelector('.item .thumb img')"
    visitor.page.wait_for_function(f"() => {picture}.complete && {picture}.naturalWidth > 0")
    visitor.upload("note.txt").get_by_role("link", name="note.txt", exact=True).click()
    visitor.waits_for("a note")


def test_what_is_longer_than_eight_mib_goes_in_parts_whose_hashes_the_bucket_checks(
    visitor: Visitor, ana: Person, desk: Path
) -> None:
    puts: list[dict[str, str]] = []
    visitor.page.on("request", lambda request: puts.append(request.headers) if request.method == "PUT" else None)
    visitor.signs_in(ana)
    visitor.waits_for("Nothing here yet")
    visitor.picks(desk / "film.bin")
    comes_to(visitor, "film.bin", READY)
    assert len(puts) == 3
    assert all("x-amz-checksum-sha256" in headers and "authorization" not in headers for headers in puts)
    [film] = ana.children()
    assert (film["size"], film["content_hash"] is not None) == ((desk / "film.bin").stat().st_size, True)


def test_a_part_that_fails_is_sent_again_and_nothing_else_is(visitor: Visitor, ana: Person, desk: Path) -> None:
    failed: list[str] = []

    def once(route: Route) -> None:
        if route.request.method == "PUT" and not failed:
            failed.append(route.request.url)
            route.abort("connectionreset")
        else:
            route.fallback()

    visitor.signs_in(ana)
    visitor.waits_for("Nothing here yet")
    visitor.page.route("**/blobs/**", once)
    visitor.picks(desk / "film.bin")
    comes_to(visitor, "film.bin", READY)
    assert len(failed) == 1
    assert [item["name"] for item in ana.children()] == ["film.bin"]


def test_an_upload_is_paused_and_goes_on_with_what_is_missing(visitor: Visitor, ana: Person, desk: Path) -> None:
    held: list[Route] = []
    visitor.signs_in(ana)
    visitor.waits_for("Nothing here yet")
    visitor.page.route("**/blobs/**", lambda route: held.append(route) if route.request.method == "PUT" else route.fallback())
    with visitor.page.expect_request(lambda request: request.method == "PUT"):
        visitor.picks(desk / "film.bin")
    visitor.page.get_by_role("button", name="Pause film.bin").click()
    visitor.upload("film.bin").get_by_text("Paused").wait_for()
    visitor.page.unroute_all()
    visitor.page.get_by_role("button", name="Resume film.bin").click()
    comes_to(visitor, "film.bin", READY)


def test_a_refused_file_says_why_and_is_not_in_the_drive(visitor: Visitor, ana: Person, desk: Path) -> None:
    (desk / "virus.txt").write_bytes(eicar())
    visitor.signs_in(ana)
    visitor.waits_for("Nothing here yet")
    visitor.picks(desk / "virus.txt")
    comes_to(visitor, "virus.txt", "Refused: the anti-virus test file.")
    assert ana.children() == []


def test_names_that_are_taken_are_decided_once_for_all(visitor: Visitor, ana: Person, desk: Path) -> None:
    for name in ("note.txt", "photo.jpg"):
        ana.upload(name, b"what was there before")
    visitor.signs_in(ana)
    visitor.sees("note.txt", "photo.jpg")
    visitor.picks(desk / "note.txt", desk / "photo.jpg")
    choices = visitor.page.get_by_role("group", name="2 names are taken")
    choices.get_by_role("button", name="Keep both").click()
    visitor.sees("note (1).txt", "note.txt", "photo (1).jpg", "photo.jpg")
    visitor.picks(desk / "note.txt")
    visitor.page.get_by_role("group", name="note.txt is there already").get_by_role("button", name="Replace").click()
    comes_to(visitor, "note.txt", READY)
    note = next(item for item in ana.children() if item["name"] == "note.txt")
    assert note["size"] == len("a note")
    assert len(ana.get(f"/v1/items/{note['id']}/versions")["items"]) == 2


def test_a_folder_comes_with_everything_below_it(visitor: Visitor, ana: Person, desk: Path) -> None:
    (desk / "Trip" / "Day one").mkdir(parents=True)
    (desk / "Trip" / "plan.txt").write_text("plan")
    (desk / "Trip" / "Day one" / "hut.txt").write_text("hut")
    visitor.signs_in(ana)
    visitor.waits_for("Nothing here yet")
    with visitor.page.expect_file_chooser() as chooser:
        visitor.page.get_by_role("button", name="New", exact=True).click()
        visitor.page.get_by_role("menuitem", name="Upload a folder").click()
    chooser.value.set_files(desk / "Trip")
    for name in ("plan.txt", "hut.txt"):
        comes_to(visitor, name, READY)
    visitor.sees("Trip")
    trip = ana.children()[0]
    assert sorted(item["name"] for item in ana.children(trip["id"])) == ["Day one", "plan.txt"]


def test_files_are_dropped_onto_the_page(visitor: Visitor, ana: Person) -> None:
    visitor.signs_in(ana)
    visitor.waits_for("Nothing here yet")
    transfer: Any = visitor.page.evaluate_handle(
        "() => { const given = new DataTransfer(); given.items.add(new File(['dropped'], 'dropped.txt')); return given }"
    )
    visitor.page.locator(".page").dispatch_event("dragover", {"dataTransfer": transfer})
    visitor.waits_for("Drop to upload to My files")
    visitor.page.locator(".page").dispatch_event("drop", {"dataTransfer": transfer})
    comes_to(visitor, "dropped.txt", READY)
    visitor.sees("dropped.txt")


def test_a_session_that_ends_in_mid_upload_loses_nothing(visitor: Visitor, ana: Person, desk: Path) -> None:
    held: list[Route] = []
    visitor.signs_in(ana)
    visitor.waits_for("Nothing here yet")
    visitor.page.route("**/blobs/**", lambda route: held.append(route) if route.request.method == "PUT" else route.fallback())
    with visitor.page.expect_request(lambda request: request.method == "PUT"):
        visitor.picks(desk / "photo.jpg")
    own = ana.tokens["session_id"]
    for session in ana.get("/v1/sessions")["items"]:
        if session["id"] != own:
            assert ana.http.delete(f"/v1/sessions/{session['id']}").status_code == 204
    visitor.page.unroute_all()
    for route in held:
        route.continue_()
    again = visitor.page.get_by_role("dialog", name="Sign in again")
    again.wait_for(timeout=LONG_MS)
    again.get_by_label("Password").fill(PASSWORD)
    again.get_by_role("button", name="Sign in", exact=True).click()
    comes_to(visitor, "photo.jpg", READY)
    visitor.sees("photo.jpg")
