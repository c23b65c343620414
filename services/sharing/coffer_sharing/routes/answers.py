"""How shares look on the wire."""

from typing import Literal

import msgspec

from coffer_chassis.access import ROLES
from coffer_chassis.answers import PermissionsAnswer, Timestamp, permissions_answer, timestamp
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import ItemId
from coffer_contracts.sharing import ShareRole
from coffer_sharing.handlers.explaining import Cause, Explanation
from coffer_sharing.handlers.showing import Named, Shown


class PersonAnswer(msgspec.Struct, frozen=True):
    """Somebody; names are null until auth has told them."""

    id: str
    username: str | None
    display_name: str | None


class SharedItemAnswer(msgspec.Struct, frozen=True):
    """The file or folder that is shared; what lies below a folder is shared with it."""

    id: str
    kind: ItemKind
    name: str
    owner: PersonAnswer


class InheritedAnswer(msgspec.Struct, frozen=True):
    """The folder above that is shared."""

    item_id: str
    name: str


class ShareAnswer(msgspec.Struct, frozen=True):
    """A share of an item with one person. `permissions` is what this share alone gives. `inherited_from` stands only in
    answers about one item: null for a share of that item itself.
    """

    id: str
    item: SharedItemAnswer
    recipient: PersonAnswer
    granted_by: PersonAnswer
    role: ShareRole
    permissions: PermissionsAnswer
    message: str | None
    expires_at: Timestamp | None
    created_at: Timestamp
    changed_at: Timestamp
    etag: str
    inherited_from: InheritedAnswer | msgspec.UnsetType | None = msgspec.UNSET


class SharePage(msgspec.Struct, frozen=True):
    """Part of a list; `next_cursor` is null at the end and nowhere else."""

    items: list[ShareAnswer]
    next_cursor: str | None


class ItemSharesPage(msgspec.Struct, frozen=True):
    """Part of the shares that reach an item, and what the caller may do with it, all things taken together."""

    items: list[ShareAnswer]
    next_cursor: str | None
    effective: PermissionsAnswer


class CauseAnswer(msgspec.Struct, frozen=True):
    """Something that gives rights. `share` is null for ownership. `gives`: alone, at this moment. `without`: what would
    remain if only this were taken away.
    """

    kind: Literal["ownership", "share"]
    share: ShareAnswer | None
    gives: PermissionsAnswer
    without: PermissionsAnswer


class ExplanationAnswer(msgspec.Struct, frozen=True):
    """What somebody may do with an item, and why. `account` is `active`, `suspended` or `deleted`, null for somebody who was
    never heard of; whoever is not active may do nothing, whatever they were given.
    """

    item_id: str
    user: PersonAnswer
    account: str | None
    rights: PermissionsAnswer
    causes: list[CauseAnswer]


GIVEN = {role: permissions_answer(rights) for role, rights in ROLES.items()}
"""By role."""


def share_answer(shown: Shown, *, reaches: ItemId | None = None) -> ShareAnswer:
    """A share; `reaches` is the item that was asked about."""
    share = shown.share
    inherited: InheritedAnswer | msgspec.UnsetType | None = msgspec.UNSET
    if reaches is not None:
        inherited = InheritedAnswer(share.item_id, shown.name) if share.item_id != reaches else None
    people = shown.people
    created_at = timestamp(share.created_at)
    return ShareAnswer(
        share.id,
        SharedItemAnswer(share.item_id, shown.kind, shown.name, person_answer(people.owner)),
        person_answer(people.recipient),
        person_answer(people.granted_by),
        share.role,
        GIVEN[share.role],
        share.message,
        timestamp(share.expires_at) if share.expires_at else None,
        created_at,
        created_at if share.changed_at == share.created_at else timestamp(share.changed_at),
        shown.etag,
        inherited,
    )


def explanation_answer(explanation: Explanation) -> ExplanationAnswer:
    """Why somebody may do what."""
    causes = [_cause(cause, explanation.item_id) for cause in explanation.causes]
    return ExplanationAnswer(
        explanation.item_id,
        person_answer(explanation.person),
        explanation.account,
        permissions_answer(explanation.rights),
        causes,
    )


def _cause(cause: Cause, item_id: ItemId) -> CauseAnswer:
    return CauseAnswer(
        "ownership" if cause.share is None else "share",
        None if cause.share is None else share_answer(cause.share, reaches=item_id),
        permissions_answer(cause.gives),
        permissions_answer(cause.without),
    )


def person_answer(named: Named) -> PersonAnswer:
    """Somebody by the names they had last."""
    return PersonAnswer(named.user_id, named.username, named.display_name)
