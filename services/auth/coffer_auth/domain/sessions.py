"""Sessions: signed-in devices, and what a shown refresh token deserves."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Literal

from coffer_contracts.ids import SessionId, UserId

ACCESS_LIFE = timedelta(minutes=10)
SESSION_LIFE = timedelta(days=30)
"""A session ends when it was not refreshed for this long."""
REFRESH_GRACE = timedelta(seconds=10)
"""Tabs of one browser may refresh at the same moment with the same token; that is no theft."""

RevocationReason = Literal["logout", "reuse_detected", "password_changed", "operator", "expired"]


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in device."""

    id: SessionId
    user_id: UserId
    device_name: str | None
    created_at: datetime
    expires_at: datetime
    revision: int
    revoked_at: datetime | None = None

    def alive(self, now: datetime) -> bool:
        """Whether it may still be refreshed."""
        return self.revoked_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True)
class Device:
    """A session as its owner sees it in a list."""

    session: Session
    address: str | None
    agent: str | None
    last_seen_at: datetime


class RefreshVerdict(Enum):
    """What a shown refresh token deserves."""

    ROTATE = "rotate"
    """Its first use: it is spent, a new pair is given."""
    GRACE = "grace"
    """Spent a moment ago: another tab's twin. A new pair, nothing is revoked."""
    REUSE = "reuse"
    """Spent long ago: a copy is in other hands. The session ends."""
    DEAD = "dead"
    """The session ended, or the token is too old."""


def judge_refresh(*, session: Session, rotated_at: datetime | None, expires_at: datetime, now: datetime) -> RefreshVerdict:
    """Decide on a refresh token that is in the store."""
    if not session.alive(now) or now >= expires_at:
        return RefreshVerdict.DEAD
    if rotated_at is None:
        return RefreshVerdict.ROTATE
    return RefreshVerdict.GRACE if now - rotated_at <= REFRESH_GRACE else RefreshVerdict.REUSE
