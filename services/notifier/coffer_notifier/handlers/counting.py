"""Counting: what facts leave for the usage figures, in the transaction in which they are handled and together with those of
other facts in it; and the job that folds it into figures per day.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.handling import HandlerTable
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import UserFact
from coffer_contracts.event import Envelope
from coffer_contracts.ids import UserId
from coffer_notifier.domain.analytics import Mark, Standing, marks_of, standing_of
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.store.analytics import close_drives, write_down
from coffer_notifier.store.analytics_folding import (
    FOLDED_AT_ONCE,
    fold_items,
    fold_marks,
    forget_closed_drives,
    note_all_counted,
    try_lock_figures,
)
from coffer_notifier.store.analytics_keeping import state_of

Handler = Callable[[Envelope[Any], Unit, Deps], Awaitable[None]]


def counted(table: HandlerTable) -> HandlerTable:
    """The same table, whose facts are counted once they were handled."""
    return {wire_type: replace(row, run=_counting(row.run)) for wire_type, row in table.items()}


def _counting(run: Handler) -> Handler:
    @wraps(run)
    async def handled_and_counted(event: Envelope[Any], unit: Unit, deps: Deps) -> None:
        await run(event, unit, deps)
        count(event, unit)

    return handled_and_counted


class _Left(NamedTuple):
    marks: Sequence[Mark]
    standing: Standing | None
    closed: UserId | None


def count(event: Envelope[Any], unit: Unit) -> None:
    """Have written down what the fact counts. May run twice, late and in any order."""
    fact = event.data
    closed = fact.user_id if isinstance(fact, UserFact) and fact.status == "deleted" else None
    left = _Left(marks_of(event), standing_of(event), closed)
    if any(left):
        unit.together(_write, left, last=True)


async def _write(connection: AsyncConnection, asked: Sequence[tuple[Unit, _Left]]) -> None:
    left = [one for _, one in asked]
    marks = (mark for one in left for mark in one.marks)
    # In the order in which whoever folds locks these.
    await close_drives(connection, [one.closed for one in left if one.closed])
    await write_down(connection, marks, (one.standing for one in left if one.standing))


async def fold(deps: Deps) -> int:
    """Add what was counted to the figures per day, a slice per transaction; how much. May run twice and at once: who finds
    somebody else at it leaves it to them.
    """
    total = 0
    before = deps.work.clock.now()
    while True:
        async with deps.work.engine.begin() as connection:
            if not await try_lock_figures(connection):
                return total
            is_anew = (await state_of(connection)).anew_since is not None
            await forget_closed_drives(connection)
            marks = await fold_marks(connection, with_kept=not is_anew)
            items = 0 if is_anew else await fold_items(connection)
            total += marks + items
            if marks < FOLDED_AT_ONCE and items < FOLDED_AT_ONCE:
                await note_all_counted(connection, before)
                return total
