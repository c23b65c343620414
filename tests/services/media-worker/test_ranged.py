"""A file of which only some is read."""

import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffer_media_worker.ranged import Ranged

CONTENT = bytes(number * 7 % 251 for number in range(10_000))


class Asked:
    """Fetches from memory and remembers what was asked for."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content
        self.ranges: list[tuple[int, int]] = []

    def __call__(self, first: int, last: int) -> bytes:
        assert 0 <= first <= last < len(self.content)
        self.ranges.append((first, last))
        return self.content[first : last + 1]


@given(
    known=st.integers(0, len(CONTENT)),
    block=st.sampled_from([1, 100, 999, 4096, 20_000]),
    steps=st.lists(st.tuples(st.integers(0, 11_000), st.integers(0, 5000)), max_size=20),
)
def test_it_reads_what_a_file_in_memory_reads_and_no_byte_twice(known: int, block: int, steps: list[tuple[int, int]]) -> None:
    asked = Asked()
    ranged, plain = Ranged(len(CONTENT), asked, [(0, CONTENT[:known])], block), io.BytesIO(CONTENT)
    for place, length in steps:
        assert ranged.seek(place) == plain.seek(place)
        assert ranged.read(length) == plain.read(length)
        assert ranged.tell() == plain.tell()
    assert ranged.whole() == CONTENT
    fetched = sorted(asked.ranges)
    assert all(last < first for (_, last), (first, _) in pairwise(fetched))
    assert sum(last - first + 1 for first, last in fetched) == len(CONTENT) - known


def test_reading_on_fetches_further_ahead_and_a_jump_does_not() -> None:
    asked = Asked(bytes(1_000_000))
    ranged = Ranged(1_000_000, asked, block=1000)
    for _ in range(100):
        ranged.read(1000)
    assert len(asked.ranges) <= 12
    ranged.seek(900_000)
    ranged.read(10)
    first, last = asked.ranges[-1]
    assert (first, last - first + 1 <= 8000) == (900_000, True)


def test_what_was_all_there_is_not_copied() -> None:
    ranged = Ranged(len(CONTENT), Asked(), [(0, CONTENT)])
    assert ranged.whole() is CONTENT


def test_ends_are_as_of_files() -> None:
    ranged = Ranged(len(CONTENT), Asked())
    assert ranged.seek(-10, io.SEEK_END) == len(CONTENT) - 10
    assert ranged.read() == CONTENT[-10:]
    assert ranged.read(5) == b""
    with pytest.raises(ValueError, match="beginning"):
        ranged.seek(-1)
