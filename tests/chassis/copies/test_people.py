"""The copy of people: names as they were last heard of, found however they are spelled."""

import itertools
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.copies.people import Person, note_person, people_by_id, person_named, username_key
from factories.copies import PEOPLE, copies, copies_url
from factories.files import person
from factories.sharing import id_made, told_of

__all__ = ["copies", "copies_url"]


def told(user_id: str, username: str, sequence: int = 1, **changes: Any) -> Any:
    return told_of(person(user_id, username=username), sequence=sequence, **changes)


async def note(connection: AsyncConnection, *facts: Any) -> list[bool]:
    """Whether each was news."""
    return [await note_person(connection, PEOPLE, fact) for fact in facts]


async def test_a_person_is_known_with_everything_that_was_said(copies: AsyncConnection) -> None:
    ann = id_made()
    await note(copies, told(ann, "Ann"))
    assert await people_by_id(copies, PEOPLE, [ann, id_made()]) == {
        ann: Person(ann, "Ann", "Ann", "Ann@example.org", email_verified=True, locale="en", status="active")
    }
    assert await people_by_id(copies, PEOPLE, []) == {}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_facts_in_any_order_end_in_the_newest(copies: AsyncConnection, order: tuple[int, ...]) -> None:
    ann = id_made()
    facts = [told(ann, "one"), told(ann, "two", 2), told(ann, "three", 3, status="suspended")]
    await note(copies, *(facts[position] for position in order))
    found = (await people_by_id(copies, PEOPLE, [ann]))[ann]
    assert (found.username, found.is_active) == ("three", False)
    assert await person_named(copies, PEOPLE, "one") is None
    assert await person_named(copies, PEOPLE, "three") == found


async def test_a_fact_twice_or_restated_is_no_news(copies: AsyncConnection) -> None:
    ann = id_made()
    newer = told(ann, "two", 2)
    restated = newer.model_copy(update={"data": newer.data.model_copy(update={"changes": ()})})
    assert await note(copies, told(ann, "one"), newer, newer, restated, told(ann, "one")) == [True, True, False, False, False]


@pytest.mark.parametrize("spelled", ["Zoe\u0308", "ZO\u00cb", "zo\u00eb", "zoe\u0308"])
async def test_a_name_is_found_however_it_is_spelled(copies: AsyncConnection, spelled: str) -> None:
    zoe = id_made()
    await note(copies, told(zoe, "Zo\u00eb"))
    found = await person_named(copies, PEOPLE, spelled)
    assert found is not None
    assert found.user_id == zoe
    assert await person_named(copies, PEOPLE, "zoe") is None


@pytest.mark.parametrize("hostile", ["", "%", "_", "a" * 10_000, "' OR 1=1 --"])
async def test_a_name_of_nobody_finds_nobody(copies: AsyncConnection, hostile: str) -> None:
    await note(copies, told(id_made(), "ann"))
    assert await person_named(copies, PEOPLE, hostile) is None


@pytest.mark.parametrize("late_first", [True, False])
async def test_two_who_swapped_a_name_may_be_told_of_in_either_order(copies: AsyncConnection, late_first: bool) -> None:
    ann, bob = id_made(), id_made()
    await note(copies, told(ann, "ann"), told(bob, "bob"))
    facts = [told(ann, "gone", 2), told(bob, "ann", 2)]
    await note(copies, *(reversed(facts) if late_first else facts))
    found = await person_named(copies, PEOPLE, "ann")
    assert found is not None
    assert found.user_id == bob


def test_the_key_of_a_key_is_itself() -> None:
    for name in ("Stra\u00dfe", "\u0130stanbul", "\ufb01n", "A\u030angstro\u0308m"):
        assert username_key(username_key(name)) == username_key(name)
