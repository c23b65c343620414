"""Many previews made anew because an operator says so: after a decoder was installed, say. A page of versions after another,
and not so many at once that new files wait for theirs.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from itertools import groupby

import structlog

from coffer_chassis.admin import acts
from coffer_chassis.admin.operations import Operations
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.ids import UserId, VersionId
from coffer_files.domain.jobs import Job, Progress
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.jobs import start_job
from coffer_files.handlers.preview_requests import ask_anew
from coffer_files.store.drives import lock_drive
from coffer_files.store.preview_requests import Which, count_pending, versions_behind

REGENERATE_PREVIEWS = "regenerate_previews"
REQUESTED = "previews.regeneration_requested"

PAGE = 100
"""Previews that one step asks for."""

LOOKED_AT = 5000
"""Versions that one step looks at."""

MOST_PENDING = 1000
"""Previews that may be waited for before more are asked for."""

PAUSE = timedelta(seconds=15)
FIRST = VersionId("00000000-0000-0000-0000-000000000000")

log = structlog.get_logger(__name__)


async def request_regeneration(
    deps: Deps, operations: Operations, principal: Principal, origin: Origin, which: Which, most: int
) -> Job:
    """Have previews made anew in the background, `most` at most. The same wish while one is carried out gives the same job.
    Raises LimitReached.
    """
    told = {**asdict(which), "most": most}
    key = f"{REGENERATE_PREVIEWS} {which.status} {which.kind or ''} {which.reason or ''} {most}"
    async with deps.work.unit(origin) as unit:
        job = await start_job(unit, deps, REGENERATE_PREVIEWS, principal.user_id, principal, told, only_key=key)
        acts.record(operations, unit, REQUESTED, target=f"job/{job.id}", count=0, **told)
    return job


async def regenerate_some(deps: Deps, job: Job) -> Progress:
    """A step of a job: the next page. It may run twice: what is waited for already is not asked for again."""
    wish = job.arguments
    which = Which(wish["status"], wish["kind"], wish["reason"])
    origin = Origin(job.asked_by, job.actor_kind, job.correlation_id, None, job.traceparent)
    return await _page(deps, origin, which, wish["most"], job.progress)


async def regenerate_all(deps: Deps, origin: Origin, which: Which, most: int) -> Progress:
    """All pages, for a command: it does not wait while many are waited for, and says what it asked for at the end. May run
    twice and at once.
    """
    progress = Progress()
    while not progress.finished:
        progress = await _page(deps, origin, which, most, progress, waits=False)
        log.info("previews_asked_for", count=progress.done, after=progress.place.get("after"))
    return progress


async def _page(deps: Deps, origin: Origin, which: Which, most: int, progress: Progress, *, waits: bool = True) -> Progress:
    async with deps.work.read() as connection:
        if waits and await count_pending(connection, MOST_PENDING) >= MOST_PENDING:
            return replace(progress, pause=PAUSE)
        after = VersionId(progress.place.get("after", FIRST))
        limit = min(PAGE, most - progress.done)
        found, last = await versions_behind(connection, which, after, looked_at=LOOKED_AT, limit=limit)
    asked = progress.done + await _ask(deps, origin, found)
    finished = last is None or asked >= most
    return replace(progress, done=asked, place={"after": last}, finished=finished, result={"asked": asked})


async def _ask(deps: Deps, origin: Origin, found: Sequence[tuple[VersionId, UserId]]) -> int:
    """Drive by drive, each in a unit of its own: nobody holds two."""
    asked = 0
    for owner_id, group in groupby(sorted(found, key=lambda one: one[1]), key=lambda one: one[1]):
        async with deps.work.unit(replace(origin, causation_id=None)) as unit:
            drive = await lock_drive(unit.connection, owner_id)
            if drive is not None:
                asked += await ask_anew(unit, drive, [version_id for version_id, _ in group])
    return asked
