"""Previews as the media worker makes them: heard of, put in line, made."""

from typing import Any

from coffer_contracts.event import Envelope
from coffer_media_worker.handlers.deps import BULK, Deps
from coffer_media_worker.handlers.queueing import on_item_committed, on_preview_requested
from coffer_media_worker.handlers.rendering import make_previews


async def hear(deps: Deps, event: Envelope[Any]) -> None:
    """As the consumer hands over a fact. Raises Duplicate."""
    async with deps.work.unit(cause=event, consumer=BULK) as unit:
        await on_item_committed(event, unit, deps)


async def ask(deps: Deps, *events: Envelope[Any]) -> None:
    """Requests are heard and stand in line. Raises Duplicate."""
    for event in events:
        async with deps.work.unit(cause=event, consumer=BULK) as unit:
            await on_preview_requested(event, unit, deps)


async def preview(deps: Deps, event: Envelope[Any]) -> None:
    """The fact is heard, and what is in line is made. Raises Duplicate, and what keeps a preview from being made."""
    await hear(deps, event)
    await make_previews(deps)
