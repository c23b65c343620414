"""What others were given: who sees and does what with it, from the moment sharing has told it until it takes it back."""

from datetime import timedelta
from typing import Any

import pytest

from coffer_chassis.access import EDITOR, VIEWER
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.event import Envelope, Event
from coffer_contracts.problems import Forbidden, NotFound
from coffer_files.handlers.granting import GRANTS
from coffer_files.handlers.items import find_item
from coffer_files.handlers.uploads import Resolution, resolve_upload
from factories.files import Files, cleared, granted, origin_of, person, stored, taken_back


@pytest.fixture
def reader() -> Principal:
    return person(username="ben")


async def folder(files: Files, name: str, parent: str = "root", *, by: Principal | None = None) -> str:
    async with files.client(by) as http:
        answer = await http.post("/v1/folders", json={"parent_id": parent, "name": name})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def ask(files: Files, who: Principal, method: str, path: str, **more: Any) -> tuple[int, Any]:
    async with files.client(who) as http:
        answer = await http.request(method, path, **more)
    return answer.status_code, answer.json() if answer.content else None


async def status(files: Files, who: Principal, method: str, path: str, **more: Any) -> int:
    return (await ask(files, who, method, path, **more))[0]


async def test_a_viewer_sees_the_whole_subtree_in_place_and_nothing_above_it(files: Files, reader: Principal) -> None:
    above = await folder(files, "private")
    trips = await folder(files, "Trips", above)
    below = await folder(files, "Rome", trips)
    file = await files.upload("a.jpg", parent=below)
    assert await status(files, reader, "GET", f"/v1/items/{trips}") == 404
    await files.handle(granted(trips, files.owner, reader))
    _, top = await ask(files, reader, "GET", f"/v1/items/{trips}", params={"include": "path"})
    assert (top["path"], top["parent_id"], top["shared"]) == ("/Trips", None, True)
    assert top["permissions"] == {"read": True, "write": False, "delete": False, "share": False}
    assert top["owner"]["id"] == files.owner.user_id
    _, inner = await ask(files, reader, "GET", f"/v1/items/{file.item_id}", params={"include": "path"})
    assert (inner["path"], inner["parent_id"], inner["shared"]) == ("/Trips/Rome/a.jpg", below, True)
    _, page = await ask(files, reader, "GET", f"/v1/items/{trips}/children", params={"include": "path"})
    assert [(item["id"], item["path"], item["permissions"]["write"]) for item in page["items"]] == [
        (below, "/Trips/Rome", False)
    ]
    for hidden in (above, (await files.drive()).root_id):
        assert await status(files, reader, "GET", f"/v1/items/{hidden}") == 404
        assert await status(files, reader, "GET", f"/v1/items/{hidden}/children") == 404


async def test_the_owner_sees_what_is_shared(files: Files, reader: Principal) -> None:
    trips, other = await folder(files, "Trips"), await folder(files, "Other")
    given = granted(trips, files.owner, reader)
    await files.handle(given)
    _, page = await ask(files, files.owner, "GET", "/v1/items/root/children")
    assert {item["id"]: item["shared"] for item in page["items"]} == {trips: True, other: False}
    assert (await ask(files, files.owner, "GET", f"/v1/items/{trips}"))[1]["shared"]
    await files.handle(taken_back(given))
    assert not (await ask(files, files.owner, "GET", f"/v1/items/{trips}"))[1]["shared"]


async def test_a_viewer_changes_nothing(files: Files, reader: Principal) -> None:
    trips = await folder(files, "Trips")
    below = await folder(files, "Rome", trips)
    await files.handle(granted(trips, files.owner, reader))
    refused = [
        ("PATCH", f"/v1/items/{below}", {"name": "Paris"}),
        ("PATCH", f"/v1/items/{below}", {"parent_id": trips, "name": "Paris"}),
        ("DELETE", f"/v1/items/{below}", None),
        ("POST", "/v1/folders", {"parent_id": trips, "name": "new"}),
        ("POST", "/v1/uploads", {"parent_id": trips, "name": "new.jpg", "size": 3}),
    ]
    for method, path, body in refused:
        assert await status(files, reader, method, path, json=body) == 403, path
    assert (await ask(files, files.owner, "GET", f"/v1/items/{below}"))[1]["name"] == "Rome"


