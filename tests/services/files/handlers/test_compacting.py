"""What is left out of the feed was said again later; who stands before what is cut off is told to list anew."""

from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text

from coffer_files.domain.items import ChangeReason
from coffer_files.handlers import compacting
from coffer_files.handlers.compacting import compact_feeds
from coffer_files.handlers.sweeping import forget
from coffer_files.store.tables import changes
from factories.databases import Database
from factories.files import Files, files_on, granted, person
from factories.following import Follower, fresh, make, now, told

_MANY = text(
    """
    INSERT INTO changes (owner_id, item_id, reason, at, scope)
    SELECT CAST(:owner AS uuid), CAST(:item AS uuid), 'renamed', now(), ARRAY[]::uuid[] FROM generate_series(1, 2000)
    """
)


@pytest.fixture
def store(database: Database) -> str:
    """One for each test: how far the feeds of a store were compacted is one moment for all."""
    return database("coffer_files")


async def kept(files: Files, item_id: str) -> list[ChangeReason]:
    rows = select(changes.c.reason).where(changes.c.item_id == item_id).order_by(changes.c.position)
    return [row.reason for row in await files.rows(rows)]


async def rename(http: httpx.AsyncClient, item_id: str, name: str) -> None:
    assert (await http.patch(f"/v1/items/{item_id}", json={"name": name})).status_code == 200


async def test_only_the_last_of_many_like_entries_stays_once_it_is_old_enough(files: Files) -> None:
    async with files.client() as http:
        trips = await make(http, "Trips")
        for number in range(3):
            await rename(http, trips, f"Trips {number}")
        await compact_feeds(files.deps)
        assert await kept(files, trips) == ["created", "renamed", "renamed", "renamed"]
        files.clock.advance(hours=25)
        await compact_feeds(files.deps)
        assert await kept(files, trips) == ["created", "renamed"]
        assert await compact_feeds(files.deps) == 0
        await rename(http, trips, "again")
        files.clock.advance(hours=25)
        await compact_feeds(files.deps)
        assert await kept(files, trips) == ["created", "renamed"]


async def test_of_what_is_gone_for_good_only_that_is_told(files: Files) -> None:
    async with files.client() as http:
        start = await now(http)
        trips = await make(http, "Trips")
        await http.delete(f"/v1/items/{trips}")
        await http.delete(f"/v1/trash/{trips}")
        files.clock.advance(hours=25)
        await compact_feeds(files.deps)
        assert await told(http, start) == [(trips, "remove", "purged", False)]


async def test_an_entry_that_only_some_hear_of_stays(files: Files) -> None:
    """Its move tells readers of the folder that it left; that it was purged later elsewhere is not told to them."""
    reader = person(username="ben")
    async with files.client() as owning, files.client(reader) as reading:
        shared, private = await make(owning, "shared"), await make(owning, "private")
        trips = await make(owning, "Trips", shared)
        await files.handle(granted(shared, files.owner, reader))
        follower = Follower(reading)
        await follower.catch_up()
        await rename(owning, trips, "Journeys")
        await owning.patch(f"/v1/items/{trips}", json={"parent_id": private})
        await rename(owning, trips, "secret")
        await owning.delete(f"/v1/items/{trips}")
        await owning.delete(f"/v1/trash/{trips}")
        files.clock.advance(hours=25)
        await compact_feeds(files.deps)
        assert await kept(files, trips) == ["created", "moved", "purged"]
        await follower.catch_up()
        assert follower.tree == await fresh(reading, [shared])


async def test_compaction_goes_on_where_it_was_broken_off(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compacting, "WINDOW_ROWS", 2)
    async with files.client() as http:
        items = [await make(http, f"{number}") for number in range(4)]
        for number in range(3):
            for item in items:
                await rename(http, item, f"{item} {number}")
            files.clock.advance(seconds=1)
    files.clock.advance(hours=25)
    await compact_feeds(files.deps)
    assert [await kept(files, item) for item in items] == [["created", "renamed"]] * 4


