"""What people want to be told: defaults, what cannot be turned off, and when mail waits."""

from datetime import UTC, datetime, time

import pytest

from coffer_contracts.ids import UserId
from coffer_notifier.domain import notices, security
from coffer_notifier.domain.preferences import BOTH, DEFAULTS, FEED, LOCKED, NOTHING, Preferences, QuietHours

ANN = UserId("u")
KINDS = {
    value
    for module in (notices, security)
    for name, value in vars(module).items()
    if name.isupper() and isinstance(value, str) and not name.startswith("_") and name != "SIGN_IN"
}
BERLIN, OVER_NOON = QuietHours(time(22), time(7), "Europe/Berlin"), QuietHours(time(12), time(13, 30), "UTC")


def test_every_type_of_notice_has_a_default() -> None:
    assert set(DEFAULTS) == KINDS
    assert set(security.ALERTS.values()) == LOCKED
    assert all(DEFAULTS[kind] == BOTH for kind in LOCKED)


def test_a_choice_wins_over_the_default_but_not_over_what_is_locked() -> None:
    mine = Preferences(ANN, {notices.SHARE_RECEIVED: NOTHING, security.NEW_SIGN_IN: NOTHING, "of_yesterday": NOTHING})
    assert mine.by(notices.SHARE_RECEIVED) == NOTHING
    assert mine.by(security.NEW_SIGN_IN) == BOTH
    assert mine.by(notices.COMMENT_ADDED) == FEED
    assert mine.by("of_tomorrow") == FEED


def test_turning_mail_off_leaves_the_feed_as_it_was() -> None:
    mine = Preferences(ANN, {notices.COMMENT_ADDED: NOTHING})
    assert mine.without_mail_of(notices.COMMENT_MENTIONED)[notices.COMMENT_MENTIONED] == FEED
    assert mine.without_mail_of(notices.COMMENT_ADDED)[notices.COMMENT_ADDED] == NOTHING


@pytest.mark.parametrize(
    ("hours", "now", "end"),
    [
        (BERLIN, "2026-11-20T21:00", "2026-11-21T06:00"),
        (BERLIN, "2026-11-20T23:30", "2026-11-21T06:00"),
        (BERLIN, "2026-11-21T05:59", "2026-11-21T06:00"),
        (BERLIN, "2026-11-21T06:00", None),
        (BERLIN, "2026-11-20T20:59", None),
        (BERLIN, "2026-07-20T20:30", "2026-07-21T05:00"),
        (BERLIN, "2026-03-28T22:00", "2026-03-29T05:00"),  # the night in which an hour is left out
        (BERLIN, "2026-10-24T22:00", "2026-10-25T06:00"),  # the one in which an hour comes twice
        (OVER_NOON, "2026-11-20T11:59", None),
        (OVER_NOON, "2026-11-20T12:00", "2026-11-20T13:30"),
        (OVER_NOON, "2026-11-20T13:30", None),
    ],
)
def test_quiet_hours_end_by_the_clock_on_the_wall(hours: QuietHours, now: str, end: str | None) -> None:
    expected = datetime.fromisoformat(end).replace(tzinfo=UTC) if end else None
    assert hours.end_after(datetime.fromisoformat(now).replace(tzinfo=UTC)) == expected
