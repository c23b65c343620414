"""Facts as the notifier hears them: people, drives, grants and shares, with as little said as a test needs."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from coffer_chassis.ids import new_id
from coffer_contracts.auth import (
    LoginFailedV1,
    SessionCreatedV1,
    SessionReuseDetectedV1,
    SessionRevokedV1,
    UserRegisteredV1,
)
from coffer_contracts.catalog import parse
from coffer_contracts.event import Envelope, Event, rfc3339
from coffer_contracts.files import (
    ContentFact,
    ItemChangedV1,
    ItemCommittedV1,
    ItemCreatedV1,
    ItemFact,
    ItemPurgedV1,
    ItemTrashedV1,
    UploadFact,
    UsageCrossedV1,
    VersionDeletedV1,
)
from coffer_contracts.files_downloads import ItemDownloadedV1
from coffer_contracts.files_jobs import JobFinishedV1
from coffer_contracts.ids import (
    BlobId,
    DownloadId,
    EventId,
    GrantId,
    InvitationId,
    ItemId,
    JobId,
    PhotoId,
    SessionId,
    ShareId,
    UploadId,
    UserId,
    VersionId,
    WebhookId,
)
from coffer_contracts.media import PhotoRejectedV1, PreviewFailedV1, PreviewImage, PreviewOmittedV1, PreviewReadyV1
from coffer_contracts.notifier import WebhookDisabledV1
from coffer_contracts.sharing import (
    FieldChange,
    GrantRemovedV1,
    GrantSetV1,
    ShareChangedV2,
    ShareCreatedV1,
    ShareFact,
    ShareLeftV1,
    ShareRevokedV1,
)
from coffer_contracts.sharing_invitations import InvitationEndedV1
from factories.events import NOON, arrived
from factories.golden import GOLDEN, raw_message
from factories.golden import wire_type as golden_type

E = TypeVar("E", bound=Event)
I = TypeVar("I", bound=ItemFact)  # noqa: E741  # a fact about an item
S = TypeVar("S", bound=ShareFact)
U = TypeVar("U", bound=UploadFact)


def told(
    event: E, *, actor: str | None = None, sequence: int = 1, source: str = "/files", at: datetime = NOON, kind: str = "user"
) -> Envelope[E]:
    """The fact in its envelope, by an actor at a time."""
    known = actor if actor is not None else event.owner
    return arrived(event, sequence=sequence, source=source).model_copy(update={"actorid": known, "actorkind": kind, "time": at})


def of_link(fact: Envelope[E]) -> Envelope[E]:
    """The same, as it is told of what a visitor of a public link did."""
    return fact.model_copy(update={"actorkind": "link"})


def user_id() -> UserId:
    """Somebody new."""
    return UserId(new_id())


def registered(user: UserId, username: str = "ada", **changes: Any) -> Envelope[UserRegisteredV1]:
    """Somebody made an account."""
    values: dict[str, Any] = {
        "username": username,
        "email": f"{username}@example.org",
        "email_verified": False,
        "display_name": username.title(),
        "locale": "en",
        "status": "active",
        "created_at": NOON,
    }
    return told(UserRegisteredV1(user_id=user, **{**values, **changes}), source="/auth")


def session_revoked(session_id: str, user: UserId, until: datetime) -> Envelope[SessionRevokedV1]:
    """A session ended early."""
    fact = SessionRevokedV1(
        session_id=SessionId(session_id), user_id=user, reason="logout", revoked_at=NOON, tokens_expire_at=until
    )
    return told(fact, source="/auth")


def photo_rejected(user: UserId) -> Envelope[PhotoRejectedV1]:
    """What somebody sent as a photo of themselves was none."""
    fact = PhotoRejectedV1(
        photo_id=PhotoId(new_id()), user_id=user, etag="an-etag", reason="not_an_image", detail="The file is no picture."
    )
    return told(fact, source="/media-worker", kind="system")


def usage_crossed(user: UserId, percent: int = 80) -> Envelope[UsageCrossedV1]:
    """Somebody's drive fills."""
    fact = UsageCrossedV1(owner_id=user, percent=percent, used_bytes=percent, quota_bytes=100, crossed_at=NOON)
    return told(fact)


