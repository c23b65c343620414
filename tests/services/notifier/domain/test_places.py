"""Ids of the stream: read back as written, and refused when they were never given."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from coffer_notifier.domain.places import Place, StreamId, can_resume, stream_id_in

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NUMBERS = st.integers(0, 2**63 - 1)
MOMENTS = st.integers(0, 10**13).map(lambda n: datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=n))


@given(NUMBERS, NUMBERS, MOMENTS)
def test_an_id_reads_back_as_it_was_written(xid: int, position: int, at: datetime) -> None:
    given_id = StreamId(Place(xid, position), at)
    assert stream_id_in(f" {given_id}\n") == given_id


@given(st.text())
def test_other_text_is_no_id_or_a_place_that_a_store_can_hold(text: str) -> None:
    found = stream_id_in(text)
    assert found is None or max(found.place.xid, found.place.position) < 2**63


def test_an_id_is_good_for_as_long_as_rows_are_kept_and_for_this_store_only() -> None:
    at = StreamId(Place(10, 5), NOON)
    assert can_resume(at, horizon=10, kept_since=NOON)
    assert not can_resume(at, horizon=10, kept_since=NOON + timedelta(milliseconds=1))
    assert not can_resume(at, horizon=9, kept_since=NOON)
