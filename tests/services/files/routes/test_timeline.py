"""Everybody concerned can see what an upload waits for, and set it going again where that can help."""

from typing import Any

from httpx import Response
from sqlalchemy import update

from coffer_chassis.access import EDITOR
from coffer_chassis.ids import new_id
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.announcing import Announcement, start_upload
from coffer_files.handlers.drives import root_of
from coffer_files.handlers.sweeping import sweep
from coffer_files.store.tables import uploads
from factories.bytes import sent
from factories.files import Files, cleared, files_on, granted, origin_of, person, rejected, stored


async def told(files: Files, upload: Upload, who: Any = None) -> Any:
    async with files.client(who) as http:
        answer = await http.get(f"/v1/uploads/{upload.id}/timeline")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "private, no-store"
    return answer.json()


async def retried(files: Files, upload: Upload, who: Any = None) -> Response:
    async with files.client(who) as http:
        return await http.post(f"/v1/uploads/{upload.id}/retry", json={})


async def given_up(files: Files, upload: Upload) -> Upload:
    """The upload after nobody answered four times."""
    for _ in range(4):
        await sent(files)
        files.clock.advance(minutes=10)
        await sweep(files.deps)
    return await files.now(upload)


async def test_one_upload_tells_at_every_step_what_it_waits_for(files: Files) -> None:
    upload = await files.start()
    etag = await files.blobs.write(upload.blob_key, b"x" * 100, content_type="image/jpeg")
    files.clock.advance(seconds=40)
    story = await told(files, upload)
    assert (story["waiting_for"], story["waiting"]["seconds"]) == ("bytes", 40)
    assert story["waiting"]["sentence"] == "40 s without the bytes of the file."
    assert (story["next"]["what"], story["next"]["at"]) == ("expires", "2026-11-21T12:00:00.000Z")

    await files.handle(stored(upload, etag=etag))
    files.clock.advance(seconds=40)
    story = await told(files, upload)
    assert (story["waiting_for"], story["waiting"]["sentence"][:13]) == ("sending", "40 s not sent")
    await sent(files)
    files.clock.advance(seconds=40)
    story = await told(files, upload)
    assert (story["waiting_for"], story["waiting"]["attempt"]) == ("verdict", 1)
    assert story["waiting"]["sentence"] == "40 s in the media queue; there is no verdict yet."
    assert (story["next"]["what"], story["next"]["seconds"]) == ("asked_again", 520)
    assert (story["can_retry"], story["retry"]) == (False, None)

    files.clock.advance(minutes=10)
    await sweep(files.deps)
    await sent(files)
    files.clock.advance(seconds=30)
    story = await told(files, upload)
    assert "30 s in the media queue, asked for the 2nd time" in story["waiting"]["sentence"]
    begun = files.clock.now()
    files.clock.advance(seconds=2)
    await files.handle(cleared(upload, etag=etag, started_at=begun))
    story = await told(files, upload)
    steps = [(step["step"], step["ms"]) for step in story["steps"]]
    assert steps == [
        ("created", 40_000), ("received", 0), ("dispatched", 680_000), ("dispatched_again", 30_000),
        ("verdict_started", 2000), ("cleared", 0), ("committed", None),
    ]  # fmt: skip
    assert (story["waiting_for"], story["next"]["what"]) == ("preview", "preview_failed")


async def test_an_upload_says_how_many_are_before_it_to_the_owner_alone(store: str) -> None:
    async with files_on(store, dispatch_per_owner=2) as files:
        await root_of(files.deps, files.owner.user_id, files.origin)
        guest, root = person(), (await files.drive()).root_id
        await files.handle(granted(root, files.owner, guest, EDITOR))
        begun = [await files.start(f"{number}.jpg") for number in range(4)]
        announced = Announcement(parent=root, name="guest.jpg", size_bytes=100)
        last, _ = await start_upload(files.deps, guest, origin_of(guest), None, announced)
        for upload in [*begun, last]:
            files.clock.advance(seconds=1)
            await files.handle(stored(upload))
        files.clock.advance(seconds=40)
        story = await told(files, last)
        assert (story["waiting_for"], story["waiting"]["ahead"]) == ("turn", 4)
        assert story["waiting"]["sentence"] == (
            "40 s waiting for its turn to be checked, behind 4 other uploads into the same drive."
        )
        assert (story["next"]["what"], story["deadline_at"][:10]) == ("fails", "2026-11-27")
        as_guest = await told(files, last, guest)
        assert (as_guest["waiting"]["ahead"], "4" in as_guest["waiting"]["sentence"][2:]) == (None, False)