def job_finished(
    asked_by: UserId, owner: UserId | None = None, state: str = "succeeded", **more: Any
) -> Envelope[JobFinishedV1]:
    """What somebody asked for has come to its end."""
    known: dict[str, Any] = {
        "job_id": JobId(new_id()),
        "kind": "copy",
        "owner_id": owner or asked_by,
        "asked_by": asked_by,
        "state": state,
        "done_count": 3,
        "size_bytes": 300,
        "created_at": NOON,
        "ended_at": NOON,
    }
    return told(JobFinishedV1(**(known | more)))


def webhook_disabled(user: UserId, reason: str = "failing") -> Envelope[WebhookDisabledV1]:
    """Somebody's webhook was turned off."""
    fact = WebhookDisabledV1(
        webhook_id=WebhookId(new_id()),
        owner_id=user,
        reason=reason,
        host="hooks.example.org",
        first_failed_at=NOON,
        disabled_at=NOON,
    )
    return told(fact, source="/notifier", kind="system")


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def signed_in(
    user: UserId, *, address: str | None = "203.0.113.7", agent: str | None = FIREFOX, at: datetime = NOON, **changes: Any
) -> Envelope[SessionCreatedV1]:
    """Somebody signed in."""
    session = SessionId(new_id())
    fact = SessionCreatedV1(
        session_id=session,
        user_id=user,
        address=address,
        agent=agent,
        created_at=at,
        expires_at=at + timedelta(days=30),
        **changes,
    )
    return told(fact, source="/auth", at=at)


def reuse_detected(user: UserId, *, address: str | None = "198.51.100.9") -> Envelope[SessionReuseDetectedV1]:
    """A spent refresh token was shown again, by somebody who is not signed in."""
    fact = SessionReuseDetectedV1(
        session_id=SessionId(new_id()), user_id=user, address=address, agent="curl/8.5.0", detected_at=NOON
    )
    return told(fact, source="/auth", kind="system").model_copy(update={"actorid": None})


def login_failed(user: UserId, *, address: str | None = "198.51.100.9", failures: int = 3) -> Envelope[LoginFailedV1]:
    """Somebody who is not signed in mistyped a password, or guessed."""
    fact = LoginFailedV1(
        user_id=user,
        reason="invalid_credentials",
        address=address,
        agent="curl/8.5.0",
        failed_at=NOON,
        failures=failures,
    )
    return told(fact, source="/auth", kind="system", sequence=failures).model_copy(update={"actorid": None})


def sample(wire_type: str, user: UserId) -> Envelope[Any]:
    """The golden message of a fact that says most, about this account or its drive and now."""
    raw = max((raw_message(path.stem) for path in GOLDEN if golden_type(path) == wire_type), key=lambda one: len(one["data"]))
    text = json.dumps(raw).replace(raw["data"].get("user_id", raw["ownerid"]), user)
    return parse(text).model_copy(update={"id": EventId(new_id()), "time": NOON})


