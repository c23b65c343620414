"""Mail that is made from notices: when it goes, what it says, and to whom it is not sent any more."""

from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from coffer_contracts.event import Envelope
from coffer_contracts.files import UploadConflictedV1, UploadExpiredV1, UploadFailedV1, UploadRejectedV1
from coffer_notifier.domain import notices as kinds
from coffer_notifier.domain.notices import TELLS_OF_LOSS, WITH_OWN_LETTER
from coffer_notifier.domain.preferences import DEFAULTS
from factories.commented import Comment
from factories.events import NOON
from factories.linked import came
from factories.notifier import Notifier
from factories.telling import (
    Share,
    drive,
    photo_rejected,
    registered,
    reuse_detected,
    sample,
    told,
    upload_ended,
    usage_crossed,
    user_id,
)

PREFERENCES = "/v1/notifications/preferences"


class Home:
    """Ann's folder, into which Bob may put things; Bob wants mail about everything."""

    def __init__(self) -> None:
        self.ann, self.bob = user_id(), user_id()
        self.folder = drive(self.ann).below("Plans", "folder")
        self.file = self.folder.below("a.txt")
        self.share = Share(self.folder, self.bob, "editor")

    @property
    def address(self) -> str:
        """Bob's."""
        return f"bob{self.bob[-12:]}@example.org"

    @classmethod
    async def at(cls, notifier: Notifier, **wishes: Any) -> "Home":
        """One that the notifier knows."""
        home = cls()
        await notifier.handle(
            registered(home.ann, f"ann{home.ann[-12:]}", display_name="Ann"),
            registered(home.bob, home.address.partition("@")[0]),
            home.folder.created(),
            home.share.granted(),
            home.file.committed(kind="system"),
        )
        everything = {kind: {"in_app": True, "email": True} for kind in DEFAULTS}
        await home.choose(notifier, **({"notices": everything} | wishes))
        return home

    async def choose(self, notifier: Notifier, **wishes: Any) -> None:
        async with notifier.client(self.bob) as http:
            assert (await http.put(PREFERENCES, json=wishes)).status_code == 200

    async def mails(self, notifier: Notifier) -> list[Any]:
        """State and reason of each mail to Bob."""
        return await notifier.rows(
            "SELECT state, last_error FROM mails WHERE user_id = :bob ORDER BY created_at, id", bob=self.bob
        )

    def sent(self, notifier: Notifier) -> list[Any]:
        """What Bob got."""
        return [message_from_bytes(mail, policy=default) for to, mail in notifier.post.sent if to == self.address]


def text_of(mail: Any) -> str:
    text: str = mail.get_body(("plain",)).get_content()
    return text


def link_fact(home: Home, reason: str) -> Envelope[Any]:
    """A public link of Bob's to Ann's file has ended."""
    fact = sample("sharing.link.disabled.v1", user_id())
    values = {"reason": reason, "created_by": home.bob, "item_id": home.file.id, "owner_id": home.ann, "detail": None}
    return fact.model_copy(update={"data": fact.data.model_copy(update=values), "ownerid": home.ann})


def changed_content(home: Home) -> Envelope[Any]:
    """Ann sends another version of a file."""
    fact = home.folder.below("b").committed()
    return told(fact.data.model_copy(update={"is_new": False}), actor=home.ann, sequence=2)


SEEN: dict[str, Callable[[Home], Envelope[Any]]] = {
    kinds.SHARE_CHANGED: lambda home: home.share.changed("role"),
    kinds.COMMENT_REPLIED: lambda home: Comment(home.file, home.ann).created(participants=(home.bob,)),
    kinds.COMMENT_MENTIONED: lambda home: Comment(home.file, home.ann, mentioned=(home.bob,)).created(),
    kinds.FILES_UPLOADED: lambda home: home.folder.below("b").committed(actor=home.ann),
    kinds.FILES_CHANGED: changed_content,
    kinds.UPLOAD_DONE: lambda home: home.folder.below("c").committed(actor=home.bob),
    kinds.LINK_UPLOADED: lambda home: came(home.folder, home.file, user_id(), created_by=home.bob),
    kinds.LINK_EXPIRED: lambda home: link_fact(home, "expired"),
    kinds.LINK_TAKEN_DOWN: lambda home: link_fact(home, "taken_down"),
}
"""What Bob is told of things that he may lose sight of, by the type of notice."""

