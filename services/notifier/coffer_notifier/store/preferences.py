"""Preferences: a row for everybody who ever chose something; the rest have the defaults."""

from collections.abc import Collection, Mapping
from datetime import datetime, time
from typing import Any

from sqlalchemy import Row, any_, cast, delete, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import UserId
from coffer_notifier.domain.preferences import Channels, Preferences, QuietHours
from coffer_notifier.store.tables import preferences


async def of_people(connection: AsyncConnection, user_ids: Collection[UserId]) -> dict[UserId, Preferences]:
    """What each of these people wants; everybody has an entry."""
    known = {user_id: Preferences(user_id) for user_id in user_ids}
    if known:
        # As an array: a folder that thousands see would need more parameters than a statement may have.
        theirs = preferences.c.user_id == any_(cast(list(known), ARRAY(preferences.c.user_id.type)))
        rows = await connection.execute(select(preferences).where(theirs))
        known |= {found.user_id: found for found in map(_preferences, rows)}
    return known


async def hold(connection: AsyncConnection, user_id: UserId, now: datetime) -> Preferences:
    """What a person wants, with the row locked until the end of the transaction."""
    row = {"user_id": user_id, "choices": {}, "revision": 0, "changed_at": now}
    await connection.execute(insert(preferences).values(row).on_conflict_do_nothing())
    held = select(preferences).where(preferences.c.user_id == user_id).with_for_update()
    return _preferences((await connection.execute(held)).one())


async def write(connection: AsyncConnection, wanted: Preferences, now: datetime) -> Preferences:
    """Write down what a person wants, as the next revision. The caller holds the row."""
    quiet = wanted.quiet_hours
    values = {
        "choices": {kind: {"in_app": by.in_app, "email": by.email} for kind, by in wanted.choices.items()},
        "quiet_hours": quiet and {"start": f"{quiet.start:%H:%M}", "end": f"{quiet.end:%H:%M}", "timezone": quiet.timezone},
        "locale": wanted.locale,
        "revision": preferences.c.revision + 1,
        "changed_at": now,
    }
    change = update(preferences).where(preferences.c.user_id == wanted.user_id).values(values).returning(preferences)
    return _preferences((await connection.execute(change)).one())


async def remove(connection: AsyncConnection, user_id: UserId) -> None:
    """Forget what somebody wanted. May run twice."""
    await connection.execute(delete(preferences).where(preferences.c.user_id == user_id))


def _preferences(row: Row[Any]) -> Preferences:
    choices = {kind: Channels(in_app=by["in_app"], email=by["email"]) for kind, by in row.choices.items()}
    return Preferences(UserId(row.user_id), choices, _quiet_hours(row.quiet_hours), row.locale, row.revision, row.changed_at)


def _quiet_hours(kept: Mapping[str, str] | None) -> QuietHours | None:
    if kept is None:
        return None
    return QuietHours(time.fromisoformat(kept["start"]), time.fromisoformat(kept["end"]), kept["timezone"])
