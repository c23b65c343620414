"""Jobs over HTTP: 202, look, list, cancel; and what operators see and do."""

from typing import Any

import pytest

from coffer_chassis.ids import new_id
from coffer_files.handlers.working import run_jobs
from factories.files import Files, files_on, person
from factories.jobs import nothing_to_do

ADMIN = "/v1/admin/files/jobs"


@pytest.fixture
async def files(store: str) -> Any:
    async with files_on(store) as service:
        await nothing_to_do(service)
        yield service


def operator() -> Any:
    return person(roles=frozenset({"operator"}))


async def test_a_request_is_accepted_and_can_be_followed_to_its_end(files: Files) -> None:
    async with files.client() as http, files.client(person()) as stranger:
        asked = await http.delete("/v1/trash")
        assert asked.status_code == 202, asked.text
        at = asked.headers["location"]
        assert at == f"/v1/jobs/{asked.json()['id']}"
        assert (asked.json()["kind"], asked.json()["state"]) == ("empty_trash", "queued")
        assert asked.json()["progress"] == {"done": 0, "total": 0, "bytes": 0}
        await run_jobs(files.deps)
        done = (await http.get(at)).json()
        assert (done["state"], done["result"], done["problem"]) == ("succeeded", {"freed_bytes": 0}, None)
        assert done["ended_at"] is not None
        assert (await http.delete(at)).json()["state"] == "succeeded", "what has ended is not cancelled"
        for answer in (await stranger.get(at), await stranger.delete(at), await http.get(f"/v1/jobs/{new_id()}")):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert (await stranger.get("/v1/jobs")).json() == {"items": [], "next_cursor": None}


async def test_jobs_are_listed_newest_first_and_by_state(files: Files) -> None:
    async with files.client() as http, files.client(person()) as other:
        made = []
        for _ in range(3):
            made.append((await http.delete("/v1/trash")).json()["id"])
            assert (await http.delete(f"/v1/jobs/{made[-1]}")).status_code == 202
        waiting = (await http.delete("/v1/trash")).json()["id"]
        page = (await http.get("/v1/jobs", params={"state": "cancelled", "limit": 2})).json()
        more = {"state": "cancelled", "limit": 2, "cursor": page["next_cursor"]}
        rest = (await http.get("/v1/jobs", params=more)).json()
        assert [job["id"] for job in page["items"] + rest["items"]] == made[::-1]
        assert (await http.get("/v1/jobs")).json()["items"][0]["id"] == waiting
        assert (await other.get("/v1/jobs", params=more)).status_code == 400
        odd = await http.get("/v1/jobs", params={"state": "lost"})
        assert (odd.status_code, odd.json()["code"]) == (422, "validation_failed")


async def test_operators_see_everybodys_jobs_and_have_upkeep_done(files: Files) -> None:
    boss = operator()
    async with files.client() as http, files.client(boss) as ops:
        mine = (await http.delete("/v1/trash")).json()["id"]
        asked = await ops.post(f"{ADMIN}/purge_old/run")
        assert asked.status_code == 202, asked.text
        at = asked.headers["location"]
        assert at == f"{ADMIN}/{asked.json()['id']}"
        assert (await ops.post(f"{ADMIN}/purge_old/run")).headers["location"] == at
        listed = (await ops.get(ADMIN)).json()["items"]
        assert [job["id"] for job in listed] == [asked.json()["id"], mine]
        assert "arguments" not in listed[1]
        assert [job["kind"] for job in (await ops.get(ADMIN, params={"kind": "empty_trash"})).json()["items"]] == [
            "empty_trash"
        ]
        assert (await ops.delete(f"{ADMIN}/{mine}")).json()["state"] == "cancelled"
        await run_jobs(files.deps)
        assert (await ops.get(at)).json()["state"] == "succeeded"
        assert (await ops.get(f"{ADMIN}/{mine}")).json()["owner_id"] == files.owner.user_id
        for unknown in ("empty_trash", "copy", "nothing"):
            assert (await ops.post(f"{ADMIN}/{unknown}/run")).status_code == 404
        assert (await ops.get(f"{ADMIN}/{new_id()}")).status_code == 404
    acts = await files.facts("files.operator.acted.v1")
    assert [fact.data.action for fact in acts] == ["job.requested", "job.requested", "job.cancelled"]
    assert {fact.actorid for fact in acts} == {boss.user_id}


async def test_the_wrong_people_are_turned_away(files: Files) -> None:
    async with files.client() as http:
        for answer in (
            await http.get(ADMIN),
            await http.get(f"{ADMIN}/{new_id()}"),
            await http.delete(f"{ADMIN}/{new_id()}"),
            await http.post(f"{ADMIN}/purge_old/run"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        http.headers.pop("Authorization")
        assert (await http.delete("/v1/trash")).status_code == 401
        assert (await http.get("/v1/jobs")).status_code == 401
