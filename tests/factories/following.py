"""A client that keeps a tree by the change feed alone, and the fresh look that it is held against."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx

Known = tuple[str | None, str, bool, str | None, tuple[str, ...], bool]
"""The folder above, if it may be seen, name, whether it may be changed, the version of its content, tags, and whether it is a
favourite.
"""


@dataclass
class Follower:
    """A client that keeps a tree by the feed alone: it puts, removes, and lists anew where it is told to."""

    http: httpx.AsyncClient
    cursor: str | None = None
    tree: dict[str, Known] = field(default_factory=dict)

    doubted: set[str] = field(default_factory=set)
    restarts: int = 0
    turns: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def page(self, limit: int) -> dict[str, Any]:
        """Read one page and follow it; a client follows one at a time."""
        async with self.turns:
            return await self._page(limit)

    async def _page(self, limit: int) -> dict[str, Any]:
        params: dict[str, Any] = {"limit": limit} | ({"cursor": self.cursor} if self.cursor else {})
        answer = await self.http.get("/v1/changes", params=params)
        if answer.status_code == 410 and self.cursor:
            assert answer.json()["code"] == "cursor_expired"
            self.start_anew()
            return {"changes": [], "has_more": True}
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        for change in page["changes"]:
            if change["subtree"] or change["change"] == "remove":
                self.drop(change["item_id"])
            if change["change"] == "upsert":
                self.put(change["item"])
            if change["subtree"]:
                await self.list_anew(change["item_id"])
        self.cursor = page["cursor"]
        if not page["has_more"]:
            # What was not told again is gone.
            for item_id in self.doubted & self.tree.keys():
                del self.tree[item_id]
            self.doubted = set()
        return page

    def start_anew(self) -> None:
        """Forget the place, and doubt all that is known until it is told again."""
        self.cursor = None
        self.doubted = set(self.tree)
        self.restarts += 1

    async def catch_up(self, limit: int = 1000) -> None:
        """Read until nothing is left."""
        while (await self.page(limit))["has_more"]:
            pass

    def put(self, item: dict[str, Any]) -> None:
        """Know an item as it stands."""
        self.doubted.discard(item["id"])
        self.tree[item["id"]] = known(item)

    def drop(self, item_id: str) -> None:
        """Forget an item with everything below it."""
        for child in [below for below, (parent, *_) in self.tree.items() if parent == item_id]:
            self.drop(child)
        self.tree.pop(item_id, None)

    async def list_anew(self, folder_id: str) -> None:
        """List a folder with everything below it. What has gone meanwhile is told later."""
        async for item in everything_below(self.http, folder_id):
            self.put(item)


def known(item: dict[str, Any]) -> Known:
    """What a client keeps of an item."""
    known = item["parent_id"], item["name"], item["permissions"]["write"], item["version_id"]
    return (*known, tuple(item["tags"]), item["favourite"])


async def everything_below(http: httpx.AsyncClient, folder_id: str) -> AsyncIterator[dict[str, Any]]:
    """All items of a subtree by listing it, parents first."""
    answer = await http.get(f"/v1/items/{folder_id}/children", params={"limit": 1000})
    for item in answer.json().get("items", ()):
        yield item
        if item["kind"] == "folder":
            async for below in everything_below(http, item["id"]):
                yield below


async def fresh(http: httpx.AsyncClient, tops: list[str]) -> dict[str, Known]:
    """What somebody sees who looks at their own root and at everything that was shared with them."""
    tree = {}
    for top in ["root", *tops]:
        answer = await http.get(f"/v1/items/{top}")
        if answer.status_code == 200 and not answer.json()["trashed_at"]:
            item = answer.json()
            tree[item["id"]] = known(item)
            async for below in everything_below(http, item["id"]):
                tree[below["id"]] = known(below)
    return tree


async def told(http: httpx.AsyncClient, cursor: str) -> list[tuple[str, str, str, bool]]:
    answer = await http.get("/v1/changes", params={"cursor": cursor})
    return [(one["item_id"], one["change"], one["reason"], one["subtree"]) for one in answer.json()["changes"]]


async def now(http: httpx.AsyncClient) -> str:
    return str((await http.get("/v1/changes/cursor")).json()["cursor"])


async def make(http: httpx.AsyncClient, name: str, parent: str = "root") -> str:
    return str((await http.post("/v1/folders", json={"parent_id": parent, "name": name})).json()["id"])
