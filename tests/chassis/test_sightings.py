"""Which tokens were used here: told seldom, never lost while there is something to tell, and without a write per request."""

from typing import Any

import pytest

from coffer_chassis.ids import new_id
from coffer_chassis.sightings import MOST, Sightings
from coffer_chassis.testing import FixedClock
from coffer_chassis.token_uses import tell_uses, watches
from coffer_contracts.catalog import parse
from coffer_contracts.files import SightingNotedV1
from coffer_contracts.ids import UserId
from factories.eventing import TABLES, Store

USER = UserId("01a15df5-00a0-77b9-830d-40bd57deeac1")


def test_a_token_is_due_once_in_a_quarter_of_an_hour_however_often_it_is_used() -> None:
    clock, token = FixedClock(), new_id()
    seen = Sightings(clock)
    for _ in range(100):
        seen.note(token, USER)
    (first,) = seen.due()
    seen.tell([first])
    clock.advance(minutes=1)
    seen.note(token, USER)
    assert seen.due() == []
    clock.advance(minutes=15)
    (again,) = seen.due()
    assert again.used_at == first.used_at + (again.used_at - first.used_at)
    assert again.used_at > first.used_at
    seen.tell([again])
    assert seen.due() == []


def test_what_was_used_while_it_was_told_is_not_forgotten() -> None:
    clock, token = FixedClock(), new_id()
    seen = Sightings(clock)
    seen.note(token, USER)
    due = seen.due()
    clock.advance(seconds=1)
    seen.note(token, USER)
    seen.tell(due)
    clock.advance(minutes=16)
    assert [one.token_id for one in seen.due()] == [token]


def test_memory_is_bounded() -> None:
    seen = Sightings(FixedClock())
    for number in range(MOST + 5):
        seen.note(str(number), USER)
    assert len(seen.due()) == MOST


async def test_each_token_is_told_as_one_fact(store: Store) -> None:
    seen, tokens = Sightings(store.clock), {new_id() for _ in range(3)}
    for token in tokens:
        seen.note(token, USER)
    (job,) = watches(store.work, seen, SightingNotedV1)
    for _ in range(2):
        await job.run()
    facts: list[Any] = [parse(row.body) for row in await store.rows(TABLES.outbox)]
    assert {fact.data.token_id for fact in facts} == tokens
    assert len(facts) == 3
    assert {fact.ownerid for fact in facts} == {USER}


async def test_what_could_not_be_committed_is_told_the_next_time(store: Store) -> None:
    seen = Sightings(store.clock)
    seen.note(new_id(), USER)

    class Broken(SightingNotedV1):
        """A fact too large for any message."""

        @property
        def subject(self) -> str:
            return "x" * 100_000

    with pytest.raises(ValueError, match="bytes"):
        await tell_uses(store.work, seen, Broken)
    assert await store.rows(TABLES.outbox) == []
    assert await tell_uses(store.work, seen, SightingNotedV1) == 1
