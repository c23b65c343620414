"""Photos on their way through auth: in any order, twice, too late, and for accounts that end meanwhile."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select, text

from coffer_auth.domain.photos import ADDRESS_LIFE, LATE_BYTES, MOST_OPEN, PHOTO_BYTES, VERDICT_PATIENCE, Photo
from coffer_auth.handlers import operators
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.photos import newest_photo, photo_address, remove_photo, start_photo
from coffer_auth.handlers.receiving import MEDIA, STORAGE
from coffer_auth.handlers.sweeping import bury_photos, forget_photos, sweep_photos
from coffer_auth.store.tables import doomed_objects, photos, users
from coffer_chassis.storage import ObjectStored
from coffer_chassis.testing import FixedClock, MemoryBlobs
from coffer_chassis.unit_of_work import Duplicate
from coffer_contracts.event import Envelope
from coffer_contracts.ids import UserId
from coffer_contracts.media import PhotoReadyV1, PhotoRejectedV1
from coffer_contracts.problems import NotFound, RateLimited, TooLarge, Unauthenticated, ValidationFailed
from factories.accounts import auth_deps, facts
from factories.events import arrived
from factories.signed_in import SignedIn, again, signed_in

BYTES = b"not looked at here"


@pytest.fixture
def blobs(clock: FixedClock) -> MemoryBlobs:
    return MemoryBlobs(clock)


@pytest.fixture
async def deps(url: str, clock: FixedClock, blobs: MemoryBlobs) -> AsyncIterator[Deps]:
    async with auth_deps(url, clock=clock, blobs=blobs) as made:
        async with made.work.engine.begin() as connection:
            await connection.execute(text("TRUNCATE photos, doomed_objects"))
        yield made


@pytest.fixture
async def ada(deps: Deps) -> SignedIn:
    return await signed_in(deps)


async def announced(deps: Deps, who: SignedIn) -> Photo:
    return await start_photo(deps, who.principal, who.origin, len(BYTES), "image/jpeg")


async def sent(deps: Deps, photo: Photo, content: bytes = BYTES) -> Envelope[Any]:
    """The bytes go to the bucket; what it reports."""
    etag = await deps.blobs.write(photo.incoming_key, content, content_type="image/jpeg")
    return arrived(ObjectStored(bucket="coffer", key=photo.incoming_key, size_bytes=len(content), etag=etag), source="/s3")


async def handle(deps: Deps, *events: Envelope[Any]) -> None:
    """As the consumer does, a redelivery included."""
    for event in events:
        row = {**STORAGE, **MEDIA}[event.type]
        try:
            async with deps.work.unit(cause=event, consumer="test") as unit:
                await row.run(event, unit, deps)
        except Duplicate:
            continue


async def ready(deps: Deps, photo: Photo, name: str = "") -> Envelope[Any]:
    """The media worker has stored the square."""
    name = name or f"square-of-{photo.number}"
    key = f"photos/{photo.user_id}/{name}"
    head = await deps.blobs.head(photo.incoming_key)
    await deps.blobs.write(key, name.encode(), content_type="image/webp")
    fact = PhotoReadyV1(
        photo_id=photo.id,
        user_id=photo.user_id,
        etag=head.etag if head else "",
        name=name,
        key=key,
        mime_type="image/webp",
        side_pixels=400,
        size_bytes=9,
    )
    return arrived(fact, source="/media-worker")


async def rejected(deps: Deps, photo: Photo) -> Envelope[Any]:
    head = await deps.blobs.head(photo.incoming_key)
    fact = PhotoRejectedV1(
        photo_id=photo.id,
        user_id=photo.user_id,
        etag=head.etag if head else "",
        reason="not_an_image",
        detail="The file is no picture.",
    )
    return arrived(fact, source="/media-worker")


async def shown(deps: Deps, user_id: UserId) -> str | None:
    async with deps.work.read() as connection:
        found: str | None = (await connection.execute(select(users.c.photo).where(users.c.id == user_id))).scalar_one()
    return found


async def state(deps: Deps, photo: Photo) -> str:
    async with deps.work.read() as connection:
        found: str = (await connection.execute(select(photos.c.state).where(photos.c.id == photo.id))).scalar_one()
    return found


def objects(blobs: MemoryBlobs, who: SignedIn) -> set[str]:
    """What lies in the bucket of a person's: `in` for originals, else the names of squares."""
    return {"in" if "incoming" in key else key.rpartition("/")[2] for key in blobs.objects if f"/{who.user.id}/" in key}


