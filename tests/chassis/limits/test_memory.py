"""Counting in one process: bounded, apart for people and addresses, and telling who is limited."""

from coffer_chassis.limits.counts import MOST_SHOWN, Bucket
from coffer_chassis.limits.memory import KEPT_REFUSED, MemoryCounts
from coffer_chassis.limits.policies import Policy
from factories.limits import Told

TWO = Policy.of("default", 2)
ADA = Bucket("default", "user", "ada")


def address(number: int) -> Bucket:
    return Bucket("default", "address", f"2001:db8:{number:x}::/64")


def exhaust(counts: MemoryCounts, bucket: Bucket, *, refusals: int = 1) -> None:
    taken = [counts.take_now(TWO, bucket)[0] for _ in range(2 + refusals)]
    assert taken == [True, True, *[False] * refusals]


def test_callers_and_policies_are_counted_apart() -> None:
    time = Told()
    counts = MemoryCounts(time.clock, time)
    exhaust(counts, ADA)
    exhaust(counts, Bucket("default", "user", "bob"))
    exhaust(counts, Bucket("upload", "user", "ada"))
    exhaust(counts, Bucket("default", "address", "ada"))


def test_a_hundred_thousand_addresses_take_no_more_than_the_bound() -> None:
    time = Told()
    counts = MemoryCounts(time.clock, time, most=1000)
    counts.take_now(TWO, ADA)
    for number in range(100_000):
        counts.take_now(TWO, address(number))
    assert len(counts) == 1001


def test_a_flood_of_addresses_frees_neither_a_person_nor_an_address_that_goes_on() -> None:
    time = Told()
    counts = MemoryCounts(time.clock, time, most=1000)
    exhaust(counts, ADA)
    exhaust(counts, address(0))
    for number in range(1, 5000):
        counts.take_now(TWO, address(number))
        if number % 900 == 0:
            time.advance(30)  # one more is allowed
            assert counts.take_now(TWO, address(0)) == (True, 60_000_000)
        assert not counts.take_now(TWO, address(0))[0]
    assert counts.take_now(TWO, ADA) == (True, 30_000_000), "long at rest, but not forgotten early"


async def test_who_is_limited_is_told_with_beginning_end_and_number() -> None:
    time = Told()
    counts = MemoryCounts(time.clock, time)
    began = time.clock.now()
    exhaust(counts, ADA, refusals=3)
    time.advance(10)
    assert not counts.take_now(TWO, ADA)[0]
    (one,) = await counts.refused()
    assert (one.bucket, one.since, one.refused) == (ADA, began, 4)
    assert (one.until - began).total_seconds() == 60
    time.advance(50)
    assert await counts.refused() == []


async def test_somebody_limited_a_second_time_has_a_second_beginning() -> None:
    time = Told()
    counts = MemoryCounts(time.clock, time)
    exhaust(counts, ADA, refusals=3)
    time.advance(61)
    exhaust(counts, ADA)
    (one,) = await counts.refused()
    assert (one.since, one.refused) == (time.clock.now(), 1)


async def test_the_list_of_those_who_are_limited_is_bounded() -> None:
    time = Told()
    counts = MemoryCounts(time.clock, time)
    for number in range(KEPT_REFUSED + 200):
        exhaust(counts, address(number))
    assert len(await counts.refused()) == MOST_SHOWN


async def test_lifting_forgets_everything_and_is_safe_twice() -> None:
    time = Told()
    counts = MemoryCounts(time.clock, time)
    exhaust(counts, ADA, refusals=2)
    assert await counts.lift(ADA) == 2
    assert await counts.lift(ADA) is None
    assert await counts.refused() == []
    exhaust(counts, ADA)


async def test_who_is_not_limited_cannot_be_freed() -> None:
    time = Told()
    counts = MemoryCounts(time.clock, time)
    exhaust(counts, ADA)
    time.advance(61)
    assert await counts.lift(ADA) is None
    assert await counts.lift(Bucket("default", "user", "bob")) is None


async def test_a_clock_that_goes_back_neither_locks_out_nor_tells_nonsense() -> None:
    time = Told()
    counts = MemoryCounts(time.clock, time)
    exhaust(counts, ADA)
    time.microseconds -= 600_000_000
    assert counts.take_now(TWO, ADA)[0]
    assert all(one.until > one.since for one in await counts.refused())
