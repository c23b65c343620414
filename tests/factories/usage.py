"""A house in which things happen on many days, told as facts, and counted as they happen: the naive way that the notifier's
figures are held against.
"""

import random
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from coffer_chassis.ids import new_id
from coffer_contracts import auth, files, sharing, sharing_comments, sharing_links
from coffer_contracts.event import Envelope
from coffer_contracts.files_downloads import ItemDownloadedV1
from coffer_contracts.ids import (
    BlobId,
    CommentId,
    DownloadId,
    GrantId,
    ItemId,
    LinkAccessId,
    LinkId,
    SessionId,
    UploadId,
    UserId,
    VersionId,
)
from coffer_contracts.media import PreviewFailedV1, PreviewOmittedV1
from coffer_notifier.domain.analytics import HOUSE
from factories.telling import registered, signed_in, told
from factories.usage_kept import Figures
from factories.usage_things import Thing

KINDS: tuple[files.MediaKind, ...] = ("image", "video", "text")
REASONS = ("polyglot", "test_virus")


class House:
    """People and their drives, and what happens there: `facts` in the order in which they happen, `expected` what it counts."""

    def __init__(self, seed: int, first: date, *, people: int = 3) -> None:
        self.chance = random.Random(seed)
        self.facts: list[Envelope[Any]] = []
        self.again: list[Envelope[Any]] = []
        """Facts told again by snapshots while things happen."""
        self.people: list[UserId] = []
        self.accounts: list[Envelope[Any]] = []
        self.things: list[Thing] = []
        self.shares: list[sharing.GrantSetV1] = []
        self.links: list[dict[str, Any]] = []
        self._sums: dict[tuple[str, str, date, str], Counter[str]] = defaultdict(Counter)
        self._active: set[tuple[str, date, str]] = set()
        self.now = datetime.combine(first, time(1), UTC)
        for _ in range(people):
            self.register()

    @property
    def expected(self) -> Figures:
        """What has happened, but for what comes to nothing."""
        found = {key: (sums["count"], sums["bytes"]) for key, sums in self._sums.items() if any(sums.values())}
        active = Counter((HOUSE, "active", start, step) for step, start, _ in self._active)
        return found | {key: (count, 0) for key, count in active.items()}

    def sums(self, scope: str) -> dict[str, tuple[int, int]]:
        """What happened in all, by series."""
        found: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for (where, series, _, _), (count, size) in self.expected.items():
            if where == (HOUSE if scope == "house" else scope):
                found[series] = (found[series][0] + count, found[series][1] + size)
        return found

    def run(self, days: int, *, each: int = 12) -> "House":
        """Let things happen for some days."""
        acts = (
            *(self.upload, self.new_version, self.rename, self.make_folder) * 2,
            *(self.purge, self.bring_back_a_version, self.share, self.end_share, self.sign_in, self.register),
            *(self.make_link, self.download_by_link, self.download, self.reject, self.preview, self.restate, self.comment),
        )
        for _ in range(days):
            for _ in range(each):
                self.now += timedelta(minutes=self.chance.randrange(1, 100))
                self.chance.choice(acts)()
            self.now = datetime.combine(self.now.date() + timedelta(days=1), time(1), UTC)
        return self

    def snapshot(self, at: datetime) -> list[Envelope[Any]]:
        """Everything that auth, files and sharing still know, told again."""
        again = [self._account_again(account, at) for account in self.accounts]
        grants = [told(share, source="/sharing", at=at, kind="system") for share in self.shares]
        return [*again, *(thing.told_again(at) for thing in self.things), *grants]

    def register(self) -> None:
        person = UserId(new_id())
        self.people.append(person)
        fact = registered(person, f"p{person[-12:]}", created_at=self.now).model_copy(update={"time": self.now})
        self.accounts.append(fact)
        self.facts.append(fact)
        self._count(HOUSE, "registered", "")

    def sign_in(self) -> None:
        person = self._person()
        self.facts.append(signed_in(person, at=self.now).model_copy(update={"actorid": None, "actorkind": "system"}))
        self._seen(person)

    def make_folder(self) -> None:
        thing = Thing(self._person(), "folder", 0, self.now, self.now)
        self._put(thing, files.ItemCreatedV1)

    def upload(self) -> None:
        thing = Thing(self._person(), self.chance.choice(KINDS), self.chance.randrange(1000), self.now, self.now)
        self._put(thing, files.ItemCommittedV1, upload_id=UploadId(new_id()), is_new=True)
        self._both(thing.owner, "uploads", thing.kind, size=thing.size)

    def new_version(self) -> None:
        if (old := self._file()) is not None:
            kind, size = self.chance.choice(KINDS), self.chance.randrange(1000)
            thing = replace(old, kind=kind, size=size, revision=old.revision + 1, changed=self.now)
            self._put(thing, files.ItemCommittedV1, old, upload_id=UploadId(new_id()), is_new=False)
            self._both(thing.owner, "uploads", thing.kind, size=thing.size)

    def bring_back_a_version(self) -> None:
        if (old := self._file()) is not None:
            thing = replace(old, size=old.size + 7, revision=old.revision + 1, changed=self.now)
            self._put(thing, files.ItemCommittedV1, old, is_new=False)

    def rename(self) -> None:
        if self.things:
            old = self.chance.choice(self.things)
            thing = replace(old, revision=old.revision + 1, changed=self.now)
            self._put(thing, files.ItemChangedV1, old, changes=("name",))

    def purge(self) -> None:
        if not self.things:
            return
        old = self.things.pop(self.chance.randrange(len(self.things)))
        known = {name: value for name, value in old.values().items() if name in files.ItemPurgedV1.model_fields}
        fact = files.ItemPurgedV1(**known, purged_at=self.now)
        self.facts.append(told(fact, actor=old.owner, sequence=old.revision + 1, at=self.now))
        self._both(old.owner, "stored", old.kind, count=-1, size=-old.size)
        self._seen(old.owner)

    def restate(self) -> None:
        """A snapshot comes to somebody's things."""
        later = self.now + timedelta(days=self.chance.randrange(3))
        if self.things:
            self.again.append(self.chance.choice(self.things).told_again(later))
        self.again.append(self._account_again(self.chance.choice(self.accounts), later))
        if self.shares:
            self.again.append(told(self.chance.choice(self.shares), source="/sharing", at=later, kind="system"))

    def share(self) -> None:
        owner = self._person()
        named = {"item_id": ItemId(new_id()), "owner_id": owner, "grantee": f"user/{new_id()}"}
        fact = sharing.GrantSetV1(grant_id=GrantId(new_id()), **named, rights=("read",), granted_by=owner, granted_at=self.now)
        self.shares.append(fact)
        self.facts.append(told(fact, source="/sharing", at=self.now))
        self._both(owner, "shares", "")

    def end_share(self) -> None:
        if self.shares:
            share = self.shares.pop()
            named = share.model_dump(include={"grant_id", "item_id", "owner_id", "grantee"})
            fact = sharing.GrantRemovedV1(**named, reason="revoked", removed_at=self.now)
            self.facts.append(told(fact, source="/sharing", sequence=2, at=self.now))
            self._both(share.owner_id, "shares_ended", "revoked")

    def comment(self) -> None:
        owner, author = self._person(), self._person()
        comment = CommentId(new_id())
        fact = sharing_comments.CommentCreatedV1(
            comment_id=comment,
            thread_id=comment,
            item_id=ItemId(new_id()),
            item_kind="file",
            item_name="x",
            owner_id=owner,
            ancestor_ids=(),
            created_at=self.now,
            changed_at=self.now,
            author_id=author,
            mentioned_ids=(),
            participant_ids=(),
        )
        self.facts.append(told(fact, actor=author, source="/sharing", at=self.now))
        self._both(owner, "comments", "")
        self._seen(author)

    def make_link(self) -> None:
        owner = self._person()
        named = {
            "link_id": LinkId(new_id()),
            "item_id": ItemId(new_id()),
            "item_kind": "folder",
            "item_name": "x",
            "owner_id": owner,
            "created_by": owner,
            "mode": "download",
        }
        self.links.append(named)
        more = {"is_protected": False, "downloads_count": 0, "notify_on_upload": False, "created_at": self.now}
        fact = sharing_links.LinkCreatedV1(**named, **more, changed_at=self.now)
        self.facts.append(told(fact, source="/sharing", at=self.now))
        self._both(owner, "links", "")
        self._seen(owner)

    def download_by_link(self) -> None:
        if self.links:
            link, number = self.chance.choice(self.links), self.chance.randrange(1, 4)
            way = self.chance.choice(("content", "archive"))
            more = {"access_id": LinkAccessId(new_id()), "program": "browser", "session_id": SessionId(new_id())}
            wanted = {"item_ids": [ItemId(new_id()) for _ in range(number)], "way": way, "downloads_count": 1}
            fact = sharing_links.LinkDownloadedV1(**link, **more, **wanted, downloaded_at=self.now)
            self.facts.append(told(fact, actor=link["link_id"], kind="link", source="/sharing", at=self.now))
            self._both(link["owner_id"], "link_downloads", "", count=number if way == "content" else 1)

    def download(self) -> None:
        if (thing := self._file()) is not None:
            known = {name: value for name, value in thing.values().items() if name in ItemDownloadedV1.model_fields}
            fact = ItemDownloadedV1(
                download_id=DownloadId(new_id()), **known, size_bytes=thing.size, way="url", downloaded_at=self.now
            )
            who = self._person()
            self.facts.append(told(fact, actor=who, at=self.now))
            self._both(thing.owner, "downloads", "url", size=thing.size)
            self._seen(who)

    def reject(self) -> None:
        owner, reason = self._person(), self.chance.choice(REASONS)
        fact = files.UploadRejectedV1(
            upload_id=UploadId(new_id()),
            owner_id=owner,
            uploader_id=owner,
            parent_id=ItemId(new_id()),
            name="x",
            size_bytes=5,
            state="rejected",
            reason=reason,
            created_at=self.now,
            changed_at=self.now,
        )
        self.facts.append(told(fact, at=self.now))
        self._both(owner, "rejects", reason, size=5)

    def preview(self) -> None:
        """Of a version it is told twice, as of one whose larger pictures come later."""
        owner = self._person()
        about = {"item_id": ItemId(new_id()), "version_id": VersionId(new_id()), "owner_id": owner}
        more = {"ancestor_ids": (), "blob_id": BlobId(new_id())}
        has_failed = self.chance.random() < 0.5
        for revision in (1, 2):
            fact: Any = PreviewOmittedV1(**about, **more)
            if has_failed:
                fact = PreviewFailedV1(**about, **more, reason="corrupt")
            self.facts.append(told(fact, actor=owner, sequence=revision, source="/media-worker", at=self.now))
        self._both(owner, *(("previews_failed", "corrupt") if has_failed else ("previews_omitted", "")))

    def _put(self, thing: Thing, kind: type[files.ItemFact], old: Thing | None = None, **more: Any) -> None:
        self.facts.append(told(kind(**thing.values(), **more), actor=thing.owner, sequence=thing.revision, at=self.now))
        if old is not None:
            self.things.remove(old)
            self._both(old.owner, "stored", old.kind, count=-1, size=-old.size)
        self.things.append(thing)
        self._both(thing.owner, "stored", thing.kind, size=thing.size)
        self._seen(thing.owner)

    def _account_again(self, account: Envelope[Any], at: datetime) -> Envelope[Any]:
        fact = auth.UserChangedV1(**account.data.model_dump(), changes=())
        return told(fact, source="/auth", at=at, kind="system").model_copy(update={"actorid": None})

    def _person(self) -> UserId:
        return self.chance.choice(self.people)

    def _file(self) -> Thing | None:
        found = [thing for thing in self.things if thing.kind != "folder"]
        return self.chance.choice(found) if found else None

    def _both(self, owner: UserId, series: str, detail: str, *, count: int = 1, size: int = 0) -> None:
        for scope in (HOUSE, owner):
            self._count(scope, series, detail, count=count, size=size)

    def _count(self, scope: str, series: str, detail: str, *, count: int = 1, size: int = 0) -> None:
        self._sums[scope, series, self.now.date(), detail].update(count=count, bytes=size)

    def _seen(self, person: UserId) -> None:
        day = self.now.date()
        monday = day - timedelta(days=day.weekday())
        self._active |= {("day", day, person), ("week", monday, person), ("month", day.replace(day=1), person)}
