"""Facts that files publishes about previews: that somebody waits for one."""

from typing import Annotated, ClassVar, Literal

from coffer_contracts.event import Event, Moment, described
from coffer_contracts.files import ContentFact
from coffer_contracts.ids import ItemId, UserId, VersionId
from coffer_contracts.words import Open

WantedPictures = Literal["all", "jpeg"]

OpenWantedPictures = Annotated[WantedPictures, Open("all")]
"""As events carry it."""


class PreviewRequestedV1(Event):
    """A preview is waited for that there is not: it is to be made anew, or its pictures are wanted as JPEG, too.

    One that was finished at or after `requested_at` is told again instead of being made once more.
    """

    type: ClassVar[str] = "files.preview.requested.v1"

    version_id: VersionId = described(description="The version that is to be previewed.")
    item_id: ItemId = described(description="The file.")
    owner_id: UserId = described(description="Whose drive it lives in.")
    ancestor_ids: tuple[ItemId, ...] = described(description="Folders above it, the drive's root first, parent last.")
    content: ContentFact = described(description="The bytes of that version.")
    wanted: OpenWantedPictures = described(
        description="Everything that is made of such a file, or only the pictures that there are as JPEG."
    )
    locate: bool | None = described(
        None, description="True where its owner wants to be told where it was taken; absent otherwise."
    )
    requested_at: Moment = described(description="Since when it is waited for.")

    @property
    def subject(self) -> str:
        return f"preview/{self.version_id}"
