"""Preferences over HTTP, and what they change about what is told."""

import json
from typing import Any

import httpx
import pytest

from coffer_contracts.catalog import parse
from coffer_contracts.files import UploadRejectedV1
from coffer_notifier.domain.preferences import DEFAULTS, LOCKED
from factories.commented import Comment
from factories.notifier import Notifier
from factories.telling import Share, drive, registered, signed_in, upload_ended, user_id

PATH = "/v1/notifications/preferences"
QUIET = {"start": "22:00", "end": "07:00", "timezone": "Europe/Berlin"}


async def chosen(notifier: Notifier, person: str, **body: Any) -> dict[str, Any]:
    """Choose; as it was answered."""
    async with notifier.client(person) as http:
        answer = await http.put(PATH, json=body)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def read(notifier: Notifier, person: str) -> httpx.Response:
    async with notifier.client(person) as http:
        return await http.get(PATH)


async def told(notifier: Notifier, person: str) -> list[str]:
    return [notice["type"] for notice in (await notifier.feed(person))["items"]]


async def test_whoever_chose_nothing_has_the_defaults_which_are_said(notifier: Notifier) -> None:
    answer = (await read(notifier, user_id())).json()
    assert answer["notices"] == answer["defaults"]
    assert set(answer["notices"]) == set(DEFAULTS)
    assert answer["defaults"]["comment_mentioned"] == {"in_app": True, "email": True}
    assert answer["defaults"]["upload_done"] == {"in_app": False, "email": False}
    assert answer["locked"] == sorted(LOCKED)
    assert (answer["quiet_hours"], answer["locale"], answer["changed_at"]) == (None, None, None)
    assert answer["languages"] == ["en", "de"]


async def test_choosing_names_all_that_is_wanted_and_what_is_left_out_is_as_by_default(notifier: Notifier) -> None:
    ann = user_id()
    first = await chosen(notifier, ann, notices={"files_uploaded": {"email": True}}, quiet_hours=QUIET, locale="de-AT")
    assert first["notices"]["files_uploaded"] == {"in_app": True, "email": True}
    assert (first["quiet_hours"], first["locale"], first["changed_at"]) == (QUIET, "de-AT", "2026-11-20T12:00:00.000Z")
    assert (await read(notifier, ann)).json() == first
    second = await chosen(notifier, ann, notices={"share_left": {"in_app": False}})
    assert second["notices"]["files_uploaded"] == second["defaults"]["files_uploaded"]
    assert second["notices"]["share_left"] == {"in_app": False, "email": False}
    assert (second["quiet_hours"], second["locale"]) == (None, None)
    assert (await read(notifier, user_id())).json()["notices"] == second["defaults"], "nobody else's"


async def test_a_change_is_told_once_with_all_that_is_wanted_now(notifier: Notifier) -> None:
    ann = user_id()
    for _ in range(2):
        await chosen(notifier, ann, notices={"comment_added": {"email": True}}, quiet_hours=QUIET, locale="de")
    rows = await notifier.rows("SELECT body, sequence FROM outbox WHERE subject = :subject", subject=f"preferences/{ann}")
    [(body, sequence)] = rows
    fact: Any = parse(body)
    assert (fact.type, sequence, fact.actorid, fact.ownerid) == ("notifier.preferences.changed.v1", 1, ann, ann)
    assert fact.data.how == "chosen"
    choices = {one.notice: (one.in_app, one.email) for one in fact.data.choices}
    assert set(choices) == set(DEFAULTS)
    assert choices["comment_added"] == (True, True)
    assert json.loads(body)["data"]["quiet_hours"] == QUIET


