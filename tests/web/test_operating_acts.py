"""Operators shut links and webhooks, feed queues by topics, have previews made anew: each asks first."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, expect

from factories.axe import violations
from factories.browsers import PHONE, Visitor
from factories.images import jpeg
from factories.people import Person
from factories.receivers import receiver
from factories.roles import Queues
from factories.stacks import LocalStack
from factories.visitors import linked, public

pytestmark = pytest.mark.slow


@pytest.fixture
def boss(stack: LocalStack) -> Iterator[Person]:
    person = Person.at(stack.url)
    stack.run("coffer_auth", "grant-operator", person.name)
    person.sign_in()
    yield person
    # Elsewhere the last operator is held to stay one.
    stack.run("coffer_auth", "revoke-operator", person.name)


def asked(desk: Visitor, title: str | re.Pattern[str]) -> Locator:
    """The question that is on the screen, which nobody has to fear."""
    dialog = desk.page.get_by_role("dialog", name=title)
    expect(dialog).to_be_visible()
    assert violations(desk) == [], title
    return dialog


def test_a_link_that_somebody_complains_of_is_found_shut_with_a_reason_and_put_back(
    opens: Any, boss: Person, ana: Person
) -> None:
    link = linked(ana, ana.folder("Loot")["id"])
    desk = opens(viewport=PHONE, color_scheme="dark", reduced_motion="reduce")
    desk.signs_in(boss, "/app/operate/links")
    address = desk.page.get_by_label("Address of a public link")
    address.fill("https://drive.example.org/s/nothing-of-the-kind")
    address.press("Enter")
    expect(desk.page.get_by_text("No link has this address.")).to_be_visible()
    address.fill(link["url"])
    address.press("Enter")
    found = desk.page.locator(".sheet").filter(has=desk.page.get_by_role("heading", name="Loot"))
    expect(found).to_contain_text(ana.name)
    assert link["url"].rpartition("/")[2] not in desk.page.url
    assert violations(desk) == []
    assert desk.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    found.get_by_role("button", name="Take down").click()
    sure = asked(desk, "Take down: Loot")
    expect(sure.get_by_role("button", name="Take down")).to_be_disabled()
    sure.get_by_label("Why").fill("Reported as stolen.")
    sure.get_by_role("button", name="Take down").click()
    expect(found).to_contain_text("Reported as stolen.")
    assert ana.http.get(public(link)).status_code == 404
    # Whoever no longer has the address finds it among what was done.
    desk.page.reload()
    act = desk.page.get_by_role("row").filter(has_text=link["id"][-12:])
    expect(act).to_contain_text("Reported as stolen.")
    assert violations(desk) == []
    act.get_by_role("button", name="Put back").click()
    asked(desk, re.compile("Put back")).get_by_role("button", name="Put back").click()
    expect(desk.page.get_by_role("row").filter(has_text="Put back again")).to_have_count(1)
    expect(act.get_by_role("button")).to_have_count(0)
    assert ana.http.get(public(link)).status_code == 200


def test_a_webhook_that_somebody_complains_of_is_found_turned_off_with_a_reason_and_turned_on_again(
    opens: Any, boss: Person, ana: Person
) -> None:
    with receiver() as hook:
        made = ana.http.post("/v1/webhooks", json={"url": hook.url, "event_types": ["files.*"]}).json()
        desk = opens(viewport=PHONE, color_scheme="dark", reduced_motion="reduce")
        desk.signs_in(boss, "/app/operate/receivers")
        wanted = desk.page.get_by_label("Id of a webhook or queue")
        wanted.fill(str(uuid4()))
        wanted.press("Enter")
        expect(desk.page.get_by_text("Nothing has this id.")).to_be_visible()
        wanted.fill(made["id"])
        wanted.press("Enter")
        found = desk.page.locator(".sheet").filter(has=desk.page.get_by_role("heading", name="127.0.0.1"))
        expect(found).to_contain_text("Works")
        assert violations(desk) == []
        assert desk.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        found.get_by_role("button", name="Turn off").click()
        sure = asked(desk, "Turn off: 127.0.0.1")
        expect(sure.get_by_role("button", name="Turn off")).to_be_disabled()
        sure.get_by_label("Why").fill("Floods somebody who never asked.")
        sure.get_by_role("button", name="Turn off").click()
        expect(found).to_contain_text("Floods somebody who never asked.")
        assert ana.get(f"/v1/webhooks/{made['id']}")["taken_down"]["reason"] == "Floods somebody who never asked."
        # Whoever no longer has the id finds it among what is off.
        desk.goes("/app/operate/receivers?trouble=taken_down")
        line = desk.page.get_by_role("row").filter(has_text="Floods somebody who never asked.")
        assert violations(desk) == []
        line.get_by_role("button", name="Turn on again").click()
        asked(desk, "Turn on again: 127.0.0.1").get_by_role("button", name="Turn on again").click()
        expect(line).to_have_count(0)
        assert ana.get(f"/v1/webhooks/{made['id']}")["taken_down"] is None


def test_a_queue_is_fed_by_a_topic_for_one_person_and_then_no_longer(
    opens: Any, boss: Person, ana: Person, stack: LocalStack
) -> None:
    queues, name = Queues(stack), f"search-{uuid4().hex}"
    arn = queues.make(name)
    desk = opens(viewport=PHONE, reduced_motion="reduce")
    desk.signs_in(boss, "/app/operate/topics")
    desk.page.get_by_role("button", name="New queue on a topic").click()
    form = asked(desk, "New queue on a topic")
    form.get_by_label("ARN of the queue", exact=True).fill(arn.replace(name, "files-fast"))
    form.get_by_label("Types").fill("files.item.created.v1, sharing.share.created.v1")
    form.get_by_label("Only about this person").fill("nobody-of-that-name")
    form.get_by_role("button", name="Subscribe").click()
    expect(form.get_by_role("alert")).to_contain_text("This does not exist")
    form.get_by_label("Only about this person").fill(ana.name)
    form.get_by_role("button", name="Subscribe").click()
    expect(form.locator("[aria-invalid=true]")).to_have_count(1)
    form.get_by_label("ARN of the queue", exact=True).fill(arn)
    form.get_by_role("button", name="Subscribe").click()
    expect(form).to_contain_text("Nothing of that type is told there.")
    form.get_by_label("Types").fill("files.item.created.v1")
    form.get_by_role("button", name="Subscribe").click()
    made = asked(desk, name)
    queues.permit(name, made.get_by_role("group", name=re.compile("Policy")).inner_text())
    made.get_by_role("button", name="Close").last.click()
    line = desk.page.get_by_role("row").filter(has_text=name)
    expect(line).to_contain_text("Fed")
    assert violations(desk) == []
    assert desk.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    boss.folder("Of somebody else")
    ana.folder("Told raw")
    assert queues.take(name)["data"]["name"] == "Told raw"
    line.get_by_role("button", name="Remove").click()
    asked(desk, f"Remove: {name}").get_by_role("button", name="Remove").click()
    expect(line).to_have_count(0)
    assert not [one for one in boss.get("/v1/admin/notifier/subscriptions")["items"] if one["queue_arn"] == arn]


def made_at(person: Person, item: str) -> str | None:
    """When the preview of an item was made."""
    found: str | None = person.get(f"/v1/items/{item}/preview/info")["made_at"]
    return found


def test_previews_are_made_anew_many_by_an_operator_and_one_by_whoever_may_change_it(visitor: Visitor, boss: Person) -> None:
    picture = boss.upload("Lake.jpg", jpeg(64, 48))["item_id"]
    boss.previewed(picture)
    first = made_at(boss, picture)
    visitor.signs_in(boss, "/app/operate/jobs")
    visitor.page.get_by_role("button", name="Previews anew").click()
    sure = asked(visitor, "Previews anew")
    sure.get_by_label("Previews that").select_option("ready")
    expect(sure.get_by_label("Only those that failed for this reason")).to_have_count(0)
    sure.get_by_label("Only of files of this kind").select_option("image")
    sure.get_by_role("button", name="Make anew").click()
    expect(visitor.page.get_by_role("table", name="Jobs")).to_contain_text("Previews anew")
    boss.wait_for(lambda: {"at": made_at(boss, picture)}, lambda info: info["at"] not in {None, first}, within_seconds=60)
    second = made_at(boss, picture)
    visitor.goes("/app/files")
    visitor.chooses("Lake.jpg")
    visitor.page.keyboard.press("i")
    visitor.page.get_by_role("button", name="Make preview anew").click()
    visitor.waits_for("The preview is being made anew.")
    boss.wait_for(lambda: {"at": made_at(boss, picture)}, lambda info: info["at"] not in {None, second}, within_seconds=60)
