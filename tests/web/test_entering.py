"""In and out: signing up, signing in with everything that may be asked, forgotten passwords, sessions that end."""

from datetime import UTC, datetime
from typing import Any

import pyotp
import pytest

from coffer_auth.domain.mfa import step_of
from coffer_chassis.ids import new_id
from factories.browsers import Visitor
from factories.letters import link_to
from factories.people import PASSWORD, Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow

NEW = "five loud badgers on a roof"


def code(secret: str, steps: int) -> str:
    """The code of a step beside the present one: each is good once."""
    return pyotp.TOTP(secret).generate_otp(step_of(datetime.now(UTC)) + steps)


def test_a_new_person_signs_up_and_stands_in_an_empty_drive(visitor: Visitor, stack: LocalStack) -> None:
    name = f"nora{new_id()[-8:]}"
    visitor.goes("/")
    visitor.page.get_by_role("link", name="Create an account").click()
    visitor.page.get_by_label("User name").fill(name)
    visitor.page.get_by_label("E-mail").fill(f"{name}@example.org")
    visitor.page.get_by_label("Password").fill("short")
    visitor.page.get_by_role("button", name="Create account").click()
    visitor.page.locator("[name=password][aria-invalid=true], [role=alert]").first.wait_for()
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.page.get_by_role("button", name="Create account").click()
    visitor.waits_for("Nothing here yet")
    visitor.goes(link_to(stack, name, r"/app/verify#token=\S+"))
    visitor.waits_for("Address confirmed")
    assert "#" not in visitor.page.url


def test_a_wrong_password_is_said_and_the_right_one_opens(visitor: Visitor, ana: Person) -> None:
    visitor.goes("/app/files")
    visitor.fills_in(ana.name, "certainly not this one")
    assert visitor.page.get_by_role("alert").inner_text() == "Name or password is wrong."
    visitor.fills_in(ana.name, PASSWORD)
    visitor.waits_for("Nothing here yet")


def test_whoever_was_in_is_in_after_a_reload_and_no_token_is_kept_where_scripts_can_read(visitor: Visitor, ana: Person) -> None:
    visitor.signs_in(ana)
    kept = visitor.page.evaluate(
        "() => JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage}) + document.cookie"
    )
    assert "ey" not in kept
    assert "coffer_refresh" not in kept
    visitor.page.reload()
    visitor.waits_for("Nothing here yet")


def test_a_second_factor_is_asked_for_and_a_recovery_code_serves_too(opens: Any, ana: Person) -> None:
    secret = ana.http.post("/v1/me/mfa/totp", json={"password": PASSWORD}).json()["secret"]
    confirmed = ana.http.post("/v1/me/mfa/totp/confirm", json={"code": code(secret, 0)})
    recovery = confirmed.json()["recovery_codes"]
    phone = opens()
    phone.goes("/app/files")
    phone.fills_in(ana.name, PASSWORD)
    phone.page.get_by_label("Code", exact=True).fill("000000")
    phone.page.get_by_role("button", name="Sign in").click()
    assert phone.page.get_by_role("alert").inner_text() == "This code is not right."
    phone.page.get_by_label("Code", exact=True).fill(code(secret, 1))
    phone.page.get_by_role("button", name="Sign in").click()
    phone.waits_for("Nothing here yet")
    laptop = opens()
    laptop.goes("/app/files")
    laptop.fills_in(ana.name, PASSWORD)
    laptop.page.get_by_role("button", name="Use a recovery code").click()
    laptop.page.get_by_label("Recovery code").fill(recovery[0])
    laptop.page.get_by_role("button", name="Sign in").click()
    laptop.waits_for("Nothing here yet")


def test_a_forgotten_password_is_set_anew_by_the_link_of_a_mail_which_works_once(
    visitor: Visitor, stack: LocalStack, ana: Person
) -> None:
    visitor.goes("/app/sign-in")
    visitor.page.get_by_role("link", name="Forgot your password?").click()
    visitor.page.get_by_label("E-mail").fill(f"{ana.name}@example.org")
    visitor.page.get_by_role("button", name="Send the link").click()
    visitor.waits_for("Look at your mail")
    link = link_to(stack, ana.name, r"/app/reset#token=\S+")
    visitor.goes(link)
    visitor.page.get_by_label("New password").fill(NEW)
    assert "token" not in visitor.page.url
    visitor.page.get_by_role("button", name="Set password").click()
    visitor.waits_for("Password changed")
    visitor.page.get_by_role("button", name="Sign in").click()
    visitor.fills_in(ana.name, NEW)
    visitor.waits_for("Nothing here yet")
    visitor.goes(link)
    visitor.page.reload()
    visitor.goes("/app/verify")
    visitor.waits_for("This link does not work")


def test_signing_out_in_one_tab_signs_out_the_other(opens: Any, ana: Person) -> None:
    first = opens()
    first.signs_in(ana)
    second = opens(beside=first)
    second.goes("/app/files")
    second.waits_for("Nothing here yet")
    first.page.get_by_role("button", name="Account").click()
    first.page.get_by_role("menuitem", name="Sign out").click()
    for tab in (first, second):
        tab.waits_for("Welcome back")


def test_two_tabs_share_a_session_and_one_of_them_the_stream(opens: Any, ana: Person) -> None:
    first = opens()
    first.signs_in(ana)
    second = opens(beside=first)
    second.goes("/app/files")
    second.waits_for("Nothing here yet")
    sessions = ana.get("/v1/sessions")["items"]
    assert len(sessions) == 2  # this client's own, and the browser's
    ana.folder("Seen by both")
    for tab in (first, second):
        tab.item("Seen by both").wait_for()


def test_a_session_that_ends_in_the_middle_is_taken_up_again_where_it_was(visitor: Visitor, ana: Person) -> None:
    ana.folder("Before")
    visitor.signs_in(ana)
    visitor.item("Before").wait_for()
    visitor.page.get_by_role("button", name="New", exact=True).click()
    visitor.page.get_by_role("menuitem", name="New folder").click()
    visitor.page.get_by_label("Name", exact=True).fill("In the middle")
    own = ana.tokens["session_id"]
    for session in ana.get("/v1/sessions")["items"]:
        if session["id"] != own:
            assert ana.http.delete(f"/v1/sessions/{session['id']}").status_code == 204
    # The end may be heard of first, and its dialog lie above the button: what is under way must bear both.
    visitor.page.get_by_role("button", name="Create", include_hidden=True).dispatch_event("click")
    again = visitor.page.get_by_role("dialog", name="Sign in again")
    again.wait_for()
    again.get_by_label("Password").fill(PASSWORD)
    again.get_by_role("button", name="Sign in", exact=True).click()
    again.wait_for(state="detached")
    visitor.sees("Before", "In the middle")
