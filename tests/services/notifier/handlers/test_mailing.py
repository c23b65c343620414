"""Mail: sent once in the ordinary case, tried again when it fails, given up with a reason, and never to the wrong person."""

import asyncio
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from coffer_chassis.testing import eventually
from coffer_contracts.auth import UserChangedV1
from coffer_contracts.files import UploadRejectedV1
from coffer_notifier.domain.mails import LEASE, LONGEST_WAIT, UNKNOWN_FOR
from coffer_notifier.handlers import composing, mailing
from coffer_notifier.handlers.cleaning import forget
from coffer_notifier.handlers.deps import MailRefused
from coffer_notifier.handlers.mailing import mailer, post_due
from coffer_notifier.handlers.telling import MAIL
from coffer_notifier.store import mails
from factories.commented import Comment
from factories.notifier import Notifier, notifier_on
from factories.telling import Share, drive, registered, told, upload_ended, user_id


class Story:
    """Ann shares a folder with Bob and wants him told."""

    def __init__(self) -> None:
        self.ann, self.bob = user_id(), user_id()
        self.name = f"bob{self.bob[-12:]}"
        self.address = f"{self.name}@example.org"
        self.share = Share(drive(self.ann).below("Plans", "folder"), self.bob)

    async def begin(self, notifier: Notifier, **recipient: Any) -> None:
        await notifier.handle(
            registered(self.ann, f"ann{self.ann[-12:]}", display_name="Ann"),
            registered(self.bob, self.name, **recipient),
            self.share.granted(),
            self.share.created(notify=True, message="Look"),
        )

    async def row(self, notifier: Notifier) -> Any:
        (row,) = await notifier.rows("SELECT * FROM mails WHERE user_id = :bob", bob=self.bob)
        return row

    def sent(self, notifier: Notifier) -> list[bytes]:
        return [mail for to, mail in notifier.post.sent if to == self.address]


async def test_a_share_is_told_by_mail(notifier: Notifier) -> None:
    story = Story()
    await story.begin(notifier)
    assert (await story.row(notifier)).state == "queued"
    await notifier.post_all()
    (raw,) = story.sent(notifier)
    mail: Any = message_from_bytes(raw, policy=default)
    row = await story.row(notifier)
    assert (row.state, row.attempts, row.to_address) == ("sent", 1, story.address)
    assert row.ses_id
    assert mail["To"] == story.address
    assert mail["Message-ID"] == row.message_id == f"<{row.id}@coffer.example.org>"
    assert mail["Subject"].startswith("Ann (ann")
    text = mail.get_body(("plain",)).get_content()
    assert f"https://coffer.example.org/app/items/{story.share.item.id}" in text
    assert "> Look" in text
    await notifier.post_all()
    assert len(story.sent(notifier)) == 1


async def test_nobody_is_written_to_who_was_not_to_be_told(notifier: Notifier) -> None:
    story = Story()
    await notifier.handle(registered(story.bob, story.name), story.share.granted(), story.share.created(notify=False))
    assert await notifier.rows("SELECT 1 FROM mails WHERE user_id = :bob", bob=story.bob) == []


async def test_a_failure_is_tried_again_later_under_the_same_id_and_text(notifier: Notifier) -> None:
    story = Story()
    await story.begin(notifier)
    notifier.post.failures = [ConnectionError("the provider is away"), TimeoutError()]
    await notifier.post_all()
    row = await story.row(notifier)
    assert (row.state, row.attempts) == ("queued", 1)
    assert "the provider is away" in row.last_error
    assert row.not_before > notifier.clock.now()
    assert await post_due(notifier.deps) == 0, "not before its time"
    renamed = UserChangedV1(**{**registered(story.ann, "zoe").data.model_dump(), "display_name": "Zoe"}, changes=("username",))
    await notifier.handle(told(renamed, sequence=2, source="/auth"))
    notifier.clock.advance(minutes=5)
    await notifier.post_all()
    notifier.clock.advance(minutes=5)
    await notifier.post_all()
    (raw,) = story.sent(notifier)
    row = await story.row(notifier)
    assert (row.state, row.attempts, row.last_error) == ("sent", 3, None)
    mail: Any = message_from_bytes(raw, policy=default)
    assert mail["Message-ID"] == row.message_id
    assert mail["Subject"].startswith("Ann"), "what was composed once stays"


