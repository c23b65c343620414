"""The story of an upload: its steps in order, what it waits for at this moment, and what comes next by itself.

Pure. Times of the media worker are by its own clock: they are brought between those that this service wrote down itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from coffer_contracts.files import PreviewStatus
from coffer_files.domain.deadlines import SEND_PATIENCE
from coffer_files.domain.parts import part_count
from coffer_files.domain.upload_states import Step
from coffer_files.domain.uploads import MAX_DISPATCHES, Upload

WaitsFor = Literal["bytes", "turn", "sending", "verdict", "commit", "decision", "retry", "removal", "preview"]
Happens = Literal["expires", "fails", "asked", "asked_again", "committed", "aborted", "preview_failed"]

AHEAD_AT_MOST = 1000
"""As far as uploads that come before are counted."""

PREVIEW_PATIENCE = timedelta(days=1)
"""How long a preview may be pending before it counts as failed."""

_SOON = timedelta(seconds=2)
"""A fact that was written that short ago is on its way, not held up."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What is known of the preview of the version that an upload became."""

    status: PreviewStatus
    since: datetime
    started_at: datetime | None = None
    at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the upload itself does not know: who is before it, and whether its question has left."""

    asked: int = 0
    """Uploads of the owner that the media worker was asked about, up to AHEAD_AT_MOST."""
    in_line: int = 0
    """Uploads of the owner that wait and came earlier, up to AHEAD_AT_MOST."""
    room: int = 1
    """How many of an owner the media worker is asked about at the same time."""
    is_sent: bool = True
    sent_at: datetime | None = None
    sweeps_every: timedelta = timedelta(seconds=5)
    parts_there: int | None = None
    """How many parts of an upload that comes in parts are in the bucket; None if that is not known."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What an upload waits for. `ahead` are uploads of the same owner before it; `attempt` is how often was asked."""

    what: WaitsFor
    since: datetime
    sentence: str
    ahead: int | None = None
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """What happens without anybody doing anything, and when."""

    what: Happens
    at: datetime
    sentence: str


def steps_of(upload: Upload, preview: Preview | None) -> list[Step]:
    """Every step in the order of time; none lies before the one that led to it, whatever clocks say."""
    own = list(upload.steps) or _remembered(upload)
    steps: list[Step] = []
    for step in own:
        at = max(step.at, steps[-1].at) if steps else step.at
        steps.append(Step(step.step, at, step.detail))
    if upload.verdict is not None and upload.verdict.started_at is not None:
        _put(steps, Step("verdict_started", upload.verdict.started_at), ("cleared", "rejected"), "dispatched")
    if preview is not None:
        began = max(steps[-1].at, preview.since)
        ended = max(preview.at, began) if preview.at else None
        if preview.started_at is not None:
            started = max(preview.started_at, began)
            steps.append(Step("preview_started", min(started, ended) if ended else started))
        if ended is not None:
            steps.append(Step(f"preview_{preview.status}", ended, preview.reason))
    return steps


def _remembered(upload: Upload) -> list[Step]:
    """What the upload's own times tell, of one that was written before steps were kept."""
    known = [Step("created", upload.created_at)]
    if upload.dispatched_at is not None:
        known.append(Step("dispatched", upload.dispatched_at))
    if upload.state != "created":
        known.append(Step(upload.state, upload.changed_at, upload.reason))
    return sorted(known, key=lambda step: step.at)


def _put(steps: list[Step], foreign: Step, before: Sequence[str], after: str) -> None:
    """A step by another clock, put between the first `after`, if there is one, and the first of `before`."""
    end = next((place for place, step in enumerate(steps) if step.step in before), None)
    if end is None:
        return
    begin = next((place for place, step in enumerate(steps[:end]) if step.step == after), 0)
    at = min(max(foreign.at, steps[begin].at), steps[end].at)
    place = max((place for place in range(begin, end) if steps[place].at <= at), default=begin)
    steps.insert(place + 1, Step(foreign.step, at, foreign.detail))


def waiting_of(upload: Upload, preview: Preview | None, around: Surroundings, now: datetime) -> Waiting | None:
    """What it waits for, in a word and in a sentence that is true at this moment; None at its end."""
    if upload.state == "received":
        return _unasked(upload, around, now) if upload.dispatched_at is None else _asked(upload, around, now)
    long = span(now - upload.changed_at)
    match upload.state:
        case "created":
            return Waiting("bytes", upload.created_at, _bytes_awaited(upload, around, now))
        case "cleared":
            step = "its bytes are copied into the drive" if upload.landing_key else "it is put into its folder"
            return Waiting("commit", upload.changed_at, f"Checked {long} ago; {step} now.")
        case "conflict":
            detail = upload.detail or "It cannot be placed."
            return Waiting("decision", upload.changed_at, f"{detail} It has waited {long} for somebody's decision.")
        case "failed":
            what: WaitsFor = "retry" if upload.can_retry else "removal"
            advice = "it can be tried again." if upload.can_retry else "trying again cannot help; send the file anew."
            return Waiting(what, upload.changed_at, f"It failed {long} ago; {advice}")
    if preview is not None and preview.status == "pending":
        sentence = f"The file is there. Its preview has been waited for {span(now - preview.since)}."
        return Waiting("preview", preview.since, sentence)
    return None


