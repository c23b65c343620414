"""Looks up what the story of an upload needs beside the upload itself."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.identity import Principal
from coffer_contracts.ids import UploadId
from coffer_contracts.problems import NotFound
from coffer_files.domain import timelines as rules
from coffer_files.domain.parts import part_count
from coffer_files.domain.timelines import AHEAD_AT_MOST, Next, Preview, Surroundings, Waiting
from coffer_files.domain.upload_states import Step
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.parts import parts_of
from coffer_files.handlers.uploads import find_upload
from coffer_files.store.dispatching import ahead_of
from coffer_files.store.preview_requests import waited_since
from coffer_files.store.uploads import upload_by_id
from coffer_files.store.versions import version

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The story of an upload so far."""

    upload: Upload
    steps: list[Step]
    waiting: Waiting | None
    next: Next | None
    can_retry: bool
    retry_from: datetime | None
    now: datetime


async def timeline_of(deps: Deps, principal: Principal, upload_id: UploadId) -> Timeline:
    """Everything that happened to an upload and what it waits for. Its uploader and the owner of the drive may see it;
    raises NotFound to all others. How much the owner has under way is the owner's to know.
    """
    upload = await find_upload(deps, principal, upload_id)
    return await _told(deps, upload, with_numbers=principal.user_id == upload.owner_id)


async def anybodys_timeline(deps: Deps, upload_id: UploadId) -> Timeline:
    """The same of anybody's upload, for operators; raises NotFound if there is none."""
    async with deps.work.read() as connection:
        upload = await upload_by_id(connection, upload_id)
    if upload is None:
        raise NotFound
    return await _told(deps, upload, with_numbers=True)


async def _told(deps: Deps, upload: Upload, *, with_numbers: bool) -> Timeline:
    parts_there = await _parts_there(deps, upload)
    async with deps.work.read() as connection:
        preview = await _preview(connection, upload)
        around = replace(await _surroundings(deps, connection, upload), parts_there=parts_there)
    now = deps.work.clock.now()
    waiting = rules.waiting_of(upload, preview, around, now)
    if waiting is not None and waiting.ahead is not None and not with_numbers:
        waiting = rules.without_numbers(waiting, around, now)
    can_retry = upload.can_retry
    return Timeline(
        upload=upload,
        steps=rules.steps_of(upload, preview),
        waiting=waiting,
        next=rules.next_of(upload, preview, around, now),
        can_retry=can_retry,
        retry_from=upload.retry_from if can_retry and upload.retry_from and upload.retry_from > now else None,
        now=now,
    )


async def _parts_there(deps: Deps, upload: Upload) -> int | None:
    """How many parts are in the bucket, if it says so: a story can be told without."""
    try:
        standing = await parts_of(deps, upload)
    except Exception as error:  # noqa: BLE001  # whatever it is, the bucket does not answer
        log.warning("bucket_not_asked", upload_id=upload.id, error=repr(error))
        return None
    return part_count(upload.size_bytes, upload.part_bytes) - len(standing.missing) if standing else None


async def _preview(connection: AsyncConnection, upload: Upload) -> Preview | None:
    made = await version(connection, upload.version_id) if upload.version_id else None
    if made is None:
        return None
    since = await waited_since(connection, made)
    return Preview(made.preview_status, since, made.preview_started_at, made.preview_at, made.preview_reason)


async def _surroundings(deps: Deps, connection: AsyncConnection, upload: Upload) -> Surroundings:
    known = Surroundings(room=deps.settings.dispatch_per_owner)
    if upload.state != "received":
        return known
    sweeps_every = timedelta(seconds=deps.settings.sweep_every_seconds)
    if upload.waits_for_dispatch:
        ahead = await ahead_of(connection, upload.owner_id, upload.changed_at, upload.id, AHEAD_AT_MOST)
        return Surroundings(ahead.asked, ahead.in_line, known.room, sweeps_every=sweeps_every)
    if upload.asked_event_id is None:
        return known
    outbox = deps.work.tables.outbox
    asked = select(outbox.c.sent_at).where(outbox.c.id == upload.asked_event_id)
    row = (await connection.execute(asked)).one_or_none()
    # Rows that were sent long ago are gone.
    return Surroundings(room=known.room, is_sent=row is None or row.sent_at is not None, sent_at=row.sent_at if row else None)
