"""How long usage figures are kept, and how an operator has them made anew."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_notifier.domain.analytics import day_of
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.store import analytics_keeping as keeping
from coffer_notifier.store import analytics_rebuilding as rebuilding
from coffer_notifier.store.analytics_folding import fold_items, fold_marks, lock_figures

Differences = Mapping[str, int]
"""How many figures became others, by series."""


class NotNow(Exception):
    """What was asked for goes with another state of the figures; the message says which."""


async def forget_figures(deps: Deps) -> int:
    """Close days, and delete what is kept of closed days no longer; how many rows. May run twice and at once."""
    today, settings = day_of(deps.work.clock.now()), deps.settings
    async with deps.work.engine.begin() as connection:
        await lock_figures(connection)
        await keeping.close_days(
            connection,
            open_from=today - timedelta(days=settings.analytics_open_days),
            kept_from=today - timedelta(days=settings.analytics_keep_days),
        )
    count = 0
    for forget_some in (keeping.forget_marks, keeping.shorten_items, keeping.forget_days):
        gone = keeping.SLICE
        while gone >= keeping.SLICE:
            async with deps.work.engine.begin() as connection:
                await lock_figures(connection)
                gone = await forget_some(connection)
            count += gone
    return count


class _OnlyLooking(Exception):
    """Nothing of the transaction is to stay."""


async def check_figures(deps: Deps) -> Differences:
    """What rebuilding would change. Changes nothing."""
    found: Differences = {}
    with suppress(_OnlyLooking):
        async with deps.work.engine.begin() as connection:
            found = await _compared(connection, _rebuild)
            raise _OnlyLooking
    return found


async def rebuild_figures(deps: Deps) -> Differences:
    """Make all figures anew whose marks and standings are there; what changed. Older ones stay as they are, and what is stored
    adds up to how items stand. Nothing is counted meanwhile. May run twice. Raises NotNow while items are learned anew.
    """
    async with deps.work.engine.begin() as connection:
        return await _compared(connection, _rebuild)


async def learn_anew(deps: Deps) -> None:
    """Forget how items stand and which accounts there are, so that snapshots can tell; figures stay as they are until
    `settle_figures`. May run twice: it then begins once more.
    """
    async with deps.work.engine.begin() as connection:
        await lock_figures(connection)
        if (await keeping.state_of(connection)).anew_since is None:
            await _fold_all(connection)
        await rebuilding.begin_anew(connection, deps.work.clock.now())


async def settle_figures(deps: Deps) -> Differences:
    """Believe what snapshots have told since `learn_anew`; what changed. To be done when nothing waits in queues any more.
    Raises NotNow if nothing was to be learned.
    """
    today = day_of(deps.work.clock.now())

    async def settle(connection: AsyncConnection) -> None:
        if (await keeping.state_of(connection)).anew_since is None:
            raise NotNow("Nothing is being learned anew.")
        await rebuilding.settle(connection, today, today + timedelta(days=1))

    async with deps.work.engine.begin() as connection:
        return await _compared(connection, settle)


async def _rebuild(connection: AsyncConnection) -> None:
    if (await keeping.state_of(connection)).anew_since is not None:
        raise NotNow("How items stand is being learned anew; settle that first.")
    await _fold_all(connection)
    await rebuilding.rebuild_marks(connection)
    await rebuilding.rebuild_items(connection)


async def _fold_all(connection: AsyncConnection) -> None:
    while await fold_marks(connection):
        pass
    while await fold_items(connection):
        pass


async def _compared(connection: AsyncConnection, change: Callable[[AsyncConnection], Awaitable[None]]) -> Differences:
    await lock_figures(connection)
    await rebuilding.remember_figures(connection)
    await change(connection)
    return await rebuilding.differences(connection)
