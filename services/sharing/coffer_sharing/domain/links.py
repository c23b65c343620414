"""The rules of public links: values in, values or refusals out. What a visitor may do with an item is the resolver's word."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from coffer_contracts.files import ItemKind
from coffer_contracts.ids import ItemId, LinkFamilyId, LinkId, UserId
from coffer_contracts.problems import FieldError, ValidationFailed
from coffer_contracts.sharing_links import LinkMode

SESSION_LIFE: Final = timedelta(minutes=15)
"""Of a visitor's session; whoever has been let in once comes in again with the word that they know."""
TICKET_LIFE: Final = timedelta(seconds=60)
MOST_LINKS: Final = 100
"""Of one item at a time."""
MOST_TICKETS: Final = 100
"""Of one request."""
NAME_LENGTH: Final = 200
REASON_LENGTH: Final = 2000
PASSWORD_LENGTH: Final = range(4, 257)
MOST_DOWNLOADS: Final = 1_000_000_000

RIGHTS: Final[Mapping[LinkMode, tuple[str, ...]]] = {
    "view": ("read",),
    "download": ("read",),
    "edit": ("read", "write", "delete"),
    "upload_only": ("upload",),
}
"""What the grant of a link says. Looking and downloading differ in tickets alone."""

SCOPES: Final[Mapping[LinkMode, tuple[str, ...]]] = {
    "view": ("files:read",),
    "download": ("files:read",),
    "edit": ("files:read", "files:write"),
    "upload_only": ("files:read", "files:write"),
}
"""Which routes a visitor's session reaches; what it does there is decided by rights."""

GIVES_BYTES: Final[Collection[LinkMode]] = frozenset({"download", "edit"})

EndReason = Literal["deleted", "item_purged", "account_deleted"]
OffReason = Literal["disabled", "deleted", "expired", "item_purged", "taken_down", "account_deleted"]
SessionsEnd = Literal["protection", "disabled", "taken_down", "account_suspended"]
State = Literal["active", "disabled", "expired", "exhausted", "taken_down"]
"""Of a link that is there, as its maker sees it; the first that applies, from the right."""


class Link(NamedTuple):
    """A row of `links`, in the order of its columns."""

    id: LinkId
    family_id: LinkFamilyId
    digest: bytes
    item_id: ItemId
    owner_id: UserId
    created_by: UserId
    mode: LinkMode
    name: str | None
    password_hash: str | None
    expires_at: datetime | None
    max_downloads: int | None
    downloads: int
    notify_on_upload: bool
    disabled_at: datetime | None
    expired_at: datetime | None
    """When everybody was told that its time is up; null again when it is given more."""
    taken_down_at: datetime | None
    takedown_reason: str | None
    created_at: datetime
    changed_at: datetime
    revision: int
    ended_at: datetime | None
    end_reason: EndReason | None

    @property
    def grantee(self) -> str:
        """The link as grants name it."""
        return f"link/{self.id}"

    @property
    def is_protected(self) -> bool:
        """Whether visitors have to know a password."""
        return self.password_hash is not None

    @property
    def leads_nowhere(self) -> bool:
        """Whether somebody has shut it or it is gone: visitors are told that there is no such link."""
        return self.ended_at is not None or self.disabled_at is not None or self.taken_down_at is not None

    def is_late(self, now: datetime) -> bool:
        """Whether its time is up (the moment of expiry included)."""
        return self.expires_at is not None and self.expires_at <= now

    @property
    def is_used_up(self) -> bool:
        """Whether it has given all the downloads that it allows."""
        return self.mode in GIVES_BYTES and self.max_downloads is not None and self.downloads >= self.max_downloads

    @property
    def is_granting(self) -> bool:
        """Whether its grant stands; that it has an expiry is for the resolver."""
        return not self.leads_nowhere and self.expired_at is None

    def takes_away(self, before: "Link") -> bool:
        """Whether somebody's act lets visitors do less than before, or not for as long. Time takes away by itself."""
        if not self.is_granting:
            return before.is_granting and self.leads_nowhere and self.end_reason != "item_purged"
        if not before.is_granting:
            return False
        if not _whole(self.mode) >= _whole(before.mode):
            return True
        return self.expires_at is not None and (before.expires_at is None or self.expires_at < before.expires_at)

    def state(self, now: datetime) -> State:
        """How it stands at a moment."""
        if self.taken_down_at is not None:
            return "taken_down"
        if self.disabled_at is not None:
            return "disabled"
        if self.is_late(now):
            return "expired"
        return "exhausted" if self.is_used_up else "active"

    @property
    def off_reason(self) -> OffReason:
        """Why its grant does not stand."""
        if self.end_reason is not None:
            return self.end_reason
        return "taken_down" if self.taken_down_at else "disabled" if self.disabled_at else "expired"

    def ended(self, reason: EndReason, now: datetime) -> "Link":
        """The link after its end. Nothing that opened it is kept."""
        return self._replace(ended_at=now, end_reason=reason, password_hash=None, changed_at=now, revision=self.revision + 1)


