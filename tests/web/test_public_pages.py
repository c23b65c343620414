"""What people without an account see behind a public link: folders, files, a place to send files to, and every closed door."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Locator, Request, expect

from factories import images
from factories.axe import violations
from factories.browsers import WIDE, Visitor
from factories.images import eicar
from factories.people import Person, all_leave
from factories.stacks import LocalStack
from factories.visitors import linked

pytestmark = pytest.mark.slow

SOON_MS = 30_000
NARROW = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def owner(stack: LocalStack) -> Person:
    return Person.at(stack.url)


@pytest.fixture(autouse=True, scope="module")
def _doors_closed() -> Iterator[None]:
    """The owner stays for all tests."""
    yield
    all_leave()


@pytest.fixture(scope="module")
def holiday(owner: Person) -> dict[str, str]:
    """A folder with a picture, a text, and a folder with another picture; ids by name."""
    made = {"Holiday": str(owner.folder("Holiday")["id"])}
    made["Hut"] = str(owner.folder("Hut", made["Holiday"])["id"])
    for name, content, parent in (
        ("Lake.jpg", images.jpeg(640, 480), "Holiday"),
        ("notes.txt", b"dear reader", "Holiday"),
        ("Stove.jpg", images.jpeg(320, 240), "Hut"),
    ):
        made[name] = owner.upload(name, content, parent=made[parent])["item_id"]
    for name in ("Lake.jpg", "Stove.jpg"):
        owner.previewed(made[name])
    return made


def follows(visitor: Visitor, link: dict[str, Any]) -> None:
    """Somebody without an account has the address."""
    visitor.goes(urlsplit(link["url"]).path)


def headed(visitor: Visitor, text: str) -> Locator:
    """What the page says that it is."""
    found = visitor.page.get_by_role("heading", level=1, name=text)
    expect(found).to_be_visible(timeout=SOON_MS)
    return found


def test_a_folder_is_looked_through_and_a_picture_seen_but_nothing_is_downloaded(
    visitor: Visitor, owner: Person, holiday: dict[str, str]
) -> None:
    asked: list[Request] = []

    def heard(request: Request) -> None:
        # The driver takes functions only, and not what is built in.
        asked.append(request)

    visitor.page.on("request", heard)
    link = linked(owner, holiday["Holiday"])
    follows(visitor, link)
    visitor.sees("Hut", "Lake.jpg", "notes.txt")
    headed(visitor, "Holiday")
    expect(visitor.page.get_by_text(f"Shared by {owner.name}")).to_be_visible()
    expect(visitor.item("Lake.jpg").locator("img")).to_be_visible(timeout=SOON_MS)
    visitor.item("Hut").get_by_role("link").click()
    visitor.sees("Stove.jpg")
    visitor.page.go_back()
    visitor.sees("Hut", "Lake.jpg", "notes.txt")
    visitor.item("Lake.jpg").get_by_role("link").click()
    expect(visitor.page.locator("img.whole:not(.soft)")).to_be_visible(timeout=SOON_MS)
    visitor.page.keyboard.press("ArrowRight")
    expect(visitor.page.get_by_role("group", name="notes.txt")).to_have_text("dear reader", timeout=SOON_MS)
    expect(visitor.page.get_by_role("button", name="Download")).to_have_count(0)
    visitor.page.keyboard.press("Escape")
    visitor.chooses("notes.txt")
    for name in ("Download", "Download everything", "Details", "Move to trash", "Share …"):
        expect(visitor.page.get_by_role("button", name=name, exact=True)).to_have_count(0)
    token = link["url"].rpartition("/")[2]
    for request in asked:
        assert not request.url.endswith(("/tickets", "/download-url"))
        assert not request.all_headers().get("referer"), request.url
        if urlsplit(request.url).netloc != urlsplit(visitor.url).netloc:
            assert token not in request.url
    assert visitor.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])").count(token) == 0


def test_a_download_needs_leave_is_counted_and_ends_when_there_are_none(
    visitor: Visitor, owner: Person, holiday: dict[str, str], tmp_path: Path
) -> None:
    link = linked(owner, holiday["Holiday"], mode="download", max_downloads=2)
    follows(visitor, link)
    visitor.sees("Hut", "Lake.jpg", "notes.txt")
    visitor.chooses("notes.txt")
    with visitor.page.expect_download() as one:
        visitor.page.get_by_role("button", name="Download", exact=True).click()
    one.value.save_as(tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_bytes() == b"dear reader"
    expect(visitor.page.get_by_text("1 download left")).to_be_visible()
    with visitor.page.expect_download() as all_of_it:
        visitor.page.get_by_role("button", name="Download everything").click()
    assert all_of_it.value.suggested_filename.endswith(".zip")
    expect(visitor.page.get_by_text("0 downloads left")).to_be_visible()
    visitor.page.get_by_role("button", name="Download everything").click()
    visitor.waits_for("The downloads of this link are used up.")
    visitor.sees("Hut", "Lake.jpg", "notes.txt")
    visitor.page.reload()
    headed(visitor, "The downloads of this link are used up")


def test_one_file_is_shown_and_downloaded(visitor: Visitor, owner: Person, holiday: dict[str, str], tmp_path: Path) -> None:
    follows(visitor, linked(owner, holiday["Lake.jpg"], mode="download"))
    headed(visitor, "Lake.jpg")
    expect(visitor.page.get_by_role("img", name="Lake.jpg")).to_be_visible(timeout=SOON_MS)
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "back.jpg")
    assert (tmp_path / "back.jpg").read_bytes() == images.jpeg(640, 480)


def test_a_password_keeps_out_who_does_not_know_it_and_another_ends_the_visit(
    visitor: Visitor, owner: Person, holiday: dict[str, str]
) -> None:
    link = linked(owner, holiday["Holiday"], password="tulips")
    follows(visitor, link)
    headed(visitor, "This link has a password")
    expect(visitor.page.get_by_text("Holiday")).to_have_count(0)
    field = visitor.page.get_by_label("Password")
    field.fill("roses")
    field.press("Enter")
    expect(visitor.page.get_by_text("This is not the password.")).to_be_visible()
    field.fill("tulips")
    field.press("Enter")
    visitor.sees("Hut", "Lake.jpg", "notes.txt")
    assert owner.http.patch(f"/v1/links/{link['id']}", json={"password": "crocus"}).status_code == 200
    loses(visitor, "Hut", "Stove.jpg", "This link has a password")
    field.fill("crocus")
    field.press("Enter")
    # Where they were, in the folder or above it, depends on when the news came.
    expect(visitor.item("Stove.jpg").or_(visitor.item("Lake.jpg"))).to_be_visible()


def loses(visitor: Visitor, folder: str, within: str, heading: str) -> None:
    """Go in and out of a folder, in which something lies, until the page says that the visit is over."""
    over = visitor.page.get_by_role("heading", level=1, name=heading)
    visitor.item(folder).get_by_role("link").click()
    for _ in range(20):
        # What lies there comes last: nothing is asked for after it that could be refused.
        expect(over.or_(visitor.item(within))).to_be_visible(timeout=SOON_MS)
        if over.is_visible():
            return
        # The news of it was on its way.
        visitor.page.get_by_role("navigation").get_by_role("link").click()
        expect(over.or_(visitor.item(folder))).to_be_visible(timeout=SOON_MS)
        if over.is_visible():
            return
        visitor.item(folder).get_by_role("link").click()
    expect(over).to_be_visible()


def test_too_many_guesses_are_told_to_wait(visitor: Visitor, owner: Person, holiday: dict[str, str]) -> None:
    link = linked(owner, holiday["Holiday"], password="tulips")

    def refuse(route: Any) -> None:
        answer = {"code": "too_many_attempts", "status": 429, "title": "Too many attempts", "detail": "Wait."}
        route.fulfill(status=429, json=answer, headers={"Retry-After": "45"}, content_type="application/problem+json")

    visitor.page.route("**/unlock", refuse)
    follows(visitor, link)
    field = visitor.page.get_by_label("Password")
    field.fill("roses")
    field.press("Enter")
    expect(visitor.page.get_by_text("Too many attempts. Try again in 45 seconds.")).to_be_visible()
    visitor.page.unroute_all()
    field.fill("tulips")
    field.press("Enter")
    visitor.sees("Hut", "Lake.jpg", "notes.txt")


def test_a_visit_goes_on_when_its_session_is_about_to_end(visitor: Visitor, owner: Person, holiday: dict[str, str]) -> None:
    visitor.page.clock.install()
    follows(visitor, linked(owner, holiday["Holiday"], password="tulips"))
    visitor.page.get_by_label("Password").fill("tulips")
    visitor.page.get_by_label("Password").press("Enter")
    visitor.sees("Hut", "Lake.jpg", "notes.txt")
    visitor.page.clock.fast_forward("14:45")
    with visitor.page.expect_request("**/unlock") as asked:
        visitor.item("Hut").get_by_role("link").click()
    shown: Any = asked.value.post_data_json
    assert shown["password"] == "tulips"
    assert shown["session"].count(".") == 2
    visitor.sees("Stove.jpg")


def test_what_is_shut_deleted_or_never_was_looks_the_same(visitor: Visitor, owner: Person, holiday: dict[str, str]) -> None:
    shut = linked(owner, holiday["Holiday"])
    follows(visitor, shut)
    visitor.sees("Hut", "Lake.jpg", "notes.txt")
    assert owner.http.patch(f"/v1/links/{shut['id']}", json={"disabled": True}).status_code == 200
    loses(visitor, "Hut", "Stove.jpg", "There is nothing here")
    gone = linked(owner, holiday["Holiday"])
    assert owner.http.delete(f"/v1/links/{gone['id']}").status_code == 204
    for path in (urlsplit(shut["url"]).path, urlsplit(gone["url"]).path, "/s/never-was"):
        visitor.goes(path)
        headed(visitor, "There is nothing here")
        expect(visitor.page.get_by_text("Holiday")).to_have_count(0)


def test_a_link_whose_time_is_up_says_so(visitor: Visitor, owner: Person, holiday: dict[str, str]) -> None:
    ends = datetime.now(UTC) + timedelta(seconds=5)
    link = linked(owner, holiday["Holiday"], expires_at=ends.isoformat().replace("+00:00", "Z"))
    path = urlsplit(link["url"]).path
    door = f"/v1/public/links/{path.rpartition('/')[2]}"
    Person.wait_for(
        lambda: {"status": owner.http.get(door).status_code}, lambda asked: asked["status"] == 410, within_seconds=30
    )
    visitor.goes(path)
    headed(visitor, "This link has expired")


def test_a_server_that_is_away_for_a_moment_is_asked_again(visitor: Visitor, owner: Person, holiday: dict[str, str]) -> None:
    visitor.page.route("**/v1/public/**", lambda route: route.abort())
    follows(visitor, linked(owner, holiday["Holiday"]))
    headed(visitor, "This link cannot be opened now")
    visitor.page.unroute_all()
    visitor.page.get_by_role("button", name="Try again").click()
    visitor.sees("Hut", "Lake.jpg", "notes.txt")


def test_whoever_may_edit_adds_renames_and_removes(visitor: Visitor, owner: Person, tmp_path: Path) -> None:
    folder = owner.folder("Together")
    owner.upload("draft.txt", b"draft", parent=folder["id"])
    (tmp_path / "more.txt").write_text("more")
    follows(visitor, linked(owner, folder["id"], mode="edit"))
    visitor.sees("draft.txt")
    with visitor.page.expect_file_chooser() as chooser:
        visitor.page.get_by_role("button", name="Upload files").click()
    chooser.value.set_files(tmp_path / "more.txt")
    visitor.sees("draft.txt", "more.txt")
    visitor.page.get_by_role("button", name="New folder").click()
    visitor.page.get_by_role("dialog").get_by_label("Name").fill("Inner")
    visitor.page.get_by_role("dialog").get_by_role("button", name="Create").click()
    visitor.sees("Inner", "draft.txt", "more.txt")
    visitor.chooses("draft.txt")
    visitor.page.keyboard.press("F2")
    expect(visitor.page.get_by_label("New name of draft.txt")).to_be_focused()
    visitor.page.keyboard.type("final")
    visitor.page.keyboard.press("Enter")
    visitor.sees("Inner", "final.txt", "more.txt")
    visitor.chooses("more.txt")
    visitor.page.keyboard.press("Delete")
    visitor.waits_for("more.txt moved to the trash")
    visitor.sees("Inner", "final.txt")
    assert sorted(item["name"] for item in owner.children(folder["id"])) == ["Inner", "final.txt"]


def test_files_are_sent_to_whoever_asked_for_them_and_each_says_what_became_of_it(
    visitor: Visitor, owner: Person, tmp_path: Path
) -> None:
    folder = owner.folder("Applications")
    owner.upload("cv.txt", b"the first", parent=folder["id"])
    (tmp_path / "cv.txt").write_text("my life")
    (tmp_path / "odd.txt").write_bytes(eicar())
    ends = (datetime.now(UTC) + timedelta(days=3)).isoformat().replace("+00:00", "Z")
    link = linked(owner, folder["id"], mode="upload_only", expires_at=ends)
    follows(visitor, link)
    headed(visitor, "Applications")
    expect(visitor.page.get_by_text("Until ")).to_be_visible()
    expect(visitor.page.get_by_text("cv.txt")).to_have_count(0)
    visitor.page.get_by_label("Your name").fill("Maria")
    with visitor.page.expect_file_chooser() as chooser:
        visitor.page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files([tmp_path / "cv.txt", tmp_path / "odd.txt"])
    expect(visitor.upload("cv.txt").get_by_text("Arrived", exact=True)).to_be_visible(timeout=SOON_MS)
    expect(visitor.upload("odd.txt").get_by_text("Refused: the anti-virus test file.")).to_be_visible(timeout=SOON_MS)
    expect(visitor.page.get_by_text("1 of 2 arrived")).to_be_visible()
    assert {item["name"] for item in owner.children(folder["id"])} == {"cv.txt", "cv (1).txt"}
    transfer: Any = visitor.page.evaluate_handle(
        "() => { const given = new DataTransfer(); given.items.add(new File(['dropped'], 'dropped.txt')); return given }"
    )
    visitor.page.locator(".drop-zone").dispatch_event("drop", {"dataTransfer": transfer})
    expect(visitor.upload("dropped.txt").get_by_text("Arrived", exact=True)).to_be_visible(timeout=SOON_MS)
    assert owner.http.patch(f"/v1/links/{link['id']}", json={"disabled": True}).status_code == 200
    over = visitor.page.get_by_role("heading", level=1, name="There is nothing here")
    zone = visitor.page.locator(".drop-zone")
    arrived = visitor.upload("dropped.txt").get_by_text("Arrived", exact=True)
    for _ in range(20):
        # The news of it may still be on its way: then one more arrives.
        if zone.is_visible():
            with contextlib.suppress(PlaywrightError):
                zone.dispatch_event("drop", {"dataTransfer": transfer}, timeout=1000)
        expect(over.or_(arrived)).to_be_visible(timeout=SOON_MS)
        if over.is_visible():
            break
    expect(over).to_be_visible()


def test_a_file_sent_before_the_news_of_the_link_got_around_arrives(visitor: Visitor, owner: Person, tmp_path: Path) -> None:
    (tmp_path / "early.txt").write_text("early")
    follows(visitor, linked(owner, owner.folder("Fresh")["id"], mode="upload_only"))
    headed(visitor, "Fresh")
    unheard = {"status": 404, "content_type": "application/problem+json", "body": '{"code": "not_found"}'}
    visitor.page.route("**/v1/uploads", lambda route: route.fulfill(**unheard), times=2)
    with visitor.page.expect_file_chooser() as chooser:
        visitor.page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files(tmp_path / "early.txt")
    expect(visitor.upload("early.txt").get_by_text("Arrived", exact=True)).to_be_visible(timeout=SOON_MS)


def test_nobody_is_signed_in_on_the_page_of_a_link_whoever_is_beside_it(
    opens: Any, owner: Person, holiday: dict[str, str]
) -> None:
    visitor = opens()
    link = linked(owner, holiday["Hut"])
    follows(visitor, link)
    visitor.sees("Stove.jpg")
    beside = opens(beside=visitor)
    beside.signs_in(owner)
    follows(visitor, link)
    visitor.sees("Stove.jpg")
    expect(visitor.page.get_by_role("button", name="Account")).to_have_count(0)
    owner.folder("News for the owner only")
    expect(beside.item("News for the owner only")).to_be_visible(timeout=SOON_MS)
    visitor.sees("Stove.jpg")


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide", "narrow and dark"])
def test_pages_of_links_have_no_violation(
    opens: Any, owner: Person, holiday: dict[str, str], size: dict[str, int], scheme: str
) -> None:
    visitor = opens(viewport=size, color_scheme=scheme, reduced_motion="reduce", locale="de-DE")
    shown = {
        "Dieser Link hat ein Passwort": linked(owner, holiday["Holiday"], password="tulips"),
        "Holiday": linked(owner, holiday["Holiday"], mode="edit", name="all"),
        "Lake.jpg": linked(owner, holiday["Lake.jpg"], mode="download"),
        "Hut": linked(owner, holiday["Hut"], mode="upload_only"),
    }
    for heading, link in shown.items():
        follows(visitor, link)
        headed(visitor, heading)
        assert violations(visitor) == [], heading
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size["width"], heading
    visitor.goes("/s/nothing")
    headed(visitor, "Hier ist nichts")
    assert violations(visitor) == []