async def asked(deps: Deps, photo: Photo) -> list[dict[str, Any]]:
    return await facts(deps, f"photo/{photo.id}")


async def test_a_photo_becomes_the_persons_and_the_original_goes(deps: Deps, ada: SignedIn, blobs: MemoryBlobs) -> None:
    with pytest.raises(NotFound):
        await photo_address(deps, ada.user.id)
    photo = await announced(deps, ada)
    report = await sent(deps, photo)
    await handle(deps, report, report)
    [question] = await asked(deps, photo)
    assert (question["type"], question["data"]["key"]) == ("auth.photo.received.v1", photo.incoming_key)
    assert (question["data"]["size_bytes"], question["data"]["claimed_mime_type"]) == (len(BYTES), "image/jpeg")
    answer = await ready(deps, photo)
    await handle(deps, answer, answer)
    assert await shown(deps, ada.user.id) == "square-of-1"
    *_, told = await facts(deps, f"user/{ada.user.id}")
    assert (told["type"], told["data"]["changes"], told["data"]["photo"]) == (
        "auth.user.changed.v1",
        ["photo"],
        "square-of-1",
    )
    await bury_photos(deps)
    assert objects(blobs, ada) == {"square-of-1"}
    assert f"photos/{ada.user.id}/square-of-1" in (await photo_address(deps, ada.user.id)).url
    assert len(await facts(deps, f"user/{ada.user.id}")) == 2


async def test_a_new_photo_replaces_the_old_one(deps: Deps, ada: SignedIn, blobs: MemoryBlobs) -> None:
    for number in (1, 2, 3):
        photo = await announced(deps, ada)
        await handle(deps, await sent(deps, photo))
        await handle(deps, await ready(deps, photo))
        await bury_photos(deps)
        assert objects(blobs, ada) == {f"square-of-{number}"}


@pytest.mark.parametrize("order", list(permutations(range(2))))
async def test_of_two_photos_that_race_the_later_one_wins(
    deps: Deps, ada: SignedIn, blobs: MemoryBlobs, order: tuple[int, int]
) -> None:
    both = [await announced(deps, ada) for _ in range(2)]
    for place in reversed(order):
        await handle(deps, await sent(deps, both[place]))
    answers = [await ready(deps, photo) for photo in both]
    for _ in range(2):
        for place in order:
            await handle(deps, answers[place])
    await bury_photos(deps)
    assert await shown(deps, ada.user.id) == "square-of-2"
    assert objects(blobs, ada) == {"square-of-2"}
    assert await state(deps, both[0]) in {"ready", "replaced"}


async def test_a_photo_that_is_ready_twice_by_two_questions_is_not_deleted(
    deps: Deps, ada: SignedIn, clock: FixedClock, blobs: MemoryBlobs
) -> None:
    photo = await announced(deps, ada)
    await handle(deps, await sent(deps, photo))
    clock.advance(seconds=VERDICT_PATIENCE.total_seconds() + 1)
    assert await sweep_photos(deps) == 1
    answers = [await ready(deps, photo) for _ in range(2)]
    await handle(deps, *answers)
    await bury_photos(deps)
    assert objects(blobs, ada) == {await shown(deps, ada.user.id)} == {"square-of-1"}


async def test_what_is_no_picture_is_deleted_and_the_person_told_why(deps: Deps, ada: SignedIn, blobs: MemoryBlobs) -> None:
    photo = await announced(deps, ada)
    await handle(deps, await sent(deps, photo))
    answer = await rejected(deps, photo)
    await handle(deps, answer, answer)
    await bury_photos(deps)
    assert objects(blobs, ada) == set()
    last = await newest_photo(deps, ada.user.id)
    assert last is not None
    assert (last.state, last.reason, last.detail) == ("rejected", "not_an_image", "The file is no picture.")
    assert await shown(deps, ada.user.id) is None


