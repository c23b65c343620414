"""What a fact adds to the usage figures, as sets and not as counters: each thing that is counted has a key of its own, so it
counts once however often, in whatever order and under whatever id it is told. Pure.

Nothing here keeps a name or an address. A key is a digest of ids, which leads back to nobody who does not know them.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from coffer_contracts import auth, files, files_downloads, media, sharing, sharing_comments, sharing_links
from coffer_contracts.event import Envelope, Event
from coffer_contracts.ids import ItemId, UserId
from coffer_notifier.domain.calendar import STEPS, end_of, start_of

HOUSE: Final = "00000000-0000-0000-0000-000000000000"
"""The scope of all drives together; any other scope is the owner of one."""

REGISTERED: Final = "registered"
ACTIVE: Final = "active"
UPLOADS: Final = "uploads"
PREVIEWS_MADE: Final = "previews_made"
PREVIEWS_OMITTED: Final = "previews_omitted"
PREVIEWS_FAILED: Final = "previews_failed"
REJECTS: Final = "rejects"
SHARES: Final = "shares"
SHARES_ENDED: Final = "shares_ended"
COMMENTS: Final = "comments"
LINKS: Final = "links"
LINK_DOWNLOADS: Final = "link_downloads"
DOWNLOADS: Final = "downloads"
STORED: Final = "stored"

SERIES: Final = (
    REGISTERED,
    ACTIVE,
    UPLOADS,
    PREVIEWS_MADE,
    PREVIEWS_OMITTED,
    PREVIEWS_FAILED,
    REJECTS,
    SHARES,
    SHARES_ENDED,
    COMMENTS,
    LINKS,
    LINK_DOWNLOADS,
    DOWNLOADS,
    STORED,
)
"""Everything that is counted per day."""

HOUSE_ONLY: Final = frozenset({REGISTERED, ACTIVE})
"""What is said of all drives together only: who comes and goes in one drive is nobody's figure."""

FOLDER: Final = "folder"
DETAIL_LENGTH: Final = 64


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened once. `closes_on` is the last day on which another fact may make the same mark; None for marks
    that are kept for good, because what they count is told again at any time.
    """

    key: str
    series: str
    detail: str
    day: date
    closes_on: date | None
    owner_id: UserId | None
    count: int = 1
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How an item stands after a revision: what it adds to what is stored, until another revision or its end."""

    item_id: ItemId
    sequence: int
    owner_id: UserId
    kind: str
    """Of a file the kind of its content, else `folder`."""
    size_bytes: int
    day: date
    created_on: date
    seen_on: date
    """The last day on which it is known to have stood so: the day itself, or that of the snapshot that tells of it."""
    is_gone: bool = False


def day_of(moment: datetime) -> date:
    """The day in UTC."""
    return moment.astimezone(UTC).date()


def standing_of(event: Envelope[Event]) -> Standing | None:
    """How the item of a fact stands after it; None for other facts.

    What counts is made of what the fact says of the item, and not of its envelope: told again by a snapshot, a revision says
    the same.
    """
    fact = event.data
    if isinstance(fact, files.ItemPurgedV1):
        day = day_of(fact.purged_at)
        return Standing(fact.item_id, event.revision, fact.owner_id, fact.kind, 0, day, day, day, is_gone=True)
    if not isinstance(fact, files.ItemFact):
        return None
    kind = FOLDER if fact.kind == "folder" else fact.content.media_kind if fact.content else "other"
    size = fact.content.size_bytes if fact.content else 0
    made, changed = day_of(fact.created_at), day_of(fact.changed_at)
    is_told_again = isinstance(fact, files.ItemChangedV1) and not fact.changes
    seen = day_of(event.time) if is_told_again else changed
    return Standing(fact.item_id, event.revision, fact.owner_id, kind, size, changed, min(made, changed), seen)


def marks_of(event: Envelope[Event]) -> list[Mark]:
    """What a fact counts."""
    return [*_of_drives(event), *_of_previews(event), *_of_sharing(event), *_of_people(event)]


