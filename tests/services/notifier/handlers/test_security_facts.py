"""Facts about the security of accounts: every one is kept with actor, address and agent, and the alarming ones warn, once."""

import re
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from coffer_contracts.catalog import EVENTS
from coffer_contracts.event import Envelope, Event
from coffer_notifier.domain.outside import OFFERED
from coffer_notifier.domain.security import ALERTS, MOST_TOLD, SECURITY, TOLD_TOGETHER
from coffer_notifier.handlers.auditing import AUDIT
from coffer_notifier.handlers.cleaning import forget
from coffer_notifier.handlers.reactions import FAST
from coffer_notifier.store.known_sign_ins import KEPT
from factories.events import NOON
from factories.notifier import Notifier
from factories.telling import FIREFOX, login_failed, registered, reuse_detected, sample, signed_in, user_id

SECURITY_TYPES = re.compile(r"auth\.(session|token|login|password|mfa|identity)\.")


class Somebody:
    """A person with a verified address, and what they were told."""

    def __init__(self) -> None:
        self.id = user_id()
        self.name = f"eve{self.id[-12:]}"

    def known(self, **changes: Any) -> Envelope[Any]:
        return registered(self.id, self.name, **{"email_verified": True, **changes})

    async def kinds(self, notifier: Notifier) -> list[str]:
        found = await notifier.rows("SELECT type FROM notices WHERE user_id = :user ORDER BY id", user=self.id)
        return [row.type for row in found]

    async def mails(self, notifier: Notifier) -> list[Any]:
        return await notifier.rows("SELECT * FROM mails WHERE user_id = :user ORDER BY id", user=self.id)

    def sent(self, notifier: Notifier) -> list[Any]:
        found = [mail for to, mail in notifier.post.sent if to == f"{self.name}@example.org"]
        return [message_from_bytes(mail, policy=default) for mail in found]


async def post(notifier: Notifier) -> None:
    """Send what waits for others to be told with it."""
    notifier.clock.advance(seconds=TOLD_TOGETHER.total_seconds())
    await notifier.post_all()


def text_of(mail: Any) -> str:
    return str(mail.get_body(("plain",)).get_content()).replace("\r\n", "\n")


def test_every_security_fact_is_kept() -> None:
    """Types that may carry an address are all of them, and what carries one is such a fact."""
    kept = {event.type for event in SECURITY}
    named = {event.type for event in EVENTS if SECURITY_TYPES.match(event.type) and "address" in event.model_fields}
    assert kept == named
    assert kept <= set(AUDIT)
    assert kept >= {"auth.session.created.v1", "auth.session.reuse_detected.v1", "auth.login.failed.v1"}


def test_every_warning_is_of_a_security_fact_that_somebody_hears() -> None:
    assert set(ALERTS) <= {event.type for event in SECURITY}
    assert set(ALERTS) <= set(FAST)


@pytest.mark.parametrize("kind", SECURITY, ids=lambda kind: kind.type)
async def test_a_security_fact_arrives_in_audit_and_activity_with_actor_address_and_agent(
    notifier: Notifier, kind: type[Event]
) -> None:
    user = user_id()
    event = sample(kind.type, user)
    for _ in range(2):
        await notifier.handle(event)
        await notifier.forget_inbox()
    (kept,) = await notifier.rows("SELECT * FROM audit_entries WHERE owner_id = :user", user=user)
    (entry,) = await notifier.rows("SELECT * FROM activity WHERE owner_id = :user", user=user)
    for row in (kept, entry):
        assert row.actor_id == event.actorid is not None
        assert row.actor_kind == event.actorkind
        assert (row.address, row.agent) == (event.data.address, event.data.agent)
        assert row.address
        assert row.agent
        assert row.action == ".".join(event.type.split(".")[1:3])
        assert row.at == event.time
    entity, _, name = event.subject.partition("/")
    assert (kept.service, kept.resource_type, kept.resource_id, kept.request_id) == ("auth", entity, name, event.correlationid)
    said = {name for name, value in event.data.model_dump().items() if value is not None}
    assert set(kept.detail) == said - {"user_id", "address", "agent", "actor_session_id"}
    assert kept.session_id == (getattr(event.data, "actor_session_id", None) or kept.session_id)
    assert all(isinstance(value, str) for value in kept.detail.values())
    assert (entry.item_id, entry.scope, entry.recipient_id) == (None, [], None)


@pytest.mark.parametrize("make", [login_failed, reuse_detected])
async def test_somebody_who_is_not_signed_in_is_known_by_their_address(notifier: Notifier, make: Any) -> None:
    user = user_id()
    await notifier.handle(make(user))
    (row,) = await notifier.rows("SELECT * FROM audit_entries WHERE owner_id = :user", user=user)
    assert (row.actor_id, row.actor_kind, row.address) == ("address/198.51.100.9", "anonymous", "198.51.100.9")


