"""What people say about an item, in the details: two of them, each in a browser of their own."""

from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from factories.axe import violations
from factories.browsers import PHONE, WIDE, Visitor
from factories.people import Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow

SOON_MS = 30_000
QUICK_MS = 2000
"""What takes more letters squared or cubed takes minutes."""


def talking(visitor: Visitor, person: Person, name: str, path: str = "/app/files") -> Locator:
    """Somebody has the details of an item open; what is said there."""
    visitor.signs_in(person, path)
    visitor.item(name).get_by_role("button", name=f"More for {name}").click()
    visitor.page.get_by_role("menuitem", name="Details").click()
    comments = visitor.page.get_by_role("region", name="Comments")
    expect(comments).to_be_visible()
    return comments


def says(comments: Locator, text: str) -> None:
    """Begin a conversation."""
    comments.get_by_role("textbox", name="Say something").fill(text)
    comments.get_by_role("button", name="Send").click()


def test_two_people_talk_and_see_each_other_at_once(opens: Any, ana: Person, stack: LocalStack) -> None:
    ben = Person.at(stack.url)
    folder = ana.folder("Plans")
    ana.share(folder["id"], ben, "editor")
    ben.sees(folder["id"])
    owners = talking(opens(), ana, "Plans")
    readers = talking(opens(), ben, "Plans", "/app/shared")
    says(readers, f"Is **this** the last one, @{ana.name}?")
    expect(owners.locator("strong", has_text="this")).to_be_visible(timeout=SOON_MS)
    owners.get_by_role("button", name="Reply").click()
    reply = owners.get_by_role("textbox", name="Reply")
    expect(reply).to_be_focused()
    reply.fill("It is.")
    reply.press("Control+Enter")
    expect(readers.get_by_text("It is.")).to_be_visible(timeout=SOON_MS)
    readers.get_by_role("button", name="Resolve").click()
    folded = readers.get_by_text("1 resolved conversation")
    folded.click()
    expect(readers.get_by_text("Resolved by")).to_be_visible()
    readers.get_by_role("button", name="Open again").click()
    expect(folded).to_have_count(0)


def test_words_are_changed_and_taken_away_by_whoever_may(opens: Any, ana: Person, stack: LocalStack) -> None:
    ben = Person.at(stack.url)
    folder = ana.folder("Drafts")
    ana.share(folder["id"], ben)
    ben.sees(folder["id"])
    readers = talking(opens(), ben, "Drafts", "/app/shared")
    says(readers, "frist")
    readers.get_by_role("button", name="Edit the comment").click()
    field = readers.get_by_role("textbox", name="Edit the comment")
    expect(field).to_have_value("frist")
    field.fill("first")
    readers.get_by_role("button", name="Save").click()
    expect(readers.get_by_text("edited")).to_be_visible()
    visitor = opens()
    owners = talking(visitor, ana, "Drafts")
    expect(owners.get_by_text("first")).to_be_visible()
    expect(owners.get_by_role("button", name="Edit the comment")).to_have_count(0)
    owners.get_by_role("button", name="Reply").click()
    owners.get_by_role("textbox", name="Reply").fill("and last")
    owners.get_by_role("button", name="Send").click()
    expect(owners.get_by_text("and last")).to_be_visible()
    owners.get_by_role("button", name="Delete the comment").first.click()
    visitor.page.get_by_role("dialog").get_by_role("button", name="Delete the comment").click()
    expect(owners.get_by_text("This comment was deleted.")).to_be_visible()
    expect(owners.get_by_text("and last")).to_be_visible()
    says(readers, "not to be deleted by others")
    mine = readers.get_by_role("article").filter(has_text="and last")
    expect(mine.get_by_role("button", name="Delete the comment")).to_have_count(0)


