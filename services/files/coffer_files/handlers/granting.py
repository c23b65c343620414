"""What sharing and auth say about who may still do what: a queue of its own, so that nothing holds up a revocation, and another
one for what takes something away, so that no crowd of grants does.

All are quick: SQL only, in the transaction of the received batch. None locks an item, so none waits for anybody. What is urgent
comes twice, by both queues and in any order, and may come before what was said earlier about the same grant.
"""

from coffer_chassis.copies.grants import note_grant, note_removal
from coffer_chassis.handling import HandlerTable, Handles, handler_table
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import SessionRevokedV1
from coffer_contracts.auth_factors import TokenRevokedV1
from coffer_contracts.event import Envelope
from coffer_contracts.ids import UserId
from coffer_contracts.sharing import GrantRemovedV1, GrantSetV1
from coffer_contracts.sharing_links import LinkSessionsEndedV1
from coffer_files.domain.items import ChangeReason
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.feed_watch import CHANGES
from coffer_files.store.changes import note_share
from coffer_files.store.tables import grants


async def on_grant_set(event: Envelope[GrantSetV1], unit: Unit, _deps: Deps) -> None:
    """Somebody may do something from this commit on. May run twice and out of order; only the newest counts."""
    if await note_grant(unit.connection, grants, event):
        await _tell(event, unit, "shared")


async def on_grant_removed(event: Envelope[GrantRemovedV1], unit: Unit, _deps: Deps) -> None:
    """And no longer may. May run twice, and before what it ends was heard of."""
    if await note_removal(unit.connection, grants, event):
        await _tell(event, unit, "unshared")


async def _tell(event: Envelope[GrantSetV1] | Envelope[GrantRemovedV1], unit: Unit, reason: ChangeReason) -> None:
    """Both sides see it in their feeds: the item appears or goes for one, and is marked as shared for the other."""
    fact = event.data
    kind, _, grantee_id = fact.grantee.partition("/")
    if kind == "user":
        reader = UserId(grantee_id)
        await note_share(unit.connection, reader, fact.item_id, reason, actor_id=event.actorid, now=unit.now)
    await note_share(unit.connection, fact.owner_id, fact.item_id, "metadata", actor_id=event.actorid, now=unit.now)
    unit.wake(CHANGES)


async def on_session_revoked(event: Envelope[SessionRevokedV1], unit: Unit, deps: Deps) -> None:
    """Tokens of the session are refused from now on, although they have not expired. May run twice, late and before any of
    them was seen.
    """
    await deps.denied.note(unit, event.data.session_id, event.data.tokens_expire_at)


async def on_token_revoked(event: Envelope[TokenRevokedV1], unit: Unit, deps: Deps) -> None:
    """A personal access token is refused from now on. May run twice, late and before it was ever seen."""
    await deps.denied.note(unit, event.data.token_id, event.data.expires_at)


async def on_link_sessions_ended(event: Envelope[LinkSessionsEndedV1], unit: Unit, deps: Deps) -> None:
    """Visitors of a link who came in before are refused from now on. May run twice, late and before any of them was seen."""
    await deps.denied.note(unit, event.data.family_id, event.data.tokens_expire_at)


GRANTS: HandlerTable = handler_table(
    [
        Handles(GrantSetV1, on_grant_set),
        Handles(GrantRemovedV1, on_grant_removed),
        Handles(SessionRevokedV1, on_session_revoked),
        Handles(TokenRevokedV1, on_token_revoked),
        Handles(LinkSessionsEndedV1, on_link_sessions_ended),
    ]
)
