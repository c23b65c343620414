"""Facts as they are published: made here from rows, so that a grant and the story of its share always go out together."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from coffer_chassis.access import ROLES, words_of
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import rfc3339
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import GrantId
from coffer_contracts.sharing import (
    FieldChange,
    GrantRemovedV1,
    GrantSetV1,
    ShareChangedV2,
    ShareCreatedV1,
    ShareLeftV1,
    ShareRevokedV1,
)
from coffer_sharing.domain import TAKEN_BACK, EndReason, Share
from coffer_sharing.store.shares import names_of_items, write


class Described(Protocol):
    """Whatever knows what an item is and how it is called."""

    @property
    def kind(self) -> ItemKind:
        """File or folder."""

    @property
    def name(self) -> str:
        """As it was last heard of."""


def grant_fact(share: Share) -> GrantSetV1 | GrantRemovedV1:
    """The bare right, or that it is over."""
    named: dict[str, Any] = {
        "grant_id": GrantId(share.id),
        "item_id": share.item_id,
        "owner_id": share.owner_id,
        "grantee": share.grantee,
    }
    if share.ended_at is not None:
        return GrantRemovedV1(**named, reason=str(share.end_reason), removed_at=share.ended_at)
    return GrantSetV1(
        **named,
        rights=words_of(ROLES[share.role]),
        expires_at=share.expires_at,
        granted_by=share.granted_by,
        granted_at=share.created_at,
    )


def tell_created(unit: Unit, share: Share, item: Described, *, notify: bool) -> None:
    """Somebody was given something."""
    unit.emit(grant_fact(share), sequence=share.revision)
    created = ShareCreatedV1(**_standing(share, item), message=share.message, notify=notify)
    unit.emit(created, sequence=share.revision)


def takes_away(before: Share, after: Share) -> bool:
    """Whether the recipient may do less than before, or not for as long."""
    if ROLES[before.role] not in ROLES[after.role]:
        return True
    return after.expires_at is not None and (before.expires_at is None or after.expires_at < before.expires_at)


def tell_changed(unit: Unit, before: Share, after: Share, item: Described, changes: tuple[str, ...]) -> None:
    """A share is another than before."""
    unit.emit(grant_fact(after), sequence=after.revision, urgent=takes_away(before, after))
    told = tuple(FieldChange(field=name, before=_text(before, name), after=_text(after, name)) for name in changes)
    unit.emit(ShareChangedV2(**_standing(after, item), changes=told), sequence=after.revision)


def _text(share: Share, name: str) -> str | None:
    value: str | datetime | None = getattr(share, name)
    return rfc3339(value) if isinstance(value, datetime) else value


async def end_shares(unit: Unit, shares: Sequence[Share], reason: EndReason) -> list[Share]:
    """End active shares, which are locked, and say so; the shares after."""
    if not shares:
        return []
    items = await names_of_items(unit.connection, {share.item_id for share in shares})
    after = [share.ended(reason, unit.now) for share in shares]
    await write(unit.connection, after)
    for share in after:
        standing = _standing(share, items[share.item_id])
        unit.emit(grant_fact(share), sequence=share.revision, urgent=reason in TAKEN_BACK)
        if reason == "left":
            unit.emit(ShareLeftV1(**standing, left_at=unit.now), sequence=share.revision)
        else:
            unit.emit(ShareRevokedV1(**standing, reason=reason, revoked_at=unit.now), sequence=share.revision)
    return after


def _standing(share: Share, item: Described) -> dict[str, Any]:
    return {
        "share_id": share.id,
        "item_id": share.item_id,
        "item_kind": item.kind,
        "item_name": item.name,
        "owner_id": share.owner_id,
        "granted_by": share.granted_by,
        "recipient_id": share.recipient_id,
        "role": share.role,
        "expires_at": share.expires_at,
        "created_at": share.created_at,
        "changed_at": share.changed_at,
    }
