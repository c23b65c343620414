"""What the audit makes of facts. Pure: a fact in, an entry out."""

import re
from collections.abc import Mapping
from typing import Any

from coffer_contracts import auth, sharing_links
from coffer_contracts.event import Envelope, Event
from coffer_contracts.operators import OperatorFact
from coffer_notifier.domain.audit import AuditEntry, Outcome
from coffer_notifier.domain.audit_changes import changes_of
from coffer_notifier.domain.security import action_of, actor_of, particulars_of

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_DENIED: tuple[type[Event], ...] = (auth.LoginFailedV1, auth.SessionReuseDetectedV1, sharing_links.LinkUnlockFailedV1)


def entry_of(event: Envelope[Any], entry_id: str) -> AuditEntry | None:
    """What the audit keeps of a fact; None of one that only says again how things stand."""
    fact = event.data
    if isinstance(fact, auth.UserChangedV1) and not fact.changes:
        return None
    if isinstance(fact, sharing_links.AccessFact):
        return _entry_of_visit(event, entry_id)
    actor_id, actor_kind = actor_of(event)
    said = _said(event)
    resource_type, resource_id = _resource(event)
    return AuditEntry(
        id=entry_id,
        event_id=event.id,
        at=event.time,
        service=event.source.removeprefix("/"),
        actor_kind=actor_kind,
        actor_id=actor_id,
        session_id=getattr(fact, "actor_session_id", None) or _session(fact),
        address=said.pop("address", None) or getattr(fact, "address", None),
        agent=said.pop("agent", None) or getattr(fact, "agent", None),
        action=fact.action if isinstance(fact, OperatorFact) else action_of(event),
        resource_type=resource_type,
        resource_id=resource_id,
        owner_id=_owner(event, resource_type, resource_id, said),
        resource_name=_name(fact, said),
        outcome=_outcome(fact),
        reason_code=getattr(fact, "reason", None) or getattr(fact, "how", None),
        changes=changes_of(fact),
        count=fact.count if isinstance(fact, OperatorFact) else None,
        detail=said,
        request_id=event.correlationid,
        trace_id=_trace_id(event),
    )


def _entry_of_visit(event: Envelope[Any], entry_id: str) -> AuditEntry:
    """Somebody did something with a link. In the place of an address stands their network, of a user agent their program: more
    is kept nowhere.
    """
    fact = event.data
    downloaded = fact if isinstance(fact, sharing_links.LinkDownloadedV1) else None
    detail = {"mode": fact.mode, "link_name": fact.name, "item_id": fact.item_id, "created_by": fact.created_by}
    if downloaded is not None:
        detail |= {"way": downloaded.way, "item_ids": ", ".join(downloaded.item_ids)}
    return AuditEntry(
        id=entry_id,
        event_id=event.id,
        at=event.time,
        service=event.source.removeprefix("/"),
        actor_kind="link",
        actor_id=f"network/{fact.network}" if fact.network else event.actorid,
        session_id=downloaded.session_id if downloaded else None,
        address=fact.network,
        agent=fact.program,
        action=action_of(event),
        resource_type="link",
        resource_id=fact.link_id,
        owner_id=fact.owner_id,
        resource_name=fact.item_name,
        outcome=_outcome(fact),
        reason_code=None,
        changes={"downloads": [None, downloaded.downloads_count]} if downloaded else {},
        count=None,
        detail={name: value for name, value in detail.items() if value is not None},
        request_id=event.correlationid,
        trace_id=_trace_id(event),
    )


def _trace_id(event: Envelope[Any]) -> str | None:
    return event.traceparent[3:35] if event.traceparent else None


def _said(event: Envelope[Any]) -> dict[str, str]:
    """What else there is to say, as text; what has a place of its own is left out where it is put there."""
    fact = event.data
    if isinstance(fact, OperatorFact):
        return {part.name: part.value for part in fact.detail}
    if isinstance(fact, auth.UserFact):
        return {"username": fact.username, "status": fact.status, "roles": ", ".join(fact.roles or ())}
    return particulars_of(event)


def _resource(event: Envelope[Any]) -> tuple[str, str | None]:
    target = event.data.target if isinstance(event.data, OperatorFact) else event.subject
    kind, _, name = target.partition("/")
    return kind, name or None


def _owner(event: Envelope[Any], resource_type: str, resource_id: str | None, said: Mapping[str, str]) -> str | None:
    """Whose it is; operators act on accounts, and on what lies in somebody's drive."""
    if event.ownerid is None and isinstance(event.data, OperatorFact):
        named = resource_id if resource_type == "user" else said.get("owner")
        return named if named and ID.fullmatch(named) else None
    return event.ownerid


def _session(fact: Event) -> str | None:
    """Whoever signs in does so in the session that they get."""
    return fact.session_id if isinstance(fact, auth.SessionCreatedV1) else None


def _name(fact: Any, said: Mapping[str, str]) -> str | None:
    for name in ("item_name", "username", "device_name", "name"):
        if value := getattr(fact, name, None):
            return str(value)
    return said.get("username")


def _outcome(fact: Event) -> Outcome:
    return "denied" if isinstance(fact, _DENIED) else "success"
