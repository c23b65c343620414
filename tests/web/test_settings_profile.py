"""Settings about oneself: name and photo, what one wants to be told, and what takes the room."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from factories.axe import violations
from factories.browsers import PHONE, WIDE, Visitor, answered
from factories.images import jpeg
from factories.people import Person

pytestmark = pytest.mark.slow

Opens = Callable[..., Visitor]
PROFILE, WISHES, STORAGE = "/app/settings/profile", "/app/settings/notifications", "/app/settings/storage"


def section(visitor: Visitor, name: str) -> Locator:
    return visitor.page.get_by_role("region", name=name)


def box(visitor: Visitor, name: str) -> Locator:
    return visitor.page.get_by_role("checkbox", name=name)


def wishes(person: Person) -> dict[str, Any]:
    found: dict[str, Any] = person.get("/v1/notifications/preferences")
    return found


def test_the_name_that_others_see_is_changed(visitor: Visitor, ana: Person) -> None:
    visitor.signs_in(ana, PROFILE)
    part = section(visitor, "Profile")
    field = part.get_by_label("Display name")
    save = part.get_by_role("button", name="Save")
    expect(save).to_be_disabled()
    field.fill("x" * 200)
    save.click()
    expect(part.locator("[aria-invalid=true]")).to_have_count(1)
    field.fill("  Zoë Quill ")
    save.click()
    visitor.waits_for("Your profile is saved.")
    assert ana.get("/v1/me")["display_name"] == "Zoë Quill"
    expect(visitor.page.get_by_role("button", name="Account")).to_have_text("Z")


def test_a_photo_is_sent_seen_everywhere_replaced_and_taken_away(visitor: Visitor, ana: Person, tmp_path: Path) -> None:
    (tmp_path / "me.jpg").write_bytes(jpeg(300, 300))
    (tmp_path / "other.jpg").write_bytes(jpeg(300, 300, seed=2))
    (tmp_path / "none.jpg").write_bytes(b"this is no picture" * 20)
    visitor.signs_in(ana, PROFILE)
    part = section(visitor, "Profile")
    corner = visitor.page.get_by_role("button", name="Account").locator("img")

    def sends(button: str, name: str) -> None:
        with visitor.page.expect_file_chooser() as chooser:
            part.get_by_role("button", name=button).click()
        chooser.value.set_files(tmp_path / name)

    sends("Choose a photo", "me.jpg")
    expect(corner).to_be_visible()
    first = corner.get_attribute("src")
    expect(part.locator(".avatar img")).to_be_visible()
    sends("Another photo", "other.jpg")
    expect(corner).not_to_have_attribute("src", str(first))
    expect(corner).to_be_visible()
    sends("Another photo", "none.jpg")
    expect(part.get_by_role("alert")).to_have_text("This cannot be used as a photo.")
    part.get_by_role("button", name="Remove photo").click()
    expect(corner).to_have_count(0)
    assert ana.get("/v1/me")["photo"] is None


def test_every_wish_is_kept_at_once_and_what_must_be_told_cannot_be_turned_off(visitor: Visitor, ana: Person) -> None:
    visitor.signs_in(ana, WISHES)
    mail = box(visitor, "Others upload files: By mail")
    here = box(visitor, "Something is shared with you: Here")
    expect(mail).not_to_be_checked()
    mail.focus()
    visitor.page.keyboard.press("Space")
    here.uncheck()
    ana.wait_for(
        lambda: wishes(ana)["notices"],
        lambda kept: kept["files_uploaded"]["email"] and not kept["share_received"]["in_app"],
        within_seconds=60,
    )
    assert wishes(ana)["notices"]["share_received"]["email"]
    visitor.page.reload()
    expect(mail).to_be_checked()
    expect(here).not_to_be_checked()
    for name in ("Your password changes: Here", "A stolen sign-in: By mail"):
        expect(box(visitor, name)).to_be_checked()
        expect(box(visitor, name)).to_be_disabled()
    # Every type has words: none is shown by its bare name.
    expect(visitor.page.get_by_role("rowheader", name=re.compile("^[a-z]"))).to_have_count(0)


def test_a_wish_that_met_another_ones_is_said_and_what_stands_is_shown(visitor: Visitor, ana: Person) -> None:
    visitor.signs_in(ana, WISHES)
    mail = box(visitor, "A link of yours expires: By mail")
    expect(mail).not_to_be_checked()
    body = {"notices": {"link_uploaded": {"email": False}}}
    assert ana.http.put("/v1/notifications/preferences", json=body).status_code == 200
    mail.click()
    visitor.waits_for("This was changed elsewhere meanwhile.")
    expect(mail).not_to_be_checked()
    expect(box(visitor, "Files come through your links: By mail")).not_to_be_checked()
    with answered(visitor.page, "/v1/notifications/preferences") as kept:
        mail.check()
    kept.value.finished()
    assert wishes(ana)["notices"]["link_expired"]["email"]
    visitor.page.context.set_offline(True)
    mail.click()
    expect(visitor.page.locator(".toast.wrong").last).to_contain_text("The server cannot be reached.")
    expect(mail).to_be_checked()


def test_quiet_hours_and_the_language_of_mail_are_kept(visitor: Visitor, ana: Person) -> None:
    visitor.signs_in(ana, WISHES)
    part = section(visitor, "Quiet hours")
    part.get_by_label("Mail waits in quiet hours").check()
    part.get_by_label("From").fill("21:30")
    part.get_by_label("Until").fill("21:30")
    part.get_by_role("button", name="Save").click()
    expect(part.locator("[aria-invalid=true]")).to_have_count(1)
    part.get_by_label("Until").fill("06:15")
    part.get_by_role("button", name="Save").click()
    expect(visitor.page.locator(".toast", has_text="Kept")).to_be_visible()
    kept = wishes(ana)["quiet_hours"]
    assert (kept["start"], kept["end"]) == ("21:30", "06:15")
    visitor.page.get_by_label("Language of mail").last.select_option("de")
    ana.wait_for(lambda: wishes(ana), lambda all_kept: all_kept["locale"] == "de", within_seconds=60)
    visitor.page.reload()
    expect(part.get_by_label("From")).to_have_value("21:30")
    part.get_by_label("Mail waits in quiet hours").uncheck()
    part.get_by_role("button", name="Save").click()
    expect(visitor.page.locator(".toast", has_text="Kept")).to_be_visible()
    assert wishes(ana)["quiet_hours"] is None


def test_what_takes_the_room_is_shown_by_kind_with_versions_and_trash(visitor: Visitor, ana: Person) -> None:
    ana.upload("photo.jpg", jpeg(200, 200))
    ana.upload("notes.txt", b"a" * 2000)
    ana.upload("notes.txt", b"b" * 3000, conflict="replace")
    gone = ana.upload("gone.txt", b"c" * 5000)["item_id"]
    ana.http.delete(f"/v1/items/{gone}")
    ana.wait_for(lambda: ana.get("/v1/usage"), lambda usage: usage["trash"]["bytes"] == 5000, within_seconds=60)
    visitor.signs_in(ana, STORAGE)
    part = section(visitor, "Storage")
    lines = part.get_by_role("listitem")
    expect(lines.filter(has_text="Text")).to_contain_text("2 files")
    expect(lines.filter(has_text="Text")).to_contain_text("8 kB")
    expect(lines.filter(has_text="Image")).to_contain_text("1 file")
    expect(lines.filter(has_text="Earlier versions")).to_contain_text("2 kB")
    expect(part).to_contain_text("5 kB lies in the trash")
    expect(part.get_by_role("meter")).to_have_attribute("aria-valuetext", re.compile(" used$"))
    part.get_by_role("link", name="Look into the trash").click()
    visitor.sees("gone.txt")


def test_sections_have_addresses_and_the_way_back(visitor: Visitor, ana: Person) -> None:
    visitor.signs_in(ana, "/app/settings")
    expect(section(visitor, "Profile")).to_be_visible()
    visitor.page.get_by_role("navigation", name="Settings").get_by_role("link", name="Storage").click()
    expect(section(visitor, "Storage")).to_be_visible()
    assert visitor.page.url.endswith(STORAGE)
    assert visitor.page.title().startswith("Storage")
    visitor.page.go_back()
    expect(section(visitor, "Profile")).to_be_visible()
    visitor.goes("/app/settings/nowhere")
    expect(section(visitor, "Profile")).to_be_visible()


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "dark"), (PHONE, "light")], ids=["wide and dark", "telephone and light"])
def test_settings_about_oneself_have_no_violation(opens: Opens, ana: Person, size: dict[str, int], scheme: Any) -> None:
    ana.upload("notes.txt", b"a" * 2000)
    visitor = opens(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    visitor.signs_in(ana, PROFILE)
    for path, name in ((PROFILE, "Profile"), (WISHES, "Quiet hours"), (STORAGE, "Storage")):
        visitor.goes(path)
        expect(section(visitor, name)).to_be_visible()
        expect(visitor.page.locator(".page-body .spinner")).to_have_count(0)
        assert violations(visitor) == [], path
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
