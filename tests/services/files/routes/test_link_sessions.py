"""What a visitor of a public link may do: look about below the link, and fetch bytes with a ticket for each time."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from coffer_chassis.access import EDITOR
from coffer_chassis.ids import new_id
from coffer_contracts.ids import LinkFamilyId, LinkId
from coffer_contracts.sharing_links import LinkSessionsEndedV1
from coffer_files.handlers.downloads import forget_downloads, tell_downloads
from coffer_files.handlers.interactions import write_interactions
from coffer_files.handlers.items import make_folder
from factories.accounts import Issuer
from factories.files import Files, envelope
from factories.links import Links, Visitor


@pytest.fixture
def links(files: Files, tmp_path: Path) -> Links:
    return Links(files, tmp_path)


@pytest.fixture
async def folder(files: Files) -> str:
    made, _ = await make_folder(files.deps, files.owner, files.origin, None, parent="root", name=new_id(), conflict="fail")
    return made.at.item.id


@pytest.fixture
async def file(files: Files, folder: str) -> str:
    done = await files.upload("a.jpg", parent=folder)
    assert done.item_id
    return done.item_id


@pytest.fixture
async def visitor(links: Links, folder: str) -> Visitor:
    return await links.visitor(folder)


def refused(answer: Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_a_visitor_sees_what_lies_below_the_link_and_nothing_else(
    files: Files, visitor: Visitor, folder: str, file: str
) -> None:
    beside = await files.upload("beside.jpg")
    async with visitor.client() as http:
        root = (await http.get(f"/v1/items/{folder}")).json()
        assert (root["parent_id"], root["permissions"]["write"], root["shared"]) == (None, False, True)
        assert [item["id"] for item in (await http.get(f"/v1/items/{folder}/children")).json()["items"]] == [file]
        assert (await http.get(f"/v1/items/{file}", params={"include": "path"})).json()["path"].count("/") == 2
        for ref in (beside.item_id, root["owner"]["id"], "root"):
            refused(await http.get(f"/v1/items/{ref}"), 404, "not_found")
        refused(await http.get("/v1/items/root/children"), 404, "not_found")
        refused(await http.post("/v1/folders", json={"parent_id": "root", "name": "x"}), 404, "not_found")
        refused(await http.post("/v1/folders", json={"parent_id": folder, "name": "x"}), 403, "forbidden")
        for path in ("/v1/trash", "/v1/changes", "/v1/usage", "/v1/recent"):
            refused(await http.get(path), 403, "forbidden")
    assert await files.rows(f"SELECT 1 FROM drives WHERE owner_id = '{visitor.link}'") == []


async def test_a_link_to_change_things_changes_them(links: Links, folder: str) -> None:
    editor = await links.visitor(folder, EDITOR)
    async with editor.client() as http:
        made = await http.post("/v1/folders", json={"parent_id": folder, "name": "by a visitor"})
        assert made.status_code == 201
        assert made.json()["created_by"] == editor.link
        assert (await http.patch(f"/v1/items/{made.json()['id']}", json={"name": "renamed"})).status_code == 200
        assert (await http.delete(f"/v1/items/{made.json()['id']}")).status_code == 204
    bare = await links.visitor(folder, EDITOR, scopes=["files:read"])
    async with bare.client() as http:
        refused(await http.post("/v1/folders", json={"parent_id": folder, "name": "x"}), 403, "insufficient_scope")


async def test_what_a_visitor_changes_is_the_links_doing_and_nobodys_own(links: Links, folder: str, file: str) -> None:
    files = links.files
    beside = (await files.upload("beside.jpg", parent=folder)).item_id
    editor = await links.visitor(folder, EDITOR)
    async with editor.client() as http, files.client() as owner:
        made = await http.post("/v1/folders", json={"parent_id": folder, "name": "below"})
        assert made.status_code == 201, made.text
        below = made.json()["id"]
        moved = await http.patch(f"/v1/items/{file}", json={"parent_id": below, "name": "beside.jpg"})
        assert (moved.status_code, moved.json()["parent_id"], moved.json()["favourite"]) == (200, below, False)
        back = await http.patch(f"/v1/items/{file}", json={"parent_id": folder, "conflict": "replace"})
        assert back.status_code == 200
        assert [one["item"]["id"] for one in (await owner.get("/v1/trash")).json()["items"]] == [beside]
        assert (await http.get(f"/v1/items/{beside}")).status_code == 404
        refused(await http.patch(f"/v1/items/{folder}", json={"parent_id": "root"}), 404, "not_found")
        shown = await http.get(f"/v1/items/{folder}/children", params={"include": "thumbnail,total", "sort": "-modified_at"})
        assert {item["id"] for item in shown.json()["items"]} == {below, file}
        assert (await http.delete(f"/v1/items/{below}")).status_code == 204
    await write_interactions(files.deps.work, files.deps.interactions)
    assert await files.rows(f"SELECT 1 FROM marks WHERE user_id = '{editor.link}'") == []
    told = [fact for fact in await files.facts() if fact.actorid == editor.link]
    assert {fact.actorkind for fact in told} == {"link"}
    kinds = ["created", "changed", "trashed", "changed", "trashed"]
    assert [fact.type.split(".")[2] for fact in told] == kinds


@pytest.mark.parametrize("path", ["content", "download-url"])
async def test_bytes_come_for_a_ticket_and_once(files: Files, visitor: Visitor, file: str, path: str) -> None:
    at, ticket = f"/v1/items/{file}/{path}", visitor.ticket(file)
    async with visitor.client() as http:
        refused(await http.get(at), 403, "ticket_required")
        assert (await http.head(f"/v1/items/{file}/content")).status_code == 200
        answer = await http.get(at, headers={"Coffer-Ticket": ticket})
        assert answer.status_code in {200, 302}
        refused(await http.get(at, headers={"Coffer-Ticket": ticket}), 403, "ticket_required")
        refused(await http.get(at, params={"ticket": ticket}), 403, "ticket_required")
        assert (await http.get(at, params={"ticket": visitor.ticket(file)})).status_code in {200, 302}
        assert (await http.get(f"/v1/items/{file}/preview")).status_code == 202
    assert await tell_downloads(files.deps.work, files.deps.downloads) == 1
    [fact] = [fact for fact in await files.facts("files.item.downloaded.v1") if fact.data.item_id == file]
    assert (fact.actorkind, fact.actorid, fact.ownerid) == ("link", visitor.link, files.owner.user_id)


async def test_a_ticket_that_is_used_twice_at_once_is_used_once(visitor: Visitor, file: str) -> None:
    ticket = visitor.ticket(file)
    async with visitor.client() as http:
        asked = [http.get(f"/v1/items/{file}/content", params={"ticket": ticket}) for _ in range(5)]
        answers = [await one for one in asyncio.as_completed(asked)]
    assert sorted(answer.status_code for answer in answers) == [302, 403, 403, 403, 403]


WRONG: list[dict[str, Any]] = [
    {"sub": "link/0193439e-8a5c-7000-8000-00000000dead"},
    {"sid": "another session"},
    {"sid": None},
    {"item_id": "0193439e-8a5c-7000-8000-00000000dead"},
    {"item_id": None},
    {"version_id": "0193439e-8a5c-7000-8000-00000000dead"},
    {"version_id": 7},
    {"use": "archive"},
    {"use": "everything"},
    {"use": None},
    {"kind": "link"},
    {"kind": "access"},
    {"seconds": 61},
    {"seconds": 0},
    {"seconds": -60},
    {"jti": None},
    {"aud": "another-product"},
    {"issuer": Issuer(name="coffer-sharing", kinds=("ticket",))},
]


@pytest.mark.parametrize("bent", WRONG, ids="-".join)
async def test_a_ticket_for_anything_else_opens_nothing(visitor: Visitor, file: str, bent: dict[str, Any]) -> None:
    async with visitor.client() as http:
        for ticket in (visitor.ticket(**{"item_id": file, **bent}), "nonsense", ""):
            refused(await http.get(f"/v1/items/{file}/content", headers={"Coffer-Ticket": ticket}), 403, "ticket_required")


async def test_a_ticket_ends_by_time_with_the_session_and_with_the_link(links: Links, visitor: Visitor, file: str) -> None:
    at, ticket = f"/v1/items/{file}/content", visitor.ticket(file)
    async with visitor.client() as http:
        links.clock.advance(seconds=66)
        refused(await http.get(at, params={"ticket": ticket}), 403, "ticket_required")
        links.files.deps.denied.revocations.add(visitor.session, links.clock.now() + timedelta(hours=1))
        refused(await http.get(at, params={"ticket": visitor.ticket(file)}), 401, "unauthenticated")
        other = await links.visitor(file)
        async with other.client() as mine:
            refused(await mine.get(at, params={"ticket": visitor.ticket(file)}), 403, "ticket_required")


async def test_visitors_who_came_in_before_are_out_when_sharing_says_so(links: Links, folder: str) -> None:
    family, other = LinkFamilyId(new_id()), new_id()
    before, after = await links.visitor(folder, fam=family), await links.visitor(folder, fam=other)
    ended = LinkSessionsEndedV1(
        link_id=LinkId(before.link),
        owner_id=links.files.owner.user_id,
        family_id=family,
        reason="protection",
        tokens_expire_at=links.clock.now() + timedelta(minutes=15),
        ended_at=links.clock.now(),
    )
    async with before.client() as http, after.client() as beside:
        assert (await http.get(f"/v1/items/{folder}")).status_code == 200
        for _ in range(2):
            await links.files.handle(envelope(ended, source="/sharing"))
        refused(await http.get(f"/v1/items/{folder}"), 401, "unauthenticated")
        assert (await beside.get(f"/v1/items/{folder}")).status_code == 200


async def test_a_ticket_names_a_version_or_means_the_current_one(files: Files, visitor: Visitor, folder: str) -> None:
    old = await files.upload("v.jpg", 10, parent=folder)
    new = await files.upload("v.jpg", 20, parent=folder, conflict="replace")
    item = str(old.item_id)
    async with visitor.client() as http:

        async def status(ticket: str, **query: Any) -> int:
            return (await http.get(f"/v1/items/{item}/content", params={"ticket": ticket, **query})).status_code

        assert await status(visitor.ticket(item), version_id=old.version_id) == 403
        assert await status(visitor.ticket(item, version_id=old.version_id), version_id=old.version_id) == 302
        assert await status(visitor.ticket(item, version_id=old.version_id)) == 403
        assert await status(visitor.ticket(item, version_id=new.version_id)) == 302


async def test_nobody_else_needs_a_ticket_and_none_opens_a_door_for_them(links: Links, visitor: Visitor, file: str) -> None:
    token = links.auth.token(links.clock.now(), user_id=links.files.owner.user_id)
    stranger = links.auth.token(links.clock.now(), user_id=new_id())
    async with links.client(token) as http:
        assert (await http.get(f"/v1/items/{file}/content")).status_code == 302
    async with links.client(stranger) as http:
        refused(await http.get(f"/v1/items/{file}/content", params={"ticket": visitor.ticket(file)}), 404, "not_found")
    async with links.client(visitor.ticket(file)) as http:
        refused(await http.get(f"/v1/items/{file}/content"), 401, "unauthenticated")


async def test_used_tickets_are_forgotten_when_nobody_can_show_them_any_more(links: Links, visitor: Visitor, file: str) -> None:
    async with visitor.client() as http:
        assert (await http.get(f"/v1/items/{file}/content", params={"ticket": visitor.ticket(file)})).status_code == 302
    links.clock.advance(days=2)
    await forget_downloads(links.files.deps.work)
    assert await links.files.rows("SELECT 1 FROM used_tickets") == []
