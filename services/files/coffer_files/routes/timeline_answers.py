"""How the story of an upload looks on the wire."""

from datetime import timedelta
from itertools import pairwise

import msgspec

from coffer_chassis.answers import Timestamp, timestamp
from coffer_contracts.files import UploadState
from coffer_files.domain.timelines import Happens, WaitsFor
from coffer_files.handlers.timelines import Timeline


class StepAnswer(msgspec.Struct, frozen=True):
    """One step; `ms` is how long after it the next one came, null for the last."""

    step: str
    at: Timestamp
    detail: str | None
    ms: float | None


class WaitingAnswer(msgspec.Struct, frozen=True):
    """What an upload waits for, since when, and a sentence for people. `ahead` counts uploads of the owner that come before,
    for the owner alone; `attempt` is how often the media worker was asked.
    """

    what: WaitsFor
    since: Timestamp
    seconds: float
    sentence: str
    ahead: int | None
    attempt: int | None


class NextAnswer(msgspec.Struct, frozen=True):
    """What happens by itself if nobody does anything, and when."""

    what: Happens
    at: Timestamp
    seconds: float
    sentence: str


class RetryAnswer(msgspec.Struct, frozen=True):
    """How to try again; before `not_before` that is refused, because it was done too often."""

    method: str
    path: str
    not_before: Timestamp | None


class TimelineAnswer(msgspec.Struct, frozen=True):
    """Everything that happened to an upload. `waiting_for` is the word of `waiting`; both are null at the end. `reason` and
    `detail` say why it failed or is held up; `retry` is there when trying again can help.
    """

    id: str
    state: UploadState
    reason: str | None
    detail: str | None
    waiting_for: WaitsFor | None
    waiting: WaitingAnswer | None
    next: NextAnswer | None
    can_retry: bool
    retry: RetryAnswer | None
    deadline_at: Timestamp | None
    total_ms: float
    steps: list[StepAnswer]


def milliseconds(length: timedelta) -> float:
    """To the microsecond, as the store keeps times."""
    return length / timedelta(microseconds=1) / 1000


def timeline_answer(story: Timeline) -> TimelineAnswer:
    """The story with lengths of time, none of which is negative."""
    upload, waiting, coming = story.upload, story.waiting, story.next
    gaps = [milliseconds(after.at - before.at) for before, after in pairwise(story.steps)]
    end = story.now if waiting else story.steps[-1].at
    return TimelineAnswer(
        id=upload.id,
        state=upload.state,
        reason=upload.reason,
        detail=upload.detail,
        waiting_for=waiting.what if waiting else None,
        waiting=WaitingAnswer(
            what=waiting.what,
            since=timestamp(waiting.since),
            seconds=max(0.0, (story.now - waiting.since).total_seconds()),
            sentence=waiting.sentence,
            ahead=waiting.ahead,
            attempt=waiting.attempt,
        )
        if waiting
        else None,
        next=NextAnswer(
            what=coming.what,
            at=timestamp(coming.at),
            seconds=max(0.0, (coming.at - story.now).total_seconds()),
            sentence=coming.sentence,
        )
        if coming
        else None,
        can_retry=story.can_retry,
        retry=RetryAnswer(
            method="POST",
            path=f"/v1/uploads/{upload.id}/retry",
            not_before=timestamp(story.retry_from) if story.retry_from else None,
        )
        if story.can_retry
        else None,
        deadline_at=timestamp(upload.deadline_at) if upload.deadline_at else None,
        total_ms=max(0.0, milliseconds(end - upload.created_at)),
        steps=[
            StepAnswer(step.step, timestamp(step.at), step.detail, gap)
            for step, gap in zip(story.steps, [*gaps, None], strict=True)
        ],
    )
