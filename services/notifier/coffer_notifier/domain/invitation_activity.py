"""Activity of invitations: told to the owner of the drive and to who invited, and to nobody else. Pure."""

from coffer_contracts.event import Envelope
from coffer_contracts.ids import ItemId
from coffer_contracts.sharing_invitations import InvitationCreatedV1, InvitationEndedV1, InvitationFact
from coffer_notifier.domain.activity import Entry
from coffer_notifier.domain.audit_changes import changes_of


def entry_of_invitation(event: Envelope[InvitationFact], entry_id: str, above: tuple[ItemId, ...]) -> Entry:
    """What a fact about an invitation tells; `above` are the folders over the item as far as they are known."""
    fact = event.data
    match fact:
        case InvitationCreatedV1():
            action = "invited"
        case InvitationEndedV1():
            action = "invitation_ended"
        case _:
            action = "invitation_changed"
    return Entry(
        id=entry_id,
        event_id=event.id,
        at=event.time,
        actor_id=event.actorid,
        actor_kind=event.actorkind,
        action=action,
        item_id=fact.item_id,
        item_kind=fact.item_kind,
        item_name=fact.item_name,
        owner_id=fact.owner_id,
        recipient_id=fact.granted_by,
        scope=(fact.item_id, *above),
        changes={field: (values[0], values[1]) for field, values in changes_of(fact).items()},
        reason=fact.reason if isinstance(fact, InvitationEndedV1) else None,
    )
