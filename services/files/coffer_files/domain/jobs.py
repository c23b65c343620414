"""Long work that somebody asked for: what a job is, how far it is, and what its steps tell.

Pure; who carries jobs out is the handlers' business (`handlers.working`).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from coffer_contracts.event import ActorKind
from coffer_contracts.ids import JobId, UserId

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
OPEN: tuple[JobState, ...] = ("queued", "running")

MOST_OPEN = 100
"""Jobs that one person may have waiting and running: each costs others a turn."""

LEASE = timedelta(seconds=20)
"""How long nothing may be heard of a step before another process takes the job up."""

GIVEN_UP_AFTER = 12
"""Attempts that brought a job no further; with the pauses between them that is half an hour."""

PAUSES = (timedelta(seconds=1), timedelta(minutes=5))
"""Before the second and before the last attempt; each pause in between is twice the one before."""


class JobLost(Exception):
    """Another process works on the job now, or it was cancelled: whatever the step did is not to be kept."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is after a step. `done` and `total` count what the kind of job counts, as a rule items.

    `place` is where the next step begins and `result` what was made so far: both are written down as JSON. A job that is
    `finished` has no next step; its `result` then stands in the answer. `pause` is how long the next step waits.
    """

    done: int = 0
    total: int | None = None
    size_bytes: int = 0
    place: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] | None = None
    finished: bool = False
    pause: timedelta = timedelta()
    is_saved: bool = False
    """Set by `handlers.jobs.reach`: written down by the step itself, in one transaction with what it did."""


@dataclass(frozen=True, slots=True)
class Job:
    """A row of `jobs`. `owner_id` is whose turn its steps take; `asked_by` is who sees and cancels it."""

    id: JobId
    kind: str
    owner_id: UserId
    asked_by: UserId
    actor_kind: ActorKind
    correlation_id: str
    traceparent: str | None
    arguments: dict[str, Any]
    only_key: str | None
    """Of jobs with the same words here only one is open at a time."""
    state: JobState
    done: int
    total: int | None
    size_bytes: int
    place: dict[str, Any]
    result: dict[str, Any] | None
    problem: dict[str, Any] | None
    error: str | None
    """What went wrong last, for operators; also while it is tried again."""
    attempts: int
    lease: str | None
    due_at: datetime
    """When the next step is due; while one is under way, when others may take the job for abandoned."""
    turn_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def progress(self) -> Progress:
        """As a step before left it."""
        return Progress(self.done, self.total, self.size_bytes, self.place, self.result)


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts that failed."""
    first, last = PAUSES
    return min(last, first * (1 << max(0, min(attempts - 1, 20))))