async def test_a_guests_upload_that_failed_is_tried_again_by_the_owner(files: Files) -> None:
    await root_of(files.deps, files.owner.user_id, files.origin)
    guest, root = person(), (await files.drive()).root_id
    await files.handle(granted(root, files.owner, guest, EDITOR))
    announced = Announcement(parent=root, name="guest.jpg", size_bytes=100)
    upload, _ = await start_upload(files.deps, guest, origin_of(guest), None, announced)
    etag = await files.blobs.write(upload.blob_key, b"x" * 100, content_type="image/jpeg")
    await files.handle(stored(upload, etag=etag))
    assert (await given_up(files, upload)).reason == "no_verdict"
    for who in (files.owner, guest):
        story = await told(files, upload, who)
        assert (story["can_retry"], story["retry"]["path"]) == (True, f"/v1/uploads/{upload.id}/retry")
        assert (story["reason"], story["detail"]) == ("no_verdict", "No verdict after asking 4 times.")
        assert story["waiting_for"] == "retry"
    assert (await retried(files, upload, person())).status_code == 404
    assert (await retried(files, upload, files.owner)).status_code == 202
    assert (await retried(files, upload, guest)).status_code == 202
    again = await files.now(upload)
    assert (again.state, again.retries) == ("received", 1)
    await files.handle(cleared(upload, etag=etag))
    assert (await files.now(upload)).state == "committed"


async def test_trying_again_and_again_is_slowed_down(files: Files) -> None:
    upload = await files.start()
    etag = await files.blobs.write(upload.blob_key, b"x" * 100, content_type="image/jpeg")
    await files.handle(stored(upload, etag=etag))
    for _ in range(3):
        await fail(files, upload)
        assert (await retried(files, upload)).status_code == 202
    await fail(files, upload)
    refused = await retried(files, upload)
    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (429, "rate_limited", "60")
    story = await told(files, upload)
    assert (story["can_retry"], story["retry"]["not_before"]) == (True, "2026-11-20T12:01:00.000Z")
    files.clock.advance(seconds=60)
    assert (await told(files, upload))["retry"]["not_before"] is None
    assert (await retried(files, upload)).status_code == 202


async def fail(files: Files, upload: Upload) -> None:
    failed = update(uploads).where(uploads.c.id == upload.id).values(state="failed", reason="no_verdict")
    await files.rows(failed.returning(uploads.c.id))


async def test_a_retry_is_not_offered_where_it_cannot_help(files: Files) -> None:
    short, lost, refused = [await files.start(f"{number}.jpg") for number in range(3)]
    await files.handle(stored(short, size=99), stored(lost), stored(refused), rejected(refused))
    await sent(files)
    files.clock.advance(minutes=10)
    await sweep(files.deps)
    for upload, reason in ((short, "size_mismatch"), (lost, "bytes_lost"), (refused, "test_virus")):
        story = await told(files, upload)
        assert (story["reason"], story["can_retry"], story["retry"]) == (reason, False, None)
        assert story["detail"]
    assert (await told(files, refused))["waiting"] is None


async def test_an_upload_from_before_there_were_steps_still_has_a_story(files: Files) -> None:
    done = await files.upload()
    old = update(uploads).where(uploads.c.id == done.id)
    plain = {"cleared": True, "etag": "e1", "mime_type": "image/jpeg", "media_kind": "image", "flags": []}
    await files.rows(old.values(steps=[], asked_event_id=None, verdict=plain).returning(uploads.c.id))
    story = await told(files, done)
    assert [step["step"] for step in story["steps"]] == ["created", "dispatched", "committed"]
    assert all(step["ms"] is None or step["ms"] >= 0 for step in story["steps"])


async def test_nobody_else_sees_it(files: Files) -> None:
    upload = await files.start()
    async with files.client(person()) as http:
        assert (await http.get(f"/v1/uploads/{upload.id}/timeline")).status_code == 404
        assert (await http.get(f"/v1/uploads/{new_id()}/timeline")).status_code == 404
        assert (await http.get("/v1/uploads/..%2f..%2fx/timeline")).status_code == 404
