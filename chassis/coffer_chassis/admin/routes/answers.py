"""How queues, dead letters, the outbox and replays look on the wire."""

from typing import Any

import msgspec

from coffer_chassis.admin.letters import Group, Letter
from coffer_chassis.admin.standing import Outbox, Queue, Unsent
from coffer_chassis.answers import Timestamp, timestamp
from coffer_chassis.replays import Replay


class DepthAnswer(msgspec.Struct, frozen=True):
    """Messages in a queue, about."""

    waiting: int
    in_flight: int
    delayed: int


class QueueAnswer(msgspec.Struct, frozen=True):
    """One queue. `dead_depth` are dead messages that were not collected yet, `dead_letters` those that wait for somebody.
    `stopped` is null where another process consumes; `problem` is `queue_missing` or `unreachable`.
    """

    queue: str
    depth: DepthAnswer | None
    dead_depth: int | None
    dead_letters: int
    oldest_dead_at: Timestamp | None
    stopped: bool | None
    problem: str | None


class QueuesAnswer(msgspec.Struct, frozen=True):
    """Every queue of the service."""

    items: list[QueueAnswer]


class LetterAnswer(msgspec.Struct, frozen=True):
    """A message that failed for good. `event` is its body read by its contract, or null with the reason in `unreadable`.
    `body` is the text as it came, cut in listings, without secrets.
    """

    id: str
    queue: str
    message_id: str
    type: str | None
    state: str
    reason: str
    error_class: str | None
    handler: str | None
    receives: int
    attributes: dict[str, str]
    dead_at: Timestamp
    settled_at: Timestamp | None
    settled_by: str | None
    event: Any
    unreadable: str | None
    body: str
    body_bytes: int
    body_cut: bool


class LettersAnswer(msgspec.Struct, frozen=True):
    """A page of dead letters, those that died last first."""

    items: list[LetterAnswer]
    next_cursor: str | None


class GroupAnswer(msgspec.Struct, frozen=True):
    """Letters that died alike; `reason` is how theirs begin."""

    queue: str
    type: str | None
    error_class: str | None
    handler: str | None
    reason: str
    count: int
    oldest_at: Timestamp
    newest_at: Timestamp


class GroupsAnswer(msgspec.Struct, frozen=True):
    """The largest groups first; `more` if there are others that are not shown."""

    items: list[GroupAnswer]
    more: bool


class DroppedAnswer(msgspec.Struct, frozen=True):
    """How many letters were given up, or would be."""

    count: int
    dry_run: bool


class UnsentAnswer(msgspec.Struct, frozen=True):
    """An event that waits to be published; `refused` says why it never will be, if that is known."""

    id: str
    type: str
    subject: str
    attempts: int
    created_at: Timestamp
    available_at: Timestamp
    replay: bool
    body_bytes: int
    refused: str | None


class OutboxAnswer(msgspec.Struct, frozen=True):
    """The outbox: `refused` are events that the broker never takes, `items` a page of all that wait, oldest first. Of private
    commands it is told only how many wait.
    """

    unsent: int
    private_unsent: int
    oldest_at: Timestamp | None
    newest_sent_at: Timestamp | None
    refused: list[UnsentAnswer]
    items: list[UnsentAnswer]
    next_cursor: str | None


class ReplayAnswer(msgspec.Struct, frozen=True):
    """What is sent again in the background: `events` to all or one of their readers, or `dead_letters` to their queues.
    `skipped` can never be sent; `missing` were not there any more when their turn came.
    """

    id: str
    kind: str
    state: str
    wanted: dict[str, Any]
    rate_per_second: float
    total: int
    sent: int
    skipped: int
    missing: int
    last_error: str | None
    created_at: Timestamp
    created_by: str | None
    ended_at: Timestamp | None


class ReplaysAnswer(msgspec.Struct, frozen=True):
    """A page of replays, newest first."""

    items: list[ReplayAnswer]
    next_cursor: str | None


class StartedAnswer(msgspec.Struct, frozen=True):
    """How many messages it is about, and the replay; null for a dry run."""

    count: int
    replay: ReplayAnswer | None


def queue_answer(queue: Queue) -> QueueAnswer:
    """A queue as it is shown."""
    depth = queue.depth
    return QueueAnswer(
        queue=queue.queue,
        depth=DepthAnswer(depth.waiting, depth.in_flight, depth.delayed) if depth else None,
        dead_depth=queue.dead_depth,
        dead_letters=queue.dead_letters,
        oldest_dead_at=timestamp(queue.oldest_dead_at) if queue.oldest_dead_at else None,
        stopped=queue.is_stopped,
        problem=queue.problem,
    )


def letter_answer(letter: Letter) -> LetterAnswer:
    """A letter as it is shown."""
    return LetterAnswer(
        id=letter.id,
        queue=letter.queue,
        message_id=letter.message_id,
        type=letter.type,
        state=letter.state,
        reason=letter.reason,
        error_class=letter.error_class,
        handler=letter.handler,
        receives=letter.receives,
        attributes=letter.attributes,
        dead_at=timestamp(letter.dead_at),
        settled_at=timestamp(letter.settled_at) if letter.settled_at else None,
        settled_by=letter.settled_by,
        event=letter.reading.decoded,
        unreadable=letter.reading.unreadable,
        body=letter.reading.body,
        body_bytes=letter.reading.body_bytes,
        body_cut=letter.reading.is_cut,
    )


def group_answer(group: Group) -> GroupAnswer:
    """A group as it is shown."""
    return GroupAnswer(
        queue=group.queue,
        type=group.type,
        error_class=group.error_class,
        handler=group.handler,
        reason=group.reason,
        count=group.count,
        oldest_at=timestamp(group.oldest_at),
        newest_at=timestamp(group.newest_at),
    )


def outbox_answer(outbox: Outbox, next_cursor: str | None) -> OutboxAnswer:
    """The outbox as it is shown."""
    return OutboxAnswer(
        unsent=outbox.unsent,
        private_unsent=outbox.private_unsent,
        oldest_at=timestamp(outbox.oldest_at) if outbox.oldest_at else None,
        newest_sent_at=timestamp(outbox.newest_sent_at) if outbox.newest_sent_at else None,
        refused=[_unsent(row) for row in outbox.refused],
        items=[_unsent(row) for row in outbox.page],
        next_cursor=next_cursor,
    )


def _unsent(row: Unsent) -> UnsentAnswer:
    return UnsentAnswer(
        id=row.id,
        type=row.type,
        subject=row.subject,
        attempts=row.attempts,
        created_at=timestamp(row.created_at),
        available_at=timestamp(row.available_at),
        replay=row.is_replay,
        body_bytes=row.body_bytes,
        refused=row.refused,
    )


def replay_answer(replay: Replay) -> ReplayAnswer:
    """A replay as it is shown; of letters that were named, how many there were."""
    wanted = dict(replay.wanted)
    if "ids" in wanted:
        wanted["ids"] = len(wanted["ids"])
    return ReplayAnswer(
        id=replay.id,
        kind=replay.kind,
        state=replay.state,
        wanted=wanted,
        rate_per_second=replay.rate_per_second,
        total=replay.total,
        sent=replay.sent,
        skipped=replay.skipped,
        missing=replay.missing,
        last_error=replay.last_error,
        created_at=timestamp(replay.created_at),
        created_by=replay.created_by,
        ended_at=timestamp(replay.ended_at) if replay.ended_at else None,
    )
