"""How files are cut into parts, and how long somebody may take to send them."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffer_chassis import multiparts
from coffer_chassis.testing import NOON
from coffer_contracts.problems import TooLarge, UploadIncomplete, ValidationFailed
from coffer_files.domain import parts as rules
from coffer_files.domain.content import BLOCK_BYTES
from factories.upload_histories import upload

SIZES = st.one_of(
    st.integers(0, rules.MAX_FILE_BYTES),
    st.integers(0, 12_000).map(lambda blocks: blocks * BLOCK_BYTES),
    st.integers(0, 12_000).map(lambda blocks: blocks * BLOCK_BYTES + 1),
)


@given(SIZES)
def test_parts_are_blocks_or_the_smallest_multiple_that_s3_takes(size: int) -> None:
    length = rules.part_bytes_for(size)
    count = rules.part_count(size, length)
    assert length % BLOCK_BYTES == 0
    assert length <= multiparts.MAX_PART_BYTES
    assert 1 <= count <= multiparts.MAX_PARTS
    if length > BLOCK_BYTES:
        assert rules.part_count(size, length - BLOCK_BYTES) > multiparts.MAX_PARTS
    parted = upload(size_bytes=size, part_bytes=length, strategy="multipart")
    assert (count - 1) * length + rules.part_length(parted, count) == size
    assert rules.part_length(parted, 1) == min(size, length)
    for number in (0, count + 1):
        with pytest.raises(ValidationFailed):
            rules.part_length(parted, number)


def test_the_longest_file_is_the_longest_that_s3_takes() -> None:
    assert (rules.MAX_FILE_BYTES, rules.MAX_PARTS) == (multiparts.MAX_OBJECT_BYTES, multiparts.MAX_PARTS)
    assert rules.strategy_for("auto", rules.MAX_FILE_BYTES, 10) == "multipart"
    with pytest.raises(TooLarge) as refusal:
        rules.strategy_for("multipart", rules.MAX_FILE_BYTES + 1, 10)
    assert refusal.value.extensions == {"limit": rules.MAX_FILE_BYTES}


@dataclass
class Stored:
    number: int
    size_bytes: int
    etag: str = "e"
    sha256: str | None = None


@given(st.lists(st.integers(1, 5), max_size=8), st.sets(st.integers(1, 5)))
def test_what_is_missing_is_what_nobody_sent_or_named(there: list[int], named: set[int]) -> None:
    parted = upload(size_bytes=5 * BLOCK_BYTES, part_bytes=BLOCK_BYTES, strategy="multipart")
    stored = [Stored(number, BLOCK_BYTES) for number in there]
    assert set(rules.missing_parts(parted, stored)) == set(range(1, 6)) - set(there)
    fault = rules.fault_in(parted, stored, {}, [rules.NamedPart(number, "e") for number in named])
    missing = [number for number in range(1, 6) if number not in there or number not in named]
    assert (fault is None) is (not missing)
    if missing:
        assert isinstance(fault, UploadIncomplete)
        assert fault.extensions == {"missing_parts": missing}


@given(st.lists(st.integers(0, 24 * 60), max_size=20))
def test_activity_moves_the_deadline_on_and_never_beyond_seven_days(minutes: list[int]) -> None:
    current = upload(strategy="multipart")
    now = NOON
    for pause in minutes:
        now += timedelta(minutes=pause)
        later = rules.extended(current, now)
        if later is not None:
            assert later > current.deadline_at
            assert later <= NOON + timedelta(days=7)
            current = upload(strategy="multipart", deadline_at=later)
        # Whoever was there within the last 23 hours is not turned away, until the end.
        assert current.deadline_at >= min(NOON + timedelta(days=7), now + timedelta(hours=23)) - timedelta(hours=1)


@pytest.mark.parametrize("state", ["received", "committed", "aborted", "failed"])
def test_activity_changes_nothing_about_what_waits_for_no_bytes(state: str) -> None:
    assert rules.extended(upload(state, strategy="multipart"), NOON + timedelta(hours=20)) is None