async def test_an_editor_works_in_the_folder_on_the_owners_quota(files: Files, reader: Principal) -> None:
    trips = await folder(files, "Trips")
    await files.handle(granted(trips, files.owner, reader, EDITOR))
    made = await folder(files, "Rome", trips, by=reader)
    code, begun = await ask(files, reader, "POST", "/v1/uploads", json={"parent_id": made, "name": "a.jpg", "size": 70})
    assert code == 201
    upload = await files.now(begun["id"])
    assert (upload.owner_id, upload.uploader_id) == (files.owner.user_id, reader.user_id)
    await files.handle(stored(upload), cleared(upload))
    assert (await files.drive()).used_bytes == 70
    item = (await files.now(upload)).item_id
    code, renamed = await ask(files, reader, "PATCH", f"/v1/items/{item}", json={"name": "b.jpg", "parent_id": trips})
    assert (code, renamed["name"], renamed["parent_id"]) == (200, "b.jpg", trips)
    assert renamed["created_by"] == reader.user_id
    assert await status(files, reader, "DELETE", f"/v1/items/{item}") == 204
    assert (await ask(files, files.owner, "GET", "/v1/trash"))[1]["items"][0]["item"]["id"] == item
    code, back = await ask(files, reader, "POST", f"/v1/trash/{item}/restore", json={})
    assert (code, back["parent_id"]) == (200, trips)


async def test_an_editor_neither_removes_for_good_nor_carries_things_out(files: Files, reader: Principal) -> None:
    trips, private = await folder(files, "Trips"), await folder(files, "private")
    below = await folder(files, "Rome", trips)
    await files.handle(granted(trips, files.owner, reader, EDITOR))
    own = await folder(files, "mine", by=reader)
    assert await status(files, reader, "PATCH", f"/v1/items/{below}", json={"parent_id": own}) == 422
    assert await status(files, reader, "PATCH", f"/v1/items/{below}", json={"parent_id": private}) == 404
    assert await status(files, reader, "DELETE", f"/v1/items/{below}") == 204
    assert await status(files, reader, "DELETE", f"/v1/trash/{below}") == 403
    assert await status(files, files.owner, "DELETE", f"/v1/trash/{below}") == 204


async def test_a_clash_beside_a_shared_item_does_not_name_who_holds_the_name(files: Files, reader: Principal) -> None:
    file, other = await files.upload("a.txt"), await files.upload("b.txt")
    await files.handle(granted(str(file.item_id), files.owner, reader, EDITOR))
    code, problem = await ask(files, reader, "PATCH", f"/v1/items/{file.item_id}", json={"name": "b.txt"})
    assert (code, problem["code"], problem["existing"], problem["suggested_name"]) == (
        409, "name_conflict", None, "b (1).txt",
    )  # fmt: skip
    assert str(other.item_id) not in str(problem)


async def test_rights_move_with_the_folder_and_with_what_leaves_it(files: Files, reader: Principal) -> None:
    trips, private = await folder(files, "Trips"), await folder(files, "private")
    rome = await folder(files, "Rome", trips)
    file = await files.upload("a.jpg", parent=rome)
    await files.handle(granted(trips, files.owner, reader))
    await ask(files, files.owner, "PATCH", f"/v1/items/{trips}", json={"parent_id": private, "name": "Travels"})
    assert await status(files, reader, "GET", f"/v1/items/{file.item_id}") == 200
    await ask(files, files.owner, "PATCH", f"/v1/items/{rome}", json={"parent_id": private})
    for gone in (rome, str(file.item_id)):
        assert await status(files, reader, "GET", f"/v1/items/{gone}") == 404
    await ask(files, files.owner, "PATCH", f"/v1/items/{rome}", json={"parent_id": trips})
    assert await status(files, reader, "GET", f"/v1/items/{file.item_id}/content") == 302


async def test_what_is_trashed_above_is_gone_and_comes_back_with_it(files: Files, reader: Principal) -> None:
    above = await folder(files, "above")
    trips = await folder(files, "Trips", above)
    await files.handle(granted(trips, files.owner, reader, EDITOR))
    await ask(files, files.owner, "DELETE", f"/v1/items/{above}")
    assert await status(files, reader, "GET", f"/v1/items/{trips}") == 404
    assert await status(files, reader, "POST", "/v1/folders", json={"parent_id": trips, "name": "x"}) == 404
    await ask(files, files.owner, "POST", f"/v1/trash/{above}/restore", json={})
    assert await status(files, reader, "GET", f"/v1/items/{trips}") == 200


