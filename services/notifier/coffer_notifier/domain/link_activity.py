"""Activity of public links: told to the owner of the drive and to who made the link, and to nobody else. Pure."""

from typing import Any, TypeVar

from coffer_contracts.event import Envelope, rfc3339
from coffer_contracts.ids import ItemId
from coffer_contracts.sharing_links import (
    AccessFact,
    LinkChangedV1,
    LinkCreatedV1,
    LinkDisabledV1,
    LinkDownloadedV1,
    LinkFact,
    LinkUnlockFailedV1,
)
from coffer_notifier.domain.activity import Entry

Told = TypeVar("Told", bound=Envelope[Any])


def unnamed(event: Told) -> Told:
    """The same, without which operator it was: whoever shuts links for abuse must not be known to those who made them. The
    audit knows.
    """
    return event.model_copy(update={"actorid": None}) if event.actorkind == "operator" else event


def entry_of_link(event: Envelope[LinkFact] | Envelope[AccessFact], entry_id: str, above: tuple[ItemId, ...]) -> Entry:
    """What a fact about a link tells; `above` are the folders over the item as far as they are known. Raises TypeError for
    facts that are no entry.
    """
    fact = event.data
    action, changes, reason = _described(fact)
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
        recipient_id=fact.created_by,
        scope=(fact.item_id, *above),
        changes=changes,
        reason=reason,
    )


def _described(fact: LinkFact | AccessFact) -> tuple[str, dict[str, tuple[Any, Any]], str | None]:
    match fact:
        case LinkCreatedV1():
            changes: dict[str, tuple[Any, Any]] = {"mode": (None, fact.mode)}
            if fact.expires_at:
                changes["expires_at"] = (None, rfc3339(fact.expires_at))
            return "link_created", changes, None
        case LinkChangedV1():
            return "link_changed", {change.field: (change.before, change.after) for change in fact.changes}, None
        case LinkDisabledV1():
            return "link_disabled", {"mode": (fact.mode, None)}, fact.reason
        case LinkDownloadedV1():
            return "link_downloaded", {"downloads": (None, fact.downloads_count)}, fact.way
        case LinkUnlockFailedV1():
            return "link_unlock_failed", {"network": (None, fact.network)} if fact.network else {}, None
    raise TypeError(f"{fact.type} is no entry of the activity")
