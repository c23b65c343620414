"""People are told: in their feed, in open streams, by mail, and in the activity; over HTTP only, on a whole stack."""

import asyncio
from typing import Any

import pytest

from coffer_chassis.testing import eventually
from factories.people import PASSWORD, Person
from factories.roles import rows
from factories.stacks import STOP_SECONDS, LocalStack, local_stack
from factories.streams import listening

pytestmark = pytest.mark.slow

WITHIN_SECONDS = 30
"""Far more than it takes to hear of something."""


async def mailed(stack: LocalStack, to: Person, subject: str, *, within_seconds: float) -> str:
    """What an operator's command shows of the mails to somebody, once the one about `subject` has left.

    The command is a process of its own: asking by it again and again would hold up what it asks for.
    """
    address = f"{to.name}@example.org"
    query = f"SELECT 1 FROM mails WHERE to_address = '{address}' AND subject LIKE '%{subject}%' AND state = 'sent'"

    async def left() -> bool:
        return bool(await asyncio.to_thread(rows, stack, "NOTIFIER", query))

    await eventually(left, within_seconds=within_seconds, every_seconds=0.2)
    return await asyncio.to_thread(stack.run, "coffer_notifier", "mails", "--to", address)


def activity(person: Person, count: int, **where: Any) -> list[dict[str, Any]]:
    """What somebody's activity tells, newest first, once there are so many entries: they come from different services."""
    found: list[dict[str, Any]] = person.wait_for(
        lambda: person.get("/v1/activity", **where),
        lambda page: len(page["items"]) >= count,
        within_seconds=WITHIN_SECONDS,
    )["items"]
    return found


async def test_a_share_reaches_the_other_person_while_they_look(stack: LocalStack) -> None:
    ann, bob = Person.at(stack.url), Person.at(stack.url)
    folder = ann.folder("Plans")["id"]
    async with listening(stack.url, bob.tokens["access_token"]) as stream:
        share = ann.share(folder, bob, message="Have a look")
        (notice,) = await stream.hears(1, "notification")
        assert notice.data["title"] == f"{ann.name} shared “Plans” with you"
        assert notice.data["data"]["message"] == "Have a look"
        await stream.hears(1, "change")
        assert bob.get("/v1/notifications")["items"] == [notice.data]
        assert [entry["action"] for entry in activity(bob, 2)] == ["shared", "created"]
        assert ann.http.delete(f"/v1/shares/{share['id']}").status_code == 204
        (_, lost) = await stream.hears(2, "notification")
        assert lost.data["type"] == "share_revoked"
    # That the right is gone, which takes the older notice along, is a fact of its own.
    feed = bob.wait_for(
        lambda: bob.get("/v1/notifications"), lambda feed: len(feed["items"]) == 1, within_seconds=WITHIN_SECONDS
    )
    assert [notice["type"] for notice in feed["items"]] == ["share_revoked"]
    assert [entry["action"] for entry in activity(ann, 3, item_id=folder)] == ["share_revoked", "shared", "created"]


async def test_an_operator_can_look_at_the_mail_that_was_sent(stack: LocalStack) -> None:
    ann, bob = Person.at(stack.url), Person.at(stack.url)
    ann.share(ann.folder("Photos")["id"], bob, notify=True, message="For you")
    shown = await mailed(stack, bob, "shared", within_seconds=60)
    assert f"To: {bob.name}@example.org" in shown
    assert "sent " in shown
    assert f"Subject: {ann.name} shared “Photos” with you" in shown
    assert "> For you" in shown


async def test_a_sign_in_from_a_new_device_is_told_while_somebody_looks(stack: LocalStack) -> None:
    ann, bob = Person.at(stack.url), Person.at(stack.url)
    # A sign-in is new beside those that were heard of before it.
    activity(ann, 2, account=True)
    async with listening(stack.url, ann.tokens["access_token"]) as stream:
        body = {"login": ann.name, "password": PASSWORD}
        answer = ann.http.post("/v1/auth/login", json=body, headers={"User-Agent": "Somebody/1 (elsewhere)"})
        assert answer.status_code == 200, answer.text
        (notice,) = await stream.hears(1, "notification")
    assert (notice.data["type"], notice.data["data"]["agent"]) == ("new_sign_in", "Somebody/1 (elsewhere)")
    entries = activity(ann, 3, account=True)
    assert {entry["action"] for entry in entries} == {"user.registered", "session.created"}
    assert all(entry["address"] and entry["agent"] for entry in entries if entry["action"] == "session.created")
    assert bob.get("/v1/notifications")["items"] == []
    told = await mailed(stack, ann, "from somewhere new", within_seconds=60)
    assert "Subject: Someone signed in to your account from somewhere new" in told


async def test_a_stream_ends_soon_after_signing_out(stack: LocalStack) -> None:
    ann = Person.at(stack.url)
    async with listening(stack.url, ann.tokens["access_token"]) as stream:
        assert ann.http.post("/v1/auth/logout", json={}).status_code in {200, 204}
        await stream.ends(within_seconds=WITHIN_SECONDS)


async def test_open_streams_do_not_hold_up_a_stop_and_go_on_after_it() -> None:
    with local_stack() as stack:
        ann, bob = Person.at(stack.url), Person.at(stack.url)
        folder = ann.folder("Plans")["id"]
        async with listening(stack.url, bob.tokens["access_token"]) as stream:
            last = stream.last_id
            seconds = stack.stop()
            assert seconds < STOP_SECONDS
            await stream.ends(within_seconds=WITHIN_SECONDS)
        stack.start()
        ann.share(folder, bob)
        bob.wait_for(lambda: bob.get("/v1/notifications")["items"], bool, within_seconds=WITHIN_SECONDS)
        async with listening(stack.url, bob.tokens["access_token"], last_id=last) as again:
            (notice,) = await again.hears(1, "notification")
            assert notice.data["type"] == "share_received"
            assert again.events("reset") == []