async def test_a_shared_item_in_the_trash_is_its_owners_alone(files: Files, reader: Principal) -> None:
    trips = await folder(files, "Trips")
    await files.handle(granted(trips, files.owner, reader, EDITOR))
    assert await status(files, reader, "DELETE", f"/v1/items/{trips}") == 204
    assert await status(files, reader, "GET", f"/v1/items/{trips}") == 404
    assert await status(files, reader, "POST", f"/v1/trash/{trips}/restore", json={}) == 404
    assert await status(files, files.owner, "POST", f"/v1/trash/{trips}/restore", json={}) == 200
    assert await status(files, reader, "GET", f"/v1/items/{trips}") == 200


async def test_rights_end_on_revoke_and_with_time(files: Files, reader: Principal) -> None:
    trips = await folder(files, "Trips")
    given = granted(trips, files.owner, reader, EDITOR)
    await files.handle(given, taken_back(given))
    assert await status(files, reader, "GET", f"/v1/items/{trips}") == 404
    end = files.clock.now() + timedelta(minutes=1)
    await files.handle(granted(trips, files.owner, reader, expires_at=end))
    assert await status(files, reader, "GET", f"/v1/items/{trips}") == 200
    files.clock.advance(minutes=1)
    assert await status(files, reader, "GET", f"/v1/items/{trips}") == 404


async def test_facts_out_of_order_and_twice_end_at_the_newest(files: Files, reader: Principal) -> None:
    trips = await folder(files, "Trips")
    first = granted(trips, files.owner, reader, EDITOR)
    less = granted(trips, files.owner, reader, VIEWER, grant_id=first.data.grant_id, sequence=2)  # type: ignore[attr-defined]  # envelopes of tests are typed by the base
    over = taken_back(first, sequence=3)
    await files.handle(less, first, first)
    assert (await ask(files, reader, "GET", f"/v1/items/{trips}"))[1]["permissions"]["write"] is False
    await files.handle(over, less, first)
    assert await status(files, reader, "GET", f"/v1/items/{trips}") == 404
    other = granted(trips, files.owner, reader)
    await files.handle(taken_back(other), other)
    assert await status(files, reader, "GET", f"/v1/items/{trips}") == 404


async def test_a_crash_before_the_commit_leaves_no_trace(files: Files, reader: Principal) -> None:
    trips = await folder(files, "Trips")
    fact = granted(trips, files.owner, reader)

    async def crash(fact: Envelope[Event]) -> None:
        async with files.deps.work.unit(cause=fact, consumer="test") as unit:
            await GRANTS[fact.type].run(fact, unit, files.deps)
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        await crash(fact)
    assert await status(files, reader, "GET", f"/v1/items/{trips}") == 404
    await files.handle(fact)
    assert await status(files, reader, "GET", f"/v1/items/{trips}") == 200


async def test_words_of_the_future_give_nothing(files: Files, reader: Principal) -> None:
    trips = await folder(files, "Trips")
    fact = granted(trips, files.owner, reader)
    odd = fact.model_copy(update={"data": fact.data.model_copy(update={"rights": ("teleport",)})})
    await files.handle(odd)
    assert await status(files, reader, "GET", f"/v1/items/{trips}") == 404


async def test_a_grant_to_somebody_else_or_to_a_link_is_not_mine(files: Files, reader: Principal) -> None:
    trips = await folder(files, "Trips")
    fact = granted(trips, files.owner, person())
    link = fact.model_copy(
        update={"id": fact.id[:-1] + "0", "data": fact.data.model_copy(update={"grantee": f"link/{reader.user_id}"})}
    )
    await files.handle(fact, link)
    assert await status(files, reader, "GET", f"/v1/items/{trips}") == 404


async def test_bytes_that_arrive_after_a_revoke_wait_for_their_owner(files: Files, reader: Principal) -> None:
    trips = await folder(files, "Trips")
    given = granted(trips, files.owner, reader, EDITOR)
    await files.handle(given)
    _, begun = await ask(files, reader, "POST", "/v1/uploads", json={"parent_id": trips, "name": "a.jpg", "size": 70})
    upload = await files.now(begun["id"])
    await files.handle(taken_back(given), stored(upload), cleared(upload))
    waiting = await files.now(upload)
    assert (waiting.state, waiting.reason) == ("conflict", "rights_lost")
    with pytest.raises((NotFound, Forbidden)):
        await resolve_upload(files.deps, reader, origin_of(reader), upload.id, Resolution(parent=trips))
    taken = await resolve_upload(files.deps, files.owner, files.origin, upload.id, Resolution(parent=trips))
    assert taken.state == "committed"


