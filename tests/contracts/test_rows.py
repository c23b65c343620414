"""That a rule for every row is as strict as a test for each."""

import pytest

from factories.rows import for_every


@pytest.fixture
def limit() -> int:
    return 2


@for_every("number", [0, 1, 2])
def test_a_rule_is_given_each_row_and_what_fixtures_give(number: int, limit: int) -> None:
    assert number <= limit


def test_every_row_that_breaks_the_rule_is_named() -> None:
    @for_every(("name", "number"), [("one", 1), ("two", 2), ("three", 3)], ids=lambda row: row[0])
    def rule(name: str, number: int) -> None:
        assert len(name) > 3, number

    with pytest.raises(ExceptionGroup, match="2 of 3 rows: one, two"):
        rule()


def test_a_rule_for_no_row_is_refused() -> None:
    with pytest.raises(AssertionError, match="cannot fail"):
        for_every("row", [])
