"""A store that an earlier release wrote: its rows come along, and whatever was under way goes on."""

import shutil
from datetime import timedelta
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from coffer_chassis.ids import new_id
from coffer_chassis.schema import migrate
from coffer_contracts.ids import BlobId, UploadId
from coffer_files.domain.content import blob_key
from coffer_files.domain.reconciling import Wish
from coffer_files.domain.searching import Query
from coffer_files.domain.trash import TrashOrder
from coffer_files.domain.usage import Held
from coffer_files.handlers.previews import give_up_previews
from coffer_files.handlers.recounting import recount
from coffer_files.handlers.searching import Asked, search
from coffer_files.handlers.sweeping import sweep
from coffer_files.handlers.timelines import timeline_of
from coffer_files.handlers.trash import restore_item
from coffer_files.handlers.trash_pages import list_trash
from coffer_files.handlers.usage import usage
from coffer_files.store.tables import blobs, drives, items, uploads, versions
from factories.comparing import compare
from factories.counting import truth
from factories.databases import PostgresServer
from factories.files import Files, cleared, files_on

pytestmark = pytest.mark.slow

LANDED = ("0001", "0005")
"""Revisions that a store may be at: the oldest, and the last one before uploads that wait got an end."""

UNDER_WAY = {
    # state: how long ago it came there, when its time is up, how often the media worker was asked
    "created": (timedelta(minutes=5), timedelta(hours=23), 0),
    "received": (timedelta(hours=1), None, 0),
    "asked": (timedelta(minutes=11), timedelta(minutes=-1), 1),
    "conflict": (timedelta(days=1), timedelta(days=6), 1),
    "failed": (timedelta(days=1), timedelta(days=6), 4),
    "rejected": (timedelta(days=1), None, 1),
}