def _bytes_awaited(upload: Upload, around: Surroundings, now: datetime) -> str:
    long = span(now - upload.created_at)
    if upload.strategy != "multipart":
        return f"{long} without the bytes of the file."
    count = part_count(upload.size_bytes, upload.part_bytes)
    if around.parts_there is None:
        return f"{long} without all {count} parts of the file."
    if around.parts_there < count:
        return f"{around.parts_there} of {count} parts of the file have come in {long}."
    return f"All {count} parts of the file are there; they are put together in a moment."


def _unasked(upload: Upload, around: Surroundings, now: datetime) -> Waiting:
    ahead = around.in_line + around.asked
    long = span(now - upload.changed_at)
    if ahead < around.room:
        sentence = f"Its turn to be checked has come; it has waited {long} and is asked about in a few seconds."
        return Waiting("turn", upload.changed_at, sentence, ahead=ahead)
    many = f"{ahead}" if around.in_line < AHEAD_AT_MOST else f"{AHEAD_AT_MOST} or more"
    others = "other upload" if ahead == 1 else "other uploads"
    sentence = f"{long} waiting for its turn to be checked, behind {many} {others} into the same drive."
    return Waiting("turn", upload.changed_at, sentence, ahead=ahead)


def without_numbers(waiting: Waiting, around: Surroundings, now: datetime) -> Waiting:
    """The same for those who may not know how much the owner of a drive has under way."""
    if around.in_line + around.asked < around.room:
        return replace(waiting, ahead=None)
    sentence = f"{span(now - waiting.since)} waiting for its turn to be checked, behind other uploads into the same drive."
    return Waiting(waiting.what, waiting.since, sentence)


def _asked(upload: Upload, around: Surroundings, now: datetime) -> Waiting:
    asked_at = upload.dispatched_at or upload.changed_at
    again = f", asked for the {_ordinal(upload.attempts)} time" if upload.attempts > 1 else ""
    if not around.is_sent:
        long = span(now - asked_at)
        sentence = f"{long} not sent: the question to the media worker lies in the outbox, the broker has not taken it{again}."
        if now - asked_at < _SOON:
            sentence = f"The question to the media worker is being sent{again}."
        return Waiting("sending", asked_at, sentence, attempt=upload.attempts)
    since = max(around.sent_at or asked_at, asked_at)
    sentence = f"{span(now - since)} in the media queue{again}; there is no verdict yet."
    return Waiting("verdict", since, sentence, attempt=upload.attempts)


def next_of(upload: Upload, preview: Preview | None, around: Surroundings, now: datetime) -> Next | None:
    """What happens by itself if nobody does anything; None at its end."""
    due = upload.deadline_at
    if due is not None:
        known = _next(upload, around, now, due)
        # A deadline that has passed is looked after by the next round of the sweeper.
        return Next(known.what, max(known.at, now), known.sentence)
    if preview is not None and preview.status == "pending":
        sentence = "If there is no preview by then, the file is shown without one."
        return Next("preview_failed", max(preview.since + PREVIEW_PATIENCE, now), sentence)
    return None


def _next(upload: Upload, around: Surroundings, now: datetime, due: datetime) -> Next:
    match upload.state:
        case "created":
            return Next("expires", due, "If the bytes have not come by then, the upload expires and its room is free again.")
        case "cleared":
            return Next("committed", due, "It is tried again then.")
        case "conflict":
            return Next("expires", due, "If nobody decides by then, the upload expires and its bytes are deleted.")
        case "failed":
            return Next("aborted", due, "If nobody tries again by then, it is given up and its bytes are deleted.")
    if upload.dispatched_at is None:
        if around.in_line + around.asked < around.room:
            return Next("asked", now + around.sweeps_every, "The media worker is asked.")
        return Next("fails", due, "If its turn has not come by then, it fails and can be tried again.")
    if not around.is_sent:
        sentence = "If the question has not left by then, the upload fails and can be tried again."
        return Next("fails", upload.dispatched_at + SEND_PATIENCE, sentence)
    if upload.attempts < MAX_DISPATCHES:
        sentence = f"If there is no verdict by then, the media worker is asked for the {_ordinal(upload.attempts + 1)} time."
        return Next("asked_again", due, sentence)
    return Next("fails", due, "If there is no verdict by then, the upload fails and can be tried again.")


def span(length: timedelta) -> str:
    """A length of time for people: `40 s`, `3 min`, `2 h`, `5 days`. Never negative."""
    seconds = max(0.0, length.total_seconds())
    for size, unit in ((2 * 86400, "days"), (2 * 3600, "h"), (120, "min")):
        if seconds >= size:
            return f"{int(seconds // {'days': 86400, 'h': 3600, 'min': 60}[unit])} {unit}"
    return f"{int(seconds)} s"


def _ordinal(number: int) -> str:
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number, 'th') }"
