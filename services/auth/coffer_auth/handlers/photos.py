"""What people do with their photo: send one, look at somebody's, take theirs away."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from coffer_auth.domain import photos as rules
from coffer_auth.domain.accounts import User
from coffer_auth.domain.photos import ADDRESS_LIFE, MOST_OPEN, STORED_TYPE, Photo, stored_key
from coffer_auth.handlers.accounts import changed_fact
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.receiving import write_down
from coffer_auth.store import photos as rows
from coffer_auth.store import users
from coffer_chassis.blobs import SignedForm
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.signed import SignedRequest
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import PhotoId, UserId
from coffer_contracts.problems import NotFound, RateLimited, Unauthenticated

SHOWN_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Address:
    """A signed address of a photo."""

    url: str
    expires_at: datetime


async def start_photo(deps: Deps, principal: Principal, origin: Origin, size_bytes: int, mime_type: str | None) -> Photo:
    """Announce a photo; its bytes go to the bucket by `sign_put` or `sign_form`. Each call is a photo of its own, and the one
    announced last wins.

    Raises TooLarge, ValidationFailed, RateLimited while too many are under way.
    """
    rules.accept_size(size_bytes)
    if mime_type is not None:
        rules.accept_type(mime_type)
    async with deps.work.unit(origin) as unit:
        await _lock_active(unit, principal.user_id)
        if await rows.count_open(unit.connection, principal.user_id) >= MOST_OPEN:
            wait = int(ADDRESS_LIFE.total_seconds())
            raise RateLimited("Too many photos are under way.", retry_after_seconds=wait, violated_policies=["photos"])
        photo = Photo(
            id=PhotoId(new_id()),
            user_id=principal.user_id,
            number=await rows.next_number(unit.connection, principal.user_id),
            state="created",
            size_bytes=size_bytes,
            mime_type=mime_type,
            created_at=unit.now,
            expires_at=unit.now + ADDRESS_LIFE,
        )
        await rows.insert_photo(unit.connection, photo)
        return photo


def sign_put(deps: Deps, photo: Photo) -> SignedRequest:
    """The one request that sends the bytes: exactly so many, of that type, once."""
    return deps.blobs.presign_put(
        photo.incoming_key,
        length=photo.size_bytes,
        content_type=photo.mime_type or "application/octet-stream",
        sha256_hex=None,
        expires_seconds=int(ADDRESS_LIFE.total_seconds()),
    )


def sign_form(deps: Deps, photo: Photo) -> SignedForm:
    """The same as a form, as the CloudDrive API gives it."""
    seconds = int(ADDRESS_LIFE.total_seconds())
    return deps.blobs.presign_post(photo.incoming_key, length=photo.size_bytes, expires_seconds=seconds)


async def newest_photo(deps: Deps, user_id: UserId) -> Photo | None:
    """What the person sent last, and what became of it."""
    async with deps.work.read() as connection:
        return await rows.newest_photo(connection, user_id)


async def photo_address(deps: Deps, user_id: UserId) -> Address:
    """Where the person's photo can be seen for a while. Raises NotFound for nobody and for somebody without one."""
    async with deps.work.read() as connection:
        user = await users.user_by_id(connection, user_id)
    if user is None or user.photo is None or user.status == "deleted":
        raise NotFound("There is no photo.")
    url = deps.blobs.presign_get(
        stored_key(user.id, user.photo), content_type=STORED_TYPE, disposition="inline", expires_seconds=SHOWN_SECONDS
    )
    return Address(url, deps.work.clock.now() + timedelta(seconds=SHOWN_SECONDS))


async def remove_photo(deps: Deps, principal: Principal, origin: Origin) -> None:
    """Take one's photo away, and whatever is still on its way. Safe to run twice."""
    async with deps.work.unit(origin) as unit:
        user = await _lock_active(unit, principal.user_id)
        await drop_photos(unit, user)
        if user.photo is not None:
            after = await users.change(unit.connection, user.id, {"photo": None}, unit.now)
            unit.emit(changed_fact(user, after, ["photo"]), sequence=after.revision)


async def drop_photos(unit: Unit, user: User) -> None:
    """End what a locked account has under way, and have its photo deleted. The caller takes its name from the account."""
    for photo_id in await rows.open_photos(unit.connection, user.id):
        photo = await rows.lock_photo(unit.connection, photo_id)
        if photo is not None:
            await write_down(unit, photo, rules.end(photo, "replaced", unit.now))
    await rows.decide_all(unit.connection, user.id)
    if user.photo is not None:
        await rows.doom(unit.connection, stored_key(user.id, user.photo), not_before=unit.now)


async def _lock_active(unit: Unit, user_id: UserId) -> User:
    user = await users.lock_user(unit.connection, user_id)
    if user is None or user.status != "active":
        raise Unauthenticated("The account has ended.")
    return user
