"""Turning mail off by the link in it: by a person, by a mail program, and by nobody who only looks."""

import re
from email import message_from_bytes
from email.policy import default
from typing import Any

import httpx
import pytest

from coffer_contracts.catalog import parse
from coffer_notifier.domain.unsubscribing import Leaving, token_for
from factories.notifier import KEY, Notifier
from factories.telling import Share, drive, registered, user_id

PATH = "/v1/notifications/unsubscribe"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def stranger(notifier: Notifier) -> httpx.AsyncClient:
    """Whoever has the mail: not signed in."""
    http = notifier.client("bad")
    del http.headers["Authorization"]
    return http


async def mailed(notifier: Notifier, **recipient: Any) -> tuple[str, Any]:
    """Somebody who was told of a share by mail, and the mail."""
    bob = user_id()
    share = Share(drive(user_id()).below("Plans", "folder"), bob)
    await notifier.handle(registered(bob, f"bob{bob[-12:]}", **recipient), share.granted(), share.created(notify=True))
    await notifier.post_all()
    [raw] = [mail for to, mail in notifier.post.sent if to == f"bob{bob[-12:]}@example.org"]
    return bob, message_from_bytes(raw, policy=default)


def link_in(mail: Any) -> str:
    """The path and query of the link."""
    found = re.fullmatch(r"<https://coffer\.example\.org(/\S+)>", mail["List-Unsubscribe"])
    assert found
    return found[1]


async def wants(notifier: Notifier, user: str, kind: str = "share_received") -> dict[str, bool]:
    async with notifier.client(user) as http:
        notices: dict[str, dict[str, bool]] = (await http.get("/v1/notifications/preferences")).json()["notices"]
    return notices[kind]


async def test_mail_programs_turn_mail_off_by_one_click(notifier: Notifier) -> None:
    bob, mail = await mailed(notifier)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for _ in range(2):
        async with stranger(notifier) as http:
            answer = await http.post(link_in(mail), data=ONE_CLICK)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert await wants(notifier, bob) == {"in_app": True, "email": False}
    facts = [parse(row.body) for row in await notifier.rows("SELECT body FROM outbox WHERE owner_id = :bob", bob=bob)]
    [fact] = [fact for fact in facts if fact.type == "notifier.preferences.changed.v1"]
    assert (fact.data.how, fact.actorid, fact.actorkind) == ("unsubscribed", None, "system")  # type: ignore[attr-defined]  # its
    share = Share(drive(user_id()).below("More", "folder"), bob)  # type: ignore[arg-type]  # an id
    before = len(notifier.post.sent)
    await notifier.handle(share.granted(), share.created(notify=True))
    await notifier.post_all()
    assert len(notifier.post.sent) == before
    assert [one["item"]["name"] for one in (await notifier.feed(bob))["items"]] == ["More", "Plans"]


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
        (
            b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
        (b"", None),
        (b"\xff{", "application/json"),
    ],
)
async def test_however_the_click_is_sent_it_counts(notifier: Notifier, content: bytes, media_type: str | None) -> None:
    bob, mail = await mailed(notifier)
    async with stranger(notifier) as http:
        answer = await http.post(link_in(mail), content=content, headers={"Content-Type": media_type} if media_type else {})
    assert answer.status_code == 200
    assert not (await wants(notifier, bob))["email"]


async def test_looking_changes_nothing_and_the_page_asks_in_the_language_of_its_reader(notifier: Notifier) -> None:
    bob, mail = await mailed(notifier, locale="de-AT")
    async with stranger(notifier) as http:
        for method in ("GET", "HEAD", "GET"):
            page = await http.request(method, link_in(mail), headers={"Accept": "text/html"})
            assert page.status_code == 200
    assert "Möchten Sie keine E-Mails dieser Art mehr? Es geht um: was mit Ihnen geteilt wird." in page.text
    assert '<html lang="de">' in page.text
    assert page.headers["cache-control"] == "no-store"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "script" not in page.text
    assert bob not in page.text
    assert await wants(notifier, bob) == {"in_app": True, "email": True}
    form = re.search(r'<form method="post"><input type="hidden" name="([^"]+)" value="([^"]+)">', page.text)
    assert form
    async with stranger(notifier) as http:
        done = await http.post(link_in(mail), data={form[1]: form[2]})
    assert "Sie bekommen keine E-Mails dieser Art mehr" in done.text
    assert not (await wants(notifier, bob))["email"]


async def test_a_link_that_nobody_here_made_turns_nothing_off(notifier: Notifier) -> None:
    bob, mail = await mailed(notifier)
    forged = link_in(mail)[:-4] + "AAAA"
    async with stranger(notifier) as http:
        for token in (forged.partition("token=")[2], "", "x" * 150, "../../etc"):
            posted = await http.post(PATH, params={"token": token}, data=ONE_CLICK)
            assert (posted.status_code, posted.json()["code"]) == (404, "not_found")
            looked = await http.get(PATH, params={"token": token})
            assert (looked.status_code, looked.json()["code"]) == (404, "not_found")
        page = await http.get(PATH, params={"token": forged}, headers={"Accept": "text/html", "Accept-Language": "de,en;q=0.5"})
        assert (page.status_code, "Dieser Link gilt nicht." in page.text) == (404, True)
        assert (await http.get(PATH)).status_code == 422
        assert (await http.post(PATH, params={"token": "x" * 1000})).status_code == 422
    assert await wants(notifier, bob) == {"in_app": True, "email": True}


async def test_the_link_opens_nothing_else(notifier: Notifier) -> None:
    _, mail = await mailed(notifier)
    token = link_in(mail).partition("token=")[2]
    async with stranger(notifier) as http:
        for path in ("/v1/notifications", "/v1/notifications/preferences", "/v1/stream"):
            assert (await http.get(path, params={"token": token})).status_code == 401


async def test_another_attempt_at_the_same_mail_can_be_turned_off_as_well(notifier: Notifier) -> None:
    notifier.post.failures = [ConnectionError("away")]
    bob = user_id()
    share = Share(drive(user_id()).below("Plans", "folder"), bob)
    await notifier.handle(registered(bob, f"bob{bob[-12:]}"), share.granted(), share.created(notify=True))
    await notifier.post_all()
    notifier.clock.advance(minutes=5)
    await notifier.post_all()
    [raw] = [mail for to, mail in notifier.post.sent if to.startswith(f"bob{bob[-12:]}")]
    mail: Any = message_from_bytes(raw, policy=default)
    token = token_for(bytes.fromhex(KEY), Leaving(bob, "share_received"))
    assert link_in(mail) == f"{PATH}?token={token}"
    for part in mail.iter_parts():
        assert f"token={token}" in part.get_content()
