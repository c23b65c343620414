"""How long mail is tried."""

from datetime import timedelta

import pytest

from coffer_notifier.domain.mails import FIRST_WAIT, LONGEST_WAIT, wait_after


def test_waits_double_up_to_an_hour() -> None:
    waits = [wait_after(attempts, 0) for attempts in range(1, 12)]
    assert waits[:4] == [FIRST_WAIT, FIRST_WAIT * 2, FIRST_WAIT * 4, FIRST_WAIT * 8]
    assert waits[-1] == LONGEST_WAIT
    assert waits == sorted(waits)


@pytest.mark.parametrize("attempts", [0, 1, 5, 10_000])
def test_jitter_shortens_by_up_to_half(attempts: int) -> None:
    assert wait_after(attempts, 1) * 2 == wait_after(attempts, 0)
    assert timedelta() < wait_after(attempts, 0.5) < wait_after(attempts, 0)
