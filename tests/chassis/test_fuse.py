"""When a consumer stops taking messages, and when it goes on."""

import pytest

from coffer_chassis import fuse
from coffer_chassis.fuse import LEAST, WINDOW_SECONDS, Fuse


class Watch:
    """The monotonic clock, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(fuse, "monotonic", lambda: self.now)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


def noted(one: Fuse, *faults: bool) -> list[bool]:
    return [one.note(fault=fault) for fault in faults]


@pytest.mark.usefixtures("watch")
def test_a_few_poison_messages_stop_nothing() -> None:
    one = Fuse()
    assert not any(noted(one, *[True] * (LEAST - 1)))
    assert not one.is_blown


@pytest.mark.usefixtures("watch")
def test_faults_below_the_share_stop_nothing() -> None:
    one = Fuse()
    assert not any(noted(one, *[False, False, True] * 100))


@pytest.mark.usefixtures("watch")
def test_blows_when_half_of_enough_messages_fail() -> None:
    one = Fuse()
    assert noted(one, *[True, False] * (LEAST // 2))[-1]
    assert one.is_blown
    assert one.wait_seconds == 5


def test_old_outcomes_do_not_count(watch: Watch) -> None:
    one = Fuse()
    noted(one, *[True] * (LEAST - 1))
    watch.now += WINDOW_SECONDS + 1
    assert not any(noted(one, True, True))


def test_what_was_in_hand_when_it_blew_says_nothing_new(watch: Watch) -> None:
    one = Fuse()
    noted(one, *[True] * LEAST)
    assert not any(noted(one, False, True, False))
    assert one.wait_seconds == 5
    watch.now += 5
    assert one.wait_seconds == 0
    assert one.is_blown


def test_each_try_that_fails_doubles_the_pause_up_to_a_bound(watch: Watch) -> None:
    one = Fuse()
    noted(one, *[True] * LEAST)
    pauses = []
    for _ in range(8):
        pauses.append(one.wait_seconds)
        watch.now += one.wait_seconds
        assert one.note(fault=True)
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300]


def test_one_success_mends_it_and_forgets_what_was(watch: Watch) -> None:
    one = Fuse()
    noted(one, *[True] * LEAST)
    watch.now += one.wait_seconds
    assert one.note(fault=False)
    assert not one.is_blown
    assert not any(noted(one, *[True] * (LEAST - 1)))
    assert one.note(fault=True)
    assert one.wait_seconds == 5
