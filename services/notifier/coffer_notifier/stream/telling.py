"""Rows of the stream as blocks: what is told of other people's items is judged at this moment, whenever it was written down."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import ItemId
from coffer_notifier.answers import notice_answer
from coffer_notifier.domain.places import Place, StreamId
from coffer_notifier.handlers.showing import visible, with_names
from coffer_notifier.handlers.sight import look
from coffer_notifier.store import notices
from coffer_notifier.store.stream import Row
from coffer_notifier.stream.blocks import event_block

_PREVIEWS = frozenset({"preview_ready", "preview_none", "preview_failed"})
"""What is said of files by the names that they have, not by those that their uploaders gave them."""


async def blocks_of(connection: AsyncConnection, rows: Sequence[Row], now: datetime) -> list[tuple[Row, bytes]]:
    """The rows with what is written for them, in the same order; without notices that are gone or may not be told."""
    wanted = [row.data["notice_id"] for row in rows if row.event == "notification"]
    told = {}
    if wanted:
        found = await visible(connection, list((await notices.by_id(connection, wanted)).values()), now)
        told = {shown.notice.id: notice_answer(shown) for shown in await with_names(connection, found)}
    blocks: list[tuple[Row, bytes]] = []
    hidden = await _hidden(connection, rows, now)
    for row in rows:
        at = StreamId(row.place, row.at)
        if row.place in hidden:
            continue
        if row.event == "notification":
            if answer := told.get(row.data["notice_id"]):
                blocks.append((row, event_block(row.event, answer, at)))
        else:
            blocks.append((row, event_block(row.event, {} if row.event == "change" else row.data, at)))
    return blocks


async def _hidden(connection: AsyncConnection, rows: Sequence[Row], now: datetime) -> set[Place]:
    """News of previews for people who could see the file when they were written down, and cannot now."""
    judged = [row for row in rows if row.event == "upload" and row.data.get("state") in _PREVIEWS]
    if not judged:
        return set()
    sight = await look(connection, {ItemId(row.data["item_id"]) for row in judged}, now)

    def sees(row: Row) -> bool:
        item = ItemId(row.data["item_id"])
        never_heard_of = item not in sight.places and item not in sight.gone
        return never_heard_of or sight.may_read(row.user_id, item, None)

    return {row.place for row in judged if not sees(row)}
