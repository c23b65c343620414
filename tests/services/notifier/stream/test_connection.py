"""One connection: what waits for its reader is bounded, in order, and gone with it."""

import asyncio
from datetime import timedelta

import pytest

from coffer_chassis.ids import new_id
from coffer_notifier.stream.connection import BUFFER_BYTES, Connection
from factories.events import NOON
from factories.telling import user_id

BLOCK = b"x" * 1024


def connection() -> Connection:
    return Connection(user_id(), new_id(), NOON + timedelta(hours=1), frozenset({"changes"}))


class Reader:
    """Takes what is written, or nothing while the gate is closed."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.offered = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def take(self, chunk: bytes) -> None:
        self.offered.set()
        await self.gate.wait()
        self.taken.append(chunk)


async def test_what_waits_is_written_together_and_in_order_before_an_orderly_end() -> None:
    one, reader = connection(), Reader()
    one.push(b"later")
    one.begin([b"first ", b"second "])
    one.push(b" last")
    one.close("expired")
    one.push(b"never")
    await asyncio.wait_for(one.write(reader.take), 30)
    assert b"".join(reader.taken) == b"first second later last"


async def test_a_reader_who_takes_nothing_is_sent_away_and_what_waited_is_let_go() -> None:
    one, reader = connection(), Reader()
    reader.gate.clear()
    writing = asyncio.create_task(one.write(reader.take))
    one.push(BLOCK)
    await asyncio.wait_for(reader.offered.wait(), 30)
    pushed = 0
    while one.end is None:
        one.push(BLOCK)
        pushed += len(BLOCK)
        assert pushed <= BUFFER_BYTES + len(BLOCK), "no more than this may wait"
    assert pushed > BUFFER_BYTES - len(BLOCK)
    assert one.end == "slow"
    reader.gate.set()
    await asyncio.wait_for(writing, 30)
    assert reader.taken == [BLOCK], "what waited is not written: the reader comes back with the last id that it saw"


async def test_a_reader_who_takes_a_little_at_a_time_stays() -> None:
    one, reader = connection(), Reader()
    writing = asyncio.create_task(one.write(reader.take))
    for _ in range(2 * BUFFER_BYTES // len(BLOCK)):
        one.push(BLOCK)
        reader.offered.clear()
        await asyncio.wait_for(reader.offered.wait(), 30)
    assert one.end is None
    one.close("stopping")
    await asyncio.wait_for(writing, 30)
    assert sum(map(len, reader.taken)) == 2 * BUFFER_BYTES


async def test_hints_that_nobody_took_yet_are_one() -> None:
    one, reader = connection(), Reader()
    for number in range(1000):
        one.push_hint(b"hint %d;" % number)
        one.push(b"news;" if number == 500 else b"")
    one.close("stopping")
    await asyncio.wait_for(one.write(reader.take), 30)
    assert b"".join(reader.taken) == b"news;hint 999;"


@pytest.mark.parametrize("first", ["expired", "revoked", "stopping", "slow", "gone"])
async def test_the_first_reason_counts(first: str) -> None:
    one = connection()
    one.close(first)  # type: ignore[arg-type]  # one of the words
    one.close("gone")
    assert one.end == first


async def test_a_farewell_that_is_not_taken_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coffer_notifier.stream.connection.FAREWELL_SECONDS", 0.05)
    one, broken_off = connection(), asyncio.Event()
    one.abort = broken_off.set
    one.close("revoked")
    await asyncio.wait_for(broken_off.wait(), 30)
