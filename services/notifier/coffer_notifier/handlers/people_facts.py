"""What follows from facts about people: the copy of them, word of photos and drives, the deny list. Quick: SQL only."""

from coffer_chassis.copies.people import note_person
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import SessionRevokedV1, UserFact
from coffer_contracts.auth_factors import TokenRevokedV1
from coffer_contracts.event import Envelope
from coffer_contracts.files import UsageCrossedV1
from coffer_contracts.media import PhotoRejectedV1
from coffer_notifier.domain import notices as kinds
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.noticing import give_notice
from coffer_notifier.store import facts, preferences, webhooks
from coffer_notifier.store.tables import people


async def on_person(event: Envelope[UserFact], unit: Unit, _deps: Deps) -> None:
    """An account as it stands now. Nobody is told of it. One that was closed for good has no webhooks and wishes."""
    await note_person(unit.connection, people, event)
    if event.data.status == "deleted":
        await webhooks.remove_all_of(unit.connection, event.data.user_id)
        await facts.forget_key(unit.connection, event.data.user_id)
        await preferences.remove(unit.connection, event.data.user_id)


async def on_photo_rejected(event: Envelope[PhotoRejectedV1], unit: Unit, deps: Deps) -> None:
    """The photo that somebody sent of themselves became none: they are told why, and nobody else."""
    fact = event.data
    data = {"photo_id": fact.photo_id, "reason": fact.reason, "detail": fact.detail}
    await give_notice(unit, deps, event, fact.user_id, kinds.PHOTO_REJECTED, None, data)


async def on_usage_crossed(event: Envelope[UsageCrossedV1], unit: Unit, deps: Deps) -> None:
    """A drive is as full as its owner should know: they are told, and nobody else."""
    fact = event.data
    data = {"percent": fact.percent, "used": fact.used_bytes, "limit": fact.quota_bytes}
    await give_notice(unit, deps, event, fact.owner_id, kinds.USAGE_CROSSED, None, data)


async def on_session_revoked(event: Envelope[SessionRevokedV1], unit: Unit, deps: Deps) -> None:
    """Tokens of the session are refused from now on, and its streams end."""
    await deps.denied.note(unit, event.data.session_id, event.data.tokens_expire_at)


async def on_token_revoked(event: Envelope[TokenRevokedV1], unit: Unit, deps: Deps) -> None:
    """A personal access token is refused from now on. May run twice, late and before it was ever seen."""
    await deps.denied.note(unit, event.data.token_id, event.data.expires_at)