async def test_bytes_of_another_length_are_refused_unseen(deps: Deps, ada: SignedIn, blobs: MemoryBlobs) -> None:
    photo = await announced(deps, ada)
    await handle(deps, await sent(deps, photo, BYTES + b"!"))
    assert await state(deps, photo) == "rejected"
    assert await asked(deps, photo) == []
    await bury_photos(deps)
    assert objects(blobs, ada) == set()


async def test_a_photo_that_is_never_sent_expires_and_bytes_that_come_late_are_deleted(
    deps: Deps, ada: SignedIn, clock: FixedClock, blobs: MemoryBlobs
) -> None:
    photo = await announced(deps, ada)
    clock.advance(seconds=ADDRESS_LIFE.total_seconds() - 1)
    assert await sweep_photos(deps) == 0
    clock.advance(seconds=60)
    assert await sweep_photos(deps) == 1
    assert await state(deps, photo) == "expired"
    report = await sent(deps, photo)
    await handle(deps, report)
    assert await bury_photos(deps) == 1
    assert objects(blobs, ada) == set()
    assert await asked(deps, photo) == []


async def test_bytes_after_the_end_that_nobody_reports_are_deleted_as_well(
    deps: Deps, ada: SignedIn, clock: FixedClock, blobs: MemoryBlobs
) -> None:
    photo = await announced(deps, ada)
    clock.advance(seconds=ADDRESS_LIFE.total_seconds() + 1)
    await sweep_photos(deps)
    await sent(deps, photo)
    assert await bury_photos(deps) == 0
    clock.advance(seconds=LATE_BYTES.total_seconds())
    assert await bury_photos(deps) == 1
    assert objects(blobs, ada) == set()


async def test_bytes_whose_report_was_lost_are_found(deps: Deps, ada: SignedIn, clock: FixedClock) -> None:
    photo = await announced(deps, ada)
    await sent(deps, photo)
    assert await sweep_photos(deps) == 0, "the report may be under way"
    clock.advance(seconds=21)
    assert await sweep_photos(deps) == 1
    assert await sweep_photos(deps) == 0
    assert len(await asked(deps, photo)) == 1


async def test_after_the_broker_forgot_everything_it_is_looked_at_once(deps: Deps, ada: SignedIn, clock: FixedClock) -> None:
    photo = await announced(deps, ada)
    await sent(deps, photo)
    clock.advance(seconds=0.001)
    assert await sweep_photos(deps, grace=timedelta()) == 1
    assert await state(deps, photo) == "received"


async def test_the_media_worker_is_asked_three_times_and_then_given_up(
    deps: Deps, ada: SignedIn, clock: FixedClock, blobs: MemoryBlobs
) -> None:
    photo = await announced(deps, ada)
    await handle(deps, await sent(deps, photo))
    for _ in range(5):
        clock.advance(seconds=VERDICT_PATIENCE.total_seconds() + 1)
        await sweep_photos(deps)
    questions = await asked(deps, photo)
    assert [(fact["sequence"][-1], fact["data"]["attempt"]) for fact in questions] == [("1", 1), ("2", 2), ("3", 3)]
    last = await newest_photo(deps, ada.user.id)
    assert last is not None
    assert (last.state, last.reason) == ("failed", "no_verdict")
    late = await ready(deps, photo)
    await handle(deps, late)
    await bury_photos(deps)
    assert (await shown(deps, ada.user.id), objects(blobs, ada)) == (None, set())


async def test_taking_a_photo_away_takes_those_under_way_along(deps: Deps, ada: SignedIn, blobs: MemoryBlobs) -> None:
    first, second = await announced(deps, ada), await announced(deps, ada)
    for photo in (first, second):
        await handle(deps, await sent(deps, photo))
    await handle(deps, await ready(deps, first))
    for _ in range(2):
        await remove_photo(deps, ada.principal, ada.origin)
    await handle(deps, await ready(deps, second))
    await bury_photos(deps)
    assert (await shown(deps, ada.user.id), objects(blobs, ada)) == (None, set())
    changes = [fact["data"].get("photo") for fact in await facts(deps, f"user/{ada.user.id}")]
    assert changes == [None, "square-of-1", None]
    third = await announced(deps, ada)
    await handle(deps, await sent(deps, third))
    await handle(deps, await ready(deps, third))
    assert await shown(deps, ada.user.id) == "square-of-3"