async def test_another_attempt_goes_to_the_address_that_the_account_has_by_then_or_to_none(notifier: Notifier) -> None:
    story = Story()
    await story.begin(notifier)
    notifier.post.failures = [ConnectionError(), ConnectionError()]
    await notifier.post_all()
    begun = registered(story.bob, story.name)
    moved = begun.data.model_dump() | {"email": f"new-{story.address}", "changes": ("email",)}
    await notifier.handle(told(UserChangedV1(**moved), sequence=2, source="/auth"))
    notifier.clock.advance(hours=1)
    await notifier.post_all()
    assert (await story.row(notifier)).to_address == f"new-{story.address}"
    closed = moved | {"status": "suspended", "changes": ("status",)}
    await notifier.handle(told(UserChangedV1(**closed), sequence=3, source="/auth"))
    notifier.clock.advance(hours=1)
    await notifier.post_all()
    row = await story.row(notifier)
    assert (row.state, row.last_error) == ("failed", "recipient_inactive")
    assert story.sent(notifier) == []


async def test_a_mail_that_always_fails_is_given_up_with_a_reason(store_url_of_notifier: str) -> None:
    async with notifier_on(store_url_of_notifier, mail_attempts=3) as notifier:
        story = Story()
        await story.begin(notifier)
        notifier.post.failures = [ConnectionError("away")] * 10
        for _ in range(5):
            await notifier.post_all()
            notifier.clock.advance(seconds=LONGEST_WAIT.total_seconds())
        row = await story.row(notifier)
        assert (row.state, row.attempts) == ("failed", 3)
        assert row.last_error.startswith("too_many_attempts: ConnectionError: away")
        assert len(notifier.post.failures) == 7


async def test_a_refusal_is_final(notifier: Notifier) -> None:
    story = Story()
    await story.begin(notifier)
    notifier.post.failures = [MailRefused("no such thing")]
    await notifier.post_all()
    row = await story.row(notifier)
    assert (row.state, row.last_error) == ("failed", "refused: MailRefused: no such thing")


class Killed(BaseException):
    """The process is gone."""


async def test_a_claim_whose_process_died_is_taken_over_when_it_lapses(notifier: Notifier) -> None:
    story = Story()
    await story.begin(notifier)
    notifier.post.failures = [Killed()]
    with pytest.raises(Killed):
        await post_due(notifier.deps)
    row = await story.row(notifier)
    assert (row.state, row.attempts) == ("sending", 1)
    assert await post_due(notifier.deps) == 0, "it may still be on its way"
    notifier.clock.advance(seconds=LEASE.total_seconds())
    await notifier.post_all()
    assert (await story.row(notifier)).state == "sent"
    assert len(story.sent(notifier)) == 1


async def test_the_one_window_in_which_a_mail_goes_out_twice_keeps_its_id(notifier: Notifier) -> None:
    story = Story()
    await story.begin(notifier)
    notifier.post.after_sending = [Killed()]
    with pytest.raises(Killed):
        await post_due(notifier.deps)
    notifier.clock.advance(seconds=LEASE.total_seconds())
    await notifier.post_all()
    twice = [message_from_bytes(raw)["Message-ID"] for raw in story.sent(notifier)]
    assert len(twice) == 2
    assert len(set(twice)) == 1


async def test_a_last_attempt_that_was_never_settled_is_not_made_again(store_url_of_notifier: str) -> None:
    async with notifier_on(store_url_of_notifier, mail_attempts=1) as notifier:
        story = Story()
        await story.begin(notifier)
        notifier.post.after_sending = [Killed()]
        with pytest.raises(Killed):
            await post_due(notifier.deps)
        notifier.clock.advance(seconds=LEASE.total_seconds())
        await notifier.post_all()
        row = await story.row(notifier)
        assert (row.state, row.last_error, len(story.sent(notifier))) == ("failed", "too_many_attempts", 1)


async def test_several_mailers_send_each_mail_once(notifier: Notifier) -> None:
    stories = [Story() for _ in range(12)]
    for story in stories:
        await story.begin(notifier)
    await asyncio.gather(*(post_due(notifier.deps) for _ in range(6)))
    await notifier.post_all()
    assert [len(story.sent(notifier)) for story in stories] == [1] * 12


