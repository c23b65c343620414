"""Files and folders of a house, for tests that count them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from coffer_chassis.ids import new_id
from coffer_contracts import files
from coffer_contracts.event import Envelope
from coffer_contracts.ids import BlobId, ItemId, UserId, VersionId
from factories.telling import told


@dataclass(frozen=True)
class Thing:
    """A file or folder as it stands."""

    owner: UserId
    kind: str
    size: int
    made: datetime
    changed: datetime
    revision: int = 1
    id: ItemId = field(default_factory=lambda: ItemId(new_id()))

    def values(self) -> dict[str, Any]:
        """What every fact about it says."""
        content = None
        if self.kind != "folder":
            content = files.ContentFact(
                version_id=VersionId(new_id()),
                blob_id=BlobId(new_id()),
                blob_key="blobs/x/y",
                etag="e",
                size_bytes=self.size,
                mime_type="x/y",
                media_kind=self.kind,
            )
        return {
            "item_id": self.id,
            "kind": "folder" if self.kind == "folder" else "file",
            "owner_id": self.owner,
            "ancestor_ids": (),
            "name": "a name that is not counted",
            "content": content,
            "created_by": self.owner,
            "created_at": self.made,
            "modified_at": self.made,
            "changed_at": self.changed,
        }

    def told_again(self, at: datetime) -> Envelope[Any]:
        """As a snapshot tells it: under another id, by nobody, at the revision that it has."""
        fact = files.ItemChangedV1(**self.values(), changes=())
        return told(fact, sequence=self.revision, at=at, kind="system").model_copy(update={"actorid": None})
