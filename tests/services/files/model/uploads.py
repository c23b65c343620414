"""Uploads into the drive in memory."""

from dataclasses import dataclass

from services.files.model import names
from services.files.model.tree import BAD_NAME, CYCLE, FULL, NOT_FOUND, TAKEN, WRONG_KIND, WRONG_STATE, Node, Refused, Tree


@dataclass
class Upload:
    """A file on its way. `target` is the file that gets new content, if that was asked for."""

    id: str
    parent: str
    name: str
    size: int
    conflict: str
    target: str | None = None
    state: str = "created"
    item: str | None = None


class Drive(Tree):
    """The tree with what is on its way into it, and with the room there is."""

    def __init__(self, root_id: str, quota: int) -> None:
        super().__init__(root_id)
        self.quota = quota
        self.uploads: dict[str, Upload] = {}

    @property
    def reserved(self) -> int:
        """Set aside for uploads that may still become files."""
        return sum(one.size for one in self.uploads.values() if one.state in {"created", "conflict"})

    def start(self, new_id: str, parent: str, name: str, size: int, conflict: str) -> Upload:
        if names.is_bad(name):
            raise BAD_NAME
        folder = self.folder(parent)
        holder = self.holder(folder, name)
        if conflict == "replace" and holder is not None and holder.kind != "file":
            raise WRONG_KIND
        name = names.normal(name) if conflict == "replace" else self.place(folder, name, "file", conflict)
        return self._open(Upload(new_id, parent, name, size, conflict))

    def start_content(self, new_id: str, target: str, size: int) -> Upload:
        node = self.living(target)
        if node.kind != "file":
            raise WRONG_KIND
        return self._open(Upload(new_id, node.parent or "", node.name, size, "replace", target))

    def copy(self, new_id: str, source: str, parent: str, name: str | None, conflict: str) -> Node:
        """A copy of what it is now; of a folder only itself, empty."""
        if name is not None and names.is_bad(name):
            raise BAD_NAME
        node = self.living(source)
        if node is self.root:
            raise WRONG_STATE
        folder = self.folder(parent)
        if node in (folder, *self.above(folder)):
            raise CYCLE
        size = node.size or 0
        if size and self.used + self.reserved + size > self.quota:
            raise FULL
        wanted = node.name if name is None else names.normal(name)
        holder = self.holder(folder, wanted)
        if holder is not None and conflict == "replace":
            if holder.kind != node.kind:
                raise WRONG_KIND
            if holder is node:
                raise WRONG_STATE
            copy = holder
        else:
            copy = Node(new_id, folder.id, node.kind, self.place(folder, wanted, node.kind, conflict), tags=node.tags)
            self.nodes[new_id] = copy
        if node.kind == "file":
            copy.sizes.append(size)
        return copy

    def versions(self, item_id: str, *, living: bool = True) -> Node:
        """The file whose versions are asked for."""
        node = self.living(item_id) if living else self.known(item_id)
        if node.kind != "file":
            raise WRONG_KIND
        return node

    def bring_back(self, item_id: str, place: int) -> Node:
        """The version at a place, the newest being 0, becomes the newest."""
        node = self.versions(item_id)
        size = node.sizes[-1 - place]
        if place:
            if self.used + self.reserved + size > self.quota:
                raise FULL
            node.sizes.append(size)
        return node

    def delete_version(self, item_id: str, place: int) -> None:
        node = self.versions(item_id)
        if place == 0:
            raise WRONG_STATE
        del node.sizes[-1 - place]

    def _open(self, upload: Upload) -> Upload:
        if self.used + self.reserved + upload.size > self.quota:
            raise FULL
        self.uploads[upload.id] = upload
        return upload

    def upload(self, upload_id: str) -> Upload:
        if upload_id not in self.uploads:
            raise NOT_FOUND
        return self.uploads[upload_id]

    def arrive(self, upload_id: str, new_id: str) -> Upload:
        """The bytes are there and are let in. `new_id` is the file's, should a new one be made."""
        upload = self.uploads[upload_id]
        if upload.state == "created":
            try:
                self._commit(upload, new_id)
            except Refused:
                upload.state = "conflict"
        return upload

    def resolve(self, upload_id: str, name: str | None, parent: str | None, conflict: str | None, new_id: str) -> Upload:
        upload = self.upload(upload_id)
        if name is not None and names.is_bad(name):
            raise BAD_NAME
        if upload.state == "committed":
            return upload
        if upload.state != "conflict":
            raise WRONG_STATE
        folder = self.folder(parent).id if parent is not None else upload.parent
        target = None if name is not None or parent is not None else upload.target
        wanted = Upload(
            upload.id,
            folder,
            upload.name if name is None else names.normal(name),
            upload.size,
            conflict or upload.conflict,
            target,
            "conflict",
        )
        try:
            self._commit(wanted, new_id)
        except Refused as refused:
            raise WRONG_STATE if refused is NOT_FOUND else refused from None
        self.uploads[upload.id] = wanted
        return wanted

    def abort(self, upload_id: str) -> None:
        upload = self.upload(upload_id)
        if upload.state == "committed":
            raise WRONG_STATE
        upload.state = "aborted"

    def _commit(self, upload: Upload, new_id: str) -> None:
        node = self._onto(upload) or self._into(upload, new_id)
        node.sizes.append(upload.size)
        upload.state, upload.item = "committed", node.id

    def _onto(self, upload: Upload) -> Node | None:
        return self.living(upload.target) if upload.target is not None else None

    def _into(self, upload: Upload, new_id: str) -> Node:
        if upload.parent not in self.nodes:
            raise NOT_FOUND
        folder = self.folder(upload.parent)
        holder = self.holder(folder, upload.name)
        if holder is not None and upload.conflict == "fail":
            raise TAKEN
        if holder is not None and upload.conflict == "replace":
            if holder.kind != "file":
                raise WRONG_KIND
            return holder
        name = upload.name if holder is None else self.free_name(folder, upload.name, "file")
        self.nodes[new_id] = Node(new_id, folder.id, "file", name)
        return self.nodes[new_id]
