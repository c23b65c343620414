"""The copy of grants: the newest fact counts, whatever the order, and what has ended does not come back."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import EDITOR, VIEWER, Rights
from coffer_chassis.copies.grants import forget_removed_before, grants_on, grants_to, note_grant, note_removal
from coffer_chassis.testing import NOON
from coffer_contracts.sharing import GrantRemovedV1, GrantSetV1
from factories.copies import GRANTS, copies, copies_url
from factories.events import arrived
from factories.sharing import id_made

__all__ = ["copies", "copies_url"]

OWNER = id_made()


def given(grant_id: Any, item_id: Any, grantee: str, sequence: int = 1, **changes: Any) -> Any:
    values: dict[str, Any] = {"rights": ("read",), "granted_by": OWNER, "granted_at": NOON}
    fact = GrantSetV1(grant_id=grant_id, item_id=item_id, owner_id=OWNER, grantee=grantee, **{**values, **changes})
    return arrived(fact, sequence=sequence, source="/sharing")


def ended(grant_id: Any, item_id: Any, grantee: str, sequence: int = 2) -> Any:
    fact = GrantRemovedV1(
        grant_id=grant_id, item_id=item_id, owner_id=OWNER, grantee=grantee, reason="revoked", removed_at=NOON
    )
    return arrived(fact, sequence=sequence, source="/sharing")


async def note(connection: AsyncConnection, *facts: Any) -> list[bool]:
    """Whether each was news."""
    return [
        await (note_grant if isinstance(fact.data, GrantSetV1) else note_removal)(connection, GRANTS, fact) for fact in facts
    ]


async def test_a_grant_is_found_by_whom_it_was_given_to_and_by_its_item(copies: AsyncConnection) -> None:
    item, other = id_made(), id_made()
    ends = NOON + timedelta(days=1)
    await note(
        copies,
        given(id_made(), item, "user/ann", rights=("read", "write", "delete"), expires_at=ends),
        given(id_made(), other, "user/ann"),
        given(id_made(), item, "link/ann"),
    )
    assert {(grant.item_id, grant.rights, grant.expires_at) for grant in await grants_to(copies, GRANTS, "user/ann")} == {
        (item, EDITOR, ends),
        (other, VIEWER, None),
    }
    assert [grant.item_id for grant in await grants_to(copies, GRANTS, "user/ann", [item])] == [item]
    assert {grant.grantee for grant in await grants_on(copies, GRANTS, [item])} == {"user/ann", "link/ann"}
    assert await grants_to(copies, GRANTS, "user/ann", []) == await grants_on(copies, GRANTS, [id_made()]) == []
    assert await grants_to(copies, GRANTS, "user/bob") == []


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_facts_in_any_order_end_in_the_newest(copies: AsyncConnection, order: tuple[int, ...]) -> None:
    grant, item = id_made(), id_made()
    facts = [
        given(grant, item, "user/ann"),
        given(grant, item, "user/ann", 2, rights=("read", "write")),
        given(grant, item, "user/ann", 3, rights=("read",), expires_at=NOON),
    ]
    await note(copies, *(facts[position] for position in order))
    [found] = await grants_to(copies, GRANTS, "user/ann", [item])
    assert (found.rights, found.expires_at) == (VIEWER, NOON)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_what_has_ended_does_not_come_back(copies: AsyncConnection, order: tuple[int, ...]) -> None:
    grant, item = id_made(), id_made()
    facts = [
        given(grant, item, "user/ann"),
        given(grant, item, "user/ann", 2, rights=("read", "write")),
        ended(grant, item, "user/ann", 3),
    ]
    await note(copies, *(facts[position] for position in order), *facts)
    assert await grants_to(copies, GRANTS, "user/ann") == await grants_on(copies, GRANTS, [item]) == []
    [row] = await copies.execute(select(GRANTS))
    assert (row.sequence, row.removed_at, row.rights) == (3, NOON, [])


async def test_a_fact_twice_or_restated_is_no_news(copies: AsyncConnection) -> None:
    grant, item = id_made(), id_made()
    made, over = given(grant, item, "user/ann"), ended(grant, item, "user/ann")
    restated = given(grant, item, "user/ann", rights=("read", "share"))
    assert await note(copies, made, made, restated, over, over, made) == [True, False, False, True, False, False]


async def test_an_end_that_comes_first_leaves_a_tombstone(copies: AsyncConnection) -> None:
    grant, item = id_made(), id_made()
    assert await note(copies, ended(grant, item, "user/ann"), given(grant, item, "user/ann")) == [True, False]
    assert await grants_to(copies, GRANTS, "user/ann") == []


async def test_words_of_the_future_give_nothing(copies: AsyncConnection) -> None:
    item = id_made()
    await note(
        copies,
        given(id_made(), item, "user/ann", rights=("read", "dance")),
        given(id_made(), item, "user/bob", rights=("fly",)),
    )
    assert {grant.grantee: grant.rights for grant in await grants_on(copies, GRANTS, [item])} == {
        "user/ann": VIEWER,
        "user/bob": Rights.NONE,
    }


async def test_tombstones_go_in_time_and_live_grants_stay(copies: AsyncConnection) -> None:
    item, grant = id_made(), id_made()
    await note(copies, given(grant, item, "user/ann"), ended(grant, item, "user/ann"), given(id_made(), item, "user/bob"))
    assert await forget_removed_before(copies, GRANTS, NOON) == 0
    assert await forget_removed_before(copies, GRANTS, NOON + timedelta(seconds=1)) == 1
    assert await forget_removed_before(copies, GRANTS, NOON + timedelta(days=999)) == 0
    assert [found.grantee for found in await grants_on(copies, GRANTS, [item])] == ["user/bob"]