async def test_a_cached_answer_does_not_outlive_what_it_says_of_sharing(files: Files, reader: Principal) -> None:
    trips = await folder(files, "Trips")
    given = granted(trips, files.owner, reader, VIEWER)

    async def tag(who: Principal) -> str:
        async with files.client(who) as http:
            return (await http.get(f"/v1/items/{trips}")).headers["etag"]

    before = await tag(files.owner)
    await files.handle(given)
    assert await status(files, files.owner, "GET", f"/v1/items/{trips}", headers={"If-None-Match": before}) == 200
    shared, viewed = await tag(files.owner), await tag(reader)
    assert await status(files, reader, "GET", f"/v1/items/{trips}", headers={"If-None-Match": viewed}) == 304
    more = granted(trips, files.owner, reader, EDITOR, grant_id=given.data.grant_id, sequence=2)  # type: ignore[attr-defined]  # as above
    await files.handle(more)
    assert await status(files, reader, "GET", f"/v1/items/{trips}", headers={"If-None-Match": viewed}) == 200
    # Whatever tag the caller has of this revision, the item has not changed since.
    body = {"name": "Travels"}
    assert await status(files, reader, "PATCH", f"/v1/items/{trips}", json=body, headers={"If-Match": '"7-r0s"'}) == 412
    assert await status(files, reader, "PATCH", f"/v1/items/{trips}", json=body, headers={"If-Match": viewed}) == 200
    assert await status(files, files.owner, "PATCH", f"/v1/items/{trips}", json=body, headers={"If-Match": shared}) == 412


async def test_the_uploader_and_the_owner_see_an_upload_and_other_viewers_do_not(files: Files, reader: Principal) -> None:
    trips, other = await folder(files, "Trips"), person(username="eve")
    await files.handle(granted(trips, files.owner, reader, EDITOR), granted(trips, files.owner, other))
    _, begun = await ask(files, reader, "POST", "/v1/uploads", json={"parent_id": trips, "name": "a.jpg", "size": 70})
    path = f"/v1/uploads/{begun['id']}"
    assert [await status(files, who, "GET", path) for who in (reader, files.owner, other)] == [200, 200, 404]


async def test_a_principal_without_anything_finds_only_their_own_root(files: Files, reader: Principal) -> None:
    trips = await folder(files, "Trips")
    origin = Origin(reader.user_id, "user", "c")
    assert (await find_item(files.deps, reader, origin, "root")).at.item.owner_id == reader.user_id
    with pytest.raises(NotFound):
        await find_item(files.deps, reader, origin, trips)


async def test_the_owner_lists_what_others_send_into_the_drive_and_can_end_it(files: Files, reader: Principal) -> None:
    trips = await folder(files, "Trips")
    await files.handle(granted(trips, files.owner, reader, EDITOR))
    body = {"parent_id": trips, "name": "huge.bin", "size": 900_000}
    _, begun = await ask(files, reader, "POST", "/v1/uploads", json=body)
    own = await files.start("own.jpg")
    _, page = await ask(files, files.owner, "GET", "/v1/uploads")
    assert [upload["id"] for upload in page["items"]] == [own.id, begun["id"]]
    _, first = await ask(files, files.owner, "GET", "/v1/uploads", params={"limit": 1})
    _, second = await ask(files, files.owner, "GET", "/v1/uploads", params={"limit": 1, "cursor": first["next_cursor"]})
    assert [first["items"][0]["id"], second["items"][0]["id"], second["next_cursor"]] == [own.id, begun["id"], None]
    _, theirs = await ask(files, reader, "GET", "/v1/uploads", params={"state": "created"})
    assert [upload["id"] for upload in theirs["items"]] == [begun["id"]]
    assert await status(files, files.owner, "DELETE", f"/v1/uploads/{begun['id']}") == 204
    assert (await files.drive()).reserved_bytes == 100


async def test_the_end_of_an_upload_is_told_without_the_file_that_may_no_longer_be_seen(
    files: Files, reader: Principal
) -> None:
    trips = await folder(files, "Trips")
    given = granted(trips, files.owner, reader, EDITOR)
    await files.handle(given)
    _, begun = await ask(files, reader, "POST", "/v1/uploads", json={"parent_id": trips, "name": "a.jpg", "size": 70})
    upload = await files.now(begun["id"])
    await files.handle(stored(upload), cleared(upload), taken_back(given))
    code, answer = await ask(files, reader, "POST", f"/v1/uploads/{upload.id}/complete", json={})
    assert (code, answer["state"], "permissions" in answer) == (200, "committed", False)
