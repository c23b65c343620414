"""Webhooks and queues in the settings: made, tried out, looked into, mended and removed; receivers answer as told."""

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, expect

from factories.axe import violations
from factories.browsers import PHONE, WIDE, Visitor
from factories.people import Person
from factories.receivers import Call, Receiver, receiver
from factories.roles import Queues
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow

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
    ana.wait_for(lambda: {"calls": len(hook.calls)}, lambda seen: seen["calls"] == 1, within_seconds=60)
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
    hook.answers = {"Retry-After": "3600"}
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
    ana.wait_for(lambda: ana.get(f"/v1/webhooks/{webhook}"), lambda known: known["disabled_for"] == "gone", within_seconds=60)
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


def test_a_queue_that_does_not_take_a_code_says_why_and_a_guess_proves_nothing(visitor: Visitor, ana: Person) -> None:
    visitor.signs_in(ana, WEBHOOKS)
    part = section(visitor, "Queues")
    expect(part).to_contain_text("No queues yet.")
    button(part, "New queue").click()
    expect(part.get_by_label("ARN of the queue")).to_be_focused()
    part.get_by_label("ARN of the queue").fill("https://example.org/queue")
    button(part, "Subscribe queue").click()
    expect(part).to_contain_text("This is not the ARN of an SQS queue.")
    part.get_by_label("ARN of the queue").fill("arn:aws:sqs:us-east-1:000000000000:nobodys-queue")
    button(part, "Subscribe queue").click()
    proof = section(visitor, "Prove that it is yours")
    button(proof, "Send a code into the queue").click()
    expect(proof.get_by_role("alert")).to_have_text("No code was sent: the queue does not permit it.")
    proof.get_by_label("Code from the queue").fill("a guess")
    button(proof, "Confirm").click()
    expect(proof).to_contain_text("This is not the code that was sent last")
    expect(section(visitor, "Queue").locator(".standing")).to_have_text("To be confirmed")
    button(section(visitor, "Queue"), "Remove queue").click()
    confirms(visitor, "Remove queue")
    expect(section(visitor, "Queues")).to_contain_text("No queues yet.")


def test_a_queue_is_subscribed_proved_and_told_and_what_it_was_sent_is_seen(
    opens: Opens, ana: Person, stack: LocalStack
) -> None:
    queues, name = Queues(stack), f"from-coffer-{uuid4().hex}"
    arn = queues.make(name)
    visitor = opens(viewport=PHONE, color_scheme="dark", reduced_motion="reduce")
    visitor.signs_in(ana, WEBHOOKS)
    part = section(visitor, "Queues")
    button(part, "New queue").click()
    part.get_by_label("ARN of the queue").fill(arn)
    part.get_by_label("Description").fill("Archive")
    assert violations(visitor) == [], "the form"
    button(part, "Subscribe queue").click()
    proof = section(visitor, "Prove that it is yours")
    assert violations(visitor) == [], "the proof"
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    queues.permit(name, proof.get_by_role("group", name="Policy that the queue needs").inner_text())
    button(proof, "Send a code into the queue").click()
    visitor.waits_for("A code is in the queue.")
    proof.get_by_label("Code from the queue").fill(f" {queues.take(name)['data']['code']} ")
    button(proof, "Confirm").click()
    whole = section(visitor, "Archive")
    expect(whole.locator(".standing")).to_have_text("On")
    button(whole, "Send a test").click()
    expect(deliveries(visitor).filter(has_text="Delivered")).to_have_count(1)
    assert queues.take(name)["type"].startswith("files.")
    deliveries(visitor).locator("summary").click()
    expect(deliveries(visitor).get_by_label("What was sent")).to_be_visible()
    assert violations(visitor) == [], "the log"
    button(whole, "Change").click()
    whole.get_by_label("Description").fill("Warehouse")
    button(whole, "Save").click()
    whole = section(visitor, "Warehouse")
    button(whole, "Turn off").click()
    expect(whole.locator(".standing")).to_have_text("Off")
    visitor.goes(WEBHOOKS)
    expect(section(visitor, "Queues").get_by_role("listitem")).to_contain_text("Warehouse")


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
