"""The drive on the screen: finding one's way, choosing, and doing things, by mouse and by keys, beside others who do too."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from factories.browsers import PHONE, Visitor
from factories.people import Person

pytestmark = pytest.mark.slow


def furnished(person: Person) -> None:
    """Three folders and three files."""
    for name in ("Alpha", "Beta", "Gamma"):
        person.folder(name)
    for name in ("apple.txt", "banana.txt", "cherry.txt"):
        assert person.upload(name, name.encode() * 3)["state"] == "committed"


ALL = ("Alpha", "Beta", "Gamma", "apple.txt", "banana.txt", "cherry.txt")


def test_folders_are_walked_by_names_crumbs_and_the_way_back(visitor: Visitor, ana: Person) -> None:
    outer = ana.folder("Outer")
    inner = ana.folder("Inner", outer["id"])
    ana.folder("Innermost", inner["id"])
    visitor.signs_in(ana)
    visitor.item("Outer").get_by_role("link").click()
    visitor.item("Inner").dblclick(position={"x": 400, "y": 20})
    visitor.sees("Innermost")
    crumbs = visitor.page.get_by_role("navigation", name="Path")
    assert [part.strip() for part in crumbs.inner_text().split("\n") if part.strip()] == ["My files", "Outer", "Inner"]
    assert visitor.page.title().startswith("Inner")
    crumbs.get_by_role("link", name="Outer").click()
    visitor.sees("Inner")
    visitor.page.go_back()
    visitor.sees("Innermost")
    visitor.page.reload()
    visitor.sees("Innermost")


def test_what_is_not_there_or_not_ones_own_is_said(visitor: Visitor, ana: Person, stack: Any) -> None:
    others = Person.at(stack.url).folder("Private")
    visitor.signs_in(ana, f"/app/files/{others['id']}")
    visitor.waits_for("This does not exist, or is not shared with you.")
    expect(visitor.page.get_by_role("button", name="Try again")).to_have_count(0)


@pytest.mark.parametrize("place", ["files", "items"])
def test_what_could_not_be_had_is_asked_for_again_when_one_wishes(visitor: Visitor, ana: Person, place: str) -> None:
    folder = ana.folder("Slow to come")["id"]
    ana.folder("Within", folder)
    away = {"status": 503, "content_type": "application/problem+json", "body": '{"code": "unavailable"}'}
    visitor.page.route(f"**/v1/items/{folder}", lambda route: route.fulfill(**away), times=1)
    visitor.signs_in(ana, f"/app/{place}/{folder}")
    visitor.page.get_by_role("button", name="Try again").click()
    visitor.sees("Within")


def test_a_listing_is_sorted_and_turned_by_its_heads_and_shown_as_tiles(visitor: Visitor, ana: Person) -> None:
    furnished(ana)
    visitor.signs_in(ana)
    visitor.sees(*ALL)
    visitor.page.get_by_role("columnheader", name="Name").get_by_role("button").click()
    visitor.sees("Gamma", "Beta", "Alpha", "cherry.txt", "banana.txt", "apple.txt")
    visitor.page.get_by_role("columnheader", name="Size").get_by_role("button").click()
    visitor.page.wait_for_function("() => document.querySelector('.item.item:nth-child(4) .name')?.textContent !== 'apple.txt'")
    visitor.page.get_by_role("columnheader", name="Name").get_by_role("button").click()
    visitor.sees(*ALL)
    visitor.page.get_by_role("button", name="Show as tiles").click()
    visitor.page.locator(".tile").first.wait_for()
    visitor.sees(*ALL)
    tile, sign = (visitor.page.locator(found).first.bounding_box() for found in (".tile-picture", ".tile-picture svg"))
    assert tile
    assert sign
    assert abs(2 * (sign["x"] - tile["x"]) + sign["width"] - tile["width"]) < 4, "it stands in the middle"
    visitor.page.reload()
    visitor.page.locator(".tile").first.wait_for()


def test_mouse_and_keys_choose_one_several_and_all(visitor: Visitor, ana: Person) -> None:
    furnished(ana)
    visitor.signs_in(ana)
    visitor.sees(*ALL)

    def chosen() -> list[str]:
        return [row.strip() for row in visitor.page.locator(".item[aria-selected=true] .name").all_inner_texts()]

    visitor.chooses("Beta")
    assert chosen() == ["Beta"]
    visitor.chooses("banana.txt", with_key="Shift")
    assert chosen() == ["Beta", "Gamma", "apple.txt", "banana.txt"]
    visitor.chooses("Gamma", with_key="ControlOrMeta")
    assert chosen() == ["Beta", "apple.txt", "banana.txt"]
    visitor.page.keyboard.press("ControlOrMeta+a")
    assert len(chosen()) == len(ALL)
    visitor.waits_for("6 selected")
    visitor.page.keyboard.press("Escape")
    assert chosen() == []
    visitor.page.keyboard.press("Home")
    visitor.page.keyboard.press("Shift+ArrowDown")
    assert chosen() == ["Alpha", "Beta"]
    visitor.page.keyboard.type("ch")
    assert chosen() == ["cherry.txt"]
    active = visitor.grid.get_attribute("aria-activedescendant")
    assert visitor.page.locator(f"#{active} .name").inner_text() == "cherry.txt"


def test_a_name_is_changed_in_its_place_and_a_taken_one_is_refused_there(visitor: Visitor, ana: Person) -> None:
    furnished(ana)
    visitor.signs_in(ana)
    visitor.sees(*ALL)
    visitor.chooses("apple.txt")
    visitor.page.keyboard.press("F2")
    field = visitor.page.get_by_label("New name of apple.txt")
    assert field.evaluate("field => field.value.slice(field.selectionStart, field.selectionEnd)") == "apple"
    visitor.page.keyboard.type("banana")
    visitor.page.keyboard.press("Enter")
    visitor.waits_for("This name is taken.")
    field.fill("apricot.txt")
    visitor.page.keyboard.press("Enter")
    visitor.sees("Alpha", "Beta", "Gamma", "apricot.txt", "banana.txt", "cherry.txt")
    visitor.page.keyboard.press("F2")
    visitor.page.keyboard.type("never")
    visitor.page.keyboard.press("Escape")
    visitor.sees("Alpha", "Beta", "Gamma", "apricot.txt", "banana.txt", "cherry.txt")
    assert [item["name"] for item in ana.children()][3] == "apricot.txt"


def test_no_letter_that_is_typed_right_after_f2_is_lost_wherever_one_has_scrolled_to(opens: Any, ana: Person) -> None:
    for number in range(40):
        ana.folder(f"Folder {number:02}")
    visitor = opens(viewport={"width": 1000, "height": 400})
    visitor.signs_in(ana)
    visitor.item("Folder 00").wait_for()
    visitor.page.keyboard.press("Home")
    visitor.page.evaluate("document.getElementById('grid').scrollTop = 1e9")
    visitor.item("Folder 39").wait_for()
    expect(visitor.item("Folder 00")).to_have_count(0)
    # Whatever had still to be fetched would come too late.
    visitor.page.route("**/assets/**", lambda route: route.abort())
    visitor.page.keyboard.press("F2")
    visitor.page.keyboard.type("Found")
    expect(visitor.page.get_by_label("New name of Folder 00")).to_have_value("Found")
    visitor.page.keyboard.press("Enter")
    expect(visitor.item("Found")).to_have_count(1)


def test_what_is_thrown_away_comes_back_by_undo_and_from_the_trash(visitor: Visitor, ana: Person) -> None:
    furnished(ana)
    visitor.signs_in(ana)
    visitor.sees(*ALL)
    visitor.chooses("apple.txt")
    visitor.chooses("banana.txt", with_key="Shift")
    visitor.page.keyboard.press("Delete")
    visitor.sees("Alpha", "Beta", "Gamma", "cherry.txt")
    visitor.page.locator(".toast").filter(has_text="2 items moved").get_by_role("button", name="Undo").click()
    visitor.sees(*ALL)
    visitor.item("cherry.txt").click(button="right", position={"x": 500, "y": 20})
    visitor.page.get_by_role("menuitem", name="Move to trash").click()
    visitor.sees("Alpha", "Beta", "Gamma", "apple.txt", "banana.txt")
    visitor.page.get_by_role("link", name="Trash").click()
    visitor.sees("cherry.txt")
    visitor.item("cherry.txt").get_by_role("button", name="More for cherry.txt").click()
    visitor.page.get_by_role("menuitem", name="Restore").click()
    visitor.waits_for("The trash is empty")
    visitor.page.get_by_role("link", name="My files").click()
    visitor.sees(*ALL)


def test_the_trash_is_emptied_after_a_question(visitor: Visitor, ana: Person) -> None:
    furnished(ana)
    visitor.signs_in(ana)
    visitor.sees(*ALL)
    visitor.page.keyboard.press("ControlOrMeta+a")
    visitor.page.keyboard.press("Delete")
    visitor.waits_for("6 items moved to the trash")
    visitor.page.get_by_role("link", name="Trash").click()
    visitor.item("Alpha").wait_for()
    visitor.page.get_by_role("button", name="Empty trash").click()
    visitor.page.get_by_role("dialog").get_by_role("button", name="Empty trash").click()
    visitor.waits_for("The trash is empty")


def test_things_are_moved_by_a_dialog_and_by_dragging(visitor: Visitor, ana: Person) -> None:
    furnished(ana)
    visitor.signs_in(ana)
    visitor.sees(*ALL)
    visitor.chooses("apple.txt")
    visitor.page.get_by_role("button", name="Move to …").click()
    dialog = visitor.page.get_by_role("dialog", name="Move apple.txt")
    assert dialog.get_by_role("button", name="Move here").is_disabled()
    dialog.get_by_role("button", name="Beta").click()
    dialog.get_by_role("button", name="Move here").click()
    visitor.sees("Alpha", "Beta", "Gamma", "banana.txt", "cherry.txt")
    visitor.item("banana.txt").drag_to(visitor.item("Gamma"), source_position={"x": 500, "y": 20})
    visitor.sees("Alpha", "Beta", "Gamma", "cherry.txt")
    visitor.page.locator(".toast").filter(has_text="banana.txt moved to Gamma").get_by_role("button", name="Undo").click()
    visitor.sees("Alpha", "Beta", "Gamma", "banana.txt", "cherry.txt")
    visitor.item("Beta").get_by_role("link").click()
    visitor.sees("apple.txt")


def test_what_another_client_does_is_seen_at_once_without_a_reload(visitor: Visitor, ana: Person) -> None:
    furnished(ana)
    visitor.signs_in(ana)
    visitor.sees(*ALL)
    visitor.page.wait_for_function("() => performance.getEntriesByName(location.origin + '/v1/changes/cursor').length > 0")
    made = ana.folder("Delta")
    visitor.item("Delta").wait_for()
    assert visitor.names() == ["Alpha", "Beta", "Delta", "Gamma", "apple.txt", "banana.txt", "cherry.txt"]
    ana.http.patch(f"/v1/items/{made['id']}", json={"name": "Zeta"})
    visitor.item("Zeta").wait_for()
    ana.http.delete(f"/v1/items/{made['id']}")
    visitor.item("Zeta").wait_for(state="detached")


def test_a_search_finds_while_it_is_typed_and_leads_to_the_folder(visitor: Visitor, ana: Person) -> None:
    furnished(ana)
    visitor.signs_in(ana)
    visitor.sees(*ALL)
    visitor.page.keyboard.press("/")
    visitor.page.keyboard.type("banan")
    visitor.sees("banana.txt")
    visitor.page.get_by_role("button", name="Image").click()
    visitor.waits_for("Nothing found")
    visitor.page.get_by_role("button", name="Text").click()
    visitor.sees("banana.txt")
    visitor.item("banana.txt").click(button="right", position={"x": 500, "y": 20})
    visitor.page.get_by_role("menuitem", name="Show in folder").click()
    visitor.sees(*ALL)


def test_a_file_is_opened_over_the_listing_and_the_next_is_a_key_away(visitor: Visitor, ana: Person) -> None:
    furnished(ana)
    visitor.signs_in(ana)
    visitor.sees(*ALL)
    visitor.item("apple.txt").get_by_role("link").click()
    visitor.waits_for("apple.txtapple.txtapple.txt")
    visitor.page.keyboard.press("ArrowRight")
    visitor.waits_for("banana.txtbanana.txtbanana.txt")
    visitor.page.keyboard.press("Escape")
    visitor.page.locator(".lightbox").wait_for(state="detached")
    assert re.search(r"/app/files$", visitor.page.url)


def test_the_address_of_a_letter_leads_to_the_file_where_it_lies(visitor: Visitor, ana: Person, stack: Any) -> None:
    folder = ana.folder("Letters")
    item = ana.upload("hello.txt", b"hello from afar", parent=folder["id"])["item_id"]
    visitor.signs_in(ana, f"/app/items/{item}")
    visitor.waits_for("hello from afar")
    visitor.page.keyboard.press("Escape")
    visitor.sees("hello.txt")
    ben = Person.at(stack.url)
    ana.share(item, ben)
    ben.sees(item)
    reader = Visitor(visitor.page.context.browser.new_context(locale="en-US").new_page(), stack.url)  # type: ignore[union-attr]
    reader.signs_in(ben, f"/app/items/{item}")
    reader.waits_for("hello from afar")
    reader.page.keyboard.press("Escape")
    reader.sees("hello.txt")
    reader.page.context.close()


def test_a_download_has_the_bytes_and_several_come_as_one_archive(visitor: Visitor, ana: Person, tmp_path: Any) -> None:
    furnished(ana)
    visitor.signs_in(ana)
    visitor.sees(*ALL)
    visitor.chooses("apple.txt")
    with visitor.page.expect_download() as one:
        visitor.page.get_by_role("button", name="Download").click()
    one.value.save_as(tmp_path / "apple.txt")
    assert (tmp_path / "apple.txt").read_bytes() == b"apple.txt" * 3
    visitor.page.keyboard.press("ControlOrMeta+a")
    with visitor.page.expect_download() as several:
        visitor.page.get_by_role("button", name="Download").click()
    assert several.value.suggested_filename.endswith(".zip")


def test_on_a_telephone_a_tap_opens_and_the_menu_has_the_rest(opens: Any, ana: Person) -> None:
    furnished(ana)
    phone = opens(viewport=PHONE, has_touch=True, is_mobile=True)
    phone.signs_in(ana)
    phone.item("Alpha").locator(".time-cell").tap()
    phone.waits_for("Nothing here yet")
    phone.page.go_back()
    phone.item("apple.txt").get_by_role("button", name="More for apple.txt").tap()
    phone.page.get_by_role("menuitem", name="Add to favourites").tap()
    phone.page.get_by_role("link", name="Favourites").tap()
    phone.sees("apple.txt")
    width = phone.page.evaluate("document.documentElement.scrollWidth")
    assert width == PHONE["width"]
