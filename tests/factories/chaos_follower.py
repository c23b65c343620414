"""A client that keeps a tree by the change feed alone, and the same tree by a fresh look; over HTTP only."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from factories.people import Person

Known = tuple[str | None, str, str, bool]
"""Folder above, if it may be seen; name; revision; whether it may be changed."""


@dataclass
class Follower:
    """One follower; without a cursor it begins with what is there."""

    person: Person
    cursor: str | None = None
    tree: dict[str, Known] = field(default_factory=dict)

    def catch_up(self, limit: int = 100) -> dict[str, Known]:
        """Read until nothing is left; what is known then."""
        while True:
            page = self.person.get("/v1/changes", limit=limit, **({"cursor": self.cursor} if self.cursor else {}))
            for change in page["changes"]:
                self._follow(change)
            self.cursor = page["cursor"]
            if not page["has_more"]:
                return self.tree

    def _follow(self, change: dict[str, Any]) -> None:
        if change["subtree"] or change["change"] == "remove":
            self._drop(change["item_id"])
        if change["change"] == "upsert":
            self.tree[change["item_id"]] = _known(change["item"])
        if change["subtree"]:
            self.tree |= {item["id"]: _known(item) for item in everything_below(self.person, change["item_id"])}

    def _drop(self, item_id: str) -> None:
        for child in [known for known, (parent, *_) in self.tree.items() if parent == item_id]:
            self._drop(child)
        self.tree.pop(item_id, None)


def _known(item: dict[str, Any]) -> Known:
    return item["parent_id"], item["name"], item["etag"], item["permissions"]["write"]


def everything_below(person: Person, folder_id: str) -> Iterator[dict[str, Any]]:
    """All items of a subtree by listing it, parents first."""
    answer = person.http.get(f"/v1/items/{folder_id}/children", params={"limit": 1000})
    for item in answer.json().get("items", ()):
        yield item
        if item["kind"] == "folder":
            yield from everything_below(person, item["id"])


def fresh_look(person: Person) -> dict[str, Known]:
    """What somebody sees who looks at their own root and at everything that is shared with them."""
    tops = [share["item"]["id"] for share in person.get("/v1/shares/with-me")["items"]]
    tree: dict[str, Known] = {}
    for top in ["root", *tops]:
        answer = person.http.get(f"/v1/items/{top}")
        if answer.status_code == 200 and not answer.json()["trashed_at"]:
            item = answer.json()
            tree[item["id"]] = _known(item)
            tree |= {below["id"]: _known(below) for below in everything_below(person, item["id"])}
    return tree
