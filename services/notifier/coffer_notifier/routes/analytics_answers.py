"""How usage figures look on the wire."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import msgspec

from coffer_notifier.domain import analytics as counted
from coffer_notifier.handlers.analytics import Point

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "users": (counted.REGISTERED, counted.ACTIVE),
    "uploads": (counted.UPLOADS,),
    "previews": (counted.PREVIEWS_MADE, counted.PREVIEWS_OMITTED, counted.PREVIEWS_FAILED),
    "rejects": (counted.REJECTS,),
    "shares": (counted.SHARES, counted.SHARES_ENDED),
    "comments": (counted.COMMENTS,),
    "links": (counted.LINKS, counted.LINK_DOWNLOADS),
    "downloads": (counted.DOWNLOADS,),
    "stored": (counted.STORED,),
}
"""What can be asked for, and what is counted for it."""


class UsersAnswer(msgspec.Struct, frozen=True):
    """Accounts that were made; and persons who signed in, changed, shared, commented or downloaded something, once a step."""

    registered: int
    active: int


class KindAnswer(msgspec.Struct, frozen=True):
    """Files of one kind."""

    count: int
    bytes: int


class UploadsAnswer(msgspec.Struct, frozen=True):
    """Uploads that became files or versions, by the kind of their content (`image`, `video`, ...)."""

    count: int
    bytes: int
    by_kind: dict[str, KindAnswer]


class PreviewsAnswer(msgspec.Struct, frozen=True):
    """Versions of files of which previews were made, of which there are none, and of which they failed, by reason."""

    made: int
    omitted: int
    failed: int
    failed_by_reason: dict[str, int]


class RejectsAnswer(msgspec.Struct, frozen=True):
    """Uploads that were refused, by reason."""

    count: int
    bytes: int
    by_reason: dict[str, int]


class SharesAnswer(msgspec.Struct, frozen=True):
    """Shares with people that were made and that ended."""

    created: int
    ended: int
    ended_by_reason: dict[str, int]


class CommentsAnswer(msgspec.Struct, frozen=True):
    """Comments that were written, also those that are gone by now."""

    created: int


class LinksAnswer(msgspec.Struct, frozen=True):
    """Public links that were made, and downloads that they gave leave for."""

    created: int
    downloads: int


class DownloadsAnswer(msgspec.Struct, frozen=True):
    """Downloads of people and of visitors of links; of archives there are no bytes."""

    count: int
    bytes: int


class StoredAnswer(msgspec.Struct, frozen=True):
    """What there is when the step is over, trash included and older versions not; and what came in it, below zero what went."""

    files: int
    folders: int
    bytes: int
    files_added: int
    folders_added: int
    bytes_added: int
    by_kind: dict[str, KindAnswer]


class PointAnswer(msgspec.Struct, frozen=True):
    """One step, named by its first day. Null is what was not asked for; `users` is told of the whole house only."""

    start: str
    users: UsersAnswer | None
    uploads: UploadsAnswer | None
    previews: PreviewsAnswer | None
    rejects: RejectsAnswer | None
    shares: SharesAnswer | None
    comments: CommentsAnswer | None
    links: LinksAnswer | None
    downloads: DownloadsAnswer | None
    stored: StoredAnswer | None


def series_of(groups: Iterable[str]) -> list[str]:
    """What is counted for these groups."""
    return [series for group in groups for series in GROUPS[group]]


def point_answer(point: Point, groups: Collection[str]) -> PointAnswer:
    """A step with the groups that were asked for."""

    def number(series: str) -> int:
        return point.sum_of(series)[0]

    def by_detail(series: str) -> dict[str, int]:
        return {detail: count for detail, (count, _) in sorted(point.counted.get(series, {}).items())}

    uploads, rejects, downloads = (point.sum_of(one) for one in (counted.UPLOADS, counted.REJECTS, counted.DOWNLOADS))
    parts: dict[str, Any] = {
        "users": UsersAnswer(number(counted.REGISTERED), number(counted.ACTIVE)),
        "uploads": UploadsAnswer(*uploads, _kinds(point.counted.get(counted.UPLOADS, {}))),
        "previews": PreviewsAnswer(
            number(counted.PREVIEWS_MADE),
            number(counted.PREVIEWS_OMITTED),
            number(counted.PREVIEWS_FAILED),
            by_detail(counted.PREVIEWS_FAILED),
        ),
        "rejects": RejectsAnswer(*rejects, by_detail(counted.REJECTS)),
        "shares": SharesAnswer(number(counted.SHARES), number(counted.SHARES_ENDED), by_detail(counted.SHARES_ENDED)),
        "comments": CommentsAnswer(number(counted.COMMENTS)),
        "links": LinksAnswer(number(counted.LINKS), number(counted.LINK_DOWNLOADS)),
        "downloads": DownloadsAnswer(*downloads),
        "stored": _stored(point),
    }
    return PointAnswer(point.start.isoformat(), **{name: parts[name] if name in groups else None for name in GROUPS})


def _stored(point: Point) -> StoredAnswer:
    added = point.counted.get(counted.STORED, {})
    folders, folders_added = (one.get(counted.FOLDER, (0, 0))[0] for one in (point.stored, added))
    files = {kind: held for kind, held in point.stored.items() if kind != counted.FOLDER}
    return StoredAnswer(
        files=sum(count for count, _ in files.values()),
        folders=folders,
        bytes=sum(size for _, size in files.values()),
        files_added=point.sum_of(counted.STORED)[0] - folders_added,
        folders_added=folders_added,
        bytes_added=point.sum_of(counted.STORED)[1],
        by_kind=_kinds(files),
    )


def _kinds(sums: Mapping[str, tuple[int, int]]) -> dict[str, KindAnswer]:
    return {kind: KindAnswer(*held) for kind, held in sorted(sums.items())}
