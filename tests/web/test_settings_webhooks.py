"""Webhooks in the settings: made, tried out, looked into, mended and removed, against receivers that answer as told."""

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from factories.axe import violations
from factories.browsers import PHONE, WIDE, Visitor
from factories.people import Person
from factories.receivers import Call, Receiver, receiver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

Opens = Callable[..., Visitor]
WEBHOOKS = "/app/settings/webhooks"


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as told:
        yield told


def made(person: Person, hook: Receiver, *types: str, **more: Any) -> str:
    """A webhook that another client made; its id."""
    answer = person.http.post("/v1/webhooks", json={"url": hook.url, "event_types": [*types] or ["files.*"], **more})
    assert answer.status_code == 201, answer.text
    webhook: str = answer.json()["id"]
    return webhook


def section(visitor: Visitor, name: str) -> Locator:
    return visitor.page.get_by_role("region", name=name)


def button(within: Any, name: str) -> Locator:
    found: Locator = within.get_by_role("button", name=name, exact=True)
    return found


def confirms(visitor: Visitor, name: str) -> None:
    button(visitor.page.get_by_role("dialog", name=name), name).click()


def signed_with(secret: str, call: Call) -> bool:
    """Whether one of a request's signatures is by that secret."""
    said = f"{call.headers['webhook-id']}.{call.headers['webhook-timestamp']}.".encode() + call.body
    wanted = "v1," + b64encode(hmac.digest(b64decode(secret.removeprefix("whsec_")), said, "sha256")).decode()
    return wanted in call.headers["webhook-signature"].split()


def deliveries(visitor: Visitor) -> Locator:
    return visitor.page.locator(".deliveries > li")


def test_a_webhook_is_made_by_keys_its_secret_shown_once_and_what_it_is_sent_is_seen(
    visitor: Visitor, ana: Person, hook: Receiver
) -> None:
    visitor.signs_in(ana, WEBHOOKS)
    keys = visitor.page.keyboard
    part = section(visitor, "Webhooks")
    expect(part).to_contain_text("No webhooks yet.")
    button(part, "New webhook").focus()
    keys.press("Enter")
    expect(part.get_by_label("Address")).to_be_focused()
    keys.type("http://10.0.0.1/inside")
    keys.press("Enter")
    expect(part.locator("[name=url][aria-invalid=true]")).to_be_visible()
    part.get_by_label("Address").fill(hook.url)
    keys.press("Tab")
    keys.type("Tells the archive")
    keys.press("Enter")
    shown = part.get_by_role("group", name="Signing secret")
    secret = shown.locator("pre").inner_text()
    assert secret.startswith("whsec_")
    button(shown, "I have kept it").focus()
    keys.press("Enter")
    expect(section(visitor, "Tells the archive")).to_contain_text("On")
    assert secret not in visitor.page.content()
    expect(visitor.page.get_by_text("Nothing was sent.")).to_be_visible()
    ana.folder("Told of")
    ana.wait_for(lambda: {"calls": len(hook.calls)}, lambda seen: seen["calls"] == 1, within_seconds=20)
    button(section(visitor, "Tells the archive"), "Send a test").click()
    expect(deliveries(visitor).filter(has_text="Delivered")).to_have_count(2)
    expect(deliveries(visitor).first).to_contain_text("Status 200")
    deliveries(visitor).last.locator("summary").click()
    whole = deliveries(visitor).last
    expect(whole.get_by_label("Beginning of the answer")).to_contain_text("thanks")
    expect(whole.get_by_label("What was sent")).to_contain_text("Told of")
    assert re.search(r"\d+ ms", whole.inner_text())
    assert len(hook.calls) == 2
    assert all(signed_with(secret, call) for call in hook.calls)


def test_another_secret_signs_beside_the_old_one(visitor: Visitor, ana: Person, hook: Receiver) -> None:
    webhook = made(ana, hook)
    visitor.signs_in(ana, f"{WEBHOOKS}/{webhook}")
    part = section(visitor, "Webhook")
    button(part, "New secret").click()
    confirms(visitor, "New secret")
    secret = part.get_by_role("group", name="Signing secret").locator("pre").inner_text()
    expect(part).to_contain_text("The one before signs, too, until")
    button(part, "Send a test").click()
    expect(deliveries(visitor).filter(has_text="Delivered")).to_have_count(1)
    assert signed_with(secret, hook.calls[0])
    assert len(hook.calls[0].headers["webhook-signature"].split()) == 2


def test_what_failed_says_why_and_is_sent_again_by_hand(visitor: Visitor, ana: Person, hook: Receiver) -> None:
    hook.statuses = [500]
    webhook = made(ana, hook)
    visitor.signs_in(ana, f"{WEBHOOKS}/{webhook}")
    button(section(visitor, "Webhook"), "Send a test").click()
    expect(deliveries(visitor)).to_contain_text("Status 500")
    expect(deliveries(visitor)).to_contain_text("Waiting")
    deliveries(visitor).locator("summary").click()
    button(deliveries(visitor), "Send again").click()
    expect(deliveries(visitor).filter(has_text="Delivered")).to_have_count(1)
    expect(deliveries(visitor).locator(".attempts li")).to_have_count(2)
    button(visitor.page, "Failed").click()
    expect(visitor.page.get_by_text("Nothing was sent.")).to_be_visible()
    button(visitor.page, "Delivered").click()
    expect(deliveries(visitor)).to_have_count(1)