OWN: dict[str, Callable[[Home], Envelope[Any]]] = {
    kinds.SHARE_REVOKED: lambda home: home.share.revoked(),
    kinds.SHARE_EXPIRED: lambda home: home.share.revoked("expired"),
    kinds.UPLOAD_REJECTED: lambda home: upload_ended(home.folder, home.bob, UploadRejectedV1),
    kinds.UPLOAD_CONFLICT: lambda home: upload_ended(home.folder, home.bob, UploadConflictedV1),
    kinds.UPLOAD_FAILED: lambda home: upload_ended(home.folder, home.bob, UploadFailedV1),
    kinds.UPLOAD_EXPIRED: lambda home: upload_ended(home.folder, home.bob, UploadExpiredV1),
    kinds.PHOTO_REJECTED: lambda home: photo_rejected(home.bob),
    kinds.USAGE_CROSSED: lambda home: usage_crossed(home.bob),
}
"""What is Bob's own business, whatever he may see."""

OWNERS = {kinds.SHARE_LEFT, kinds.COMMENT_ADDED}
"""What owners are told of what is theirs."""


def test_every_type_that_is_mailed_is_tried_here() -> None:
    assert {*SEEN, *OWN, *OWNERS} == set(DEFAULTS) - WITH_OWN_LETTER
    assert set(OWN) >= TELLS_OF_LOSS


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*SEEN, *OWN])
async def test_what_is_told_is_mailed_once_to_whoever_wants_it(notifier: Notifier, kind: str) -> None:
    home = await Home.at(notifier)
    fact = {**SEEN, **OWN}[kind](home)
    await notifier.handle(fact)
    await notifier.forget_inbox()
    await notifier.handle(fact)
    notifier.clock.advance(hours=1)
    await notifier.post_all()
    [mail] = home.sent(notifier)
    assert f".{kind}." in mail["List-Unsubscribe"]
    assert [row.state for row in await home.mails(notifier)] == ["sent"]
    assert [one["type"] for one in (await notifier.feed(home.bob))["items"]] == [kind]


@pytest.mark.parametrize("kind", SEEN)
async def test_whoever_lost_sight_before_it_went_out_gets_no_mail_and_is_shown_no_notice(notifier: Notifier, kind: str) -> None:
    home = await Home.at(notifier)
    await notifier.handle(SEEN[kind](home), home.share.removed())
    notifier.clock.advance(hours=2)
    await notifier.post_all()
    assert home.sent(notifier) == []
    assert await home.mails(notifier) == [("failed", "no_longer_visible")]
    page = await notifier.feed(home.bob)
    assert (page["items"], page["unread_count"]) == ([], 0)


@pytest.mark.parametrize("kind", OWN)
async def test_what_is_ones_own_is_mailed_without_sight_of_anything(notifier: Notifier, kind: str) -> None:
    home = await Home.at(notifier)
    await notifier.handle(OWN[kind](home), home.share.removed())
    await notifier.post_all()
    assert len(home.sent(notifier)) == 1


@pytest.mark.parametrize("kind", sorted(OWNERS))
async def test_owners_get_no_mail_about_what_is_gone_for_good(notifier: Notifier, kind: str) -> None:
    home = await Home.at(notifier)
    cid = user_id()
    mine, gone = (drive(home.bob).below(name, "folder") for name in ("mine", "gone"))
    facts: list[Envelope[Any]] = [Share(one, cid).left() for one in (mine, gone)]
    if kind == kinds.COMMENT_ADDED:
        facts = [Comment(one, cid).created() for one in (mine, gone)]
    await notifier.handle(mine.created(), gone.created(), *facts, gone.purged())
    await notifier.post_all()
    [mail] = home.sent(notifier)
    assert "“mine”" in mail["Subject"]
    assert sorted(row.last_error or "" for row in await home.mails(notifier)) == ["", "notice_gone"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*SEEN, *OWN])
async def test_what_was_turned_off_meanwhile_is_not_mailed(notifier: Notifier, kind: str) -> None:
    home = await Home.at(notifier)
    await notifier.handle({**SEEN, **OWN}[kind](home))
    await home.choose(notifier, notices={kind: {"email": False}})
    notifier.clock.advance(hours=1)
    await notifier.post_all()
    assert await home.mails(notifier) == [("failed", "not_wanted")]


async def test_a_share_is_not_mailed_to_whoever_wants_no_such_mail_then_or_by_then(notifier: Notifier) -> None:
    home = await Home.at(notifier)
    await notifier.handle(home.share.created(notify=True))
    await home.choose(notifier, notices={"share_received": {"email": False}})
    await notifier.post_all()
    assert await home.mails(notifier) == [("failed", "not_wanted")]
    other = Share(home.file, home.bob)
    await notifier.handle(other.granted(), other.created(notify=True))
    assert len(await home.mails(notifier)) == 1


