"""The rest of what one person can do with a drive: copies, tags, favourites, paths, many things at once."""

import copy
from typing import Any
from urllib.parse import quote

from coffer_files.handlers.working import run_jobs
from services.files.model.rest import NOWHERE, Pair, id_in
from services.files.model.tree import Node, Refused
from services.files.model.uploads import Drive

Operation = tuple[str, int, dict[str, Any]]
"""Verb, item by number, and arguments, `parent_id` by number."""


class Everything(Pair):
    """The service and the model, with all there is to do."""

    async def tag(self, item: int, tags: list[str]) -> None:
        item_id = self.item(item)
        answer = await self.http.put(f"/v1/items/{item_id}/tags", json={"tags": tags})
        tagged = self.same(answer, lambda: self.drive.tag(item_id, tags))
        if tagged is not None:
            self.same_item(answer.json(), tagged)

    async def favour(self, item: int, *, wanted: bool) -> None:
        item_id = self.item(item)
        answer = await self.http.request("PUT" if wanted else "DELETE", f"/v1/items/{item_id}/favourite")
        self.same(answer, lambda: self.drive.favour(item_id, wanted=wanted))

    async def empty(self) -> None:
        """What was thrown away until now; a second one waits for the first."""
        self.files.clock.advance(seconds=1)
        answer = await self.http.delete("/v1/trash")
        assert answer.status_code == 202
        await run_jobs(self.files.deps)
        self.drive.empty()

    async def find(self, item: int) -> None:
        """By its path, which nothing in the trash has."""
        node = self.drive.nodes.get(self.item(item))
        if node is not None and self.drive.lives(node):
            answer = await self.http.get(f"/v1/items/by-path?path={quote(self.drive.path(node))}")
            assert answer.status_code == 200
            self.same_item(answer.json(), node)

    async def copy(self, item: int, parent: int, name: str | None, conflict: str) -> None:
        """Of folders only where everything goes into a new one and there is room for it: the rest is told by other tests."""
        source, folder = self.item(item), self.item(parent)
        self.files.clock.advance(seconds=1)
        node = self.drive.nodes.get(source)
        if node is not None and node.kind == "folder":
            conflict = "rename" if conflict == "replace" else conflict
            living = [one for one in self.drive.below(node) if self.drive.lives(one)]
            if self.drive.used + self.drive.reserved + sum(one.size or 0 for one in living) > self.drive.quota:
                return
        body = {"parent_id": folder, "name": name, "conflict": conflict}
        answer = await self.http.post(f"/v1/items/{source}/copy", json=body)
        new_id = answer.json()["result"]["item_id"] if answer.status_code == 202 else id_in(answer)
        # What is in it now, before the copy may be part of it.
        before = copy.deepcopy(self.drive)
        made = self.same(answer, lambda: self.drive.copy(new_id, source, folder, name, conflict))
        if made is None:
            return
        if made.id not in self.ids:
            self.ids.append(made.id)
        if answer.status_code == 202:
            await run_jobs(self.files.deps)
            job = (await self.http.get(answer.headers["location"])).json()
            assert job["state"] == "succeeded", job
            await self._adopt(before, before.nodes[source], made)
        else:
            self.same_item(answer.json(), made)

    async def _adopt(self, before: Drive, source: Node, made: Node) -> None:
        """Learn the ids of what a job has copied; everything that was there must be."""
        listed = (await self.http.get(f"/v1/items/{made.id}/children", params={"limit": 1000})).json()["items"]
        ids = {one["name"]: one["id"] for one in listed}
        children = before.children(source)
        assert set(ids) == {child.name for child in children}
        for child in children:
            node = Node(ids[child.name], made.id, child.kind, child.name, child.sizes[-1:], tags=child.tags)
            self.drive.nodes[node.id] = node
            self.ids.append(node.id)
            if child.kind == "folder":
                await self._adopt(before, child, node)

    async def _versions(self, item_id: str) -> list[str]:
        """Their ids, the newest first; both must have the same ones."""
        answer = await self.http.get(f"/v1/items/{item_id}/versions", params={"limit": 1000})
        node = self.same(answer, lambda: self.drive.versions(item_id, living=False))
        if node is None:
            return []
        told = answer.json()["items"]
        assert [one["size"] for one in told] == node.sizes[::-1]
        assert [one["current"] for one in told] == [True] + [False] * (len(told) - 1)
        return [one["id"] for one in told]

    async def bring_back(self, item: int, number: int) -> None:
        """An older version on top."""
        self.files.clock.advance(seconds=1)
        item_id = self.item(item)
        ids = await self._versions(item_id)
        place = number % len(ids) if ids else 0
        answer = await self.http.post(f"/v1/items/{item_id}/versions/{ids[place] if ids else NOWHERE}/restore")
        brought = self.same(answer, lambda: self.drive.bring_back(item_id, place))
        if brought is not None:
            self.same_item(answer.json(), brought)

    async def delete_version(self, item: int, number: int) -> None:
        item_id = self.item(item)
        ids = await self._versions(item_id)
        place = number % len(ids) if ids else 0
        answer = await self.http.delete(f"/v1/items/{item_id}/versions/{ids[place] if ids else NOWHERE}")
        self.same(answer, lambda: self.drive.delete_version(item_id, place))

    async def batch(self, operations: list[Operation], *, atomic: bool) -> None:
        """Several things in one request: each with the answer that it would have had alone, or none of them is done."""
        asked, expected = [], []
        before = copy.deepcopy(self.drive)
        for verb, item, arguments in operations:
            args = {key: self.item(value) if key == "parent_id" else value for key, value in arguments.items()}
            item_id = self.item(item)
            asked.append({"op": verb, "item_id": item_id, "args": args})
            try:
                _DONE[verb](self.drive, item_id, args)
            except Refused as refused:
                expected.append((refused.status, refused.code))
            else:
                expected.append((204 if verb == "purge" else 200, ""))
        if atomic and any(code for _, code in expected):
            self.drive = before
            expected = [one if one[1] else (424, "batch_undone") for one in expected]
        answer = await self.http.post("/v1/batch", json={"operations": asked, "atomic": atomic})
        assert answer.status_code == 200, answer.text
        told = [(one["status"], (one.get("problem") or {}).get("code", "")) for one in answer.json()["results"]]
        assert told == expected


_DONE: dict[str, Any] = {
    "move": lambda drive, item, args: drive.change(item, None, args["parent_id"], args["conflict"]),
    "rename": lambda drive, item, args: drive.change(item, args["name"], None, args["conflict"]),
    "trash": lambda drive, item, _: drive.throw_away(item),
    "restore": lambda drive, item, args: drive.restore(item, None, args["conflict"]),
    "purge": lambda drive, item, _: drive.purge(item),
    "tag": lambda drive, item, args: drive.tag(item, args["tags"]),
    "favourite": lambda drive, item, args: drive.favour(item, wanted=args["favourite"]),
}
