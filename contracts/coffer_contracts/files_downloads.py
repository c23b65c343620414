"""What files tells of downloads: that somebody asked for bytes, and was shown where they are."""

from typing import Annotated, ClassVar, Literal

from coffer_contracts.event import Event, Moment, described
from coffer_contracts.files import OpenItemKind
from coffer_contracts.ids import DownloadId, ItemId, UserId, VersionId
from coffer_contracts.words import Open

DownloadWay = Literal["content", "url", "archive"]

OpenDownloadWay = Annotated[DownloadWay, Open("content")]
"""As events carry it."""


class ItemDownloadedV1(Event):
    """Somebody was given an address of the bytes of a file, or an archive with an item in it. Told at most once a minute for
    one person, item and version, a little later; the last ones before a crash not at all.

    Whether the bytes were fetched only the bucket knows. Who it was stands in the envelope: a person, a token, or a link.
    """

    type: ClassVar[str] = "files.item.downloaded.v1"

    download_id: DownloadId = described(description="This download; nothing else is ever said about it.")
    item_id: ItemId = described(description="The file, or the folder that was put into an archive.")
    kind: OpenItemKind = described(description="What it is.")
    owner_id: UserId = described(description="Whose drive it lives in.")
    parent_id: ItemId | None = described(None, description="The folder it lies in; absent for the root folder of a drive.")
    ancestor_ids: tuple[ItemId, ...] = described(description="Folders above it, the drive's root first, parent last.")
    name: str = described(description="Name in NFC; empty for a root folder.")
    version_id: VersionId | None = described(None, description="Which content; absent for a folder.")
    size_bytes: int | None = described(None, description="Length of that content; absent for a folder.", ge=0)
    way: OpenDownloadWay = described(description="By redirect, by an address in JSON, or as part of an archive.")
    downloaded_at: Moment = described(description="When the address was given last.")

    @property
    def subject(self) -> str:
        return f"download/{self.download_id}"
