"""Notices: what a person is told in the feed. A stable type, who did it, which item; the title in plain English.

Which fact makes which notice is decided in `handlers/`; who may see one is decided there with the resolver.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from coffer_contracts.files import ItemKind
from coffer_contracts.ids import ItemId, ShareId, UserId
from coffer_notifier.domain.security import MFA_DISABLED, NEW_SIGN_IN, PASSWORD_CHANGED, REUSE_DETECTED, TOKEN_CREATED

SHARE_RECEIVED = "share_received"
SHARE_CHANGED = "share_changed"
SHARE_REVOKED = "share_revoked"
SHARE_EXPIRED = "share_expired"
SHARE_LEFT = "share_left"
LINK_TAKEN_DOWN = "link_taken_down"
LINK_EXPIRED = "link_expired"
LINK_UPLOADED = "link_uploaded"
COMMENT_ADDED = "comment_added"
COMMENT_REPLIED = "comment_replied"
COMMENT_MENTIONED = "comment_mentioned"
FILES_UPLOADED = "files_uploaded"
FILES_CHANGED = "files_changed"
UPLOAD_DONE = "upload_done"
UPLOAD_CONFLICT = "upload_conflict"
UPLOAD_REJECTED = "upload_rejected"
UPLOAD_FAILED = "upload_failed"
UPLOAD_EXPIRED = "upload_expired"
PHOTO_REJECTED = "photo_rejected"
USAGE_CROSSED = "usage_crossed"
WEBHOOK_DISABLED = "webhook_disabled"

TELLS_OF_LOSS = frozenset({SHARE_REVOKED, SHARE_EXPIRED})
"""Told to people who may no longer see what it is about: that is the news."""

WITH_OWN_LETTER = frozenset(
    {
        SHARE_RECEIVED,
        WEBHOOK_DISABLED,
        NEW_SIGN_IN,
        REUSE_DETECTED,
        PASSWORD_CHANGED,
        MFA_DISABLED,
        TOKEN_CREATED,
    }
)
"""Those whose mail is not made from the notice: it says more, or speaks of several."""

GRANT_LAG = timedelta(hours=1)
"""How long the grant that a share made may be unheard of before its absence counts: the two facts come by any order."""

TITLE_NAME_LENGTH = 80


@dataclass(frozen=True, slots=True)
class ItemRef:
    """The item a notice is about, as it was called then."""

    id: ItemId
    kind: ItemKind
    name: str
    owner_id: UserId


@dataclass(frozen=True, slots=True)
class Notice:
    """One entry of one person's feed."""

    id: str
    user_id: UserId
    type: str
    actor_id: str | None
    item: ItemRef | None
    share_id: ShareId | None
    data: Mapping[str, Any]
    created_at: datetime
    read_at: datetime | None = None
    count: int = 1
    first_at: datetime | None = None
    """When the first of its facts was; `created_at` is that of the last. None for what speaks of one fact alone."""
    in_app: bool = True
    """Whether it stands in the feed. What is told by mail only is kept, too, so that it is told once."""

    @property
    def needs_sight(self) -> bool:
        """Whether it is told only to people who may read its item at that moment."""
        return self.item is not None and self.type not in TELLS_OF_LOSS


GATHERED = {
    FILES_UPLOADED: ("{who} uploaded a file to {what}", "{who} uploaded {n} files to {what}"),
    FILES_CHANGED: ("{who} changed a file in {what}", "{who} changed {n} files in {what}"),
    LINK_UPLOADED: ("A file came through your public link to {what}", "{n} files came through your public link to {what}"),
    UPLOAD_DONE: ("Your file is in {what}", "Your {n} files are in {what}"),
}
"""What is told of several facts together: of one, and of several."""

_TITLES = {
    SHARE_RECEIVED: "{who} shared {what} with you",
    SHARE_REVOKED: "{who} stopped sharing {what} with you",
    SHARE_EXPIRED: "Your access to {what} has expired",
    LINK_TAKEN_DOWN: "Your public link to {what} was taken down",
    LINK_EXPIRED: "Your public link to {what} has expired",
    SHARE_LEFT: "{who} left your share of {what}",
    COMMENT_ADDED: "{who} commented on {what}",
    COMMENT_REPLIED: "{who} replied to a comment on {what}",
    COMMENT_MENTIONED: "{who} mentioned you in a comment on {what}",
    UPLOAD_CONFLICT: "{what} could not be placed and waits for your decision",
    UPLOAD_REJECTED: "{what} was rejected",
    UPLOAD_FAILED: "The upload of {what} failed",
    UPLOAD_EXPIRED: "The upload of {what} was not finished in time",
    PHOTO_REJECTED: "Your photo was rejected",
    NEW_SIGN_IN: "Someone signed in to your account from somewhere new",
    REUSE_DETECTED: "A stolen sign-in was used; the session was ended",
    PASSWORD_CHANGED: "Your password was changed",
    MFA_DISABLED: "The second factor of your account was turned off",
    TOKEN_CREATED: "The access token {what} was made for your account",
}


_REVOKED = {
    "item_purged": "{what} was deleted and is no longer shared with you",
    "account_deleted": "{what} is no longer shared with you",
}
"""By reason, where nobody took anything back."""

_MAY = {"contributor": "view and change it", "remover": "view and remove it", "editor": "edit it"}
"""By role."""


def title_of(notice: Notice, actor_name: str | None) -> str:
    """The notice as one sentence in English; clients that speak other languages make their own from type and data."""
    title = _TITLES.get(notice.type, "{what}")
    if notice.type == SHARE_CHANGED:
        title = _changed(notice)
    if notice.type == SHARE_REVOKED:
        title = _REVOKED.get(str(notice.data.get("reason")), title)
    if notice.type in GATHERED:
        one, several = GATHERED[notice.type]
        title = one if notice.count == 1 else several
    who = _short(actor_name) if actor_name else "Someone"
    if notice.type == USAGE_CROSSED:
        title = _filled(notice)
    if notice.type == WEBHOOK_DISABLED:
        title = _turned_off(notice)
    name = notice.item.name if notice.item else _other_name(notice)
    what = f"“{_short(name)}”" if name or notice.type not in GATHERED else "the drive"
    return title.format(who=who, what=what, n=notice.count)


def _other_name(notice: Notice) -> str:
    queue = str(notice.data.get("queue_arn", "")).rpartition(":")[2]
    return queue or str(notice.data.get("name", notice.data.get("host", "")))


def _changed(notice: Notice) -> str:
    if "role" not in notice.data.get("changes", ()):
        return "{who} changed how long you can see {what}"
    return f"{{who}} changed your access to {{what}}: you can {_MAY.get(str(notice.data.get('role')), 'only view it')} now"


def _filled(notice: Notice) -> str:
    percent = notice.data.get("percent", 100)
    return "Your drive is full" if percent >= 100 else f"Your drive is {percent} % full"


def _turned_off(notice: Notice) -> str:
    if notice.data.get("reason") == "taken_down":
        return "What was sent to {what} was turned off by an operator"
    if "queue_arn" in notice.data:
        return "What was sent to your queue {what} was turned off after days of failure"
    if notice.data.get("reason") == "gone":
        return "Your webhook to {what} was turned off, because its receiver wants no more"
    return "Your webhook to {what} was turned off after days of failure"


def _short(name: str) -> str:
    return name if len(name) <= TITLE_NAME_LENGTH else name[: TITLE_NAME_LENGTH - 1] + "…"
