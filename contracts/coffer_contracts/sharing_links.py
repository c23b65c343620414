"""Facts that sharing publishes about public links. What a link allows stands in its grant (`sharing.grant.set`), whose grantee
is `link/<id>`; here is the story around it, and what visitors did.

No fact holds what opens a link: neither its address nor its password. Of visitors only the network stands here, never an
address; of who makes and changes links both, for the audit.
"""

from typing import Annotated, ClassVar, Literal

from coffer_contracts.audited import AuditedFact
from coffer_contracts.event import Event, Moment, described
from coffer_contracts.files import OpenItemKind
from coffer_contracts.ids import ItemId, LinkAccessId, LinkFamilyId, LinkId, SessionId, UploadId, UserId
from coffer_contracts.sharing import FieldChange
from coffer_contracts.words import Open

LinkMode = Literal["view", "download", "edit", "upload_only"]

OpenLinkMode = Annotated[LinkMode, Open("view")]
"""As events carry it. It says what a link was called; what it allows stands in the grant."""

OFF = "`disabled`, `deleted`, `expired`, `item_purged`, `taken_down`, `account_deleted`"


class LinkFact(AuditedFact):
    """A public link as it stands after the fact."""

    link_id: LinkId = described(description="The link; the grant that it makes has the same id.")
    item_id: ItemId = described(description="The file or folder that it leads to.")
    item_kind: OpenItemKind = described(description="What that is.")
    item_name: str = described(description="Its name at that moment.")
    owner_id: UserId = described(description="Whose drive it lives in.")
    created_by: UserId = described(description="Who made the link.")
    mode: OpenLinkMode = described(description="What visitors may do: look, download as well, change as well, only send files.")
    name: str | None = described(None, description="What its maker calls it; null for nothing.")
    is_protected: bool = described(description="Whether visitors have to know a word to come in.")
    expires_at: Moment | None = described(None, description="When it ends by itself; null for never.")
    max_downloads_count: int | None = described(None, description="How many downloads it allows in all; null for any number.")
    downloads_count: int = described(description="How many there have been.", ge=0)
    notify_on_upload: bool = described(description="Whether its maker wants to be told of files that come through it.")
    created_at: Moment = described(description="When it was made.")
    changed_at: Moment = described(description="When the link was last changed.")

    @property
    def subject(self) -> str:
        return f"link/{self.link_id}"


class LinkCreatedV1(LinkFact):
    """Somebody made a public link to an item."""

    type: ClassVar[str] = "sharing.link.created.v1"


class LinkChangedV1(LinkFact):
    """Something about a link changed, or it works again after it did not: told with what it was and what it is."""

    type: ClassVar[str] = "sharing.link.changed.v1"

    changes: tuple[FieldChange, ...] = described(
        description="What changed, one entry for each field: `mode`, `name`, `is_protected`, `protection` (another word, told"
        " without any), `expires_at`, `max_downloads`, `notify_on_upload`, `disabled`, `taken_down`; more may come.",
        min_length=1,
    )


class LinkDisabledV1(LinkFact):
    """A link leads nowhere from now on."""

    type: ClassVar[str] = "sharing.link.disabled.v1"

    reason: str = described(description=f"Why, a stable word; more may come: {OFF}.")
    detail: str | None = described(None, description="What the operator wrote who took it down.", max_length=2000)
    disabled_at: Moment = described(description="When it ended.")


class LinkSessionsEndedV1(Event):
    """Everybody who had come in through a link has to come in again: whoever verifies tokens refuses those of this family,
    named in their claim `fam`, until they have expired.
    """

    type: ClassVar[str] = "sharing.link.sessions_ended.v1"

    link_id: LinkId = described(description="The link.")
    owner_id: UserId = described(description="Whose drive it leads into.")
    family_id: LinkFamilyId = described(description="Which of its sessions.")
    reason: str = described(description="Why, a stable word; more may come: `protection`, `disabled`, `taken_down`.")
    tokens_expire_at: Moment = described(description="From then on their tokens have expired by themselves.")
    ended_at: Moment = described(description="When they ended.")

    @property
    def subject(self) -> str:
        return f"family/{self.family_id}"


