"""A drive in memory: what the service is held against. No transactions, no rights, no indexes: only what must come out."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from services.files.model import names


class Refused(Exception):
    """The answer that is no success."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(status, code)
        self.status, self.code = status, code


NOT_FOUND = Refused(404, "not_found")
TAKEN = Refused(409, "name_conflict")
WRONG_KIND = Refused(409, "kind_conflict")
WRONG_STATE = Refused(409, "state_conflict")
CYCLE = Refused(409, "cycle")
BAD_REQUEST = Refused(422, "validation_failed")
BAD_NAME = Refused(422, "name_invalid")
FULL = Refused(403, "quota_exceeded")


@dataclass
class Node:
    """A file or folder. `sizes` are those of a file's versions, the newest last."""

    id: str
    parent: str | None
    kind: str
    name: str
    sizes: list[int] = field(default_factory=list)
    trashed: bool = False
    tags: list[str] = field(default_factory=list)
    favourite: bool = False

    @property
    def size(self) -> int | None:
        return self.sizes[-1] if self.kind == "file" else None


class Tree:
    """Folders and files of one person."""

    def __init__(self, root_id: str) -> None:
        self.root = Node(root_id, None, "folder", "")
        self.nodes = {root_id: self.root}

    def above(self, node: Node) -> Iterator[Node]:
        """The folders above it, the nearest first."""
        while node.parent is not None:
            node = self.nodes[node.parent]
            yield node

    def children(self, folder: Node) -> list[Node]:
        """What lies in it and not in the trash."""
        return [node for node in self.nodes.values() if node.parent == folder.id and not node.trashed]

    def below(self, node: Node) -> Iterator[Node]:
        """It and everything below it, in the trash or not."""
        yield node
        for child in [one for one in self.nodes.values() if one.parent == node.id]:
            yield from self.below(child)

    def lives(self, node: Node) -> bool:
        """Neither in the trash nor below something that is."""
        return not node.trashed and not any(folder.trashed for folder in self.above(node))

    @property
    def used(self) -> int:
        """What all versions take, those of things in the trash, too."""
        return sum(sum(node.sizes) for node in self.nodes.values())

    @property
    def trash(self) -> list[Node]:
        """What was thrown away, also if the folder that it lay in was thrown away later."""
        return [node for node in self.nodes.values() if node.trashed]

    def known(self, item_id: str) -> Node:
        """An item, wherever it is."""
        if item_id not in self.nodes:
            raise NOT_FOUND
        return self.nodes[item_id]

    def living(self, item_id: str) -> Node:
        node = self.known(item_id)
        if not self.lives(node):
            raise NOT_FOUND
        return node

    def folder(self, item_id: str) -> Node:
        """Something that things can be put into."""
        node = self.living(item_id)
        if node.kind != "folder":
            raise WRONG_KIND
        return node

    def holder(self, folder: Node, name: str) -> Node | None:
        """Who has the name there."""
        return next((one for one in self.children(folder) if names.key(one.name) == names.key(name)), None)

    def free_name(self, folder: Node, name: str, kind: str) -> str:
        return names.free(names.normal(name), kind, {names.key(one.name) for one in self.children(folder)})

    def place(self, folder: Node, name: str, kind: str, conflict: str, *, node: Node | None = None) -> str:
        """The name that a new item or `node` gets in a folder."""
        name = names.normal(name)
        holder = self.holder(folder, name)
        if holder is None or holder is node:
            return name
        if conflict == "rename":
            return self.free_name(folder, name, kind)
        if conflict == "replace" and node is not None:
            if {node.kind, holder.kind} != {"file"}:
                raise WRONG_KIND
            holder.trashed = True
            return name
        raise TAKEN

    def make(self, new_id: str, parent: str, name: str, conflict: str) -> Node:
        if names.is_bad(name):
            raise BAD_NAME
        folder = self.folder(parent)
        self.nodes[new_id] = Node(new_id, parent, "folder", self.place(folder, name, "folder", conflict))
        return self.nodes[new_id]

    def change(self, item_id: str, name: str | None, parent: str | None, conflict: str) -> Node:
        """Rename, move or both."""
        if name is not None and names.is_bad(name):
            raise BAD_NAME
        node = self.living(item_id)
        folder = self.folder(parent) if parent is not None else None
        if node is self.root:
            raise WRONG_STATE
        old = self.nodes[node.parent or ""]
        if folder is not None and folder is not old and node in (folder, *self.above(folder)):
            raise CYCLE
        folder = folder or old
        wanted = node.name if name is None else names.normal(name)
        if wanted != node.name or folder is not old:
            wanted = self.place(folder, wanted, node.kind, conflict, node=node)
        node.name, node.parent = wanted, folder.id
        return node

    def tag(self, item_id: str, tags: list[str]) -> Node:
        """Exactly these tags; of several spellings of one the first stays."""
        if any(not tag or "," in tag or tag != tag.strip() for tag in tags):
            raise BAD_REQUEST
        node = self.living(item_id)
        if node is self.root:
            raise WRONG_STATE
        spelled = {names.key(tag): names.normal(tag) for tag in reversed(tags)}
        node.tags = [spelled[key] for key in sorted(spelled)]
        return node

    def favour(self, item_id: str, *, wanted: bool) -> Node:
        node = self.living(item_id) if wanted else self.known(item_id)
        node.favourite = wanted
        return node

    def throw_away(self, item_id: str) -> None:
        """Into the trash."""
        node = self.known(item_id)
        if node.trashed:
            return
        if not self.lives(node):
            raise NOT_FOUND
        if node is self.root:
            raise WRONG_STATE
        node.trashed = True

    def restore(self, item_id: str, parent: str | None, conflict: str) -> Node:
        node = self.known(item_id)
        if parent is not None:
            folder = self.folder(parent)
        else:
            home = self.nodes[node.parent] if node.parent else self.root
            folder = home if self.lives(home) else self.root
        if not node.trashed:
            return self.living(item_id)
        node.name = self.place(folder, node.name, node.kind, conflict)
        node.parent, node.trashed = folder.id, False
        return node

    def purge(self, item_id: str) -> None:
        """For good, with everything below it."""
        node = self.known(item_id)
        if not node.trashed:
            raise NOT_FOUND
        for one in list(self.below(node)):
            del self.nodes[one.id]

    def empty(self) -> None:
        """Everything in the trash, for good."""
        while self.trash:
            self.purge(self.trash[0].id)

    def path(self, node: Node) -> str:
        """How one gets there."""
        return "/" + "/".join(one.name for one in [*reversed(list(self.above(node))), node][1:])