async def test_an_account_that_is_closed_meanwhile_leaves_no_picture(deps: Deps, ada: SignedIn, blobs: MemoryBlobs) -> None:
    boss = await signed_in(deps)
    boss = await again(deps, await operators.grant_operator(boss.user.username, deps))
    first, second = await announced(deps, ada), await announced(deps, ada)
    for photo in (first, second):
        await handle(deps, await sent(deps, photo))
    await handle(deps, await ready(deps, first))
    answer = await ready(deps, second)
    await operators.delete_account(deps, boss.principal, boss.origin, ada.user.id, ada.user.username)
    await handle(deps, answer)
    await bury_photos(deps)
    assert (await shown(deps, ada.user.id), objects(blobs, ada)) == (None, set())
    with pytest.raises(NotFound):
        await photo_address(deps, ada.user.id)
    with pytest.raises(Unauthenticated):
        await announced(deps, ada)


async def test_an_answer_about_other_bytes_changes_nothing(deps: Deps, ada: SignedIn, blobs: MemoryBlobs) -> None:
    photo = await announced(deps, ada)
    await handle(deps, await sent(deps, photo))
    old = await ready(deps, photo, "of-the-first-bytes")
    await handle(deps, await sent(deps, photo, BYTES[::-1]))
    await handle(deps, old)
    assert await state(deps, photo) == "received"
    await handle(deps, await ready(deps, photo, "of-the-second"))
    await bury_photos(deps)
    assert objects(blobs, ada) == {"of-the-second"}


async def test_objects_of_nobody_and_of_somebody_else_are_deleted(deps: Deps, ada: SignedIn, blobs: MemoryBlobs) -> None:
    eve = await signed_in(deps)
    photo = await announced(deps, ada)
    stray = f"photos/incoming/{eve.user.id}/{photo.id}"
    etag = await deps.blobs.write(stray, BYTES, content_type="image/jpeg")
    await handle(deps, arrived(ObjectStored(bucket="coffer", key=stray, size_bytes=len(BYTES), etag=etag), source="/s3"))
    await bury_photos(deps)
    assert stray not in blobs.objects
    assert await state(deps, photo) == "created"


async def test_a_crash_before_the_commit_changes_nothing(deps: Deps, ada: SignedIn) -> None:
    photo = await announced(deps, ada)
    await handle(deps, await sent(deps, photo))
    answer = await ready(deps, photo)

    async def crash() -> None:
        async with deps.work.unit(cause=answer, consumer="test") as unit:
            await MEDIA[answer.type].run(answer, unit, deps)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await crash()
    assert (await shown(deps, ada.user.id), await state(deps, photo)) == (None, "received")
    await handle(deps, answer)
    assert await shown(deps, ada.user.id) == "square-of-1"


async def test_only_so_many_photos_are_under_way_at_once(deps: Deps, ada: SignedIn) -> None:
    for _ in range(MOST_OPEN):
        photo = await announced(deps, ada)
    with pytest.raises(RateLimited):
        await announced(deps, ada)
    await handle(deps, await sent(deps, photo))
    await handle(deps, await rejected(deps, photo))
    await announced(deps, ada)


@pytest.mark.parametrize(
    ("size", "mime_type", "refusal"),
    [
        (PHOTO_BYTES + 1, "image/jpeg", TooLarge),
        (0, "image/jpeg", ValidationFailed),
        (-1, "image/jpeg", ValidationFailed),
        (9, "image/svg+xml", ValidationFailed),
        (9, "text/html", ValidationFailed),
    ],
)
async def test_what_cannot_be_a_photo_is_refused_before_it_is_sent(
    deps: Deps, ada: SignedIn, size: int, mime_type: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await start_photo(deps, ada.principal, ada.origin, size, mime_type)
    assert await newest_photo(deps, ada.user.id) is None


async def test_what_was_over_long_ago_is_forgotten(deps: Deps, ada: SignedIn, clock: FixedClock) -> None:
    photo, young = await announced(deps, ada), await announced(deps, ada)
    await handle(deps, await sent(deps, photo, b"!"))
    clock.advance(days=8)
    assert await forget_photos(deps) == 1
    last = await newest_photo(deps, ada.user.id)
    assert last is not None
    assert last.id == young.id
    async with deps.work.read() as connection:
        assert (await connection.execute(select(doomed_objects.c.key))).scalars().all() == [photo.incoming_key]