async def test_activity_about_an_account_is_for_its_owner_alone(notifier: Notifier) -> None:
    user, other = user_id(), user_id()
    await notifier.handle(login_failed(user), signed_in(user))
    assert await notifier.activity(user) == []
    mine = await notifier.activity(user, account="true")
    assert sorted(entry["action"] for entry in mine) == ["login.failed", "session.created"]
    failed = next(entry for entry in mine if entry["action"] == "login.failed")
    assert failed["item"] is None
    assert (failed["address"], failed["agent"], failed["reason"]) == ("198.51.100.9", "curl/8.5.0", "invalid_credentials")
    assert failed["actor_kind"] == "anonymous"
    assert await notifier.activity(other, account="true") == []
    (one,) = await notifier.activity(user, account="true", action="session.created", actor=user)
    assert one["actor"]["id"] == user
    async with notifier.client(user) as http:
        for query in (
            {"action": "created", "account": "true"},
            {"action": "login.failed"},
            {"account": "true", "item_id": user},
        ):
            assert (await http.get("/v1/activity", params=query)).status_code == 422


def test_no_address_and_no_agent_is_told_outside() -> None:
    for wire_type, outside in OFFERED.items():
        assert not {"address", "agent"} & set(outside.fields), wire_type


async def test_the_first_sign_in_of_a_person_warns_nobody(notifier: Notifier) -> None:
    eve = Somebody()
    await notifier.handle(eve.known(), signed_in(eve.id))
    assert await eve.kinds(notifier) == []
    assert await eve.mails(notifier) == []


@pytest.mark.parametrize(
    ("changes", "new"),
    [
        ({}, []),
        ({"address": "203.0.113.250"}, []),
        ({"agent": FIREFOX.replace("128.0", "131.0.2")}, []),
        ({"address": "198.51.100.1"}, ["network"]),
        ({"address": "2001:db8:1:2::3"}, ["network"]),
        ({"agent": "Coffer for Android/2.1"}, ["device"]),
        ({"device_name": "Eve's phone"}, ["device"]),
        ({"address": "198.51.100.1", "agent": "curl/8"}, ["device", "network"]),
        ({"address": None, "agent": None}, []),
        ({"address": "no address", "agent": ""}, []),
    ],
)
async def test_a_sign_in_from_somewhere_new_warns(notifier: Notifier, changes: dict[str, Any], new: list[str]) -> None:
    eve = Somebody()
    await notifier.handle(eve.known(), signed_in(eve.id), signed_in(eve.id, **changes))
    notices = await notifier.rows("SELECT type, data FROM notices WHERE user_id = :user", user=eve.id)
    assert [(row.type, row.data["new"]) for row in notices] == ([("new_sign_in", new)] if new else [])
    await post(notifier)
    assert len(eve.sent(notifier)) == bool(new)
    await notifier.handle(signed_in(eve.id, **changes))
    assert len(await eve.kinds(notifier)) == bool(new), "known by now"


async def test_a_mapped_address_is_the_address(notifier: Notifier) -> None:
    eve = Somebody()
    await notifier.handle(eve.known(), signed_in(eve.id), signed_in(eve.id, address="::ffff:203.0.113.9"))
    assert await eve.kinds(notifier) == []


async def test_two_people_do_not_vouch_for_each_other(notifier: Notifier) -> None:
    eve, bob = Somebody(), Somebody()
    await notifier.handle(
        eve.known(), bob.known(), signed_in(eve.id), signed_in(bob.id, address="198.51.100.1", agent="curl/8")
    )
    await notifier.handle(signed_in(eve.id, address="198.51.100.1", agent="curl/8"))
    assert (await eve.kinds(notifier), await bob.kinds(notifier)) == (["new_sign_in"], [])


async def test_a_place_that_was_not_used_for_a_year_is_new_again(notifier: Notifier) -> None:
    eve = Somebody()
    await notifier.handle(eve.known(), signed_in(eve.id, address="198.51.100.1"))
    later = NOON + KEPT + timedelta(days=1)
    notifier.clock.advance(days=(KEPT + timedelta(days=1)).days)
    await notifier.handle(signed_in(eve.id, at=later))
    await forget(notifier.deps)
    await notifier.handle(signed_in(eve.id, address="198.51.100.1", at=later))
    assert await eve.kinds(notifier) == ["new_sign_in", "new_sign_in"]


