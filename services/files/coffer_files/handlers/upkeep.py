"""What the service does by the clock, as jobs that operators may have done now."""

from dataclasses import replace

from coffer_files.domain.jobs import Job, Progress
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.trash import purge_old_page

PURGE_OLD = "purge_old"


async def purge_some_old(deps: Deps, job: Job) -> Progress:
    """Remove a page of what has lain in trashes long enough."""
    gone, last = await purge_old_page(deps)
    # When nothing of a page could be removed, that is said by the log, and the job is over.
    return replace(job.progress, done=job.done + gone, finished=last is None or gone == 0)
