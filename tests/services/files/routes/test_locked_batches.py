"""Files of a batch stay out of folders that somebody has locked; all others go on."""

from coffer_chassis.access import EDITOR
from factories.files import Files, granted, person


async def test_a_locked_folder_on_the_way_keeps_its_files_out_and_no_others(files: Files) -> None:
    editor = person()
    async with files.client() as http:
        top = (await http.post("/v1/folders", json={"parent_id": "root", "name": "top"})).json()["id"]
        kept = (await http.post("/v1/folders", json={"parent_id": top, "name": "kept"})).json()["id"]
        await http.post("/v1/folders", json={"parent_id": kept, "name": "below"})
        assert (await http.put(f"/v1/items/{kept}/lock", json={"ttl": 60, "depth": "infinity"})).status_code == 200
    await files.handle(granted(top, files.owner, editor, EDITOR))
    sent = [{"name": "a", "size": 1, "path": path} for path in ("kept", "kept/below", "kept/new", "open/new")]
    async with files.client(editor) as http:
        answer = await http.post("/v1/uploads/batch", json={"parent_id": top, "files": sent})
    assert [one["status"] for one in answer.json()["results"]] == [423, 423, 423, 201]
    async with files.client() as http:
        answer = await http.post("/v1/uploads/batch", json={"parent_id": top, "files": sent[:2]})
        assert [one["status"] for one in answer.json()["results"]] == [201, 201]
        names = [item["name"] for item in (await http.get(f"/v1/items/{kept}/children")).json()["items"]]
    assert names == ["below"]