@dataclass(frozen=True)
class Item:
    """A file or folder of a drive, from which facts about it are made."""

    owner: UserId
    above: tuple[ItemId, ...] = ()
    kind: str = "file"
    name: str = "photo.jpg"
    id: ItemId = field(default_factory=lambda: ItemId(new_id()))

    def below(self, name: str = "photo.jpg", kind: str = "file") -> "Item":
        """A new item in this folder."""
        return Item(self.owner, (*self.above, self.id), kind, name)

    def moved_to(self, folder: "Item") -> "Item":
        """The same item elsewhere."""
        return Item(self.owner, (*folder.above, folder.id), self.kind, self.name, self.id)

    def values(self) -> dict[str, Any]:
        """What every fact about the item says."""
        return {
            "item_id": self.id,
            "kind": self.kind,
            "owner_id": self.owner,
            "parent_id": self.above[-1] if self.above else None,
            "ancestor_ids": self.above,
            "name": self.name,
            "created_by": self.owner,
            "created_at": NOON,
            "modified_at": NOON,
            "changed_at": NOON,
        }

    def created(self, **envelope: Any) -> Envelope[ItemCreatedV1]:
        """The folder was made."""
        return told(ItemCreatedV1(**self.values()), **envelope)

    def committed(
        self, *, size: int = 100, upload_id: str | None = None, uploader_name: str | None = None, **envelope: Any
    ) -> Envelope[ItemCommittedV1]:
        """The file is there."""
        fact = ItemCommittedV1(
            **self.values(),
            content=content(size),
            upload_id=UploadId(upload_id or new_id()),
            is_new=True,
            uploader_name=uploader_name,
        )
        return told(fact, **envelope)

    def replaced(self, *, size: int, before: int, **envelope: Any) -> Envelope[ItemCommittedV1]:
        """The file has a new version."""
        fact = ItemCommittedV1(
            **self.values(),
            content=content(size),
            is_new=False,
            previous_version_id=VersionId(new_id()),
            previous_size_bytes=before,
        )
        return told(fact, **{"sequence": 2, **envelope})

    def changed(self, *changes: str, **envelope: Any) -> Envelope[ItemChangedV1]:
        """Something about it changed; without changes it is told again."""
        known = ("previous_name", "previous_parent_id", "previous_modified_at", "previous_tags", "tags")
        more = {name: envelope.pop(name) for name in known if name in envelope}
        return told(ItemChangedV1(**self.values(), changes=changes, **more), **{"sequence": 2, **envelope})

    def as_(self, kind: type[I], **envelope: Any) -> Envelope[I]:
        """Any other fact about it."""
        more = {name: envelope.pop(name) for name in ("previous_name", "previous_parent_id") if name in envelope}
        trashed = {"trashed_at": NOON} if kind is ItemTrashedV1 else {}
        return told(kind(**self.values(), **trashed, **more), **{"sequence": 2, **envelope})

    def purged(self, **envelope: Any) -> Envelope[ItemPurgedV1]:
        """It is gone for good."""
        values = self.values()
        known = {name: values[name] for name in ("item_id", "kind", "owner_id", "parent_id", "ancestor_ids", "name")}
        return told(ItemPurgedV1(**known, purged_at=NOON), **{"sequence": 9, **envelope})

    def version_deleted(self, *, size: int = 5, reason: str = "deleted", **envelope: Any) -> Envelope[VersionDeletedV1]:
        """An older version of it is gone for good."""
        fact = VersionDeletedV1(
            version_id=VersionId(new_id()),
            item_id=self.id,
            owner_id=self.owner,
            ancestor_ids=self.above,
            blob_id=BlobId(new_id()),
            size_bytes=size,
            reason=reason,
            deleted_at=NOON,
            item_name=self.name,
        )
        return told(fact, **envelope)

    def preview_ready(self, **envelope: Any) -> Envelope[PreviewReadyV1]:
        """Its pictures are there."""
        image = PreviewImage(box_pixels=400, key="previews/x/400", mime_type="image/webp", width=4, height=3, size_bytes=9)
        return told(PreviewReadyV1(**self._previewed(), images=(image,)), source="/media-worker", **envelope)

    def preview_omitted(self, **envelope: Any) -> Envelope[PreviewOmittedV1]:
        """It has no pictures."""
        return told(PreviewOmittedV1(**self._previewed()), source="/media-worker", **envelope)

    def preview_failed(self, reason: str = "corrupt", **envelope: Any) -> Envelope[PreviewFailedV1]:
        """There will be no pictures."""
        return told(PreviewFailedV1(**self._previewed(), reason=reason), source="/media-worker", **envelope)

    def _previewed(self) -> dict[str, Any]:
        return {
            "item_id": self.id,
            "version_id": VersionId(new_id()),
            "owner_id": self.owner,
            "ancestor_ids": self.above,
            "blob_id": BlobId(new_id()),
        }


def content(size: int) -> ContentFact:
    """Some bytes."""
    return ContentFact(
        version_id=VersionId(new_id()),
        blob_id=BlobId(new_id()),
        blob_key="blobs/x/y",
        etag="e1",
        size_bytes=size,
        mime_type="image/jpeg",
        media_kind="image",
    )


def drive(owner: UserId) -> Item:
    """The root folder of somebody."""
    return Item(owner, (), "folder", "")


def _text(value: datetime | str | None) -> str | None:
    return rfc3339(value) if isinstance(value, datetime) else value


