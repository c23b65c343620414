"""Makes the previews that are in line, in turns of their owners. In any processes at once.

A job is held by a lease that is renewed while it is worked on, so what a process was at that died is taken up by another one
within LEASE. Whoever lost the lease meanwhile tells nothing, and what they wrote stands under the same keys.
"""

import asyncio
import time
from contextlib import suppress
from datetime import timedelta

import structlog

from coffer_chassis import metrics, tracing
from coffer_chassis.batches import context_of
from coffer_chassis.rounds import Rounds
from coffer_contracts.catalog import Unreadable, parse
from coffer_media_worker.domain import PreviewFailure
from coffer_media_worker.handlers.deps import Deps
from coffer_media_worker.handlers.paging import give_up_page, make_page
from coffer_media_worker.handlers.previewing import JobLost, clear_up, give_up, make_preview
from coffer_media_worker.store import queue
from coffer_media_worker.store.queue import LEASE, PreviewJob

AHEAD = 2
"""Jobs in hand beyond those being drawn, so that their bytes are there when a process is free; sources are large."""

POLL_SECONDS = 5.0
"""How often to look without being woken."""

DEADLY = 5
"""So many times somebody may die over a job before it is the job that is blamed. Its neighbours in hand die with it."""

PATIENCE = timedelta(days=1)
"""How long a job is tried again that fails through no fault of the file's; files does not wait longer either."""

TRIES = 10
"""So often it is tried in any case, within a quarter of an hour: it may have stood in line for most of that day, or longer."""

LONGEST_PAUSE_SECONDS = 300.0
BACK_OFF_SECONDS = (0.2, 10.0)

log = structlog.get_logger(__name__)


def renderers(deps: Deps, at_once: int, newcomers: Deps) -> list[Rounds]:
    """The loops that make previews, `at_once` of them drawing. One more is kept free for owners of whom nothing is worked on,
    and draws by `newcomers`: whatever others have in hand, however long it takes, does not hold them up.
    """
    loops = [_renderer(deps, newcomer=False) for _ in range(at_once + AHEAD)]
    return [*loops, _renderer(newcomers, newcomer=True)]


def _renderer(deps: Deps, *, newcomer: bool) -> Rounds:
    async def look(stopping: asyncio.Event) -> float:
        await make_previews(deps, newcomer=newcomer, stopping=stopping)
        return POLL_SECONDS if newcomer else await _until_due(deps)

    return Rounds(look, failed="preview_not_made", back_off_seconds=BACK_OFF_SECONDS)


async def make_previews(deps: Deps, *, newcomer: bool = False, stopping: asyncio.Event | None = None) -> int:
    """Make what is due until nothing is, or `stopping` is set; how many. Raises what went wrong through no fault of a file's;
    that job is tried again.
    """
    made = 0
    while stopping is None or not stopping.is_set():
        async with deps.work.engine.begin() as connection:
            job = await queue.take_job(connection, deps.work.clock.now(), newcomer=newcomer)
        if job is None:
            break
        await _make(deps, job)
        made += 1
    return made


async def _make(deps: Deps, job: PreviewJob) -> None:
    try:
        event = parse(job.event)
    except Unreadable:  # by this release: it was read when it came
        log.exception("preview_job_unreadable", version_id=job.version_id)
        async with deps.work.engine.begin() as connection:
            await queue.end_job(connection, job)
        return
    waited = (deps.work.clock.now() - job.queued_at).total_seconds()
    span = tracing.span("make preview", parent=event.traceparent, root=True)
    with span, structlog.contextvars.bound_contextvars(**context_of(event)):
        if job.deaths >= DEADLY:
            log.error("preview_deadly", version_id=job.version_id, deaths=job.deaths)
            with suppress(JobLost):
                await _give_up(deps, job, PreviewFailure.CRASHED)
            return
        if not job.failures:
            metrics.MEDIA_PREVIEW_WAIT_SECONDS.observe(max(0.0, waited))
        started = time.monotonic()
        try:
            await _held(deps, job)
        except JobLost:
            # Whatever was written of it is somebody else's by now, or nobody's.
            log.info("preview_job_lost", version_id=job.version_id)
            await clear_up(deps, job.blob_id)
            return
        except Exception:
            if waited > PATIENCE.total_seconds() and job.failures >= TRIES:
                log.exception("preview_given_up", version_id=job.version_id, failures=job.failures)
                with suppress(JobLost):
                    await _give_up(deps, job, PreviewFailure.NO_ANSWER)
                return
            pause = min(2.0**job.failures, LONGEST_PAUSE_SECONDS)
            async with deps.work.engine.begin() as connection:
                await queue.give_back(connection, job, deps.work.clock.now() + timedelta(seconds=pause))
            raise
        metrics.MEDIA_JOB_SECONDS.observe(time.monotonic() - started)


async def _give_up(deps: Deps, job: PreviewJob, reason: PreviewFailure) -> None:
    await (give_up_page(deps, job, reason) if job.page_of else give_up(deps, job, reason))


async def _held(deps: Deps, job: PreviewJob) -> None:
    """Make it, renewing the lease meanwhile. Raises JobLost, and whatever making it raises."""
    making = asyncio.ensure_future(make_page(deps, job) if job.page_of else make_preview(deps, job))
    try:
        while True:
            await asyncio.wait({making}, timeout=LEASE.total_seconds() / 3)
            if making.done():
                making.result()
                return
            async with deps.work.engine.begin() as connection:
                if not await queue.renew_lease(connection, job, deps.work.clock.now()):
                    raise JobLost(job.version_id)
    finally:
        if not making.done():
            making.cancel()
            await asyncio.wait({making})


async def _until_due(deps: Deps) -> float:
    """Seconds until a pause or a lease is over, up to POLL_SECONDS."""
    async with deps.work.read() as connection:
        due = await queue.next_due(connection)
    return POLL_SECONDS if due is None else min(POLL_SECONDS, max(0.05, (due - deps.work.clock.now()).total_seconds()))


async def measure_previews(deps: Deps) -> None:
    """Show as metrics what is in line and in hand, of how many owners, and how long the oldest has waited."""
    async with deps.work.read() as connection:
        line = await queue.standing(connection)
    metrics.MEDIA_PREVIEWS_OPEN.labels("waiting").set(line.waiting)
    metrics.MEDIA_PREVIEWS_OPEN.labels("held").set(line.held)
    metrics.MEDIA_PREVIEWS_OWNERS.set(line.owners)
    age = (deps.work.clock.now() - line.oldest).total_seconds() if line.oldest else 0
    metrics.MEDIA_PREVIEWS_OLDEST_SECONDS.set(max(0, age))
