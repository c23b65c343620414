"""Facts that files publishes about previews: that somebody waits for one."""

from typing import Annotated, ClassVar, Literal

from coffer_contracts.event import Event, Moment, Shape, described
from coffer_contracts.files import ContentFact
from coffer_contracts.ids import ItemId, PageId, UserId, VersionId
from coffer_contracts.words import Open

WantedPictures = Literal["all", "jpeg", "page"]

OpenWantedPictures = Annotated[WantedPictures, Open("all")]
"""As events carry it."""


class WantedPage(Shape):
    """One picture of one page of a document."""

    page_id: PageId = described(description="Names the picture, which the answer is about.")
    page: int = described(description="Which page, from 1.", ge=1)
    box_pixels: int = described(description="The box in pixels that it is to fill: 400, 1024 or 2048.", ge=1)
    mime_type: str = described(description="As what: `image/webp` or `image/jpeg`.")
    attempt: int = described(description="How often it was asked for, with this time; the sequence of the answer.", ge=1)


class PreviewRequestedV1(Event):
    """A preview is waited for that there is not: it is to be made anew, its pictures are wanted as JPEG, too, or one of a page.

    One that was finished at or after `requested_at` is told again instead of being made once more.
    """

    type: ClassVar[str] = "files.preview.requested.v1"

    version_id: VersionId = described(description="The version that is to be previewed.")
    item_id: ItemId = described(description="The file.")
    owner_id: UserId = described(description="Whose drive it lives in.")
    ancestor_ids: tuple[ItemId, ...] = described(description="Folders above it, the drive's root first, parent last.")
    content: ContentFact = described(description="The bytes of that version.")
    wanted: OpenWantedPictures = described(
        description="Everything that is made of such a file, or only the pictures that there are as JPEG, or one of a page."
    )
    page: WantedPage | None = described(None, description="The picture of a page that is wanted, if it is one.")
    locate: bool | None = described(
        None, description="True where its owner wants to be told where it was taken; absent otherwise."
    )
    requested_at: Moment = described(description="Since when it is waited for.")

    @property
    def subject(self) -> str:
        return f"preview/{self.version_id}"
