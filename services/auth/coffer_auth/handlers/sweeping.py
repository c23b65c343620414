"""The safety net of photos: looks for bytes that nobody reported, asks again, and deletes what is doomed.

Several processes may sweep at once; whatever one works on the others pass over.
"""

from datetime import timedelta

import structlog

from coffer_auth.domain import photos as rules
from coffer_auth.domain.photos import KEPT_AFTER_END, VERDICT_PATIENCE, Photo
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.receiving import receive_photo, write_down
from coffer_auth.store import photos as rows
from coffer_auth.store import users
from coffer_chassis.housekeeping import Job
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin

GRACE = timedelta(seconds=20)
"""How long the bucket's own report is waited for, and how long lies between one look and the next."""
PAGE = 100
BURIED_AT_ONCE = 100
SWEEP_EVERY_SECONDS = 15
BURY_EVERY_SECONDS = 2

log = structlog.get_logger(__name__)


async def sweep_photos(deps: Deps, *, grace: timedelta = GRACE) -> int:
    """One round; how many photos took a step. May run twice and at once. Without `grace` right after messages were lost."""
    now = deps.work.clock.now()
    async with deps.work.engine.begin() as connection:
        due = await rows.take_waiting(
            connection, looked_before=now - grace, asked_before=now - VERDICT_PATIENCE, now=now, limit=PAGE
        )
    moved = 0
    for photo in due:
        try:
            moved += await _look_after(deps, photo)
        except Exception as error:  # noqa: BLE001  # one photo must not keep the others waiting; the next round looks again
            log.warning("photo_not_swept", photo_id=photo.id, error=repr(error))
    return moved


async def _look_after(deps: Deps, photo: Photo) -> bool:
    head = await deps.blobs.head(photo.incoming_key) if photo.state == "created" else None
    async with deps.work.unit(Origin(photo.user_id, "user", new_id())) as unit:
        if head is not None:
            after = await receive_photo(
                unit, photo.user_id, photo.id, key=photo.incoming_key, etag=head.etag, size_bytes=head.size_bytes
            )
            return after is not None and after.state != photo.state
        await users.lock_user(unit.connection, photo.user_id)
        current = await rows.lock_photo(unit.connection, photo.id)
        if current is None:
            return False
        moved = rules.expire(rules.ask_again(current, unit.now), unit.now)
        await write_down(unit, current, moved)
        return moved is not current


async def bury_photos(deps: Deps) -> int:
    """Delete doomed objects; how many. May run twice and at once: deleting what is gone is no error."""
    buried = 0
    while True:
        now = deps.work.clock.now()
        async with deps.work.read() as connection:
            keys = await rows.doomed(connection, now, BURIED_AT_ONCE)
        if not keys:
            return buried
        await deps.blobs.delete(keys)
        async with deps.work.engine.begin() as connection:
            await rows.forget_doomed(connection, keys, now)
        buried += len(keys)


async def forget_photos(deps: Deps) -> int:
    """Delete rows of photos that were over long ago; how many. Safe to run twice."""
    async with deps.work.engine.begin() as connection:
        return await rows.forget_ended_before(connection, deps.work.clock.now() - KEPT_AFTER_END)


def photo_jobs(deps: Deps) -> tuple[Job, ...]:
    """Each is safe at once and twice."""
    return (
        Job("sweep_photos", lambda: sweep_photos(deps), SWEEP_EVERY_SECONDS),
        Job("bury_photos", lambda: bury_photos(deps), BURY_EVERY_SECONDS),
        Job("forget_photos", lambda: forget_photos(deps), 3600),
    )
