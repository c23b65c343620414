"""What answers about shared items say, and what they keep to themselves."""

import pytest

from coffer_chassis.access import EDITOR, VIEWER
from coffer_chassis.identity import Principal
from factories.files import Files, granted, person


@pytest.fixture
def reader() -> Principal:
    return person(username="ben")


async def folder(files: Files, name: str, parent: str = "root") -> str:
    async with files.client() as http:
        return str((await http.post("/v1/folders", json={"parent_id": parent, "name": name})).json()["id"])


async def test_a_listing_says_of_a_child_what_the_child_itself_says(files: Files, reader: Principal) -> None:
    trips = await folder(files, "Trips")
    rome, paris = await folder(files, "Rome", trips), await folder(files, "Paris", trips)
    over = files.clock.now()
    await files.handle(
        granted(trips, files.owner, reader),
        granted(rome, files.owner, reader, EDITOR),
        granted(rome, files.owner, reader, VIEWER),
        granted(paris, files.owner, reader, EDITOR, expires_at=over),
    )
    async with files.client(reader) as http:
        listed = (await http.get(f"/v1/items/{trips}/children")).json()["items"]
        alone = {item: (await http.get(f"/v1/items/{item}")).json()["permissions"] for item in (rome, paris)}
    assert {item["id"]: item["permissions"] for item in listed} == alone
    assert (alone[rome]["write"], alone[paris]["write"]) == (True, False)


async def test_an_entity_tag_does_not_tell_how_deep_the_hidden_folders_are(files: Files, reader: Principal) -> None:
    shallow = await folder(files, "shallow")
    deep = await folder(files, "deep", await folder(files, "b", await folder(files, "a")))
    await files.handle(granted(shallow, files.owner, reader), granted(deep, files.owner, reader))
    async with files.client(reader) as http:
        tags = {(await http.get(f"/v1/items/{item}")).headers["etag"] for item in (shallow, deep)}
    assert len(tags) == 1


async def test_a_cached_answer_does_not_outlive_what_it_says_of_the_folder_above(files: Files, reader: Principal) -> None:
    private, trips = await folder(files, "private"), await folder(files, "Trips")
    middle = await folder(files, "middle", private)
    rome = await folder(files, "Rome", middle)
    await files.handle(granted(rome, files.owner, reader), granted(trips, files.owner, reader))
    async with files.client(reader) as http, files.client() as owning:
        before = await http.get(f"/v1/items/{rome}")
        await owning.patch(f"/v1/items/{middle}", json={"parent_id": trips})
        after = await http.get(f"/v1/items/{rome}", headers={"If-None-Match": before.headers["etag"]})
    assert (before.json()["parent_id"], after.status_code, after.json()["parent_id"]) == (None, 200, middle)


async def test_a_clash_beside_a_shared_item_does_not_tell_how_the_other_is_spelled(files: Files, reader: Principal) -> None:
    mine = await folder(files, "mine")
    await folder(files, "Very Secret")
    await files.handle(granted(mine, files.owner, reader, EDITOR))
    async with files.client(reader) as http:
        refused = await http.patch(f"/v1/items/{mine}", json={"name": "very secret"})
    assert refused.status_code == 409
    assert "Very Secret" not in refused.text
