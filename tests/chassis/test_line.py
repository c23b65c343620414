"""Whose messages are worked off next, and with whose."""

from coffer_chassis.batches import Read
from coffer_chassis.line import Line
from factories.eventing import envelope, failed, incoming, user_id


def reads(*users: int) -> list[Read]:
    return [Read(incoming("{}"), [envelope(failed(user))]) for user in users]


def line_of(*users: int) -> Line:
    line = Line()
    for read in reads(*users):
        line.add(read)
    return line


def names(batch: list[Read]) -> list[int]:
    known = {str(user_id(number)): number for number in range(10)}
    return [known[read.order[0]] for read in batch]


def test_a_few_of_each_go_together() -> None:
    line = line_of(1, 2, 1, 3)
    assert names(line.take(20)) == [1, 1, 2, 3]
    assert not line


def test_a_crowd_goes_by_itself_and_those_behind_it_at_once_beside_it() -> None:
    line = line_of(1, 1, 1, 1, 2, 3)
    assert names(line.take(20)) == [1, 1, 1, 1]
    assert names(line.take(20)) == [2, 3]


def test_of_one_tenant_no_two_batches_run_at_once() -> None:
    line = line_of(1, 1, 1, 1, 1)
    first = line.take(3)
    assert names(first) == [1, 1, 1]
    assert line.take(3) == []
    assert not line
    line.done(first)
    assert line
    assert names(line.take(3)) == [1, 1]


def test_a_crowd_that_is_not_through_waits_behind_the_others() -> None:
    line = line_of(1, 1, 1, 1, 2, 2, 2)
    first = line.take(3)
    line.done(first)
    assert names(line.take(3)) == [2, 2, 2]
    assert names(line.take(3)) == [1]


def test_a_batch_is_never_larger_than_asked_for() -> None:
    line = line_of(1, 1, 2, 2, 3, 3)
    assert names(line.take(3)) == [1, 1]
    assert names(line.take(4)) == [2, 2, 3, 3]
