"""What is heard in live streams, and by whom: over real HTTP."""

import pytest

from coffer_contracts.files import UploadConflictedV1, UploadExpiredV1, UploadFailedV1, UploadRejectedV1
from coffer_notifier.stream import hub as hub_module
from factories.notifier import Notifier
from factories.streams import api_process, listening, tell
from factories.telling import Share, drive, job_finished, upload_ended, user_id

pytestmark = pytest.mark.slow


async def test_a_fresh_stream_begins_with_an_id_and_hears_what_happens_from_then_on(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    share = Share(drive(ann).below("plans", "folder"), bob)
    await notifier.handle(Share(share.item, bob).created())
    async with api_process(notifier) as address, listening(address, bob) as listener:
        assert listener.told == []
        await notifier.handle(share.granted(), share.created(message="Look"))
        (notice,) = await listener.hears(1, "notification")
        assert notice.data["type"] == "share_received"
        assert notice.data["item"] == {"id": share.item.id, "kind": "folder", "name": "plans"}
        assert notice.data["title"] == "Someone shared “plans” with you"
        assert (await notifier.feed(bob))["items"][0] == notice.data
        assert listener.events("change")
        assert listener.response.headers["content-type"].startswith("text/event-stream")
        assert listener.response.headers["cache-control"] == "no-store"
        assert listener.response.headers["x-accel-buffering"] == "no"


async def test_everybody_hears_only_what_is_for_them_and_what_they_asked_for(notifier: Notifier) -> None:
    ann, bob, eve = user_id(), user_id(), user_id()
    folder = drive(ann).below("plans", "folder")
    share = Share(folder, bob)
    await notifier.handle(folder.created(), share.granted())
    async with (
        api_process(notifier) as address,
        listening(address, ann) as owner,
        listening(address, bob, topics="changes") as reader,
        listening(address, bob, topics="uploads,jobs") as other,
        listening(address, eve) as stranger,
    ):
        await notifier.handle(folder.below().committed(actor=ann))
        await owner.hears(1, "upload")
        await owner.hears(1, "change")
        await reader.hears(1, "change")
        await tell(notifier, bob, 1)
        await other.hears(1, "upload")
        assert reader.events("upload") == []
        assert other.events("change") == []
        assert stranger.told == []


async def test_a_stream_of_notices_alone_is_the_same_stream_with_that_topic(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    share, other = Share(drive(ann).below("plans"), bob), Share(drive(ann).below("more"), bob)
    async with api_process(notifier) as address:
        async with listening(address, bob, path="/v1/notifications/stream") as listener:
            await tell(notifier, bob, 1)
            await notifier.handle(share.granted(), share.created())
            await listener.hears(1)
            last = listener.last_id
        await notifier.handle(other.granted(), other.created())
        async with listening(address, bob, last_id=last, path="/v1/notifications/stream") as again:
            await again.hears(1)
    assert [one.event for one in (*listener.told, *again.told)] == ["notification"] * 2
    assert [one.data["item"]["name"] for one in (*listener.told, *again.told)] == ["plans", "more"]


async def test_a_burst_in_one_transaction_is_one_hint(notifier: Notifier) -> None:
    ann = user_id()
    root = drive(ann)
    async with api_process(notifier) as address, listening(address, ann) as listener:
        await notifier.handle_together(*(root.below(f"{number}.jpg").committed() for number in range(10)))
        await listener.hears(10, "upload")
        await listener.hears(1, "change")
        assert len(listener.events("change")) == 1
    assert (await notifier.rows("SELECT count(*) FROM stream WHERE user_id = :ann AND event = 'change'", ann=ann))[0][0] == 1


async def test_the_end_of_an_upload_is_told_with_its_reason(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    folder = drive(ann).below("inbox", "folder")
    async with api_process(notifier) as address, listening(address, bob) as listener:
        kinds = (UploadConflictedV1, UploadRejectedV1, UploadFailedV1, UploadExpiredV1)
        await notifier.handle(*(upload_ended(folder, bob, kind) for kind in kinds))
        uploads = await listener.hears(4, "upload")
        assert [one.data["state"] for one in uploads] == ["conflict", "rejected", "failed", "expired"]
        assert {one.data["reason"] for one in uploads} == {"test"}
        assert {one.data["name"] for one in uploads} == {"bad.exe"}
        notices = await listener.hears(4, "notification")
        assert [one.data["type"] for one in notices] == [
            "upload_conflict",
            "upload_rejected",
            "upload_failed",
            "upload_expired",
        ]


async def test_previews_are_told_to_owner_and_uploader(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    folder = drive(ann).below("inbox", "folder")
    photo = folder.below()
    await notifier.handle(Share(folder, bob, "editor").granted(), photo.committed(actor=bob))
    async with (
        api_process(notifier) as address,
        listening(address, ann, topics="uploads") as owner,
        listening(address, bob, topics="uploads") as uploader,
    ):
        await notifier.handle(
            photo.preview_ready(actor=bob), photo.preview_failed("bomb", actor=bob), photo.preview_omitted(actor=bob)
        )
        for listener in (owner, uploader):
            told = await listener.hears(3, "upload")
            assert [one.data["state"] for one in told] == ["preview_ready", "preview_failed", "preview_none"]
            assert [one.data["reason"] for one in told] == [None, "bomb", None]
            assert {one.data["item_id"] for one in told} == {photo.id}


async def test_the_end_of_a_job_is_told_once_to_who_asked_for_it_and_not_to_the_owner_of_the_drive(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    done = job_finished(bob, ann, made_id=drive(ann).id)
    refused = job_finished(bob, ann, "failed", reason="quota_exceeded", detail="There is no room.")
    async with (
        api_process(notifier) as address,
        listening(address, ann) as owner,
        listening(address, bob, topics="jobs") as asker,
    ):
        await notifier.handle(done, done, refused)
        first, second = await asker.hears(2, "job")
        await tell(notifier, ann, 1)
        await owner.hears(1, "upload")
        assert owner.events("job") == []
        assert len(asker.told) == 2
    known = {"kind": "copy", "done": 3, "size": 300}
    assert first.data == known | {
        "job_id": done.data.job_id,
        "state": "succeeded",
        "reason": None,
        "detail": None,
        "made_id": done.data.made_id,
    }
    assert second.data == known | {
        "job_id": refused.data.job_id,
        "state": "failed",
        "reason": "quota_exceeded",
        "detail": "There is no room.",
        "made_id": None,
    }


async def test_marking_as_read_reaches_the_other_devices(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    shares = [Share(drive(ann).below(f"{number}"), bob) for number in range(3)]
    for share in shares:
        await notifier.handle(share.granted(), share.created())
    ids = [notice["id"] for notice in (await notifier.feed(bob))["items"]]
    async with (
        api_process(notifier) as address,
        listening(address, bob, topics="notifications") as phone,
        notifier.client(bob) as laptop,
    ):
        await laptop.post("/v1/notifications/read", json={"ids": ids[:1]})
        await laptop.post("/v1/notifications/read", json={"ids": ids[:1]})
        await laptop.delete(f"/v1/notifications/{ids[1]}")
        await laptop.post("/v1/notifications/read-all")
        told = await phone.hears(3, "notifications_read")
        assert [one.data for one in told] == [
            {"read": ids[:1], "removed": [], "reload": False},
            {"read": [], "removed": ids[1:2], "reload": False},
            {"read": ids[2:], "removed": [], "reload": False},
        ]


async def test_news_of_a_grant_is_hinted_at_again_for_services_that_learn_of_it_later(
    notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "AGAIN_SECONDS", 0.2)
    ann, bob = user_id(), user_id()
    async with api_process(notifier) as address, listening(address, bob) as listener:
        await notifier.handle(Share(drive(ann).below(), bob).granted())
        first, second = await listener.hears(2, "change")
        assert first.id is not None
        assert second.id is None
