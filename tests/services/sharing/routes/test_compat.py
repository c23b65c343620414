"""Sharing as a client of the CloudDrive API does it: its shapes, in the order in which it asks."""

from typing import Any

import pytest
from httpx import Response

from coffer_sharing.routes import compat
from factories.sharing import Sharing, id_made


def told(answer: Response, successor: str) -> Any:
    assert answer.status_code == 200, answer.text
    assert f'<{successor}>; rel="successor-version"' in answer.headers["link"]
    assert "deprecation" not in answer.headers
    return answer.json()


async def test_share_and_see_what_is_shared_in_the_order_of_that_client(sharing: Sharing) -> None:
    ann = await sharing.person()
    folder = await sharing.item("Holiday")
    photo = await sharing.item("beach.JPG", folder, "file")
    async with sharing.client() as http, sharing.client(ann) as hers:
        assert told(await hers.get("/shared-with-me"), "/v1/shares/with-me") == {"content": []}
        body = {"folder_id": folder.id, "username": str(ann.username).upper(), "read": True, "write": True, "delete": False}
        made = told(await http.post("/share", json=body), "/v1/shares")
        assert made == {"message": f"'Holiday' is shared with {ann.username}.", "id": made["id"]}
        sharing.clock.advance(seconds=1)
        told(await http.post("/share", json={"file_id": photo.id, "username": ann.username}), "/v1/shares")
        again = await http.post("/share", json=body)
        assert (again.status_code, isinstance(again.json()["detail"], str)) == (409, True)
        answer = await hers.get("/shared-with-me")
        assert 'rel="next"' not in answer.headers["link"]
        listed = told(answer, "/v1/shares/with-me")["content"]
        who = {"email": None, "username": sharing.owner.username, "size_in_bytes": None}
        assert listed == [
            {"id": photo.id, "name": "beach.JPG", "type": "jpg", "read": True, "write": False, "delete": False}
            | who
            | {"shared_at": "2026-11-20T12:00:01.000Z"},
            {"id": folder.id, "name": "Holiday", "type": None, "read": True, "write": True, "delete": False}
            | who
            | {"shared_at": "2026-11-20T12:00:00.000Z"},
        ]
        own = (await http.get(f"/v1/shares/{made['id']}")).json()
        assert (own["role"], own["permissions"]) == (
            "contributor",
            {"read": True, "write": True, "delete": False, "share": False},
        )
        assert (await http.delete(f"/v1/shares/{made['id']}")).status_code == 204
        assert [one["id"] for one in told(await hers.get("/shared-with-me"), "/v1/shares/with-me")["content"]] == [photo.id]


@pytest.mark.parametrize("delete", [False, True])
@pytest.mark.parametrize("write", [False, True])
async def test_every_set_of_rights_is_kept_and_granted_as_it_is(sharing: Sharing, *, write: bool, delete: bool) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    async with sharing.client() as http, sharing.client(ann) as hers:
        body = {"folder_id": folder.id, "username": ann.username, "read": True, "write": write, "delete": delete}
        share_id = told(await http.post("/share", json=body), "/v1/shares")["id"]
        [entry] = told(await hers.get("/shared-with-me"), "/v1/shares/with-me")["content"]
    assert (entry["read"], entry["write"], entry["delete"]) == (True, write, delete)
    [grant] = await sharing.facts(f"grant/{share_id}")
    assert grant.data.rights == ("read", *(["write"] if write else []), *(["delete"] if delete else []))


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"read": False}, 422, "validation_failed"),
        ({"file_id": id_made()}, 422, "validation_failed"),
        ({"folder_id": None}, 422, "validation_failed"),
        ({"folder_id": id_made()}, 404, "not_found"),
        ({"username": "nobody.of.this.name"}, 422, "validation_failed"),
        ({"username": None}, 422, "validation_failed"),
        ({"colour": "red"}, 422, "validation_failed"),
    ],
)
async def test_what_cannot_be_shared_is_refused(sharing: Sharing, change: dict[str, Any], status: int, code: str) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    async with sharing.client() as http:
        answer = await http.post("/share", json={"folder_id": folder.id, "username": ann.username} | change)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_a_folder_is_no_file_and_not_a_strangers_to_share(sharing: Sharing) -> None:
    ann, bob, folder = await sharing.person(), await sharing.person(), await sharing.item()
    await sharing.share(folder, ann)
    async with sharing.client() as http, sharing.client(ann) as hers, sharing.client(bob) as his:
        assert (await http.post("/share", json={"file_id": folder.id, "username": bob.username})).status_code == 404
        assert (await hers.post("/share", json={"folder_id": folder.id, "username": bob.username})).status_code == 403
        assert (await his.post("/share", json={"folder_id": folder.id, "username": ann.username})).status_code == 404


async def test_of_very_many_the_newest_come_and_a_link_leads_to_the_others(
    sharing: Sharing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compat, "LARGEST_LIMIT", 2)
    ann = await sharing.person()
    folders = [await sharing.item(f"f{number}") for number in range(3)]
    for folder in folders:
        sharing.clock.advance(seconds=1)
        await sharing.share(folder, ann)
    async with sharing.client(ann) as hers:
        answer = await hers.get("/shared-with-me")
        first = [one["id"] for one in answer.json()["content"]]
        rest = await hers.get(answer.links["next"]["url"])
        assert [*first, *(one["item"]["id"] for one in rest.json()["items"])] == [one.id for one in reversed(folders)]