async def test_a_choice_made_on_what_is_no_longer_so_is_refused(notifier: Notifier) -> None:
    ann = user_id()
    async with notifier.client(ann) as http:
        before = (await http.get(PATH)).headers["etag"]
        assert (await http.get(PATH, headers={"If-None-Match": before})).status_code == 304
        made = await http.put(PATH, json={"locale": "de"}, headers={"If-Match": before})
        assert made.status_code == 200
        late = await http.put(PATH, json={"locale": "en"}, headers={"If-Match": before})
    assert (late.status_code, late.json()["current_etag"]) == (412, made.headers["etag"])


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"notices": {"new_sign_in": {"email": False}}}, "/notices/new_sign_in/email", "locked"),
        ({"notices": {"password_changed": {"in_app": False}}}, "/notices/password_changed/in_app", "locked"),
        ({"notices": {"no_such_thing": {"email": True}}}, "/notices/no_such_thing", "unknown_notice"),
        ({"notices": {"share_left": {"email": "yes"}}}, "/notices/share_left/email", None),
        ({"notices": {"share_left": {"digest": True}}}, "/notices/share_left/digest", None),
        ({"notices": {"a" * (1 + number % 50) + "b" * (number // 50): {} for number in range(101)}}, "/notices", None),
        ({"quiet_hours": {**QUIET, "timezone": "Middle/Earth"}}, "/quiet_hours/timezone", "unknown_timezone"),
        ({"quiet_hours": {**QUIET, "timezone": "../../etc/passwd"}}, "/quiet_hours/timezone", "unknown_timezone"),
        ({"quiet_hours": {**QUIET, "end": "24:00"}}, "/quiet_hours/end", None),
        ({"quiet_hours": {**QUIET, "end": "22:00"}}, "/quiet_hours", "empty"),
        ({"quiet_hours": {"start": "22:00", "timezone": "UTC"}}, "/quiet_hours/end", None),
        ({"locale": "de_AT\r\n"}, "/locale", None),
        ({"locale": ""}, "/locale", None),
        ({"digest": "daily"}, "/digest", None),
    ],
    ids=lambda one: str(one)[:40],
)
async def test_refuses_what_cannot_be(notifier: Notifier, body: dict[str, Any], pointer: str, code: str | None) -> None:
    ann = user_id()
    async with notifier.client(ann) as http:
        answer = await http.put(PATH, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed"), answer.text
    [error] = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert code is None or error["code"] == code
    assert (await read(notifier, ann)).json()["changed_at"] is None


async def test_what_is_locked_may_be_named_as_it_is(notifier: Notifier) -> None:
    answer = await chosen(notifier, user_id(), notices={"new_sign_in": {"in_app": True, "email": True}})
    assert answer["notices"] == answer["defaults"]


async def test_what_was_turned_off_before_is_not_told_and_what_was_told_stays(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    root = drive(ann)
    before, after = Share(root.below("a"), bob), Share(root.below("b"), bob)
    await notifier.handle(before.granted(), before.created())
    await chosen(notifier, bob, notices={"share_received": {"in_app": False}})
    await notifier.handle(after.granted(), after.created(notify=True))
    assert await told(notifier, bob) == ["share_received"]
    mails = await notifier.rows("SELECT kind FROM mails WHERE user_id = :bob", bob=bob)
    assert mails == [("share_created",)], "mail about it is another thing"


async def test_what_is_told_by_mail_only_is_in_no_feed_and_no_count(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    folder = drive(ann).below("in", "folder")
    await chosen(notifier, bob, notices={"upload_rejected": {"in_app": False, "email": True}})
    await notifier.handle(upload_ended(folder, bob, UploadRejectedV1))
    page = await notifier.feed(bob)
    assert (page["items"], page["unread_count"]) == ([], 0)
    assert await notifier.rows("SELECT 1 FROM stream WHERE user_id = :bob AND event = 'notification'", bob=bob) == []
    assert await notifier.rows("SELECT kind FROM mails WHERE user_id = :bob", bob=bob) == [("notice",)]


async def test_each_is_told_by_their_own_choice(notifier: Notifier) -> None:
    ann, bob, cid = (user_id() for _ in range(3))
    file = drive(ann).below("a.txt")
    await notifier.handle(file.committed(), *(Share(file, one).granted() for one in (bob, cid)))
    await chosen(notifier, bob, notices={"comment_mentioned": {"in_app": False, "email": False}})
    await chosen(notifier, ann, notices={"comment_added": {"email": True}})
    await notifier.handle(Comment(file, cid, mentioned=(bob,)).created())
    assert (await told(notifier, ann), await told(notifier, bob)) == (["comment_added"], [])
    mails = await notifier.rows("SELECT user_id::text FROM mails WHERE user_id IN (:ann, :bob)", ann=ann, bob=bob)
    assert mails == [(ann,)]


async def test_a_warning_is_told_whatever_was_chosen_by_other_ways(notifier: Notifier) -> None:
    """As by a release that let it be turned off, or by hand in the store."""
    bob = user_id()
    await notifier.rows(
        "INSERT INTO preferences (user_id, choices, revision, changed_at) VALUES (:bob, CAST(:choices AS jsonb), 1, now())"
        " RETURNING 1",
        bob=bob,
        choices=json.dumps({"new_sign_in": {"in_app": False, "email": False}}),
    )
    await notifier.handle(signed_in(bob), signed_in(bob, address="192.0.2.1", agent="curl/8"))
    assert await told(notifier, bob) == ["new_sign_in"]
    assert await notifier.rows("SELECT kind FROM mails WHERE user_id = :bob", bob=bob) == [("security_alert",)]


async def test_a_closed_account_leaves_no_wishes(notifier: Notifier) -> None:
    bob = user_id()
    await chosen(notifier, bob, locale="de")
    await notifier.handle(registered(bob, f"bob{bob[-8:]}", status="deleted"))
    assert await notifier.rows("SELECT 1 FROM preferences WHERE user_id = :bob", bob=bob) == []
