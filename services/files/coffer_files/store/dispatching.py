"""Whose turn it is: which received uploads the media worker has been asked about, and which wait behind them.

Every query here ends after as many rows as there is room for, however many wait: each verdict runs two of them. The state
stands in the statements as a constant, because a plan for any state cannot use an index of one.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, func, literal_column, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import UploadId, UserId
from coffer_files.domain.uploads import Upload
from coffer_files.store.tables import uploads
from coffer_files.store.uploads import read_upload, select_uploads

_received = uploads.c.state == literal_column("'received'")
_asked = _received & uploads.c.dispatched_at.is_not(None)
_in_line = _received & uploads.c.dispatched_at.is_(None)
_of_owner = uploads.c.owner_id == bindparam("owner")
_place = (uploads.c.changed_at, uploads.c.id)

_some_asked = select(uploads.c.id).where(_of_owner, _asked).limit(bindparam("most")).subquery()
_turns = select(
    select(func.count()).select_from(_some_asked).scalar_subquery(),
    select(uploads.c.id).where(_of_owner, _in_line).exists(),
)
_next_in_line = select_uploads.where(_of_owner, _in_line).order_by(*_place).limit(bindparam("most")).with_for_update()
_before = tuple_(*_place) < tuple_(
    bindparam("since", type_=uploads.c.changed_at.type), bindparam("upload", type_=uploads.c.id.type)
)
_some_before = select(uploads.c.id).where(_of_owner, _in_line, _before).limit(bindparam("most")).subquery()
_ahead = select(
    select(func.count()).select_from(_some_asked).scalar_subquery(),
    select(func.count()).select_from(_some_before).scalar_subquery(),
)
_owners_with_room = text(
    """
    WITH RECURSIVE owners AS (
        (SELECT owner_id FROM uploads
         WHERE state = 'received' AND dispatched_at IS NULL
           AND (CAST(:after AS uuid) IS NULL OR owner_id > CAST(:after AS uuid))
         ORDER BY owner_id LIMIT 1)
        UNION ALL
        SELECT (SELECT owner_id FROM uploads
                WHERE state = 'received' AND dispatched_at IS NULL AND owner_id > owners.owner_id
                ORDER BY owner_id LIMIT 1)
        FROM owners WHERE owners.owner_id IS NOT NULL
    )
    SELECT owner_id::text FROM owners
    WHERE owner_id IS NOT NULL AND (
        SELECT count(*) FROM (
            SELECT 1 FROM uploads
            WHERE uploads.owner_id = owners.owner_id AND state = 'received' AND dispatched_at IS NOT NULL LIMIT :most
        ) AS asked
    ) < :most
    LIMIT :limit
    """
)
"""From owner to owner along the index: PostgreSQL itself would read every upload that waits."""


async def turns(connection: AsyncConnection, owner_id: UserId, most: int) -> tuple[int, bool]:
    """How many of an owner's uploads the media worker has been asked about, counted up to `most`, and whether more wait."""
    asked, somebody_waits = (await connection.execute(_turns, {"owner": owner_id, "most": most})).one()
    return asked, somebody_waits


async def lock_next_in_line(connection: AsyncConnection, owner_id: UserId, most: int) -> list[Upload]:
    """The received uploads of an owner that have waited longest to be dispatched, locked."""
    return [read_upload(row) for row in await connection.execute(_next_in_line, {"owner": owner_id, "most": most})]


async def owners_with_room(
    connection: AsyncConnection, per_owner: int, *, limit: int, after: UserId | None = None
) -> list[UserId]:
    """The next owners behind `after` with uploads that wait although fewer than `per_owner` are under way."""
    values = {"after": after, "most": per_owner, "limit": limit}
    return [UserId(owner_id) for owner_id in (await connection.execute(_owners_with_room, values)).scalars()]


class Ahead(NamedTuple):
    """What stands before an upload that waits for its turn; both are counted up to a bound."""

    asked: int
    in_line: int


async def ahead_of(connection: AsyncConnection, owner_id: UserId, since: datetime, upload_id: UploadId, most: int) -> Ahead:
    """What of the same owner comes before an upload that has waited since then."""
    values = {"owner": owner_id, "since": since, "upload": upload_id, "most": most}
    return Ahead(*(await connection.execute(_ahead, values)).one())
