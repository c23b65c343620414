"""Walks down what is put into an archive: folder by folder, a page of rows at a time, each entry with its path and where its
content lies. What it holds grows with the folders that wait, not with the files.
"""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import NamedTuple

from coffer_contracts.ids import ItemId
from coffer_files.domain.zip_names import ERRORS_NAME, Names
from coffer_files.handlers.deps import Deps
from coffer_files.store import archives as rows
from coffer_files.store.archives import Below

FOLDERS_AT_ONCE = 50
FIRST_CHILDREN = 20
"""Of each of so many folders; one with more is read alone."""
PAGE = 1000


class Entry(NamedTuple):
    """A file or folder of the archive; `key` and `etag` are None for a folder, and for a file whose content is not there."""

    path: str
    is_folder: bool
    modified_at: datetime
    size_bytes: int
    key: str | None
    etag: str | None


async def walk(deps: Deps, tops: Sequence[ItemId]) -> AsyncGenerator[Entry, None]:
    """Everything at and below `tops` that lives when its page is read; a folder comes before what lies in it."""
    async with deps.work.read() as connection:
        found = await rows.files_among(connection, tops)
    names = Names()
    names.take(ERRORS_NAME, "file")
    waiting: list[tuple[ItemId, str]] = []
    for item_id in tops:
        if item_id in found:
            yield _entry(found[item_id], "", names, waiting)
    while waiting:
        some, waiting[-FOLDERS_AT_ONCE:] = waiting[-FOLDERS_AT_ONCE:], []
        async with deps.work.read() as connection:
            pages = await rows.children_of(connection, [folder_id for folder_id, _ in some], FIRST_CHILDREN)
        for (folder_id, path), first in zip(some, pages, strict=True):
            names, page = Names(), first
            limit = FIRST_CHILDREN
            while page:
                for child in page:
                    yield _entry(child, f"{path}/", names, waiting)
                if len(page) < limit:
                    break
                limit = PAGE
                async with deps.work.read() as connection:
                    (page,) = await rows.children_of(connection, [folder_id], limit, after=page[-1].name_key)


def _entry(item: Below, above: str, names: Names, waiting: list[tuple[ItemId, str]]) -> Entry:
    path = above + names.take(item.name, item.kind)
    if item.kind == "folder":
        waiting.append((item.id, path))
    return Entry(path, item.kind == "folder", item.modified_at, item.size_bytes, item.key, item.etag)
