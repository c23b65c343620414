"""What can be done as a job: kind -> step. How to write a step stands in `handlers.jobs`."""

from collections.abc import Awaitable, Callable, Mapping

from coffer_files.domain.jobs import Job, Progress
from coffer_files.handlers.copying import COPY
from coffer_files.handlers.copying_trees import copy_some
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.drive_settings import FORGET_LOCATIONS, forget_some_locations
from coffer_files.handlers.emptying import EMPTY_TRASH, empty_some
from coffer_files.handlers.recounting import RECOUNT, REPAIR_COUNTS, recount_some, repair_some
from coffer_files.handlers.regenerating import REGENERATE_PREVIEWS, regenerate_some
from coffer_files.handlers.upkeep import PURGE_OLD, purge_some_old

Step = Callable[[Deps, Job], Awaitable[Progress]]

JOB_KINDS: Mapping[str, Step] = {
    COPY: copy_some,
    EMPTY_TRASH: empty_some,
    FORGET_LOCATIONS: forget_some_locations,
    PURGE_OLD: purge_some_old,
    RECOUNT: recount_some,
    REGENERATE_PREVIEWS: regenerate_some,
    REPAIR_COUNTS: repair_some,
}
"""A job whose kind is not here, because another release asked for it, waits for a process of that release."""

OPERATOR_KINDS: Mapping[str, str] = {
    PURGE_OLD: "Remove what has lain in trashes longer than the setting says, now instead of within the hour.",
    RECOUNT: "Compare what drives count with their rows, and report the differences.",
    REPAIR_COUNTS: "Compare what drives count with their rows, and make wrong counters right.",
}
"""What operators may have done, and what that is."""