async def test_a_feed_that_became_too_long_refuses_whoever_stands_before_its_beginning(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compacting, "DROP_ROWS", 300)
    reader = person(username="ben")
    async with files_on(store, change_keep_rows=1000) as files, files.client() as owning, files.client(reader) as reading:
        trips = await make(owning, "Trips")
        await files.handle(granted(trips, files.owner, reader))
        early, early_reader = await now(owning), await now(reading)
        async with files.engine.begin() as connection:
            await connection.execute(_MANY, {"owner": files.owner.user_id, "item": trips})
        late = Follower(owning)
        late.cursor = await now(owning)
        await rename(owning, trips, "Journeys")
        assert await compact_feeds(files.deps) >= 1000
        assert (await files.rows(select(func.count()).where(changes.c.owner_id == files.owner.user_id)))[0][0] == 1000
        for http, cursor in ((owning, early), (reading, early_reader)):
            answer = await http.get("/v1/changes", params={"cursor": cursor})
            assert (answer.status_code, answer.json()["code"]) == (410, "cursor_expired")
        await late.catch_up()
        assert [name for _, name, *_ in late.tree.values()] == ["Journeys"]
        again = Follower(owning)
        await again.catch_up()
        assert again.tree == await fresh(owning, [])
        assert await compact_feeds(files.deps) == 0


@pytest.mark.slow
async def test_a_page_costs_as_many_statements_however_much_it_tells(files: Files) -> None:
    reader = person(username="ben")
    counts: list[Any] = []
    async with files.client() as owning, files.client(reader) as reading:
        above = await make(owning, "above")
        for shares in (1, 40):
            for number in range(shares):
                await files.handle(granted(await make(owning, f"{shares} {number}", above), files.owner, reader))
            start, owners = await now(reading), await now(owning)
            for _ in range(shares):
                await owning.delete(f"/v1/items/{above}")
                await owning.post(f"/v1/trash/{above}/restore", json={})
            files.statements.clear()
            page = await told(reading, start)
            shared = len(files.statements)
            files.statements.clear()
            assert len(await told(owning, owners)) == 2 * shares
            counts.append((shared, len(files.statements)))
            # Each share once, however often the folder above it went and came back.
            assert len(page) == len({item for item, *_ in page}) == (1 if shares == 1 else 41)
            assert all(subtree for *_, subtree in page)
    assert counts[0] == counts[1]
    assert counts[0] == (5, 4)


@pytest.mark.slow
async def test_a_page_looks_at_so_much_of_a_busy_drive_and_no_more(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coffer_files.store.entries.SCANNED", 40)
    reader = person(username="ben")
    async with files.client() as owning, files.client(reader) as reading:
        trips, private = await make(owning, "Trips"), await make(owning, "private")
        await files.handle(granted(trips, files.owner, reader))
        start = await now(reading)
        for number in range(50):
            await make(owning, f"{number}", private)
        rome = await make(owning, "Rome", trips)
        pages = []
        follower = Follower(reading, start)
        while (page := await follower.page(10))["has_more"]:
            pages.append([one["item_id"] for one in page["changes"]])
        pages.append([one["item_id"] for one in page["changes"]])
        assert pages == [[], [], [rome]]


async def test_a_cursor_in_the_middle_of_an_old_backlog_grows_no_younger_by_being_read(files: Files) -> None:
    async with files.client() as http:
        start = await now(http)
        for number in range(3):
            await make(http, f"{number}")
        files.clock.advance(days=20)
        page = (await http.get("/v1/changes", params={"cursor": start, "limit": 1})).json()
        assert page["has_more"]
        files.clock.advance(days=20)
        await forget(files.deps)
        answer = await http.get("/v1/changes", params={"cursor": page["cursor"]})
        assert (answer.status_code, answer.json()["code"]) == (410, "cursor_expired")
