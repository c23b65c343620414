"""Facts about invitations, made here from rows; and their end, which goes together with one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import rfc3339
from coffer_contracts.ids import ShareId
from coffer_contracts.sharing import FieldChange
from coffer_contracts.sharing_invitations import InvitationChangedV1, InvitationCreatedV1, InvitationEndedV1
from coffer_sharing.domain.invitations import Invitation, InvitationEnd
from coffer_sharing.handlers.facts import Described
from coffer_sharing.store import invitations as rows
from coffer_sharing.store.shares import names_of_items


def tell_invited(unit: Unit, invitation: Invitation, item: Described) -> None:
    """Somebody was invited."""
    unit.emit(InvitationCreatedV1(**_standing(invitation, item)), sequence=invitation.revision)


def tell_changed(unit: Unit, before: Invitation, after: Invitation, item: Described, changes: tuple[str, ...]) -> None:
    """An invitation is another than before."""
    told = tuple(FieldChange(field=name, before=_text(before, name), after=_text(after, name)) for name in changes)
    unit.emit(InvitationChangedV1(**_standing(after, item), changes=told), sequence=after.revision)


async def end_invitations(unit: Unit, open_ones: Sequence[Invitation], reason: InvitationEnd) -> list[Invitation]:
    """End open invitations, which are locked, and say so; the invitations after."""
    if not open_ones:
        return []
    items = await names_of_items(unit.connection, {one.item_id for one in open_ones})
    after = [one.ended(reason, unit.now) for one in open_ones]
    await rows.write(unit.connection, after)
    for one in after:
        share_id = ShareId(one.id) if reason == "accepted" else None
        fact = InvitationEndedV1(**_standing(one, items[one.item_id]), reason=reason, share_id=share_id, ended_at=unit.now)
        unit.emit(fact, sequence=one.revision)
    return after


def _text(invitation: Invitation, name: str) -> str | None:
    value: str | datetime | None = getattr(invitation, name)
    return rfc3339(value) if isinstance(value, datetime) else value


def _standing(invitation: Invitation, item: Described) -> dict[str, Any]:
    return {
        "invitation_id": invitation.id,
        "item_id": invitation.item_id,
        "item_kind": item.kind,
        "item_name": item.name,
        "owner_id": invitation.owner_id,
        "granted_by": invitation.granted_by,
        "role": invitation.role,
        "expires_at": invitation.expires_at,
        "lapses_at": invitation.lapses_at,
        "created_at": invitation.created_at,
        "changed_at": invitation.changed_at,
    }
