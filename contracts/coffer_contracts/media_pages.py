"""Facts that the media worker publishes about pages of documents: that a picture of one is there, or why there is none."""

from typing import ClassVar

from coffer_contracts.event import Event, Moment, described
from coffer_contracts.ids import BlobId, ItemId, PageId, UserId, VersionId
from coffer_contracts.media import PREVIEW_FAILURES


class PageFact(Event):
    """What became of one picture of one page that somebody wanted to see."""

    page_id: PageId = described(description="The picture, as the request named it.")
    item_id: ItemId = described(description="The document.")
    version_id: VersionId = described(description="The version that the page was asked for of.")
    owner_id: UserId = described(description="Whose drive it lives in.")
    ancestor_ids: tuple[ItemId, ...] = described(description="Folders above it when it was asked for, root first.")
    blob_id: BlobId = described(description="The stored object.")
    page: int = described(description="Which page, from 1.", ge=1)
    box_pixels: int = described(description="The box in pixels that the picture was to fill.", ge=1)
    mime_type: str = described(description="As what it was wanted: `image/webp` or `image/jpeg`.")
    started_at: Moment | None = described(None, description="When the media worker began to draw it, by its own clock.")

    @property
    def subject(self) -> str:
        return f"page/{self.page_id}"


class PageReadyV1(PageFact):
    """The picture is stored and may be shown. It belongs to the stored object: all versions with these bytes share it."""

    type: ClassVar[str] = "media.page.ready.v1"

    key: str = described(description="Object key below the bucket.")
    width: int = described(description="Pixels across.", ge=1)
    height: int = described(description="Pixels down.", ge=1)
    size_bytes: int = described(description="Length of the picture.", ge=1)


class PageFailedV1(PageFact):
    """There will be no such picture of this page; other pages, and the file, are as they are."""

    type: ClassVar[str] = "media.page.failed.v1"

    reason: str = described(description=f"Why, a stable word; more may come: `no_such_page`, {PREVIEW_FAILURES}.")
