"""Facts about public links, made here from rows, so that a grant and the story of its link always go out together."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from coffer_chassis.identity import LEEWAY
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import rfc3339
from coffer_contracts.ids import GrantId
from coffer_contracts.sharing import FieldChange, GrantRemovedV1, GrantSetV1
from coffer_contracts.sharing_links import LinkChangedV1, LinkCreatedV1, LinkDisabledV1, LinkSessionsEndedV1
from coffer_sharing.domain.links import RIGHTS, SESSION_LIFE, Change, EndReason, Link, SessionsEnd
from coffer_sharing.handlers.facts import Described
from coffer_sharing.store import links as rows
from coffer_sharing.store.shares import names_of_items


def grant_fact(link: Link) -> GrantSetV1 | GrantRemovedV1:
    """What visitors may do, or that they may nothing."""
    named: dict[str, Any] = {
        "grant_id": GrantId(link.id),
        "item_id": link.item_id,
        "owner_id": link.owner_id,
        "grantee": link.grantee,
    }
    if not link.is_granting:
        return GrantRemovedV1(**named, reason=link.off_reason, removed_at=link.ended_at or link.changed_at)
    return GrantSetV1(
        **named,
        rights=RIGHTS[link.mode],
        expires_at=link.expires_at,
        granted_by=link.created_by,
        granted_at=link.created_at,
    )


def tell_made(unit: Unit, link: Link, item: Described) -> None:
    """There is a new link."""
    unit.emit(grant_fact(link), sequence=link.revision)
    unit.emit(LinkCreatedV1(**_standing(link, item)), sequence=link.revision)


def tell_changed(unit: Unit, before: Link, after: Link, item: Described, changes: Sequence[Change]) -> None:
    """A link is another than before: told as shut if it leads nowhere from now on, else with what changed. Whoever came in by
    what no longer opens it is told of, too.
    """
    unit.emit(grant_fact(after), sequence=after.revision, urgent=after.takes_away(before))
    is_taken_down = after.taken_down_at is not None and before.taken_down_at is None
    if is_taken_down or (before.is_granting and not after.is_granting):
        _tell_off(unit, after, item)
    else:
        told = tuple(FieldChange(field=one.field, before=_text(one.before), after=_text(one.after)) for one in changes)
        unit.emit(LinkChangedV1(**_standing(after, item), changes=told), sequence=after.revision)
    if before.family_id != after.family_id:
        tell_sessions_ended(
            unit, before, "taken_down" if after.taken_down_at else "disabled" if after.disabled_at else "protection"
        )


async def end_links(unit: Unit, links: Sequence[Link], reason: EndReason) -> list[Link]:
    """End links, which are locked, and say so; the links after."""
    if not links:
        return []
    items = await names_of_items(unit.connection, {link.item_id for link in links})
    after = [link.ended(reason, unit.now) for link in links]
    await rows.write(unit.connection, after)
    for before, link in zip(links, after, strict=True):
        unit.emit(grant_fact(link), sequence=link.revision, urgent=link.takes_away(before))
        _tell_off(unit, link, items[link.item_id])
    return after


def _tell_off(unit: Unit, link: Link, item: Described) -> None:
    detail = link.takedown_reason if link.off_reason == "taken_down" else None
    fact = LinkDisabledV1(**_standing(link, item), reason=link.off_reason, detail=detail, disabled_at=unit.now)
    unit.emit(fact, sequence=link.revision)


def tell_sessions_ended(unit: Unit, before: Link, reason: SessionsEnd, *, urgent: bool = True) -> None:
    """Whoever came in before is out. What happens to many links at once is not urgent."""
    fact = LinkSessionsEndedV1(
        link_id=before.id,
        owner_id=before.owner_id,
        family_id=before.family_id,
        reason=reason,
        tokens_expire_at=unit.now + SESSION_LIFE + LEEWAY,
        ended_at=unit.now,
    )
    unit.emit(fact, sequence=1, urgent=urgent)


def _standing(link: Link, item: Described) -> dict[str, Any]:
    return {
        "link_id": link.id,
        "item_id": link.item_id,
        "item_kind": item.kind,
        "item_name": item.name,
        "owner_id": link.owner_id,
        "created_by": link.created_by,
        "mode": link.mode,
        "name": link.name,
        "is_protected": link.is_protected,
        "expires_at": link.expires_at,
        "max_downloads_count": link.max_downloads,
        "downloads_count": link.downloads,
        "notify_on_upload": link.notify_on_upload,
        "created_at": link.created_at,
        "changed_at": link.changed_at,
    }


def _text(value: Any) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case datetime():
            return rfc3339(value)
    return str(value)
