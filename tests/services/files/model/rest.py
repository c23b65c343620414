"""One person's drive over HTTP and in memory, step by step: both must say the same."""

from collections.abc import Callable
from typing import Any, TypeVar

import httpx

from coffer_contracts.ids import UploadId
from factories.files import Files, cleared, person, stored
from services.files.model.tree import Node, Refused
from services.files.model.uploads import Drive

T = TypeVar("T")

QUOTA = 1000
RARE = 23
"""The number of what never was."""
NOWHERE = "0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11"


class Pair:
    """The service and the model. Deeds pick by number from everything that ever was."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.owner = person()
        self.http = files.client(self.owner)
        self.drive = Drive("", QUOTA)
        self.ids: list[str] = []
        self.uploads: list[str] = []

    async def begin(self) -> None:
        root = (await self.http.get("/v1/items/root")).json()["id"]
        await self.files.rows(f"UPDATE drives SET quota_bytes = {QUOTA} WHERE root_id = '{root}' RETURNING 1")
        self.drive = Drive(root, QUOTA)
        self.ids = [root]
        for parent, name in ((0, "a"), (1, "b.txt"), (0, "c")):
            await self.make(parent, name, "fail")
        await self.start(1, "b.txt", 10, "rename")
        await self.arrive(0)

    async def end(self) -> None:
        await self.http.aclose()

    def item(self, number: int) -> str:
        """An item that is or was there; seldom one that never was."""
        return NOWHERE if number == RARE else self.ids[number % len(self.ids)]

    def upload_id(self, number: int) -> str:
        return NOWHERE if number == RARE or not self.uploads else self.uploads[number % len(self.uploads)]

    async def make(self, parent: int, name: str, conflict: str) -> None:
        body = {"parent_id": self.item(parent), "name": name, "conflict": conflict}
        answer = await self.http.post("/v1/folders", json=body)
        made = self.same(answer, lambda: self.drive.make(id_in(answer), body["parent_id"], name, conflict))
        if made is not None:
            self.ids.append(made.id)
            self.same_item(answer.json(), made)

    async def change(self, item: int, name: str | None, parent: int | None, conflict: str) -> None:
        wish = {"name": name, "parent_id": None if parent is None else self.item(parent), "conflict": conflict}
        item_id = self.item(item)
        answer = await self.http.patch(f"/v1/items/{item_id}", json=wish)
        changed = self.same(answer, lambda: self.drive.change(item_id, name, wish["parent_id"], conflict))
        if changed is not None:
            self.same_item(answer.json(), changed)

    async def throw_away(self, item: int) -> None:
        item_id = self.item(item)
        answer = await self.http.delete(f"/v1/items/{item_id}")
        self.same(answer, lambda: self.drive.throw_away(item_id))

    async def restore(self, item: int, parent: int | None, conflict: str) -> None:
        item_id, folder = self.item(item), None if parent is None else self.item(parent)
        answer = await self.http.post(f"/v1/trash/{item_id}/restore", json={"parent_id": folder, "conflict": conflict})
        restored = self.same(answer, lambda: self.drive.restore(item_id, folder, conflict))
        if restored is not None:
            self.same_item(answer.json(), restored)

    async def purge(self, item: int) -> None:
        item_id = self.item(item)
        answer = await self.http.delete(f"/v1/trash/{item_id}")
        self.same(answer, lambda: self.drive.purge(item_id))

    async def start(self, parent: int, name: str, size: int, conflict: str) -> None:
        body = {"parent_id": self.item(parent), "name": name, "size": size, "conflict": conflict}
        answer = await self.http.post("/v1/uploads", json=body)
        started = self.same(answer, lambda: self.drive.start(id_in(answer), self.item(parent), name, size, conflict))
        if started is not None:
            self.uploads.append(started.id)
            assert answer.json()["resolved_name"] == started.name

    async def start_content(self, item: int, size: int) -> None:
        item_id = self.item(item)
        answer = await self.http.post("/v1/uploads", json={"item_id": item_id, "size": size})
        started = self.same(answer, lambda: self.drive.start_content(id_in(answer), item_id, size))
        if started is not None:
            self.uploads.append(started.id)

    async def arrive(self, number: int) -> None:
        """The bytes come, and the media worker lets them in; perhaps not for the first time."""
        upload_id = self.upload_id(number)
        if upload_id == NOWHERE:
            return
        self.files.clock.advance(seconds=1)
        before = await self.files.now(UploadId(upload_id))
        await self.files.handle(stored(before), cleared(before))
        after = await self.files.now(before.id)
        upload = self.drive.arrive(upload_id, after.item_id or "")
        self._same_end(after.state, after.item_id, upload.state, upload.item)

    async def resolve(self, number: int, name: str | None, parent: int | None, conflict: str | None) -> None:
        upload_id, folder = self.upload_id(number), None if parent is None else self.item(parent)
        wish = {"name": name, "parent_id": folder, "conflict": conflict}
        answer = await self.http.patch(f"/v1/uploads/{upload_id}", json=wish)
        new_id = (answer.json().get("item_id") or "") if answer.status_code == 200 else ""
        resolved = self.same(answer, lambda: self.drive.resolve(upload_id, name, folder, conflict, new_id))
        if resolved is not None:
            self._same_end(answer.json()["state"], new_id, resolved.state, resolved.item)

    def _same_end(self, state: str, item_id: str | None, expected: str, item: str | None) -> None:
        assert (state, item_id or None) == (expected, item)
        if item is not None and item not in self.ids:
            self.ids.append(item)

    async def abort(self, number: int) -> None:
        upload_id = self.upload_id(number)
        answer = await self.http.delete(f"/v1/uploads/{upload_id}")
        self.same(answer, lambda: self.drive.abort(upload_id))

    async def look(self) -> None:
        """The same room, the same tree, the same trash."""
        usage = (await self.http.get("/v1/usage")).json()
        assert (usage["used"], usage["reserved"], usage["limit"]) == (self.drive.used, self.drive.reserved, QUOTA)
        await self._same_folder(self.drive.root)
        trash = (await self.http.get("/v1/trash", params={"limit": 1000})).json()["items"]
        assert {one["item"]["id"] for one in trash} == {node.id for node in self.drive.trash}
        liked = (await self.http.get("/v1/favourites", params={"limit": 1000})).json()["items"]
        assert {one["id"] for one in liked} == {
            one.id for one in self.drive.nodes.values() if one.favourite and self.drive.lives(one)
        }

    async def _same_folder(self, folder: Node) -> None:
        listed = (await self.http.get(f"/v1/items/{folder.id}/children", params={"limit": 1000})).json()["items"]
        children = {node.id: node for node in self.drive.children(folder)}
        assert {one["id"] for one in listed} == set(children)
        for one in listed:
            self.same_item(one, children[one["id"]])
            if one["kind"] == "folder":
                await self._same_folder(children[one["id"]])

    async def look_at(self, item: int) -> None:
        """One item, wherever it is."""
        item_id = self.item(item)
        answer = await self.http.get(f"/v1/items/{item_id}")
        node = self.same(answer, lambda: self.drive.known(item_id))
        if node is not None:
            self.same_item(answer.json(), node)

    @staticmethod
    def same_item(told: dict[str, Any], node: Node) -> None:
        assert told["id"] == node.id
        answered = (told["parent_id"], told["kind"], told["name"], told["size"], told["trashed_at"] is not None)
        assert answered == (node.parent, node.kind, node.name, node.size, node.trashed)
        assert (told["tags"], told["favourite"]) == (node.tags, node.favourite)

    @staticmethod
    def same(answer: httpx.Response, expected: Callable[[], T]) -> T | None:
        """What the model comes to; both refuse, for the same reason, or none does."""
        refusal, outcome = None, None
        try:
            outcome = expected()
        except Refused as refused:
            refusal = (refused.status, refused.code)
        got = (answer.status_code, answer.json()["code"]) if answer.status_code >= 300 else None
        assert got == refusal
        return outcome


def id_in(answer: httpx.Response) -> str:
    return str(answer.json()["id"]) if answer.status_code == 201 else NOWHERE
