"""A hundred thousand items in one folder: shown at once, scrolled through, and never all in the page."""

import pytest

from factories.browsers import Visitor
from factories.many import folder_of
from factories.people import Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow

MANY = 100_000
READ_ALL_MS = 200_000
ROWS = "document.querySelectorAll('.row').length"


@pytest.fixture(scope="module")
def crowded(stack: LocalStack) -> tuple[Person, str]:
    person = Person.at(stack.url)
    return person, folder_of(stack, person, "Crowd", MANY)


def test_a_folder_of_a_hundred_thousand_is_shown_at_once_and_to_its_end(visitor: Visitor, crowded: tuple[Person, str]) -> None:
    person, folder = crowded
    visitor.signs_in(person, f"/app/files/{folder}")
    visitor.item("Thing 000001").wait_for()
    visitor.waits_for("100,000 items")
    assert visitor.grid.get_attribute("aria-rowcount") == str(MANY + 1)
    assert visitor.page.evaluate(ROWS) < 60
    visitor.page.evaluate("document.getElementById('grid').scrollTop = 1e9")
    visitor.page.locator(".bone-row").first.wait_for()
    visitor.item("Thing 100000").wait_for(timeout=READ_ALL_MS)
    assert visitor.page.evaluate(ROWS) < 60
    last = visitor.item("Thing 100000")
    assert last.get_attribute("aria-rowindex") == str(MANY + 1)
    visitor.page.keyboard.press("Home")
    visitor.item("Thing 000001").wait_for()
    visitor.page.keyboard.press("End")
    visitor.item("Thing 100000").wait_for()
