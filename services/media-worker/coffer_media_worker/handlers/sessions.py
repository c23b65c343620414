"""Whose sessions and tokens have ended: what the media worker hears of auth, for its operators' routes.

A lane of its own, so that a revocation waits behind no picture.
"""

from coffer_chassis.handling import HandlerTable, Handles, handler_table
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import SessionRevokedV1
from coffer_contracts.auth_factors import TokenRevokedV1
from coffer_contracts.event import Envelope
from coffer_media_worker.handlers.deps import Deps

PEOPLE = "media-worker-people"


async def on_session_revoked(event: Envelope[SessionRevokedV1], unit: Unit, deps: Deps) -> None:
    """Tokens of the session are refused from now on, although they have not expired. May run twice and late."""
    await deps.denied.note(unit, event.data.session_id, event.data.tokens_expire_at)


async def on_token_revoked(event: Envelope[TokenRevokedV1], unit: Unit, deps: Deps) -> None:
    """A personal access token is refused from now on. May run twice, late and before it was ever seen."""
    await deps.denied.note(unit, event.data.token_id, event.data.expires_at)


PEOPLE_TABLE: HandlerTable = handler_table(
    [Handles(SessionRevokedV1, on_session_revoked), Handles(TokenRevokedV1, on_token_revoked)]
)
