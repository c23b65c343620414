"""What a drive holds, counted the slow way from its rows: what its counters must say."""

from typing import Any

from coffer_files.domain.usage import KINDS, Held, Usage, kind_known
from factories.files import Files

_ROWS = """SELECT i.id::text, i.parent_id::text, i.kind, i.trashed_at IS NOT NULL AS trashed, i.version_id::text AS current,
    v.id::text AS version, v.size_bytes AS size, v.media_kind
    FROM items i LEFT JOIN versions v ON v.item_id = i.id WHERE i.owner_id = '{owner}'"""
_RESERVED = """SELECT coalesce(sum(size_bytes), 0)::bigint FROM uploads WHERE owner_id = '{owner}'
    AND state IN ('created', 'received', 'cleared', 'conflict', 'failed')"""
_SHARED = """SELECT b.id FROM blobs b LEFT JOIN versions v ON v.blob_id = b.id WHERE b.owner_id = '{owner}'
    GROUP BY b.id HAVING b.refcount <> count(v.id)"""


async def truth(files: Files) -> Usage:
    """What the owner's drive holds by its rows alone. Raises AssertionError if an object is counted wrongly."""
    owner = files.owner.user_id
    rows = await files.rows(_ROWS.format(owner=owner))
    assert await files.rows(_SHARED.format(owner=owner)) == []
    above = {row.id: (row.parent_id, row.trashed) for row in rows}

    def is_gone(item_id: Any) -> bool:
        while item_id is not None:
            item_id, trashed = above[item_id]
            if trashed:
                return True
        return False

    contents = [row for row in rows if row.version is not None]
    now = [row for row in contents if row.version == row.current]
    by_kind = {kind: _held([row for row in now if kind_known(row.media_kind) == kind]) for kind in KINDS}
    gone = [row for row in contents if is_gone(row.id)]
    trash = Held(sum(row.size for row in gone), len({row.id for row in gone}))
    reserved = (await files.rows(_RESERVED.format(owner=owner)))[0][0]
    drive = await files.drive()
    older = _held([row for row in contents if row.version != row.current])
    used = sum(row.size for row in contents)
    return Usage(used, reserved, drive.quota_bytes, by_kind, older, trash, trash_is_settled=True)


def _held(rows: list[Any]) -> Held:
    return Held(sum(row.size for row in rows), len(rows))
