"""What webhooks ask for, and how long their deliveries are tried."""

from datetime import timedelta
from itertools import pairwise

import pytest

from coffer_contracts.problems import ValidationFailed
from coffer_notifier.domain.outside import OFFERED
from coffer_notifier.domain.webhooks import LONGEST_WAIT, SCHEDULE, accept_event_types, patterns_of, types_for, wait_after

COMMITTED = "files.item.committed.v1"


def test_a_type_is_asked_for_by_itself_or_by_what_it_begins_with() -> None:
    assert patterns_of(COMMITTED) == (COMMITTED, "files.item.committed.*", "files.item.*", "files.*", "*")


@pytest.mark.parametrize("asked", ["files.*", "files.item.*", COMMITTED, "*", "media.preview.ready.*"])
def test_takes_types_and_patterns_that_something_fits(asked: str) -> None:
    assert accept_event_types([asked, asked], OFFERED) == (asked,)
    assert types_for([asked], OFFERED)


@pytest.mark.parametrize(
    "asked",
    [
        ".*",
        "files",
        "files*",
        "file.*",
        "*.item.*",
        "files.item.committed.v2",
        "auth.user.registered.v1",
        "FILES.*",
        "sharing.grant.*",
        "media.upload.*",
        "files.upload.received.v1",
        "files.operator.acted.v1",
        "auth.user.*",
        "%",
    ],
)
def test_refuses_what_nobody_outside_is_told_of(asked: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        accept_event_types(["files.*", asked], OFFERED)
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/event_types/1", "unknown_type")]


def test_waits_as_the_schedule_says_with_jitter_and_gives_up_after_it() -> None:
    assert [wait_after(attempts, 0.0) for attempts in range(10)] == list(SCHEDULE)
    assert wait_after(10, 0.0) is None
    assert wait_after(2, 1.0) == timedelta(minutes=6)
    assert all(before < after for before, after in pairwise(SCHEDULE))
    assert SCHEDULE[-1] == timedelta(hours=24)


def test_leaves_a_receiver_alone_as_long_as_it_asks_for_but_not_for_ever() -> None:
    assert wait_after(1, 0.0, timedelta(minutes=2)) == timedelta(minutes=2)
    assert wait_after(3, 0.0, timedelta(minutes=2)) == timedelta(minutes=30)
    assert wait_after(1, 0.0, timedelta(days=9)) == LONGEST_WAIT
    assert wait_after(10, 0.0, timedelta(minutes=2)) is None
