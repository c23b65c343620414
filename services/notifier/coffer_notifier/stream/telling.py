"""Rows of the stream as blocks: a notification is read and judged at this moment, whenever it was written down."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_notifier.answers import notice_answer
from coffer_notifier.domain.places import StreamId
from coffer_notifier.handlers.showing import visible, with_names
from coffer_notifier.store import notices
from coffer_notifier.store.stream import Row
from coffer_notifier.stream.blocks import event_block


async def blocks_of(connection: AsyncConnection, rows: Sequence[Row], now: datetime) -> list[tuple[Row, bytes]]:
    """The rows with what is written for them, in the same order; without notices that are gone or may not be told."""
    wanted = [row.data["notice_id"] for row in rows if row.event == "notification"]
    told = {}
    if wanted:
        found = await visible(connection, list((await notices.by_id(connection, wanted)).values()), now)
        told = {shown.notice.id: notice_answer(shown) for shown in await with_names(connection, found)}
    blocks: list[tuple[Row, bytes]] = []
    for row in rows:
        at = StreamId(row.place, row.at)
        if row.event == "notification":
            if answer := told.get(row.data["notice_id"]):
                blocks.append((row, event_block(row.event, answer, at)))
        else:
            blocks.append((row, event_block(row.event, {} if row.event == "change" else row.data, at)))
    return blocks
