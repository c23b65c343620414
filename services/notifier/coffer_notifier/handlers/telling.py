"""Telling people in their live streams: rows of the stream, and the wake-up of whoever streams."""

from collections.abc import Collection, Mapping
from typing import Any

from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import UserId
from coffer_notifier.store import stream

STREAM = "stream"
"""The topic of wake-ups for those who stream."""
MAIL = "mail"
"""The topic of wake-ups for whoever sends mail."""

CHANGES = "changes"
NOTIFICATIONS = "notifications"
UPLOADS = "uploads"
JOBS = "jobs"
TOPICS = (CHANGES, NOTIFICATIONS, UPLOADS, JOBS)


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