@dataclass(frozen=True)
class Share:
    """A share of an item with somebody, from which facts about it and its grant are made."""

    item: Item
    recipient: UserId
    role: str = "viewer"
    expires_at: datetime | None = None
    id: str = field(default_factory=new_id)

    def granted(self, *, sequence: int = 1) -> Envelope[GrantSetV1]:
        """The grant that it makes."""
        rights = ("read",) if self.role == "viewer" else ("read", "write", "delete")
        fact = GrantSetV1(
            **self._grant(), rights=rights, expires_at=self.expires_at, granted_by=self.item.owner, granted_at=NOON
        )
        return told(fact, sequence=sequence, source="/sharing")

    def removed(self, reason: str = "revoked", *, sequence: int = 2) -> Envelope[GrantRemovedV1]:
        """The grant is over."""
        fact = GrantRemovedV1(**self._grant(), reason=reason, removed_at=NOON)
        return told(fact, sequence=sequence, source="/sharing")

    def created(self, *, message: str | None = None, notify: bool = False, at: datetime = NOON) -> Envelope[ShareCreatedV1]:
        """Somebody was given something."""
        return self._told(ShareCreatedV1, at=at, message=message, notify=notify)

    def changed(self, *changes: str, at: datetime = NOON, **before: Any) -> Envelope[ShareChangedV2]:
        """It says something else now; `previous_<field>` says what it was, `viewer` and never if nothing does."""
        was = {"previous_role": "viewer", **before}
        told = tuple(
            FieldChange(field=name, before=_text(was.get(f"previous_{name}")), after=_text(getattr(self, name)))
            for name in changes
        )
        return self._told(ShareChangedV2, at=at, sequence=2, changes=told)

    def revoked(self, reason: str = "revoked", *, at: datetime = NOON) -> Envelope[ShareRevokedV1]:
        """It was taken back, or ended by itself."""
        system = reason != "revoked"
        fact = self._told(ShareRevokedV1, at=at, sequence=3, reason=reason, revoked_at=NOON)
        return fact.model_copy(update={"actorid": None, "actorkind": "system"}) if system else fact

    def left(self, *, at: datetime = NOON) -> Envelope[ShareLeftV1]:
        """The recipient gave it up."""
        return self._told(ShareLeftV1, at=at, sequence=3, left_at=NOON).model_copy(update={"actorid": self.recipient})

    def _grant(self) -> dict[str, Any]:
        return {
            "grant_id": GrantId(self.id),
            "item_id": self.item.id,
            "owner_id": self.item.owner,
            "grantee": f"user/{self.recipient}",
        }

    def _told(self, kind: type[S], *, at: datetime, sequence: int = 1, **more: Any) -> Envelope[S]:
        fact = kind(
            share_id=ShareId(self.id),
            item_id=self.item.id,
            item_kind=self.item.kind,
            item_name=self.item.name,
            owner_id=self.item.owner,
            granted_by=self.item.owner,
            recipient_id=self.recipient,
            role=self.role,
            expires_at=self.expires_at,
            created_at=NOON,
            changed_at=NOON,
            **more,
        )
        return told(fact, sequence=sequence, source="/sharing", at=at)


def downloaded(item: Item, actor: str, *, kind: str = "user") -> Any:
    """Somebody fetched a file."""
    fact = ItemDownloadedV1(
        download_id=DownloadId(new_id()),
        item_id=item.id,
        kind="file",
        owner_id=item.owner,
        parent_id=item.above[-1],
        ancestor_ids=item.above,
        name=item.name,
        version_id=VersionId(new_id()),
        size_bytes=5,
        way="url",
        downloaded_at=NOON,
    )
    return told(fact, actor=actor, kind=kind)


def upload_ended(folder: Item, uploader: UserId, kind: type[U], *, name: str = "bad.exe", **more: Any) -> Envelope[U]:
    """An upload came to its end, or waits."""
    states = {"Conflicted": "conflict", "Rejected": "rejected", "Failed": "failed", "Expired": "expired"}
    state = next(word for part, word in states.items() if part in kind.__name__)
    fact = kind(
        upload_id=UploadId(new_id()),
        owner_id=folder.owner,
        uploader_id=uploader,
        parent_id=folder.id,
        name=name,
        size_bytes=7,
        state=state,
        reason="test",
        detail="It is a test.",
        created_at=NOON,
        changed_at=NOON,
        **more,
    )
    return told(fact, actor=uploader)


def invitation_ended(inviter: UserId, invitation_id: str | None = None, reason: str = "revoked") -> Envelope[InvitationEndedV1]:
    """Somebody's invitation is over."""
    fact = InvitationEndedV1(
        invitation_id=InvitationId(invitation_id or new_id()),
        item_id=ItemId(new_id()),
        item_kind="folder",
        item_name="Holiday",
        owner_id=inviter,
        granted_by=inviter,
        role="editor",
        lapses_at=NOON,
        created_at=NOON,
        changed_at=NOON,
        reason=reason,
        ended_at=NOON,
    )
    return told(fact, sequence=2, source="/sharing")
