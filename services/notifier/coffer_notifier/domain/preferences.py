"""Preferences: by what a person wants to be told of which notices, when mail is to wait, and in what language it is. Pure.

Warnings about the security of an account are told by everything there is and cannot be turned off: whoever has taken an account
over would turn them off first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from coffer_contracts.ids import UserId
from coffer_notifier.domain import notices as kinds
from coffer_notifier.domain.security import ALERTS

Channel = Literal["in_app", "email"]


@dataclass(frozen=True, slots=True)
class Channels:
    """By what a person is told of a type of notice."""

    in_app: bool
    email: bool

    def __bool__(self) -> bool:
        return self.in_app or self.email


BOTH, FEED, NOTHING = Channels(in_app=True, email=True), Channels(in_app=True, email=False), Channels(in_app=False, email=False)

LOCKED = frozenset(ALERTS.values())

DEFAULTS: Mapping[str, Channels] = {
    kinds.SHARE_RECEIVED: BOTH,
    kinds.SHARE_CHANGED: FEED,
    kinds.SHARE_REVOKED: FEED,
    kinds.SHARE_EXPIRED: FEED,
    kinds.SHARE_LEFT: FEED,
    kinds.COMMENT_ADDED: FEED,
    kinds.COMMENT_REPLIED: FEED,
    kinds.COMMENT_MENTIONED: BOTH,
    kinds.LINK_UPLOADED: BOTH,
    kinds.LINK_EXPIRED: FEED,
    kinds.LINK_TAKEN_DOWN: BOTH,
    kinds.FILES_UPLOADED: FEED,
    kinds.FILES_CHANGED: FEED,
    kinds.UPLOAD_DONE: NOTHING,
    kinds.UPLOAD_REJECTED: BOTH,
    kinds.UPLOAD_CONFLICT: FEED,
    kinds.UPLOAD_FAILED: FEED,
    kinds.UPLOAD_EXPIRED: FEED,
    kinds.PHOTO_REJECTED: FEED,
    kinds.USAGE_CROSSED: FEED,
    kinds.WEBHOOK_DISABLED: BOTH,
    **dict.fromkeys(sorted(LOCKED), BOTH),
}
"""Every type of notice there is -> what holds for people who chose nothing. A test demands each."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When mail waits, every day, by the clock of a time zone. Those that end before they begin end on the next day."""

    start: time
    end: time
    timezone: str

    def end_after(self, now: datetime) -> datetime | None:
        """When the quiet hours end that hold at `now`; None outside of them."""
        zone = ZoneInfo(self.timezone)
        here = now.astimezone(zone)
        clock = here.time().replace(tzinfo=None)
        overnight = self.end <= self.start
        holds = (clock >= self.start or clock < self.end) if overnight else self.start <= clock < self.end
        if not holds:
            return None
        day = here.date() + timedelta(days=1) if overnight and clock >= self.start else here.date()
        return datetime.combine(day, self.end, tzinfo=zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Preferences:
    """What one person wants. `choices` holds what they chose, by type; `revision` 0 is somebody who never did."""

    user_id: UserId
    choices: Mapping[str, Channels] = field(default_factory=dict)
    quiet_hours: QuietHours | None = None
    locale: str | None = None
    revision: int = 0
    changed_at: datetime | None = None

    def by(self, kind: str) -> Channels:
        """By what the person is told of a type; of one that nobody here knows yet in the feed only."""
        if kind in LOCKED:
            return BOTH
        chosen = self.choices.get(kind)
        return DEFAULTS.get(kind, FEED) if chosen is None else chosen

    def without_mail_of(self, kind: str) -> Mapping[str, Channels]:
        """The choices with mail about a type turned off."""
        return {**self.choices, kind: Channels(in_app=self.by(kind).in_app, email=False)}