def test_one_that_was_turned_off_says_so_and_comes_back_with_what_it_missed(
    visitor: Visitor, ana: Person, hook: Receiver
) -> None:
    hook.status = 410
    webhook = made(ana, hook, "files.item.created.v1")
    ana.folder("One")
    ana.wait_for(lambda: ana.get(f"/v1/webhooks/{webhook}"), lambda known: known["disabled_for"] == "gone", within_seconds=20)
    visitor.signs_in(ana, WEBHOOKS)
    expect(section(visitor, "Webhooks").get_by_role("listitem")).to_contain_text("Turned off")
    visitor.page.locator("button[popovertarget=notices]").click()
    told = visitor.page.get_by_role("link", name="was turned off, because its receiver wants no more")
    told.click()
    expect(visitor.page.locator(".banner")).to_contain_text("wants no more")
    expect(button(section(visitor, "Webhook"), "Send a test")).to_be_disabled()
    hook.status = 200
    button(section(visitor, "Webhook"), "Turn on").click()
    expect(visitor.page.locator(".banner")).to_have_count(0)
    button(visitor.page, "Send again what was missed").click()
    expect(visitor.page.locator(".toast", has_text="sent again")).to_be_visible()
    expect(deliveries(visitor).filter(has_text="Delivered")).to_have_count(1)
    assert [call.message["data"]["name"] for call in hook.calls] == ["One", "One"]


def test_it_is_changed_turned_off_and_removed(visitor: Visitor, ana: Person, hook: Receiver) -> None:
    webhook = made(ana, hook, description="Old")
    visitor.signs_in(ana, f"{WEBHOOKS}/{webhook}")
    button(section(visitor, "Old"), "Change").click()
    form = section(visitor, "Old")
    form.get_by_label("Description").fill("New")
    form.get_by_label("Sharing, links and comments").check()
    form.get_by_text("Only certain events").click()
    form.get_by_label("media.preview.ready.v1").check()
    expect(form.get_by_label("files.item.created.v1")).to_be_disabled()
    button(form, "Save").click()
    expect(section(visitor, "New")).to_contain_text("files.*, sharing.*, media.preview.ready.v1")
    button(section(visitor, "New"), "Turn off").click()
    expect(section(visitor, "New").locator(".standing")).to_have_text("Off")
    assert ana.get(f"/v1/webhooks/{webhook}")["enabled"] is False
    button(section(visitor, "New"), "Remove webhook").click()
    confirms(visitor, "Remove webhook")
    visitor.waits_for("No webhooks yet.")
    assert ana.http.get(f"/v1/webhooks/{webhook}").status_code == 404
    visitor.page.go_back()
    visitor.waits_for("This does not exist, or is not shared with you.")


def test_a_queue_waits_for_its_proof_and_says_why_no_code_came(visitor: Visitor, ana: Person) -> None:
    arn = "arn:aws:sqs:us-east-1:000000000000:nobodys-queue"
    answer = ana.http.post("/v1/subscriptions", json={"queue_arn": arn, "event_types": ["files.*"], "description": "Archive"})
    assert answer.status_code == 201, answer.text
    visitor.signs_in(ana, WEBHOOKS)
    part = section(visitor, "Queues")
    expect(part.get_by_role("listitem")).to_contain_text("To be confirmed")
    part.get_by_text("Policy that the queue needs").click()
    expect(part.locator("pre")).to_contain_text(arn)
    button(part, "Send a code into the queue").click()
    expect(part.get_by_role("alert")).to_be_visible()
    part.get_by_label("Code from the queue").fill("a guess")
    button(part, "Confirm").click()
    expect(part.get_by_role("alert").or_(part.locator("[aria-invalid=true]")).first).to_be_visible()
    button(part, "Remove queue").click()
    confirms(visitor, "Remove queue")
    expect(part).to_contain_text("No queues.")


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (PHONE, "dark")], ids=["wide and light", "telephone and dark"])
def test_settings_of_webhooks_have_no_violation(
    opens: Opens, ana: Person, hook: Receiver, size: dict[str, int], scheme: Any
) -> None:
    webhook = made(ana, hook, description="Archive")
    visitor = opens(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    visitor.signs_in(ana, WEBHOOKS)
    expect(section(visitor, "Webhooks")).to_contain_text("Archive")
    button(section(visitor, "Webhooks"), "New webhook").click()
    visitor.page.get_by_text("Only certain events").click()
    expect(visitor.page.get_by_label("files.item.created.v1")).to_be_visible()
    assert violations(visitor) == []
    visitor.goes(f"{WEBHOOKS}/{webhook}")
    button(section(visitor, "Archive"), "Send a test").click()
    expect(deliveries(visitor).filter(has_text="Delivered")).to_have_count(1)
    deliveries(visitor).locator("summary").click()
    expect(deliveries(visitor).get_by_label("What was sent")).to_be_visible()
    assert violations(visitor) == []
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
