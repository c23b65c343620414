"""Where people have signed in from before: digests of kinds of devices and of networks, so that something new stands out."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Boolean, Label, delete, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import UserId
from coffer_notifier.store.tables import known_sign_ins as known

_INSERTED: Label[bool] = literal_column("xmax = 0", Boolean).label("is_new")
"""Of an upsert's row: whether it was not there before. A row that was changed instead carries the transaction that did so."""

KEPT = timedelta(days=365)
"""After its last use; whoever comes back later is new again."""


async def note(connection: AsyncConnection, user_id: UserId, seen: Mapping[str, str | None], at: datetime) -> list[str]:
    """Remember digests by what they are of; the names of those that were never seen for a person of whom others were.

    Nothing is new at a person's first sign-in. May run twice: the second time nothing is new.
    """
    given = {name: digest for name, digest in seen.items() if digest is not None}
    if not given:
        return []
    was = select(known.c.what).where(known.c.user_id == user_id).distinct()
    before = {row.what for row in await connection.execute(was)}
    rows = [
        {"user_id": user_id, "what": name, "digest": digest, "first_seen_at": at, "last_seen_at": at}
        for name, digest in sorted(given.items())
    ]
    adding = insert(known).values(rows)
    later = adding.on_conflict_do_update(
        index_elements=[known.c.user_id, known.c.what, known.c.digest],
        set_={"last_seen_at": func.greatest(known.c.last_seen_at, adding.excluded.last_seen_at)},
    ).returning(known.c.what, _INSERTED)
    fresh = {row.what for row in await connection.execute(later) if row.is_new}
    return sorted(fresh & before)


async def forget_before(connection: AsyncConnection, moment: datetime) -> int:
    """Delete what was last seen before `moment`; how many rows. Safe to run twice."""
    return (await connection.execute(delete(known).where(known.c.last_seen_at < moment))).rowcount