async def test_a_share_that_ended_meanwhile_is_not_announced(notifier: Notifier) -> None:
    story = Story()
    await story.begin(notifier)
    await notifier.handle(story.share.removed(), story.share.revoked())
    await notifier.post_all()
    row = await story.row(notifier)
    assert (row.state, row.last_error, story.sent(notifier)) == ("failed", "no_longer_shared", [])


async def test_a_share_that_ends_between_two_attempts_is_not_announced_either(notifier: Notifier) -> None:
    story = Story()
    await story.begin(notifier)
    notifier.post.failures = [ConnectionError("away")]
    await notifier.post_all()
    await notifier.handle(story.share.removed())
    notifier.clock.advance(minutes=5)
    await notifier.post_all()
    assert (await story.row(notifier)).last_error == "no_longer_shared"
    assert story.sent(notifier) == []


async def test_a_grant_that_was_not_heard_of_yet_keeps_no_mail_back(notifier: Notifier) -> None:
    story = Story()
    await notifier.handle(registered(story.bob, story.name), story.share.created(notify=True))
    await notifier.post_all()
    assert len(story.sent(notifier)) == 1
    assert b"Someone shared" in story.sent(notifier)[0]


async def test_a_recipient_who_was_not_heard_of_yet_is_waited_for_and_given_up_in_the_end(notifier: Notifier) -> None:
    story, lost = Story(), Story()
    await notifier.handle(story.share.created(notify=True), lost.share.created(notify=True))
    await notifier.post_all()
    assert (await story.row(notifier)).attempts == 0
    await notifier.handle(registered(story.bob, story.name))
    notifier.clock.advance(minutes=1)
    await notifier.post_all()
    assert len(story.sent(notifier)) == 1
    notifier.clock.advance(seconds=UNKNOWN_FOR.total_seconds())
    await notifier.post_all()
    assert (await lost.row(notifier)).last_error == "recipient_unknown"


@pytest.mark.parametrize(
    ("recipient", "settings", "reason"),
    [
        ({"status": "suspended"}, {}, "recipient_inactive"),
        ({"email": "nonsense"}, {}, "address_unusable"),
        ({"email": "x@example.org\r\nBcc: y@example.org"}, {}, "address_unusable"),
        ({"email_verified": False}, {"mail_to_unverified": False}, "address_unverified"),
    ],
)
async def test_gives_up_with_a_reason(
    store_url_of_notifier: str, recipient: dict[str, Any], settings: dict[str, Any], reason: str
) -> None:
    async with notifier_on(store_url_of_notifier, **settings) as notifier:
        story = Story()
        await story.begin(notifier, **recipient)
        await notifier.post_all()
        row = await story.row(notifier)
        assert (row.state, row.last_error, row.attempts) == ("failed", reason, 0)
        assert notifier.post.sent == []


async def test_verified_addresses_are_written_to_when_others_are_not(store_url_of_notifier: str) -> None:
    async with notifier_on(store_url_of_notifier, mail_to_unverified=False) as notifier:
        story = Story()
        await story.begin(notifier, email_verified=True)
        await notifier.post_all()
        assert len(story.sent(notifier)) == 1


async def test_the_mailer_wakes_up_for_new_mail_and_finishes_when_told_to_stop(
    notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailing, "POLL_SECONDS", 3600.0)
    story = Story()
    loop, stopping = mailer(notifier.deps), asyncio.Event()
    notifier.wakeups.on(MAIL, loop.poke)
    running = asyncio.create_task(loop.run(stopping))
    await story.begin(notifier)

    async def posted() -> bool:
        return bool(story.sent(notifier))

    await eventually(posted, within_seconds=60)
    stopping.set()
    await asyncio.wait_for(running, 30)


async def test_nobody_fills_a_mailbox_by_sharing_and_taking_back(notifier: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composing, "MOST_BY_ONE", 3)
    story, other = Story(), Story()
    other.bob = story.bob
    await story.begin(notifier)
    folder = drive(story.ann).below("Plans", "folder")
    for _ in range(6):
        share = Share(folder, story.bob)
        await notifier.handle(share.granted(), share.created(notify=True))
    comment = Comment(folder, story.ann, mentioned=(story.bob,))
    await notifier.handle(comment.created())
    await notifier.post_all()
    assert len(story.sent(notifier)) == 3
    count = "SELECT last_error, count(*) FROM mails WHERE user_id = :bob GROUP BY last_error ORDER BY last_error"
    assert await notifier.rows(count, bob=story.bob) == [("too_many_by_one", 5), (None, 3)]
    assert (await notifier.feed(story.bob))["unread_count"] == 8, "the feed has all of it"
    elsewhere = Share(drive(other.ann).below("Trips", "folder"), story.bob)
    await notifier.handle(elsewhere.granted(), elsewhere.created(notify=True))
    await notifier.post_all()
    assert len(story.sent(notifier)) == 4, "others are heard"
    notifier.clock.advance(hours=1, seconds=1)
    later = Share(folder, story.bob)
    await notifier.handle(later.granted(), later.created(notify=True))
    await notifier.post_all()
    assert len(story.sent(notifier)) == 5