class AccessFact(Event):
    """What somebody did with a link, whom nobody knows."""

    access_id: LinkAccessId = described(description="This visit; nothing else is ever said about it.")
    link_id: LinkId = described(description="The link.")
    item_id: ItemId = described(description="The file or folder that it leads to.")
    item_kind: OpenItemKind = described(description="What that is.")
    item_name: str = described(description="Its name at that moment.")
    owner_id: UserId = described(description="Whose drive it lives in.")
    created_by: UserId = described(description="Who made the link.")
    mode: OpenLinkMode = described(description="What visitors may do.")
    name: str | None = described(None, description="What its maker calls it; null for nothing.")
    network: str | None = described(None, description="Where the visitor came from: the /24 of IPv4, the /48 of IPv6.")
    program: str = described(description="What came: `browser`, `mobile`, `script`, `bot`, `other`; more may come.")

    @property
    def subject(self) -> str:
        return f"access/{self.access_id}"


class LinkViewedV1(AccessFact):
    """Somebody looked what a link leads to. Told once a minute for a network and program, however often they look."""

    type: ClassVar[str] = "sharing.link.viewed.v1"
    public: ClassVar[bool] = True

    viewed_at: Moment = described(description="When, the first time in that minute.")


class LinkUnlockedV1(AccessFact):
    """Somebody came in through a link. Told once a minute for a network and program, however often they come."""

    type: ClassVar[str] = "sharing.link.unlocked.v1"

    unlocked_at: Moment = described(description="When, the first time in that minute.")


class LinkUnlockFailedV1(AccessFact):
    """Somebody tried a wrong word at a link. Told once a minute for a network and program, however often they try."""

    type: ClassVar[str] = "sharing.link.unlock_failed.v1"

    failed_at: Moment = described(description="When, the first time in that minute.")


class LinkDownloadedV1(AccessFact):
    """Somebody was given leave to download through a link, which counts whether or not they then do."""

    type: ClassVar[str] = "sharing.link.downloaded.v1"

    session_id: SessionId = described(description="The visitor's session.")
    item_ids: tuple[ItemId, ...] = described(description="The files, or what an archive is to hold.")
    way: str = described(description="`content` for single files, `archive`; more may come.")
    downloads_count: int = described(description="How many downloads there have been with these.", ge=0)
    max_downloads_count: int | None = described(None, description="How many the link allows in all; null for any number.")
    downloaded_at: Moment = described(description="When.")


class LinkUploadedV1(Event):
    """A file came through a link whose maker wants to be told of such. Told once for each upload."""

    type: ClassVar[str] = "sharing.link.uploaded.v1"

    upload_id: UploadId = described(description="The upload that brought the file.")
    link_id: LinkId = described(description="The link.")
    item_id: ItemId = described(description="The file or folder that the link leads to.")
    item_kind: OpenItemKind = described(description="What that is.")
    item_name: str = described(description="Its name at that moment.")
    owner_id: UserId = described(description="Whose drive it lives in.")
    created_by: UserId = described(description="Who made the link and wants to be told.")
    mode: OpenLinkMode = described(description="What visitors may do.")
    name: str | None = described(None, description="What its maker calls the link; null for nothing.")
    file_id: ItemId = described(description="The file.")
    file_name: str = described(description="Its name when it came.")
    size_bytes: int = described(description="Length of what came.", ge=0)
    is_new: bool = described(description="True for a new file, false for new content of one.")
    uploader_name: str | None = described(
        None, description="What the visitor calls themselves; nobody has checked it. Null for nothing.", max_length=100
    )
    uploaded_at: Moment = described(description="When the file was there.")

    @property
    def subject(self) -> str:
        return f"upload/{self.upload_id}"
