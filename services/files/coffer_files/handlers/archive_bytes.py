"""The bytes of an archive: made while they are taken, at the pace at which they are taken.

Small files are fetched a few ahead, because each costs a round trip to the bucket; large ones pass through piece by piece. A
file that is gone by the time its turn comes is left out and named in `_errors.txt`; one that breaks off in its middle breaks
the archive off, since a client must not take half a file for a whole one.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import NamedTuple

import structlog
from aiohttp import ClientError as ConnectionFailed
from botocore.exceptions import BotoCoreError

from coffer_chassis.blobs import BlobChanged, BlobMissing
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_files.domain.zip_names import ERRORS_NAME
from coffer_files.domain.zips import ZipWriter
from coffer_files.handlers.archive_walk import Entry, walk
from coffer_files.handlers.archives import readable
from coffer_files.handlers.deps import Deps
from coffer_files.store.archives import Archive

SMALL_BYTES = 256 * 1024
"""Fetched as a whole, and ahead."""
AHEAD = 8
"""Entries that are looked at before their turn: so many requests to the bucket are under way at once, and one large file."""
RESUMES = 3
"""How often a large file is taken up where its connection broke."""
JUDGE_EVERY = timedelta(minutes=1)
TOGETHER_BYTES = 64 * 1024
"""Of small pieces, so that a folder of tiny files is not sent in packets of a hundred bytes."""
MOST_ERRORS = 1000
GONE = "it was removed while the archive was made"
LOST = "it is no longer there for you"

log = structlog.get_logger(__name__)


class BrokenOff(Exception):
    """The content of a file ended before its end, and more of it is not to be had."""


class _Ready(NamedTuple):
    entry: Entry
    content: asyncio.Task[bytes | None] | None


async def archive_bytes(deps: Deps, archive: Archive) -> AsyncGenerator[bytes, None]:
    """The whole archive. Rights are judged at its beginning, and every minute for what is still to come.

    Raises BrokenOff, and whatever the bucket raises when it is away. Closing it ends every request to the bucket.
    """
    writer, pieces = ZipWriter(), bytearray()
    errors: list[str] = []
    async with aclosing(_ahead(deps, _entries(deps, archive, errors))) as ready:
        async for entry, fetched in ready:
            if entry.is_folder:
                pieces += writer.folder(entry.path, entry.modified_at)
            elif fetched is not None:
                content = await fetched
                if content is None:
                    _note(errors, entry.path, GONE)
                else:
                    pieces += writer.whole(entry.path, entry.modified_at, content)
            else:
                yield bytes(pieces)
                pieces.clear()
                async with aclosing(_large(deps, writer, entry, errors)) as large:
                    async for piece in large:
                        yield piece
            if len(pieces) >= TOGETHER_BYTES:
                yield bytes(pieces)
                pieces.clear()
    if errors:
        told = "These are missing in this archive:\r\n\r\n" + "".join(f"{line}\r\n" for line in errors)
        pieces += writer.whole(ERRORS_NAME, deps.work.clock.now(), told.encode())
        log.info("archive_incomplete", archive_id=archive.id, missing=len(errors))
    yield bytes(pieces)
    for piece in writer.close():
        yield piece


def _note(errors: list[str], path: str, why: str) -> None:
    if len(errors) < MOST_ERRORS:
        errors.append(f"{path}: {why}")
    elif len(errors) == MOST_ERRORS:
        errors.append("... and more")


async def _entries(deps: Deps, archive: Archive, errors: list[str]) -> AsyncGenerator[Entry, None]:
    """What goes in, as long as whoever asked may have it and it is not more than an archive holds."""
    clock, settings = deps.work.clock, deps.settings
    tops = archive.item_ids
    async with deps.work.read() as connection:
        seen = await readable(connection, archive.grantee, tops, clock.now())
    origin = Origin(archive.actor_id, archive.actor_kind, new_id())
    for one in seen:
        size = one.item.size_bytes if one.item.kind == "file" else None
        deps.downloads.note(origin, one, "archive", version_id=one.item.version_id, size_bytes=size)
    if len(seen) < len(tops):
        _note(errors, f"{len(tops) - len(seen)} of what was asked for", LOST)
    judged_at, count, size_bytes = clock.now(), 0, 0
    async with aclosing(walk(deps, [one.item.id for one in seen])) as entries:
        async for entry in entries:
            count, size_bytes = count + 1, size_bytes + entry.size_bytes
            if count > settings.archive_max_files or size_bytes > settings.archive_max_bytes:
                _note(errors, entry.path, "and all that follows: an archive holds no more")
                return
            if clock.now() - judged_at >= JUDGE_EVERY:
                async with deps.work.read() as connection:
                    still = await readable(connection, archive.grantee, [one.item.id for one in seen], clock.now())
                if len(still) < len(seen) or archive.session_id in deps.denied.revocations:
                    _note(errors, entry.path, f"and all that follows: {LOST}")
                    return
                judged_at = clock.now()
            yield entry


async def _ahead(deps: Deps, entries: AsyncGenerator[Entry, None]) -> AsyncGenerator[_Ready, None]:
    """The entries in their order, the next few small files being fetched already."""
    waiting: deque[_Ready] = deque()
    try:
        async with aclosing(entries):
            async for entry in entries:
                is_small = not entry.is_folder and (entry.key is None or entry.size_bytes <= SMALL_BYTES)
                waiting.append(_Ready(entry, asyncio.create_task(_small(deps, entry)) if is_small else None))
                if len(waiting) > AHEAD:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
    finally:
        fetching = [one.content for one in waiting if one.content is not None]
        for task in fetching:
            task.cancel()
        await asyncio.gather(*fetching, return_exceptions=True)


async def _small(deps: Deps, entry: Entry) -> bytes | None:
    if entry.key is None:
        return None
    try:
        return await deps.blobs.read(entry.key, etag=entry.etag)
    except (BlobMissing, BlobChanged):
        return None


async def _large(deps: Deps, writer: ZipWriter, entry: Entry, errors: list[str]) -> AsyncGenerator[bytes, None]:
    """Header, content and what follows it; nothing if the object is gone."""
    sent = 0
    async with aclosing(_content(deps, entry)) as content:
        try:
            async for piece in content:
                if not sent:
                    yield writer.begin(entry.path, entry.modified_at, entry.size_bytes)
                writer.add(piece)
                sent += len(piece)
                yield piece
        except (BlobMissing, BlobChanged) as error:
            if sent:
                raise BrokenOff from error
            _note(errors, entry.path, GONE)
            return
    yield writer.end()


async def _content(deps: Deps, entry: Entry) -> AsyncGenerator[bytes, None]:
    """The bytes of a large file, taken up anew where a connection breaks."""
    sent = failures = 0
    while sent < entry.size_bytes:
        try:
            async with deps.blobs.stream(entry.key or "", first=sent, etag=entry.etag) as pieces:
                async for piece in pieces:
                    sent += len(piece)
                    yield piece
        except (ConnectionFailed, OSError, BotoCoreError) as error:
            log.warning("content_broke_off", error=type(error).__name__)
        failures += 1
        if sent < entry.size_bytes and failures > RESUMES:
            raise BrokenOff(f"{sent} of {entry.size_bytes} bytes")
