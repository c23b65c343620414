"""Settings about who may get in: passwords, the second factor, sign-ins, and tokens for programs."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pyotp
import pytest
from playwright.sync_api import Locator, expect

from coffer_auth.domain.mfa import step_of
from factories.axe import violations
from factories.browsers import PHONE, WIDE, Visitor
from factories.people import PASSWORD, Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow

Opens = Callable[..., Visitor]
NEW = "five loud badgers on a roof"
SECURITY, TOKENS = "/app/settings/security", "/app/settings/tokens"


def code(secret: str, steps: int) -> str:
    """The code of a step beside the present one: each is good once."""
    return pyotp.TOTP(secret).generate_otp(step_of(datetime.now(UTC)) + steps)


def section(visitor: Visitor, name: str) -> Locator:
    return visitor.page.get_by_role("region", name=name)


def button(within: Locator, name: str) -> Locator:
    return within.get_by_role("button", name=name, exact=True)


def with_factor(person: Person) -> str:
    """Turn the second factor on by another client; the secret."""
    secret: str = person.http.post("/v1/me/mfa/totp", json={"password": PASSWORD}).json()["secret"]
    assert person.http.post("/v1/me/mfa/totp/confirm", json={"code": code(secret, 0)}).status_code == 200
    return secret


def token_of(person: Person, name: str) -> None:
    """A token made by another client."""
    body = {"name": name, "scopes": ["files:read"], "expires_at": "2027-06-01T00:00:00Z"}
    answer = person.http.post("/v1/me/tokens", json=body)
    assert answer.status_code == 201, answer.text


def test_a_password_is_changed_and_other_devices_are_signed_out(visitor: Visitor, ana: Person) -> None:
    visitor.signs_in(ana, SECURITY)
    part = section(visitor, "Password")
    part.get_by_label("Present password").fill("certainly another one")
    part.get_by_label("New password").fill(NEW)
    button(part, "Change password").click()
    expect(part.get_by_role("alert")).to_have_text("Name or password is wrong.")
    part.get_by_label("Present password").fill(PASSWORD)
    part.get_by_label("New password").fill("short")
    button(part, "Change password").click()
    expect(part.get_by_text("This is too short.")).to_be_visible()
    part.get_by_label("New password").fill(NEW)
    button(part, "Change password").click()
    visitor.waits_for("Your password is another one now.")
    expect(part.get_by_label("New password")).to_have_value("")
    assert ana.http.get("/v1/me").status_code == 401
    assert ana.http.post("/v1/auth/login", json={"login": ana.name, "password": NEW}).status_code == 200
    visitor.page.reload()
    expect(section(visitor, "Password")).to_be_visible()


def test_sign_ins_are_listed_and_ended_one_by_one_or_all_others(visitor: Visitor, ana: Person) -> None:
    visitor.signs_in(ana, SECURITY)
    part = section(visitor, "Where you are signed in")
    expect(part.get_by_role("listitem")).to_have_count(2)
    expect(part.get_by_text("This device")).to_have_count(1)
    part.get_by_role("button", name=re.compile("^Sign out python-httpx")).click()
    expect(part.get_by_role("listitem")).to_have_count(1)
    assert ana.http.get("/v1/me").status_code == 401
    for _ in range(2):
        ana.sign_in()
    visitor.page.reload()
    expect(part.get_by_role("listitem")).to_have_count(3)
    button(part, "Sign out everywhere else").click()
    dialog = visitor.page.get_by_role("dialog", name="Sign out everywhere else")
    expect(dialog).to_contain_text("2 other sign-ins end.")
    button(dialog, "Sign out everywhere else").click()
    expect(part.get_by_role("listitem")).to_have_count(1)
    assert ana.http.get("/v1/me").status_code == 401


def test_a_second_factor_is_set_up_by_its_picture_renewed_and_turned_off(visitor: Visitor, ana: Person) -> None:
    visitor.signs_in(ana, SECURITY)
    part = section(visitor, "Second factor")
    expect(part).to_contain_text("The second factor is off.")
    button(part, "Set up").click()
    part.get_by_label("Password").fill("not this one")
    button(part, "Go on").click()
    expect(part.get_by_role("alert")).to_be_visible()
    part.get_by_label("Password").fill(PASSWORD)
    button(part, "Go on").click()
    picture = part.get_by_role("img", name="QR code")
    expect(picture).to_be_visible()
    visitor.page.wait_for_function("image => image.complete && image.naturalWidth > 50", arg=picture.element_handle())
    secret = part.locator("code").inner_text()
    part.get_by_label("Code").fill("000000")
    button(part, "Turn on").click()
    expect(part.get_by_role("alert")).to_have_text("This code is not right.")
    part.get_by_label("Code").fill(code(secret, 0))
    button(part, "Turn on").click()
    shown = part.get_by_role("group", name="Recovery codes")
    first = shown.locator("pre").inner_text().split()
    assert len(first) == 10
    assert violations(visitor) == []
    button(shown, "I have kept it").click()
    expect(part).to_contain_text("10 recovery codes left")
    assert first[0] not in visitor.page.content()
    button(part, "New recovery codes").click()
    part.get_by_label("Code").fill(code(secret, 1))
    button(part, "New recovery codes").click()
    second = shown.locator("pre").inner_text().split()
    assert len(second) == 10
    assert not set(first) & set(second)
    button(shown, "I have kept it").click()
    button(part, "Turn off").click()
    part.get_by_label("Password").fill(PASSWORD)
    part.get_by_label("Code of the app").fill(first[0])
    button(part, "Turn off").click()
    expect(part.get_by_role("alert")).to_have_text("This code is not right.")
    part.get_by_label("Code of the app").fill(second[0])
    button(part, "Turn off").click()
    expect(part).to_contain_text("The second factor is off.")


def test_whoever_has_not_proved_enough_is_asked_and_then_it_is_done(visitor: Visitor, ana: Person) -> None:
    token_of(ana, "Laptop")
    visitor.signs_in(ana, TOKENS)
    # From here on this browser's password alone is too little.
    secret = with_factor(ana)
    visitor.page.get_by_role("button", name="Revoke Laptop").click()
    visitor.page.get_by_role("dialog", name="Revoke").get_by_role("button", name="Revoke").click()
    asked = visitor.page.get_by_role("dialog", name="Is it still you?")
    button(asked, "Cancel").click()
    expect(asked).to_have_count(0)
    assert len(ana.get("/v1/me/tokens")["items"]) == 1
    visitor.page.get_by_role("button", name="Revoke Laptop").click()
    visitor.page.get_by_role("dialog", name="Revoke").get_by_role("button", name="Revoke").click()
    asked.get_by_label("Password").fill(PASSWORD)
    asked.get_by_label("Code of the app").fill("000000")
    button(asked, "Confirm").click()
    expect(asked.get_by_role("alert")).to_have_text("This code is not right.")
    assert violations(visitor) == []
    asked.get_by_label("Code of the app").fill(code(secret, 1))
    button(asked, "Confirm").click()
    visitor.waits_for("No tokens yet.")
    assert ana.get("/v1/me/tokens")["items"] == []


def test_a_token_is_made_by_keys_shown_once_and_does_what_its_scopes_say(
    visitor: Visitor, ana: Person, stack: LocalStack
) -> None:
    visitor.signs_in(ana, TOKENS)
    keys = visitor.page.keyboard
    part = section(visitor, "Access tokens")
    button(part, "New token").focus()
    keys.press("Enter")
    expect(part.get_by_label("Name")).to_be_focused()
    keys.press("Enter")
    expect(part.locator("[name=name][aria-invalid=true]")).to_be_visible()
    keys.type("Backup")
    part.get_by_label("See and download files").focus()
    keys.press("Space")
    keys.press("Tab")
    part.get_by_label("Works for").focus()
    keys.press("ArrowDown")
    button(part, "Make token").focus()
    keys.press("Enter")
    expect(part.get_by_role("alert")).to_have_text("Please choose at least one.")
    part.get_by_label("See and download files").focus()
    keys.press("Space")
    button(part, "Make token").focus()
    keys.press("Enter")
    shown = part.get_by_role("group", name="Token “Backup”")
    expect(shown.get_by_role("heading")).to_be_focused()
    token = shown.locator("pre").inner_text()
    with httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {token}"}) as program:
        assert program.get("/v1/items/root/children").status_code == 200
        assert program.post("/v1/folders", json={"parent_id": "root", "name": "No"}).status_code == 403
        button(shown, "I have kept it").focus()
        keys.press("Enter")
        expect(shown).to_have_count(0)
        assert token not in visitor.page.content()
        expect(part.get_by_role("listitem")).to_contain_text("Backup")
        made = ana.get("/v1/me/tokens")["items"][0]
        days = (datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])).days
        assert (made["scopes"], 360 < days <= 365) == (["files:read"], True)
        part.get_by_role("button", name="Revoke Backup").focus()
        keys.press("Enter")
        visitor.page.get_by_role("dialog").get_by_role("button", name="Revoke").focus()
        keys.press("Enter")
        visitor.waits_for("No tokens yet.")
        ana.wait_for(
            lambda: {"status": program.get("/v1/items/root/children").status_code},
            lambda seen: seen["status"] == 401,
            within_seconds=10,
        )


def test_a_token_is_copied_by_a_button(visitor: Visitor, ana: Person) -> None:
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.signs_in(ana, TOKENS)
    part = section(visitor, "Access tokens")
    button(part, "New token").click()
    part.get_by_label("Name").fill("Copied")
    button(part, "Make token").click()
    button(part, "Copy").click()
    expect(visitor.page.locator(".toast")).to_contain_text("Copied")
    assert visitor.page.evaluate("navigator.clipboard.readText()") == part.locator("pre").inner_text()


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (PHONE, "dark")], ids=["wide and light", "telephone and dark"])
def test_settings_about_security_have_no_violation(opens: Opens, ana: Person, size: dict[str, int], scheme: Any) -> None:
    token_of(ana, "Laptop")
    visitor = opens(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    visitor.signs_in(ana, SECURITY)
    expect(visitor.page.get_by_text("This device")).to_be_visible()
    button(section(visitor, "Second factor"), "Set up").click()
    assert violations(visitor) == []
    visitor.page.get_by_role("link", name="Access tokens").click()
    visitor.waits_for("Laptop")
    button(section(visitor, "Access tokens"), "New token").click()
    assert violations(visitor) == []
    button(section(visitor, "Access tokens"), "Make token").click()
    assert violations(visitor) == []
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
