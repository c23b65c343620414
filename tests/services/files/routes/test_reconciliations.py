"""Operators have the bucket compared over HTTP; nobody else learns that there is such a thing."""

from typing import Any

import pytest

from coffer_chassis.ids import new_id
from coffer_files.handlers.reconciling import reconcile
from factories.comparing import emptied
from factories.files import Files, files_on, person

ASK, LIST = "/v1/admin/files/reconcile", "/v1/admin/files/reconciliations"


@pytest.fixture
async def files(store: str) -> Any:
    async with files_on(store, reconcile_every_hours=0) as service:
        await emptied(service.engine)
        yield service


def operator() -> Any:
    return person(roles=frozenset({"operator"}))


async def test_an_operator_asks_and_reads_what_was_found(files: Files) -> None:
    boss, done = operator(), await files.upload()
    await files.blobs.write(f"blobs/{files.owner.user_id}/{new_id()}", b"1234567", content_type="a/b")
    async with files.client(boss) as http:
        asked = await http.post(ASK, json={"grace_hours": 0})
        assert asked.status_code == 202, asked.text
        at = asked.headers["location"]
        assert (asked.json()["state"], asked.json()["actor_id"]) == ("waiting", boss.user_id)
        assert at == f"{LIST}/{asked.json()['id']}"
        again = await http.post(ASK, json={"grace_hours": 0})
        assert (again.status_code, again.headers["location"]) == (202, at)
        other = await http.post(ASK, json={"repair": True})
        assert (other.status_code, other.json()["code"]) == (409, "state_conflict")
        await reconcile(files.deps)
        files.clock.advance(seconds=1)
        report = (await http.get(at)).json()
        assert (report["state"], report["counts"]["orphans"], report["counts"]["orphan_bytes"]) == ("finished", 1, 7)
        [missing] = report["missing"]
        assert (missing["item_ids"], missing["owner_id"]) == ([done.item_id], files.owner.user_id)
        assert len(report["orphans"]) == 1
        repair = await http.post(ASK, json={"repair": True, "grace_hours": 0, "prefixes": ["quarantine/", "blobs/"]})
        assert (repair.status_code, repair.json()["prefixes"]) == (202, ["blobs/", "quarantine/"])
    [fact] = await files.facts("files.operator.acted.v1")
    assert (fact.actorkind, fact.actorid, fact.data.action) == ("operator", boss.user_id, "bucket.repair_requested")


async def test_runs_are_listed_newest_first(files: Files) -> None:
    async with files.client(operator()) as http, files.client(operator()) as other:
        made = []
        for _ in range(3):
            files.clock.advance(seconds=1)
            made.append((await http.post(ASK, json={})).json()["id"])
            await reconcile(files.deps)
        page = (await http.get(LIST, params={"limit": 2})).json()
        rest = (await http.get(LIST, params={"limit": 2, "cursor": page["next_cursor"]})).json()
        assert [run["id"] for run in page["items"] + rest["items"]] == made[::-1]
        assert rest["next_cursor"] is None
        assert (await other.get(LIST, params={"cursor": page["next_cursor"]})).status_code == 400


async def test_the_wrong_people_are_turned_away(files: Files) -> None:
    async with files.client() as http:
        for answer in (await http.post(ASK, json={}), await http.get(LIST), await http.get(f"{LIST}/{new_id()}")):
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        http.headers.pop("Authorization")
        assert (await http.post(ASK, json={})).status_code == 401
    async with files.client(operator()) as http:
        assert (await http.get(f"{LIST}/{new_id()}")).status_code == 404
        assert (await http.get(f"{LIST}/nothing")).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"repair": "yes"},
        {"repair": 1},
        {"grace_hours": -1},
        {"grace_hours": 1e9},
        {"prefixes": ["photos/"]},
        {"prefixes": [""]},
        {"prefixes": ["blobs/"] * 9},
        {"delete": True},
        [],
    ],
)
async def test_odd_wishes_are_refused(files: Files, body: Any) -> None:
    async with files.client(operator()) as http:
        answer = await http.post(ASK, json=body)
        assert answer.status_code in {400, 422}, answer.text
        assert (await http.get(LIST)).json()["items"] == []
