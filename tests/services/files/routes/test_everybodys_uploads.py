"""Operators follow anybody's upload without learning what is in drives; nobody else learns that there are such places."""

from typing import Any

from coffer_chassis.ids import new_id
from factories.bytes import put
from factories.files import Files, person, rejected, stored

LIST = "/v1/admin/files/uploads"


def operator() -> Any:
    return person(roles=frozenset({"operator"}))


async def test_an_operator_finds_an_upload_by_its_owner_and_reads_what_happened_without_its_name(files: Files) -> None:
    owner = files.owner
    upload = await files.start("secret plans.jpg")
    etag = await put(files, upload)
    await files.handle(stored(upload, etag=etag), rejected(upload, etag=etag))
    async with files.client(operator()) as http:
        answer = await http.get(LIST, params={"user_id": owner.user_id})
        [shown] = answer.json()["items"]
        assert (shown["id"], shown["state"], shown["reason"]) == (upload.id, "rejected", "test_virus")
        assert "secret plans" not in answer.text
        story = await http.get(f"{LIST}/{upload.id}/timeline")
        assert story.status_code == 200
        assert [step["step"] for step in story.json()["steps"]][-1] == "rejected"
        assert "secret plans" not in story.text


async def test_uploads_are_listed_newest_first_by_pages_and_by_state(files: Files) -> None:
    owner = files.owner
    made = [(await files.start(f"{number}.jpg")).id for number in range(3)]
    boss = operator()
    async with files.client(boss) as http, files.client(operator()) as other:
        page = (await http.get(LIST, params={"user_id": owner.user_id, "limit": 2})).json()
        place = {"user_id": owner.user_id, "limit": 2, "cursor": page["next_cursor"]}
        rest = (await http.get(LIST, params=place)).json()
        assert [one["id"] for one in page["items"] + rest["items"]] == made[::-1]
        assert rest["next_cursor"] is None
        assert (await other.get(LIST, params=place)).status_code == 400
        everybody = (await http.get(LIST, params={"limit": 1})).json()
        assert everybody["items"][0]["id"] == made[-1]
        further = (await http.get(LIST, params={"limit": 1, "cursor": everybody["next_cursor"]})).json()
        assert further["items"][0]["id"] == made[-2]
        committed = (await http.get(LIST, params={"user_id": owner.user_id, "state": "committed"})).json()
        assert committed["items"] == []
        open_ones = (await http.get(LIST, params={"state": "created", "limit": 1})).json()
        assert open_ones["items"][0]["id"] == made[-1]


async def test_what_is_no_upload_no_state_or_no_person_is_refused(files: Files) -> None:
    async with files.client(operator()) as http:
        assert (await http.get(f"{LIST}/{new_id()}/timeline")).status_code == 404
        assert (await http.get(f"{LIST}/nonsense/timeline")).status_code == 404
        assert (await http.get(LIST, params={"state": "lost"})).status_code == 422
        assert (await http.get(LIST, params={"user_id": "nobody"})).status_code == 404
        assert (await http.get(LIST, params={"user_id": new_id()})).json()["items"] == []


async def test_whoever_is_no_operator_is_turned_away_even_from_their_own(files: Files) -> None:
    owner = files.owner
    upload = await files.start("a.jpg")
    async with files.client(owner) as http:
        for path in (LIST, f"{LIST}/{upload.id}/timeline"):
            assert (await http.get(path)).status_code == 403