def test_the_address_in_a_letter_leads_to_the_comment_also_when_it_is_resolved(visitor: Visitor, ana: Person) -> None:
    item = ana.upload("long.txt", b"long")["item_id"]
    first = ana.says(item, "This one")["id"]
    for number in range(12):
        ana.says(item, f"Number {number}")
    visitor.signs_in(ana, f"/app/items/{item}?comment={first}")
    expect(visitor.page.locator(".comment.meant").filter(has_text="This one")).to_be_in_viewport()
    assert ana.http.put(f"/v1/comments/{first}/resolved").status_code == 200
    visitor.page.reload()
    expect(visitor.page.get_by_text(f"Resolved by {ana.name}")).to_be_visible()
    expect(visitor.page.locator(".comment.meant").filter(has_text="This one")).to_be_in_viewport()


def test_a_name_that_nobody_has_is_only_text_and_that_is_said(visitor: Visitor, ana: Person) -> None:
    ana.folder("Names")
    comments = talking(visitor, ana, "Names")
    says(comments, "Ask @nobody-of-this-name about it")
    visitor.waits_for("Nobody here is called nobody-of-this-name")
    expect(comments.get_by_role("article")).to_contain_text("Ask @nobody-of-this-name about it")


HOSTILE = """<img src=x onerror=alert(1)> [click](javascript:alert(1)) [data](data:text/html,x)
[&#106;](&#106;avascript:alert(1))
[fine](https://example.org/a) and https://example.org/b.
> quoted
- one
- two
```
<b>not bold</b>
```"""


def test_what_is_said_becomes_no_markup_and_leads_nowhere_unsafe(visitor: Visitor, ana: Person) -> None:
    folder = ana.folder("Hostile")
    for body in (HOSTILE, "[" * 4000, "> " * 2000, "*" * 4000, "**a " * 1000, "`" * 3999 + "a"):
        ana.says(folder["id"], body)
    comments = talking(visitor, ana, "Hostile")
    expect(comments.get_by_role("article")).to_have_count(6)
    shown = comments.get_by_role("article").filter(has_text="not bold")
    assert sorted(link.get_attribute("href") or "" for link in shown.get_by_role("link").all()) == [
        "https://example.org/a",
        "https://example.org/b",
    ]
    for link in shown.get_by_role("link").all():
        assert link.get_attribute("rel") == "noopener noreferrer nofollow"
    expect(shown.locator("img, script, b")).to_have_count(0)
    expect(shown.get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
    expect(shown.locator("blockquote")).to_have_text("quoted")
    expect(shown.locator("li")).to_have_count(2)
    expect(shown.locator("pre")).to_have_text("<b>not bold</b>")
    slowest = visitor.page.evaluate(
        """async bodies => {
            const base = document.querySelector('script[type=module]').src.replace('main.js', '')
            const {Marked} = await import(base + 'views/comments/marks.js')
            return Math.max(...bodies.map(text => {
                const from = performance.now()
                Marked({text})
                return performance.now() - from
            }))
        }""",
        [
            "[" * 4000,
            "*a" * 2000,
            "**a " * 1000,
            "`a" * 2000,
            "`" * 2000 + "a" * 2000,
            "` " * 2000,
            " _a" * 1300,
            "[a](" * 1000,
            "_" * 4000,
            "> " * 2000,
            "https://" * 500,
        ],
    )
    assert slowest < QUICK_MS


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (PHONE, "dark")], ids=["wide", "phone and dark"])
def test_comments_have_no_violation(opens: Any, ana: Person, size: dict[str, int], scheme: str) -> None:
    folder = ana.folder("Seen by all")
    first = ana.says(folder["id"], "**One** [link](https://example.org) `code`")
    ana.says(folder["id"], "> two", parent_id=first["id"])
    done = ana.says(folder["id"], "Done")
    assert ana.http.put(f"/v1/comments/{done['id']}/resolved").status_code == 200
    visitor = opens(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    comments = talking(visitor, ana, "Seen by all")
    comments.get_by_text("1 resolved conversation").click()
    comments.get_by_role("button", name="Reply").first.click()
    expect(comments.get_by_role("textbox", name="Reply")).to_be_focused()
    assert violations(visitor) == []
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