async def test_what_one_does_oneself_and_mail_that_is_tried_again_are_not_counted(
    notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(composing, "MOST_BY_ONE", 1)
    story = Story()
    notifier.post.failures = [OSError("away")]
    await story.begin(notifier)
    await notifier.post_all()
    assert story.sent(notifier) == []
    notifier.clock.advance(minutes=5)
    await notifier.post_all()
    assert len(story.sent(notifier)) == 1
    own = drive(story.bob).below("Inbox", "folder")
    for name in ("a.exe", "b.exe"):
        await notifier.handle(upload_ended(own, story.bob, UploadRejectedV1, name=name))
    await notifier.post_all()
    assert len(story.sent(notifier)) == 3


async def test_the_mailer_outlives_a_store_that_is_away(notifier: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story()
    away, due_ones = [OSError("away"), OSError("away")], mails.due

    async def due(*arguments: Any) -> Any:
        if away:
            raise away.pop()
        return await due_ones(*arguments)

    monkeypatch.setattr(mails, "due", due)
    monkeypatch.setattr(mailing, "BACK_OFF_SECONDS", (0.01, 0.02))
    monkeypatch.setattr(mailing, "POLL_SECONDS", 3600.0)
    await story.begin(notifier)
    stopping = asyncio.Event()
    running = asyncio.create_task(mailer(notifier.deps).run(stopping))

    async def posted() -> bool:
        return bool(story.sent(notifier))

    await eventually(posted, within_seconds=60)
    stopping.set()
    await asyncio.wait_for(running, 30)
    assert (away, len(story.sent(notifier))) == ([], 1)


async def test_mail_long_ended_says_nothing_any_more_and_is_forgotten_in_the_end(notifier: Notifier) -> None:
    story, waiting = Story(), Story()
    await story.begin(notifier)
    await notifier.post_all()
    await notifier.handle(waiting.share.created(notify=True))
    notifier.clock.advance(days=7, seconds=1)
    await forget(notifier.deps)
    row = await story.row(notifier)
    assert (row.text, row.html, row.data, row.state) == (None, None, {}, "sent")
    assert (await waiting.row(notifier)).data != {}
    notifier.clock.advance(days=90)
    await forget(notifier.deps)
    assert await notifier.rows("SELECT 1 FROM mails WHERE user_id = :bob", bob=story.bob) == []
    assert (await waiting.row(notifier)).state == "queued", "what waits is never forgotten"


async def test_a_mail_that_cannot_be_written_holds_up_no_other(notifier: Notifier) -> None:
    """As from a newer release, whose processes run beside ours for a while and know kinds that we do not."""
    story = Story()
    (odd,) = await notifier.rows(
        """
        INSERT INTO mails (id, event_id, user_id, kind, data, message_id, state, not_before, created_at)
        VALUES (gen_random_uuid(), gen_random_uuid()::text, :bob, 'of_tomorrow', '{}', '<odd>', 'queued', :past, :past)
        RETURNING id
        """,
        bob=story.bob,
        past=notifier.clock.now() - timedelta(hours=1),
    )
    await story.begin(notifier)
    await notifier.post_all()
    assert len(story.sent(notifier)) == 1
    for _ in range(notifier.deps.settings.mail_attempts):
        (row,) = await notifier.rows("SELECT state, not_before FROM mails WHERE id = :id", id=odd.id)
        assert row.state == "queued"
        assert row.not_before > notifier.clock.now()
        notifier.clock.advance(seconds=LONGEST_WAIT.total_seconds())
        await notifier.post_all()
    (row,) = await notifier.rows("SELECT state, last_error FROM mails WHERE id = :id", id=odd.id)
    assert (row.state, row.last_error) == ("failed", "too_many_attempts")
