"""Uploads that were on their way when their page went away: known again, to their own person alone, and then finished."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Request, Route, expect

from factories.browsers import Visitor
from factories.people import Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow

READY = "In your drive"
STOPPED = "Stopped when the page closed"
MIB = 1024 * 1024
LONG_MS = 60_000
HANDLE = """async () => {
    // The browser's own folder of this site: its files have handles as those that are dropped.
    const folder = await navigator.storage.getDirectory()
    const handle = await folder.getFileHandle('own.bin', {create: true})
    const writer = await handle.createWritable()
    await writer.write(new Uint8Array(20 * 1024 * 1024).fill(7))
    await writer.close()
    DataTransferItem.prototype.getAsFileSystemHandle = () => Promise.resolve(handle)
    const given = new DataTransfer()
    given.items.add(await handle.getFile())
    document.querySelector('.page').dispatchEvent(new DragEvent('drop', {dataTransfer: given, bubbles: true, cancelable: true}))
}"""

KEPT = """async wanted => {
    for (const {name} of await indexedDB.databases()) {
        const opening = indexedDB.open(name)
        await new Promise(go => opening.onsuccess = go)
        const database = opening.result
        if (!database.objectStoreNames.contains('uploads')) { database.close(); continue }
        const counting = database.transaction('uploads').objectStore('uploads').count()
        await new Promise(go => counting.onsuccess = go)
        database.close()
        if (counting.result >= wanted) return true
    }
    return false
}"""
"""Whether this browser will know so many uploads after a reload."""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A file of three parts, no two of which are alike."""
    path = tmp_path / "film.bin"
    path.write_bytes(b"".join(bytes([n]) * MIB for n in range(20)))
    return path


def part_of(request: Request) -> str | None:
    """Which part is sent by it."""
    return request.url.partition("partNumber=")[2].partition("&")[0] if request.method == "PUT" else None


@contextlib.contextmanager
def stuck(visitor: Visitor, *parts: str) -> Iterator[None]:
    """These parts do not arrive when they are first sent; at the end they have been sent, and part 1 is there."""
    lost = set(parts)

    def once(route: Route) -> None:
        part = part_of(route.request)
        if part in lost:
            lost.discard(part)
        else:
            route.fallback()

    visitor.page.route("**/blobs/**", once)
    sent: set[str | None] = set()

    def all_sent(request: Request) -> bool:
        sent.add(part_of(request))
        return sent.issuperset(parts)

    with visitor.page.expect_request(all_sent), visitor.page.expect_response(lambda answer: part_of(answer.request) == "1"):
        yield


def half_sent(visitor: Visitor, film: Path) -> None:
    """Part 1 of the film has arrived, the others have not."""
    with stuck(visitor, "2", "3"):
        visitor.picks(film)


def begins(visitor: Visitor, person: Person) -> None:
    """Signed in, with nothing there yet."""
    visitor.signs_in(person)
    visitor.waits_for("Nothing here yet")


def reloads(visitor: Visitor) -> None:
    """The page is loaded anew."""
    visitor.page.reload()
    visitor.page.locator(".page").wait_for()


def chooses_again(visitor: Visitor, *paths: Path, by: str = "Choose the file again") -> None:
    """Show where the file is."""
    with visitor.page.expect_file_chooser() as chooser:
        visitor.page.get_by_role("button", name=by).first.click()
    chooser.value.set_files([*paths])


def line(visitor: Visitor, name: str, state: str) -> Locator:
    """Wait until the tray says so."""
    found = visitor.upload(name)
    expect(found.locator(".upload-state")).to_contain_text(state, timeout=LONG_MS)
    return found


def test_after_a_reload_the_same_file_goes_on_with_the_parts_that_are_missing(
    visitor: Visitor, ana: Person, film: Path
) -> None:
    begins(visitor, ana)
    half_sent(visitor, film)
    reloads(visitor)
    line(visitor, "film.bin", STOPPED)
    sent: list[str] = []
    visitor.page.on("request", lambda request: sent.append(part) if (part := part_of(request)) else None)
    chooses_again(visitor, film)
    line(visitor, "film.bin", READY)
    assert sorted(sent) == ["2", "3"]
    visitor.sees("film.bin")
    assert [item["size"] for item in ana.children()] == [film.stat().st_size]
    visitor.page.reload()
    visitor.sees("film.bin")
    expect(visitor.page.locator(".tray")).to_have_count(0)


def test_another_file_of_that_name_and_size_is_not_put_together_with_it(
    visitor: Visitor, ana: Person, film: Path, tmp_path: Path
) -> None:
    begins(visitor, ana)
    half_sent(visitor, film)
    reloads(visitor)
    line(visitor, "film.bin", STOPPED)
    other = tmp_path / "other"
    other.mkdir()
    (other / "film.bin").write_bytes(bytes(film.stat().st_size))
    chooses_again(visitor, other / "film.bin")
    line(visitor, "film.bin", "That is another file, or it has changed.")
    (other / "short.bin").write_bytes(b"short")
    chooses_again(visitor, other / "short.bin")
    line(visitor, "film.bin", "That is another file, or it has changed.")
    chooses_again(visitor, film)
    line(visitor, "film.bin", READY)


