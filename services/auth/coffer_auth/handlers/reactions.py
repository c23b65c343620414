"""What auth does on facts of others: it notes when tokens were last used. Quick: SQL only."""

from coffer_auth.handlers.deps import Deps
from coffer_auth.store import access_tokens
from coffer_chassis.handling import HandlerTable, Handles, handler_table
from coffer_chassis.unit_of_work import Unit
from coffer_contracts import files, media, notifier, sharing
from coffer_contracts.event import Envelope
from coffer_contracts.sightings import SightingFact


async def on_token_seen(event: Envelope[SightingFact], unit: Unit, _deps: Deps) -> None:
    """A token was used at some service; the latest time counts, in whatever order they come. A token that is gone is none."""
    await access_tokens.note_uses(unit.connection, {event.data.token_id: event.data.used_at})


USES: HandlerTable = handler_table(
    Handles(service.SightingNotedV1, on_token_seen) for service in (files, media, notifier, sharing)
)
