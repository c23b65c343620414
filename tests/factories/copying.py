"""For tests of copying: trees, people who share them, bytes in the bucket, and the truth about counters."""

import hashlib
from typing import Any

from sqlalchemy import select

from coffer_chassis.access import EDITOR, VIEWER
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_contracts.ids import ItemId, VersionId
from coffer_files.domain.items import new_folder
from coffer_files.domain.jobs import Job
from coffer_files.domain.usage import current, total
from coffer_files.handlers.copying import Wish, copy_item
from coffer_files.handlers.items import find_item, make_folder
from coffer_files.handlers.jobs import find_job
from coffer_files.handlers.working import run_jobs
from coffer_files.store.copying import insert_items, insert_versions, share_blobs
from coffer_files.store.drives import book
from coffer_files.store.tables import versions
from factories.files import Files, cleared, granted, origin_of, person, stored

CONTENT = b"bytes that count"
ROLES = {"viewer": VIEWER, "editor": EDITOR}


async def folder(files: Files, name: str, parent: Any = "root", who: Principal | None = None) -> Any:
    """A new folder; its id."""
    who = who or files.owner
    made, _ = await make_folder(files.deps, who, origin_of(who), None, parent=parent, name=name, conflict="fail")
    return made.at.item.id


async def file(files: Files, name: str, parent: Any = "root", content: bytes = CONTENT, **changes: Any) -> Any:
    """A new file whose bytes lie in the bucket; its id."""
    upload = await files.start(name, len(content), parent=parent, **changes)
    etag = await files.blobs.write(upload.blob_key, content, content_type="image/jpeg")
    assert etag == hashlib.md5(content, usedforsecurity=False).hexdigest()
    await files.handle(stored(upload, etag=etag), cleared(upload, etag=etag))
    done = await files.now(upload)
    assert done.state == "committed", done.state
    return done.item_id


async def grove(files: Files, parent: Any = "root") -> Any:
    """A folder with some depth and some width, 20 items below it, of which 13 are files; its id. One file is uploaded, the rest
    is written as rows with the same object, which takes a fraction of the time.
    """
    top = await folder(files, "top", parent)
    first = await item_of(files, await file(files, "top.jpg", top))
    [version] = await files.rows(select(versions).where(versions.c.id == first.version_id))
    made: list[Any] = []

    def plant(name: str, into: Any, *, is_file: bool) -> Any:
        empty = new_folder(
            ItemId(new_id()), files.owner.user_id, into, name, created_by=files.owner.user_id, now=files.clock.now()
        )
        like = first._replace(id=empty.id, parent_id=into, name=name, version_id=VersionId(new_id()))
        made.append(like if is_file else empty)
        return empty.id

    for name in ("a", "b", "c"):
        below = plant(name, top, is_file=False)
        plant("1.jpg", below, is_file=True)
        deeper = plant("deep", below, is_file=False)
        for number in range(3):
            plant(f"{number}.jpg", deeper, is_file=True)
    plant("empty", top, is_file=False)
    contents = [{**version._mapping, "id": one.version_id, "item_id": one.id} for one in made if one.version_id]
    async with files.engine.begin() as connection:
        assert len(await insert_items(connection, made)) == len(made)
        await share_blobs(connection, [version.blob_id] * len(contents))
        await insert_versions(connection, contents)
        held = [current(first.media_kind or "other", first.size_bytes)] * len(contents)
        await book(connection, files.owner.user_id, total(held))
    return top


async def shared_folder(files: Files, name: str, role: str) -> tuple[Any, Principal]:
    """A folder of the owner, and somebody who was given it."""
    item_id, who = await folder(files, name), person()
    await files.handle(granted(item_id, files.owner, who, ROLES[role]))
    return item_id, who


async def copy(files: Files, item_id: Any, who: Principal | None = None, **wish: Any) -> Any:
    """Ask for a copy; what is answered: the item as seen, or the job."""
    who = who or files.owner
    copied = await copy_item(files.deps, who, origin_of(who), None, item_id, Wish(**{"parent": "root", **wish}))
    return copied.made


async def copied(files: Files, item_id: Any, who: Principal | None = None, **wish: Any) -> Job:
    """Copy a tree to the end; the job as it ended."""
    job = await copy(files, item_id, who, **wish)
    assert isinstance(job, Job)
    await run_jobs(files.deps)
    return await find_job(files.deps, who or files.owner, job.id)


async def tree_below(files: Files, item_id: Any) -> dict[str, int | None]:
    """Path -> length of every living item below a folder; None for folders."""
    rows = await files.rows(
        f"""WITH RECURSIVE tree AS (
             SELECT id, '' AS path, kind, size_bytes FROM items WHERE id = '{item_id}'
             UNION ALL
             SELECT i.id, tree.path || '/' || i.name, i.kind, i.size_bytes
             FROM items i JOIN tree ON i.parent_id = tree.id WHERE i.trashed_at IS NULL)
           SELECT path, CASE kind WHEN 'file' THEN size_bytes END AS size FROM tree WHERE path <> '' ORDER BY path"""
    )
    return {row.path: row.size for row in rows}


async def item_of(files: Files, item_id: Any, who: Principal | None = None) -> Any:
    """An item as it stands."""
    who = who or files.owner
    return (await find_item(files.deps, who, origin_of(who), item_id, in_trash=True)).at.item


async def counters_are_true(files: Files) -> None:
    """What is counted is what is there: room used by every drive, and references to every object."""
    wrong = await files.rows(
        """SELECT d.owner_id, d.used_bytes, coalesce(sum(v.size_bytes), 0) FROM drives d
           LEFT JOIN items i ON i.owner_id = d.owner_id LEFT JOIN versions v ON v.item_id = i.id
           GROUP BY d.owner_id, d.used_bytes HAVING d.used_bytes <> coalesce(sum(v.size_bytes), 0)"""
    )
    assert wrong == []
    wrong = await files.rows(
        """SELECT b.id, b.refcount, count(v.id) FROM blobs b LEFT JOIN versions v ON v.blob_id = b.id
           GROUP BY b.id, b.refcount HAVING b.refcount <> count(v.id)"""
    )
    assert wrong == []
