"""What happens on events of files and auth. The tables at the end say which queue runs what.

All are quick: SQL only, in the transaction of the received batch. None raises a refusal, because a fact cannot be refused.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.copies.tree import note_all, note_purge
from coffer_chassis.handling import HandlerTable, Handles, handler_table
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import (
    SessionRevokedV1,
    UserChangedV1,
    UserDeletedV1,
    UserFact,
    UserRegisteredV1,
    UserSuspendedV1,
    UserVerifiedV1,
)
from coffer_contracts.auth_factors import TokenRevokedV1
from coffer_contracts.event import Envelope
from coffer_contracts.files import (
    ItemChangedV1,
    ItemCommittedV1,
    ItemCreatedV1,
    ItemFact,
    ItemPurgedV1,
    ItemRestoredV1,
    ItemTrashedV1,
)
from coffer_contracts.sharing import GrantRemovedV1, ShareRevokedV1
from coffer_contracts.sharing_invitations import InvitationEndedV1
from coffer_contracts.sharing_links import LinkDisabledV1, LinkUploadedV1
from coffer_sharing.handlers.comments_ending import forget_comments_of
from coffer_sharing.handlers.deps import INVITATIONS, TREE, Deps
from coffer_sharing.handlers.facts import end_shares
from coffer_sharing.handlers.invitation_facts import end_invitations
from coffer_sharing.handlers.link_ending import end_links_of
from coffer_sharing.handlers.link_uploads import tell_of_upload
from coffer_sharing.store.invitations import lock_invitations_to
from coffer_sharing.store.people import note_person
from coffer_sharing.store.shares import lock_shares_of
from coffer_sharing.store.tables import tree


async def on_item_told(event: Envelope[ItemFact], unit: Unit, _deps: Deps) -> None:
    """Where an item stands. Rights follow by themselves: the trash suspends them, a move takes them along."""
    unit.together(_note_items, event)


async def _note_items(connection: AsyncConnection, asked: Sequence[tuple[Unit, Envelope[ItemFact]]]) -> None:
    if await note_all(connection, tree, [event for _, event in asked]):
        asked[0][0].wake(TREE)


async def on_item_committed(event: Envelope[ItemCommittedV1], unit: Unit, deps: Deps) -> None:
    """The same; and whose link it came through may want to hear of it."""
    await on_item_told(event, unit, deps)
    await tell_of_upload(event, unit)


async def on_item_purged(event: Envelope[ItemPurgedV1], unit: Unit, _deps: Deps) -> None:
    """An item is gone for good, with its shares, links and comments and the invitations to it; also one that is made at this
    moment, which was waited for.
    """
    if await note_purge(unit.connection, tree, event):
        unit.wake(TREE)
    await end_shares(unit, await lock_shares_of(unit.connection, event.data.item_id), "item_purged")
    await end_links_of(unit, event.data.item_id)
    await end_invitations(unit, await lock_invitations_to(unit.connection, event.data.item_id), "item_purged")
    forget_comments_of(unit, event.data.item_id)


async def on_person_told(event: Envelope[UserFact], unit: Unit, deps: Deps) -> None:
    """Names of people, whether they can be shared with, and which address is theirs, as a digest. What that means for shares
    and invitations is looked at afterwards: see `settling`.
    """
    fact = event.data
    proved = fact.email_verified and fact.status == "active"
    if await note_person(unit.connection, event, deps.addresses.key_of(fact.email) if proved else None, unit.now):
        unit.wake(INVITATIONS)


async def on_session_revoked(event: Envelope[SessionRevokedV1], unit: Unit, deps: Deps) -> None:
    """Tokens of the session are refused from now on, although they have not expired. May run twice, late and before any of
    them was seen.
    """
    await deps.denied.note(unit, event.data.session_id, event.data.tokens_expire_at)


async def on_token_revoked(event: Envelope[TokenRevokedV1], unit: Unit, deps: Deps) -> None:
    """A personal access token is refused from now on. May run twice, late and before it was ever seen."""
    await deps.denied.note(unit, event.data.token_id, event.data.expires_at)


TREE_TABLE: HandlerTable = handler_table(
    [
        *(Handles(fact, on_item_told) for fact in (ItemCreatedV1, ItemChangedV1, ItemTrashedV1, ItemRestoredV1)),
        Handles(ItemCommittedV1, on_item_committed, emits=(LinkUploadedV1,)),
        Handles(ItemPurgedV1, on_item_purged, emits=(GrantRemovedV1, ShareRevokedV1, LinkDisabledV1, InvitationEndedV1)),
    ]
)

PEOPLE_TABLE: HandlerTable = handler_table(
    [
        Handles(UserRegisteredV1, on_person_told),
        Handles(UserVerifiedV1, on_person_told),
        Handles(UserChangedV1, on_person_told),
        Handles(UserSuspendedV1, on_person_told),
        Handles(UserDeletedV1, on_person_told),
        Handles(SessionRevokedV1, on_session_revoked),
        Handles(TokenRevokedV1, on_token_revoked),
    ]
)
