"""Operators look into quarantine, let out what was refused, or delete it; nobody else learns that there is such a thing."""

from typing import Any

import pytest

from coffer_files.domain.uploads import Upload
from coffer_files.handlers.burying import bury
from coffer_files.handlers.landing import land
from factories.bytes import put
from factories.files import Files, person, rejected, stored

LIST = "/v1/admin/files/quarantine"


def operator() -> Any:
    return person(roles=frozenset({"operator"}))


async def refused(files: Files, name: str = "a.jpg", **changes: Any) -> Upload:
    """An upload whose bytes lie in quarantine."""
    upload = await files.start(name, **changes)
    etag = await put(files, upload)
    await files.handle(stored(upload, etag=etag), rejected(upload, etag=etag))
    await bury(files.deps)
    return upload


async def test_an_operator_reads_why_and_lets_it_in(files: Files) -> None:
    boss, upload = operator(), await refused(files, mime_type="image/jpeg")
    async with files.client(boss) as http, files.client() as owner:
        [shown] = [one for one in (await http.get(LIST)).json()["items"] if one["upload_id"] == upload.id]
        assert (shown["reason"], shown["detail"], shown["name"]) == ("test_virus", "It is dangerous.", "a.jpg")
        assert (shown["claimed_mime_type"], shown["mime_type"]) == ("image/jpeg", "text/plain")
        assert shown["kept_until"][:10] == "2026-11-27"
        answer = await http.post(f"{LIST}/{upload.id}/release")
        assert (answer.status_code, answer.json()["state"], answer.json()["kept_until"]) == (202, "cleared", None)
        assert upload.id not in str((await http.get(LIST)).json())
        await land(files.deps)
        again = (await http.post(f"{LIST}/{upload.id}/release")).json()
        assert again["state"] == "committed"
        item = (await owner.get(f"/v1/items/{again['item_id']}")).json()
        assert (item["mime_type"], item["flags"]) == ("text/plain", ["released"])
        content = await owner.get(f"/v1/items/{again['item_id']}/download-url", params={"disposition": "inline"})
        assert "attachment" in content.text
        steps = (await owner.get(f"/v1/uploads/{upload.id}/timeline")).json()["steps"]
        assert [step["step"] for step in steps][-4:] == ["rejected", "released", "cleared", "committed"]
    acts = [fact for fact in await files.facts("files.operator.acted.v1") if fact.data.target == f"upload/{upload.id}"]
    assert [(fact.actorkind, fact.actorid, fact.data.action) for fact in acts] == [
        ("operator", boss.user_id, "quarantine.released")
    ]


async def test_an_operator_deletes_it_before_its_time(files: Files) -> None:
    upload = await refused(files)
    async with files.client(operator()) as http:
        for _ in range(2):
            assert (await http.delete(f"{LIST}/{upload.id}")).status_code == 204
        assert upload.id not in str((await http.get(LIST)).json())
        answer = await http.post(f"{LIST}/{upload.id}/release")
        assert (answer.status_code, answer.json()["code"]) == (409, "state_conflict")
    await bury(files.deps)
    assert files.blobs.objects == {}
    assert (await files.now(upload)).state == "rejected"
    acts = [fact for fact in await files.facts("files.operator.acted.v1") if fact.data.target == f"upload/{upload.id}"]
    assert [fact.data.action for fact in acts] == ["quarantine.discarded"]


async def test_what_was_refused_last_is_listed_first_and_for_a_week(files: Files) -> None:
    files.clock.advance(days=30)
    made = []
    for number in range(3):
        files.clock.advance(seconds=1)
        made.append((await refused(files, f"{number}.jpg")).id)
    async with files.client(operator()) as http, files.client(operator()) as other:
        page = (await http.get(LIST, params={"limit": 2})).json()
        rest = (await http.get(LIST, params={"limit": 2, "cursor": page["next_cursor"]})).json()
        assert [one["upload_id"] for one in page["items"] + rest["items"]] == made[::-1]
        assert rest["next_cursor"] is None
        assert (await other.get(LIST, params={"cursor": page["next_cursor"]})).status_code == 400
        files.clock.advance(days=7)
        assert (await http.get(LIST)).json()["items"] == []


async def test_the_wrong_people_are_turned_away(files: Files) -> None:
    upload = await refused(files)
    async with files.client() as http:
        ways = [("GET", LIST), ("POST", f"{LIST}/{upload.id}/release"), ("DELETE", f"{LIST}/{upload.id}")]
        for method, path in ways:
            answer = await http.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        http.headers.pop("Authorization")
        for method, path in ways:
            assert (await http.request(method, path)).status_code == 401
    assert (await files.now(upload)).state == "rejected"


@pytest.mark.parametrize("named", ["0193439e-8a5c-7000-8000-00000000dead", "nothing"])
async def test_what_is_not_there_is_not_found(files: Files, named: str) -> None:
    async with files.client(operator()) as http:
        assert (await http.post(f"{LIST}/{named}/release")).status_code == 404
        assert (await http.delete(f"{LIST}/{named}")).status_code == 404
