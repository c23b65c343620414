"""What operators do with dead letters and replays: each act in one transaction with the fact that tells of it."""

from typing import Any

from coffer_chassis import dead_letters, replays
from coffer_chassis.admin import acts, letters
from coffer_chassis.admin.operations import Operations
from coffer_chassis.bus import QueueMissing, Refused
from coffer_chassis.dead_letters import Wanted
from coffer_chassis.origin import Origin
from coffer_chassis.replays import Events, Replay
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.problems import DependencyFailed, FieldError, NotFound, StateConflict, ValidationFailed

CONFIRMATION = "drop {count}"


async def redrive_letter(operations: Operations, origin: Origin, letter_id: str) -> letters.Letter:
    """Send one letter to its queue again; the letter as it is then.

    Raises NotFound, StateConflict if it was settled before or no queue ever takes it, DependencyFailed while its queue is
    not there. A crash between sending and the commit leaves it waiting although it was sent; handlers drop the second.
    """
    work = operations.work
    async with work.unit(origin) as unit:
        try:
            done = await dead_letters.redrive_on(unit.connection, work, operations.bus, letter_id, by=origin.actor_id)
        except QueueMissing as error:
            raise DependencyFailed("Its queue is not there at this moment.", retry_after_seconds=5) from error
        except Refused as error:
            raise StateConflict(f"No queue takes it: {error}.", state="waiting") from error
        letter = await _settled(operations, unit, letter_id, done=done)
        acts.record(
            operations, unit, acts.REDRIVEN, target=f"dead-letter/{letter_id}", count=1, queue=letter.queue, type=letter.type
        )
    return letter


async def drop_letter(operations: Operations, origin: Origin, letter_id: str, confirm: str) -> letters.Letter:
    """Give one letter up; the letter as it is then. Raises NotFound, StateConflict, and ValidationFailed for a confirmation
    that is none.
    """
    async with operations.work.unit(origin) as unit:
        known = dead_letters.is_id(letter_id)
        wanted = Wanted(ids=(letter_id,) if known else ())
        count = await dead_letters.drop_on(unit.connection, operations.work, wanted, by=origin.actor_id)
        letter = await _settled(operations, unit, letter_id, done=bool(count))
        _require_confirmed(confirm, count)
        acts.record(
            operations, unit, acts.DROPPED, target=f"dead-letter/{letter_id}", count=1, queue=letter.queue, type=letter.type
        )
    return letter


async def drop_letters(operations: Operations, origin: Origin, wanted: Wanted, confirm: str) -> int:
    """Give up every letter of these that waits; how many. All or, unless `confirm` names that number, none: then raises
    StateConflict with the number, or ValidationFailed for a confirmation that is none.
    """
    async with operations.work.unit(origin) as unit:
        count = await dead_letters.drop_on(unit.connection, operations.work, wanted, by=origin.actor_id)
        _require_confirmed(confirm, count)
        if count:
            acts.record(operations, unit, acts.DROPPED, target="dead-letters", count=count, **particulars(wanted))
    return count


async def count_letters(operations: Operations, wanted: Wanted) -> int:
    """How many of these wait, without doing anything."""
    async with operations.work.read() as connection:
        return await dead_letters.count_waiting(connection, operations.work.tables, wanted)


async def count_events(operations: Operations, wanted: Events) -> int:
    """How many events would be sent again, without doing anything."""
    async with operations.work.read() as connection:
        return await replays.count_events(connection, operations.work.tables, wanted)


async def start_replay(operations: Operations, unit: Unit, wanted: Events | Wanted, rate_per_second: float) -> Replay:
    """Begin to send again in the background, when the unit has committed."""
    by = unit.origin.actor_id
    replay = await replays.start(unit, operations.work.tables, wanted, rate_per_second=rate_per_second, by=by)
    action = acts.REPUBLISHED if isinstance(wanted, Events) else acts.REDRIVEN
    detail = particulars(wanted) | {"rate_per_second": f"{rate_per_second:g}"}
    acts.record(operations, unit, action, target=f"replay/{replay.id}", count=replay.total, **detail)
    return replay


async def cancel_replay(operations: Operations, origin: Origin, replay_id: str) -> Replay:
    """End a replay early; as it is then. Once more is fine. Raises NotFound, and StateConflict for one that is done."""
    tables = operations.work.tables
    async with operations.work.unit(origin) as unit:
        cancelled = await replays.cancel(unit.connection, tables, replay_id, unit.now)
        replay = await replays.find(unit.connection, tables, replay_id)
        if replay is None:
            raise NotFound
        if replay.state == "done":
            raise StateConflict("It is done already.", state=replay.state)
        if cancelled:
            left = max(0, replay.total - replay.sent - replay.skipped)
            acts.record(operations, unit, acts.CANCELLED, target=f"replay/{replay.id}", count=left, kind=replay.kind)
    return replay


def particulars(wanted: Events | Wanted) -> dict[str, Any]:
    """What was asked for, as an act tells it; of ids only how many there were."""
    if isinstance(wanted, Wanted):
        named = len(wanted.ids) if wanted.ids is not None else None
        return {
            "ids": named,
            "queue": wanted.queue,
            "type": wanted.type,
            "error_class": wanted.error_class,
            "handler": wanted.handler,
            "reason": wanted.reason,
        }
    return {
        "since": wanted.since and wanted.since.isoformat(),
        "until": wanted.until and wanted.until.isoformat(),
        "types": wanted.types or None,
        "subject": wanted.subject,
        "consumer": wanted.consumer,
    }


async def _settled(operations: Operations, unit: Unit, letter_id: str, *, done: bool) -> letters.Letter:
    letter = await letters.find(unit.connection, operations, letter_id)
    if letter is None:
        raise NotFound
    if not done:
        raise StateConflict(f"It was {letter.state} before.", state=letter.state)
    return letter


def _require_confirmed(confirm: str, count: int) -> None:
    expected = CONFIRMATION.format(count=count)
    if confirm == expected:
        return
    word, _, number = confirm.partition(" ")
    if word != "drop" or not (number.isascii() and number.isdecimal()):
        detail = "The confirmation is `drop` and the number of letters, as in `drop 12`."
        raise ValidationFailed(detail, errors=(FieldError("/confirm", "not_confirmed", detail),))
    raise StateConflict(f"It would be {count} letters: confirm with `{expected}`.", state="waiting", count=count)
