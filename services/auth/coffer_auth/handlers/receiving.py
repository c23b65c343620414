"""The way of a photo from the bucket to the media worker and back into the account.

Three reporters lead here (bucket, media worker, sweeper), in any order and number. All lock the account before the photo.
"""

from collections.abc import Mapping

from coffer_auth.domain import photos as rules
from coffer_auth.domain.photos import LATE_BYTES, Photo, owner_of_key, stored_key
from coffer_auth.handlers.accounts import changed_fact
from coffer_auth.handlers.deps import Deps
from coffer_auth.store import photos as rows
from coffer_auth.store import users
from coffer_chassis.handling import HandlerTable, Handles, handler_table
from coffer_chassis.storage import ObjectStored
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import UserChangedV1
from coffer_contracts.auth_photos import PhotoReceivedV1
from coffer_contracts.event import Envelope
from coffer_contracts.ids import PhotoId, UserId
from coffer_contracts.media import PhotoReadyV1, PhotoRejectedV1


async def on_object_stored(event: Envelope[ObjectStored], unit: Unit, _deps: Deps) -> None:
    """Bytes have come. Those of a photo that is over, or that nobody announced, are deleted."""
    named = owner_of_key(event.data.key)
    if named is not None:
        await receive_photo(unit, *named, key=event.data.key, etag=event.data.etag, size_bytes=event.data.size_bytes)


async def receive_photo(
    unit: Unit, user_id: UserId, photo_id: PhotoId, *, key: str, etag: str, size_bytes: int
) -> Photo | None:
    """The bytes of a photo are in the bucket. Safe from any reporter, any number of times; None if it is unknown."""
    user = await users.lock_user(unit.connection, user_id)
    photo = await rows.lock_photo(unit.connection, photo_id) if user else None
    if photo is None or user is None or photo.user_id != user.id or not photo.is_open:
        await rows.doom(unit.connection, key, not_before=unit.now)
        return photo
    after = rules.receive(photo, etag, size_bytes, unit.now)
    await write_down(unit, photo, after)
    return after


async def write_down(unit: Unit, before: Photo, after: Photo) -> None:
    """Make a photo stand as it does after a step: its row, the question to the media worker, the fate of the original."""
    if after is before:
        return
    await rows.save_photo(unit.connection, after)
    if after.state == "received" and after.revision != before.revision:
        unit.emit(_received_fact(after), sequence=after.revision)
    if not after.is_open:
        # Until a while after its end the signed address may still bring bytes; if they come, the bucket tells.
        waits = before.state == "created" and after.state != "rejected"
        not_before = max(unit.now, after.expires_at + LATE_BYTES) if waits else unit.now
        await rows.doom(unit.connection, after.incoming_key, not_before=not_before)


async def on_photo_ready(event: Envelope[PhotoReadyV1], unit: Unit, _deps: Deps) -> None:
    """The square is stored: it becomes the person's photo, unless a later one did, or all were taken away."""
    fact = event.data
    user = await users.lock_user(unit.connection, fact.user_id)
    photo = await rows.lock_photo(unit.connection, fact.photo_id) if user else None
    decided = await rows.decided_number(unit.connection, user.id) if user else 0
    wanted = photo is not None and photo.state == "received" and photo.etag == fact.etag and photo.user_id == fact.user_id
    if user is None or photo is None or not wanted or user.status == "deleted" or photo.number <= decided:
        if photo is not None and wanted:
            await write_down(unit, photo, rules.end(photo, "replaced", unit.now))
        if user is None or user.photo != fact.name:
            await rows.doom(unit.connection, stored_key(fact.user_id, fact.name), not_before=unit.now)
        return
    columns: Mapping[str, object] = {"photo": fact.name, "photo_number": photo.number}
    after = await users.change(unit.connection, user.id, columns, unit.now)
    unit.emit(changed_fact(user, after, ["photo"]), sequence=after.revision)
    if user.photo is not None:
        await rows.doom(unit.connection, stored_key(user.id, user.photo), not_before=unit.now)
    await write_down(unit, photo, rules.end(photo, "ready", unit.now))


async def on_photo_rejected(event: Envelope[PhotoRejectedV1], unit: Unit, _deps: Deps) -> None:
    """No photo comes of it: the person is told why, and the original goes at once."""
    fact = event.data
    user = await users.lock_user(unit.connection, fact.user_id)
    photo = await rows.lock_photo(unit.connection, fact.photo_id) if user else None
    if photo is not None and photo.state == "received" and photo.etag == fact.etag:
        await write_down(unit, photo, rules.end(photo, "rejected", unit.now, reason=fact.reason, detail=fact.detail))


def _received_fact(photo: Photo) -> PhotoReceivedV1:
    if photo.etag is None or photo.received_at is None:
        raise ValueError("what was received has an ETag and a time")
    return PhotoReceivedV1(
        photo_id=photo.id,
        user_id=photo.user_id,
        key=photo.incoming_key,
        etag=photo.etag,
        size_bytes=photo.size_bytes,
        claimed_mime_type=photo.mime_type,
        attempt=photo.attempts,
        received_at=photo.received_at,
    )


STORAGE: HandlerTable = handler_table([Handles(ObjectStored, on_object_stored, emits=(PhotoReceivedV1,))])
MEDIA: HandlerTable = handler_table(
    [
        Handles(PhotoReadyV1, on_photo_ready, emits=(UserChangedV1,)),
        Handles(PhotoRejectedV1, on_photo_rejected),
    ]
)
