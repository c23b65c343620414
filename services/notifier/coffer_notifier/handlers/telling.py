"""Telling: what a fact leaves behind for people. A notice, a row of the stream, and the wake-up of whoever streams."""

from collections.abc import Collection, Mapping
from typing import Any

from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Meta
from coffer_contracts.ids import ShareId, UserId
from coffer_notifier.domain.notices import ItemRef, Notice
from coffer_notifier.store import notices, stream

STREAM = "stream"
"""The topic of wake-ups for those who stream."""
MAIL = "mail"
"""The topic of wake-ups for whoever sends mail."""

CHANGES = "changes"
NOTIFICATIONS = "notifications"
UPLOADS = "uploads"
JOBS = "jobs"
TOPICS = (CHANGES, NOTIFICATIONS, UPLOADS, JOBS)


async def give_notice(
    unit: Unit,
    event: Meta,
    user_id: UserId,
    kind: str,
    item: ItemRef | None,
    data: Mapping[str, Any],
    *,
    share_id: ShareId | None = None,
) -> bool:
    """Tell a person of a fact in their feed and their streams, once, however often the fact comes; whether it is new."""
    notice = Notice(new_id(), user_id, kind, event.actorid, item, share_id, data, event.time)
    if not await notices.add(unit.connection, notice, event.id):
        return False
    told = stream.Told(user_id, NOTIFICATIONS, "notification", {"notice_id": notice.id})
    await stream.add(unit.connection, [told], unit.now)
    unit.wake(STREAM)
    return True


async def tell(unit: Unit, user_id: UserId, topic: str, event: str, data: Mapping[str, Any]) -> None:
    """Tell a person something in their streams only."""
    await stream.add(unit.connection, [stream.Told(user_id, topic, event, dict(data))], unit.now)
    unit.wake(STREAM)


async def hint_at_changes(unit: Unit, readers: Collection[UserId], *, again: bool = False) -> None:
    """Tell people that there are changes to read; see `stream.hint`."""
    await stream.hint(unit.connection, readers, unit.now, again=again)
    if readers:
        wake_streams(unit)


def wake_streams(unit: Unit) -> None:
    """Have those who stream look, once the unit has committed."""
    unit.wake(STREAM)
