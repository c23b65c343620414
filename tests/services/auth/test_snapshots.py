"""Telling again how every account stands, so that a copy can be rebuilt from nothing."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from coffer_auth.handlers import snapshots
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.snapshots import PEOPLE
from coffer_chassis.snapshots import restate_all
from coffer_chassis.testing import FixedClock
from coffer_contracts.catalog import parse
from factories.accounts import auth_deps, registered
from factories.databases import Database


@pytest.fixture
async def deps(database: Database) -> AsyncIterator[Deps]:
    async with auth_deps(database("coffer_auth"), clock=FixedClock()) as made:
        yield made


async def restated(deps: Deps) -> list[Any]:
    """What a snapshot tells, and nothing that was told before."""
    async with deps.work.engine.begin() as connection:
        await connection.execute(text("DELETE FROM outbox"))
    counted = await restate_all(deps.work, [PEOPLE])
    async with deps.work.read() as connection:
        bodies = (await connection.execute(text("SELECT body FROM outbox ORDER BY position"))).scalars().all()
    assert counted == {"people": len(bodies)}
    return [parse(body) for body in bodies]


async def test_every_account_is_told_as_it_stands_at_its_revision(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "PAGE", 2)
    people = [await registered(deps) for _ in range(5)]
    async with deps.work.engine.begin() as connection:
        newer = "UPDATE users SET revision = 7, status = 'deleted', display_name = 'Gone' WHERE id = :id"
        await connection.execute(text(newer), {"id": people[3].id})
    told = {fact.data.user_id: fact for fact in await restated(deps)}
    assert set(told) == {person.id for person in people}
    for position, person in enumerate(people):
        fact = told[person.id]
        assert (fact.type, fact.data.changes, fact.actorkind) == ("auth.user.changed.v1", (), "system")
        assert (fact.data.username, fact.data.email) == (person.username, person.email)
        assert (fact.revision, fact.data.status) == ((7, "deleted") if position == 3 else (1, "active"))
        assert "password" not in json.dumps(fact.model_dump(mode="json"))


async def test_a_full_last_page_is_followed_by_the_end(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await restated(deps) == []
    monkeypatch.setattr(snapshots, "PAGE", 2)
    for _ in range(4):
        await registered(deps)
    assert len(await restated(deps)) == 4
    assert len(await restated(deps)) == 4