async def at_revision(postgres: PostgresServer, folder: Path, last: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store as the release with that revision left it, before anything was written."""
    target = folder / f"coffer_files_{last}" / "migrations" / "versions"
    target.mkdir(parents=True)
    (folder / f"coffer_files_{last}" / "__init__.py").touch()
    for revision in resources("coffer_files").joinpath("migrations", "versions").iterdir():
        if revision.name.endswith(".py") and revision.name[:4] <= last:
            shutil.copy(str(revision), target)
    monkeypatch.syspath_prepend(str(folder))
    url = postgres.empty()
    await migrate(url, f"coffer_files_{last}")
    return url


async def written(files: Files) -> dict[str, str]:
    """Rows with nothing but the columns of the first release: a picture that waits for its preview, and uploads."""
    now, owner, root = files.clock.now(), files.owner.user_id, new_id()
    item, version, blob = new_id(), new_id(), new_id()
    at = {"created_at": now - timedelta(days=2)}
    place = {"owner_id": owner, "created_by": owner, "revision": 1, "modified_at": now, "changed_at": now, **at}
    stored = {"id": blob, "owner_id": owner, "key": f"blobs/{owner}/{blob}", "etag": "e1", "size_bytes": 7, "refcount": 1}
    content: dict[str, Any] = {"mime_type": "image/jpeg", "media_kind": "image", "flags": []}
    file = {"id": item, "parent_id": root, "kind": "file", "name": "a", "name_key": "a", "version_id": version, "size_bytes": 7}
    made = {"id": version, "item_id": item, "blob_id": blob, "upload_id": new_id(), "size_bytes": 7, "created_by": owner}
    begun: dict[str, str] = {}
    async with files.engine.begin() as connection:
        await connection.execute(
            drives.insert().values(
                owner_id=owner, root_id=root, quota_bytes=1000, used_bytes=7, reserved_bytes=500, created_at=now
            )
        )
        await connection.execute(items.insert().values(id=root, kind="folder", name="", name_key="", **place))
        await connection.execute(items.insert().values(**file, **content, **place, preview_status="pending"))
        await connection.execute(blobs.insert().values(**stored, **at))
        waiting = {**content, **at, "modified_at": now, "preview_status": "pending"}
        await connection.execute(versions.insert().values(**made, **waiting))
        for name, (age, left, attempts) in UNDER_WAY.items():
            upload, theirs = new_id(), BlobId(new_id())
            begun[name] = upload
            await connection.execute(
                uploads.insert().values(
                    id=upload, owner_id=owner, uploader_id=owner, parent_id=root, name=name, conflict="rename",
                    size_bytes=100, blob_id=theirs, blob_key=blob_key(owner, theirs), revision=2,
                    state="received" if name == "asked" else name, created_at=now - age, changed_at=now - age,
                    deadline_at=None if left is None else now + left, etag="e1", attempts=attempts,
                    dispatched_at=now - age if attempts else None, actor_kind="user", correlation_id="c", check_at=now,
                )
            )  # fmt: skip
            await files.blobs.write(blob_key(owner, theirs), b"x" * 100, content_type="image/jpeg")
    await files.blobs.write(f"blobs/{owner}/{blob}", b"x" * 7, content_type="image/jpeg")
    return begun


@pytest.mark.parametrize("revision", LANDED)
async def test_what_an_earlier_release_left_under_way_goes_on(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revision: str
) -> None:
    url = await at_revision(postgres, tmp_path, revision, monkeypatch)
    try:
        async with files_on(url, reconcile_every_hours=0) as files:
            begun = await written(files)
        async with files_on(url, reconcile_every_hours=0) as newer:
            await migrate(url, "coffer_files")
            newer.owner, newer.blobs.objects = files.owner, files.blobs.objects
            await goes_on(newer, begun)
    finally:
        postgres.drop(url)


async def goes_on(files: Files, begun: dict[str, str]) -> None:
    found = await search(files.deps, files.owner, Asked(Query.parse("A")))
    assert [one.seen.at.item.name for one in found.found] == ["a"]
    for upload_id in begun.values():
        story = await timeline_of(files.deps, files.owner, UploadId(upload_id))
        assert (story.waiting is None) == (story.next is None) == story.upload.rule.is_end
    report = await sweep(files.deps)
    assert (report.found_in_bucket, report.dispatched, report.moved, report.failures) == (1, 2, {"received": 1}, 0)
    now = {name: await files.now(UploadId(upload_id)) for name, upload_id in begun.items()}
    assert [(now[name].state, now[name].attempts) for name in ("created", "received", "asked")] == [
        ("received", 1), ("received", 1), ("received", 2),
    ]  # fmt: skip
    for name in ("received", "asked"):
        await files.handle(cleared(now[name]))
    assert [(await files.now(now[name])).state for name in ("received", "asked")] == ["committed"] * 2
    assert await give_up_previews(files.deps) == 1
    run = await compare(files, Wish(repair=True, grace_seconds=0))
    # The refused one was moved to quarantine by the release that refused it.
    assert (run.state, run.counts.under_way, run.counts.missing, run.counts.orphans) == ("finished", 3, 0, 1)
    drive = await files.drive()
    assert (drive.used_bytes, drive.reserved_bytes) == (207, 300)


async def test_what_was_stored_before_it_was_counted_is_counted(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await at_revision(postgres, tmp_path, "0012", monkeypatch)
    try:
        async with files_on(url) as files:
            made = await stored_before(files)
            empty = Files(files.deps, files.engine, files.clock, files.blobs)
            await drive_made(empty, used_bytes=5)
        async with files_on(url) as newer:
            await migrate(url, "coffer_files")
            for owner in (files.owner, empty.owner):
                newer.owner = owner
                assert (await recount(newer.deps, owner.user_id)).lines == []
                assert await usage(newer.deps, owner, newer.origin) == await truth(newer)
            newer.owner = files.owner
            told = await usage(newer.deps, files.owner, newer.origin)
            assert (told.used_bytes, told.older, told.trash) == (170, Held(30, 2), Held(40, 1))
            held = {kind: tuple(one) for kind, one in told.by_kind.items() if one.number}
            assert held == {"image": (30, 1), "text": (40, 1), "other": (70, 1)}
            replaced = await newer.rows(select(versions.c.id, versions.c.replaced_at).where(versions.c.item_id == made["a"][0]))
            at = files.clock.now()
            _, first, second, third = made["a"]
            assert dict(map(tuple, replaced)) == {first: at + timedelta(hours=2), second: at + timedelta(hours=3), third: None}
            page, _ = await list_trash(newer.deps, files.owner, TrashOrder("name", descending=False), limit=9, after=None)
            assert [one.path for one in page] == ["/Gone"]
            await restore_item(newer.deps, files.owner, newer.origin, page[0].item.id, parent=None, conflict="fail")
            assert await usage(newer.deps, files.owner, newer.origin) == await truth(newer)
    finally:
        postgres.drop(url)


async def drive_made(files: Files, *, used_bytes: int) -> str:
    """A drive as it was before it counted more than bytes; its root folder."""
    root, now, owner = new_id(), files.clock.now(), files.owner.user_id
    place = {"owner_id": owner, "created_by": owner, "revision": 1, "created_at": now, "modified_at": now, "changed_at": now}
    async with files.engine.begin() as connection:
        await connection.execute(
            drives.insert().values(owner_id=owner, root_id=root, quota_bytes=1000, used_bytes=used_bytes, created_at=now)
        )
        await connection.execute(items.insert().values(id=root, kind="folder", name="", name_key="", **place))
    return root


async def stored_before(files: Files) -> dict[str, tuple[str, ...]]:
    """A picture with three versions, a text in a folder in the trash, and something of a kind that nobody knows; each with its
    versions, oldest first. What the drive says that it uses is wrong.
    """
    root, owner, now = await drive_made(files, used_bytes=999), files.owner.user_id, files.clock.now()
    place = {"owner_id": owner, "created_by": owner, "revision": 1, "created_at": now, "modified_at": now, "changed_at": now}
    gone = new_id()
    made: dict[str, tuple[str, ...]] = {}
    async with files.engine.begin() as connection:
        trashed = {"id": gone, "parent_id": root, "kind": "folder", "name": "Gone", "trashed_at": now}
        await connection.execute(items.insert().values(**trashed, **place))
        for name, kind, parent, sizes in (
            ("a", "image", root, (10, 20, 30)), ("b", "text", gone, (40,)), ("c", "hologram", root, (70,)),
        ):  # fmt: skip
            item, ids = new_id(), [new_id() for _ in sizes]
            content = {"mime_type": "x/y", "media_kind": kind, "flags": []}
            file = {"id": item, "parent_id": parent, "kind": "file", "name": name, "name_key": name, "version_id": ids[-1]}
            await connection.execute(items.insert().values(**file, **content, **place, size_bytes=sizes[-1]))
            for hours, (version, size) in enumerate(zip(ids, sizes, strict=True), start=1):
                blob, at = new_id(), now + timedelta(hours=hours)
                key = blob_key(owner, BlobId(blob))
                stored = {"id": blob, "owner_id": owner, "key": key, "etag": "e", "size_bytes": size, "refcount": 1}
                await connection.execute(blobs.insert().values(**stored, created_at=at))
                row = {"id": version, "item_id": item, "blob_id": blob, "upload_id": new_id(), "size_bytes": size}
                times = {"created_by": owner, "created_at": at, "modified_at": at, "preview_status": "none"}
                await connection.execute(versions.insert().values(**row, **content, **times))
            made[name] = (item, *ids)
    return made
