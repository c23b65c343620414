"""When a loop waits a little so that its next call carries more."""

import pytest

from coffer_chassis import pace
from coffer_chassis.pace import BUSY, FULL, LONGEST_PAUSE_SECONDS, WINDOW_SECONDS, Pace


class Watch:
    """The monotonic clock, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(pace, "monotonic", lambda: self.now)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


def test_only_a_busy_loop_waits_and_only_while_it_is_busy(watch: Watch) -> None:
    one = Pace()
    one.note(BUSY - 1)
    assert one.pause_seconds == 0
    one.note(1)
    assert one.pause_seconds == LONGEST_PAUSE_SECONDS
    watch.now += WINDOW_SECONDS + 0.01
    assert one.pause_seconds == 0


def test_a_loop_that_never_asks_does_not_grow(watch: Watch) -> None:
    one = Pace()
    for _ in range(1000):
        one.note(1)
        watch.now += WINDOW_SECONDS / 10
    assert len(one._moved) < 20
    assert one.pause_seconds == LONGEST_PAUSE_SECONDS


def test_a_faster_loop_waits_only_as_long_as_it_takes_to_fill_a_call(watch: Watch) -> None:
    one = Pace()
    one.note(10 * FULL)
    assert one.pause_seconds == pytest.approx(WINDOW_SECONDS / 10)
