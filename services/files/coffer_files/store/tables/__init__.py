"""The tables. What a row may become is the domain's business; how it is read and written stands in the files beside this.

Order of locks, the same everywhere so that nobody waits in a circle: drive, upload, folder above, item.
"""

from coffer_files.store.tables.base import LIVE, Key, chassis, grants, metadata, revocations
from coffer_files.store.tables.changes import changes, feed_compaction, feed_floors
from coffer_files.store.tables.contents import NOT_KEPT, blobs, doomed_blobs, page_pictures, preview_requests, versions
from coffer_files.store.tables.copies import copied_folders
from coffer_files.store.tables.downloads import archives, downloads_told, used_tickets
from coffer_files.store.tables.drives import drives, users
from coffer_files.store.tables.items import items
from coffer_files.store.tables.jobs import jobs
from coffer_files.store.tables.locks import locks
from coffer_files.store.tables.marks import marks
from coffer_files.store.tables.reconciliations import reconciliations
from coffer_files.store.tables.searching import queries, texts
from coffer_files.store.tables.uploads import upload_digests, uploads

__all__ = [
    "LIVE",
    "NOT_KEPT",
    "Key",
    "archives",
    "blobs",
    "changes",
    "chassis",
    "copied_folders",
    "doomed_blobs",
    "downloads_told",
    "drives",
    "feed_compaction",
    "feed_floors",
    "grants",
    "items",
    "jobs",
    "locks",
    "marks",
    "metadata",
    "page_pictures",
    "preview_requests",
    "queries",
    "reconciliations",
    "revocations",
    "texts",
    "upload_digests",
    "uploads",
    "used_tickets",
    "users",
    "versions",
]