def _whole(mode: LinkMode) -> set[str]:
    """Its rights with those that they include."""
    return {*RIGHTS[mode], *(("upload",) if "write" in RIGHTS[mode] else ())}


class Change(NamedTuple):
    """What one field was before and is now, as facts and answers write it."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class LinkWish:
    """What is to be different about a link: fields by name, and what they are to be. `password_hash` is of the new password,
    None for none; `disabled` is a switch.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)


def changed(link: Link, wish: LinkWish, kind: ItemKind, now: datetime, family: LinkFamilyId) -> tuple[Link, tuple[Change, ...]]:
    """The link as wished, and what that changes; nothing leaves it as it is. Raises ValidationFailed.

    With another password, and when it is shut, sessions of before end: the link then has the new `family`.
    """
    wanted = dict(wish.fields)
    disabled = wanted.pop("disabled", link.disabled_at is not None)
    after = link._replace(**wanted, disabled_at=(link.disabled_at or now) if disabled else None)
    if after == link:
        return link, ()
    if after.expires_at != link.expires_at:
        accept_expiry(after.expires_at, now)
    if after.mode != link.mode:
        accept_mode(after.mode, kind)
    if not after.is_late(now):
        after = after._replace(expired_at=None)
    shuts = after.disabled_at is not None and link.disabled_at is None
    if after.password_hash != link.password_hash or shuts:
        after = after._replace(family_id=family)
    return after._replace(changed_at=now, revision=link.revision + 1), changes_between(link, after)


def changes_between(before: Link, after: Link) -> tuple[Change, ...]:
    """What is different about two states of a link; of passwords only that there was and is one."""
    plain = ("mode", "name", "expires_at", "max_downloads", "notify_on_upload")
    pairs = [(name, getattr(before, name), getattr(after, name)) for name in plain]
    pairs.append(("is_protected", before.is_protected, after.is_protected))
    pairs.append(("disabled", before.disabled_at is not None, after.disabled_at is not None))
    pairs.append(("taken_down", before.taken_down_at is not None, after.taken_down_at is not None))
    found = tuple(Change(*pair) for pair in pairs if pair[1] != pair[2])
    if before.is_protected and after.is_protected and before.password_hash != after.password_hash:
        found += (Change("protection", None, None),)
    return found


def accept_expiry(expires_at: datetime | None, now: datetime) -> None:
    """Raises ValidationFailed for an end that has come already."""
    if expires_at is not None and expires_at <= now:
        detail = "A link ends in the future or never."
        raise ValidationFailed(detail, errors=(FieldError("/expires_at", "not_in_future", detail),))


def accept_mode(mode: LinkMode, kind: ItemKind) -> None:
    """Raises ValidationFailed for a link that collects files in a file."""
    if mode == "upload_only" and kind != "folder":
        detail = "Only a folder can collect files."
        raise ValidationFailed(detail, errors=(FieldError("/mode", "needs_folder", detail),))


Program = Literal["browser", "mobile", "script", "bot", "other"]

_PROGRAMS: Final[tuple[tuple[Program, re.Pattern[str]], ...]] = (
    ("bot", re.compile(r"bot\b|crawl|spider|slurp|preview|facebookexternalhit|whatsapp|telegram|embed", re.IGNORECASE)),
    ("script", re.compile(r"^(curl|wget|python|httpx|aiohttp|go-http|java|okhttp|rclone|libwww|axios|node)", re.IGNORECASE)),
    ("mobile", re.compile(r"android|iphone|ipad|mobile", re.IGNORECASE)),
    ("browser", re.compile(r"^mozilla/|opera", re.IGNORECASE)),
)


def program_of(agent: str | None) -> Program:
    """What kind of program a user agent says it is: all that is kept of it."""
    return next((word for word, pattern in _PROGRAMS if agent and pattern.search(agent)), "other")