def test_files_that_waited_are_chosen_again_together_each_finds_its_line(visitor: Visitor, ana: Person, tmp_path: Path) -> None:
    names = [f"note {n}.txt" for n in range(5)]
    for n, name in enumerate(names):
        (tmp_path / name).write_text("x" * (n + 1))
    begins(visitor, ana)
    visitor.page.route("**/v1/uploads", lambda _route: None, times=3)
    visitor.picks(*(tmp_path / name for name in names))
    expect(visitor.page.locator(".upload.sending")).to_have_count(3)
    visitor.page.wait_for_function(KEPT, arg=len(names))
    reloads(visitor)
    visitor.page.unroute("**/v1/uploads")
    expect(visitor.page.locator(".upload.missing")).to_have_count(5)
    chooses_again(visitor, *(tmp_path / name for name in names), by="Choose the files again")
    for name in names:
        line(visitor, name, READY)
    assert [item["size"] for item in ana.children()] == [1, 2, 3, 4, 5]


def test_a_file_that_the_browser_may_open_again_goes_on_by_itself(visitor: Visitor, ana: Person) -> None:
    begins(visitor, ana)
    with stuck(visitor, "2", "3"):
        visitor.page.evaluate(HANDLE)
    sent: list[str] = []
    visitor.page.on("request", lambda request: sent.append(part) if (part := part_of(request)) else None)
    visitor.page.reload()
    line(visitor, "own.bin", READY)
    assert sorted(sent) == ["2", "3"]


def test_a_file_that_was_moved_meanwhile_is_asked_for(visitor: Visitor, ana: Person) -> None:
    begins(visitor, ana)
    with stuck(visitor, "2", "3"):
        visitor.page.evaluate(HANDLE)
    visitor.page.evaluate("async () => (await navigator.storage.getDirectory()).removeEntry('own.bin')")
    reloads(visitor)
    line(visitor, "own.bin", "The file is not where it was.")
    expect(visitor.page.get_by_role("button", name="Choose the file again")).to_be_visible()


def test_whoever_signs_in_next_in_this_browser_sees_nothing_of_it(
    visitor: Visitor, ana: Person, stack: LocalStack, film: Path
) -> None:
    begins(visitor, ana)
    half_sent(visitor, film)
    visitor.page.context.clear_cookies()
    ben = Person.at(stack.url)
    visitor.signs_in(ben)
    visitor.waits_for("Nothing here yet")
    expect(visitor.page.locator(".tray")).to_have_count(0)
    visitor.page.context.clear_cookies()
    visitor.signs_in(ana)
    line(visitor, "film.bin", STOPPED)
    visitor.page.get_by_role("button", name="Account").click()
    visitor.page.get_by_role("menuitem", name="Sign out").click()
    visitor.page.get_by_label("Password", exact=True).wait_for()
    visitor.signs_in(ana)
    visitor.waits_for("Nothing here yet")
    expect(visitor.page.locator(".tray")).to_have_count(0)
    kept = visitor.page.evaluate("async () => (await indexedDB.databases()).map(one => one.name)")
    assert not [name for name in kept if "unfinished" in name]


def test_a_second_tab_leaves_it_alone_until_the_first_is_gone(visitor: Visitor, opens: object, ana: Person, film: Path) -> None:
    begins(visitor, ana)
    half_sent(visitor, film)
    second = opens(beside=visitor)  # type: ignore[operator]
    second.goes("/app/files")
    second.waits_for("Nothing here yet")
    expect(second.page.locator(".tray .upload")).to_have_count(0)
    visitor.page.close()
    line(second, "film.bin", STOPPED)
    chooses_again(second, film)
    line(second, "film.bin", READY)


def test_what_the_server_already_has_needs_no_file_and_what_was_given_up_is_forgotten(
    visitor: Visitor, ana: Person, film: Path, tmp_path: Path
) -> None:
    note = tmp_path / "note.txt"
    note.write_text("a note")
    ana.upload("note.txt", b"there before")
    visitor.signs_in(ana)
    visitor.sees("note.txt")
    half_sent(visitor, film)
    visitor.picks(note)
    visitor.page.get_by_role("group", name="note.txt is there already").wait_for()
    [upload] = [one for one in ana.get("/v1/uploads")["items"] if one["state"] == "created"]
    assert ana.http.delete(f"/v1/uploads/{upload['id']}").status_code == 204
    reloads(visitor)
    line(visitor, "note.txt", STOPPED)
    expect(visitor.page.locator(".upload")).to_have_count(1)
    visitor.page.get_by_role("button", name="Cancel note.txt").click()
    expect(visitor.page.locator(".upload")).to_have_count(0)
    visitor.page.reload()
    visitor.sees("note.txt")
    expect(visitor.page.locator(".tray .upload")).to_have_count(0)


def test_the_story_of_an_upload_is_a_link_away(visitor: Visitor, ana: Person, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("a note")
    begins(visitor, ana)
    visitor.picks(note)
    line(visitor, "note.txt", READY).get_by_role("link", name="What happened to note.txt").click()
    visitor.page.get_by_role("heading", name="note.txt").wait_for()
    steps = visitor.page.get_by_role("region", name="What happened to this upload").get_by_role("listitem")
    expect(steps.first).to_contain_text("Announced")
    expect(steps.filter(has_text="In the drive")).to_have_count(1)
    visitor.page.get_by_role("link", name="Open the file").click()
    visitor.page.locator(".reading").get_by_text("a note").wait_for()


def test_the_story_of_somebody_else_is_not_told(visitor: Visitor, ana: Person, stack: LocalStack) -> None:
    theirs = Person.at(stack.url).announce("secret.txt", 5)
    visitor.signs_in(ana, f"/app/uploads/{theirs['id']}")
    visitor.waits_for("This does not exist, or is not shared with you.")
