"""What follows from facts of sharing: copies of grants, notices, activity, mail. All quick: SQL only."""

from coffer_chassis.copies.grants import note_grant, note_removal
from coffer_chassis.copies.tree import standings
from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope, rfc3339
from coffer_contracts.ids import UserId
from coffer_contracts.sharing import (
    GrantFact,
    GrantRemovedV1,
    GrantSetV1,
    ShareChangedV2,
    ShareCreatedV1,
    ShareFact,
    ShareLeftV1,
    ShareRevokedV1,
)
from coffer_notifier.domain import notices as kinds
from coffer_notifier.domain.activity import entry_of_share
from coffer_notifier.domain.letters import Trail
from coffer_notifier.domain.mails import SHARE_CREATED, message_id_at
from coffer_notifier.domain.notices import ItemRef
from coffer_notifier.handlers.audience import person_of
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.noticing import give_notice
from coffer_notifier.handlers.telling import MAIL, hint_at_changes
from coffer_notifier.store import activity, mails, preferences
from coffer_notifier.store.tables import grants, tree


async def on_grant_set(event: Envelope[GrantSetV1], unit: Unit, _deps: Deps) -> None:
    """Somebody may do something from now on, or the grant is told again."""
    if await note_grant(unit.connection, grants, event):
        await _tell_of_grant(event, unit)


async def on_grant_removed(event: Envelope[GrantRemovedV1], unit: Unit, _deps: Deps) -> None:
    """A grant is over; whoever had it must hear of the loss."""
    if await note_removal(unit.connection, grants, event):
        await _tell_of_grant(event, unit)


async def _tell_of_grant(event: Envelope[GrantFact], unit: Unit) -> None:
    # Files hears of grants on its own: whoever asks it at once may be too early, so they are told again.
    grantee = person_of(event.data.grantee)
    await hint_at_changes(unit, {event.data.owner_id, *([grantee] if grantee else ())}, again=True)


async def on_share_created(event: Envelope[ShareCreatedV1], unit: Unit, deps: Deps) -> None:
    """The recipient is told, by mail as well if the sharer wished it."""
    fact = event.data
    data = {"role": fact.role, "message": fact.message, "expires_at": fact.expires_at and rfc3339(fact.expires_at)}
    await give_notice(
        unit,
        deps,
        event,
        fact.recipient_id,
        kinds.SHARE_RECEIVED,
        _item(fact),
        {"share_id": fact.share_id, **data},
        share_id=fact.share_id,
    )
    await _write_down(event, unit)
    if not fact.notify or not await _wants_mail(unit, fact.recipient_id):
        return
    mail_id = new_id()
    wanted = {
        "share_id": fact.share_id,
        "item_id": fact.item_id,
        "item_kind": fact.item_kind,
        "item_name": fact.item_name,
        "sharer_id": fact.granted_by,
        "by": fact.granted_by,
        **data,
    }
    if await mails.queue(
        unit.connection,
        mail_id=mail_id,
        event_id=event.id,
        user_id=fact.recipient_id,
        kind=SHARE_CREATED,
        data=wanted,
        message_id=message_id_at(mail_id, deps.public_url),
        now=unit.now,
        trail=Trail(unit.origin.traceparent, unit.origin.correlation_id),
    ):
        unit.wake(MAIL)


async def _wants_mail(unit: Unit, recipient: UserId) -> bool:
    wishes = (await preferences.of_people(unit.connection, [recipient]))[recipient]
    return wishes.by(kinds.SHARE_RECEIVED).email


async def on_share_changed(event: Envelope[ShareChangedV2], unit: Unit, deps: Deps) -> None:
    """The recipient is told what they may do now."""
    fact = event.data
    expires_at = rfc3339(fact.expires_at) if fact.expires_at else None
    before = {change.field: change.before for change in fact.changes}
    data = {
        "share_id": fact.share_id,
        "changes": [change.field for change in fact.changes],
        "role": fact.role,
        "previous_role": before.get("role", fact.role),
        "expires_at": expires_at,
        "previous_expires_at": before.get("expires_at", expires_at),
    }
    await give_notice(unit, deps, event, fact.recipient_id, kinds.SHARE_CHANGED, _item(fact), data, share_id=fact.share_id)
    await _write_down(event, unit)


async def on_share_revoked(event: Envelope[ShareRevokedV1], unit: Unit, deps: Deps) -> None:
    """The recipient is told that they can no longer see the item."""
    fact = event.data
    kind = kinds.SHARE_EXPIRED if fact.reason == "expired" else kinds.SHARE_REVOKED
    data = {"share_id": fact.share_id, "reason": fact.reason, "role": fact.role}
    await give_notice(unit, deps, event, fact.recipient_id, kind, _item(fact), data, share_id=fact.share_id)
    await _write_down(event, unit)


async def on_share_left(event: Envelope[ShareLeftV1], unit: Unit, deps: Deps) -> None:
    """The owner is told that somebody gave their share up."""
    fact = event.data
    data = {"share_id": fact.share_id, "role": fact.role}
    await give_notice(unit, deps, event, fact.owner_id, kinds.SHARE_LEFT, _item(fact), data, share_id=fact.share_id)
    await _write_down(event, unit)


async def _write_down(event: Envelope[ShareFact], unit: Unit) -> None:
    fact = event.data
    standing = (await standings(unit.connection, tree, [fact.item_id])).get(fact.item_id)
    entry = entry_of_share(event, new_id(), standing.ancestor_ids if standing else ())
    if entry is not None:
        await activity.add(unit.connection, entry)


def _item(fact: ShareFact) -> ItemRef:
    return ItemRef(fact.item_id, fact.item_kind, fact.item_name, fact.owner_id)
