"""What follows from facts about invitations: activity, and mail that is not needed any more. Quick: SQL only."""

from coffer_chassis.copies.tree import standings
from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope
from coffer_contracts.sharing_invitations import InvitationEndedV1, InvitationFact
from coffer_notifier.domain.invitation_activity import entry_of_invitation
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.invitation_mail import give_up_mail
from coffer_notifier.store import activity
from coffer_notifier.store.tables import tree


async def on_invitation_fact(event: Envelope[InvitationFact], unit: Unit, _deps: Deps) -> None:
    """An entry of the activity, once per fact however often it comes."""
    fact = event.data
    standing = (await standings(unit.connection, tree, [fact.item_id])).get(fact.item_id)
    await activity.add(unit.connection, entry_of_invitation(event, new_id(), standing.ancestor_ids if standing else ()))


async def on_invitation_ended(event: Envelope[InvitationEndedV1], unit: Unit, deps: Deps) -> None:
    """The same, and nobody is told of it any more."""
    await on_invitation_fact(event, unit, deps)
    await give_up_mail(event, unit)