async def test_what_happened_long_ago_and_is_told_again_is_kept_and_warns_nobody(notifier: Notifier) -> None:
    eve = Somebody()
    long_ago = notifier.clock.now() - timedelta(days=2)
    await notifier.handle(eve.known(), signed_in(eve.id, at=long_ago), signed_in(eve.id, address="198.51.100.1", at=long_ago))
    assert await eve.kinds(notifier) == []
    assert (
        len(
            await notifier.rows(
                "SELECT 1 FROM audit_entries WHERE owner_id = :user AND action = 'session.created'", user=eve.id
            )
        )
        == 2
    )


@pytest.mark.parametrize("kind", [kind for kind in SECURITY if kind.type in ALERTS and kind.type != "auth.session.created.v1"])
async def test_an_alarming_fact_warns_by_feed_and_mail_once(notifier: Notifier, kind: type[Event]) -> None:
    eve = Somebody()
    event = sample(kind.type, eve.id)
    await notifier.handle(eve.known(), event, event)
    await notifier.forget_inbox()
    await notifier.handle(event)
    assert await eve.kinds(notifier) == [ALERTS[kind.type]]
    page = await notifier.feed(eve.id)
    assert page["items"][0]["title"]
    assert page["items"][0]["data"]["address"] == event.data.address
    await post(notifier)
    await notifier.handle(event)
    await post(notifier)
    (mail,) = eve.sent(notifier)
    assert event.data.address in text_of(mail)
    assert "https://coffer.example.org/app/settings/security" in text_of(mail)


async def test_what_happens_together_is_told_in_one_mail(notifier: Notifier) -> None:
    eve = Somebody()
    await notifier.handle(eve.known(locale="de-DE"), signed_in(eve.id))
    await notifier.handle(signed_in(eve.id, address="198.51.100.1", agent="curl/8 <b>"), reuse_detected(eve.id))
    await notifier.post_all()
    assert eve.sent(notifier) == [], "others may follow"
    await post(notifier)
    (mail,) = eve.sent(notifier)
    assert mail["Subject"] == "2 Vorgänge betreffen die Sicherheit Ihres Kontos"
    text = text_of(mail)
    assert "neuen Ort" in text
    assert "gestohlene" in text
    assert "curl/8 <b>" in text
    assert "curl/8 <b>" not in mail.get_body(("html",)).get_content()
    await notifier.handle(reuse_detected(eve.id))
    await post(notifier)
    assert len(eve.sent(notifier)) == 2, "what comes later is told later"


async def test_a_flood_is_one_mail_that_stays_short(notifier: Notifier) -> None:
    eve = Somebody()
    await notifier.handle(eve.known())
    await notifier.handle_together(*(reuse_detected(eve.id, address=f"198.51.100.{number}") for number in range(MOST_TOLD + 5)))
    await post(notifier)
    (mail,) = eve.sent(notifier)
    assert mail["Subject"] == "25 things happened to the security of your account"
    assert "… and 5 more." in text_of(mail)
    assert text_of(mail).count("* A stolen sign-in") == MOST_TOLD


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"email_verified": False}, "address_unverified"), ({"status": "deleted"}, "recipient_inactive")],
)
async def test_a_warning_goes_to_nobody_but_the_owner_of_the_account(
    notifier: Notifier, changes: dict[str, Any], reason: str
) -> None:
    eve = Somebody()
    object.__setattr__(notifier.deps, "settings", notifier.deps.settings.model_copy(update={"mail_to_unverified": False}))
    await notifier.handle(eve.known(**changes), reuse_detected(eve.id))
    await post(notifier)
    assert eve.sent(notifier) == []
    (row,) = await eve.mails(notifier)
    assert (row.state, row.last_error) == ("failed", reason)


async def test_the_owner_of_a_suspended_account_is_warned_too(notifier: Notifier) -> None:
    eve = Somebody()
    await notifier.handle(eve.known(status="suspended"), reuse_detected(eve.id))
    await post(notifier)
    assert len(eve.sent(notifier)) == 1


async def test_operators_find_what_happened_to_an_account(notifier: Notifier) -> None:
    user = user_id()
    await notifier.handle(login_failed(user), signed_in(user))
    async with notifier.operators() as http:
        items = (await http.get("/v1/audit", params={"user_id": user})).json()["items"]
        wrong = await http.get("/v1/audit", params={"user_id": "x"})
    assert {item["action"] for item in items} == {"login.failed", "session.created"}
    assert all(item["actor"]["ip"] and item["actor"]["user_agent"] and item["actor"]["id"] for item in items)
    assert {item["resource"]["owner_id"] for item in items} == {user}
    assert wrong.status_code == 422
