"""Facts that sharing publishes: grants, which feed everybody's copy of who may do what, and shares as people see them.

A grant is the bare right and is restated at will; a share is the story around it and is told once.
"""

from typing import Annotated, ClassVar, Literal

from coffer_contracts.audited import AuditedFact
from coffer_contracts.event import Event, Moment, Shape, described
from coffer_contracts.files import OpenItemKind
from coffer_contracts.ids import GrantId, ItemId, ShareId, UserId
from coffer_contracts.operators import OperatorFact
from coffer_contracts.sightings import SightingFact
from coffer_contracts.words import Open

ShareRole = Literal["viewer", "contributor", "remover", "editor"]
"""Look; look and change; look and remove; all three. The two in the middle come from clients that set each right by itself."""

OpenShareRole = Annotated[ShareRole, Open("viewer")]
"""As events carry it. It says what a share was called; what it allows stands in the grant."""

RIGHTS = "`read`, `write`, `delete`, `share`; a reader leaves aside words it does not know"
ENDINGS = "`revoked`, `left`, `expired`, `item_purged`, `account_deleted`"


class GrantFact(Event):
    """A right on an item and everything below it, given to one grantee."""

    grant_id: GrantId = described(description="The grant; its sequence tells a late older fact from a new one.")
    item_id: ItemId = described(description="The file or folder; what lies below a folder is covered too.")
    owner_id: UserId = described(description="Whose drive the item lives in.")
    grantee: str = described(description="Who has the right: `user/<id>`, or `link/<id>` for a public link.")

    @property
    def subject(self) -> str:
        return f"grant/{self.grant_id}"


class GrantSetV1(GrantFact):
    """The grantee has these rights from now on; whatever the grant said before no longer counts."""

    type: ClassVar[str] = "sharing.grant.set.v1"

    rights: tuple[str, ...] = described(description=f"What the grantee may do: {RIGHTS}.", min_length=1)
    expires_at: Moment | None = described(None, description="From this moment on it gives nothing; null for never.")
    granted_by: UserId = described(description="Who gave it.")
    granted_at: Moment = described(description="When it was first given.")


class GrantRemovedV1(GrantFact):
    """The grant is over. A tombstone: readers keep its sequence, so that a late older fact cannot raise the dead."""

    type: ClassVar[str] = "sharing.grant.removed.v1"

    reason: str = described(description=f"Why, a stable word; more may come: {ENDINGS}.")
    removed_at: Moment = described(description="When it ended.")


class ShareFact(AuditedFact):
    """A share of an item with one person, as it stands after the fact."""

    share_id: ShareId = described(description="The share; the grant that it makes has the same id.")
    item_id: ItemId = described(description="The shared file or folder.")
    item_kind: OpenItemKind = described(description="What it is.")
    item_name: str = described(description="Its name at that moment.")
    owner_id: UserId = described(description="Whose drive it lives in.")
    granted_by: UserId = described(description="Who shared it.")
    recipient_id: UserId = described(description="With whom it is shared.")
    role: OpenShareRole = described(description="What the recipient may do: look and download, or change as well.")
    expires_at: Moment | None = described(None, description="When it ends by itself; null for never.")
    created_at: Moment = described(description="When it was shared.")
    changed_at: Moment = described(description="When the share was last changed.")

    @property
    def subject(self) -> str:
        return f"share/{self.share_id}"


class ShareCreatedV1(ShareFact):
    """An item was shared with somebody."""

    type: ClassVar[str] = "sharing.share.created.v1"

    message: str | None = described(None, description="What the sharer wrote to the recipient, plain text.", max_length=2000)
    notify: bool = described(description="Whether the recipient is to be told by mail.")


class ShareChangedV1(ShareFact):
    """Role or expiry of a share changed; told in the shape that V2 succeeds, for readers that know no other."""

    type: ClassVar[str] = "sharing.share.changed.v1"

    changes: tuple[str, ...] = described(description="Which fields changed: `role`, `expires_at`.", min_length=1)
    previous_role: OpenShareRole = described(description="The role before.")
    previous_expires_at: Moment | None = described(None, description="The expiry before.")


class FieldChange(Shape):
    """What one field of a subject was before, and what it is now, as text; times as RFC 3339 in UTC."""

    field: str = described(description="The name of the field; a reader leaves aside those it does not know.")
    before: str | None = described(None, description="What it said before; null for nothing.")
    after: str | None = described(None, description="What it says now; null for nothing.")


class ShareChangedV2(ShareFact):
    """Something about a share changed, for now its role or its expiry: told with what it was and what it is."""

    type: ClassVar[str] = "sharing.share.changed.v2"

    changes: tuple[FieldChange, ...] = described(
        description="What changed, one entry for each field: `role`, `expires_at`; more may come.", min_length=1
    )


class ShareRevokedV1(ShareFact):
    """The share was taken back, or ended by itself."""

    type: ClassVar[str] = "sharing.share.revoked.v1"

    reason: str = described(description="Why, a stable word; more may come: `revoked`, `expired`, `item_purged`.")
    revoked_at: Moment = described(description="When it ended.")


class ShareLeftV1(ShareFact):
    """The recipient gave the share up."""

    type: ClassVar[str] = "sharing.share.left.v1"

    left_at: Moment = described(description="When they left.")


class OperatorActedV1(OperatorFact):
    """An operator changed what sharing does with messages by hand."""

    type: ClassVar[str] = "sharing.operator.acted.v1"


class SightingNotedV1(SightingFact):
    """A personal access token was used at sharing."""

    type: ClassVar[str] = "sharing.sighting.noted.v1"
