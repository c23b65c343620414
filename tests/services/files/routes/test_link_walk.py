"""Every route of files, asked by visitors of public links that lead elsewhere: they read nothing and change nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, text

from coffer_chassis.access import EDITOR, VIEWER, Rights
from coffer_chassis.access_rules import rule_of
from coffer_chassis.ids import new_id
from coffer_chassis.tables import Id
from coffer_files.handlers.items import make_folder
from coffer_files.routes import ROUTES
from factories.files import Files
from factories.links import Links, Visitor

SECRET = "what nobody else may read"


@dataclass(frozen=True)
class Ask:
    """A request for something that lies elsewhere; what is in braces is filled in by the world."""

    path: str
    body: Any = None
    use: str | None = None
    """A ticket that sharing would never have signed goes along: for this."""


ASKS: dict[tuple[str, str], list[Ask]] = {
    ("POST", "/v1/archives"): [Ask("/v1/archives", {"item_ids": ["{file}"]}, "archive")],
    ("POST", "/v1/folders"): [Ask("/v1/folders", {"parent_id": "{folder}", "name": "x"})],
    ("GET", "/v1/items/{item:str}"): [Ask("/v1/items/{file}?include=path"), Ask("/v1/items/{folder}")],
    ("PATCH", "/v1/items/{item:str}"): [
        Ask("/v1/items/{file}", {"name": "x"}),
        Ask("/v1/items/{file}", {"parent_id": "{own}"}),
        Ask("/v1/items/{own_file}", {"parent_id": "{folder}"}),
        Ask("/v1/items/{file}", {"modified_at": "2026-01-01T00:00:00Z"}),
    ],
    ("DELETE", "/v1/items/{item:str}"): [Ask("/v1/items/{file}"), Ask("/v1/items/{folder}")],
    ("GET", "/v1/items/{item:str}/children"): [Ask("/v1/items/{folder}/children?include=total,thumbnail")],
    ("GET", "/v1/items/{item:str}/content"): [Ask("/v1/items/{file}/content", use="content")],
    ("HEAD", "/v1/items/{item:str}/content"): [Ask("/v1/items/{file}/content")],
    ("GET", "/v1/items/{item:str}/download-url"): [Ask("/v1/items/{file}/download-url", use="content")],
    ("GET", "/v1/items/{item:str}/preview"): [Ask("/v1/items/{file}/preview")],
    ("GET", "/v1/items/{item:str}/preview/info"): [Ask("/v1/items/{file}/preview/info")],
    ("POST", "/v1/uploads"): [
        Ask("/v1/uploads", {"parent_id": "{folder}", "name": SECRET, "size": 1, "conflict": "replace"}),
        Ask("/v1/uploads", {"item_id": "{file}", "size": 1}),
    ],
    ("GET", "/v1/uploads"): [Ask("/v1/uploads")],
    ("GET", "/v1/uploads/{upload:str}"): [Ask("/v1/uploads/{upload}"), Ask("/v1/uploads/{sent}")],
    ("PATCH", "/v1/uploads/{upload:str}"): [Ask("/v1/uploads/{upload}", {"name": "x"}), Ask("/v1/uploads/{sent}", {})],
    ("DELETE", "/v1/uploads/{upload:str}"): [Ask("/v1/uploads/{upload}"), Ask("/v1/uploads/{sent}")],
    ("POST", "/v1/uploads/{upload:str}/parts"): [
        Ask("/v1/uploads/{upload}/parts", {"numbers": [1]}),
        Ask("/v1/uploads/{sent}/parts", {"numbers": [1]}),
    ],
    ("POST", "/v1/uploads/{upload:str}/complete"): [Ask("/v1/uploads/{upload}/complete"), Ask("/v1/uploads/{sent}/complete")],
    ("POST", "/v1/uploads/{upload:str}/retry"): [Ask("/v1/uploads/{upload}/retry"), Ask("/v1/uploads/{sent}/retry")],
    ("POST", "/v1/uploads/batch"): [
        Ask("/v1/uploads/batch", {"parent_id": "{folder}", "files": [{"name": SECRET, "size": 1, "path": "a/b"}]})
    ],
    ("POST", "/v1/uploads/complete"): [Ask("/v1/uploads/complete", {"upload_ids": ["{upload}", "{sent}"]})],
}
EMPTY = {("GET", "/v1/uploads"), ("POST", "/v1/uploads/complete")}
"""These answer 200 and hold nothing: of many each has a result of its own."""

RULES = {
    (str(method), path): rule
    for handler in ROUTES
    for path in handler.paths
    for method in handler.http_methods
    if (rule := rule_of(handler)) is not None
}


def test_every_route_that_visitors_reach_is_asked() -> None:
    assert set(ASKS) == {route for route, rule in RULES.items() if rule.links}


@dataclass
class World:
    """Two folders of one drive. One holds what is secret; a link leads to the other."""

    files: Files
    links: Links
    names: dict[str, str]
    beside: Visitor
    """Who sends something through a link to the secret folder."""

    async def state(self) -> list[Any]:
        """All that could have changed, also by what was begun."""
        counted = (
            "SELECT 'item', id::text, revision FROM items WHERE owner_id = :owner UNION ALL "
            "SELECT 'upload', id::text, revision FROM uploads WHERE owner_id = :owner UNION ALL "
            "SELECT 'version', v.id::text, 0 FROM versions v JOIN items i ON i.id = v.item_id WHERE i.owner_id = :owner "
            "UNION ALL "
            "SELECT 'change', item_id::text, count(*) FROM changes WHERE owner_id = :owner GROUP BY item_id UNION ALL "
            "SELECT 'bytes', owner_id::text, used_bytes + reserved_bytes FROM drives WHERE owner_id = :owner UNION ALL "
            "SELECT 'fact', type, count(*) FROM outbox WHERE owner_id = :owner GROUP BY type ORDER BY 1, 2"
        )
        statement = text(counted).bindparams(bindparam("owner", self.files.owner.user_id, type_=Id))
        return [tuple(row) for row in await self.files.rows(statement)]


@pytest.fixture
async def world(files: Files, tmp_path: Path) -> World:
    links = Links(files, tmp_path)

    async def folder(name: str) -> str:
        made, _ = await make_folder(files.deps, files.owner, files.origin, None, parent="root", name=name, conflict="fail")
        return made.at.item.id

    secret, own = await folder(SECRET), await folder("own")
    file = await files.upload(SECRET, parent=secret)
    own_file = await files.upload("own.txt", parent=own)
    upload = await files.start(parent=secret)
    beside = await links.visitor(secret, Rights.UPLOAD)
    async with beside.client() as http:
        sent = (await http.post("/v1/uploads", json={"parent_id": secret, "name": SECRET, "size": 7})).json()
    names = {
        "folder": secret,
        "file": str(file.item_id),
        "own": own,
        "own_file": str(own_file.item_id),
        "upload": upload.id,
        "sent": sent["id"],
    }
    return World(files, links, names, beside)


def filled(value: Any, names: dict[str, str]) -> Any:
    match value:
        case str():
            return value.format(**names)
        case list():
            return [filled(one, names) for one in value]
        case dict():
            return {name: filled(one, names) for name, one in value.items()}
    return value


@pytest.mark.slow
@pytest.mark.parametrize("rights", [VIEWER, EDITOR, Rights.UPLOAD], ids=["view", "edit", "upload"])
async def test_a_link_to_elsewhere_reads_nothing_and_changes_nothing(world: World, rights: Rights) -> None:
    visitor = await world.links.visitor(world.names["own"], rights)
    forged = Visitor(world.links, visitor.link, world.beside.session)
    before = await world.state()
    for who in (visitor, forged):
        async with who.client() as http:
            for (method, path), asks in ASKS.items():
                for ask in asks:
                    headers = {"Coffer-Ticket": who.ticket(world.names["file"], ask.use)} if ask.use else {}
                    body = {"json": filled(ask.body, world.names)} if ask.body is not None else {}
                    answer = await http.request(method, filled(ask.path, world.names), headers=headers, **body)
                    asked = f"{method} {path}: {answer.status_code} {answer.text}"
                    if (method, path) in EMPTY and answer.status_code == 200:
                        shown = answer.json()
                        assert shown.get("items", []) == [], asked
                        assert {one["problem"]["code"] for one in shown.get("results", [])} <= {"not_found"}, asked
                    else:
                        assert answer.status_code == 404, asked
                    assert SECRET not in answer.text, asked
    assert await world.state() == before


@pytest.mark.parametrize("rights", [EDITOR, Rights.UPLOAD], ids=["edit", "upload"])
async def test_no_other_route_knows_visitors_at_all(world: World, rights: Rights) -> None:
    visitor = await world.links.visitor(world.names["folder"], rights)
    before = await world.state()
    ids = {"item": "file", "upload": "upload"}
    async with visitor.client() as http:
        for (method, path), rule in RULES.items():
            if rule.links or rule.audience == "public":
                continue
            parts = [part[1:].partition(":")[0] if part.startswith("{") else part for part in path.split("/")]
            at = "/".join(
                world.names.get(ids.get(part, ""), new_id()) if part != raw else part
                for part, raw in zip(parts, path.split("/"), strict=True)
            )
            answer = await http.request(method, at, json={} if method in {"POST", "PUT", "PATCH"} else None)
            assert answer.status_code == 403, f"{method} {path}: {answer.status_code} {answer.text}"
            assert method == "HEAD" or answer.json()["code"] == "forbidden"
    assert await world.state() == before