async def test_mail_about_gathered_facts_goes_when_their_time_is_over_and_says_all(notifier: Notifier) -> None:
    home = await Home.at(notifier)
    files = [home.folder.below(f"{number}").committed(actor=home.ann) for number in range(4)]
    await notifier.handle(*files[:3])
    notifier.clock.advance(minutes=29)
    await notifier.post_all()
    assert home.sent(notifier) == []
    await notifier.handle(files[3])
    notifier.clock.advance(minutes=1)
    await notifier.post_all()
    [mail] = home.sent(notifier)
    assert mail["Subject"] == f"Ann (ann{home.ann[-12:]}) uploaded 4 files to “Plans”"
    assert f"https://coffer.example.org/app/items/{home.folder.id}" in text_of(mail)
    inner = home.folder.below("Trips", "folder")
    late = [inner.below(f"late {number}").committed(actor=home.ann, at=NOON + timedelta(minutes=2)) for number in range(2)]
    await notifier.handle(inner.created(), *late)
    await notifier.post_all()
    assert len(home.sent(notifier)) == 1
    notifier.clock.advance(minutes=1)
    await notifier.post_all()
    assert "uploaded 2 files" in home.sent(notifier)[1]["Subject"]


async def test_what_was_read_in_the_app_is_not_mailed_any_more(notifier: Notifier) -> None:
    home = await Home.at(notifier)
    await notifier.handle(SEEN[kinds.FILES_UPLOADED](home))
    async with notifier.client(home.bob) as http:
        await http.post("/v1/notifications/read-all")
        await notifier.handle(home.folder.below("later").committed(actor=home.ann))
    notifier.clock.advance(hours=1)
    await notifier.post_all()
    assert sorted((row.state, row.last_error) for row in await home.mails(notifier)) == [
        ("failed", "notice_read"),
        ("sent", None),
    ]
    assert "uploaded a file" in home.sent(notifier)[0]["Subject"]


async def test_mail_waits_for_quiet_hours_to_end_but_warnings_do_not(notifier: Notifier) -> None:
    quiet = {"start": "11:00", "end": "14:00", "timezone": "UTC"}
    home = await Home.at(notifier, quiet_hours=quiet)
    await notifier.handle(OWN[kinds.USAGE_CROSSED](home), reuse_detected(home.bob))
    notifier.clock.advance(minutes=1)
    await notifier.post_all()
    assert [mail["Subject"] for mail in home.sent(notifier)] == ["A stolen sign-in was used, so that session was ended"]
    [row] = await notifier.rows(
        "SELECT not_before, attempts FROM mails WHERE user_id = :bob AND state = 'queued'", bob=home.bob
    )
    assert (row.not_before, row.attempts) == (NOON.replace(hour=14), 0)
    notifier.clock.advance(hours=2)
    await notifier.post_all()
    assert home.sent(notifier)[1]["Subject"] == "Your drive is 80 % full"


async def test_mail_is_in_the_language_that_was_chosen_and_else_in_that_of_the_account(notifier: Notifier) -> None:
    home = await Home.at(notifier, locale="de-CH")
    await notifier.handle(OWN[kinds.USAGE_CROSSED](home))
    await notifier.post_all()
    await home.choose(notifier)
    changed = registered(home.bob, home.address.partition("@")[0], locale="de").model_copy(update={"sequence": "000000000002"})
    await notifier.handle(changed, OWN[kinds.UPLOAD_REJECTED](home))
    await notifier.post_all()
    assert [mail["Subject"] for mail in home.sent(notifier)] == [
        "Ihr Laufwerk ist zu 80 % voll",
        "„bad.exe“ wurde abgelehnt",
    ]
    assert "Grund: It is a test." in text_of(home.sent(notifier)[1])


async def test_comments_are_told_without_what_they_say_and_lead_to_their_place(notifier: Notifier) -> None:
    home = await Home.at(notifier)
    said = Comment(home.file, home.ann, mentioned=(home.bob,))
    await notifier.handle(said.created())
    await notifier.post_all()
    [mail] = home.sent(notifier)
    assert mail["Subject"] == f"Ann (ann{home.ann[-12:]}) mentioned you in a comment on “a.txt”"
    assert f"/app/items/{home.file.id}?comment={said.id}" in text_of(mail)


async def test_a_comment_that_was_taken_back_is_not_mailed(notifier: Notifier) -> None:
    home = await Home.at(notifier)
    said = Comment(home.file, home.ann, mentioned=(home.bob,))
    await notifier.handle(said.created(), said.deleted())
    await notifier.post_all()
    assert await home.mails(notifier) == [("failed", "notice_gone")]
