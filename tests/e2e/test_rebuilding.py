"""Copies are rebuilt from their owners: an emptied copy of grants, of the tree's shape and of people becomes what it was."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from coffer_chassis.testing import eventually
from factories.people import Person, all_leave
from factories.roles import nothing_is_under_way
from factories.stacks import LocalStack, local_stack

pytestmark = pytest.mark.slow

WITHIN_SECONDS = 60
"""Far more than it takes to hear of something."""

TREE = (
    "SELECT item_id, owner_id, parent_id, kind, name, trashed_at, sequence FROM tree WHERE purged_at IS NULL ORDER BY item_id"
)
PEOPLE = "SELECT * FROM people ORDER BY user_id"
GRANTS = """
SELECT grant_id, item_id, owner_id, grantee, rights, expires_at, granted_by, granted_at, sequence, removed_at IS NULL
FROM grants WHERE removed_at IS NULL ORDER BY grant_id
"""
REMOVED = "SELECT grant_id, sequence, removed_at FROM grants WHERE removed_at IS NOT NULL ORDER BY grant_id"

COPIES = [
    ("coffer_sharing", "files", "grants", [GRANTS, REMOVED]),
    ("coffer_sharing", "notifier", "grants", [GRANTS, REMOVED]),
    ("coffer_files", "sharing", "tree", [TREE]),
    ("coffer_files", "notifier", "tree", [TREE]),
    ("coffer_auth", "files", "users", ["SELECT * FROM users ORDER BY user_id"]),
    ("coffer_auth", "sharing", "people", [PEOPLE]),
    ("coffer_auth", "notifier", "people", [PEOPLE]),
]
"""Whose snapshot rebuilds which table of which service, and what must be the same again."""


class Stores:
    """The databases of a running stack."""

    def __init__(self, stack: LocalStack) -> None:
        self._variables = stack.variables

    async def run(self, service: str, *statements: str) -> list[list[Any]]:
        engine = create_async_engine(self._variables[f"COFFER_{service.upper()}_DATABASE_URL"], poolclass=NullPool)
        try:
            async with engine.begin() as connection:
                found = [await connection.execute(text(statement)) for statement in statements]
                return [list(map(tuple, rows.all())) if rows.returns_rows else [] for rows in found]
        finally:
            await engine.dispose()


async def is_quiet(stack: LocalStack) -> bool:
    """Whether nothing is on its way."""
    return await asyncio.to_thread(nothing_is_under_way, stack)


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """One of its own: copies are emptied here, and told again of everything there is."""
    with local_stack() as running:
        yield running


@pytest.fixture(autouse=True)
def _doors_closed() -> None:
    """The household stays until the module ends."""


@pytest.fixture(scope="module")
def household(stack: LocalStack) -> Iterator[tuple[Person, Person, str, str]]:
    """Two people with a tree that was moved about, trashed and purged, and shares that were given, changed and taken."""
    ana, ben = Person.at(stack.url), Person.at(stack.url)
    trips, private = ana.folder("Trips")["id"], ana.folder("private")["id"]
    rome = ana.folder("Rome", private)["id"]
    deep = ana.folder("deep", rome)["id"]
    ana.http.patch(f"/v1/items/{rome}", json={"parent_id": trips, "name": "Roma"})
    gone, trashed = ana.folder("gone", trips)["id"], ana.folder("trashed", trips)["id"]
    for item in (gone, trashed):
        ana.http.delete(f"/v1/items/{item}")
    ana.http.delete(f"/v1/trash/{gone}")
    share = ana.share(trips, ben, "viewer")
    ana.http.patch(f"/v1/shares/{share['id']}", json={"role": "editor", "expires_at": "2090-01-01T00:00:00Z"})
    over = ana.share(private, ben)
    ana.http.delete(f"/v1/shares/{over['id']}")
    ben.sees(deep)
    ben.wait_for(lambda: ben.get(f"/v1/items/{deep}"), lambda item: item["permissions"]["write"], within_seconds=WITHIN_SECONDS)
    yield ana, ben, trips, deep
    all_leave()


@pytest.mark.parametrize("owner", sorted({owner for owner, *_ in COPIES}))
def test_an_emptied_copy_becomes_what_it_was(stack: LocalStack, household: tuple[Person, Person, str, str], owner: str) -> None:
    stores = Stores(stack)
    copies = [(service, table, queries) for whose, service, table, queries in COPIES if whose == owner]

    async def held() -> list[list[list[Any]]]:
        """What is in each of the copies."""
        return [await stores.run(service, *queries) for service, _, queries in copies]

    async def quiet() -> list[list[list[Any]]]:
        """The same, once nothing is on its way any more."""
        await eventually(lambda: is_quiet(stack), within_seconds=WITHIN_SECONDS)
        before = await held()
        assert all(rows[0] for rows in before)
        return before

    async def emptied_and_rebuilt() -> None:
        before = await quiet()
        for service, table, _ in copies:
            await stores.run(service, f"DELETE FROM {table}")
        told = await asyncio.to_thread(stack.run, owner, "snapshot")
        assert "restated" in told

        async def as_before() -> bool:
            return await held() == before

        await eventually(as_before, within_seconds=WITHIN_SECONDS)

    asyncio.run(emptied_and_rebuilt())


def test_until_it_is_rebuilt_only_owners_see_anything(stack: LocalStack, household: tuple[Person, Person, str, str]) -> None:
    ana, ben, trips, deep = household
    asyncio.run(Stores(stack).run("files", "DELETE FROM grants"))
    assert ben.http.get(f"/v1/items/{deep}").status_code == 404
    assert ana.get(f"/v1/items/{deep}")["shared"] is False
    stack.run("coffer_sharing", "snapshot")
    assert ben.sees(deep)["permissions"]["write"] is True
    assert ana.get(f"/v1/items/{trips}")["shared"] is True


def test_telling_again_makes_no_notice_no_activity_and_no_mail(
    stack: LocalStack, household: tuple[Person, Person, str, str]
) -> None:
    _, ben, _, _ = household
    stores = Stores(stack)
    counts = [f"SELECT count(*) FROM {table}" for table in ("notices", "activity", "mails")]

    async def told_again() -> None:
        await eventually(lambda: is_quiet(stack), within_seconds=WITHIN_SECONDS)
        before = await stores.run("notifier", *counts)
        for package in ("coffer_auth", "coffer_files", "coffer_sharing"):
            await asyncio.to_thread(stack.run, package, "snapshot")
        # Whatever the snapshots set off is handled before this, which is told by the same queues after them.
        await asyncio.to_thread(ben.folder, "afterwards")

        async def arrived() -> bool:
            return bool((await stores.run("notifier", "SELECT 1 FROM activity WHERE item_name = 'afterwards'"))[0])

        await eventually(arrived, within_seconds=WITHIN_SECONDS)
        await eventually(lambda: is_quiet(stack), within_seconds=WITHIN_SECONDS)
        after = await stores.run("notifier", *counts)
        assert after[0] == before[0]
        assert after[1] == [(before[1][0][0] + 1,)]
        assert after[2] == before[2]

    asyncio.run(told_again())
