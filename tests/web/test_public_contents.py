"""Texts, sound and films behind public links: what costs nothing is shown, what counts is asked for first."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, expect

from factories import films
from factories.axe import violations
from factories.browsers import PHONE, Visitor
from factories.people import Person
from factories.recordings import wav
from factories.visitors import linked

pytestmark = pytest.mark.slow

LETTER = "dear reader, <b>not bold</b>\n" * 40
NEEDS_PYAV = pytest.mark.skipif(not films.PYAV, reason="films are made by PyAV, which is not installed")


def follows(visitor: Visitor, link: dict[str, Any]) -> None:
    """Somebody without an account has the address."""
    visitor.goes(urlsplit(link["url"]).path)
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text(link["item"]["name"])


def written(owner: Person, name: str, text: str, parent: str = "root") -> str:
    """A text whose words have been read."""
    item: str = owner.upload(name, text.encode(), parent=parent)["item_id"]
    owner.wait_for(
        lambda: owner.get(f"/v1/items/{item}/preview/info"), lambda info: bool(info["text_excerpt"]), within_seconds=60
    )
    return item


def offer(visitor: Visitor, name: str) -> Locator:
    return visitor.page.get_by_role("button", name=name, exact=True)


def downloads(owner: Person, link: dict[str, Any]) -> int:
    """How many were counted."""
    count: int = owner.get(f"/v1/links/{link['id']}")["downloads"]
    return count


def test_a_text_shows_how_it_begins_and_all_of_it_for_one_download(opens: Any, ana: Person) -> None:
    item = written(ana, "letter.txt", LETTER)
    visitor = opens(viewport=PHONE, color_scheme="dark", reduced_motion="reduce")
    follows(visitor, linked(ana, item))
    text = visitor.page.get_by_role("group", name="letter.txt")
    expect(text).to_contain_text("dear reader, <b>not bold</b>")
    expect(visitor.page.get_by_text("This link shows how it begins.")).to_be_visible()
    expect(offer(visitor, "Show all of it")).to_have_count(0)
    assert len(text.inner_text()) < len(LETTER)
    assert violations(visitor) == []
    link = linked(ana, item, mode="download", max_downloads=1)
    follows(visitor, link)
    expect(text).to_contain_text("dear reader")
    assert violations(visitor) == []
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert downloads(ana, link) == 0
    offer(visitor, "Show all of it").click()
    expect(visitor.page.get_by_text("0 downloads left")).to_be_visible()
    expect(text).to_have_text(LETTER)
    assert downloads(ana, link) == 1


@pytest.mark.parametrize(
    ("name", "content", "sign"),
    [("tone.wav", wav, "audio"), pytest.param("clip.webm", lambda: films.film("webm"), "video", marks=NEEDS_PYAV)],
    ids=["sound", "film"],
)
def test_sound_and_film_play_when_somebody_asks_and_where_the_link_gives_bytes(
    visitor: Visitor, ana: Person, name: str, content: Any, sign: str
) -> None:
    folder = ana.folder("Heard")
    item = ana.upload(name, content(), parent=folder["id"])["item_id"]
    written(ana, "zz.txt", "the next one", folder["id"])
    ana.previewed(item)
    follows(visitor, linked(ana, item))
    expect(visitor.page.locator("img.whole, .nothing").first).to_be_visible()
    expect(offer(visitor, "Play")).to_have_count(0)
    link = linked(ana, folder["id"], mode="download", max_downloads=1)
    follows(visitor, link)
    visitor.item(name).get_by_role("link").click()
    offer(visitor, "Play").click()
    player = visitor.page.locator(sign)
    expect(player).to_be_visible()
    visitor.page.wait_for_function(f"() => document.querySelector('{sign}').duration > 0")
    address = player.get_attribute("src") or ""
    assert urlsplit(address).netloc != urlsplit(visitor.url).netloc
    # Who comes back to it does not spend another one.
    visitor.page.get_by_role("button", name="Next file").click()
    expect(visitor.page.get_by_role("group", name="zz.txt")).to_be_visible()
    visitor.page.get_by_role("button", name="Previous file").click()
    expect(player).to_have_attribute("src", address)
    assert downloads(ana, link) == 1


def test_a_link_whose_downloads_are_used_up_meanwhile_says_so_and_plays_nothing(visitor: Visitor, ana: Person) -> None:
    item = ana.upload("tone.wav", wav())["item_id"]
    link = linked(ana, item, mode="download", max_downloads=1)
    follows(visitor, link)
    expect(offer(visitor, "Play")).to_be_visible()
    with visitor.page.expect_download():
        offer(visitor, "Download").first.click()
    offer(visitor, "Play").click()
    visitor.waits_for("The downloads of this link are used up.")
    expect(offer(visitor, "Play")).to_be_visible()
    expect(visitor.page.locator("audio")).to_have_count(0)
