"""Previews that are to be made: put in line, taken in turns of their owners, held by a lease.

Every job has a turn, and the lowest is next. Whoever has nothing in line gets the turn behind the one that is being worked
on; every further job of an owner comes a turn later. So two thousand files of one person stand in two thousand turns, and
the one of another in the next one. Pages that are turned to have turns of their own beside the previews of the same owner: who
reads waits for no photographs, nor they for the pages. Each statement reads as many rows as it needs, however many wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import and_, delete, exists, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.ids import new_id
from coffer_contracts.ids import BlobId, UserId, VersionId
from coffer_media_worker.store.tables import preview_jobs as table
from coffer_media_worker.store.tables import previews

LEASE = timedelta(seconds=30)
"""How long a job may go unheard of before somebody else takes it up."""


class Wanted(NamedTuple):
    """A preview that is to be put in line, or a picture of one page."""

    id: str
    """Of the version; what is no preview of a whole version has an id of its own."""
    blob_id: BlobId
    owner_id: UserId
    event: str
    """The fact that asks for it, as it came."""
    page_of: VersionId | None = None
    """The version, where only a page of it is wanted."""


@dataclass(frozen=True, slots=True)
class PreviewJob:
    """A job in the hands of whoever took it."""

    id: str
    blob_id: BlobId
    event: str
    lease: str
    told_early: bool
    """Whether the small picture was told, perhaps by somebody who died after it."""
    deaths: int
    """How often whoever held it was never heard of again."""
    failures: int
    """How often it could not be done through no fault of the file's."""
    queued_at: datetime
    page_of: VersionId | None

    @property
    def version_id(self) -> VersionId:
        """The version that it is about."""
        return self.page_of or VersionId(self.id)


_put_in_line = text(
    """
    INSERT INTO preview_jobs (version_id, blob_id, owner_id, event, page_of, due_at, queued_at, turn)
    SELECT id, blob_id, owner_id, event, page_of, :now, :now,
        row_number() OVER (PARTITION BY owner_id, page_of IS NULL ORDER BY place) + greatest(0, CASE WHEN page_of IS NULL
        THEN (SELECT max(turn) FROM preview_jobs AS own WHERE own.owner_id = wanted.owner_id AND own.page_of IS NULL)
        ELSE (SELECT max(turn) FROM preview_jobs AS own WHERE own.owner_id = wanted.owner_id AND own.page_of IS NOT NULL)
        END, coalesce((SELECT max(turn) FROM preview_jobs WHERE lease IS NOT NULL), (SELECT min(turn) - 1 FROM preview_jobs)))
    FROM unnest(CAST(:ids AS uuid[]), CAST(:blobs AS uuid[]), CAST(:owners AS uuid[]), CAST(:events AS text[]),
        CAST(:pages_of AS uuid[])) WITH ORDINALITY AS wanted (id, blob_id, owner_id, event, page_of, place)
    ON CONFLICT (version_id) DO UPDATE SET event = excluded.event, blob_id = excluded.blob_id, page_of = excluded.page_of,
        due_at = excluded.due_at, queued_at = excluded.queued_at, lease = NULL, told_early = false, deaths = 0, failures = 0
    """
)

_TAKE = """
    UPDATE preview_jobs SET lease = :lease, due_at = :until, deaths = deaths + CAST(lease IS NOT NULL AS integer)
    WHERE version_id = (
        SELECT version_id FROM preview_jobs WHERE due_at <= :now {whose} ORDER BY turn, version_id LIMIT 1
        FOR UPDATE SKIP LOCKED)
    RETURNING version_id::text, blob_id::text, event, lease::text, told_early, deaths, failures, queued_at, page_of::text
    """
_take = text(_TAKE.format(whose=""))
_take_newcomer = text(
    _TAKE.format(
        whose="""
        AND turn <= (SELECT max(turn) + 1 FROM preview_jobs WHERE lease IS NOT NULL)
        AND owner_id NOT IN (SELECT owner_id FROM preview_jobs WHERE lease IS NOT NULL)"""
    )
)


async def put_in_line(connection: AsyncConnection, wanted: Sequence[Wanted], now: datetime) -> None:
    """Have previews made. One that is in line already is made by what was said last; if somebody is at it, what they make of it
    is void.
    """
    # In one order, the same for everybody: two batches that name the same versions do not wait for each other.
    last = sorted({one.id: one for one in wanted}.values())
    values = {
        "ids": [one.id for one in last],
        "blobs": [one.blob_id for one in last],
        "owners": [one.owner_id for one in last],
        "events": [one.event for one in last],
        "pages_of": [one.page_of for one in last],
        "now": now,
    }
    await connection.execute(_put_in_line, values)


async def take_job(connection: AsyncConnection, now: datetime, *, newcomer: bool = False) -> PreviewJob | None:
    """The job whose turn it is, for this caller; with `newcomer` only one of an owner of whom no job is worked on."""
    values = {"lease": new_id(), "now": now, "until": now + LEASE}
    row = (await connection.execute(_take_newcomer if newcomer else _take, values)).one_or_none()
    return PreviewJob(*row) if row else None


def _mine(job: PreviewJob) -> Any:
    return and_(table.c.version_id == job.id, table.c.lease == job.lease)


async def _change(connection: AsyncConnection, job: PreviewJob, **values: Any) -> bool:
    return bool((await connection.execute(update(table).where(_mine(job)).values(**values))).rowcount)


async def renew_lease(connection: AsyncConnection, job: PreviewJob, now: datetime) -> bool:
    """It takes long; False if the job is no longer this caller's."""
    return await _change(connection, job, due_at=now + LEASE)


async def note_told_early(connection: AsyncConnection, job: PreviewJob, now: datetime) -> bool:
    """The small picture is being told; False if the job is no longer this caller's."""
    return await _change(connection, job, told_early=True, due_at=now + LEASE)


async def give_back(connection: AsyncConnection, job: PreviewJob, due_at: datetime) -> bool:
    """It could not be done; somebody tries again at `due_at`. False if the job is no longer this caller's."""
    return await _change(connection, job, lease=None, due_at=due_at, failures=table.c.failures + 1)


async def end_job(connection: AsyncConnection, job: PreviewJob) -> bool:
    """It is done; False if the job is no longer this caller's."""
    return bool((await connection.execute(delete(table).where(_mine(job)))).rowcount)


async def has_use(connection: AsyncConnection, blob_id: BlobId, *, besides: VersionId | None) -> bool:
    """Whether a version shows pictures of these bytes, or one `besides` this one is about to."""
    shown = exists().where(previews.c.blob_id == blob_id, previews.c.reason.is_(None))
    of_version = func.coalesce(table.c.page_of, table.c.version_id)
    awaited = exists().where(table.c.blob_id == blob_id, of_version.is_distinct_from(besides))
    return bool((await connection.execute(select(or_(shown, awaited)))).scalar_one())


async def next_due(connection: AsyncConnection) -> datetime | None:
    """When a job is due next: at once, after a pause, or when a lease runs out; None while there is none."""
    moment: datetime | None = (await connection.execute(select(func.min(table.c.due_at)))).scalar_one()
    return moment


class Standing(NamedTuple):
    """How the line stands."""

    waiting: int
    held: int
    owners: int
    oldest: datetime | None


async def standing(connection: AsyncConnection) -> Standing:
    """How many jobs wait and are worked on, of how many owners, and since when the oldest is in line."""
    held = func.count().filter(table.c.lease.is_not(None))
    query = select(func.count() - held, held, func.count(table.c.owner_id.distinct()), func.min(table.c.queued_at))
    return Standing(*(await connection.execute(query)).one())