def _of_drives(event: Envelope[Any]) -> Iterator[Mark]:
    fact = event.data
    match fact:
        case auth.UserFact():
            yield _kept(REGISTERED, fact.created_at, fact.user_id)
        case files.ItemCommittedV1() if fact.upload_id and fact.content:
            size, kind = fact.content.size_bytes, fact.content.media_kind
            yield _once(UPLOADS, kind, fact.changed_at, fact.owner_id, fact.upload_id, size=size)
        case files.UploadRejectedV1():
            said = (fact.upload_id, event.sequence)
            yield _once(REJECTS, fact.reason or "", fact.changed_at, fact.owner_id, *said, size=fact.size_bytes)
        case files_downloads.ItemDownloadedV1():
            size = fact.size_bytes or 0
            yield _once(DOWNLOADS, fact.way, fact.downloaded_at, fact.owner_id, fact.download_id, size=size)


def _of_previews(event: Envelope[Any]) -> Iterator[Mark]:
    fact = event.data
    match fact:
        case media.PreviewReadyV1():
            yield _once_a_day(PREVIEWS_MADE, "", event.time, fact.owner_id, fact.version_id)
        case media.PreviewOmittedV1():
            yield _once_a_day(PREVIEWS_OMITTED, "", event.time, fact.owner_id, fact.version_id)
        case media.PreviewFailedV1():
            yield _once_a_day(PREVIEWS_FAILED, fact.reason, event.time, fact.owner_id, fact.version_id)


def _of_sharing(event: Envelope[Any]) -> Iterator[Mark]:
    fact = event.data
    match fact:
        case sharing.GrantSetV1() if fact.grantee.startswith("user/"):
            yield _once(SHARES, "", fact.granted_at, fact.owner_id, fact.grant_id)
        case sharing.GrantRemovedV1() if fact.grantee.startswith("user/"):
            yield _once(SHARES_ENDED, fact.reason, fact.removed_at, fact.owner_id, fact.grant_id)
        case sharing_comments.CommentCreatedV1():
            yield _once(COMMENTS, "", fact.created_at, fact.owner_id, fact.comment_id)
        case sharing_links.LinkFact():
            yield _once(LINKS, "", fact.created_at, fact.owner_id, fact.link_id)
        case sharing_links.LinkDownloadedV1():
            # As the link itself counts them: each file, or one archive.
            count = len(fact.item_ids) if fact.way == "content" else 1
            yield _once(LINK_DOWNLOADS, "", fact.downloaded_at, fact.owner_id, fact.access_id, count=count)


_DONE_BY_PEOPLE = (
    files.ItemFact,
    files.ItemPurgedV1,
    files_downloads.ItemDownloadedV1,
    sharing.ShareFact,
    sharing_comments.CommentFact,
    sharing_links.LinkFact,
)
"""Facts whose actor did it just then. What media tells names who uploaded, maybe long ago."""


def _of_people(event: Envelope[Any]) -> Iterator[Mark]:
    """That somebody was active, on that day, in that week and in that month: days added up would count a person many times."""
    fact = event.data
    if isinstance(fact, auth.SessionCreatedV1):
        who: str | None = fact.user_id
    elif isinstance(fact, _DONE_BY_PEOPLE) and event.actorkind in {"user", "token"}:
        who = event.actorid
    else:
        who = None
    if who is None:
        return
    day = day_of(event.time)
    for step in STEPS:
        start = start_of(day, step)
        key = _key(start, ACTIVE, step, who)
        yield Mark(key, ACTIVE, step, start, end_of(day, step), None)


def _once(series: str, detail: str, at: datetime, owner_id: UserId, *subject: str, size: int = 0, count: int = 1) -> Mark:
    """Something that has one moment, which every fact about it says alike."""
    day = day_of(at)
    return Mark(_key(day, series, *subject), series, detail[:DETAIL_LENGTH], day, day, owner_id, count, size)


def _once_a_day(series: str, detail: str, at: datetime, owner_id: UserId, subject: str) -> Mark:
    """Something that may be told several times, e.g. first with few pictures and then with all, and counts once for a day."""
    day = day_of(at)
    return Mark(_key(day, series, detail, subject), series, detail[:DETAIL_LENGTH], day, day, owner_id)


def _kept(series: str, at: datetime, subject: str) -> Mark:
    day = day_of(at)
    return Mark(_key(day, series, subject), series, "", day, None, None)


def _key(day: date, *parts: str) -> str:
    """Beginning with the day, so that what is told today lies together in the store."""
    digest = hashlib.sha256("\x00".join(parts).encode("utf-8", "replace")).digest()
    return str(UUID(bytes=day.toordinal().to_bytes(4, "big") + digest[:12]))
