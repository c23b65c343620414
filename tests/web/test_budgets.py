"""What a visit may cost: how much is fetched before the drive stands, and that a slow line is borne."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from factories.browsers import Visitor
from factories.people import Person

pytestmark = pytest.mark.slow

SCRIPTS_BYTES = 60_000
REQUESTS = 110
LONG_MS = 120_000
READY = "In your drive"
FETCHED = """() => performance.getEntriesByType('resource').map(({name, encodedBodySize, initiatorType}) =>
    ({path: new URL(name).pathname, size: encodedBodySize, kind: initiatorType}))"""
CALM = "() => performance.now() - Math.max(...performance.getEntriesByType('resource').map(one => one.responseEnd)) > 1000"
A_TRAIN = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 100_000}
"""Milliseconds there and back, bytes a second: a telephone between two towns."""


def fetched(visitor: Visitor) -> tuple[int, int]:
    """Bytes of scripts on the wire, and requests of any kind, from the page's beginning until it asked for nothing more."""
    visitor.page.wait_for_function(CALM)
    found = visitor.page.evaluate(FETCHED)
    assert len({one["path"] for one in found if one["path"].endswith(".js")}) > 30
    return sum(one["size"] for one in found if one["path"].endswith(".js")), len(found)


def test_neither_the_entrance_nor_the_drive_fetches_more_than_it_may(opens: Any, ana: Person) -> None:
    ana.folder("Here")
    visitor = opens()
    visitor.goes("/app/files")
    visitor.page.get_by_label("User name or e-mail").wait_for()
    scripts, requests = fetched(visitor)
    assert scripts < SCRIPTS_BYTES
    assert requests < REQUESTS
    visitor.signs_in(ana)
    visitor.sees("Here")
    visitor.page.context.new_cdp_session(visitor.page).send("Network.clearBrowserCache")
    visitor.page.reload()
    visitor.sees("Here")
    scripts, requests = fetched(visitor)
    assert scripts < SCRIPTS_BYTES
    assert requests < REQUESTS


def test_on_a_slow_line_it_is_said_what_goes_on_and_everything_arrives(visitor: Visitor, ana: Person, tmp_path: Path) -> None:
    note = tmp_path / "film.bin"
    note.write_bytes(bytes(range(256)) * 1200)
    visitor.signs_in(ana)
    visitor.waits_for("Nothing here yet")
    line = visitor.page.context.new_cdp_session(visitor.page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", A_TRAIN)
    visitor.picks(note)
    expect(visitor.upload("film.bin").get_by_role("progressbar")).to_be_visible()
    expect(visitor.page.locator(".tray .total")).to_contain_text(" of 307 kB")
    visitor.upload("film.bin").get_by_text(READY, exact=True).wait_for(timeout=LONG_MS)
    visitor.sees("film.bin")
    line.send("Network.clearBrowserCache")
    visitor.page.reload()
    visitor.sees("film.bin")
